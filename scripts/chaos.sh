#!/usr/bin/env bash
# The large chaos of tests/integration/test_461_worker_chaos.py: 20,000 tasks, 20 workers, of
# which some are killed or stopped every second, as are the dispatcher, children and whole
# generations; then the outside ledger is laid beside what the server says.
#
#   scripts/chaos.sh [STORE...]       TASKS=20000 WORKERS=20 SEED=1 MPM=event
#
# STORE: sqlite3, pgsql; both when none is named. Some minutes each.
set -euo pipefail
cd "$(dirname "$0")/.."

stores=${*:-sqlite3 pgsql}
export LLMQ_CHAOS_TASKS=${TASKS:-20000} LLMQ_CHAOS_WORKERS=${WORKERS:-20}
export LLMQ_CHAOS_SEED=${SEED:-1}
[ -n "${LLMQ_MODULE:-}" ] || make -s
exec /usr/bin/python3 -m pytest -q -x -s --store="${stores// /,}" --mpm="${MPM:-event}" \
    tests/integration/test_461_worker_chaos.py
