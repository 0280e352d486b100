#!/usr/bin/env bash
# Everything that must hold, from a fresh clone: builds, unit tests (plain and with both
# sanitizers), checks, corpus replay, and the integration tests on SQLite and PostgreSQL,
# under each MPM and against the sanitized module. All steps run; the summary at the end
# says which failed, and so does the exit status.
#
#   scripts/test.sh [STEP]...      default: all of the steps below, in their order
#
# Environment:
#   LLMQ_SOAK   messages of the acceptance load (2000)
#   LLMQ_TEST_JOBS  processes of integration tests (one more than cores)
#   PYTEST_ARGS further arguments for pytest
#
# shellcheck disable=SC2317  # the run_ functions are called by the names of their steps
set -uo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT" || exit 1
LOGS=build/test
# Debian's own Python: the modules that the tests need are Debian's.
PYTHON=/usr/bin/python3
STEPS=(build unit unit-address unit-thread checks corpus event worker prefork address)

quick_make() { make -s -j "$(nproc)" "$@"; }
# Tests mostly wait for servers, so a few more processes than cores keep both busy. A file
# stays in one process, because its classes share servers.
integration() {
    # shellcheck disable=SC2086
    $PYTHON -m pytest -q -n "${LLMQ_TEST_JOBS:-$(($(nproc) + 1))}" --dist loadfile \
        tests/integration "$@" ${PYTEST_ARGS:-}
}

# with_pgsql COMMAND...: the store's tests run against PostgreSQL, too
with_pgsql() {
    local dir=$LOGS/pgsql status
    scripts/server.sh start --port "${LLMQ_TEST_PORT:-18479}" --dir "$dir" --store pgsql || return 1
    LLMQ_TEST_PG_DSN=$(sed -n 's/^DBDParams "\(.*\)"$/\1/p' "$dir/httpd.conf") "$@"
    status=$?
    scripts/server.sh stop --dir "$dir"
    rm -rf "$dir"
    return "$status"
}

run_build() { quick_make all; }
run_unit() { quick_make build/release/unit_tests && with_pgsql make -s check-unit; }
# Each check is a process of its own, and its search for leaks reads all that the parent has
# kept aside: a small quarantine makes that a fifth of the time.
run_unit_address() {
    quick_make SAN=address all build/address/unit_tests &&
        ASAN_OPTIONS=quarantine_size_mb=4:thread_local_quarantine_size_kb=64${ASAN_OPTIONS:+:$ASAN_OPTIONS} \
            with_pgsql make -s SAN=address check-unit
}
run_unit_thread() { quick_make SAN=thread build/thread/unit_tests && make -s SAN=thread check-unit; }
run_checks() { make -s lint && shellcheck scripts/*.sh; }
run_corpus() { make -s check-fuzz; }
run_event() { integration; }
run_worker() { integration --mpm=worker -m mpm; }
run_prefork() { integration --mpm=prefork -m mpm; }
run_address() { LLMQ_SAN=address integration; }

# step NAME: run it, show its output, note how it ended and how long it took
step() {
    local began=$SECONDS how=ok
    echo "=== $1"
    if ! "run_${1//-/_}" > >(tee "$LOGS/$1.log") 2>&1; then
        how=FAILED
        failed=1
    fi
    wait # for tee
    summary+=("$(printf '%-14s %-7s %5d s   %s' "$1" "$how" $((SECONDS - began)) \
        "$(tail -n 1 "$LOGS/$1.log")")")
}

scripts/setup.sh build test || exit 1
mkdir -p "$LOGS"
failed=0 summary=()
for name in "${@:-${STEPS[@]}}"; do
    [[ " ${STEPS[*]} " == *" $name "* ]] || {
        echo "test.sh: no step $name; there are: ${STEPS[*]}" >&2
        exit 2
    }
done
for name in "${@:-${STEPS[@]}}"; do step "$name"; done

echo "=== summary ($((SECONDS / 60)) min $((SECONDS % 60)) s; full output in $LOGS)"
printf '%s\n' "${summary[@]}"
exit "$failed"
