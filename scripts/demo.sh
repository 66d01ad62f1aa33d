#!/usr/bin/env bash
# `make demo`: builds Quipu and the C++ trainer, trains, then shows the run. Starts from a bare machine.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

"$root/scripts/setup.sh" build
"$root/scripts/build.sh" --python
for candidate in demo examples/demo bindings/cpp/demo; do
  if [ -x "$root/$candidate/run.sh" ]; then
    cd "$root"
    exec "$root/$candidate/run.sh"
  fi
done
fail "this checkout has no demo (looked for demo/run.sh)"
