#!/usr/bin/env bash
# A worker of mod_llmq in bash, curl and jq.
#
#   worker.sh TYPE[,TYPE...] COMMAND [ARGUMENT...]
#
# For each task COMMAND is started with the task as JSON on its standard input. Exit status
# 0: what it has printed is the result. 75: it failed and is to be tried again. Any other: it
# failed for good. SIGTERM and SIGINT: COMMAND is ended, the task is given back.
#
#   LLMQ_BASE     where the API is                         http://localhost:8084/api/v1
#   LLMQ_WORKER   name of this worker                      HOST-PID
#   LLMQ_HEADERS  file with more headers, one a line: "Authorization: Bearer …"
#   LLMQ_WAIT     seconds that a claim waits for a task    10
#   LLMQ_EXTEND   lease that heartbeats ask for, seconds   60
set -uo pipefail
set -m # a process group for each job, so that all of a job can be ended

[ $# -ge 2 ] || { sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
types=$1
shift
base=${LLMQ_BASE:-http://localhost:8084/api/v1}
worker=${LLMQ_WORKER:-$(uname -n)-$$}
wait=${LLMQ_WAIT:-10}
extend=${LLMQ_EXTEND:-60}
headers=(-H 'Content-Type: application/json')
[ -z "${LLMQ_HEADERS:-}" ] || headers+=(-H "@$LLMQ_HEADERS")

dir=$(mktemp -d)
stopping='' job=''
trap 'stopping=yes; end_group "$job"' TERM INT
trap 'rm -rf "$dir"' EXIT

say() { printf '%s %s\n' "$worker" "$*" >&2; }
end_group() { [ -z "$1" ] || kill -TERM -- "-$1" 2>/dev/null; }

# A signal makes "wait" return before the process has ended.
wait_for() { # wait_for PID: its exit status
    local status
    while :; do
        wait "$1" 2>/dev/null
        status=$?
        kill -0 "$1" 2>/dev/null || return "$status"
    done
}

# post PATH FILE [SECONDS]: send the JSON in FILE; the answer is left in FILE.answer. Prints
# its status, 000 when there was none.
post() {
    curl -s -o "$2.answer" -w '%{http_code}' -m "${3:-15}" "${headers[@]}" \
        --data-binary "@$2" "$base/$1" || true
}

# A pause that doubles with each failure, up to half a minute, and is drawn at random.
back_off() { # back_off FAILURES
    local most=$((1 << ($1 < 5 ? $1 : 5)))
    sleep "$((RANDOM % most)).$((RANDOM % 10))" &
    wait_for $!
}

claim() { # leaves the answer in claim.answer; fails when there is no task to work on
    jq -n --arg types "$types" --argjson wait "$wait" \
        '{task_types: ($types | split(",")), limit: 1, wait: $wait}' >"$dir/claim"
    # In the background, so that a signal is noticed. A claim that waits is waited for even
    # then: the task that it brings can be given back.
    post "workers/$worker/claim" "$dir/claim" $((wait + 15)) >"$dir/claim.status" &
    wait_for $!
    case $(<"$dir/claim.status") in
    200) failures=0 && jq -e '.tasks[0]' "$dir/claim.answer" >"$dir/task" ;;
    *)
        say "claim: answer $(<"$dir/claim.status")"
        [ -n "$stopping" ] || back_off $((++failures))
        return 1
        ;;
    esac
}

# Extend the lease of the task at once and then three times in its length. When it is lost, or
# could not be extended for so long, the command is ended: another may have the task by now.
keep() { # keep PID_OF_COMMAND
    local until=$((SECONDS + extend)) status
    jq --argjson extend "$extend" '{lease_token, $extend}' "$dir/task" >"$dir/keep"
    while :; do
        kill -0 $$ 2>/dev/null || { end_group "$1"; return; }
        status=$(post "tasks/$id/heartbeat" "$dir/keep" 5)
        case $status in
        000 | 429 | 5??) ((SECONDS < until)) || status=lost ;;
        200) [ "$(jq .cancel "$dir/keep.answer")" = true ] && status=lost ||
            until=$((SECONDS + extend)) ;;
        *) status=lost ;;
        esac
        if [ "$status" = lost ]; then
            touch "$dir/lost"
            end_group "$1"
            return
        fi
        sleep "$(jq -n "$extend / 3")"
    done
}

tell() { # tell complete|fail|release: with the body in FILE tell, until it was answered
    local status tries=0
    while :; do
        status=$(post "tasks/$id/$1" "$dir/tell")
        case $status in
        000 | 429 | 5??) ((tries++ < 6)) && back_off "$tries" && continue ;;
        esac
        say "$id: $1: $status"
        return
    done
}

work() { # work COMMAND [ARGUMENT...]
    local status keeper=''
    rm -f "$dir/lost"
    id=$(jq -r .id "$dir/task")
    if [ -z "$stopping" ]; then
        "$@" <"$dir/task" >"$dir/output" &
        job=$!
        keep "$job" &
        keeper=$!
        wait_for "$job"
        status=$?
        job=''
    fi
    if [ -e "$dir/lost" ]; then
        say "$id: dropped, it is not ours any more"
    elif [ -n "$stopping" ]; then
        jq '{lease_token}' "$dir/task" >"$dir/tell"
        tell release
    elif [ "$status" -eq 0 ]; then
        jq -e . "$dir/output" >"$dir/result" 2>/dev/null ||
            jq -Rs '{output: .}' "$dir/output" >"$dir/result"
        jq --slurpfile result "$dir/result" '{lease_token, result: $result[0]}' \
            "$dir/task" >"$dir/tell"
        tell complete
    else
        jq --argjson status "$status" '{lease_token, error: "exit status \($status)",
            retryable: ($status == 75)}' "$dir/task" >"$dir/tell"
        tell fail
    fi
    end_group "$keeper"
    [ -z "$keeper" ] || wait_for "$keeper"
}

failures=0
while [ -z "$stopping" ]; do
    if claim; then work "$@"; fi
done
exit 0
