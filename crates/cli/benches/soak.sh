#!/usr/bin/env bash
# Hours of everything at once: soak.sh [MINUTES=120] [CSV]. Two stubs, one faithful and one repaired, hear questions,
# nonsense, wrong keys, forged forms, agents, crowds that leave, clients that say half a word or read nothing, while
# their Redis dies or hangs once a minute. Every 5 s memory, descriptors, threads and the ledger go to a CSV file; at
# the end they are judged: exit code 1 if one of the last lines says FAIL. Loopback only.
set -euo pipefail
minutes=${1:-120} csv=${2:+$(realpath "$2")}
source "$(dirname "${BASH_SOURCE[0]}")/servers.sh"
need wrk wrk
need hey hey
csv=${csv:-${CARGO_TARGET_DIR:-target}/soak.csv}
trap 'ended $(jobs -p); rm -rf "$work"' EXIT
end=$((SECONDS + minutes * 60))

"$bench" token keys --out "$work/keys" >/dev/null
pem=$(awk '{ printf "%s\\n", $0 }' "$work/keys/public.pem")
port=$(free_port)
start_redis "$port"
database=0
for name in faithful repaired; do
  start "$name" env WEAVER_MCP_SERVER_PUBLIC_KEYS="{\"soak\":\"$pem\"}" WEAVER_REQUEST_TIMEOUT_MS=5000 \
    "$bench" serve --fidelity "$name" --host 127.0.0.1 --port 0 --redis "redis://127.0.0.1:$port/$((database++))" \
    --allowed-api-keys '["calm-key:calm:user","test-api-key:busy"]' --ratelimit-rps 300 --ratelimit-burst 300 \
    --ratelimit-address-rps 100000 --ratelimit-address-burst 100000 \
    --ratelimit-global-rps 100000 --ratelimit-global-burst 100000
done

until_end() { # COMMAND...: again and again; one that fails is not asked why, that is the stubs' business
  while ((SECONDS < end)); do "$@" >/dev/null 2>&1 || sleep 0.2; done
}
often() { # CLIENTS PER_SECOND_EACH ARGUMENT...: 20 s of hey
  hey -z 20s -t 10 -c "$1" -q "$2" "${@:3}"
}
crowd() { # URL: as fast as it goes, and then all leave in the middle of their requests
  wrk -t1 -c64 -d2s -s crates/cli/benches/ask.lua "$1"
  sleep 20
}
impatient() { # URL
  curl -s --max-time 0.03 -H 'X-API-Key: calm-key' -d '{"query":"why so slow?","user_id":"u"}' "$1/ask" || sleep 0.3
}
agent() { # URL
  "$bench" token a2a --key "$work/keys/private.pem" --sender soak --capability router --payload '{"x":[1]}' |
    curl -s --max-time 10 -H 'Content-Type: application/json' -d @- "$1/a2a/message"
  sleep 0.5
}
half_words() { # URL: heads and bodies that do not go on; some end before the stub's patience does
  local fds=() fd i
  for i in {1..30}; do
    exec {fd}<>"/dev/tcp/127.0.0.1/${1##*:}"
    fds+=("$fd")
    case $((i % 3)) in
      0) printf 'POST /ask HT' >&"$fd" ;;
      1) printf 'POST /ask HTTP/1.1\r\nHost: x\r\nX-API-Key: calm-key\r\nContent-Length: 99\r\n\r\n{"que' >&"$fd" ;;
    esac
  done
  sleep $((5 + RANDOM % 70))
  for fd in "${fds[@]}"; do exec {fd}>&-; done
}
slow_reader() { # URL: asks and asks, and reads nothing
  exec 3<>"/dev/tcp/127.0.0.1/${1##*:}"
  timeout 40 yes $'GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r' >&3 || true
  exec 3>&-
}
mixed() { # URL
  local key='X-API-Key: calm-key' question='{"query":"What is machine learning?","user_id":"u"}'
  until_end often 10 8 -m POST -H "$key" -d "$question" "$1/ask" &
  until_end often 4 5 -disable-keepalive -m POST -H "$key" -d "$question" "$1/ask" &
  until_end often 2 5 -m POST -H "$key" -d '{"query":"2 + 2","user_id":"u"}' "$1/ask" &
  until_end often 2 10 -m POST -H "$key" -d '{"query":' "$1/ask" &
  until_end often 10 30 -H "$key" "$1/whoami" &
  until_end often 10 30 "$1/health" &
  until_end often 2 5 -disable-keepalive "$1/metrics" &
  until_end often 4 10 -H 'X-API-Key: none-such' "$1/whoami?x" &
  until_end often 4 10 -m POST -H "$key" -d x "$1/whoami" &
  until_end often 2 5 -m POST -d '{"sender_id":5}' "$1/a2a/message" &
  until_end crowd "$1" &
  until_end impatient "$1" &
  until_end agent "$1" &
  until_end half_words "$1" &
  until_end slow_reader "$1" &
}

sample() { # NAME: a line of the CSV
  local id=${pid[$1]} status counts
  status=$(awk '/^VmRSS|^Threads/ { printf "%s,", $2 }' "/proc/$id/status")
  set -- "$1" "$(find "/proc/$id/fd" -mindepth 1 | wc -l)"
  counts=$(curl -sS --max-time 30 "${url[$1]}/_stub/truth" |
    grep -oE '"(received|answered|refused|abandoned|in_flight)":[0-9]+' | cut -d: -f2 | paste -sd,)
  echo "$((SECONDS - began)),$1,$status$2,$counts" >>"$csv"
}
samples() { sample faithful && sample repaired; }

wake() { # so that threads and connections that come with the first request or message are there
  for name in faithful repaired; do
    curl -sS --max-time 20 -H 'X-API-Key: calm-key' "${url[$name]}/whoami" >/dev/null
    agent "${url[$name]}" >/dev/null
  done
}
wake
began=$SECONDS
echo seconds,stub,rss_kib,threads,descriptors,received,answered,refused,abandoned,in_flight >"$csv"
samples
echo "soak: $minutes minutes, samples in $csv"
mixed "${url[faithful]}"
mixed "${url[repaired]}"
for ((tick = 1; SECONDS < end; tick++)); do
  sleep 5
  samples
  # Once a minute, for the time between two samples, Redis is gone, or hangs.
  case $((tick % 24)) in
    10) kill -KILL "${pid[redis-server]}"; wait "${pid[redis-server]}" 2>/dev/null || true ;;
    11) start_redis "$port" ;;
    22) kill -STOP "${pid[redis-server]}" ;;
    23) kill -CONT "${pid[redis-server]}" ;;
  esac
done
kill -0 "${pid[redis-server]}" 2>/dev/null && kill -CONT "${pid[redis-server]}" || start_redis "$port"

# The last clients leave, and the stub loses patience with what they left open.
sleep 90
wake
sleep 6
samples
for name in faithful repaired; do
  kill -TERM "${pid[$name]}"
  if wait "${pid[$name]}" && ! grep -q panicked "$work/$name.log"; then echo "PASS  $name ended in peace"; else
    echo "FAIL  $name did not end in peace:"
    grep -A5 panicked "$work/$name.log" || tail -n 5 "$work/$name.log"
  fi
done >"$work/ends"
awk -F, '
  NR == 1 { next }
  { n[$2]++; at[$2, n[$2]] = $1; rss[$2, n[$2]] = $3; threads[$2, n[$2]] = $4; files[$2, n[$2]] = $5; received[$2] = $6 }
  $6 != $7 + $8 + $9 + $10 || NF != 10 { unequal[$2]++ }
  $10 != "" { open[$2] = $10 }
  function mean(name, from, to,   i, sum) { for (i = from; i <= to; i++) sum += rss[name, i]; return sum / (to - from + 1) / 1024 }
  function rule(holds, text) { printf "%s  %s\n", holds ? "PASS" : "FAIL", text }
  END {
    for (name in n) {
      # The last sample is the one at rest.
      last = n[name] - 1; fifth = int(last / 5)
      if (fifth < 1) { rule(0, name ": too few samples; let it run for longer"); continue }
      early = mean(name, fifth + 1, 2 * fifth); late = mean(name, last - fifth + 1, last)
      rule(late < early * 1.1 || late < early + 16, sprintf("%s: %.1f MiB after the first fifth, %.1f MiB in the last", name, early, late))
      rule(files[name, n[name]] <= files[name, 1], sprintf("%s: %d descriptors at first, %d at rest", name, files[name, 1], files[name, n[name]]))
      rule(threads[name, n[name]] <= threads[name, 1], sprintf("%s: %d threads at first, %d at rest", name, threads[name, 1], threads[name, n[name]]))
      rule(!unequal[name] && open[name] == 0, sprintf("%s: %d received = answered + refused + abandoned + in flight, at %d of %d samples; %d in flight at rest", name, received[name], n[name] - unequal[name], n[name], open[name]))
    }
  }' "$csv" | sort | cat - "$work/ends" | tee "$work/verdict"
! grep -q ^FAIL "$work/verdict"
