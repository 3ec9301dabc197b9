#!/usr/bin/env bash
# usage: test.sh — every check of the repository, in the order of what fails fastest; this is what `make test` runs.
# One Kafka and one Redis are started for the whole run and stopped at its end. Logs stay in target/test-run/.
# env: AEROGRAM_TEST_KAFKA=host:port, AEROGRAM_TEST_REDIS=redis://… use these instead of starting own ones
#      AEROGRAM_SIM_SEEDS=N simulated worlds; AEROGRAM_FUZZ_CASES=N changed templates, and as many URLs, from the seed
#      AEROGRAM_FUZZ_SEED=N, as are calls of the API; each is a fixed number otherwise
#      AEROGRAM_TEST_SCALE_PERCENT=N of the deliveries that the largest tests are meant for; 10 otherwise
set -euo pipefail

if [ $# -ne 0 ]; then
  echo "usage: $0   (takes no arguments)" >&2
  exit 2
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mkdir -p "${CARGO_TARGET_DIR:-target}/test-run"
RUN=$(cd "${CARGO_TARGET_DIR:-target}/test-run" && pwd)
# shellcheck source=scripts/lib/services.sh
source scripts/lib/services.sh

# Two runs in one clone would stop each other's brokers; the second says so instead.
exec 7>"$RUN/.lock"
flock -n 7 || { echo "another run of the tests is under way in this directory ($RUN)" >&2; exit 1; }
# What an earlier run left when it was killed is stopped before its directory goes.
scripts/kafka-down.sh "$RUN/kafka" >/dev/null
scripts/redis-down.sh "$RUN/redis" >/dev/null
find "$RUN" -mindepth 1 -maxdepth 1 ! -name .lock -exec rm -rf {} +
# Tests put their temporary directories here, so that the logs of a failed one are found with the others.
export AEROGRAM_TEST_DIR=$RUN/tests
mkdir -p "$AEROGRAM_TEST_DIR"

CURRENT=
STARTED=0
TEE=
NAMES=()
SECONDS_TAKEN=()
RESULTS=()

# Waits until the step's output is on the terminal, so that the next one does not overtake it.
end_of_step() {
  exec 5>&-
  wait "$TEE" || true
}

# step NAME COMMAND… — runs it with its output on the terminal and in NAME.log. A step runs in this shell (not in the
# pipe to tee), for what it exports is needed by the next ones.
step() {
  local name=$1
  shift
  CURRENT=$name
  STARTED=$SECONDS
  printf '\n=== %s\n' "$name"
  exec 5> >(tee "$RUN/$name.log" 7>&-)
  TEE=$!
  "$@" >&5 2>&1 5>&- 7>&-
  end_of_step
  NAMES+=("$name")
  SECONDS_TAKEN+=($((SECONDS - STARTED)))
  RESULTS+=(ok)
  CURRENT=
}

finish() {
  local code=$? i
  trap - EXIT
  if [ -n "$CURRENT" ]; then
    end_of_step
    NAMES+=("$CURRENT")
    SECONDS_TAKEN+=($((SECONDS - STARTED)))
    RESULTS+=(FAILED)
  fi
  services_stop
  if [ -n "$CURRENT" ]; then
    services_logs "$RUN"
    if grep -qE '^test .* FAILED$|panicked at|^error' "$RUN/$CURRENT.log"; then
      printf -- '--- what failed, from %s\n' "$RUN/$CURRENT.log"
      grep -E '^test .* FAILED$|panicked at|^error' "$RUN/$CURRENT.log" | tail -n 30
    fi
  fi
  printf '\n%-12s %8s  %s\n' step seconds result
  for i in "${!NAMES[@]}"; do
    printf '%-12s %8s  %s\n' "${NAMES[$i]}" "${SECONDS_TAKEN[$i]}" "${RESULTS[$i]}"
  done
  printf '%-12s %8s  %s\n' total "$SECONDS" "$([ "$code" -eq 0 ] && echo passed || echo "FAILED, logs in $RUN")"
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

check_embedded_broker() {
  scripts/build-embedded-kafka.sh
  (cd deploy/embedded-kafka && GOTOOLCHAIN=${GOTOOLCHAIN:-auto} go vet . && GOTOOLCHAIN=${GOTOOLCHAIN:-auto} go test .)
}

if [ -n "${AEROGRAM_FUZZ_SEED:-}" ]; then
  echo "templates, URLs and calls of the API are made from AEROGRAM_FUZZ_SEED=$AEROGRAM_FUZZ_SEED, which does the same again"
fi
step install scripts/install-test-deps.sh
step format cargo fmt --all --check
step clippy cargo clippy --workspace --all-targets -- -D warnings
# The role binaries and the tests in one go: apart, cargo would settle on other features for the shared dependencies
# and compile them twice.
step build cargo build --workspace --bins --tests
step broker check_embedded_broker
step services services_start "$RUN"
step tests cargo test --workspace
