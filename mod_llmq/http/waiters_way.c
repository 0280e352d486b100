#include "http/waiters_way.h"

#include "store/store_lease.h"

apr_status_t llmq_waiters_way_look(llmq_job_t ***pjobs, int **premoved,
                                   const llmq_waiter_way_t *way, llmq_store_t *store,
                                   const char *const *ids, int n, apr_pool_t *p)
{
    llmq_waiter_look_fn_t *see = way->look ? way->look : llmq_store_lease_look;

    return see(pjobs, premoved, store, ids, n, p);
}
