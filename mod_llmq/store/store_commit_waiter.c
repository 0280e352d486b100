#include "store/store_commit_waiter.h"

#include "base/clock.h"

#include <errno.h>
#include <string.h>

typedef llmq_store_commit_waiter_t waiter_t;

typedef enum {
    STATE_WAITS = 0,
    STATE_DONE,     /* the outcome is set; the caller takes the record back */
    STATE_ABANDONED /* the caller is gone; the committer takes the record back */
} state_e;

int llmq_store_commit_waiter_sleep(sem_t *sem, apr_interval_time_t delay)
{
    struct timespec until;

    if (!delay) {
        while (sem_wait(sem) && errno == EINTR)
            ;
        return 1;
    }
    llmq_clock_deadline(&until, delay);
    while (sem_clockwait(sem, CLOCK_MONOTONIC, &until)) {
        if (errno != EINTR)
            return 0;
    }
    return 1;
}

void llmq_store_commit_waiter_init(waiter_t *w)
{
    memset(w, 0, sizeof(*w));
    sem_init(&w->wake, 0, 0);
}

void llmq_store_commit_waiter_begin(waiter_t *w, const void *thing, apr_size_t size)
{
    w->next = NULL;
    w->size = size;
    if (size)
        memcpy(w->thing.bytes, thing, size);
    __atomic_store_n(&w->state, STATE_WAITS, __ATOMIC_RELAXED);
}

int llmq_store_commit_waiter_wait(waiter_t *w, apr_interval_time_t timeout)
{
    if (!llmq_store_commit_waiter_sleep(&w->wake, timeout)) {
        if (__atomic_exchange_n(&w->state, STATE_ABANDONED, __ATOMIC_ACQ_REL)
            != STATE_DONE)
            return 0;
        /* The answer came at the last moment; its post is on the way. */
        llmq_store_commit_waiter_sleep(&w->wake, 0);
    }
    /* Pairs with the exchange of wake(): the outcome is set, the thing was written. The
     * semaphore would do, if sanitizers knew sem_clockwait(). */
    __atomic_load_n(&w->state, __ATOMIC_ACQUIRE);
    return 1;
}

int llmq_store_commit_waiter_wake(waiter_t *w, apr_status_t rv)
{
    w->rv = rv;
    if (__atomic_exchange_n(&w->state, STATE_DONE, __ATOMIC_ACQ_REL) == STATE_ABANDONED)
        return 0;
    sem_post(&w->wake);
    return 1;
}

int llmq_store_commit_waiter_is_alone(waiter_t *w)
{
    return __atomic_load_n(&w->state, __ATOMIC_ACQUIRE) == STATE_ABANDONED;
}
