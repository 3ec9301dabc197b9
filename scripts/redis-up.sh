#!/usr/bin/env bash
# usage: redis-up.sh DATA_DIR PORT — start (or reuse) a Redis on 127.0.0.1:PORT, in memory only; idempotent.
# Logs go to DATA_DIR/redis.log, the process id to DATA_DIR/redis.pid.
# env: REDIS_MAXMEMORY_POLICY (default noeviction, the only one Aerogram accepts; tests set another to see it refused)
#      REDIS_MAXMEMORY (as Redis takes it, such as 64mb; default 0, no limit)
set -euo pipefail

if [ $# -ne 2 ] || ! [[ $2 =~ ^[0-9]+$ ]] || [ "$2" -lt 1 ] || [ "$2" -gt 65535 ]; then
  echo "usage: $0 DATA_DIR PORT" >&2
  exit 2
fi
mkdir -p "$1"
DATA=$(cd "$1" && pwd)
PORT=$2
PID_FILE="$DATA/redis.pid"
LOG="$DATA/redis.log"

alive() {
  local pid
  [ -s "$PID_FILE" ] && pid=$(cat "$PID_FILE") && kill -0 "$pid" 2>/dev/null &&
    tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -F "redis-server 127.0.0.1:$PORT" >/dev/null
}
ready() { # asks in the shell itself, redis-cli need not be there
  local line
  { exec 3<>"/dev/tcp/127.0.0.1/$PORT"; } 2>/dev/null || return 1
  printf 'PING\r\n' >&3
  IFS= read -r -t 1 -u 3 line || line=
  exec 3>&-
  [[ $line == +PONG* ]]
}

exec 9>"$DATA/.lock"
flock 9
if alive && ready; then
  echo "127.0.0.1:$PORT already up (pid $(cat "$PID_FILE"))"
  exit 0
fi
if (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; then
  echo "port $PORT is taken by another process" >&2
  exit 1
fi
command -v redis-server >/dev/null || { echo "redis-server is needed: run scripts/install-test-deps.sh" >&2; exit 1; }
: >"$LOG"
nohup redis-server --bind 127.0.0.1 --port "$PORT" --dir "$DATA" --daemonize no --save '' --appendonly no \
  --maxmemory "${REDIS_MAXMEMORY:-0}" --maxmemory-policy "${REDIS_MAXMEMORY_POLICY:-noeviction}" >>"$LOG" 2>&1 9>&- </dev/null &
echo $! >"$PID_FILE"
for _ in $(seq 100); do
  if ready; then
    echo "127.0.0.1:$PORT ready (pid $(cat "$PID_FILE"))"
    exit 0
  fi
  kill -0 "$(cat "$PID_FILE")" 2>/dev/null || { echo "Redis died while starting:" >&2; tail -n 20 "$LOG" >&2; exit 1; }
  sleep 0.1
done
echo "Redis is not ready after 10 s:" >&2
tail -n 20 "$LOG" >&2
exit 1
