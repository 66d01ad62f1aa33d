# Sourced by the scripts here: counts checks.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../../scripts/common.sh
. "$here/../../scripts/common.sh"
set +e

passed=0 failed=0 skipped=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# check NAME COMMAND...: ok if the command succeeds; its output is shown if not.
check() {
  local name=$1
  shift
  if "$@" >"$work/output" 2>&1; then
    passed=$((passed + 1))
    printf 'ok      %s\n' "$name"
  else
    failed=$((failed + 1))
    printf 'not ok  %s: %s\n' "$name" "$(grep -v '^$' "$work/output" | head -n 1)"
    sed 's/^/        /' "$work/output" | head -n 60
  fi
}

# refuse NAME COMMAND...: ok if the command fails, as it must.
refuse() {
  local name=$1
  shift
  check "$name" not "$@"
}
not() { ! "$@"; }

leave_out() { skipped=$((skipped + 1)); printf 'skip    %s: %s\n' "$1" "$2"; }

finish() {
  printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
  [ "$failed" -eq 0 ]
}
