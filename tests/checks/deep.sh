#!/usr/bin/env bash
# The slow checks, one tool a call: deep.sh gcc|clang|tidy|cppcheck|shell. Each prints what
# it found and fails when it found something. A tool that is not installed is skipped aloud.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "${LLMQ_CHECK_ROOT:-$here/../..}"
. "$here/flags.sh"
out=$(mktemp)
trap 'rm -f "$out"' EXIT

need() {
    command -v "$1" >/dev/null && return
    echo "$1 is not installed: skipped"
    exit 0
}

module_sources() {
    sources .c | grep '^mod_llmq/'
}

each() { # each COMMAND...: run it for every C file of the module, all cores
    module_sources | xargs -r -n 1 -P "$(nproc)" "$@" >"$out" 2>&1 || return 1
}

gcc_analyzer() {
    need gcc
    # Without -Wall only the analyzer speaks; -O1 lets it see through small functions.
    each gcc "${FLAGS[@]}" -O1 -fanalyzer -fdiagnostics-plain-output -Werror -c -o /dev/null \
        || { grep -E '(error|warning):' "$out" || cat "$out"; return 1; }
}

# Beyond -Wall -Wextra. Left out: -Wcast-align and -Wbad-function-cast, which APR's macros
# for arrays and rings set off; missing fields, because httpd's tables end with {NULL}.
CLANG_WARNINGS=(
    -Wall -Wextra -Wno-missing-field-initializers -Wshadow -Wcomma -Wconditional-uninitialized -Wassign-enum
    -Wunreachable-code-aggressive -Wloop-analysis -Wimplicit-fallthrough -Wformat=2
    -Wmissing-variable-declarations -Wmissing-prototypes -Wunused-macros -Wheader-hygiene
    -Wextra-semi -Wextra-semi-stmt -Widiomatic-parentheses
    -Wpointer-arith -Wshift-sign-overflow -Wstrict-prototypes -Wtautological-compare
    -Wundef -Wvla -Wwrite-strings -Wfloat-equal -Wswitch-enum -Wduplicate-enum
    -Wint-conversion -Wshorten-64-to-32 -Wsometimes-uninitialized -Wthread-safety
)
clang_warnings() {
    need clang
    each clang "${FLAGS[@]}" -fsyntax-only -Werror -ferror-limit=0 -fno-caret-diagnostics \
        "${CLANG_WARNINGS[@]}" || { sort -u "$out" | grep -E 'error:' || cat "$out"; return 1; }
}

tidy() {
    need clang-tidy
    module_sources \
        | xargs -r -P "$(nproc)" -I {} clang-tidy --quiet {} -- "${FLAGS[@]}" >"$out" 2>/dev/null \
        || { grep -E '(error|warning):' "$out" | sed "s|^$PWD/||" | sort -u; return 1; }
}

cpp_check() {
    need cppcheck
    cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 -j "$(nproc)" \
        --enable=warning,performance,portability -Imod_llmq -D_GNU_SOURCE -DLINUX \
        --include="$here/cppcheck.h" --suppress=unknownMacro \
        --template='{file}:{line}: {message} [{id}]' mod_llmq
}

shell() {
    need shellcheck
    local scripts
    mapfile -t scripts < <(sources .sh)
    [[ ${#scripts[@]} -gt 0 ]] || return 0
    shellcheck --external-sources --source-path=SCRIPTDIR --format=gcc "${scripts[@]}"
}

case ${1:-} in
    gcc) gcc_analyzer ;;
    clang) clang_warnings ;;
    tidy) tidy ;;
    cppcheck) cpp_check ;;
    shell) shell ;;
    *) sed -n '2,3s/^# //p' "$0"; exit 2 ;;
esac
