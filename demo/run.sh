#!/usr/bin/env bash
# Builds the digits trainer against build/lib, trains into build/demo, then shows the run. Called by `make demo`.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
out="$root/build/demo"
mkdir -p "$out"

"${CXX:-g++}" -std=c++17 -O2 -Wall -Wextra -I"$root/include" -I"$root/bindings/cpp" "$here/digits.cpp" \
  -o "$out/digits" -L"$root/build/lib" -lquipu -Wl,-rpath,"$root/build/lib"
"$out/digits" "$here/data/optdigits.csv" "$out"
"$root/build/bin/quipu" show "$out/wandb/latest-run"
