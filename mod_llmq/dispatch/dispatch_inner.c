#include "dispatch/dispatch_inner.h"

#include "base/clock.h"
#include "dispatch/way.h"

#define STORE_PAUSE apr_time_from_sec(1) /* between tries to reach the database */

llmq_queue_t *llmq_dispatch_inner_queue(const llmq_dispatch_t *d, llmq_kind_e kind)
{
    return llmq_job_line(kind) == LLMQ_KIND_MESSAGE ? d->queue : d->tasks;
}

const llmq_way_t *llmq_dispatch_inner_way(const llmq_dispatch_t *d, llmq_kind_e kind)
{
    return &d->ways[(unsigned int)kind < LLMQ_KIND_COUNT ? kind : LLMQ_KIND_NONE];
}

void llmq_dispatch_inner_wake(llmq_dispatch_t *d)
{
    llmq_queue_wake(d->queue);
    if (d->tasks) {
        llmq_queue_wake(d->tasks);
    }
}

static apr_status_t destroy_pool(void *data)
{
    apr_pool_destroy(data);
    return APR_SUCCESS;
}

apr_pool_t *llmq_dispatch_inner_pool(apr_pool_t *p)
{
    apr_pool_t *own;

    if (apr_pool_create_unmanaged_ex(&own, NULL, NULL) != APR_SUCCESS) {
        return NULL;
    }
    apr_pool_cleanup_register(p, own, destroy_pool, apr_pool_cleanup_null);
    return own;
}

llmq_store_t *llmq_dispatch_inner_store(llmq_dispatch_t *d, apr_pool_t *p)
{
    apr_pool_t *own = llmq_dispatch_inner_pool(p);
    llmq_store_conf_t conf = d->conf->store;
    llmq_store_source_t source;
    llmq_store_t *store = NULL;

    conf.plan_afresh = 1;
    if (own) {
        llmq_store_source_direct(&source, d->conf->db_driver, d->conf->db_params,
                                 STORE_PAUSE, own);
        llmq_store_create(&store, &source, &conf, own);
    }
    return store;
}

void llmq_dispatch_inner_pause(llmq_dispatch_t *d, apr_interval_time_t limit)
{
    apr_interval_time_t until = llmq_clock_steady() + limit;

    while (d->asked == LLMQ_ASKED_NOTHING && llmq_clock_steady() < until) {
        apr_sleep(apr_time_from_msec(20));
    }
}
