#include "dispatch/outcome_write.h"

#include "base/log.h"
#include "dispatch/dispatch_inner.h"
#include "dispatch/outcome.h"

/* What the kinds keep besides. */
static apr_status_t keep(const llmq_batch_t *batch)
{
    apr_status_t rv = APR_SUCCESS;
    int kind;

    for (kind = 0; kind < LLMQ_KIND_COUNT && rv == APR_SUCCESS; kind++) {
        const llmq_way_t *way = &batch->d->ways[kind];

        rv = way->keep ? way->keep(batch) : APR_SUCCESS;
    }
    return rv;
}

/* A refused batch is split until the bad outcome stands alone; that one is replaced by a
 * failure that certainly can be written. */
static apr_status_t write_outcomes(llmq_store_t *store, llmq_attempt_t *const *as,
                                   llmq_outcome_t *o, int n, apr_pool_t *p)
{
    apr_status_t rv = llmq_store_job_finish(store, o, n, p);

    if (rv == LLMQ_EROW && n > 1) {
        rv = write_outcomes(store, as, o, n / 2, p);
        return rv == APR_SUCCESS
                   ? write_outcomes(store, as + n / 2, o + n / 2, n - n / 2, p)
                   : rv;
    }
    if (rv == LLMQ_EROW) {
        llmq_outcome_refuse(o, as[0]);
        rv = llmq_store_job_finish(store, o, 1, p);
    }
    if (rv == LLMQ_EROW) {
        LLMQ_LOG(LLMQ_LOG_ERR, 0,
                 LLMQ_NO(0715) "msg[%s]: the database refuses any change of this message",
                 o->id);
        o->accepted = 0;
        rv = APR_SUCCESS;
    }
    return rv;
}

apr_status_t llmq_outcome_write(const llmq_batch_t *batch)
{
    apr_status_t rv = keep(batch);

    return rv == APR_SUCCESS
               ? write_outcomes(batch->store, batch->as, batch->o, batch->n, batch->p)
               : rv;
}
