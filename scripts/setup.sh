#!/usr/bin/env bash
# Installs what is missing to build and test Quipu on Debian 12 or a relative of it.
#   setup.sh            everything
#   setup.sh build      the compilers and libraries, not the virtual environment of the test peers
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

part=${1:-all}

# What a package is wanted for, asked of the machine itself: who has CMake from elsewhere needs no package of it.
have() {
  case $1 in
    libcurl4-openssl-dev) pkg-config --exists libcurl ;;
    libjson-c-dev) pkg-config --exists json-c ;;
    libpng-dev) pkg-config --exists libpng ;;
    libsqlite3-dev) pkg-config --exists sqlite3 ;;
    libeigen3-dev) pkg-config --exists eigen3 ;;
    zlib1g-dev) pkg-config --exists zlib ;;
    cmake) command -v cmake && command -v ctest ;;
    ninja-build) command -v ninja ;;
    pkg-config) command -v pkg-config ;;
    g++) command -v g++ && command -v gcc && command -v readelf ;;
    python3-venv) python3 -c 'import venv, ensurepip' ;;
    git) command -v git ;;
    libncurses6) starts_without libncurses.so ;;
    libsqlite3-0) starts_without libsqlite3.so ;;
    libxml2) starts_without libxml2.so ;;
    *) false ;;
  esac >/dev/null 2>&1
}

# The Swift toolchain is an archive that brings no dependencies along.
starts_without() {
  local folder needs
  folder=$(dirname "$(readlink -f "$swift")")
  needs=$(ldd "$folder/swift-build" "$folder/swift-frontend" 2>/dev/null || true)
  ! grep -q "$1.*not found" <<<"$needs"
}

# Debian's package is the quick answer, the probe the second.
installed() {
  command -v dpkg-query >/dev/null 2>&1 &&
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null || true)" = installed ] || have "$1"
}

packages() {
  local package missing=() sudo=()
  for package in pkg-config libcurl4-openssl-dev libjson-c-dev libpng-dev zlib1g-dev libsqlite3-dev libeigen3-dev cmake \
      ninja-build g++ python3-venv git libncurses6 libsqlite3-0 libxml2; do
    installed "$package" || missing+=("$package")
  done
  if [ ${#missing[@]} -eq 0 ]; then
    return 0
  fi
  command -v apt-get >/dev/null 2>&1 ||
    fail "these are missing and this machine has no apt-get; please install what they are here: ${missing[*]}"
  if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null 2>&1 && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
      sudo=(sudo)
    else
      fail "not root and no sudo, so please have this done: apt-get install ${missing[*]}"
    fi
  fi
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0)
  step apt-update "reading the package lists" "${sudo[@]}" "${apt[@]}" update
  step apt-install "installing ${missing[*]}" "${sudo[@]}" "${apt[@]}" install --no-install-recommends "${missing[@]}"
}

# The official client and the other peers that tests and benchmarks compare with; Quipu itself never uses them.
peers() {
  local wanted="$root/Tests/requirements.txt" stamp="$venv/.quipu-requirements"
  if [ -x "$venv/bin/python" ] && cmp -s "$wanted" "$stamp"; then
    return 0
  fi
  if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    rm -rf "$venv"
    step venv "making the virtual environment .venv for the test peers" python3 -m venv "$venv"
  fi
  step peers "installing the test peers into .venv (Tests/requirements.txt)" \
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input -r "$wanted"
  cp "$wanted" "$stamp"
}

locate_swift
packages
find_swift
if [ "$part" = all ]; then
  peers
  found=$("$swift" --version 2>/dev/null | sed -n 's/.*\(Swift version [0-9.]*\).*/\1/p' | head -n 1)
  say "set-up is complete ($found, .venv)"
fi
