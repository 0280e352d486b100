/* The story of a notice. Read look() from top to bottom. */
#include "dispatch/courier.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "dispatch/dispatch_inner.h"
#include "dispatch/notice.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <apr_thread_cond.h>

#include <string.h>

#define LOOK_INTERVAL apr_time_from_msec(250)
#define STORE_PAUSE   apr_time_from_sec(1)
#define CLAIM_MARGIN  apr_time_from_sec(5) /* from the longest try to the claim's end */
#define HANDLE_TIME   apr_time_from_msec(500) /* for handing back when ending */
/* A receiver that fails is left alone for this long, unless its notices come again sooner. */
#define HOST_PAUSE     apr_time_from_sec(1)
#define HOST_PAUSE_MAX apr_time_from_sec(60)

#define ANSWER_IGNORED 65536

/* A notice on its way; lives in a pool of its own. */
typedef struct delivery_t {
    struct delivery_t *next; /* under lock, in the list of those that have ended */
    llmq_courier_t *courier;
    apr_pool_t *pool;
    llmq_outbox_t row;
    llmq_backend_conf_t to;
    llmq_call_t call;
    const char *headers[LLMQ_NOTICE_HEADERS_MAX];
    int decided; /* fate is filled; the thread's, as it is */
    llmq_outbox_fate_t fate;
} delivery_t;

struct llmq_courier_t {
    const llmq_courier_conf_t *conf;
    llmq_engine_t *engine;
    llmq_store_t *store; /* the thread's, as are scratch, hosts and in_flight */
    apr_pool_t *scratch;
    llmq_courier_hosts_t *hosts;
    int in_flight; /* begun, and what became of them not written yet */
    apr_thread_t *thread;
    apr_thread_mutex_t *lock; /* guards what follows */
    apr_thread_cond_t *more;
    delivery_t *ended;
    int stopping;
};

/* ---- a call ---- */

static void on_done(llmq_call_t *call)
{
    delivery_t *v = call->ctx;
    llmq_courier_t *c = v->courier;

    apr_thread_mutex_lock(c->lock);
    v->next = c->ended;
    c->ended = v;
    apr_thread_cond_signal(c->more);
    apr_thread_mutex_unlock(c->lock);
}

static void copy_row(llmq_outbox_t *to, const llmq_outbox_t *row, apr_pool_t *p)
{
    *to = *row;
    to->tenant = apr_pstrdup(p, row->tenant);
    to->job = apr_pstrdup(p, row->job);
    to->url = apr_pstrdup(p, row->url);
    to->host = apr_pstrdup(p, row->host);
}

static delivery_t *delivery_create(llmq_courier_t *c, const llmq_outbox_t *row)
{
    apr_pool_t *p;
    delivery_t *v;

    if (apr_pool_create_unmanaged_ex(&p, NULL, NULL) != APR_SUCCESS) {
        return NULL;
    }
    v = apr_pcalloc(p, sizeof(*v));
    v->courier = c;
    v->pool = p;
    copy_row(&v->row, row, p);
    v->to.name = "webhook";
    v->to.kind = LLMQ_BACKEND_HTTP;
    v->to.url = v->row.url;
    v->to.connect_timeout = v->to.total_timeout = c->conf->timeout;
    v->to.max_answer_bytes = ANSWER_IGNORED;
    return v;
}

/* Returns 0 when it cannot be sent now. */
static int begin(llmq_courier_t *c, const llmq_outbox_t *row, const llmq_job_t *job)
{
    delivery_t *v = delivery_create(c, row);
    llmq_webhook_said_t said;

    if (!v) {
        return 0;
    }
    said.id = llmq_notice_id(row, v->pool);
    said.sent_sec = apr_time_sec(llmq_clock_now());
    said.body = llmq_notice_body(row, job, v->pool);
    said.body_len = strlen(said.body);
    v->call.n_headers = llmq_notice_headers(
        v->headers, &said, llmq_notice_keys(c->conf->keys, row->tenant), v->pool);
    if (v->call.n_headers == 0) {
        apr_pool_destroy(v->pool);
        return 0;
    }
    v->call.headers = v->headers;
    v->call.backend = &v->to;
    v->call.id = said.id;
    v->call.body = said.body;
    v->call.deaf = 1;
    v->call.egress = c->conf->allow;
    v->call.done = on_done;
    v->call.ctx = v;
    v->call.pool = v->pool;
    c->in_flight++;
    llmq_backend_start(c->engine, &v->call);
    return 1;
}

/* ---- what becomes of a try ---- */

static void decide_failed(delivery_t *v, apr_time_t now)
{
    llmq_outbox_fate_t *fate = &v->fate;
    llmq_verdict_t verdict;
    unsigned char chance[2];

    apr_generate_random_bytes(chance, sizeof(chance));
    fate->tries = v->row.tries + 1;
    llmq_retry_notice(&verdict, &v->courier->conf->retry, &v->call.failure, fate->tries,
                      now, (unsigned int)chance[0] << 8 | chance[1]);
    fate->gone = verdict.status != LLMQ_STATUS_PENDING;
    fate->due_at = verdict.run_at;
    LLMQ_LOG(fate->gone ? LLMQ_LOG_WARNING : LLMQ_LOG_INFO, 0,
             LLMQ_NO(0760) "msg[%s]: the notice %s to %s was not taken, try %d: %s%s",
             v->row.job, v->call.id, v->row.host, fate->tries,
             v->call.error ? v->call.error : "no reason given",
             fate->gone ? "; given up" : "; will be tried again");
}

/* Once for each, also if the database takes it only later. What we ended ourselves was no
 * try; a refused address was one, and the last. */
static void decide(delivery_t *v)
{
    const llmq_failure_t *failure = &v->call.failure;
    apr_time_t now = llmq_clock_now();

    if (v->decided) {
        return;
    }
    v->decided = 1;
    v->fate.seq = v->row.seq;
    v->fate.gone = v->call.ok;
    v->fate.tries = v->row.tries;
    llmq_courier_hosts_end(v->courier->hosts, v->row.host, v->call.ok ? NULL : failure,
                           now);
    if (!v->call.ok && !(failure->ours && failure->kind == LLMQ_FAILURE_CONNECT)) {
        decide_failed(v, now);
    }
}

static delivery_t *take_ended(llmq_courier_t *c)
{
    delivery_t *v;

    apr_thread_mutex_lock(c->lock);
    v = c->ended;
    c->ended = NULL;
    apr_thread_mutex_unlock(c->lock);
    return v;
}

static void forget(llmq_courier_t *c, delivery_t *list)
{
    delivery_t *next;

    for (; list; list = next) {
        next = list->next;
        c->in_flight--;
        apr_pool_destroy(list->pool);
    }
}

/* An outcome that cannot be written now is written with the next ones; when the claim has
 * ended before that, the notice is sent twice. */
static void put_back(llmq_courier_t *c, delivery_t *list)
{
    delivery_t **last = &list;

    while (*last) {
        last = &(*last)->next;
    }
    apr_thread_mutex_lock(c->lock);
    *last = c->ended;
    c->ended = list;
    apr_thread_mutex_unlock(c->lock);
}

static apr_status_t settle(llmq_courier_t *c)
{
    delivery_t *list = take_ended(c);
    llmq_outbox_fate_t *fates;
    delivery_t *v;
    apr_status_t rv;
    int n = 0;

    if (!list) {
        return APR_SUCCESS;
    }
    fates = apr_pcalloc(c->scratch, sizeof(*fates) * (apr_size_t)c->in_flight);
    for (v = list; v; v = v->next) {
        decide(v);
        fates[n++] = v->fate;
    }
    rv = llmq_store_outbox_settle(c->store, fates, n, c->scratch);
    if (rv == APR_SUCCESS) {
        forget(c, list);
    }
    else {
        put_back(c, list);
    }
    return rv;
}

/* ---- what is due ---- */

/* Keeps those for whose hosts there is a place. */
static int occupy(llmq_courier_t *c, llmq_outbox_t *rows, int n, apr_time_t now)
{
    int kept = 0;
    int i;

    for (i = 0; i < n; i++) {
        if (llmq_courier_hosts_begin(c->hosts, rows[i].host, now)) {
            rows[kept++] = rows[i];
        }
    }
    return kept;
}

static void leave(llmq_courier_t *c, const llmq_outbox_t *rows, int n)
{
    llmq_failure_t nothing = {.kind = LLMQ_FAILURE_CONNECT, .ours = 1};
    int i;

    for (i = 0; i < n; i++) {
        llmq_courier_hosts_end(c->hosts, rows[i].host, &nothing, llmq_clock_now());
    }
}

static apr_status_t claim(llmq_outbox_t *rows, int *pn, llmq_courier_t *c, apr_time_t now)
{
    int wanted = *pn;
    apr_status_t rv = llmq_store_outbox_claim(
        rows, pn, c->store, now + c->conf->timeout + CLAIM_MARGIN, now, c->scratch);

    if (rv != APR_SUCCESS) {
        *pn = 0;
    }
    leave(c, rows + *pn, wanted - *pn);
    return rv;
}

static apr_status_t find(llmq_outbox_t **prows, int *pn, llmq_courier_t *c,
                         apr_time_t now)
{
    llmq_outbox_filter_t filter = {.per_host = c->conf->per_host,
                                   .limit = c->conf->concurrency - c->in_flight};

    *pn = 0;
    if (filter.limit <= 0) {
        return APR_SUCCESS;
    }
    filter.not_hosts =
        llmq_courier_hosts_busy(&filter.n_not_hosts, c->hosts, now, c->scratch);
    return llmq_store_outbox_due(prows, pn, c->store, &filter, now, c->scratch);
}

/* Returns how many were begun in *pbegun. */
static apr_status_t look(llmq_courier_t *c, int *pbegun)
{
    apr_time_t now = llmq_clock_now();
    llmq_outbox_t *rows = NULL;
    llmq_job_t **jobs = NULL;
    apr_status_t rv;
    int n = 0;
    int i;

    *pbegun = 0;
    /* 1. What became of those that have ended. */
    if ((rv = settle(c)) != APR_SUCCESS) {
        return rv;
    }
    /* 2. What is due, of hosts that have a place; from then on they are ours. */
    rv = find(&rows, &n, c, now);
    if (rv == APR_SUCCESS && (n = occupy(c, rows, n, now)) > 0) {
        rv = claim(rows, &n, c, now);
    }
    /* 3. What they tell of. Who cannot be begun now is due again when the claim ends. */
    if (rv == APR_SUCCESS && n > 0) {
        rv = llmq_store_outbox_jobs(&jobs, c->store, rows, n, c->scratch);
    }
    for (i = 0; rv == APR_SUCCESS && i < n && begin(c, &rows[i], jobs[i]); i++) {
        (*pbegun)++;
    }
    leave(c, rows + *pbegun, n - *pbegun);
    return rv;
}

/* ---- the thread ---- */

static int wait_for_more(llmq_courier_t *c, apr_interval_time_t limit)
{
    int stopping;

    apr_thread_mutex_lock(c->lock);
    if (limit > 0 && !c->stopping) {
        apr_thread_cond_timedwait(c->more, c->lock, limit);
    }
    stopping = c->stopping;
    apr_thread_mutex_unlock(c->lock);
    return stopping;
}

static void *APR_THREAD_FUNC courier_main(apr_thread_t *thread, void *data)
{
    llmq_courier_t *c = data;
    apr_interval_time_t pause = 0;

    (void)thread;
    while (!wait_for_more(c, pause)) {
        int begun = 0;
        apr_status_t rv = look(c, &begun);

        pause = rv != APR_SUCCESS ? STORE_PAUSE : begun ? 0 : LOOK_INTERVAL;
        apr_pool_clear(c->scratch);
    }
    return NULL;
}

apr_status_t llmq_courier_create(llmq_courier_t **pc, llmq_dispatch_t *d, apr_pool_t *p)
{
    const llmq_retry_conf_t *delay = &d->conf->courier.retry.delay;
    llmq_retry_conf_t pauses = {HOST_PAUSE, HOST_PAUSE_MAX};
    llmq_courier_t *c = apr_pcalloc(p, sizeof(*c));
    apr_pool_t *own;
    apr_status_t rv;

    pauses.base = delay->base < pauses.base ? delay->base : pauses.base;
    pauses.max = delay->max < pauses.max ? delay->max : pauses.max;
    c->conf = &d->conf->courier;
    c->store = llmq_dispatch_inner_store(d, p);
    c->scratch = llmq_dispatch_inner_pool(p);
    own = llmq_dispatch_inner_pool(p);
    if (!c->store || !c->scratch || !own) {
        return APR_ENOMEM;
    }
    c->hosts = llmq_courier_hosts_create(c->conf->per_host, &pauses, own);
    if ((rv = apr_thread_mutex_create(&c->lock, APR_THREAD_MUTEX_DEFAULT, p))
            != APR_SUCCESS
        || (rv = apr_thread_cond_create(&c->more, p)) != APR_SUCCESS
        || (rv = llmq_backend_engine_create(&c->engine, p)) != APR_SUCCESS) {
        return rv;
    }
    *pc = c;
    return llmq_thread_start(&c->thread, courier_main, c, p);
}

/* The thread has ended: its part is ours. */
static void settle_until(llmq_courier_t *c, apr_interval_time_t until)
{
    while ((settle(c) != APR_SUCCESS || c->in_flight > 0)
           && llmq_clock_steady() < until) {
        apr_sleep(apr_time_from_msec(20));
    }
}

void llmq_courier_stop(llmq_courier_t *c, apr_interval_time_t patience)
{
    apr_status_t rv;

    apr_thread_mutex_lock(c->lock);
    c->stopping = 1;
    apr_thread_cond_signal(c->more);
    apr_thread_mutex_unlock(c->lock);
    apr_thread_join(&rv, c->thread);
    settle_until(c, llmq_clock_steady() + patience);
    llmq_backend_engine_stop(c->engine);
    settle_until(c, llmq_clock_steady() + HANDLE_TIME);
    forget(c, take_ended(c));
}
