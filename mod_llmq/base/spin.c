#include "base/spin.h"

#include "base/clock.h"

#include <apr_time.h>

#include <sched.h>

#define STEAL_AFTER APR_USEC_PER_SEC
#define SPINS       64 /* before the processor is offered to others */

static int try_lock(llmq_spin_t *lock)
{
    apr_uint32_t free = 0;

    return atomic_compare_exchange_strong_explicit(lock, &free, 1, memory_order_acquire,
                                                   memory_order_relaxed);
}

int llmq_spin_lock(llmq_spin_t *lock)
{
    apr_int64_t since = 0;
    int i;

    while (!try_lock(lock)) {
        for (i = 0; i < SPINS && atomic_load_explicit(lock, memory_order_relaxed); i++)
            ;
        if (i < SPINS) {
            continue;
        }
        sched_yield();
        if (!since) {
            since = llmq_clock_steady();
        }
        else if (llmq_clock_steady() - since > STEAL_AFTER) {
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
