# shellcheck shell=bash disable=SC2153
# The gateway's part of scripts/bench.sh, which reads this file: what a completion costs more
# than asking the backend directly, and many that are streamed at once.

FAKE_PORT=$((PORT + 1))
FAKE_PID=

prepare_gateway() {
    gcc -O2 -D_GNU_SOURCE -o "$WORK/fake_llm" tests/bench/fake_llm.c
    gcc -O2 -D_GNU_SOURCE -o "$WORK/completion_load" tests/bench/completion_load.c
    # As shipped, but that nothing bounds how many are under way at once.
    cat >"$WORK/gateway.conf" <<CONF
<LLMQBackend fake>
    LLMQBackendKind openai
    LLMQBackendURL http://127.0.0.1:$FAKE_PORT/v1
    LLMQBackendModel fake
    LLMQBackendConcurrency 10000
</LLMQBackend>
<Location /open>
    SetHandler llmq-openai
    Require all granted
</Location>
$(for level in realtime high normal low; do echo "LLMQQueueConcurrency $level 10000"; done)
CONF
}

start_fake() {
    "$WORK/fake_llm" "$FAKE_PORT" "$TOKENS" "$TOKEN_RATE" &
    FAKE_PID=$!
    for _ in $(seq 100); do
        ! (exec 3<>"/dev/tcp/127.0.0.1/$FAKE_PORT") 2>/dev/null || break
        sleep 0.05
    done
}
stop_fake() {
    [ -n "$FAKE_PID" ] || return 0
    kill "$FAKE_PID"
    wait "$FAKE_PID" 2>/dev/null || true
    FAKE_PID=
}

chat() { # chat WORK CONNECTIONS URL: one repetition by wrk, after a second of warm-up
    wrk -t1 -c"$2" -d1s -s tests/bench/chat.lua "$3" >/dev/null
    record "$1-$2" "$(wrk -t1 -c"$2" -d"${SECS}s" -s tests/bench/chat.lua "$3" |
        sed -n 's/^WRK //p')"
}

# Direct and through the gateway in turns, so that what else the machine does strikes both.
bench_gateway() { # bench_gateway STORE
    local dir="gateway-$1" n
    start "$dir" "$1" "$WORK/gateway.conf"
    start_fake
    for n in 1 8 "$CONNS"; do
        chat "direct-$1" "$n" "http://127.0.0.1:$FAKE_PORT/v1/chat/completions"
        chat "$dir" "$n" "http://127.0.0.1:$PORT/open/chat/completions"
    done
    record "streamed-$1" "$("$WORK/completion_load" "$PORT" /open/chat/completions \
        "$COMPLETIONS" "$TOKENS" "$WORK/$dir/httpd.pid" || true)"
    stop_fake
    stop "$dir"
}

added() { # added STORE CONNECTIONS FIELD
    jq -rn --argjson a "$(median "gateway-$1-$2" "$3")" \
        --argjson b "$(median "direct-$1-$2" "$3")" '$a - $b | . * 100 | round / 100'
}
chat_row() { # chat_row STORE CONNECTIONS
    local work field
    printf '%-22s' "$2, $1"
    for work in direct gateway; do
        for field in rps p50_ms p99_ms; do
            printf ' %8s' "$(median "$work-$1-$2" "$field")"
        done
    done
    printf ' %8s %8s\n' "$(added "$1" "$2" p50_ms)" "$(added "$1" "$2" p99_ms)"
}
streamed_row() { # streamed_row STORE
    local field
    printf '%-22s' "$COMPLETIONS, $1"
    for field in complete seconds first_p50_ms first_p99_ms whole_p50_ms whole_p99_ms \
        children_kb_before children_kb dispatcher_kb_before dispatcher_kb \
        child_threads dispatcher_threads; do
        printf ' %8s' "$(median "streamed-$1" "$field")"
    done
    echo
}
show_gateway() {
    local n store
    printf '\n%-22s %26s %26s %17s\n' 'completions' 'direct: per s p50 p99 ms' \
        'gateway: per s p50 p99 ms' 'added p50 p99 ms'
    for n in 1 8 "$CONNS"; do
        for store in pgsql sqlite3; do
            chat_row "$store" "$n"
        done
    done
    printf '\n%-22s %17s %17s %17s %17s %17s %17s\n' \
        "$TOKENS tokens at $TOKEN_RATE/s" 'complete s' 'first p50 p99 ms' \
        'whole p50 p99 ms' 'children kB' 'dispatcher kB' 'threads'
    for store in pgsql sqlite3; do
        streamed_row "$store"
    done
}
