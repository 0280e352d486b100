#!/usr/bin/env bash
# The form of .clang-format, for files that are in git: `make format` makes it so.
set -euo pipefail
cd "${LLMQ_CHECK_ROOT:-$(dirname "$0")/../..}"

mapfile -t files < <(git ls-files -- '*.c' '*.h' | while read -r f; do
    [[ -f $f ]] && printf '%s\n' "$f"
done)
[[ ${#files[@]} -gt 0 ]] || exit 0
# One line for each place, at most five for a file.
{ clang-format --dry-run -Werror --style=file "${files[@]}" 2>&1 || true; } \
    | sed -n 's/^\([^:]*:[0-9]*\):[0-9]*: error: code should be clang-formatted.*/\1: not formatted/p' \
    | sort -t: -k1,1 -k2,2n -u \
    | awk -F: '
        ++n[$1] <= 5
        END { for (f in n) { bad = 1; if (n[f] > 5) print f ":1: and " n[f] - 5 " places more" }
              exit bad }'
