# shellcheck shell=bash
# usage: source scripts/lib/services.sh — one Kafka and one Redis for a run of tests or benchmarks.
# services_start RUN_DIR starts what the caller did not name in the environment; services_stop stops what was started.

SCRIPTS=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
OWN_KAFKA=
OWN_REDIS=

# free_port COUNT — the first of COUNT neighbouring ports nobody listens on. They lie below the range from which the
# system gives ports to outgoing connections (32768 and up), or such a connection could take one before its server does.
free_port() {
  local first i
  for _ in $(seq 200); do
    first=$((20000 + RANDOM % 12000))
    for ((i = 0; i < $1; i++)); do
      if (exec 3<>"/dev/tcp/127.0.0.1/$((first + i))") 2>/dev/null; then continue 2; fi
    done
    echo "$first"
    return
  done
  echo "found no free port between 20000 and 32000" >&2
  return 1
}

# start_on_free_port COUNT SCRIPT DATA_DIR LOG — sets PORT; another process may take a port that was free, so it tries again.
start_on_free_port() {
  for _ in 1 2 3; do
    PORT=$(free_port "$1")
    if "$2" "$3" "$PORT" >>"$4" 2>&1; then return; fi
  done
  cat "$4" >&2
  return 1
}

# services_start RUN_DIR — exports AEROGRAM_TEST_KAFKA, AEROGRAM_TEST_REDIS and AEROGRAM_TEST_SCRIPTS.
services_start() {
  export AEROGRAM_TEST_SCRIPTS=$SCRIPTS
  mkdir -p "$1"
  if [ -z "${AEROGRAM_TEST_KAFKA:-}" ]; then
    OWN_KAFKA=$1/kafka
    start_on_free_port 2 "$SCRIPTS/kafka-up.sh" "$OWN_KAFKA" "$1/kafka-up.log"
    export AEROGRAM_TEST_KAFKA=127.0.0.1:$PORT
  fi
  if [ -z "${AEROGRAM_TEST_REDIS:-}" ]; then
    OWN_REDIS=$1/redis
    start_on_free_port 1 "$SCRIPTS/redis-up.sh" "$OWN_REDIS" "$1/redis-up.log"
    export AEROGRAM_TEST_REDIS=redis://127.0.0.1:$PORT
  fi
  echo "Kafka $AEROGRAM_TEST_KAFKA, Redis $AEROGRAM_TEST_REDIS"
}

# services_stop — stops only what services_start started; the data is dropped, the logs are kept.
services_stop() {
  if [ -n "$OWN_KAFKA" ]; then
    "$SCRIPTS/kafka-down.sh" "$OWN_KAFKA" >/dev/null || true
    rm -rf "$OWN_KAFKA/log"
    OWN_KAFKA=
  fi
  if [ -n "$OWN_REDIS" ]; then
    "$SCRIPTS/redis-down.sh" "$OWN_REDIS" >/dev/null || true
    OWN_REDIS=
  fi
}

# services_logs RUN_DIR — the end of what the brokers had to say, for a run that failed.
services_logs() {
  local log
  for log in "$1"/kafka-up.log "$1"/kafka/kafka.log "$1"/redis/redis.log; do
    if [ -s "$log" ]; then
      printf -- '--- end of %s\n' "$log"
      tail -n 20 "$log"
    fi
  done
}
