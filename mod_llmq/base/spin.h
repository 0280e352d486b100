/**
 * @file spin.h
 * A lock of one word in memory that processes share, zero while it is free. It is meant for
 * what takes some ten instructions and calls nothing: nobody is put to sleep, and nothing
 * tells who holds it. Whoever waits for it longer than a second takes it, as its holder was
 * killed; what the holder left half done is then the new one's to judge. Time in which the
 * waiter itself stood still does not count, since with the machine the holder did, too.
 */
#ifndef LLMQ_SPIN_H
#define LLMQ_SPIN_H

#include <apr.h>

#include <stdatomic.h>

typedef _Atomic(apr_uint32_t) llmq_spin_t;

/* How long somebody has waited; zeroed at first. */
typedef struct llmq_spin_patience_t {
    apr_int64_t last;   /* the look before; 0: none yet */
    apr_int64_t waited; /* microseconds */
} llmq_spin_patience_t;

/**
 * Another look found the lock still held.
 * @param p   the waiter's
 * @param now llmq_clock_steady()
 * @return non-zero: the holder must be dead
 * @threads any
 */
int llmq_spin_patience_ends(llmq_spin_patience_t *p, apr_int64_t now);

/**
 * @param lock in shared memory
 * @return 0; non-zero if it was taken from somebody who did not give it back
 * @threads any, of any process
 */
int llmq_spin_lock(llmq_spin_t *lock);

/**
 * @param lock held by the caller
 * @threads any, of any process
 */
void llmq_spin_unlock(llmq_spin_t *lock);

#endif /* LLMQ_SPIN_H */
