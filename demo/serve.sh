#!/usr/bin/env bash
# Serves the demo's run with quipu-server, on a free port, and says which page to open. In a terminal it serves until
# Enter or Ctrl-C; elsewhere it ends at once. `quipu sync` carries the run over.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
out="$root/build/demo"
greeting="$out/server.txt"

"$root/build/bin/quipu-server" --data "$out/server" --port 0 >"$greeting" &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null || true' EXIT
for _ in $(seq 100); do
  grep -q '^Runs:' "$greeting" && break
  kill -0 "$server" 2>/dev/null || { echo "quipu: error: the server did not start" >&2; exit 1; }
  sleep 0.1
done
url=$(sed -n 's/.*WANDB_BASE_URL=//p' "$greeting")
key=$(sed -n 's/.*WANDB_API_KEY=//p' "$greeting")

cat "$greeting"
run=$(realpath "$out/wandb/latest-run")
if WANDB_BASE_URL=$url WANDB_API_KEY=$key "$root/build/bin/quipu" sync "$run" 2>"$out/sync.log"; then
  page=$(grep -o "$url/[^ ]*/runs/[^ ]*" "$out/sync.log" | tail -n 1 || true)
  echo "quipu: open ${page:-$url/} (user api, password $key)"
else
  echo "quipu: the run could not be sent (build/demo/sync.log)" >&2
fi
if [ -t 0 ] && [ -t 1 ]; then
  echo "quipu: serving; Enter ends it"
  read -r _ || true
else
  echo "quipu: no terminal, so it ends here; serve it again with  quipu serve --data $out/server"
fi
