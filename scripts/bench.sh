#!/usr/bin/env bash
# `make bench`: everything benchmarks/ measures, beside its peers, in one run on this machine.
#   BENCH_QUICK=1 small sizes; BENCH_ONLY=calls,image some parts; see benchmarks/README.md
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

"$root/scripts/setup.sh"
"$root/scripts/build.sh" --python
find_swift
cd "$root/benchmarks"

programs="$build/bench"
mkdir -p "$programs"
cc=${CC:-cc}
cxx=${CXX:-c++}
flags=(-O2 -Wall -Wextra "-I$root/include" "-L$build/lib" "-Wl,-rpath,$build/lib")
compile() { # NAME COMMAND...
  step "bench-$1" "building benchmark $1" "${@:2}" -o "$programs/$1"
}
for name in call_cost rows online images video; do
  compile $name "$cc" -std=gnu11 "native/$name.c" "${flags[@]}" -lquipu -lpthread
done
for name in start memory disk_load; do
  compile $name "$cc" -std=gnu11 "native/$name.c" "${flags[@]}" -lpthread -ldl
done
compile call_cost_cpp "$cxx" -std=c++17 native/call_cost_cpp.cpp "-I$root/bindings/cpp" "${flags[@]}" -lquipu

# A Swift program compiles the library anew, as its users do (first time: minutes).
step bench-swift "building benchmark callcost (Swift)" "$swift" build -c release --package-path swift \
  --scratch-path "$build/bench-swift"
ln -sfn "$build/bench-swift/release/callcost" "$programs/callcost"

# Uploads are measured against a real server.
case ",${BENCH_ONLY:-online}," in *,online,*) [ -x "$build/bin/quipu-server" ] || "$root/scripts/server.sh" ;; esac

exec "$venv/bin/python" run.py
