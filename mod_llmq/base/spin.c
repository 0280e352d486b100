#include "base/spin.h"

#include "base/clock.h"

#include <apr_time.h>

#include <sched.h>

#define STEAL_AFTER APR_USEC_PER_SEC
#define SPINS       64 /* before the processor is offered to others */

/* Between two looks of a waiter that runs. More than that is not waited, but stood still. */
#define LOOK apr_time_from_msec(10)

static int try_lock(llmq_spin_t *lock)
{
    apr_uint32_t free = 0;

    return atomic_compare_exchange_strong_explicit(lock, &free, 1, memory_order_acquire,
                                                   memory_order_relaxed);
}

int llmq_spin_patience_ends(llmq_spin_patience_t *p, apr_int64_t now)
{
    if (p->last) {
        p->waited += now - p->last < LOOK ? now - p->last : LOOK;
    }
    p->last = now;
    return p->waited > STEAL_AFTER;
}

int llmq_spin_lock(llmq_spin_t *lock)
{
    llmq_spin_patience_t patience = {0, 0};
    int i;

    while (!try_lock(lock)) {
        for (i = 0; i < SPINS && atomic_load_explicit(lock, memory_order_relaxed); i++)
            ;
        if (i < SPINS) {
            continue;
        }
        sched_yield();
        if (llmq_spin_patience_ends(&patience, llmq_clock_steady())) {
            atomic_load_explicit(lock, memory_order_acquire);
            return 1; /* taken it is already */
        }
    }
    return 0;
}

void llmq_spin_unlock(llmq_spin_t *lock)
{
    atomic_store_explicit(lock, 0, memory_order_release);
}
