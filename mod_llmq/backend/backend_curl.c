#include "backend/backend_curl.h"

#include "backend/backend_transfer.h"
#include "backend/backend_watch.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

#include <apr_thread_mutex.h>

#include <stdlib.h>
#include <string.h>

/* curl counts connections in use, too, and above the limit it reuses none. What bounds
 * them is max_concurrent of the backends. */
#define CONNECTIONS_MAX 65536

#define IDLE_WAIT_MSEC 60000

typedef llmq_backend_transfer_t transfer_t;

typedef struct command_t {
    struct command_t *next;
    transfer_t *transfer;    /* to begin; the record lives in the call's pool */
    const llmq_call_t *call; /* else to abort; the record is freed by the engine */
} command_t;

struct llmq_engine_t {
    apr_pool_t *pool;
    apr_thread_mutex_t *lock;
    command_t *commands;        /* under lock */
    command_t **last_command;   /* under lock */
    int stopping;               /* under lock */
    CURLM *multi;               /* the thread's */
    llmq_backend_watch_t watch; /* the thread's, but for its bell under lock */
    apr_thread_t *thread;
    transfer_t *transfers; /* the thread's */
    apr_interval_time_t
        earliest; /* the thread's; no transfer's deadline comes before; 0 none */
};

/* --- transfers in flight --- */

static void transfer_end(llmq_engine_t *e, transfer_t *t, llmq_backend_trouble_e trouble)
{
    if (t->link) {
        *t->link = t->next;
        if (t->next) {
            t->next->link = t->link;
        }
        curl_multi_remove_handle(e->multi, t->easy);
    }
    llmq_backend_transfer_end(t, trouble);
}

static void transfer_begin(llmq_engine_t *e, transfer_t *t)
{
    if (t->call->unwanted) {
        transfer_end(e, t, LLMQ_BACKEND_TROUBLE_ABORT);
        return;
    }
    if (llmq_backend_transfer_open(t, &e->earliest) != LLMQ_BACKEND_TROUBLE_NONE
        || curl_multi_add_handle(e->multi, t->easy) != CURLM_OK) {
        transfer_end(e, t, LLMQ_BACKEND_TROUBLE_HANDLE);
        return;
    }
    t->next = e->transfers;
    t->link = &e->transfers;
    if (t->next) {
        t->next->link = &t->next;
    }
    e->transfers = t;
    e->earliest =
        llmq_backend_timer_earlier(e->earliest, llmq_backend_timer_next(&t->timer));
}

/* Walks the transfers only when the earliest deadline has come. Calls of done() only
 * append commands, so here and below the list stays as it is while it is walked. */
static void engine_expire(llmq_engine_t *e, apr_interval_time_t now)
{
    apr_interval_time_t earliest = 0;
    transfer_t *t;
    transfer_t *next;

    if (e->earliest == 0 || e->earliest > now) {
        return;
    }
    for (t = e->transfers; t; t = next) {
        llmq_backend_trouble_e trouble = llmq_backend_timer_expired(&t->timer, now);

        next = t->next;
        if (trouble != LLMQ_BACKEND_TROUBLE_NONE) {
            transfer_end(e, t, trouble);
        }
        else {
            llmq_backend_transfer_remind(t, now);
            earliest =
                llmq_backend_timer_earlier(earliest, llmq_backend_timer_next(&t->timer));
        }
    }
    e->earliest = earliest;
}

static int engine_wait_msec(const llmq_engine_t *e)
{
    apr_interval_time_t left;

    if (e->earliest == 0) {
        return IDLE_WAIT_MSEC;
    }
    left = e->earliest - llmq_clock_steady();
    if (left <= 0) {
        return 0;
    }
    left = left / 1000 + 1;
    return left < IDLE_WAIT_MSEC ? (int)left : IDLE_WAIT_MSEC;
}

/* --- the engine's thread --- */

/* A NULL call means all. */
static void engine_abort(llmq_engine_t *e, const llmq_call_t *call,
                         llmq_backend_trouble_e trouble)
{
    transfer_t *t;
    transfer_t *next;

    for (t = e->transfers; t; t = next) {
        next = t->next;
        if (!call || t->call == call) {
            transfer_end(e, t, trouble);
        }
    }
}

/* Returns non-zero when the engine is to stop; the queue is then empty for good. */
static int engine_obey(llmq_engine_t *e)
{
    command_t *command;
    command_t *next;
    int stopping;

    apr_thread_mutex_lock(e->lock);
    command = e->commands;
    e->commands = NULL;
    e->last_command = &e->commands;
    stopping = e->stopping;
    apr_thread_mutex_unlock(e->lock);

    for (; command; command = next) {
        next = command->next;
        if (command->transfer) {
            transfer_begin(e, command->transfer);
        }
        else {
            engine_abort(e, command->call, LLMQ_BACKEND_TROUBLE_ABORT);
            free(command);
        }
    }
    return stopping;
}

static void engine_reap(llmq_engine_t *e)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(e->multi, &left)) != NULL) {
        CURLcode code = message->data.result;
        transfer_t *t = NULL;

        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&t);
        transfer_end(e, t, llmq_backend_trouble_of(code));
    }
}

/* A deadline that has passed counts only after a look at the sockets that was later: the
 * thread may have stood still, with the machine or in done(), while an answer came. */
static void engine_turn(llmq_engine_t *e)
{
    static apr_uint64_t last_complaint;
    CURLMcode code = llmq_backend_watch_tick(&e->watch);
    apr_interval_time_t now;

    if (code == CURLM_OK) {
        engine_reap(e);
        now = llmq_clock_steady();
        code = llmq_backend_watch_wait(&e->watch, engine_wait_msec(e));
        engine_reap(e);
        engine_expire(e, now);
    }
    if (code != CURLM_OK) {
        if (llmq_log_once_per(&last_complaint, apr_time_from_sec(60))) {
            LLMQ_LOG(LLMQ_LOG_ERR, APR_EGENERAL,
                     LLMQ_NO(0502) "the call engine cannot work: %s",
                     curl_multi_strerror(code));
        }
        engine_expire(e, llmq_clock_steady());
        apr_sleep(apr_time_from_msec(100));
    }
}

static void *APR_THREAD_FUNC engine_run(apr_thread_t *thread, void *data)
{
    llmq_engine_t *e = data;

    (void)thread;
    while (!engine_obey(e)) {
        engine_turn(e);
    }
    engine_abort(e, NULL, LLMQ_BACKEND_TROUBLE_STOP);
    return NULL;
}

/* --- from other threads --- */

/* Wakes the engine only for the first command: it takes all there are. The wake-up stays
 * under the lock so that the bell cannot go away meanwhile. */
static int engine_post(llmq_engine_t *e, command_t *command)
{
    int posted = 0;

    apr_thread_mutex_lock(e->lock);
    if (!e->stopping) {
        if (!e->commands) {
            llmq_backend_watch_ring(&e->watch);
        }
        *e->last_command = command;
        e->last_command = &command->next;
        posted = 1;
    }
    apr_thread_mutex_unlock(e->lock);
    return posted;
}

void llmq_backend_curl_start(llmq_engine_t *engine, llmq_call_t *call)
{
    transfer_t *t = NULL;
    llmq_backend_trouble_e trouble = llmq_backend_transfer_create(&t, call);
    command_t *command;

    if (trouble != LLMQ_BACKEND_TROUBLE_NONE) {
        llmq_backend_transfer_refuse(call, trouble);
        return;
    }
    command = apr_pcalloc(call->pool, sizeof(*command));
    command->transfer = t;
    call->engine = t;
    if (!engine_post(engine, command)) {
        llmq_backend_transfer_refuse(call, LLMQ_BACKEND_TROUBLE_STOP);
    }
}

void llmq_backend_curl_abort(llmq_engine_t *engine, const llmq_call_t *call)
{
    command_t *command;

    if (!engine || !call) {
        return;
    }
    command = calloc(1, sizeof(*command));
    if (!command) {
        LLMQ_LOG(LLMQ_LOG_ERR, APR_ENOMEM, LLMQ_NO(0503) "a call cannot be aborted");
        return;
    }
    command->call = call;
    if (!engine_post(engine, command)) {
        free(command);
    }
}

void llmq_backend_curl_stop(llmq_engine_t *engine)
{
    apr_status_t rv;
    int stopped;

    apr_thread_mutex_lock(engine->lock);
    stopped = engine->stopping;
    engine->stopping = 1;
    if (!stopped) {
        llmq_backend_watch_ring(&engine->watch);
    }
    apr_thread_mutex_unlock(engine->lock);
    if (!stopped) {
        apr_thread_join(&rv, engine->thread);
        curl_multi_cleanup(engine->multi);
        llmq_backend_watch_close(&engine->watch);
        engine->multi = NULL;
    }
}

static apr_status_t stop_on_cleanup(void *engine)
{
    llmq_backend_curl_stop(engine);
    return APR_SUCCESS;
}

static apr_status_t engine_open(llmq_engine_t *e)
{
    apr_status_t rv;

    rv = apr_thread_mutex_create(&e->lock, APR_THREAD_MUTEX_DEFAULT, e->pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    /* Counted by curl; never undone, as the process ends with the engine. */
    if (curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK
        || !(e->multi = curl_multi_init())) {
        return APR_EGENERAL;
    }
    curl_multi_setopt(e->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_MAX);
    rv = llmq_backend_watch_open(&e->watch, e->multi);
    if (rv != APR_SUCCESS) {
        curl_multi_cleanup(e->multi);
        return rv;
    }
    rv = llmq_thread_start(&e->thread, engine_run, e, e->pool);
    if (rv != APR_SUCCESS) {
        curl_multi_cleanup(e->multi);
        llmq_backend_watch_close(&e->watch);
    }
    return rv;
}

apr_status_t llmq_backend_curl_create(llmq_engine_t **pengine, apr_pool_t *p)
{
    apr_allocator_t *allocator;
    apr_pool_t *pool;
    llmq_engine_t *e;
    apr_status_t rv;

    rv = apr_allocator_create(&allocator);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = apr_pool_create_ex(&pool, p, NULL, allocator);
    if (rv != APR_SUCCESS) {
        apr_allocator_destroy(allocator);
        return rv;
    }
    apr_allocator_owner_set(allocator, pool);
    apr_pool_tag(pool, "llmq_engine");
    e = apr_pcalloc(pool, sizeof(*e));
    e->pool = pool;
    e->last_command = &e->commands;
    rv = engine_open(e);
    if (rv != APR_SUCCESS) {
        apr_pool_destroy(pool);
        return rv;
    }
    /* Before p's sub-pools go, since calls in flight may live in them. */
    apr_pool_pre_cleanup_register(p, e, stop_on_cleanup);
    *pengine = e;
    return APR_SUCCESS;
}
