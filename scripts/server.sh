#!/usr/bin/env bash
# A private httpd with mod_llmq on 127.0.0.1; the system's own Apache is not touched.
#
#   scripts/server.sh start|stop|graceful|restart|status [options]
#
#   --port N                       where to listen                          (8080)
#   --dir DIR                      everything of this server lives here     (build/run)
#   --store sqlite3|pgsql          pgsql: a private PostgreSQL under DIR,
#                                  or the one that LLMQ_PG_DSN names        (sqlite3)
#   --redis                        a private Redis under DIR
#   --mpm event|worker|prefork                                              (event)
#   --conf FILE                    included after conf/llmq.conf; repeatable
#   --access-log                   write DIR/logs/access.log too
#
# start builds the module if needed, writes DIR/httpd.conf and DIR/jwt.secret, and returns
# when GET /api/v1/health answers; when it does not, it shows the end of the error log and
# fails. graceful and restart check the configuration, signal the running server and
# return when the new generation is in place; they know the server by --dir alone. stop
# ends httpd, PostgreSQL and Redis and keeps the data. status exits with 3 when httpd is
# not running.
#
# Environment:
#   LLMQ_PG_DSN    key=value connection string; no private PostgreSQL is started
#   LLMQ_MODULE    another mod_llmq.so; nothing is built then
#   LLMQ_SAN       address: the AddressSanitizer build, its runtime preloaded
#   LLMQ_DEADLINE  seconds to wait for the server to start, turn over or end (30)
#   LLMQ_PATIENCE  seconds until a server that answers and is not healthy counts as started (5)
#
# Files in DIR: httpd.conf httpd.pid jwt.secret logs/ data/ (SQLite) pgsql/ redis/ run/.
# Folders that another user must reach (www-data, postgres) are links into /var/tmp when
# DIR itself is closed to that user, as below /root.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
DEADLINE=${LLMQ_DEADLINE:-30}
PATIENCE=${LLMQ_PATIENCE:-5}
WEB_USER=www-data
PG_USER=postgres
MPMS=(event worker prefork)

say() { echo "server.sh: $*"; }
die() {
    echo "server.sh: $*" >&2
    exit 1
}
usage() {
    sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0" >&2
    exit 2
}
am_root() { [ "$(id -u)" -eq 0 ]; }

# --- arguments ------------------------------------------------------------------------
[ $# -gt 0 ] || usage
action=$1
shift
port=8080 dir=$ROOT/build/run store=sqlite3 redis='' mpm=event access_log='' confs=()
while [ $# -gt 0 ]; do
    case $1 in
    --port | --dir | --store | --mpm | --conf) [ $# -gt 1 ] || die "$1 needs a value" ;;
    esac
    case $1 in
    --port) port=$2 && shift ;;
    --dir) dir=$2 && shift ;;
    --store) store=$2 && shift ;;
    --mpm) mpm=$2 && shift ;;
    --conf) confs+=("$(realpath -e -- "$2")") && shift ;;
    --redis) redis=yes ;;
    --access-log) access_log=yes ;;
    *) usage ;;
    esac
    shift
done
[[ $port =~ ^[1-9][0-9]{0,4}$ ]] || die "--port $port is not a port"
[[ $store == sqlite3 || $store == pgsql ]] || die "--store is sqlite3 or pgsql"
[[ " ${MPMS[*]} " == *" $mpm "* ]] || die "--mpm is one of: ${MPMS[*]}"
dir=$(realpath -m -- "$dir")
error_log=$dir/logs/error.log

# --- httpd ----------------------------------------------------------------------------
find_httpd() {
    local apxs
    apxs=$(command -v apxs || command -v apxs2) || die "apxs is missing; see scripts/setup.sh"
    HTTPD=$("$apxs" -q SBINDIR)/$("$apxs" -q PROGNAME)
    LIBEXEC=$("$apxs" -q LIBEXECDIR)
    [ -x "$HTTPD" ] || die "$HTTPD is missing; see scripts/setup.sh"
}

# The command line of httpd, with the sanitizer's runtime in front where the module needs
# it. Leaks are left to the unit tests: httpd itself never frees what ends with the process.
httpd_command() {
    command=()
    [ -z "${PRELOAD:-}" ] || command=(env "LD_PRELOAD=$PRELOAD"
        "ASAN_OPTIONS=detect_leaks=0:${ASAN_OPTIONS:-}"
        "UBSAN_OPTIONS=print_stacktrace=1:${UBSAN_OPTIONS:-}")
    command+=("$HTTPD" -d "$dir" -f "$dir/httpd.conf")
}

check_conf() {
    httpd_command
    "${command[@]}" -t >"$dir/logs/start.log" 2>&1 ||
        die_with_log "the configuration is not accepted"
}

# What has ended and only waits for its parent to ask how is not alive: an orphan's parent is
# the machine's init, and that of a container may take its time, or never ask.
alive() {
    local stat
    [ -n "${1:-}" ] && read -r stat 2>/dev/null <"/proc/$1/stat" && [[ ${stat##*) } != Z* ]]
}

# The process that httpd.pid names, if it is alive and really an httpd of this folder: the
# number may have gone to a stranger since.
httpd_pid() {
    local pid=''
    [ ! -s "$dir/httpd.pid" ] || pid=$(<"$dir/httpd.pid")
    is_ours "$pid" && echo "$pid"
}
is_ours() {
    alive "$1" && tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null | grep -qF -- "$dir/httpd.conf"
}

# Children outlive a parent that was killed and keep its port; the group finds them.
end_orphans() {
    local group='' pid
    [ ! -s "$dir/httpd.pid" ] || group=$(<"$dir/httpd.pid")
    [ -n "$group" ] || return 0
    for pid in $(pgrep -g "$group" || true); do
        if is_ours "$pid"; then
            kill -KILL "$pid" 2>/dev/null || true
            wait_for "$DEADLINE" gone "$pid" || die "pid $pid does not end"
        fi
    done
    rm -f "$dir/httpd.pid"
}

wait_for() { # wait_for SECONDS COMMAND...
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < end)) || return 1
        sleep 0.05
    done
}

# Give DIR/NAME to USER. Where USER cannot reach DIR, NAME becomes a link to a folder that
# it can reach.
place() { # place NAME USER MODE
    local path=$dir/$1 user=$2 mode=$3
    if ! am_root; then
        mkdir -p "$path" && chmod "$mode" "$path"
        return
    fi
    if [ ! -e "$path" ]; then
        if setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups \
            test -x "$dir" 2>/dev/null; then
            mkdir "$path"
        else
            ln -sfn "$(mktemp -d /var/tmp/llmq-XXXXXXXX)" "$path"
            say "$dir is closed to $user: $1 lives in $(readlink "$path")"
        fi
    fi
    chown "$user:" "$path/"
    chmod "$mode" "$path/"
}

# --- PostgreSQL and Redis -------------------------------------------------------------
as_postgres() { # from /, because the user may not be allowed to stand here
    if am_root; then
        (cd / && setpriv --reuid="$PG_USER" --regid="$(id -g "$PG_USER")" --init-groups "$@")
    else
        (cd / && "$@")
    fi
}

# A Unix socket, because it is faster than TCP and needs no port. Its folder is open to
# the children of httpd and to nobody else, hence "trust". 107 bytes are the kernel's
# limit for the path.
place_socket() {
    local path=$dir/pgsock
    if [ ! -e "$path" ] && ((${#path} + 16 > 107)); then
        ln -sfn "$(mktemp -d /tmp/llmq-XXXXXXXX)" "$path"
    fi
    place pgsock "$PG_USER" 0700
    ! am_root || { chgrp "$WEB_USER" "$path/" && chmod 2750 "$path/"; }
    PG_SOCKET=$(readlink -f "$path")
}

pgsql_start() {
    local bin data
    bin=$(pg_config --bindir 2>/dev/null) || bin=''
    [ -x "$bin/initdb" ] || bin=$(find /usr/lib/postgresql -name initdb -printf '%h\n' \
        2>/dev/null | sort -V | tail -n 1)
    [ -x "$bin/initdb" ] || die "PostgreSQL is missing; see scripts/setup.sh test"
    place pgsql "$PG_USER" 0700
    place_socket
    data=$(readlink -f "$dir/pgsql")
    if [ ! -e "$data/PG_VERSION" ]; then
        as_postgres "$bin/initdb" -D "$data" -U llmq -A trust -E UTF8 --locale=C.UTF-8 \
            >"$dir/logs/initdb.log" 2>&1 || die "initdb failed: $(tail -n 5 "$dir/logs/initdb.log")"
        # Everything else is stock; fsync and synchronous_commit stay on.
        printf '%s\n' "listen_addresses = ''" "max_connections = 200" \
            "unix_socket_directories = '$PG_SOCKET'" >>"$data/postgresql.conf"
    fi
    if ! as_postgres "$bin/pg_ctl" -D "$data" status >/dev/null; then
        as_postgres "$bin/pg_ctl" -D "$data" -w -t "$DEADLINE" -l "$data/server.log" start \
            >/dev/null || die "PostgreSQL does not start: $(tail -n 20 "$data/server.log")"
    fi
    as_postgres psql -qAt -h "$PG_SOCKET" -U llmq -d postgres \
        -c "SELECT 1 FROM pg_database WHERE datname = 'llmq'" | grep -q 1 ||
        as_postgres psql -q -h "$PG_SOCKET" -U llmq -d postgres -c 'CREATE DATABASE llmq'
}

pgsql_pid() { [ -s "$dir/pgsql/postmaster.pid" ] && head -n 1 "$dir/pgsql/postmaster.pid"; }

pgsql_stop() {
    local pid
    pid=$(pgsql_pid) && alive "$pid" || return 0
    kill -INT "$pid" 2>/dev/null || true # "fast": sessions are ended, what was committed is kept
    wait_for "$DEADLINE" gone "$pid" || die "PostgreSQL (pid $pid) does not end"
}
gone() { ! alive "$1"; }

free_port() {
    local try
    while :; do
        try=$((20000 + RANDOM % 10000))
        (exec 3<>"/dev/tcp/127.0.0.1/$try") 2>/dev/null || break
    done
    echo "$try"
}

# Somebody else may take the port first: then it ends, and tries another one.
redis_start() {
    local port
    mkdir -p "$dir/redis"
    ! alive "$(cat "$dir/redis.pid" 2>/dev/null)" || return 0
    for _ in 1 2 3 4 5; do
        port=$(free_port)
        echo "$port" >"$dir/redis/port"
        setsid redis-server --bind 127.0.0.1 --port "$port" --dir "$dir/redis" --daemonize no \
            --pidfile "$dir/redis.pid" --logfile "$dir/logs/redis.log" --save '' \
            --appendonly yes </dev/null >/dev/null 2>&1 &
        wait_for "$DEADLINE" redis_is_up $! "$port" || die "Redis does not answer on port $port"
        ! gone $! || continue
        return
    done
    die "Redis does not start; see $dir/logs/redis.log"
}
redis_is_up() { # redis_is_up PID PORT: or has ended
    gone "$1" ||
        redis-cli -p "$2" info server 2>/dev/null | grep "^process_id:$1[^0-9]*$" >/dev/null
}

redis_stop() {
    local pid
    pid=$(cat "$dir/redis.pid" 2>/dev/null) && alive "$pid" || return 0
    kill -TERM "$pid" 2>/dev/null || true
    wait_for "$DEADLINE" gone "$pid" || die "Redis (pid $pid) does not end"
}

# --- the configuration ----------------------------------------------------------------
load_modules() {
    local builtin name
    builtin=$("$HTTPD" -l)
    for name in "mpm_$mpm" unixd log_config authn_core authz_core authz_host dbd; do
        grep -q "mod_$name\.c\|^ *${name#mpm_}\.c" <<<"$builtin" && continue
        echo "LoadModule ${name}_module \"$LIBEXEC/mod_$name.so\""
    done
    echo "LoadModule llmq_module \"$module\""
}

# Enough threads for 64 kept-alive connections at once, however they spread over the
# children (event closes kept-alive connections when no thread is idle; worker stops
# accepting). One child of event and two of worker were fastest with the group commit.
# ServerLimit leaves room for the old generation during a graceful restart.
mpm_settings() {
    case $mpm in
    event) threads 1 128 ;;
    worker) threads 2 40 ;;
    prefork)
        printf '%s\n' 'StartServers 8' 'MinSpareServers 8' 'MaxSpareServers 80' \
            'ServerLimit 160' 'MaxRequestWorkers 80'
        ;;
    esac
}
threads() { # threads CHILDREN THREADS_EACH
    printf '%s\n' "StartServers $1" "ServerLimit $((4 * $1))" "ThreadsPerChild $2" \
        "ThreadLimit $2" "MaxRequestWorkers $(($1 * $2))" 'MinSpareThreads 1' \
        "MaxSpareThreads $(($1 * $2))"
}

# The file is there and owned before anybody opens it: SQLite gives its side files the same
# owner, even when root is the first to write.
sqlite3_prepare() {
    place data "$WEB_USER" 0750
    local file=$dir/data/llmq.db
    [ -e "$file" ] || install -m 640 /dev/null "$file"
    ! am_root || chown "$WEB_USER:" "$file"
}

store_settings() {
    local dsn
    if [ "$store" = sqlite3 ]; then
        printf 'DBDriver sqlite3\nDBDParams "%s"\n' "$(readlink -f "$dir/data")/llmq.db"
    else
        dsn=${LLMQ_PG_DSN:-host=$PG_SOCKET user=llmq dbname=llmq connect_timeout=5}
        printf 'DBDriver pgsql\nDBDParams "%s"\n' "${dsn//\"/\\\"}"
    fi
}

write_conf() {
    local file
    cat <<CONF
# Written by scripts/server.sh start; changes are lost at the next start.
ServerRoot "$dir"
Define LLMQ_DIR "$dir"
Define LLMQ_PORT $port
Define LLMQ_STORE $store
ServerName 127.0.0.1:$port
Listen 127.0.0.1:$port
PidFile "$dir/httpd.pid"
DefaultRuntimeDir "$dir/run"
DocumentRoot "$(readlink -f "$dir/htdocs")"
$(load_modules)
$(mpm_settings)
Timeout 60
TraceEnable Off
KeepAlive On
KeepAliveTimeout 30
MaxKeepAliveRequests 0
GracefulShutdownTimeout 10
ErrorLog "$error_log"
LogLevel warn llmq:info
CONF
    ! am_root || printf 'User %s\nGroup %s\n' "$WEB_USER" "$(id -gn "$WEB_USER")"
    [ -z "$access_log" ] || echo "CustomLog \"$dir/logs/access.log\" \"%h %t \\\"%r\\\" %>s %b %D\""
    [ -z "$redis" ] || echo "Define LLMQ_REDIS_PORT $(<"$dir/redis/port")"
    printf '<Directory />\n    AllowOverride None\n    Require all denied\n</Directory>\n'
    printf '<Directory "%s">\n    Require all granted\n</Directory>\n' \
        "$(readlink -f "$dir/htdocs")"
    store_settings
    for file in "$ROOT/conf/llmq.conf" "${confs[@]}"; do echo "Include \"$file\""; done
}

# What graceful, restart and status must know later.
write_state() {
    printf '%s=%q\n' port "$port" store "$store" mpm "$mpm" PRELOAD "${PRELOAD:-}"
}
read_state() {
    [ -r "$dir/server.state" ] || die "no server was started in $dir"
    # shellcheck disable=SC1091
    . "$dir/server.state"
    find_httpd
}

# --- actions --------------------------------------------------------------------------
choose_module() {
    PRELOAD=''
    if [ -n "${LLMQ_MODULE:-}" ]; then
        module=$(realpath -e -- "$LLMQ_MODULE")
    else
        module=$ROOT/build/${LLMQ_SAN:-release}/mod_llmq.so
        [ -e "$module" ] || say "building ${module#"$ROOT"/}"
        make -s -j "$(nproc)" -C "$ROOT" SAN="${LLMQ_SAN:-}" "${module#"$ROOT"/}"
    fi
    case ${LLMQ_SAN:-} in
    '') ;;
    address) PRELOAD=$(realpath "$(gcc -print-file-name=libasan.so)") ;;
    *) die "LLMQ_SAN=$LLMQ_SAN cannot be loaded into httpd; address can" ;;
    esac
}

show_log() {
    echo "--- end of $error_log" >&2
    tail -n 20 "$error_log" >&2 2>/dev/null || true
    [ ! -s "$dir/logs/start.log" ] || tail -n 20 "$dir/logs/start.log" >&2
}

health() { curl -s -o /dev/null -m "$PATIENCE" -w '%{http_code}' "http://127.0.0.1:$port/api/v1/health"; }

# A server without its database answers, and says that it is unwell: that counts too, but
# only when it stays so. It writes its pid once it has the port, so that nobody else's answer
# is taken for its own.
is_up() { # is_up PID
    local code
    ! gone "$1" || die_with_log "httpd ended"
    [ "$(httpd_pid)" = "$1" ] || return 1
    code=$(health) || return 1
    [ "$code" = 200 ] && return
    [ "$code" = 503 ] && ((SECONDS >= patience)) && say "answers, but is not healthy" >&2
}
die_with_log() {
    show_log
    die "$*"
}

start() {
    ! httpd_pid >/dev/null || die "already running in $dir (pid $(httpd_pid)); stop it first"
    find_httpd
    choose_module
    mkdir -p "$dir/logs" "$dir/run"
    place htdocs "$WEB_USER" 0755 # empty; but what serves a path must be able to reach it
    end_orphans
    if [ ! -s "$dir/jwt.secret" ]; then
        (umask 077 && head -c 32 /dev/urandom | base64 >"$dir/jwt.secret")
    fi
    [ -z "$redis" ] || redis_start
    case $store in
    sqlite3) sqlite3_prepare ;;
    pgsql) [ -n "${LLMQ_PG_DSN:-}" ] || pgsql_start ;;
    esac
    (umask 077 && write_conf >"$dir/httpd.conf") # it may hold a database password
    write_state >"$dir/server.state"
    check_conf
    # In the foreground of a session of its own: so its end is noticed at once, which httpd
    # hides when it detaches itself, and no terminal's signals reach it.
    setsid "${command[@]}" -D FOREGROUND </dev/null >"$dir/logs/start.log" 2>&1 &
    patience=$((SECONDS + PATIENCE))
    wait_for "$DEADLINE" is_up $! || die_with_log "no answer at http://127.0.0.1:$port"
    say "http://127.0.0.1:$port ($mpm, $store), files in $dir"
}

stop() {
    local pid
    if pid=$(httpd_pid); then
        kill -TERM "$pid" 2>/dev/null || true # it may have ended by itself
        wait_for "$DEADLINE" gone "$pid" || {
            show_log
            kill -KILL "$pid"
            end_orphans
            die "httpd (pid $pid) did not end in $DEADLINE s and was killed"
        }
    fi
    end_orphans
    pgsql_stop
    redis_stop
}

generations() { grep -c 'resuming normal operations' "$error_log" 2>/dev/null || true; }

# A child that is told to end goes on accepting until it has heard of it, and answers by the
# old configuration. One of prefork's that has a request does not look before its end, so
# that those are not waited for long.
listening() { awk '$4 == "0A" { print "socket:[" $10 "]" }' /proc/net/tcp /proc/net/tcp6 2>/dev/null; }
accepts() { # accepts PID: of the sockets that somebody listens on it has one
    find "/proc/$1/fd" -lname 'socket:*' -printf '%l\n' 2>/dev/null |
        grep -xFf <(listening) >/dev/null
}
have_heard() { # have_heard PID...
    local child
    [ "$mpm" != prefork ] || ((SECONDS < hearing_ends)) || return 0
    for child in "$@"; do ! accepts "$child" || return 1; done
}
turned_over() { # turned_over PID GENERATIONS_BEFORE OLD_CHILD...
    (($(generations) > $2)) && is_up "$1" && have_heard "${@:3}"
}

turn_over() { # turn_over SIGNAL
    local pid before old
    read_state
    pid=$(httpd_pid) || die "httpd is not running in $dir"
    check_conf # a parent that meets a faulty configuration ends; so ask before
    before=$(generations)
    mapfile -t old < <(pgrep -P "$pid" || true)
    patience=$((SECONDS + PATIENCE))
    hearing_ends=$((SECONDS + 3))
    kill "-$1" "$pid"
    wait_for "$DEADLINE" turned_over "$pid" "$before" "${old[@]}" ||
        die_with_log "no new generation"
}

status() {
    local pid
    read_state
    if pid=$(pgsql_pid) && alive "$pid"; then say "PostgreSQL runs (pid $pid)"; fi
    if pid=$(cat "$dir/redis.pid" 2>/dev/null) && alive "$pid"; then
        say "Redis runs (pid $pid, port $(<"$dir/redis/port"))"
    fi
    if ! pid=$(httpd_pid); then
        say "httpd is not running in $dir"
        exit 3
    fi
    say "httpd runs (pid $pid, $mpm, $store) at http://127.0.0.1:$port, health: $(health || true)"
}

case $action in
start) start ;;
stop) stop ;;
graceful) turn_over USR1 ;;
restart) turn_over HUP ;;
status) status ;;
*) usage ;;
esac
