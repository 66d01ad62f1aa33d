#!/usr/bin/env bash
# Copies the pictures of the README out of the run that `make demo` left.
set -euo pipefail
root=$(dirname "$(dirname "$(realpath "${BASH_SOURCE[0]}")")")
media="$root/build/demo/wandb/latest-run/files/media"
mkdir -p "$root/docs/images"
for name in hardest confusion_picture; do
  cp "$media"/images/${name}_*.png "$root/docs/images/demo-${name%_picture}.png"
done
cp "$media"/videos/weights_film_*.gif "$root/docs/images/demo-weights.gif"
ls -l "$root/docs/images"
