#!/usr/bin/env bash
# Release build: OUTPUT/lib/libquipu.so.N (Swift runtime inside, only quipu_* visible, stripped) with its links, and
# OUTPUT/bin/quipu. Called by `make build`, by CMake and by the Python wheel; this is the one place with the flags.
#   build.sh [--scratch DIR] [--output DIR] [--python]
# --python also links the library into bindings/python, so that PYTHONPATH=bindings/python works from a checkout.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

scratch=${QUIPU_SCRATCH:-$root/.build}
output=$build
python=
while [ $# -gt 0 ]; do
  case $1 in
    --scratch) scratch=$2; shift 2 ;;
    --output) output=$2; shift 2 ;;
    --python) python=1; shift ;;
    *) fail "build.sh does not know '$1'" ;;
  esac
done

logs="$output/log"

find_swift
abi=$(abi_number)
name=libquipu.so.$abi
cd "$root"

# -static-stdlib       the host needs no Swift, and keeps its own, of any version, apart
# version script       only quipu_* is visible
# function sections    lets the linker drop what the library does not use, and fold what is equal
# internalize at link  public Swift functions are for the modules of the library alone: unused ones are dropped too
# lld                  comes with the Swift toolchain, so binutils' choice of linker does not matter
# now, relro           load time is the same within noise (1.1 ms), and the relocated data is read-only afterwards
# Osize, and none of reflection's texts: 8 MB is a promise, most of it the Swift run-time's. Without implicit imports
# two of its libraries stay out. A dynamic exclusivity check would trap in the host, so it is left out as well.
export QUIPU_SHIPPED_LIBRARY=1
common=(build -c release --package-path "$root" --scratch-path "$scratch" --disable-local-rpath
  -Xswiftc -static-stdlib -Xswiftc -use-ld=lld -Xswiftc -Xfrontend -Xswiftc -function-sections
  -Xswiftc -Xfrontend -Xswiftc -internalize-at-link -Xswiftc -enforce-exclusivity=unchecked
  -Xswiftc -Xfrontend -Xswiftc -disable-reflection-metadata
  -Xswiftc -Xfrontend -Xswiftc -disable-implicit-concurrency-module-import
  -Xswiftc -Xfrontend -Xswiftc -disable-implicit-string-processing-module-import
  -Xlinker --icf=all -Xlinker --as-needed -Xlinker -z -Xlinker noexecstack -Xlinker -z -Xlinker nodelete
  -Xlinker -z -Xlinker relro -Xlinker -z -Xlinker now)
# The Swift run-time's table of the names of all Unicode characters (half a megabyte) is reached only through a property
# that nothing here asks for; its one entry point is bound to a function that returns 0, "no name".
library=(--product QuipuC -Xlinker --defsym=_swift_stdlib_getScalarName=quipu_abi_version
  -Xlinker "--version-script=$root/cmake/quipu.map" -Xlinker "-soname=$name")

# Of the Swift run-time goes in what is used, not all of it: 0.9 MB less. scripts/collectable.swift says how. Where this
# does not work, for a toolchain laid out in another way, the library is that much larger, and nothing else.
# Backtrace.cpp.o would install handlers for the host's signals if SWIFT_BACKTRACE asked for it: not a library's
# business, and 86 kB with all it needs.
swiftc=$(dirname "$(readlink -f "$swift")")/swiftc
collect() {
  local from name into="$scratch/collectable"
  from=$("$swiftc" -static-stdlib -print-target-info | sed -n '/"runtimeLibraryPaths"/{n;s/^ *"\(.*\)".*/\1/p}')
  mkdir -p "$into"
  [ "$into/collectable" -nt scripts/collectable.swift ] ||
    "$swiftc" -O -static-stdlib scripts/collectable.swift -o "$into/collectable" || return 1
  for name in libswiftCore libswiftGlibc libswiftSynchronization; do
    "$into/collectable" "$from/$name.a" "$into/$name.a" Backtrace.cpp.o || return 1
    common+=(-Xlinker "--remap-inputs=*/$name.a=$into/$name.a")
  done
}
mkdir -p "$logs"
collect >"$logs/collectable.log" 2>&1 ||
  say "the whole Swift run-time goes into the library, 0.9 MB more than needed (${logs#"$root"/}/collectable.log)"

step build-library "building the library, release (first time: minutes)" "$swift" "${common[@]}" "${library[@]}"
step build-command "building the quipu command, release" "$swift" "${common[@]}" --product quipu

bin=$("$swift" "${common[@]}" --show-bin-path)
place_program "$bin/libQuipuC.so" "$output/lib/$name" --strip-unneeded
place_program "$bin/quipu" "$output/bin/quipu" --strip-all
ln -sfn "$name" "$output/lib/libquipu.so"

if [ -n "$python" ] && [ -d "$root/bindings/python" ]; then
  mkdir -p "$root/bindings/python/quipu/_lib"
  ln -sfn "$(realpath --relative-to="$root/bindings/python/quipu/_lib" "$output/lib")/$name" \
    "$root/bindings/python/quipu/_lib/libquipu.so"
fi
say "built ${output#"$root"/}/lib/$name ($(stat -c %s "$output/lib/$name") bytes) and ${output#"$root"/}/bin/quipu"
