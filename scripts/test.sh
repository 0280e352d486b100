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

# The same whoever runs it, and from wherever: a hook of git's, for instance.
export LC_ALL=C.UTF-8
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
umask 022
# Seconds that servers have to start and to end; no test is about them.
export LLMQ_DEADLINE=${LLMQ_DEADLINE:-120}

quick_make() { make -s -j "$(nproc)" "$@"; }
# Tests mostly wait for servers, so a few more processes than cores keep both busy. A file
# stays in one process, because its classes share servers.
integration() {
    # shellcheck disable=SC2086
    $PYTHON -m pytest -q -n "${LLMQ_TEST_JOBS:-$(($(nproc) + 1))}" --dist loadfile \
        tests/integration "$@" ${PYTEST_ARGS:-}
}

# @return a port that nobody listens at: the wanted one, or one behind it
free_port() {
    local port=${LLMQ_TEST_PORT:-18479}
    while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
    echo "$port"
}

# Folders in it may be links to where the database could reach them.
remove_server() { # remove_server DIR
    local path
    scripts/server.sh stop --dir "$1"
    for path in "$1"/*; do [ ! -L "$path" ] || rm -rf "$(readlink -f "$path")"; done
    rm -rf "$1"
}

# with_pgsql COMMAND...: the store's tests run against PostgreSQL, too. A server that is slow to
# take a connection is none that is away.
with_pgsql() {
    local dir=$LOGS/pgsql status=1
    if scripts/server.sh start --port "$(free_port)" --dir "$dir" --store pgsql; then
        LLMQ_TEST_PG_DSN=$(sed -n 's/^DBDParams "\(.*\)"$/\1/p' "$dir/httpd.conf" |
            sed 's/connect_timeout=5$/connect_timeout=120/') "$@"
        status=$?
    fi
    remove_server "$dir"
    return "$status"
}

# without_chance COMMAND...: with all at the same addresses, where the kernel lets us. Else the
# sanitizers' own memory is sometimes taken before they come to it.
without_chance() {
    if setarch -R true 2>/dev/null; then setarch -R "$@"; else "$@"; fi
}

run_build() { quick_make all; }
run_unit() { quick_make build/release/unit_tests && with_pgsql make -s check-unit; }
# Each check is a process of its own, and its search for leaks reads all that the parent has
# kept aside: a small quarantine makes that a fifth of the time.
run_unit_address() {
    quick_make SAN=address all build/address/unit_tests &&
        ASAN_OPTIONS=quarantine_size_mb=4:thread_local_quarantine_size_kb=64${ASAN_OPTIONS:+:$ASAN_OPTIONS} \
            with_pgsql without_chance make -s SAN=address check-unit
}
run_unit_thread() {
    quick_make SAN=thread build/thread/unit_tests && without_chance make -s SAN=thread check-unit
}
run_checks() { make -s lint && shellcheck scripts/*.sh; }
run_corpus() { make -s check-fuzz; }
run_event() { integration; }
run_worker() { integration --mpm=worker -m mpm; }
run_prefork() { integration --mpm=prefork -m mpm; }
run_address() { LLMQ_SAN=address integration; }

# step NAME: run it, show its output, note how it ended and how long it took
step() {
    local began=$SECONDS how=ok tee i=0
    echo "=== $1"
    exec 3> >(exec tee "$LOGS/$1.log")
    tee=$!
    if ! "run_${1//-/_}" >&3 2>&1 3>&-; then
        how=FAILED
        failed=1
    fi
    exec 3>&-
    # All is shown once tee has ended, which somebody who was left behind may keep from it.
    while kill -0 "$tee" 2>/dev/null && ((i++ < 300)); do sleep 0.1; done
    kill "$tee" 2>/dev/null
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
