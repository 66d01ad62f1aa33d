#!/usr/bin/env bash
# `make demo`: builds Quipu and the C++ trainer, trains, then shows the run. Starts from a bare machine.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

"$root/scripts/setup.sh" build
"$root/scripts/build.sh" --python
say "building and running the demo (demo/digits.cpp)"
exec "$root/demo/run.sh"
