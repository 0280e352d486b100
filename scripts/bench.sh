#!/usr/bin/env bash
# Rates beside the ceiling of the same httpd: what a bare JSON handler answers, what the
# queue accepts durably on PostgreSQL and on SQLite (dispatcher off), and messages from
# accept to completed with the built-in echo, without and with what was said before in 1,000
# conversations of 20 messages; tasks from claim to complete, how fast other calls are meanwhile,
# and how late delayed tasks begin. All in one run, works in turn, medians.
#
#   scripts/bench.sh        REPS=3 SECS=5 N=20000 MPM=event CONNS=64 PORT=18480
#                           LIMIT=50 RATE=1000: of a claim; tasks/s of the run at a steady rate
#                           ONLY=messages|tasks: a half of it
set -euo pipefail
cd "$(dirname "$0")/.."

REPS=${REPS:-3} SECS=${SECS:-5} N=${N:-20000} MPM=${MPM:-event} CONNS=${CONNS:-64}
PORT=${PORT:-18480} LIMIT=${LIMIT:-50} RATE=${RATE:-1000} ONLY=${ONLY:-all}
WORK=$PWD/build/bench
OUT=$PWD/build/bench.jsonl
APXS=$(command -v apxs || command -v apxs2)

say() { printf '%s\n' "$*" >&2; }

finish() {
    for dir in "$WORK"/*/; do
        [ ! -e "${dir}httpd.pid" ] || scripts/server.sh stop --dir "${dir%/}" >/dev/null || true
    done
}
trap finish EXIT

prepare() {
    scripts/setup.sh bench
    make -s
    rm -rf "$WORK"
    mkdir -p "$WORK"
    : >"$OUT"
    # shellcheck disable=SC2046
    gcc -O2 -fPIC -shared $("$APXS" -q CPPFLAGS) -D_GNU_SOURCE \
        -I"$("$APXS" -q INCLUDEDIR)" $(pkg-config --cflags apr-1 json-c) \
        -o "$WORK/mod_bench_ceiling.so" tests/bench/mod_bench_ceiling.c \
        $(pkg-config --libs json-c)
    gcc -O2 -D_GNU_SOURCE -pthread -o "$WORK/post_n" tests/bench/post_n.c
    gcc -O2 -D_GNU_SOURCE -pthread -o "$WORK/task_load" tests/bench/task_load.c
    cat >"$WORK/accept.conf" <<CONF
LoadModule bench_ceiling_module "$WORK/mod_bench_ceiling.so"
<Location /ceiling>
    SetHandler bench-ceiling
    Require all granted
</Location>
LLMQDispatcher Off
$(for level in realtime high normal low; do echo "LLMQQueueSize $level 2000000"; done)
CONF
    # So many workers with so many tasks each.
    echo "LLMQTaskConcurrency $((2 * CONNS * LIMIT))" >"$WORK/tasks.conf"
    # The queue by itself; the turns of conversations are a work of their own.
    echo "LLMQContextTurns 0" >"$WORK/complete.conf"
}

start() { # start DIR STORE [CONF]
    scripts/server.sh start --port "$PORT" --dir "$WORK/$1" --store "$2" --mpm "$MPM" \
        ${3:+--conf "$3"} >/dev/null
}
stop() {
    scripts/server.sh stop --dir "$WORK/$1" >/dev/null
    rm -rf "${WORK:?}/$1"
}

record() { # record WORK JSON
    printf '{"work":"%s","mpm":"%s","result":%s}\n' "$1" "$MPM" "$2" | tee -a "$OUT" >&2
}
load() { # load WORK PATH: one repetition by wrk, after a second of warm-up
    local url=http://127.0.0.1:$PORT$2
    wrk -t1 -c"$CONNS" -d1s -s tests/bench/post.lua "$url" >/dev/null
    record "$1" "$(wrk -t1 -c"$CONNS" -d"${SECS}s" -s tests/bench/post.lua "$url" |
        sed -n 's/^WRK //p')"
}

processed() {
    curl -sf -m 5 "http://127.0.0.1:$PORT/api/v1/queues/status" | jq .data.total_processed
}
# From the first POST to the last message completed.
complete() { # complete WORK
    local begin end posted
    begin=$(date +%s.%N)
    posted=$("$WORK/post_n" "$PORT" "$N" "$CONNS")
    for _ in $(seq 3000); do
        [ "$(processed)" -lt "$N" ] || break
        sleep 0.02
    done
    end=$(date +%s.%N)
    [ "$(processed)" -ge "$N" ] || say "only $(processed) of $N messages were completed"
    record "$1" "$(jq -cn --argjson n "$N" --argjson b "$begin" --argjson e "$end" \
        --argjson p "$posted" '{rps: ($n / ($e - $b) | round), posted: $p}')"
}

tasks() { # tasks STORE: full speed, a steady rate, tasks that are waited for
    local load="$WORK/task_load"
    start "tasks-$1" "$1" "$WORK/tasks.conf"
    record "tasks-$1" "$("$load" "$PORT" drain "$N" "$CONNS" "$LIMIT" 4 0)"
    record "steady-$1" "$("$load" "$PORT" drain $((N / 2)) "$CONNS" "$LIMIT" 4 "$RATE")"
    record "delayed-$1" "$("$load" "$PORT" delayed 300 "$CONNS")"
    record "wake-$1" "$("$load" "$PORT" wake 300 "$CONNS")"
    stop "tasks-$1"
}
success() { # success WORK: completed of created, in percent, the worst of the repetitions
    jq -rs --arg w "$1" '[.[] | select(.work == $w) | .result
        | 100 * (.completed - .failed) / .created] | min' "$OUT"
}

median() { # median WORK FIELD
    jq -rs --arg w "$1" --arg f "$2" \
        '[.[] | select(.work == $w) | .result[$f]] | sort | .[length / 2 | floor]' "$OUT"
}
row() { # row TITLE WORK
    printf '%-42s %9s' "$1" "$(median "$2" rps)"
    jq -rn --argjson r "$(median "$2" rps)" --argjson c "$(median ceiling rps)" \
        --argjson p50 "$(median "$2" p50_ms)" --argjson p99 "$(median "$2" p99_ms)" \
        '"  \($r / $c * 100 | round)%  \($p50 // "-")  \($p99 // "-")"' |
        { read -r share p50 p99; printf ' %7s %9s %9s\n' "$share" "$p50" "$p99"; }
}

cell() { # cell WORK NAME: p50 / p99 of the calls of this name
    printf ' %9s' "$(median "$1" "$2_p50_ms")" "$(median "$1" "$2_p99_ms")"
}
task_row() { # task_row TITLE WORK
    printf '%-34s %8s' "$1" "$(median "$2" rps)"
    cell "$2" complete
    cell "$2" post
    cell "$2" get
    printf ' %8s%%\n' "$(success "$2")"
}
late_row() { # late_row TITLE WORK
    printf '%-34s %8s' "$1" ''
    cell "$2" late
    printf ' %9s\n' "$(median "$2" late_max_ms)"
}

bench_messages() { # bench_messages STORE
    start "accept-$1" "$1" "$WORK/accept.conf"
    [ "$1" = sqlite3 ] || load ceiling /ceiling
    load "accept-$1" /api/v1/messages
    stop "accept-$1"
    start "complete-$1" "$1" "$WORK/complete.conf"
    complete "complete-$1"
    stop "complete-$1"
    [ "$1" = pgsql ] || return 0
    start context-pgsql pgsql
    complete context-pgsql
    stop context-pgsql
}

show_messages() {
    printf '%-42s %9s %7s %9s %9s\n' 'work' 'per s' 'share' 'p50 ms' 'p99 ms'
    row 'ceiling: bare JSON handler' ceiling
    row 'durable accepts, PostgreSQL' accept-pgsql
    row 'durable accepts, SQLite' accept-sqlite3
    row "accept to completed ($N), PostgreSQL" complete-pgsql
    row "accept to completed ($N), SQLite" complete-sqlite3
    row "... with up to 20 turns each, PostgreSQL" context-pgsql
}

show_tasks() {
    local store
    printf '\n%-34s %8s %19s %19s %19s %9s\n' "tasks, claims of $LIMIT" 'per s' \
        'complete p50 p99 ms' 'POST p50 p99 ms' 'GET p50 p99 ms' 'success'
    for store in pgsql sqlite3; do
        task_row "claim to complete ($N), $store" "tasks-$store"
        task_row "... at $RATE/s, $store" "steady-$store"
    done
    printf '\n%-34s %8s %9s %9s %9s\n' 'how late, ms' '' p50 p99 most
    for store in pgsql sqlite3; do
        late_row "due tasks, $CONNS claims wait, $store" "delayed-$store"
        late_row "new tasks, $CONNS claims wait, $store" "wake-$store"
    done
}

prepare
for rep in $(seq "$REPS"); do
    say "repetition $rep of $REPS"
    for store in pgsql sqlite3; do
        [ "$ONLY" = tasks ] || bench_messages "$store"
        [ "$ONLY" = messages ] || tasks "$store"
    done
done

printf '\n%s repetitions, %s MPM, %s connections; medians\n\n' "$REPS" "$MPM" "$CONNS"
[ "$ONLY" = tasks ] || show_messages
[ "$ONLY" = messages ] || show_tasks
printf '\nEach repetition is a line of %s\n' "${OUT#"$PWD"/}"
