#!/usr/bin/env bash
# `make demo`: builds Quipu, the C++ trainer and the server, trains, shows the run, serves it. Starts from a bare
# machine.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

"$root/scripts/setup.sh" build
"$root/scripts/build.sh" --python
say "building and running the demo (demo/digits.cpp)"
"$root/demo/run.sh"
"$root/scripts/server.sh"
exec "$root/demo/serve.sh"
