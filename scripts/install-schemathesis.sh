#!/usr/bin/env bash
# usage: install-schemathesis.sh — installs Schemathesis, which tries the api against its own OpenAPI document, pinned by
# crates/e2e/tests/e2e/schemathesis/requirements.txt, into target/schemathesis, and prints that directory as its last line;
# quick when it is there already. It is run as `PYTHONPATH=DIRECTORY python3 -m schemathesis.cli`.
set -euo pipefail

if [ $# -ne 0 ]; then
  echo "usage: $0   (takes no arguments)" >&2
  exit 2
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PINS=$PWD/crates/e2e/tests/e2e/schemathesis/requirements.txt
mkdir -p "${CARGO_TARGET_DIR:-target}/schemathesis"
cd "${CARGO_TARGET_DIR:-target}/schemathesis"

command -v python3 >/dev/null || { echo "python3 is missing; scripts/install-test-deps.sh installs it" >&2; exit 1; }

# Two at once would write into each other's half-made folder.
exec 9>.lock
flock 9

# Other pins, or another Python, for which other packages were compiled: everything anew.
wanted=$(cat "$PINS" && python3 --version)
if [ "$(cat .installed 2>/dev/null || true)" != "$wanted" ]; then
  rm -rf .installed python
  # Into a folder of our own and not an environment: Debian's Python refuses to install beside its packages, and its
  # module venv would be one more package to have.
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --retries 5 --only-binary :all: --no-deps \
    --require-hashes --target python --requirement "$PINS" >&2
  printf '%s\n' "$wanted" >.installed
fi
echo "$PWD/python"
