#!/usr/bin/env bash
# `make test`: sets up, builds, then runs every kind of test and adds the results up.
#   test.sh [STAGE...]     default: all of them, in this order
# A stage whose folder is not there (yet) is skipped with that reason; a stage that breaks counts as a failure, and the
# others still run. The last line is "N passed, N failed, N skipped".
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

all=(swift c headers python cli peer parity conformance install server serverpeer online)
stages=("$@")
[ ${#stages[@]} -gt 0 ] || stages=("${all[@]}")
for stage in "${stages[@]}"; do
  case " ${all[*]} " in *" $stage "*) ;; *) fail "no stage '$stage' (there are: ${all[*]})" ;; esac
done

"$root/scripts/setup.sh"
"$root/scripts/build.sh" --python
find_swift
cd "$root"
mkdir -p "$logs"

# The caller's own W&B settings must not reach the tests.
while IFS='=' read -r name _; do
  case $name in
    QUIPU_SCRATCH | QUIPU_SERVER_SCRATCH | QUIPU_HTTP_VECTORS | QUIPU_KILLS | QUIPU_SEED) ;;
    WANDB_* | QUIPU_*) unset "$name" ;;
  esac
done < <(env)
scratch=${QUIPU_SCRATCH:-$root/.build}
vectors=$(realpath "${VECTORS:-Tests/Vectors}")
export QUIPU_LIBRARY_DIR="$build/lib" QUIPU_COMMAND="$build/bin/quipu" QUIPU_PYTHON="$venv/bin/python"
export PYTHONPATH="$root/bindings/python" PYTHONDONTWRITEBYTECODE=1
jobs=$(nproc)

total_passed=0 total_failed=0 total_skipped=0
stage= started=0

# Adds "PASSED FAILED SKIPPED" (first line of stdin) to the totals and shows what did not pass. Stdin is a here-string:
# at the end of a pipe the totals would be a subshell's.
count() {
  local passed failed skipped line
  read -r passed failed skipped
  total_passed=$((total_passed + passed))
  total_failed=$((total_failed + failed))
  total_skipped=$((total_skipped + skipped))
  printf '%-12s %s passed, %s failed, %s skipped (%s s)\n' "$stage" "$passed" "$failed" "$skipped" \
    $((SECONDS - started))
  while IFS= read -r line; do printf '  %s\n' "$line"; done
}

skip() { count <<<"0 0 1"$'\n'"skipped  $*"; }

# broken TEXT: the stage itself failed, beside or instead of its tests.
broken() { count <<<"0 1 0"$'\n'"failed   $* (all of it: build/log/$stage.log)"; }

# attempt COMMAND...: output to the stage's log (and to the terminal with V=1); true if it succeeded.
attempt() {
  local limit=1500
  if [ -n "$V" ]; then
    printf '+ %s\n' "$*"
    timeout --foreground "$limit" "$@" </dev/null 2>&1 | tee -a "$logs/$stage.log"
  else
    timeout --foreground "$limit" "$@" </dev/null >>"$logs/$stage.log" 2>&1
  fi
}

# from_junit WORKED FILE: counts the file; a command that failed although no test did is a failure of its own.
from_junit() {
  local worked=$1 file=$2 result
  if [ ! -s "$file" ]; then
    broken "no result: $(tail -n 1 "$logs/$stage.log")"
    return
  fi
  result=$(python3 scripts/tally.py junit "$file")
  count <<<"$result"
  if [ "$worked" = no ] && [ "$(head -n 1 <<<"$result" | cut -d ' ' -f 2)" = 0 ]; then
    broken "no test failed but the command did: $(tail -n 1 "$logs/$stage.log")"
  fi
}

# A script that says "N passed, N failed, N skipped", once or once for each kind.
from_lines() {
  local worked=$1 result notes
  touch "$logs/$stage.log"
  result=$(python3 scripts/tally.py lines "$logs/$stage.log")
  notes=$(grep -E -m 40 '^(not ok|FAIL|failed|skip)' "$logs/$stage.log" || true)
  count <<<"$result${notes:+$'\n'$notes}"
  case $result in
    '0 0 0') broken "no result: $(tail -n 1 "$logs/$stage.log")" ;;
    *) if [ "$worked" = no ] && [ "$(cut -d ' ' -f 2 <<<"$result")" = 0 ]; then
         broken "no test failed but the command did: $(tail -n 1 "$logs/$stage.log")"
       fi ;;
  esac
}

run_pytest() {
  local worked=yes file="$logs/$stage.xml"
  attempt "$venv/bin/python" -m pytest -q -p no:cacheprovider --junitxml="$file" "$@" || worked=no
  from_junit $worked "$file"
}

# A folder under Tests/ with run.sh, run_FOLDER.py or pytest files, whichever is there.
run_folder() {
  local folder=$1 worked=yes script
  script="$folder/run_$(basename "$folder").py"
  shift
  if [ ! -d "$folder" ]; then
    skip "$folder does not exist yet"
  elif [ -x "$folder/run.sh" ]; then
    attempt "$folder/run.sh" "$@" || worked=no
    from_lines $worked
  elif [ -f "$script" ]; then
    attempt "$venv/bin/python" "$script" "$@" || worked=no
    from_lines $worked
  elif compgen -G "$folder/test_*.py" >/dev/null; then
    run_pytest "$folder"
  else
    skip "$folder has no run.sh, $(basename "$script") or test_*.py yet"
  fi
}

test_swift() {
  local worked=yes
  if ! attempt "$swift" build --build-tests --scratch-path "$scratch"; then
    broken "the Swift tests do not build: $(grep -m 1 -E 'error:' "$logs/swift.log" || tail -n 1 "$logs/swift.log")"
    return
  fi
  attempt "$swift" test --skip-build --disable-xctest --scratch-path "$scratch" --xunit-output "$logs/swift.xml" ||
    worked=no
  from_junit $worked "$logs/swift.xml"
}

test_c() {
  local worked=yes
  if ! ls {Tests,bindings}/{c,cpp}/CMakeLists.txt 2>/dev/null | grep . >/dev/null; then
    skip "there is no CMakeLists.txt under Tests/c, Tests/cpp, bindings/c or bindings/cpp yet"
    return
  fi
  if ! attempt cmake -S . -B build/cmake-tests -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DQUIPU_BUILD_TESTS=ON \
        -DQUIPU_INSTALL=OFF -DQUIPU_SWIFT="$swift" -DQUIPU_OUTPUT_DIR="$build" -DQUIPU_SCRATCH_DIR="$scratch" ||
      ! attempt cmake --build build/cmake-tests; then
    broken "the C tests do not build: $(grep -m 1 -E 'error|FAILED' "$logs/c.log" || tail -n 1 "$logs/c.log")"
    return
  fi
  attempt ctest --test-dir build/cmake-tests --output-on-failure --no-tests=error -j "$jobs" \
    --output-junit "$logs/c.xml" || worked=no
  from_junit $worked "$logs/c.xml"
}

test_headers() {
  local worked=yes
  attempt Tests/install/headers.sh || worked=no
  from_lines $worked
}

test_python() { run_folder Tests/python; }
test_cli() { run_folder Tests/cli; }
test_peer() { run_folder Tests/Peer; }
test_parity() { run_folder Tests/parity; }

test_conformance() {
  run_folder Tests/conformance "$vectors"
  grep -E '[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped' "$logs/conformance.log" | sed 's/^/  /' || true
}

test_install() {
  local worked=yes
  attempt Tests/install/run.sh || worked=no
  from_lines $worked
}

# The server is not part of `make build`. Its first build takes minutes, most of them for what it depends on, so it goes
# on behind the other stages, with what they leave of the processors.
server_build=
case " ${stages[*]} " in
  *' server'* | *' online '*) nice -n 19 scripts/server.sh --tests >"$logs/server-build.log" 2>&1 & server_build=$! ;;
esac
trap '[ -z "$server_build" ] || kill "$server_build" 2>/dev/null || true' EXIT

# True once the server and its tests are built.
server_is_built() {
  if [ -n "$server_build" ]; then
    wait "$server_build" && server_built=yes || server_built=no
    server_build=
  fi
  [ "$server_built" = yes ] && return 0
  broken "the server does not build: $(grep -m 1 -E 'error:' "$logs"/build-server*.log ||
    tail -n 1 "$logs/server-build.log")"
  return 1
}

# The server's own Swift tests.
test_server() {
  local worked=yes
  server_is_built || return 0
  attempt "$swift" test -c release --skip-build --disable-xctest -Xswiftc -use-ld=lld --package-path server \
    --scratch-path "${QUIPU_SERVER_SCRATCH:-$root/.build-server}" --xunit-output "$logs/server.xml" || worked=no
  from_junit $worked "$logs/server.xml"
}

# The official client against the server, and bad input over raw HTTP. Most of it is waiting for clients to start.
test_serverpeer() {
  server_is_built || return 0
  export QUIPU_SERVER="$build/bin/quipu-server"
  run_pytest -n 4 --dist loadfile server/Tests/conformance
}

# Live uploads and `quipu sync`, with the official client beside them and trouble in between.
test_online() {
  server_is_built || return 0
  export QUIPU_SERVER="$build/bin/quipu-server"
  run_pytest -n 4 --dist loadgroup Tests/online
}

for stage in "${stages[@]}"; do
  started=$SECONDS
  rm -f "$logs/$stage.log" "$logs/$stage.xml"
  say "testing: $stage"
  "test_$stage"
done

printf '%d passed, %d failed, %d skipped\n' "$total_passed" "$total_failed" "$total_skipped"
[ "$total_failed" -eq 0 ] || exit 1
