#include "queue/queue_lock.h"

#include "base/clock.h"
#include "base/log.h"
#include "queue/queue_wake.h"

#include <unistd.h>

/* *pdead becomes the pid of a holder whose death is noticed right now, else 0. */
static apr_status_t lock(llmq_queue_t *q, apr_uint32_t *pdead)
{
    llmq_queue_header_t *h = q->header;
    apr_status_t rv = apr_global_mutex_lock(q->mutex);

    if (rv != APR_SUCCESS)
        return rv;
    *pdead = atomic_exchange(&h->holder, (apr_uint32_t)getpid());
    h->entered = atomic_load(&h->epoch);
    if (*pdead) {
        atomic_store(&h->damaged, 1);
        /* What is accepted from here on is first put by the walk after the reset. */
        q->cells->since = llmq_clock_now();
        llmq_queue_wake_note(q); /* the taker is who resets it */
    }
    return APR_SUCCESS;
}

apr_status_t llmq_queue_lock_enter(llmq_queue_t *q)
{
    apr_uint32_t dead;
    apr_status_t rv = lock(q, &dead);

    if (rv != APR_SUCCESS || !atomic_load(&q->header->damaged))
        return rv;
    llmq_queue_lock_leave(q);
    if (dead)
        LLMQ_LOG(LLMQ_LOG_WARNING, APR_SUCCESS,
                 LLMQ_NO(0301) "process %u died inside the queue's lock; the queue will "
                               "be rebuilt from the store",
                 dead);
    return APR_EINCOMPLETE;
}

apr_status_t llmq_queue_lock_enter_damaged(llmq_queue_t *q)
{
    apr_uint32_t dead;

    return lock(q, &dead);
}

void llmq_queue_lock_leave(llmq_queue_t *q)
{
    llmq_queue_header_t *h = q->header;
    int noted = atomic_load(&h->epoch) != h->entered;

    atomic_store(&h->holder, 0);
    /* What could fail here is a mutex that no longer exists; the next lock will say so. */
    (void)apr_global_mutex_unlock(q->mutex);
    if (noted)
        llmq_queue_wake_ring(q);
}
