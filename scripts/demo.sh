#!/usr/bin/env bash
# usage: demo.sh — shows Aerogram at work, with all that it needs; this is what `make run` runs. Ctrl-C ends everything.
# The logs of the last runs stay in target/demo/.
# env: STACK=embedded|real (all in one process, or role binaries with Kafka and Redis; default embedded),
#      DEMO_SECONDS=N (publish for so long, wait for what is due, exit 0 only if nothing is missing; 0: until Ctrl-C),
#      DEMO_PORTS=usual|free, DEMO_RATE=N (events a second), DEMO_DIR=DIR (of this run),
#      DEMO_REPORT=FILE (JSON: addresses and tokens once it runs, figures at the end),
#      AEROGRAM_BIN_DIR=DIR (binaries that are built already)
set -euo pipefail

if [ $# -ne 0 ]; then
  echo "usage: $0   (takes no arguments; see the variables in its head)" >&2
  exit 2
fi
STACK=${STACK:-embedded}
DEMO_PORTS=${DEMO_PORTS:-usual}
[[ $STACK =~ ^(embedded|real)$ ]] || { echo "STACK is $STACK, must be embedded or real" >&2; exit 2; }
[[ $DEMO_PORTS =~ ^(usual|free)$ ]] || { echo "DEMO_PORTS is $DEMO_PORTS, must be usual or free" >&2; exit 2; }
[[ ${DEMO_SECONDS:=0} =~ ^[0-9]{1,5}$ ]] || { echo "DEMO_SECONDS is $DEMO_SECONDS, must be whole seconds" >&2; exit 2; }

cd "$(dirname "${BASH_SOURCE[0]}")/.."
mkdir -p "${CARGO_TARGET_DIR:-target}"
TARGET=$(cd "${CARGO_TARGET_DIR:-target}" && pwd)
RUNS=$TARGET/demo
RUN=${DEMO_DIR:-$RUNS/$(date +%Y%m%d-%H%M%S)-$$}
KEEP_RUNS=3
BINS=${AEROGRAM_BIN_DIR:-$TARGET/debug}
DEMO=
# shellcheck source=scripts/lib/services.sh
source scripts/lib/services.sh

finish() {
  local code=$?
  # From here on nothing is cut short: what was started has to end.
  trap - EXIT
  trap '' INT TERM HUP
  # Nobody is left in the demo's session, unless it was killed itself.
  if [ -n "$DEMO" ]; then kill -KILL -- "-$DEMO" 2>/dev/null || true; fi
  scripts/kafka-down.sh "$RUN/kafka" >/dev/null || true
  scripts/redis-down.sh "$RUN/redis" >/dev/null || true
  rm -rf "$RUN/kafka/log" "$RUN/data"
  exit "$code"
}

have() { command -v "$1" >/dev/null 2>&1; }

taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; } # taken PORT

# java_fits — Kafka 4 needs Java 17.
java_fits() {
  local version
  version=$(java --version 2>/dev/null) || return 1
  version=${version#* }
  [ "${version%%[!0-9]*}" -ge 17 ]
}

# apt_install WHAT_FOR PACKAGE… — with apt-get when root on Debian; otherwise one sentence says what is missing.
apt_install() {
  local what=$1
  shift
  if [ "$(id -u)" -ne 0 ] || ! have apt-get; then
    echo "$what needs these packages (Debian names), please install them as root: $*." >&2
    exit 1
  fi
  echo "installing for ${what,}: $*"
  DEBIAN_FRONTEND=noninteractive apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >"$RUN/apt.log" 2>&1 ||
    { tail -n 20 "$RUN/apt.log" >&2; exit 1; }
}

# What runs of the past left: of killed ones the brokers, of old ones everything.
tidy() {
  local dirs=() i
  [ -d "$RUNS" ] || return 0
  mapfile -t dirs < <(find "$RUNS" -mindepth 1 -maxdepth 1 -type d | sort)
  for i in "${!dirs[@]}"; do
    (
      flock -n 9 || exit 0
      scripts/kafka-down.sh "${dirs[i]}/kafka" >/dev/null
      scripts/redis-down.sh "${dirs[i]}/redis" >/dev/null
      if [ "$i" -lt $((${#dirs[@]} - KEEP_RUNS)) ]; then rm -rf "${dirs[i]}"; fi
    ) 9>"${dirs[i]}/.lock"
  done
}

build() {
  local packages=(aerogram aerogram-demo) args=() missing=() package tool
  if [ "$STACK" = real ]; then packages+=(aerogram-{api,deliverer,fanout,ingest,scheduler}); fi
  have cargo || { echo "The Rust toolchain is missing (see rust-version in Cargo.toml), please install it from https://rustup.rs." >&2; exit 1; }
  for tool in gcc g++ make; do
    have "$tool" || missing+=("$tool")
  done
  if [ ${#missing[@]} -gt 0 ]; then apt_install "Building Aerogram" "${missing[@]}"; fi
  missing=()
  for package in "${packages[@]}"; do
    args+=(-p "$package")
    if [ ! -x "$BINS/$package" ]; then missing+=("$package"); fi
  done
  if [ ${#missing[@]} -gt 0 ]; then echo "building Aerogram; the first time takes some minutes"; fi
  if [ -t 2 ]; then
    # A progress bar and no line for each of hundreds of crates.
    CARGO_TERM_QUIET=true CARGO_TERM_PROGRESS_WHEN=always CARGO_TERM_PROGRESS_WIDTH=80 cargo build "${args[@]}" --bins
  else
    cargo build "${args[@]}" --bins
  fi
}

# The embedded broker, if it can be had: sets BROKER.
BROKER=
embedded_broker() {
  local code=0
  if ! have go; then
    echo "Go is not in PATH: a Kafka node serves instead of the embedded broker"
    return
  fi
  scripts/build-embedded-kafka.sh || code=$?
  case $code in
    0) BROKER=$TARGET/embedded-kafka/aerogram-embedded-kafka ;;
    3) echo "a Kafka node serves instead of the embedded broker" ;;
    *) exit "$code" ;;
  esac
}

# A Kafka node from the jars: sets KAFKA. It ignores Ctrl-C, like everything that bash starts in the background.
KAFKA=
kafka_node() { # kafka_node PORT: the usual one, unless it is taken; empty: any free one
  local missing=() libs=${KAFKA_LIBS:-${XDG_CACHE_HOME:-$HOME/.cache}/aerogram/kafka-${KAFKA_VERSION:-4.3.1}}
  if ! java_fits; then
    if apt-cache show openjdk-17-jre-headless >/dev/null 2>&1; then
      missing+=(openjdk-17-jre-headless)
    else
      missing+=(default-jre-headless)
    fi
  fi
  [ -d "$libs" ] || have mvn || missing+=(maven)
  if [ ${#missing[@]} -gt 0 ]; then apt_install "A Kafka node" "${missing[@]}"; fi
  echo "starting a Kafka node"
  if [ -n "$1" ] && ! taken "$1" && ! taken $(($1 + 1)); then
    scripts/kafka-up.sh "$RUN/kafka" "$1" >"$RUN/kafka-up.log" 2>&1 7>&- || { cat "$RUN/kafka-up.log" >&2; exit 1; }
    PORT=$1
  else
    start_on_free_port 2 scripts/kafka-up.sh "$RUN/kafka" "$RUN/kafka-up.log" 7>&-
    if [ -n "$1" ]; then echo "port $1 or the next one is taken: Kafka on $PORT"; fi
  fi
  KAFKA=127.0.0.1:$PORT
}

# Redis would take Ctrl-C for itself, so it gets a session of its own. Sets REDIS.
REDIS=
redis_up_apart() { setsid --wait scripts/redis-up.sh "$@"; }
redis_node() {
  have redis-server || apt_install "The real stack" redis-server
  echo "starting a Redis"
  start_on_free_port 1 redis_up_apart "$RUN/redis" "$RUN/redis-up.log" 7>&-
  REDIS=redis://127.0.0.1:$PORT
}

# The demo, and the processes it starts, in a session of their own: Ctrl-C reaches this script alone, which asks the
# demo to end; the demo then ends its processes when nothing is due any more.
demo() {
  local args=(--dir "$RUN" --stack "$STACK" --seconds "$DEMO_SECONDS" --ports "$DEMO_PORTS" --parent $$) code=0 size
  if [ -n "$KAFKA" ]; then args+=(--kafka "$KAFKA"); fi
  if [ -n "$REDIS" ]; then args+=(--redis "$REDIS"); fi
  if [ -n "$BROKER" ]; then args+=(--broker "$BROKER"); fi
  if [ -n "${DEMO_RATE:-}" ]; then args+=(--rate "$DEMO_RATE"); fi
  if [ -n "${DEMO_REPORT:-}" ]; then args+=(--report "$DEMO_REPORT"); fi
  if [ -t 1 ] && size=$(stty size </dev/tty 2>/dev/null); then args+=(--columns "${size#* }"); fi
  trap 'kill -INT "$DEMO" 2>/dev/null || true' INT
  trap 'kill -TERM "$DEMO" 2>/dev/null || true' TERM HUP
  AEROGRAM_BIN_DIR=$BINS setsid "$BINS/aerogram-demo" "${args[@]}" 7>&- </dev/null &
  DEMO=$!
  # A signal ends the waiting, not the demo.
  while true; do
    code=0
    wait "$DEMO" || code=$?
    kill -0 "$DEMO" 2>/dev/null || break
  done
  return "$code"
}

mkdir -p "$RUN"
RUN=$(cd "$RUN" && pwd)
exec 7>"$RUN/.lock"
flock -n 7 || { echo "another demo runs in $RUN" >&2; exit 1; }
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP
tidy
if [ -z "${AEROGRAM_BIN_DIR:-}" ]; then build 7>&-; fi
if [ "$STACK" = real ]; then
  kafka_node ""
  redis_node
else
  embedded_broker 7>&-
  if [ -z "$BROKER" ]; then
    if [ "$DEMO_PORTS" = usual ]; then kafka_node 29092; else kafka_node ""; fi
  fi
fi
demo
