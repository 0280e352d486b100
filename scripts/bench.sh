#!/usr/bin/env bash
# Rates beside the ceiling of the same httpd: what a bare JSON handler answers, what the
# queue accepts durably on PostgreSQL and on SQLite (dispatcher off), and messages from
# accept to completed with the built-in echo, without and with what was said before in 1,000
# conversations of 20 messages. All in one run, works in turn, medians.
#
#   scripts/bench.sh        REPS=3 SECS=5 N=20000 MPM=event CONNS=64 PORT=18480
set -euo pipefail
cd "$(dirname "$0")/.."

REPS=${REPS:-3} SECS=${SECS:-5} N=${N:-20000} MPM=${MPM:-event} CONNS=${CONNS:-64}
PORT=${PORT:-18480}
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
    cat >"$WORK/accept.conf" <<CONF
LoadModule bench_ceiling_module "$WORK/mod_bench_ceiling.so"
<Location /ceiling>
    SetHandler bench-ceiling
    Require all granted
</Location>
LLMQDispatcher Off
$(for level in realtime high normal low; do echo "LLMQQueueSize $level 2000000"; done)
CONF
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

prepare
for rep in $(seq "$REPS"); do
    say "repetition $rep of $REPS"
    for store in pgsql sqlite3; do
        start "accept-$store" "$store" "$WORK/accept.conf"
        [ "$store" = sqlite3 ] || load ceiling /ceiling
        load "accept-$store" /api/v1/messages
        stop "accept-$store"
        start "complete-$store" "$store" "$WORK/complete.conf"
        complete "complete-$store"
        stop "complete-$store"
        [ "$store" = pgsql ] || continue
        start context-pgsql pgsql
        complete context-pgsql
        stop context-pgsql
    done
done

printf '\n%s repetitions, %s MPM, %s connections; medians\n\n' "$REPS" "$MPM" "$CONNS"
printf '%-42s %9s %7s %9s %9s\n' 'work' 'per s' 'share' 'p50 ms' 'p99 ms'
row 'ceiling: bare JSON handler' ceiling
row 'durable accepts, PostgreSQL' accept-pgsql
row 'durable accepts, SQLite' accept-sqlite3
row "accept to completed ($N), PostgreSQL" complete-pgsql
row "accept to completed ($N), SQLite" complete-sqlite3
row "... with up to 20 turns each, PostgreSQL" context-pgsql
printf '\nEach repetition is a line of %s\n' "${OUT#"$PWD"/}"
