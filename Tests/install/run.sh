#!/usr/bin/env bash
# Installs Quipu into a temporary prefix, moves the prefix, and uses it as a stranger would: CMake, pkg-config, Python,
# FetchContent, the wheel. Also looks into the library: what it exports, needs and weighs.
. "$(dirname "${BASH_SOURCE[0]}")/check.sh"
find_swift
abi=$(abi_number)
# Nothing of the checkout may help the user's programs along.
unset PYTHONPATH LD_LIBRARY_PATH PKG_CONFIG_PATH CMAKE_PREFIX_PATH QUIPU_LIBRARY_DIR

first="$work/first place"
prefix="$work/moved"
check "make install into a prefix with a space in it" env PREFIX="$first" DESTDIR= PYTHONDIR= "$root/scripts/install.sh"
mkdir -p "$work/stage"
check "make install with DESTDIR" env PREFIX=/opt/quipu DESTDIR="$work/stage" PYTHONDIR= "$root/scripts/install.sh"
(cd "$first" 2>/dev/null && find . | sort) >"$work/files-first"
(cd "$work/stage/opt/quipu" 2>/dev/null && find . | sort) >"$work/files-stage"
check "a staged tree holds the same files" diff "$work/files-first" "$work/files-stage"
all_installed() {
  local file missing=0
  for file in include/quipu.h lib/libquipu.so "lib/libquipu.so.$abi" "lib/libquipu.so.$version" lib/pkgconfig/quipu.pc \
      lib/cmake/Quipu/QuipuConfig.cmake lib/cmake/Quipu/QuipuConfigVersion.cmake bin/quipu share/doc/Quipu/LICENSE; do
    [ -e "$first/$file" ] || { printf 'missing: %s\n' "$file"; missing=1; }
  done
  return $missing
}
check "the installed tree is complete" all_installed
no_trace_of_place() { ! grep -rIl -e "$first" -e "$root" "$first/lib" "$first/include" "$first/bin"; }
check "no installed text names the place it was built or installed in" no_trace_of_place
mv "$first" "$prefix" 2>/dev/null || mkdir -p "$prefix"
library="$prefix/lib/libquipu.so.$abi"

# The library itself ------------------------------------------------------------------------------------------------

soname_is() { readelf -d "$library" | grep SONAME | tee /dev/stderr | grep "\[libquipu.so.$abi\]" >/dev/null; }
check "the SONAME is libquipu.so.$abi" soname_is
needs_no_swift() { # a file
  local needs
  needs=$(ldd "$1") || { printf '%s\n' "$needs"; return 1; }
  ! grep -iE 'swift|foundation|dispatch|not found' <<<"$needs"
}
check "the library needs nothing of Swift" needs_no_swift "$library"
check "the quipu command needs nothing of Swift" needs_no_swift "$prefix/bin/quipu"
only_usual_libraries() {
  local other
  other=$(readelf -d "$library" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' |
    grep -vE '^(libc|libm|libgcc_s|libstdc\+\+|libpng16|libz|ld-linux-[a-z0-9_-]*)\.so\.[0-9]+$')
  [ -z "$other" ] || { printf 'also needs: %s\n' $other; return 1; }
}
check "it needs libc, libm, libgcc_s, libstdc++, libpng and zlib only" only_usual_libraries
no_search_path() { ! readelf -d "$library" "$prefix/bin/quipu" | grep -E 'RPATH|RUNPATH'; }
check "it carries no library search path of the build machine" no_search_path
stack_flags() { readelf -lW "$library" | awk '$1 == "GNU_STACK" { print $7; found = 1 } END { exit !found }'; }
stack_not_executable() { [ "$(stack_flags)" = RW ]; }
check "its stack is not executable" stack_not_executable
no_text_relocations() { ! readelf -d "$library" | grep TEXTREL; }
check "it has no text relocations" no_text_relocations
# One String.contains(String) or split by a String pulls in the regular expression engine, 1.4 MB of it.
carries_no_regex() {
  ! strings -a "$library" | grep -m 3 -E '_RegexParser|_StringProcessing'
}
check "it carries no regular expression engine" carries_no_regex
# With SWIFT_BACKTRACE in the environment it would take the host's signals, and print.
carries_no_crash_handler() { ! readelf -SW "$library" | grep swift5_backtrace; }
check "it carries no crash handler for the host's signals" carries_no_crash_handler
small_enough() {
  local bytes
  cp "$library" "$work/stripped.so" && strip --strip-unneeded "$work/stripped.so"
  bytes=$(stat -c %s "$work/stripped.so")
  printf '%s bytes stripped, %s shipped, 8388608 allowed\n' "$bytes" "$(stat -c %s "$library")"
  [ "$bytes" -le 8388608 ] && [ "$(stat -c %s "$library")" -le 8388608 ]
}
check "it weighs at most 8 MB stripped, and is shipped so" small_enough
check "header, exports and docs/symbols-in-versions name the same functions" \
  "$root/Tests/install/symbols.py" check "$library"

# CMake -------------------------------------------------------------------------------------------------------------

configure() { # build folder, source folder, arguments
  local into=$1 from=$2
  shift 2
  cmake -S "$root/Tests/install/$from" -B "$work/$into" -G Ninja "$@"
}
runs() { # program: starts a run and leaves a log
  local dir
  dir=$(mktemp -d "$work/run.XXXX")
  (cd "$dir" && HOME=$dir "$@" "$dir" | tee /dev/stderr | grep '^ok ') >/dev/null || return 1
  compgen -G "$dir/wandb/*/run-*.wandb" >/dev/null || { find "$dir"; return 1; }
}
check "find_package(Quipu 0.1) configures" configure user find_package -DCMAKE_PREFIX_PATH="$prefix"
check "a C and a C++ program build with it" cmake --build "$work/user"
check "the C program records a run" runs "$work/user/user_c"
check "the C++ program records a run" runs "$work/user/user_cpp"
check "the C program needs nothing of Swift" needs_no_swift "$work/user/user_c"
check "the C++ program needs nothing of Swift" needs_no_swift "$work/user/user_cpp"
major=${version%%.*}
check "find_package of this very version configures" \
  configure user-exact find_package -DCMAKE_PREFIX_PATH="$prefix" -DWANTED="$version"
refuse "find_package of the next major version is refused" \
  configure user-major find_package -DCMAKE_PREFIX_PATH="$prefix" -DWANTED=$((major + 1)).0
refuse "find_package of a later version is refused" \
  configure user-later find_package -DCMAKE_PREFIX_PATH="$prefix" -DWANTED="$major.999"

check "FetchContent configures" configure fetch fetch_content -DQUIPU_SOURCE="$root" -DQUIPU_SWIFT="$swift" \
  -DQUIPU_OUTPUT_DIR="$build" -DQUIPU_SCRATCH_DIR="${QUIPU_SCRATCH:-$root/.build}"
check "FetchContent builds" cmake --build "$work/fetch"
check "a program built with FetchContent records a run" runs "$work/fetch/user_cpp"

# pkg-config --------------------------------------------------------------------------------------------------------

config() { PKG_CONFIG_PATH="$prefix/lib/pkgconfig" pkg-config "$@"; }
version_told() { config --modversion quipu | tee /dev/stderr | grep -x "$version" >/dev/null; }
check "pkg-config tells the version" version_told
moved_along() { config --cflags --libs quipu | tee /dev/stderr | grep -- "-L$prefix/lib\|-L$prefix/lib/pkgconfig/../.." >/dev/null; }
check "pkg-config follows the moved prefix" moved_along
with_pkg_config() { # compiler, source, program
  # shellcheck disable=SC2046
  "$1" "$root/Tests/install/$2" -o "$work/$3" $(config --cflags --libs quipu) "-Wl,-rpath,$prefix/lib"
}
check "gcc builds with pkg-config alone" with_pkg_config gcc user.c plain_c
check "g++ builds with pkg-config alone" with_pkg_config g++ user.cpp plain_cpp
check "the gcc program records a run" runs "$work/plain_c"
check "the g++ program records a run" runs "$work/plain_cpp"
check "the gcc program needs nothing of Swift" needs_no_swift "$work/plain_c"
in_old_c() { gcc -std=c99 -pedantic-errors "$root/Tests/install/user.c" -o "$work/c99" $(config --cflags --libs quipu); }
check "the same program is C99" in_old_c

# The command and Python --------------------------------------------------------------------------------------------

shows_a_run() {
  local log
  log=$(find "$work" -name 'run-*.wandb' | head -n 1)
  [ -n "$log" ] || { echo "no run to show"; return 1; }
  env -i "$prefix/bin/quipu" show "$log" && env -i "$prefix/bin/quipu" verify "$log"
}
check "the installed command shows and verifies the run" shows_a_run

python_run='
import os, sys, quipu
run = quipu.init(project="install-test", mode="offline", dir=sys.argv[1])
run.log({"loss": 0.5})
run.finish()
here = os.path.realpath(os.path.dirname(quipu.__file__))
assert here.startswith(os.path.realpath(sys.argv[2])), here
maps = open("/proc/self/maps").read()
loaded = {line.split(None, 5)[5].strip() for line in maps.splitlines() if "libquipu" in line}
assert len(loaded) == 1 and next(iter(loaded)).startswith(os.path.realpath(sys.argv[2])), loaded
print("ok", here)
'
python_records() { # python, where the package must come from, PYTHONPATH
  local dir
  dir=$(mktemp -d "$work/run.XXXX")
  (cd "$dir" && HOME=$dir PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$3 "$1" -c "$python_run" "$dir" "$2") || return 1
  compgen -G "$dir/wandb/*/run-*.wandb" >/dev/null || { find "$dir"; return 1; }
}
if [ -f "$root/bindings/python/quipu/__init__.py" ]; then
  pythondir=$(cd "$prefix" && dirname "$(find . -path '*-packages/quipu/__init__.py' | head -n 1)")
  check "the installed Python package records a run" \
    python_records python3 "$prefix" "$prefix/$(dirname "$pythondir")"

  base=${QUIPU_PYTHON:-$venv/bin/python}
  wheel() {
    # setuptools puts whatever an earlier build left there into the wheel
    rm -rf "$root/bindings/python/build" "$root/bindings/python/quipu.egg-info"
    "$base" -m pip wheel --quiet --disable-pip-version-check --no-deps --no-index --no-build-isolation \
      --wheel-dir "$work/wheels" "$root/bindings/python" && ls "$work/wheels"
  }
  check "the wheel builds" wheel
  tagged() { ls "$work/wheels" | tee /dev/stderr | grep -E "^quipu-$version-py3-none-linux_$(uname -m)\.whl$" >/dev/null; }
  check "the wheel is for any Python 3 on this platform" tagged
  carries_library() {
    "$base" -c 'import sys, zipfile
names = zipfile.ZipFile(sys.argv[1]).namelist()
print(*names, sep="\n")
assert "quipu/_lib/libquipu.so" in names and "quipu/__init__.py" in names
assert any(n.endswith("LICENSE") for n in names)' "$work"/wheels/*.whl
  }
  check "the wheel carries the library and the licence" carries_library
  fresh_venv() {
    python3 -m venv "$work/venv" &&
      "$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-index "$work"/wheels/*.whl
  }
  check "the wheel installs into a fresh virtual environment" fresh_venv
  check "the package from the wheel records a run" python_records "$work/venv/bin/python" "$work/venv" ""
else
  leave_out "the Python package" "bindings/python/quipu/__init__.py does not exist yet"
fi

# Away again --------------------------------------------------------------------------------------------------------

check "make uninstall runs" env PREFIX=/opt/quipu DESTDIR="$work/stage" "$root/scripts/install.sh" uninstall
nothing_left() { ! find "$work/stage" -not -type d | grep .; }
check "make uninstall leaves nothing behind" nothing_left

finish
