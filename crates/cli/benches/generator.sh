#!/usr/bin/env bash
# What the generator costs: requests per CPU-second of POST /ask at zero wait, beside wrk (or hey) in the
# same run, and the memory of a waiting user. The stub answers without delay and without limits, on a
# processor of its own where there is one. Bounded: ROUNDS rounds of SECONDS_EACH.
set -euo pipefail
cd "$(dirname "$0")/../../.."
rounds=${ROUNDS:-3} seconds=${SECONDS_EACH:-5} users=${USERS_AT_ONCE:-50} waiting=${WAITING_USERS:-10000}
cargo build --release -q -p cli
bench="${CARGO_TARGET_DIR:-target}/release/weaver-bench"
work=$(mktemp -d)
generator_cpu=() stub_cpu=()
if [[ $(nproc) -gt 1 ]] && command -v taskset >/dev/null; then
  generator_cpu=(taskset -c 0) stub_cpu=(taskset -c 1)
fi
# A stub that holds many connections needs as many descriptors.
ulimit -n "$(ulimit -Hn)"
trap 'kill "$stub" 2>/dev/null || true; wait 2>/dev/null; rm -rf "$work"' EXIT

"${stub_cpu[@]}" "$bench" serve --host 127.0.0.1 --port 0 --no-ratelimit \
  --allowed-api-keys test-api-key --profile load_tests/stub/instant.toml 2>"$work/stub.log" &
stub=$!
until url=$(grep -o 'http://[^,]*' "$work/stub.log"); do kill -0 "$stub"; sleep 0.05; done

# cpu OUTPUT COMMAND…: user and system seconds of a command.
cpu() {
  local out=$1; shift
  TIMEFORMAT='%U %S'
  { time "${generator_cpu[@]}" "$@" >"$out" 2>"$out.err"; } 2>&1 | awk '{ print $1 + $2 }'
}
row() { awk -v name="$1" -v n="$2" -v cpu="$3" 'BEGIN { printf "%-14s %9d requests %7.2f CPU-s %9.0f requests per CPU-second\n", name, n, cpu, n / cpu }'; }

echo "generator: $users users at zero wait, $rounds rounds of $seconds s each, in turn"
for _ in $(seq "$rounds"); do
  used=$(cpu "$work/run" "$bench" run --headless -f crates/cli/benches/zero_wait.toml -H "$url" -u "$users" -r 10000 \
    -t "${seconds}s" --threads 1 --only-summary --json "$work/run.json")
  row weaver-bench "$(sed -n 's/.*"num_requests": *\([0-9]*\).*/\1/p' "$work/run.json" | head -1)" "$used"
  if command -v wrk >/dev/null; then
    used=$(cpu "$work/wrk" wrk -t1 -c"$users" -d"${seconds}s" -s crates/cli/benches/ask.lua "$url")
    row wrk "$(awk '/requests in/ { print $1 }' "$work/wrk")" "$used"
  elif command -v hey >/dev/null; then
    used=$(cpu "$work/hey" hey -c "$users" -z "${seconds}s" -cpus 1 -m POST -H 'X-API-Key: test-api-key' \
      -T application/json -d '{"query":"What is machine learning?","user_id":"user_1"}' "$url/ask")
    row hey "$(awk '/responses$/ { n += $2 } END { print n }' "$work/hey")" "$used"
  else
    echo "neither wrk nor hey is here: install one to see them side by side" >&2
  fi
done

# Memory: users that asked once and wait, against a run of one user.
memory() {
  "$bench" run --headless -f crates/cli/benches/waiting.toml -H "$url" -u "$1" -r 5000 -t "${2}s" --threads 1 --only-summary \
    --out "$work/out" >/dev/null 2>&1
  sed -n 's/.*"memory_bytes_max": *\([0-9]*\).*/\1/p' "$work"/out/*/run.json | tail -1
  rm -rf "$work/out"
}
one=$(memory 1 2) many=$(memory "$waiting" 5)
awk -v one="$one" -v many="$many" -v n="$waiting" \
  'BEGIN { printf "memory: %d waiting users, %.1f MiB in all, %.2f KiB each\n", n, many / 1048576, (many - one) / n / 1024 }'
