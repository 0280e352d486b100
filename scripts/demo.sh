#!/usr/bin/env bash
# See it work: forty messages of four priorities are accepted while nobody drains the
# queue, the least urgent ones first; then they are answered, the most urgent ones first.
# At the end the same model is asked as OpenAI's SDKs would, and answers in pieces.
# Needs nothing but this checkout: it installs what is missing (or says what), builds the
# module and starts a private httpd with SQLite. The language model is a shell script that
# takes 0.2 s for an answer and does two at a time.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
DIR=${LLMQ_DEMO_DIR:-$ROOT/build/demo}
LEVELS=(realtime high normal low)
EACH=10
TOTAL=$((EACH * ${#LEVELS[@]}))

bold='' plain='' home=''
if [ -t 1 ]; then bold=$'\e[1m' plain=$'\e[0m' home=$'\r'; fi
step() { printf '%s%s%s\n' "$bold" "$*" "$plain"; }
die() {
    echo "demo.sh: $*" >&2
    exit 1
}

# An earlier demo ends, and its messages go.
clean() {
    local link
    [ -d "$DIR" ] || return 0
    [ ! -e "$DIR/server.state" ] || "$ROOT/scripts/server.sh" stop --dir "$DIR"
    for link in "$DIR"/*; do
        # server.sh puts folders there when others cannot reach DIR
        if [[ -L $link && $(readlink "$link") == /var/tmp/llmq-* ]]; then
            rm -rf "$(readlink "$link")"
        fi
    done
    rm -rf "$DIR"
}

free_port() {
    local port=8080
    while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
        port=$((20000 + RANDOM % 10000))
    done
    echo "$port"
}

# The language model: OpenAI's API as a CGI script of the same httpd. It notes when it was
# asked what, so that the table at the end can tell the true order.
write_llm() {
    local script=$1
    cat >"$script" <<'LLM'
#!/usr/bin/env bash
body=$(cat)
prompt=$(jq -r '.messages[-1].content' <<<"$body")
echo "$EPOCHREALTIME $prompt" >>"${0%/*}/order"
sleep 0.2
if [ "$(jq .stream <<<"$body")" = true ]; then
    printf 'Content-Type: text/event-stream\r\n\r\n'
    for word in You ' said:' " $prompt"; do
        jq -cn --arg word "$word" '"data: \({model: "demo", choices: [{index: 0,
            delta: {content: $word}}]})\n"' -r
        sleep 0.1
    done
    echo 'data: [DONE]'
    echo
    exit
fi
printf 'Content-Type: application/json\r\n\r\n'
jq -cn --arg prompt "$prompt" '{model: "demo", choices: [{index: 0, finish_reason: "stop",
    message: {role: "assistant", content: "You said: \($prompt)"}}]}'
LLM
    chmod 755 "$script"
    echo -n >"${script%/*}/order"
    chown --reference="${script%/*}" "${script%/*}/order"
}

write_conf() {
    local data libexec
    data=$(realpath "$DIR/data")
    libexec=$("$(command -v apxs || command -v apxs2)" -q LIBEXECDIR)
    cat >"$DIR/demo.conf" <<CONF
LLMQDispatcher On
<IfModule !alias_module>
    LoadModule alias_module "$libexec/mod_alias.so"
</IfModule>
LoadModule cgi_module "$libexec/mod_cgi.so"
ScriptAlias /demo-llm/v1/chat/completions "$data/llm"
<Directory "$data">
    Require local
</Directory>
<LLMQBackend demo>
    LLMQBackendKind        openai
    LLMQBackendURL         http://127.0.0.1:$PORT/demo-llm/v1
    LLMQBackendModel       demo
    LLMQBackendConcurrency 2
</LLMQBackend>
CONF
}

start_server() {
    mkdir -p "$DIR"
    PORT=$(free_port)
    API=http://127.0.0.1:$PORT/api/v1
    echo "LLMQDispatcher Off" >"$DIR/demo.conf"
    "$ROOT/scripts/server.sh" start --port "$PORT" --dir "$DIR" --conf "$DIR/demo.conf"
    write_llm "$(realpath "$DIR/data")/llm"
}

post_all() {
    local i n level body id
    for ((i = ${#LEVELS[@]} - 1; i >= 0; i--)); do
        level=${LEVELS[i]}
        for ((n = 1; n <= EACH; n++)); do
            body=$(jq -cn --arg level "$level" --arg n "$n" '{user_id: "user_\($n)",
                priority: $level, content: "\($level) question \($n)"}')
            id=$(curl -sf -H 'Content-Type: application/json' -d "$body" "$API/messages" |
                jq -r .data.id) || die "a message was not accepted"
            echo "$EPOCHREALTIME $id $level $level question $n" >>"$DIR/accepted"
        done
        echo "  accepted: $EACH of level $level"
    done
}

answered() { curl -sf "$API/messages?status=completed&page_size=1$1" | jq .data.pagination.total; }

watch_answers() {
    local line='' last='' level done=0 end=$((SECONDS + 120))
    while ((done < TOTAL)); do
        ((SECONDS < end)) || die "only $done of $TOTAL answered; see $DIR/logs/error.log"
        sleep 0.25
        line=''
        for level in "${LEVELS[@]}"; do
            line+=$(printf '  %s %2d/%d' "$level" "$(answered "&priority=$level")" "$EACH")
        done
        done=$(answered '')
        [ "$line" = "$last" ] || printf '%s  answered:%s%s' "$home" "$line" "${home:+ }"
        [ -n "$home" ] || [ "$line" = "$last" ] || echo
        last=$line
    done
    [ -z "$home" ] || echo
}

# Waits are from the 201 to the moment the model was asked.
table() {
    jq -rn --rawfile accepted "$DIR/accepted" --rawfile order "$DIR/data/order" '
        def rows: split("\n") | map(select(. != "") | split(" "));
        def seconds: . * 100 | round / 100 | tostring;
        ($order | rows | to_entries | map({key: (.value[1:] | join(" ")),
            value: {place: (.key + 1), at: (.value[0] | tonumber)}}) | from_entries) as $asked
        | [$accepted | rows[] | {level: .[2], at: (.[0] | tonumber)} + {asked: $asked[.[3:] | join(" ")]}]
        | group_by(.level) | map({
            level: .[0].level, accepted: length,
            answered: (map(select(.asked)) | length),
            waits: (map(select(.asked) | .asked.at - .at) | sort),
            places: (map(select(.asked) | .asked.place) | sort)})
        | sort_by(.places[0])
        | .[] | [.level, .accepted, .answered,
            (.waits[(length / 2 | floor)] // 0 | seconds),
            (.waits[-1] // 0 | seconds), "\(.places[0]) to \(.places[-1])"] | @tsv' |
        (
            printf '  %-10s %9s %9s %13s %11s   %s\n' level accepted answered \
                'median wait' 'max wait' 'asked as number'
            while IFS=$'\t' read -r level accepted answered median max places; do
                printf '  %-10s %9s %9s %11s s %9s s   %s\n' "$level" "$accepted" \
                    "$answered" "$median" "$max" "$places"
            done
        )
}

# A key as an operator makes it, and what an SDK would send.
gateway() {
    local ctl
    ctl=$(dirname "${LLMQ_MODULE:-$ROOT/build/${LLMQ_SAN:-release}/mod_llmq.so}")/llmqctl
    export OPENAI_BASE_URL=http://127.0.0.1:$PORT/v1
    OPENAI_API_KEY=$(LLMQ_DB_DRIVER=sqlite3 LLMQ_DB_PARAMS=$(realpath "$DIR/data")/llmq.db \
        "$ctl" key create --sub demo 2>/dev/null) || die "no key could be made"
    curl -sfN "$OPENAI_BASE_URL/chat/completions" -H "Authorization: Bearer $OPENAI_API_KEY" \
        -H 'Content-Type: application/json' -d '{"model": "demo", "stream": true,
            "messages": [{"role": "user", "content": "Hello, who is there?"}]}' |
        sed -u '/^$/d; s/^/  /'
}

look_further() {
    local id
    id=$(tail -n 1 "$DIR/accepted" | cut -d ' ' -f 2)
    cat <<TEXT
The server is still running. Look further:
  curl -s $API/messages/$id | jq
  curl -s '$API/messages?priority=low&page_size=3' | jq
  curl -s $API/queues/status | jq
  curl -s $API/health | jq
  export OPENAI_BASE_URL=$OPENAI_BASE_URL OPENAI_API_KEY=$OPENAI_API_KEY
  curl -s \$OPENAI_BASE_URL/models -H "Authorization: Bearer \$OPENAI_API_KEY" | jq
  curl -s $API/messages -H 'Content-Type: application/json' \\
      -d '{"user_id": "me", "content": "Hello", "priority": "realtime"}' | jq
  less $DIR/logs/error.log          # what the server says
  less $DIR/httpd.conf $DIR/demo.conf
  scripts/server.sh stop --dir $DIR
TEXT
}

step "1. Packages, build, a private httpd"
"$ROOT/scripts/setup.sh" build
[ -n "${LLMQ_MODULE:-}" ] || make -s -j "$(nproc)" -C "$ROOT" SAN="${LLMQ_SAN:-}"
clean
start_server
step "2. $TOTAL messages come in, the least urgent first; nobody answers yet"
post_all
step "3. The dispatcher is switched on by a graceful restart"
write_conf
"$ROOT/scripts/server.sh" graceful --dir "$DIR"
watch_answers
step "4. What happened"
table
step "5. The same model through the gateway, as an OpenAI SDK asks it to stream"
gateway
look_further
