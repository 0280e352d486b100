#include "dispatch/completion_reaper.h"

#include "base/log.h"
#include "store/store_reap.h"

#define PIECE 1000 /* removed by one tick */

struct llmq_completion_reaper_t {
    llmq_store_t *store;
    apr_interval_time_t ttl;
    apr_interval_time_t interval;
    apr_time_t next;
    apr_int64_t removed; /* since the clean-up began */
};

llmq_completion_reaper_t *llmq_completion_reaper_create(llmq_store_t *store,
                                                        apr_interval_time_t ttl,
                                                        apr_interval_time_t interval,
                                                        apr_pool_t *p)
{
    llmq_completion_reaper_t *r = apr_pcalloc(p, sizeof(*r));

    r->store = store;
    r->ttl = ttl;
    r->interval = interval;
    return r;
}

static void finish(llmq_completion_reaper_t *r, apr_time_t now)
{
    if (r->removed) {
        LLMQ_LOG(LLMQ_LOG_INFO, 0,
                 LLMQ_NO(0762) "removed %" APR_INT64_T_FMT
                               " completions that ended long ago",
                 r->removed);
    }
    r->removed = 0;
    r->next = now + r->interval;
}

apr_status_t llmq_completion_reaper_tick(llmq_completion_reaper_t *r, apr_time_t now,
                                         apr_pool_t *p)
{
    apr_status_t rv;
    int n = 0;

    if (!r->ttl || !r->interval || now < r->next) {
        return APR_SUCCESS;
    }
    rv = llmq_store_reap_completions(&n, r->store, now - r->ttl, PIECE, p);
    r->removed += n;
    if (rv != APR_SUCCESS || n < PIECE) {
        finish(r, now);
    }
    return rv;
}
