# Shared by the scripts here: where things are, how a step speaks, which Swift. Sourced, never run.
# Quiet by default: a step says one line and keeps its output in build/log/; V=1 shows commands and output.

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build="$root/build"
logs="$build/log"
venv="$root/.venv"
V=${V:-}
version=$(head -n 1 "$root/VERSION")

say() { printf 'quipu: %s\n' "$*"; }
fail() { printf 'quipu: error: %s\n' "$*" >&2; exit 1; }

# step NAME TEXT COMMAND...: says TEXT, runs COMMAND with its output in build/log/NAME.log, and fails with one line.
step() {
  local name=$1 text=$2 log="$logs/$1.log"
  shift 2
  mkdir -p "$logs"
  say "$text"
  if [ -n "$V" ]; then
    printf '+ %s\n' "$*"
    "$@" 2>&1 | tee "$log" && return 0
  else
    "$@" >"$log" 2>&1 && return 0
  fi
  if [ -z "$V" ]; then
    # What a compiler said first is what is wrong; where nothing says "error", the end is.
    { grep -E -A 3 -m 8 '(^|[^a-z])(error|fatal)( |:)|^CMake Error|undefined reference' "$log" ||
      tail -n 15 "$log"; } >&2
  fi
  fail "this step failed: $text (all of it: ${log#"$root"/})"
}

# Sets `swift` (path of the command), or fails with one line.
swift=
locate_swift() {
  local candidate
  for candidate in "${SWIFT:-}" "$(command -v swift || true)" /opt/swift/usr/bin/swift /usr/share/swift/usr/bin/swift \
      "${HOME:-/root}/.local/share/swiftly/bin/swift"; do
    if [ -n "$candidate" ] && [ -x "$candidate" ]; then
      swift=$candidate
      break
    fi
  done
  [ -n "$swift" ] || fail "Quipu needs Swift 6.3 or later and found none in PATH, /opt/swift or /usr/share/swift" \
    "(https://www.swift.org/install/linux; or set SWIFT=/path/to/swift)"
}

# The same, and fails with one line saying what was found if it is too old or does not start.
find_swift() {
  local text found
  locate_swift
  text=$("$swift" --version 2>&1 </dev/null) || true
  found=$(printf '%s\n' "$text" | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1)
  [ -n "$found" ] || fail "Quipu needs Swift 6.3 or later; $swift does not start:" \
    "$(printf '%s' "$text" | grep -v '^$' | head -n 1)"
  local major=${found%%.*} minor=${found#*.}
  minor=${minor%%.*}
  if [ "$major" -lt 6 ] || { [ "$major" -eq 6 ] && [ "${minor:-0}" -lt 3 ]; }; then
    fail "Quipu needs Swift 6.3 or later; found $found at $swift (https://www.swift.org/install/linux)"
  fi
  export SWIFT="$swift"
}

# The toolchain's own clang, the second opinion on the C and C++ headers.
find_clang() {
  local folder
  folder=$(dirname "$(readlink -f "$swift")")
  if [ -x "$folder/clang" ]; then
    printf '%s\n' "$folder/clang"
  else
    command -v clang || true
  fi
}

abi_number() {
  local n=
  [ -f "$root/include/quipu.h" ] &&
    n=$(sed -n 's/^#define[[:space:]]\{1,\}QUIPU_ABI[[:space:]]\{1,\}\([0-9]\{1,\}\).*/\1/p' \
      "$root/include/quipu.h" | head -n 1)
  printf '%s\n' "${n:-0}"
}

# place_program FROM TO HOW: a stripped copy. A changed file is put in place by renaming, so a process that has the old
# one loaded keeps it; an unchanged one keeps its time, so that nothing behind it is rebuilt.
place_program() {
  local new="$2.new.$$" strip
  strip=$(command -v strip || command -v "$(dirname "$(readlink -f "$swift")")/llvm-strip" || true)
  mkdir -p "$(dirname "$2")"
  cp "$1" "$new"
  if [ -n "$strip" ]; then "$strip" "$3" "$new"; fi
  chmod 755 "$new"
  if cmp -s "$new" "$2"; then rm -f "$new"; else mv -f "$new" "$2"; fi
}
