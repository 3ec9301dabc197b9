#!/usr/bin/env bash
# usage: redis-down.sh DATA_DIR — stop the Redis that redis-up.sh started there; idempotent.
set -euo pipefail

if [ $# -ne 1 ]; then
  echo "usage: $0 DATA_DIR" >&2
  exit 2
fi
PID_FILE="$1/redis.pid"
[ -s "$PID_FILE" ] || { echo "not running"; exit 0; }
pid=$(cat "$PID_FILE")
if kill -0 "$pid" 2>/dev/null && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -F 'redis-server' >/dev/null; then
  kill -TERM "$pid"
  for _ in $(seq 50); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  if kill -0 "$pid" 2>/dev/null; then kill -9 "$pid" || true; fi
  echo "stopped $pid"
else
  echo "not running"
fi
rm -f "$PID_FILE"
