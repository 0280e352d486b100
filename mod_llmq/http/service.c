#include "http/service.h"

#include "bus/bus_tell.h"
#include "base/clock.h"
#include "core/job.h"
#include "queue/queue_job.h"

#include <apr_atomic.h>

#include <stdlib.h>

#define ESTIMATE_AGE apr_time_from_msec(100)
#define MAX_BATCH    256

static const llmq_service_t *current;

#define ESTIMATES 64

/* The estimates of a tenant and when they are due again; msec, so that 32-bit atomics hold
 * them. A tenant has one record, which others may share: who finds another's looks for
 * itself. Two that write at once may leave a mixture, for a tenth of a second. */
typedef struct estimate_t {
    apr_uint32_t tenant; /* half of its hash */
    apr_uint32_t due;    /* msec since the service started, modulo 2^32 */
    apr_uint32_t msec[LLMQ_LEVEL_COUNT];
} estimate_t;

static estimate_t estimates[ESTIMATES];

const llmq_service_t *llmq_service_get(void)
{
    return current;
}

void llmq_service_set(const llmq_service_t *service)
{
    current = service;
}

llmq_queue_t *llmq_service_queue(const llmq_service_t *service, llmq_kind_e kind)
{
    return llmq_job_line(kind) == LLMQ_KIND_MESSAGE ? service->queue : service->tasks;
}

apr_status_t llmq_service_new_init(llmq_service_new_t *news, llmq_job_t *const *jobs,
                                   int n)
{
    int i;

    news->n = n;
    news->many = n > 1 ? malloc(sizeof(llmq_entry_t) * (size_t)n) : NULL;
    if (n > 1 && !news->many) {
        return APR_ENOMEM;
    }
    for (i = 0; i < n; i++) {
        llmq_queue_job_entry(n > 1 ? &news->many[i] : &news->one, jobs[i]);
    }
    return APR_SUCCESS;
}

/* Entries on their way into a queue, as many of one kind as follow one another. */
typedef struct {
    const llmq_service_t *service;
    int n;
    llmq_entry_t entries[MAX_BATCH];
} parcel_t;

/* A damaged queue takes nothing now; its rebuild finds the rows in the store. */
static void deliver(parcel_t *parcel)
{
    llmq_kind_e kind;

    if (parcel->n) {
        kind = (llmq_kind_e)parcel->entries[0].kind;
        llmq_queue_put(llmq_service_queue(parcel->service, kind), parcel->entries,
                       parcel->n, LLMQ_PUT_ADMITTED);
    }
    parcel->n = 0;
}

static void add(parcel_t *parcel, const llmq_entry_t *entry)
{
    if (parcel->n == MAX_BATCH || (parcel->n && parcel->entries[0].kind != entry->kind)) {
        deliver(parcel);
    }
    parcel->entries[parcel->n++] = *entry;
}

static int is_completion(const llmq_service_new_t *news)
{
    return news->n == 1 && news->one.kind == LLMQ_KIND_COMPLETION;
}

apr_status_t llmq_service_store(llmq_store_t *store, const char *rows,
                                void *const *things, int n, apr_pool_t *p)
{
    int i = 0;

    while (i < n && is_completion(things[i])) {
        i++;
    }
    return i == n ? llmq_store_job_insert_light(store, rows, p)
                  : llmq_store_job_insert(store, rows, p);
}

void llmq_service_committed(void *ctx, void *const *things, int n)
{
    parcel_t parcel;
    int i;
    int k;

    parcel.service = ctx;
    parcel.n = 0;
    for (i = 0; i < n; i++) {
        const llmq_service_new_t *news = things[i];

        for (k = 0; k < news->n; k++) {
            add(&parcel, news->n > 1 ? &news->many[k] : &news->one);
        }
    }
    deliver(&parcel);
}

void llmq_service_dropped(void *ctx, void *thing)
{
    llmq_service_new_t *news = thing;

    (void)ctx;
    free(news->many);
    news->many = NULL;
}

static void look_up(estimate_t *e, const llmq_service_t *service, apr_uint64_t tenant)
{
    llmq_queue_stats_t stats[LLMQ_LEVEL_COUNT];
    apr_int64_t ahead_usec = 0;
    int l;

    if (llmq_queue_tenant_stats(stats, service->queue, tenant) != APR_SUCCESS) {
        return;
    }
    LLMQ_EACH_LEVEL (l) {
        const llmq_queue_stats_t *s = &stats[l];
        apr_int64_t waiting = (apr_int64_t)s->ready + s->blocked;

        ahead_usec += waiting * s->run_ewma / (s->concurrency ? s->concurrency : 1);
        apr_atomic_set32(&e->msec[l], (apr_uint32_t)(ahead_usec / 1000));
    }
    apr_atomic_set32(&e->tenant, (apr_uint32_t)tenant);
}

apr_interval_time_t llmq_service_estimate(const llmq_service_t *service,
                                          apr_uint64_t tenant, llmq_level_e level)
{
    estimate_t *e = &estimates[(tenant >> 32) % ESTIMATES];
    apr_uint32_t now = (apr_uint32_t)((llmq_clock_now() - service->started_at) / 1000);
    apr_uint32_t due = apr_atomic_read32(&e->due);
    apr_uint32_t next = now + (apr_uint32_t)(ESTIMATE_AGE / 1000);

    /* One thread wins the turn to look; the others use what is there. */
    if (apr_atomic_read32(&e->tenant) != (apr_uint32_t)tenant
        || ((apr_int32_t)(now - due) >= 0
            && apr_atomic_cas32(&e->due, next, due) == due)) {
        look_up(e, service, tenant);
    }
    return (apr_interval_time_t)apr_atomic_read32(&e->msec[level]) * 1000;
}

void llmq_service_tell(const llmq_service_t *service, const llmq_job_t *job)
{
    llmq_bus_tell_job(service->bus, job->kind, job->tenant, job->id, job->chain);
}
