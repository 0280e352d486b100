#!/usr/bin/env bash
# A worker that knows no more than the task API itself: it looks for queued tasks, claims one
# with the first progress that it reports, and completes it with progress 100 and the result.
#
#   worker-s3.sh TYPE COMMAND [ARGUMENT...]
#
# COMMAND gets the task as JSON on its standard input and prints the result as JSON. There is no
# lease to keep here: the claim holds until the task's time-out, renewed by each progress.
#
#   LLMQ_BASE    where the API is       http://localhost:8084/api/v1
#   LLMQ_WORKER  name of this worker    HOST-PID
set -uo pipefail

[ $# -ge 2 ] || { sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
type=$1
shift
base=${LLMQ_BASE:-http://localhost:8084/api/v1}
worker=${LLMQ_WORKER:-$(uname -n)-$$}
task=$(mktemp)
trap 'rm -f "$task"' EXIT
trap 'exit 0' TERM INT

queued() {
    curl -s "$base/tasks?status=queued&task_type=$type&sort_by=created_at&sort_order=asc" |
        jq -r '.tasks[]?.id'
}

# 409: another worker was faster, or the task was canceled.
progress() { # progress ID JSON
    [ "$(curl -s -o /dev/null -w '%{http_code}' -X PUT -H "X-Worker-ID: $worker" \
        -H 'Content-Type: application/json' -d "$2" "$base/tasks/$1/progress")" = 200 ]
}

while :; do
    for id in $(queued); do
        progress "$id" '{"progress": 0, "message": "started"}' || continue
        curl -s "$base/tasks/$id" >"$task"
        result=$("$@" <"$task" | jq -c .) || continue
        progress "$id" "{\"progress\": 100, \"message\": \"done\", \"result\": ${result:-null}}"
    done
    sleep 1
done
