#!/usr/bin/env bash
# `make install`, `make uninstall`: PREFIX (default /usr/local), DESTDIR (staging root), PYTHONDIR (below PREFIX).
# The rules themselves are CMake's (CMakeLists.txt), so that both doors install the same files.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

prefix=$(realpath -sm "${PREFIX:-/usr/local}")
stage=${DESTDIR:-}
[ -z "$stage" ] || stage=$(realpath -sm "$stage")
manifest="$stage$prefix/share/quipu/installed-files"

if [ "${1:-install}" = uninstall ]; then
  [ -f "$manifest" ] || fail "nothing to remove: $manifest does not exist"
  say "removing Quipu from $stage$prefix"
  while IFS= read -r path; do
    case $path in
      "$prefix"/*)
        rm -f "$stage$path"
        # Folders that were ours alone go too; rmdir leaves all others.
        rmdir -p --ignore-fail-on-non-empty "$(dirname "$stage$path")" 2>/dev/null || true ;;
    esac
  done < <(cat "$manifest"; printf '%s\n' "$prefix/share/quipu/installed-files")
  exit 0
fi

# Below PREFIX the package goes where PREFIX's own Python looks; where none does, to a place free of Python's version.
python_dir() {
  python3 - "$prefix" <<'P' 2>/dev/null || true
import os, site, sys
prefix = sys.argv[1].rstrip("/") + "/"
for path in site.getsitepackages():
    if path.startswith(prefix) and not (prefix == "/usr/" and path.startswith("/usr/local/")):
        print(os.path.relpath(path, prefix))
        break
P
}
pythondir=${PYTHONDIR:-$(python_dir)}
pythondir=${pythondir:-lib/python3/dist-packages}

# `sudo make install` after `make build`: root rarely has Swift in its path and should not own build files.
abi=$(abi_number)
if [ -n "${SUDO_UID:-}" ] && [ -f "$build/lib/libquipu.so.$abi" ] && [ -f "$build/bin/quipu" ]; then
  say "installing what 'make build' left"
else
  "$root/scripts/build.sh" --python
fi

find_swift
step install-configure "preparing the installation" cmake -S "$root" -B "$build/cmake-install" -G Ninja \
  -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$prefix" -DQUIPU_PYTHON_DIR="$pythondir" -DQUIPU_SWIFT="$swift" \
  -DQUIPU_OUTPUT_DIR="$build" -DQUIPU_SCRATCH_DIR="${QUIPU_SCRATCH:-$root/.build}"
DESTDIR=$stage step install "installing into $stage$prefix" cmake --install "$build/cmake-install"
mkdir -p "$(dirname "$manifest")"
sort -u "$build/cmake-install/install_manifest.txt" >"$manifest"

if [ -z "$stage" ] && [ "$(id -u)" -eq 0 ] && command -v ldconfig >/dev/null 2>&1; then
  case $prefix in /usr | /usr/local) ldconfig ;; esac
fi
if [ -d "$stage$prefix/$pythondir/quipu" ]; then
  say "Python: the package is in $prefix/$pythondir"
fi
