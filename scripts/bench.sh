#!/usr/bin/env bash
# `make bench`: everything benchmarks/ measures, beside its peers, in one run on this machine.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

"$root/scripts/setup.sh"
"$root/scripts/build.sh" --python
cd "$root"
export QUIPU_PYTHON="$venv/bin/python" PYTHONPATH="$root/bindings/python"
if [ -x benchmarks/run.sh ]; then exec benchmarks/run.sh; fi
if [ -f benchmarks/run.py ]; then exec "$venv/bin/python" benchmarks/run.py; fi
fail "this checkout has no benchmarks (looked for benchmarks/run.sh and benchmarks/run.py)"
