#include "http/claim.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "core/message.h"
#include "core/task.h"
#include "dispatch/context.h"
#include "http/lease_tell.h"
#include "http/muster.h"

#include <apr_tables.h>

#include <string.h>
#include <unistd.h>

/* Longer than a commit may take, so that nobody looks for the lease before it is stored. */
#define SLACK apr_time_from_sec(1)

static const llmq_kind_e kinds[] = {LLMQ_KIND_TASK, LLMQ_KIND_MESSAGE};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* An entry that was taken, and for which claim. */
typedef struct {
    llmq_entry_t entry;
    int claim;
} taken_t;

/* A try under way. */
typedef struct {
    const llmq_claim_t *claims;
    const llmq_service_t *service;
    apr_array_header_t *taken; /* taken_t */
    llmq_job_t **jobs;         /* beside them, once they are stored; NULL: refused */
    const char **said;         /* beside them: the conversation, of messages */
    apr_time_t now;
    apr_pool_t *pool;
} try_t;

#define TAKEN(t, i) (&APR_ARRAY_IDX((t)->taken, i, taken_t))

int llmq_claim_filter(llmq_queue_filter_t *filter, const llmq_claim_t *claim,
                      llmq_kind_e kind)
{
    memset(filter, 0, sizeof(*filter));
    filter->tenants = kind == LLMQ_KIND_TASK ? claim->lanes : &claim->of_tenant;
    filter->n_tenants = kind == LLMQ_KIND_TASK ? claim->n_lanes : 1;
    return (claim->kinds & LLMQ_CLAIM_KIND(kind)) != 0;
}

int llmq_claim_has_ready(const llmq_claim_t *claim, const llmq_service_t *service)
{
    llmq_queue_filter_t filter;
    apr_size_t i;

    for (i = 0; i < N_KINDS; i++) {
        if (llmq_claim_filter(&filter, claim, kinds[i])
            && llmq_queue_has_ready(llmq_service_queue(service, kinds[i]), &filter)) {
            return 1;
        }
    }
    return 0;
}

/* ---- 1. from the queues ---- */

static apr_status_t take_kind(try_t *t, int claim, llmq_kind_e kind, int *pleft)
{
    llmq_queue_t *q = llmq_service_queue(t->service, kind);
    apr_time_t until = t->now + llmq_store_conf(t->service->store)->timeout + SLACK;
    llmq_queue_filter_t filter;
    llmq_entry_t *entries;
    apr_status_t rv;
    int n = 0;
    int i;

    if (!*pleft || !llmq_claim_filter(&filter, &t->claims[claim], kind)
        || !llmq_queue_has_ready(q, &filter)) {
        return APR_SUCCESS;
    }
    entries = apr_palloc(t->pool, sizeof(*entries) * (apr_size_t)*pleft);
    rv = llmq_queue_take_from(entries, &n, q, *pleft, (apr_uint32_t)getpid(), until,
                              &filter);
    for (i = 0; rv == APR_SUCCESS && i < n; i++) {
        taken_t *taken = apr_array_push(t->taken);

        taken->entry = entries[i];
        taken->claim = claim;
    }
    *pleft -= rv == APR_SUCCESS ? n : 0;
    return rv;
}

static apr_status_t take(try_t *t, int n)
{
    apr_status_t rv = APR_SUCCESS;
    apr_size_t k;
    int i;

    for (i = 0; rv == APR_SUCCESS && i < n; i++) {
        int left = t->claims[i].limit;

        for (k = 0; rv == APR_SUCCESS && k < N_KINDS; k++) {
            rv = take_kind(t, i, kinds[k], &left);
        }
    }
    /* What was taken before a queue failed is given all the same. */
    return t->taken->nelts ? APR_SUCCESS : rv;
}

/* ---- 2. into the store ---- */

static apr_status_t store(try_t *t)
{
    int n = t->taken->nelts;
    llmq_lease_claim_t *rows = apr_pcalloc(t->pool, sizeof(*rows) * (apr_size_t)n);
    int i;

    for (i = 0; i < n; i++) {
        const llmq_claim_t *claim = &t->claims[TAKEN(t, i)->claim];

        rows[i].id = TAKEN(t, i)->entry.id;
        rows[i].tenant = claim->tenant;
        rows[i].attempt = (int)TAKEN(t, i)->entry.attempt;
        rows[i].owner = claim->worker;
        rows[i].token = llmq_lease_token(0, t->pool);
        rows[i].until = t->now + claim->lease;
        rows[i].now = t->now;
        if (!rows[i].token) {
            return APR_ENOMEM;
        }
    }
    return llmq_store_lease_claim(&t->jobs, t->service->claims, rows, n, t->pool);
}

/* ---- 3. the queues hear of it ---- */

/* What the store has refused, or has not answered for, is the lease keeper's to look at: its
 * lease ends now. */
static apr_time_t end_of(const try_t *t, int i)
{
    return t->jobs && t->jobs[i] ? t->jobs[i]->lease_until : t->now;
}

static void tell_queue(const try_t *t, llmq_kind_e kind)
{
    llmq_queue_t *q = llmq_service_queue(t->service, kind);
    llmq_queue_lease_t *leases =
        apr_palloc(t->pool, sizeof(*leases) * (apr_size_t)t->taken->nelts);
    int n = 0;
    int i;

    for (i = 0; i < t->taken->nelts; i++) {
        const llmq_entry_t *entry = &TAKEN(t, i)->entry;

        if (entry->kind == kind) {
            leases[n].id = entry->id;
            leases[n].attempt = leases[n].next = entry->attempt;
            leases[n].until = end_of(t, i);
            n++;
        }
    }
    /* Entries that are not as we took them: the queue was built anew meanwhile. */
    if (n && llmq_queue_lease_all(q, leases, n) == APR_NOTFOUND) {
        llmq_queue_suspect(q);
    }
}

static void tell_bus(const try_t *t)
{
    int i;

    for (i = 0; i < t->taken->nelts; i++) {
        if (t->jobs[i]) {
            llmq_service_tell(t->service, t->jobs[i]);
        }
    }
}

/* ---- 4. so does the roster ---- */

static void tell_roster(const try_t *t, int claim)
{
    const llmq_job_t *any = NULL;
    int n = 0;
    int i;

    for (i = 0; i < t->taken->nelts; i++) {
        if (TAKEN(t, i)->claim == claim && t->jobs[i]) {
            any = t->jobs[i];
            n++;
        }
    }
    if (any) {
        llmq_muster_gets(t->service, any, n);
    }
}

/* ---- 5. the answers ---- */

/* What was said before each message, as a model wants it. Where the store does not tell, the
 * message goes without: it is the worker's by now. */
static void load_pasts(try_t *t)
{
    int n = t->taken->nelts;
    llmq_job_t **messages = apr_pcalloc(t->pool, sizeof(*messages) * (apr_size_t)n);
    llmq_chat_past_t *pasts = NULL;
    int any = 0;
    int i;

    t->said = apr_pcalloc(t->pool, sizeof(*t->said) * (apr_size_t)n);
    for (i = 0; i < n; i++) {
        if (t->jobs[i] && t->jobs[i]->kind == LLMQ_KIND_MESSAGE) {
            messages[i] = t->jobs[i];
            any = 1;
        }
    }
    if (!any
        || llmq_context_load(&pasts, t->service->store, messages, n, t->service->chat,
                             t->pool)
               != APR_SUCCESS) {
        return;
    }
    for (i = 0; i < n; i++) {
        if (messages[i]) {
            t->said[i] = llmq_chat_format(messages[i], &pasts[i], t->pool);
        }
    }
}

static void add_job(llmq_text_t *t, const llmq_job_t *job, const char *said,
                    apr_time_t now)
{
    llmq_task_view_t view = {now, 0, job->timeout ? job->started_at + job->timeout : 0};
    int is_task = job->kind == LLMQ_KIND_TASK;

    if (is_task) {
        llmq_task_to_json(t, job, &view);
    }
    else {
        llmq_message_to_json(t, job, NULL);
    }
    t->len--; /* the object goes on */
    llmq_json_kv(t, "kind", is_task ? "task" : "message");
    llmq_json_kv(t, "lease_token", job->lease_token);
    llmq_json_kv_time(t, "lease_expires_at", job->lease_until);
    llmq_json_kv_int(t, "attempt", job->retry_count + 1);
    if (!is_task) {
        llmq_json_kv_int(t, "deliveries", job->deliveries);
        llmq_json_kv_raw(t, "messages", said);
    }
    LLMQ_TEXT_LIT(t, "}");
}

static void answer_one(llmq_claim_answer_t *answer, const try_t *t, int claim)
{
    const llmq_job_t **jobs =
        apr_palloc(t->pool, sizeof(*jobs) * (apr_size_t)t->taken->nelts);
    llmq_text_t text;
    int i;

    llmq_text_init(&text, 4096, t->pool);
    LLMQ_TEXT_LIT(&text, "{\"tasks\":[");
    answer->n = 0;
    for (i = 0; i < t->taken->nelts; i++) {
        if (TAKEN(t, i)->claim != claim || !t->jobs || !t->jobs[i]) {
            continue;
        }
        if (answer->n) {
            LLMQ_TEXT_LIT(&text, ",");
        }
        jobs[answer->n++] = t->jobs[i];
        add_job(&text, t->jobs[i], t->said[i], t->now);
    }
    LLMQ_TEXT_LIT(&text, "]}\n");
    answer->jobs = jobs;
    answer->body = text.data;
    answer->len = text.len;
}

apr_status_t llmq_claim_try(llmq_claim_answer_t *answers, const llmq_claim_t *claims,
                            int n, const llmq_service_t *service, apr_pool_t *p)
{
    try_t t = {claims, service, apr_array_make(p, 8, sizeof(taken_t)),
               NULL,   NULL,    llmq_clock_now(),
               p};
    apr_status_t rv = take(&t, n);
    apr_size_t k;
    int i;

    if (t.taken->nelts) {
        rv = store(&t);
        for (k = 0; k < N_KINDS; k++) {
            tell_queue(&t, kinds[k]);
        }
        for (i = 0; rv == APR_SUCCESS && i < n; i++) {
            tell_roster(&t, i);
        }
        if (rv == APR_SUCCESS) {
            tell_bus(&t);
            load_pasts(&t);
        }
        LLMQ_LOG(LLMQ_LOG_DEBUG, rv, LLMQ_NO(0266) "%d jobs were taken for %d claims",
                 t.taken->nelts, n);
    }
    for (i = 0; rv == APR_SUCCESS && i < n; i++) {
        answer_one(&answers[i], &t, i);
    }
    return rv;
}

/* ---- what nobody has heard of ---- */

void llmq_claim_return(void *ctx, llmq_job_t *const *jobs, int n, apr_pool_t *p)
{
    const llmq_service_t *service = ctx;
    llmq_lease_change_t *changes = apr_palloc(p, sizeof(*changes) * (apr_size_t)n);
    llmq_job_t **of = apr_palloc(p, sizeof(*of) * (apr_size_t)n);
    llmq_lease_end_t end = {.how = LLMQ_LEASE_RELEASED};
    apr_time_t now = llmq_clock_now();
    llmq_lease_verdict_t verdict;
    int count = 0;
    int i;

    for (i = 0; i < n; i++) {
        if (jobs[i]) {
            llmq_lease_decide(&verdict, &service->lease, &end, jobs[i], now, 0);
            llmq_store_lease_init(&changes[count], now);
            llmq_store_lease_follow(&changes[count], jobs[i], &verdict, NULL);
            changes[count].tenant = jobs[i]->tenant;
            changes[count].kind = jobs[i]->kind;
            changes[count].id = jobs[i]->id;
            changes[count].token = jobs[i]->lease_token;
            of[count++] = jobs[i];
        }
    }
    if (llmq_store_lease_change_all(changes, count, service->store, p) != APR_SUCCESS) {
        return; /* their leases end */
    }
    for (i = 0; i < count; i++) {
        if (changes[i].accepted) {
            llmq_lease_tell(service, &changes[i], of[i]);
        }
    }
}
