# Sourced by the benches: servers that are started and ended, what they cost, and what they say of themselves. It goes
# to the project's root, builds, and defines $bench (the binary) and $work (a folder that is gone at the end).
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
source .ci/need
need curl curl
need redis-server redis-server

# One build for all of them: cargo would make every crate anew for another choice.
cargo build --release --locked -q -p cli --bin weaver-bench --example bare
bench="${CARGO_TARGET_DIR:-target}/release/weaver-bench"
work=$(mktemp -d)
# By name of a server.
declare -A pid=() url=()
# A server that holds many connections needs as many descriptors.
ulimit -n "$(ulimit -Hn)"

ended() { # PID...: ends what was started here, and waits for it
  kill "$@" 2>/dev/null || true
  wait "$@" 2>/dev/null || true
}

start() { # NAME COMMAND...: a server that says its URL first
  "${@:2}" >/dev/null 2>"$work/$1.log" &
  pid[$1]=$!
  until url[$1]=$(grep -som1 'http://[0-9.:]*' "$work/$1.log"); do
    if ! kill -0 "${pid[$1]}" 2>/dev/null; then
      cat "$work/$1.log" >&2
      exit 2
    fi
    sleep 0.05
  done
}

start_redis() { # PORT [COMMAND...]: an empty one, run by that command, which answers when this returns
  "${@:2}" redis-server --port "$1" --bind 127.0.0.1 --save '' --appendonly no --dir "$work" >"$work/redis.log" 2>&1 &
  pid[redis-server]=$!
  until redis-cli -p "$1" ping >/dev/null 2>&1; do
    kill -0 "${pid[redis-server]}"
    sleep 0.05
  done
}

free_port() {
  local port
  while port=$((20000 + RANDOM % 10000)); (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
  echo "$port"
}

cpu_ms() { # PID: user and system time of all its threads so far
  local fields
  read -ra fields </proc/"$1"/stat
  echo $(((fields[13] + fields[14]) * 1000 / $(getconf CLK_TCK)))
}

truth() { # NAME FIELD: of what the stub says it truly did
  curl -sS --max-time 5 "${url[$1]}/_stub/truth" | grep -o "\"$2\":[0-9]*" | head -1 | cut -d: -f2
}
