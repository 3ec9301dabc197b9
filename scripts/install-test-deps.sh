#!/usr/bin/env bash
# usage: install-test-deps.sh — installs what building and testing need; idempotent, and quick when nothing is missing.
# As root on a Debian system it installs with apt-get; otherwise it names what is missing in one sentence and fails.
set -euo pipefail

if [ $# -ne 0 ]; then
  echo "usage: $0   (takes no arguments)" >&2
  exit 2
fi

have() { command -v "$1" >/dev/null 2>&1; }
missing=()
need() { missing+=("$1"); } # need PACKAGE

java_major() { # 17 for 'openjdk version "17.0.15"', 8 for '"1.8.0_292"'
  # All of the output is read before it is cut down: closing the pipe early would fail under pipefail.
  local text version
  text=$(java -version 2>&1) || return 1
  version=${text#*version \"}
  version=${version#1.}
  version=${version%%[!0-9]*}
  echo "${version:-0}"
}

if ! have java || [ "$(java_major)" -lt 17 ]; then need openjdk-17-jre-headless; fi
have mvn || need maven
have redis-server || need redis-server
# Debian's package tinyproxy would also start one as a service; this one holds the program alone.
have tinyproxy || need tinyproxy-bin
have gcc || need gcc
have g++ || need g++
have make || need make
have flock || need util-linux
[ -e /etc/ssl/certs/ca-certificates.crt ] || [ -e /etc/pki/tls/certs/ca-bundle.crt ] || [ -e /etc/ssl/cert.pem ] ||
  need ca-certificates
if have pkg-config; then
  pkg-config --exists openssl || need libssl-dev
  pkg-config --exists zlib || need zlib1g-dev
else
  need pkg-config
  [ -e /usr/include/openssl/ssl.h ] || need libssl-dev
  [ -e /usr/include/zlib.h ] || need zlib1g-dev
fi
# Go builds the embedded broker and runs samples of the documentation.
have go || need golang-go
if ! have python3; then
  need python3
  need python3-pip
elif ! python3 -c 'import importlib.util as u, sys; sys.exit(u.find_spec("pip") is None)'; then
  need python3-pip
fi
# The documentation's samples are run; npm brings the Kafka client of one.
have curl || need curl
have node || need nodejs
have npm || need npm
# The portal is tried in a real browser.
have chromium || need chromium

if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" -ne 0 ] || ! have apt-get; then
    echo "The tests need these packages (Debian names), please install them as root: ${missing[*]}." >&2
    exit 1
  fi
  echo "installing: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # Later releases of Debian carry a newer Java only; any from 17 on will do.
  for i in "${!missing[@]}"; do
    if [ "${missing[$i]}" = openjdk-17-jre-headless ] &&
      [ -z "$(apt-cache --quiet=0 policy openjdk-17-jre-headless 2>/dev/null | grep -F 'Candidate: 1' || true)" ]; then
      missing[i]=default-jre-headless
    fi
  done
  apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi

# From 1.21 on Go fetches the release it needs.
if [[ $(go version) =~ go1\.([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -lt 21 ]; then
  echo "Go 1.${BASH_REMATCH[1]} is too old, please install 1.21 or later from https://go.dev/dl (or Debian's backports)." >&2
  exit 1
fi
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  echo "$(python3 --version) is too old, please install 3.11 or later as python3 (Debian has it since 12)." >&2
  exit 1
fi
if ! have cargo || ! have cargo-fmt || ! have cargo-clippy; then
  echo "The Rust toolchain (cargo with rustfmt and clippy, see rust-version in Cargo.toml) is missing, please install it from https://rustup.rs." >&2
  exit 1
fi
