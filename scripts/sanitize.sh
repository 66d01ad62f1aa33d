#!/usr/bin/env bash
# `make sanitize`: the Swift tests, and the C tests with the library, under the address and the thread sanitizer.
#   sanitize.sh [address] [thread]     default: both. FILTER=REGEX picks Swift tests.
# The library is built with the sanitizer and against the toolchain's shared runtime, the C programs by the toolchain's
# clang; a report from either makes the test fail.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

kinds=("$@")
[ ${#kinds[@]} -gt 0 ] || kinds=(address thread)
"$root/scripts/setup.sh"
find_swift
clang=$(find_clang)
[ -n "$clang" ] || fail "no clang beside $swift or in PATH"
cd "$root"

# Known reports of others, each with its reason, never ours.
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=0 # the Swift runtime keeps its metadata for good
export TSAN_OPTIONS="halt_on_error=0:second_deadlock_stack=1"
# The thread sanitizer cannot map its shadow where the kernel spreads addresses widely.
plain=()
if setarch "$(uname -m)" -R true 2>/dev/null; then plain=(setarch "$(uname -m)" -R); fi

failures=0
try() { # NAME TEXT COMMAND...
  if (step "$@"); then say "  clean"; else failures=$((failures + 1)); fi
}

for kind in "${kinds[@]}"; do
  case $kind in address) short=asan ;; thread) short=tsan ;; *) fail "no sanitizer '$kind' (address, thread)" ;; esac
  scratch="$root/.build-$short"
  # Lets the sources choose a lock that the thread sanitizer can see: the slow path of Synchronization.Mutex is in the
  # toolchain's own library, so under contention it would report races that are none.
  flags=(--sanitize="$kind" --scratch-path "$scratch" -Xswiftc "-DQUIPU_SANITIZE_${kind^^}")
  step "$short-build" "$kind sanitizer: building the Swift tests" \
    "$swift" build --build-tests "${flags[@]}"
  try "$short-swift" "$kind sanitizer: Swift tests" \
    "${plain[@]}" "$swift" test --skip-build --disable-xctest "${flags[@]}" ${FILTER:+--filter "$FILTER"}

  step "$short-library" "$kind sanitizer: building the library" \
    "$swift" build --product QuipuC "${flags[@]}" -Xlinker "-soname=libquipu.so.$(abi_number)"
  output="$build/$short"
  mkdir -p "$output/lib" "$output/bin"
  cp -f "$("$swift" build "${flags[@]}" --show-bin-path)/libQuipuC.so" \
    "$output/lib/libquipu.so.$(abi_number)"
  ln -sfn "libquipu.so.$(abi_number)" "$output/lib/libquipu.so"
  # The thread sanitizer of a Swift toolchain watches libdispatch too, and so must be linked with it.
  link=
  if [ "$kind" = thread ]; then
    runtime=$(dirname "$(dirname "$(readlink -f "$swift")")")/lib/swift/linux
    link="-L$runtime -Wl,-rpath,$runtime -ldispatch -lBlocksRuntime"
  fi
  step "$short-c-build" "$kind sanitizer: building the C tests" bash -ec "
    cmake -S . -B '$build/cmake-$short' -G Ninja -DCMAKE_BUILD_TYPE=Debug -DQUIPU_BUILD_TESTS=ON -DQUIPU_INSTALL=OFF \
      -DQUIPU_PREBUILT=ON -DQUIPU_SWIFT='$swift' -DQUIPU_OUTPUT_DIR='$output' \
      -DCMAKE_C_COMPILER='$clang' -DCMAKE_CXX_COMPILER='$clang++' \
      -DCMAKE_C_FLAGS='-fsanitize=$kind -fno-omit-frame-pointer' \
      -DCMAKE_CXX_FLAGS='-fsanitize=$kind -fno-omit-frame-pointer' \
      -DCMAKE_EXE_LINKER_FLAGS='$link'
    cmake --build '$build/cmake-$short'"
  listed=$(ctest --test-dir "$build/cmake-$short" -N 2>&1 || true)
  if grep -q 'Total Tests: [1-9]' <<<"$listed"; then
    QUIPU_SANITIZER=$kind try "$short-c" "$kind sanitizer: C and C++ tests" \
      "${plain[@]}" ctest --test-dir "$build/cmake-$short" --output-on-failure
  else
    say "$kind sanitizer: no C tests in this checkout yet"
  fi
done

if [ "$failures" -gt 0 ]; then fail "$failures of the sanitizer runs failed"; fi
say "sanitizers: clean (${kinds[*]})"
