#!/usr/bin/env bash
# usage: kafka-up.sh DATA_DIR PORT — start (or reuse) a single-node Kafka (KRaft) on 127.0.0.1:PORT; idempotent.
# The controller listens on PORT + 1. Logs go to DATA_DIR/kafka.log, the process id to DATA_DIR/kafka.pid.
# env: KAFKA_VERSION, KAFKA_HEAP (default 512m), KAFKA_LIBS (a directory of jars; filled with Maven when absent)
set -euo pipefail

if [ $# -ne 2 ] || ! [[ $2 =~ ^[0-9]+$ ]] || [ "$2" -lt 1 ] || [ "$2" -gt 65534 ]; then
  echo "usage: $0 DATA_DIR PORT" >&2
  exit 2
fi
mkdir -p "$1"
DATA=$(cd "$1" && pwd)
PORT=$2
CONTROLLER_PORT=$((PORT + 1))
VERSION=${KAFKA_VERSION:-4.3.1}
HEAP=${KAFKA_HEAP:-512m}
LIBS=${KAFKA_LIBS:-${XDG_CACHE_HOME:-$HOME/.cache}/aerogram/kafka-$VERSION}
# Without this binding beside it Kafka 4.3 writes no log line, and there would be nothing to tell readiness by.
LOG4J_VERSION=2.25.4
PID_FILE="$DATA/kafka.pid"
CONF="$DATA/conf"
LOG="$DATA/kafka.log"

alive() { # is the process of the pid file ours, rather than a stranger that got the same id?
  local pid
  [ -s "$PID_FILE" ] && pid=$(cat "$PID_FILE") && kill -0 "$pid" 2>/dev/null &&
    tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -F "$CONF/server.properties" >/dev/null
}
open_port() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
ready() { grep -q 'Kafka Server started' "$LOG" 2>/dev/null && open_port "$PORT"; }

fetch_jars() {
  mkdir -p "$(dirname "$LIBS")"
  # Several brokers may be started at once on a fresh machine: one downloads, the others wait for it.
  exec 8>"$LIBS.lock"
  flock 8
  if [ -d "$LIBS" ]; then
    exec 8>&-
    return
  fi
  command -v mvn >/dev/null || { echo "Maven is needed to download Kafka $VERSION: run scripts/install-test-deps.sh" >&2; exit 1; }
  echo "downloading Kafka $VERSION to $LIBS" >&2
  # The directory gets its name only when it is complete, so an interrupted download is never taken for a broker.
  local part pom ok=
  part=$(mktemp -d "$LIBS.part.XXXXXX")
  trap 'rm -rf "$part"' EXIT
  pom="$part/pom.xml"
  cat >"$pom" <<XML
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>local</groupId><artifactId>kafka-libs</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$VERSION</version></dependency>
<dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>$LOG4J_VERSION</version></dependency>
</dependencies></project>
XML
  for _ in 1 2 3; do
    if mvn -B -q -f "$pom" dependency:copy-dependencies -DoutputDirectory="$part/libs" -DincludeScope=runtime >&2; then
      ok=1
      break
    fi
    sleep 2
  done
  [ -n "$ok" ] || { echo "could not download Kafka $VERSION through Maven (its messages are above); is repo.maven.apache.org reachable?" >&2; exit 1; }
  mv -T "$part/libs" "$LIBS"
  rm -rf "$part"
  trap - EXIT
  exec 8>&-
}

# Two starters of one directory: the second waits, then finds the broker running.
exec 9>"$DATA/.lock"
flock 9
if alive && ! grep -qx "listeners=PLAINTEXT://127.0.0.1:$PORT,.*" "$CONF/server.properties"; then
  echo "the Kafka of $DATA runs on another port than $PORT: stop it with kafka-down.sh $DATA" >&2
  exit 1
fi
if alive && ready; then
  echo "127.0.0.1:$PORT already up (pid $(cat "$PID_FILE"))"
  exit 0
fi
if alive; then
  kill -9 "$(cat "$PID_FILE")" || true
  sleep 0.3
fi
for port in "$PORT" "$CONTROLLER_PORT"; do
  if open_port "$port"; then
    echo "port $port is taken by another process; Kafka needs $PORT and $CONTROLLER_PORT" >&2
    exit 1
  fi
done
command -v java >/dev/null || { echo "Java 17 or later is needed: run scripts/install-test-deps.sh" >&2; exit 1; }
[ -d "$LIBS" ] || fetch_jars

mkdir -p "$CONF"
cat >"$CONF/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$CONTROLLER_PORT
listeners=PLAINTEXT://127.0.0.1:$PORT,CONTROLLER://127.0.0.1:$CONTROLLER_PORT
advertised.listeners=PLAINTEXT://127.0.0.1:$PORT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=$DATA/log
num.partitions=6
auto.create.topics.enable=false
delete.topic.enable=true
default.replication.factor=1
min.insync.replicas=1
message.max.bytes=2097152
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.retention.hours=168
log.segment.bytes=134217728
log.segment.delete.delay.ms=1000
log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=16777216
log.cleaner.io.buffer.size=131072
log.cleaner.backoff.ms=1000
num.network.threads=2
num.io.threads=4
PROPERTIES
cat >"$CONF/log4j2.yaml" <<'YAML'
Configuration:
  Appenders:
    Console: {name: STDOUT, PatternLayout: {pattern: "[%d] %p %m (%c)%n"}}
  Loggers:
    Root: {level: WARN, AppenderRef: [{ref: STDOUT}]}
    Logger:
      - {name: kafka.server.KafkaRaftServer, level: INFO}
YAML
JAVA=(java -Dlog4j2.configurationFile="$CONF/log4j2.yaml" -cp "$LIBS/*")
if [ ! -e "$DATA/log/meta.properties" ]; then
  cluster=$("${JAVA[@]}" -Xmx64m kafka.tools.StorageTool random-uuid)
  "${JAVA[@]}" -Xmx128m kafka.tools.StorageTool format --ignore-formatted -t "${cluster##*$'\n'}" \
    -c "$CONF/server.properties" >"$DATA/format.log" 2>&1 || { cat "$DATA/format.log" >&2; exit 1; }
fi
: >"$LOG"
nohup "${JAVA[@]}" -Xms128m -Xmx"$HEAP" -XX:+UseSerialGC -Xshare:auto -Djava.awt.headless=true \
  kafka.Kafka "$CONF/server.properties" >>"$LOG" 2>&1 9>&- </dev/null &
echo $! >"$PID_FILE"
for _ in $(seq 600); do
  if ready; then
    echo "127.0.0.1:$PORT ready (pid $(cat "$PID_FILE"))"
    exit 0
  fi
  # Between fork and exec the process does not carry its own command line yet, so only its existence is asked here.
  kill -0 "$(cat "$PID_FILE")" 2>/dev/null || { echo "Kafka died while starting:" >&2; tail -n 30 "$LOG" >&2; exit 1; }
  sleep 0.1
done
echo "Kafka is not ready after 60 s:" >&2
tail -n 30 "$LOG" >&2
exit 1
