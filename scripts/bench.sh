#!/usr/bin/env bash
# usage: bench.sh [ARGUMENT…] — builds for release and runs the benchmark against an own Kafka and an own Redis; the
# arguments go to the benchmark. Logs stay in target/bench-run/, the figures in benches/results/latest.json.
# env: AEROGRAM_TEST_KAFKA=host:port, AEROGRAM_TEST_REDIS=redis://… use these instead of starting own ones
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
mkdir -p "${CARGO_TARGET_DIR:-target}/bench-run"
TARGET=$(cd "${CARGO_TARGET_DIR:-target}" && pwd)
RUN=$TARGET/bench-run
# shellcheck source=scripts/lib/services.sh
source scripts/lib/services.sh

exec 7>"$RUN/.lock"
flock -n 7 || { echo "another benchmark is under way in this directory ($RUN)" >&2; exit 1; }
scripts/kafka-down.sh "$RUN/kafka" >/dev/null
scripts/redis-down.sh "$RUN/redis" >/dev/null
find "$RUN" -mindepth 1 -maxdepth 1 ! -name .lock -exec rm -rf {} +
export AEROGRAM_TEST_DIR=$RUN/work
mkdir -p "$AEROGRAM_TEST_DIR"

finish() {
  local code=$?
  trap - EXIT
  services_stop
  if [ "$code" -ne 0 ]; then
    services_logs "$RUN"
    echo "the benchmark FAILED, logs in $RUN" >&2
  fi
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

scripts/install-test-deps.sh
cargo build --release --workspace --bins
services_start "$RUN" 7>&-
# The benchmark launches the roles itself and must take the release binaries, wherever it was built.
export AEROGRAM_BIN_DIR=$TARGET/release
"$TARGET/release/aerogram-bench" "$@" 7>&-
