#!/usr/bin/env bash
# usage: build-embedded-kafka.sh [OUT] — builds the embedded broker (deploy/embedded-kafka) with the Go in PATH, if its
# sources changed. OUT: the binary, target/embedded-kafka/aerogram-embedded-kafka unless given.
# Exits 3 when there is no Go that can build it.
set -euo pipefail

if [ $# -gt 1 ] || [[ ${1:-} == -* ]]; then
  echo "usage: $0 [OUT]" >&2
  exit 2
fi
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
SOURCES=$ROOT/deploy/embedded-kafka
OUT=${1:-$(cd "$ROOT" && realpath -m "${CARGO_TARGET_DIR:-target}")/embedded-kafka/aerogram-embedded-kafka}
OUT=$(realpath -m "$OUT")

# Tests are no part of the program.
sum=$(cd "$SOURCES" && find . -maxdepth 1 \( -name '*.go' ! -name '*_test.go' -o -name 'go.*' \) -print0 |
  LC_ALL=C sort -z | xargs -0 cat -- "$ROOT/scripts/build-embedded-kafka.sh" | cksum)
if [ -x "$OUT" ] && [ "$(cat "$OUT.sources" 2>/dev/null || true)" = "$sum" ]; then
  exit 0
fi

needed=$(awk '$1 == "go" { print $2 }' "$SOURCES/go.mod")
if ! command -v go >/dev/null; then
  echo "The embedded broker is built with Go, which is not in PATH: install Go $needed or later, or any from 1.21 on, which fetches what it needs (https://go.dev/dl)." >&2
  exit 3
fi
# From 1.21 on Go fetches a newer one when go.mod asks for it.
export GOTOOLCHAIN=${GOTOOLCHAIN:-auto} CGO_ENABLED=0
if ! said=$(cd "$SOURCES" && go list -m 2>&1); then
  echo "The embedded broker needs Go $needed, and $(go version 2>/dev/null | awk 'NR == 1 { print $3 }' | sed 's/^go/Go /') can neither build it nor fetch that: ${said//$'\n'/; }" >&2
  exit 3
fi
echo "building the embedded broker"
mkdir -p "$(dirname "$OUT")"
# Whoever starts it meanwhile gets the old one or the new one, never half of one.
(cd "$SOURCES" && go build -buildvcs=false -trimpath -ldflags '-s -w' -o "$OUT.$$" .) || { rm -f "$OUT.$$"; exit 1; }
mv -f "$OUT.$$" "$OUT"
echo "$sum" >"$OUT.sources"
