#!/usr/bin/env bash
# What the stub costs: requests per CPU-second of POST /ask, all of its parts on and no delays, beside a bare axum
# handler that reads the same body and gives the same answer. The variants take turns, and medians and their ratios are
# held against what the project promises: exit code 1 if it is missed. Bounded: ROUNDS rounds of SECONDS_EACH.
#
# Server and driver share one processor. Apart, each answer to a driver that has run dry pays for waking it across
# processors, on a virtual machine as much as for all the rest, and a server that is faster than its driver is spared
# that: it would be no comparison. APART=1 shows it.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/servers.sh"
need wrk wrk
rounds=${ROUNDS:-3} seconds=${SECONDS_EACH:-4}
trap 'ended "${pid[@]}"; rm -rf "$work"' EXIT

server=() driver=()
if command -v taskset >/dev/null; then
  server=(taskset -c 0) driver=(taskset -c "$((${APART:-0} ? $(nproc) - 1 : 0))")
fi

# Limits that are counted and never reached; in Redis where there is one.
far=100000000
limits=(--ratelimit-rps $far --ratelimit-burst $far --ratelimit-global-rps $far --ratelimit-global-burst $far)
stub() { # NAME FLAG...
  start "$1" "${server[@]}" "$bench" serve --host 127.0.0.1 --port 0 --allowed-api-keys test-api-key \
    --profile load_tests/stub/instant.toml "${@:2}"
}
port=$(free_port)
redis="redis://127.0.0.1:$port"
start_redis "$port" "${driver[@]}"
stub repaired --fidelity repaired "${limits[@]}"
stub lifted --fidelity repaired --no-ratelimit
stub faithful --fidelity faithful "${limits[@]}"
stub redis --fidelity repaired "${limits[@]}" --redis "$redis"
stub redis-answers --fidelity repaired "${limits[@]}" --redis "$redis/1" --answer-cache-ttl 1h
stub redis-mesh --fidelity repaired "${limits[@]}" --redis "$redis/2" --stages mesh
question=$(sed -n "s/^wrk.body = '\(.*\)'/\1/p" crates/cli/benches/ask.lua)
answer=$(curl -sS --fail -H 'X-API-Key: test-api-key' -d "$question" "${url[repaired]}/ask")
start bare "${server[@]}" "${CARGO_TARGET_DIR:-target}/release/examples/bare" "$answer"
variants=(bare repaired lifted faithful redis redis-answers redis-mesh)

redis_commands() { # how many it has run so far, those of scripts included
  redis-cli -p "$port" info commandstats | awk -F '[=,]' '/^cmdstat_/ { n += $2 } END { print n }'
}

measure() { # NAME: one round; its requests per CPU-second, and what it asked of Redis, go to a file of its own
  local from_ms count spent_ms commands
  commands=$(redis_commands)
  from_ms=$(cpu_ms "${pid[$1]}")
  "${driver[@]}" wrk -t1 -c32 -d"${seconds}s" -s crates/cli/benches/ask.lua "${url[$1]}" >"$work/wrk"
  spent_ms=$(($(cpu_ms "${pid[$1]}") - from_ms))
  commands=$(($(redis_commands) - commands))
  # A stub that lost its Redis goes on without it, and says so.
  if grep -E 'Non-2xx|Socket errors' "$work/wrk" >&2 || grep -E 'WARN|ERROR' "$work/$1.log" >&2; then
    echo "$1: not all went well, so this measures something else: see what it says, and the load of this machine" >&2
    exit 2
  fi
  count=$(awk '/requests in/ { print $1 }' "$work/wrk")
  echo $((count * 1000 / (spent_ms > 0 ? spent_ms : 1))) $((commands / count)) >>"$work/$1.rates"
}

echo "stub: $rounds rounds of $seconds s each, in turn, after one of a second that does not count"
for variant in "${variants[@]}"; do seconds=1 measure "$variant"; done
rm "$work"/*.rates
for _ in $(seq "$rounds"); do
  for variant in "${variants[@]}"; do measure "$variant"; done
done

# Medians of the rounds, how far these lie apart, and the promises. A ratio is that of two turns of one round.
tail -n +1 "$work"/*.rates | awk -v order="${variants[*]}" '
  /^==>/ { split($2, path, "/"); name = path[length(path)]; sub(/\.rates$/, "", name); rounds = 0; next }
  NF { rate[name, ++rounds] = $1; asked[name] = $2 }
  function median_of(list,   i, j, t) {
    for (i = 2; i <= rounds; i++)
      for (j = i; j > 1 && list[j] < list[j - 1]; j--) { t = list[j]; list[j] = list[j - 1]; list[j - 1] = t }
    return (list[int((rounds + 1) / 2)] + list[int(rounds / 2) + 1]) / 2
  }
  function median(name,   i, list) {
    for (i = 1; i <= rounds; i++) list[i] = rate[name, i]
    return median_of(list)
  }
  function ratio(name, base,   i, list) {
    for (i = 1; i <= rounds; i++) list[i] = rate[name, i] / rate[base, i]
    return median_of(list)
  }
  function promise(what, is, least) {
    printf "%s  %s: %.2f, at least %.2f\n", (is < least ? "FAIL" : "PASS"), what, is, least
    missed += is < least
  }
  END {
    printf "%-14s %24s %8s %15s   %s\n", "", "requests per CPU-second", "of bare", "redis commands", "rounds"
    for (n = split(order, names, " "); ++i <= n;) {
      printf "%-14s %24.0f %8.2f %15d  ", names[i], median(names[i]), ratio(names[i], "bare"), asked[names[i]]
      for (j = 1; j <= rounds; j++) printf " %d", rate[names[i], j]
      print ""
    }
    promise("repaired, requests per CPU-second", median("repaired"), 40000)
    promise("repaired / bare", ratio("repaired", "bare"), 0.5)
    promise("redis / repaired", ratio("redis", "repaired"), 0.25)
    promise("redis, commands a request", asked["redis"], 1)
    exit missed > 0
  }'
