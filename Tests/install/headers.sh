#!/usr/bin/env bash
# Compiles the public headers alone, with every warning an error, by gcc and by the Swift toolchain's clang.
. "$(dirname "${BASH_SOURCE[0]}")/check.sh"
find_swift
clang=$(find_clang)

warnings=(-pedantic -Wall -Wextra -Werror -Wconversion -Wsign-conversion -Wshadow -Wundef -Wcast-qual -Wcast-align
  -Wwrite-strings -Wpointer-arith -Wformat=2 -Wdouble-promotion)
c_only=(-Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wc++-compat)
cxx_only=(-Wold-style-cast -Wnon-virtual-dtor -Woverloaded-virtual -Wextra-semi)

# Twice, so that the guard is tried; every initialiser macro is used, and every static inline function instantiated.
{
  printf '#include "quipu.h"\n#include "quipu.h"\nextern const void *quipu_header_test(void);\n'
  printf 'const void *quipu_header_test(void) {\n'
  sed -n 's/^#define \(QUIPU_\([A-Z_]*\)_INIT\).*/\1 \2/p' "$root/include/quipu.h" | sort -u |
    while read -r macro noun; do
      noun=$(printf '%s' "$noun" | tr '[:upper:]' '[:lower:]')
      printf '  static quipu_%s kept_%s;\n  quipu_%s fresh_%s = %s;\n  kept_%s = fresh_%s;\n  (void)kept_%s;\n' \
        "$noun" "$noun" "$noun" "$noun" "$macro" "$noun" "$noun" "$noun"
    done
  printf '  return 0;\n}\n'
} >"$work/alone.c"
cp "$work/alone.c" "$work/alone.cc"
sed -i 's/return 0;/return nullptr;/' "$work/alone.cc"
printf '#include "quipu.hpp"\n#include "quipu.hpp"\n' >"$work/wrapper.cc"

compilers=("gcc g++")
if [ -n "$clang" ]; then
  compilers+=("$clang $clang++")
else
  leave_out "clang" "neither the Swift toolchain nor this machine has one"
fi

for pair in "${compilers[@]}"; do
  read -r cc cxx <<<"$pair"
  label=$(basename "$cc")
  for standard in c99 c11 c17; do
    check "quipu.h alone, $label -std=$standard" \
      "$cc" -std=$standard "${warnings[@]}" "${c_only[@]}" -O2 -I"$root/include" -c "$work/alone.c" -o "$work/a.o"
  done
  for standard in c++11 c++14 c++17 c++20; do
    check "quipu.h alone, $label -std=$standard" \
      "$cxx" -std=$standard "${warnings[@]}" "${cxx_only[@]}" -O2 -I"$root/include" -c "$work/alone.cc" -o "$work/a.o"
  done
  if [ -f "$root/bindings/cpp/quipu.hpp" ]; then
    for standard in c++17 c++20; do
      for exceptions in -fexceptions -fno-exceptions; do
        check "quipu.hpp alone, $label -std=$standard $exceptions" "$cxx" -std=$standard $exceptions "${warnings[@]}" \
          "${cxx_only[@]}" -O2 -I"$root/include" -I"$root/bindings/cpp" -c "$work/wrapper.cc" -o "$work/a.o"
      done
    done
    refuse "quipu.hpp says no to $label -std=c++11" \
      "$cxx" -std=c++11 -I"$root/include" -I"$root/bindings/cpp" -c "$work/wrapper.cc" -o "$work/a.o"
  fi
done
[ -f "$root/bindings/cpp/quipu.hpp" ] || leave_out "quipu.hpp" "bindings/cpp/quipu.hpp does not exist yet"

only_plain_includes() {
  local other
  other=$(grep -E '^[[:space:]]*#[[:space:]]*include' "$root/include/quipu.h" |
    grep -vE '<(stddef|stdint|stdbool)\.h>')
  [ -z "$other" ] || { printf '%s\n' "$other"; return 1; }
}
check "quipu.h includes stddef.h, stdint.h and stdbool.h only" only_plain_includes

macros_match_version() {
  local from_header
  printf '#include "quipu.h"\nQUIPU_VERSION_MAJOR.QUIPU_VERSION_MINOR.QUIPU_VERSION_PATCH\n' >"$work/version.c"
  from_header=$(gcc -E -P -I"$root/include" "$work/version.c" | tail -n 1 | tr -d ' ')
  printf '%s in quipu.h, %s in VERSION\n' "$from_header" "$version"
  [ "$from_header" = "$version" ] && grep -q "^#define QUIPU_VERSION \"$version\"" "$root/include/quipu.h"
}
check "the version macros of quipu.h equal VERSION" macros_match_version

finish
