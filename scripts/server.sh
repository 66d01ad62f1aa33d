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
common=(build -c release --package-path "$root/server" --scratch-path "$scratch" --disable-local-rpath
  -Xswiftc -use-ld=lld)
step build-server "building quipu-server, release (first time: 5 to 10 minutes)" "$swift" "${common[@]}" \
  --product quipu-server
if [ -n "$tests" ]; then
  step build-server-tests "building the server's tests" "$swift" "${common[@]}" \
    --product quipu-serverPackageTests
fi

# The same objects once more, linked with the Swift runtime inside: the tests need the shared one, because Swift Testing
# comes in no other form, and compiling everything twice would take minutes. What Foundation stands on is named here, as
# the shared Foundation would have brought it along.
bin=$("$swift" "${common[@]}" --show-bin-path)
step link-server "linking it with the Swift runtime inside" "$(dirname "$(readlink -f "$swift")")/swiftc" \
  -static-stdlib -use-ld=lld -emit-executable "@$bin/quipu-server.product/Objects.LinkFileList" \
  -o "$bin/quipu-server-static" -lsqlite3 -lz -lstdc++ -lFoundationEssentials -lFoundationInternationalization \
  -lCoreFoundation -l_FoundationICU -l_FoundationCShims -l_FoundationCollections \
  -Xlinker --defsym=main=quipu_server_main -Xlinker --gc-sections -Xlinker --icf=safe
place_program "$bin/quipu-server-static" "$output/bin/quipu-server" --strip-all
say "built ${output#"$root"/}/bin/quipu-server ($(stat -c %s "$output/bin/quipu-server") bytes)"
