#!/usr/bin/env bash
# What Python finds out only when a line runs: names that nobody defined, imports that nobody
# uses.
set -euo pipefail
cd "${LLMQ_CHECK_ROOT:-$(dirname "$0")/../..}"

folders=()
for folder in tests scripts docs/examples; do
    if [[ -d $folder ]]; then folders+=("$folder"); fi
done
[[ ${#folders[@]} -eq 0 ]] || pyflakes3 "${folders[@]}"
