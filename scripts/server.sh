#!/usr/bin/env bash
# `make server`: build/bin/quipu-server, with the Swift runtime inside, stripped.
#   server.sh [--scratch DIR] [--output DIR] [--tests]      --tests also builds the Swift tests of server/
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

scratch=${QUIPU_SERVER_SCRATCH:-$root/.build-server}
output=$build
tests=
while [ $# -gt 0 ]; do
  case $1 in
    --scratch) scratch=$2; shift 2 ;;
    --output) output=$2; shift 2 ;;
    --tests) tests=1; shift ;;
    *) fail "server.sh does not know '$1'" ;;
  esac
done
logs="$output/log"

find_swift
cd "$root"
common=(build -c release --package-path "$root/server" --scratch-path "$scratch" --static-swift-stdlib
  --disable-local-rpath -Xswiftc -use-ld=lld -Xlinker --gc-sections -Xlinker --icf=safe)
step build-server "building quipu-server, release (first time: 5 to 10 minutes)" "$swift" "${common[@]}" \
  --product quipu-server
if [ -n "$tests" ]; then
  step build-server-tests "building the server's tests" "$swift" "${common[@]}" --build-tests
fi

bin=$("$swift" "${common[@]}" --show-bin-path)
place_program "$bin/quipu-server" "$output/bin/quipu-server" --strip-all
say "built ${output#"$root"/}/bin/quipu-server ($(stat -c %s "$output/bin/quipu-server") bytes)"
