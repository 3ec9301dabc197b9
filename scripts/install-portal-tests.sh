#!/usr/bin/env bash
# usage: install-portal-tests.sh — installs what the tests of the portal drive a browser with (playwright-core, axe-core) and open
# its spreadsheet with (openpyxl), pinned beside them in crates/e2e/tests/e2e/portal, into target/portal-tests, and prints that
# directory as its last line; quick when it is there already. The browser itself is Debian's chromium: install-test-deps.sh.
set -euo pipefail

if [ $# -ne 0 ]; then
  echo "usage: $0   (takes no arguments)" >&2
  exit 2
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PINS=$PWD/crates/e2e/tests/e2e/portal
mkdir -p "${CARGO_TARGET_DIR:-target}/portal-tests"
cd "${CARGO_TARGET_DIR:-target}/portal-tests"

for tool in chromium node npm python3; do
  command -v "$tool" >/dev/null || { echo "$tool is missing; scripts/install-test-deps.sh installs it" >&2; exit 1; }
done

# Two at once would write into each other's half-made folder.
exec 9>.lock
flock 9

wanted=$(cat "$PINS/package-lock.json" "$PINS/requirements.txt" && python3 --version)
if [ "$(cat .installed 2>/dev/null || true)" != "$wanted" ]; then
  rm -rf .installed node_modules python
  cp "$PINS/package.json" "$PINS/package-lock.json" .
  npm ci --ignore-scripts --no-audit --no-fund --loglevel error >&2
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --retries 5 --only-binary :all: --no-deps \
    --require-hashes --target python --requirement "$PINS/requirements.txt" >&2
  printf '%s\n' "$wanted" >.installed
fi
echo "$PWD"
