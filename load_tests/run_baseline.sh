#!/usr/bin/env bash
# The baseline against a server that runs already:
#
#     load_tests/run_baseline.sh [URL] [more arguments of `weaver-bench baseline`]
#
# URL is by default $TARGET_HOST, else http://localhost:8000. Exit codes are those of weaver-bench;
# 3 says that the server does not answer. It must not know how the server was started.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case "${1:-}" in
  -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 0 ;;
  "" | -*) host="${TARGET_HOST:-http://localhost:8000}" ;;
  *) host="$1"; shift ;;
esac

if command -v weaver-bench >/dev/null; then
  bench=(weaver-bench)
elif [[ -x target/release/weaver-bench ]]; then
  bench=(target/release/weaver-bench)
else
  bench=(cargo run --release --quiet --package cli --)
fi

if ! "${bench[@]}" healthcheck --host "$host"; then
  cat >&2 <<TEXT
No baseline was run: no healthy server at $host. Start the stub, in another terminal:
    docker-compose -f docker-compose.baseline.yml up --build
or, without Docker:
    WEAVER_ALLOWED_API_KEYS=test-api-key cargo run --release -- serve --ratelimit-rps 100 --ratelimit-burst 200
or name a server that is up:
    load_tests/run_baseline.sh http://HOST:PORT
TEXT
  exit 3
fi
exec "${bench[@]}" baseline --host "$host" "$@"
