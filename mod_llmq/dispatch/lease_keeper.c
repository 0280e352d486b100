#include "dispatch/lease_keeper.h"

#include "base/clock.h"
#include "base/log.h"
#include "bus/bus_tell.h"
#include "dispatch/dispatch_inner.h"
#include "queue/queue_claim.h"
#include "store/store_lease.h"

#include <apr_general.h>
#include <apr_strings.h>

#include <string.h>

#define PAGE 500 /* leases of one statement */

struct llmq_lease_keeper_t {
    llmq_dispatch_t *d;
    llmq_lease_conf_t conf;
    apr_pool_t *scratch;
};

/* Leases that are looked at together. */
typedef struct {
    llmq_lease_keeper_t *k;
    llmq_kind_e kind;
    llmq_queue_t *q;
    const llmq_entry_t *entries;
    llmq_job_t **jobs; /* beside them, as they are stored; NULL: no such job */
    int *removed;      /* beside them */
    int n;
    llmq_lease_change_t *changes;
    const llmq_entry_t **changed; /* beside the changes */
    const llmq_job_t **changed_jobs;
    int n_changes;
    apr_time_t now;
} page_t;

/* ---- what needs no change in the store ---- */

static void leave(const page_t *page, const llmq_entry_t *e, llmq_ack_e how)
{
    llmq_queue_ack_t ack = {e->id, APR_UINT32_MAX, how};

    llmq_queue_ack(page->q, &ack, 1);
}

static llmq_ack_e ack_of(llmq_status_e status)
{
    return status == LLMQ_STATUS_COMPLETED ? LLMQ_ACK_COMPLETED
           : status == LLMQ_STATUS_FAILED  ? LLMQ_ACK_FAILED
           : status == LLMQ_STATUS_TIMEOUT ? LLMQ_ACK_TIMEOUT
                                           : LLMQ_ACK_GONE;
}

/* It has a fence that the queue has not heard of: whoever raised it is about to put it into
 * the queue, or has died before. */
static void follow(const page_t *page, const llmq_entry_t *e, const llmq_job_t *job)
{
    llmq_queue_requeue(page->q, e->id, e->attempt, (apr_uint32_t)job->attempt,
                       job->run_at);
}

/* ---- what does ---- */

static llmq_lease_change_t *add_change(page_t *page, const llmq_entry_t *e,
                                       const llmq_job_t *job)
{
    llmq_lease_change_t *change = &page->changes[page->n_changes];

    page->changed[page->n_changes] = e;
    page->changed_jobs[page->n_changes++] = job;
    llmq_store_lease_init(change, page->now);
    change->tenant = job->tenant;
    change->kind = job->kind;
    change->id = job->id;
    change->token = "";
    change->attempt = job->attempt;
    return change;
}

/* Whoever took it may live and claim it still: the fence is raised before it is ready again. */
static void take_back(page_t *page, const llmq_entry_t *e, const llmq_job_t *job)
{
    llmq_lease_change_t *change = add_change(page, e, job);

    change->from = change->to = LLMQ_STATUS_PENDING;
    change->after = -1;
    change->before = 0;
    change->next = job->attempt + 1;
    change->run_at = job->run_at;
}

static const char *error_of(const llmq_lease_end_t *end, const llmq_job_t *job,
                            const llmq_lease_verdict_t *verdict, apr_pool_t *p)
{
    if (verdict->poison) {
        return apr_psprintf(p,
                            "{\"type\":\"poison\",\"message\":\"given up after %d "
                            "deliveries that ended without a word\"}",
                            job->deliveries - job->retry_count);
    }
    return end->how == LLMQ_LEASE_TIMED_OUT
               ? "{\"type\":\"timeout\",\"message\":\"the worker took longer than the "
                 "timeout\"}"
               : NULL;
}

static void log_end(const llmq_job_t *job, const llmq_lease_verdict_t *verdict)
{
    if (verdict->poison) {
        LLMQ_LOG(LLMQ_LOG_WARNING, 0,
                 LLMQ_NO(0741) "job[%s] is given up: %d deliveries ended without a word,"
                               " the last at worker %s",
                 job->id, job->deliveries - job->retry_count, job->owner);
        return;
    }
    LLMQ_LOG(LLMQ_LOG_INFO, 0, LLMQ_NO(0740) "job[%s]: the lease of worker %s has ended",
             job->id, job->owner && *job->owner ? job->owner : "-");
}

static unsigned int chance(void)
{
    unsigned int n = 0;

    apr_generate_random_bytes((unsigned char *)&n, sizeof(n));
    return n;
}

static void expire(page_t *page, const llmq_entry_t *e, const llmq_job_t *job)
{
    apr_pool_t *p = page->k->scratch;
    llmq_lease_change_t *change = add_change(page, e, job);
    llmq_lease_end_t end = {.how = llmq_lease_silence(job, page->now)};
    llmq_lease_verdict_t verdict;

    llmq_lease_decide(&verdict, &page->k->conf, &end, job, page->now, chance());
    llmq_store_lease_follow(change, job, &verdict, error_of(&end, job, &verdict, p));
    change->token = job->lease_token;
    change->after = job->lease_until - 1;
    change->before = job->lease_until;
    log_end(job, &verdict);
}

/* ---- one lease ---- */

static int is_ours(const page_t *page, const llmq_job_t *job)
{
    return job->node && strcmp(job->node, page->k->d->conf->store.node) == 0;
}

static void look_at_processing(page_t *page, const llmq_entry_t *e, const llmq_job_t *job)
{
    if (!job->lease_until) {
        /* Claimed in S0's way, out of the queue; or a dispatcher runs it that died before it
         * was taken over: then its fence is raised. */
        if (job->owner) {
            leave(page, e, LLMQ_ACK_GONE);
        }
        else if (llmq_store_job_fence(page->k->d->janitor_store, &job->id, 1,
                                      page->k->scratch)
                 == APR_SUCCESS) {
            llmq_queue_requeue(page->q, e->id, e->attempt, (apr_uint32_t)job->attempt + 1,
                               job->run_at);
        }
    }
    else if (job->lease_until > page->now) {
        llmq_queue_lease(page->q, e->id, e->attempt, (apr_uint32_t)job->attempt,
                         job->lease_until);
    }
    else {
        expire(page, e, job);
    }
}

static void look_at(page_t *page, int i)
{
    const llmq_entry_t *e = &page->entries[i];
    const llmq_job_t *job = page->jobs[i];

    if (!job || page->removed[i] || !is_ours(page, job)) {
        leave(page, e, LLMQ_ACK_GONE);
    }
    else if (llmq_job_is_final(job->status)) {
        leave(page, e, ack_of(job->status));
    }
    else if (job->status == LLMQ_STATUS_PROCESSING) {
        look_at_processing(page, e, job);
    }
    else if (job->attempt == (int)e->attempt) {
        take_back(page, e, job);
    }
    else {
        follow(page, e, job);
    }
}

/* ---- the queue hears of the changes ---- */

static void tell(const page_t *page, const llmq_lease_change_t *change,
                 const llmq_entry_t *e)
{
    if (change->to == LLMQ_STATUS_PENDING) {
        llmq_queue_requeue(page->q, e->id, e->attempt,
                           (apr_uint32_t)change->stored_attempt, change->run_at);
    }
    else {
        leave(page, e, ack_of(change->to));
    }
}

/* What was taken for a claim that never came was nobody's. */
static void tell_roster(const page_t *page, const llmq_job_t *job)
{
    llmq_worker_end_t end = {LLMQ_WORKER_EXPIRED, page->now - job->started_at};

    if (job->status == LLMQ_STATUS_PROCESSING) {
        llmq_roster_ended(page->k->d->conf->roster, job->tenant, job->owner, end,
                          page->now);
    }
}

static void tell_bus(const page_t *page, const llmq_job_t *job)
{
    llmq_bus_tell_job(page->k->d->bus, job->kind, job->tenant, job->id, job->chain);
}

static apr_status_t apply(page_t *page)
{
    apr_status_t rv;
    int i;

    if (!page->n_changes) {
        return APR_SUCCESS;
    }
    rv = llmq_store_lease_change_all(page->changes, page->n_changes,
                                     page->k->d->janitor_store, page->k->scratch);
    for (i = 0; rv == APR_SUCCESS && i < page->n_changes; i++) {
        if (page->changes[i].accepted) {
            tell(page, &page->changes[i], page->changed[i]);
            tell_roster(page, page->changed_jobs[i]);
            tell_bus(page, page->changed_jobs[i]);
        }
    }
    return rv;
}

static apr_status_t keep_page(page_t *page)
{
    apr_pool_t *p = page->k->scratch;
    apr_size_t n = (apr_size_t)page->n;
    const char **ids = apr_palloc(p, sizeof(*ids) * n);
    apr_status_t rv;
    int i;

    page->changes = apr_palloc(p, sizeof(*page->changes) * n);
    page->changed = apr_palloc(p, sizeof(*page->changed) * n);
    page->changed_jobs = apr_palloc(p, sizeof(*page->changed_jobs) * n);
    for (i = 0; i < page->n; i++) {
        ids[i] = page->entries[i].id;
    }
    rv = llmq_store_lease_look(&page->jobs, &page->removed, page->k->d->janitor_store,
                               ids, page->n, p);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    for (i = 0; i < page->n; i++) {
        look_at(page, i);
    }
    return apply(page);
}

static apr_status_t keep(llmq_lease_keeper_t *k, llmq_kind_e kind)
{
    llmq_queue_t *q = llmq_dispatch_inner_queue(k->d, kind);
    apr_time_t now = llmq_clock_now();
    llmq_entry_t *due = NULL;
    int n = 0;
    int from;
    apr_status_t rv =
        q ? llmq_queue_lease_due(&due, &n, q, now, k->scratch) : APR_SUCCESS;

    for (from = 0; rv == APR_SUCCESS && from < n; from += PAGE) {
        page_t page = {.k = k,
                       .kind = kind,
                       .q = q,
                       .entries = due + from,
                       .n = n - from < PAGE ? n - from : PAGE,
                       .now = now};

        rv = keep_page(&page);
    }
    apr_pool_clear(k->scratch);
    return rv;
}

/* ---- exported ---- */

llmq_lease_keeper_t *llmq_lease_keeper_create(llmq_dispatch_t *d, apr_pool_t *p)
{
    llmq_lease_keeper_t *k = apr_pcalloc(p, sizeof(*k));

    k->d = d;
    k->conf.max_deliveries = d->conf->max_deliveries;
    k->conf.retry = d->conf->retry;
    k->scratch = llmq_dispatch_inner_pool(p);
    return k->scratch ? k : NULL;
}

apr_status_t llmq_lease_keeper_tick(llmq_lease_keeper_t *k)
{
    apr_status_t rv = keep(k, LLMQ_KIND_TASK);

    return rv == APR_SUCCESS ? keep(k, LLMQ_KIND_MESSAGE) : rv;
}
