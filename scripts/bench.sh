#!/usr/bin/env bash
# Rates beside the ceiling of the same httpd: what a bare JSON handler answers, what the
# queue accepts durably on PostgreSQL and on SQLite (dispatcher off), and messages from
# accept to completed with the built-in echo, without and with what was said before in 1,000
# conversations of 20 messages; tasks from claim to complete, how fast other calls are meanwhile,
# and how late delayed tasks begin; event streams that many clients have open, what they cost and
# how soon an event is with all of them, beside nginx with nchan; completions through the
# gateway beside the same backend asked directly, and many that are streamed at once. All in one
# run, works in turn, medians.
#
#   scripts/bench.sh        REPS=3 SECS=5 N=20000 MPM=event CONNS=64 PORT=18480
#                           LIMIT=50 RATE=1000: of a claim; tasks/s of the run at a steady rate
#                           ONLY=messages|tasks|streams|gateway: a part of it
#                           STREAMS="10000 50000" EVENTS=100: clients of a session, messages;
#                           50,000 of them need 20,000 open files a process (ulimit -Hn)
#                           COMPLETIONS=2000 TOKENS=100 TOKEN_RATE=20: streamed at once, tokens
#                           of each, tokens a second of each
set -euo pipefail
cd "$(dirname "$0")/.."

REPS=${REPS:-3} SECS=${SECS:-5} N=${N:-20000} MPM=${MPM:-event} CONNS=${CONNS:-64}
PORT=${PORT:-18480} LIMIT=${LIMIT:-50} RATE=${RATE:-1000} ONLY=${ONLY:-all}
STREAMS=${STREAMS:-10000 50000} EVENTS=${EVENTS:-100}
COMPLETIONS=${COMPLETIONS:-2000} TOKENS=${TOKENS:-100} TOKEN_RATE=${TOKEN_RATE:-20}
WORK=$PWD/build/bench
OUT=$PWD/build/bench.jsonl
APXS=$(command -v apxs || command -v apxs2)

# shellcheck source=../tests/bench/gateway.sh
# shellcheck disable=SC1091
. tests/bench/gateway.sh

say() { printf '%s\n' "$*" >&2; }

finish() {
    local dir
    stop_nchan
    stop_fake
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
    gcc -O2 -D_GNU_SOURCE -o "$WORK/sse_load" tests/bench/sse_load.c
    # Five children, each with as many streams as its open files allow.
    cat >"$WORK/streams.conf" <<CONF
<Location /open>
    SetHandler llmq-sessions
    Require all granted
</Location>
LLMQDispatcher Off
LLMQMaxStreams 20000
<IfModule !mpm_prefork_module>
    StartServers 5
    ThreadsPerChild 16
    MinSpareThreads 80
    MaxSpareThreads 200
    MaxRequestWorkers 80
</IfModule>
CONF
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
    prepare_gateway
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
streams() { # streams STORE CLIENTS: as many events a second as 50,000 clients take of all
    local dir="streams-$1-$2" base=http://127.0.0.1:$PORT/open/sessions session
    start "$dir" "$1" "$WORK/streams.conf"
    session=$(curl -sf -m 5 -H 'Content-Type: application/json' -d '{}' "$base" | jq -r .session_id)
    record "$dir" "$("$WORK/sse_load" "$PORT" "$2" "$EVENTS" $((25 + $2 / 25)) \
        "/open/sessions/$session/sse" "/open/sessions/$session/messages" '' \
        "$WORK/$dir/httpd.pid" "scripts/server.sh graceful --dir '$WORK/$dir' >/dev/null")"
    stop "$dir"
}
nchan() { # nchan CLIENTS: the same clients and events, nothing is stored
    local dir=$WORK/nchan module
    module=$(dpkg -L libnginx-mod-nchan | grep 'nchan_module\.so$')
    mkdir -p "$dir"
    # As many processes as the open files of these clients need, and one to each core.
    cat >"$dir/nginx.conf" <<CONF
$([ "$(id -u)" -ne 0 ] || echo 'user root;')
worker_processes $(($1 / 15000 + 2));
worker_rlimit_nofile 20000;
pid $dir/nginx.pid;
error_log $dir/error.log warn;
load_module $module;
events { worker_connections 19000; }
http {
    access_log off;
    client_body_temp_path $dir/body;
    proxy_temp_path $dir/proxy;
    fastcgi_temp_path $dir/fastcgi;
    uwsgi_temp_path $dir/uwsgi;
    scgi_temp_path $dir/scgi;
    nchan_shared_memory_size 512M;
    server {
        listen 127.0.0.1:$PORT backlog=4096 reuseport;
        location = /pub {
            nchan_publisher;
            nchan_channel_id bench;
            nchan_message_buffer_length 100;
            nchan_message_timeout 30s;
        }
        location = /sub {
            nchan_subscriber eventsource;
            nchan_channel_id bench;
            nchan_subscriber_first_message newest;
        }
    }
}
CONF
    nginx -c "$dir/nginx.conf"
    sleep 0.5 # until its processes have the memory that they begin with
    record "streams-nchan-$1" "$("$WORK/sse_load" "$PORT" "$1" "$EVENTS" $((25 + $1 / 25)) \
        /sub /pub '' "$dir/nginx.pid")"
    stop_nchan
}
stop_nchan() {
    local pid
    [ -e "$WORK/nchan/nginx.pid" ] || return 0
    pid=$(<"$WORK/nchan/nginx.pid")
    kill -TERM "$pid"
    while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
    rm -rf "$WORK/nchan"
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

# The same client, the same load, one after the other: httpd with either store, nginx with nchan.
has_nchan() { command -v nginx >/dev/null && dpkg -s libnginx-mod-nchan >/dev/null 2>&1; }
bench_streams() {
    local n
    for n in $STREAMS; do
        streams pgsql "$n"
        streams sqlite3 "$n"
        ! has_nchan || nchan "$n"
    done
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

stream_row() { # stream_row TITLE WORK
    local field
    printf '%-34s %8s' "$1" "$(median "$2" bytes_per_stream)"
    for field in p50_ms p99_ms max_ms; do
        printf ' %9s' "$(median "$2" "$field")"
    done
    printf ' %6s %8s %10s\n' "$(median "$2" lost)" "$(median "$2" doubled)" \
        "$(median "$2" ended_after_ms)"
}
show_streams() {
    local n store
    printf '\n%-34s %8s %9s %9s %9s %6s %8s %10s\n' "streams, $EVENTS events to each" 'bytes' \
        'p50 ms' 'p99 ms' 'most' 'lost' 'doubled' 'end ms'
    for n in $STREAMS; do
        for store in pgsql sqlite3 nchan; do
            [ "$store" != nchan ] || has_nchan || continue
            stream_row "$n, $store" "streams-$store-$n"
        done
    done
}

wants() { [ "$ONLY" = all ] || [ "$ONLY" = "$1" ]; }

prepare
for rep in $(seq "$REPS"); do
    say "repetition $rep of $REPS"
    for store in pgsql sqlite3; do
        ! wants messages || bench_messages "$store"
        ! wants tasks || tasks "$store"
        ! wants gateway || bench_gateway "$store"
    done
    ! wants streams || bench_streams
done

printf '\n%s repetitions, %s MPM, %s connections; medians\n\n' "$REPS" "$MPM" "$CONNS"
! wants messages || show_messages
! wants tasks || show_tasks
! wants streams || show_streams
! wants gateway || show_gateway
printf '\nEach repetition is a line of %s\n' "${OUT#"$PWD"/}"
