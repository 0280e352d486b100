#!/usr/bin/env bash
# Run the checks: all fast ones, with --deep also the slow ones, or those that are named
# (run.sh layers docs). Each prints its findings as file:line: text; one finding fails.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export PYTHONDONTWRITEBYTECODE=1
failed=0

run() { # run NAME COMMAND...
    local name=$1 start=$EPOCHREALTIME output status took
    shift
    output=$("$@" 2>&1)
    status=$?
    took=$(((${EPOCHREALTIME/./} - ${start/./}) / 1000))
    if ((status == 0)); then
        printf 'ok    %-12s %5d ms\n' "$name" "$took"
    else
        printf 'FAIL  %-12s %5d ms, %d findings\n' "$name" "$took" "$(wc -l <<<"$output")"
        failed=1
    fi
    if [[ -n $output ]]; then printf '      %s\n' "${output//$'\n'/$'\n'      }"; fi
}

fast() { # fast NAME: the check of this name
    local script
    for script in "$here/check_$1.py" "$here/check_$1.sh"; do
        if [[ -f $script ]]; then run "$1" "$script"; return; fi
    done
    echo "no check of the name $1" >&2
    exit 2
}

deep=0
names=()
for arg in "$@"; do
    case $arg in
        --deep) deep=1 ;;
        -*) sed -n '2,3s/^# //p' "$0"; exit 2 ;;
        *) names+=("$arg") ;;
    esac
done
if [[ ${#names[@]} -eq 0 ]]; then
    names=(layers basenames registered directives api openapi log_tags sql hygiene format python docs examples)
    run selftest "$here/selftest.py"
fi
for name in "${names[@]}"; do
    fast "$name"
done
if ((deep)); then
    for tool in shell clang cppcheck gcc tidy; do
        run "deep $tool" "$here/deep.sh" "$tool"
    done
    run sizes "$here/list_sizes.py"
fi
exit $failed
