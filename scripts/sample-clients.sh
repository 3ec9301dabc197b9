#!/usr/bin/env bash
# usage: sample-clients.sh — installs the Kafka clients of the samples in docs/publish.md, and the verifiers of signatures
# that docs/receive.md names, pinned by crates/e2e/clients, into target/sample-clients, and prints that directory as its
# last line; quick when they are there already.
set -euo pipefail

if [ $# -ne 0 ]; then
  echo "usage: $0   (takes no arguments)" >&2
  exit 2
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PINS=$PWD/crates/e2e/clients
mkdir -p "${CARGO_TARGET_DIR:-target}/sample-clients"
cd "${CARGO_TARGET_DIR:-target}/sample-clients"

for tool in python3 node npm go; do
  command -v "$tool" >/dev/null || { echo "$tool is missing; scripts/install-test-deps.sh installs it" >&2; exit 1; }
done

# Two at once would write into each other's half-made folders.
exec 9>.lock
flock 9

# Packaged for a distribution, Go would not fetch the release that go.mod asks for.
export GOTOOLCHAIN=${GOTOOLCHAIN:-auto} CGO_ENABLED=0
# Other pins, or another version of a language: everything anew.
wanted=$(cat "$PINS"/*/* && python3 --version && node --version && go version)
if [ "$(cat .installed 2>/dev/null || true)" != "$wanted" ]; then
  rm -rf .installed python javascript go
  # Into a folder of our own and not an environment: Debian's Python refuses to install beside its packages, and its
  # module venv would be one more package to have.
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --only-binary :all: --no-deps --require-hashes \
    --target python --requirement "$PINS/python/requirements.txt" >&2
  cp -r "$PINS/javascript" "$PINS/go" .
  npm ci --prefix javascript --ignore-scripts --no-audit --no-fund --loglevel error >&2
  # Go keeps modules and what it compiled in caches of the user's; compiled here, the client is there when a test asks.
  (cd go && go build github.com/twmb/franz-go/pkg/kgo) >&2
  printf '%s\n' "$wanted" >.installed
fi
pwd
