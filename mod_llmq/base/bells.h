/**
 * @file bells.h
 * Bells: descriptors by which processes of one server wake each other. Each process that
 * sleeps has one of its own, an eventfd that becomes readable when it is rung; the parent
 * makes all of them, so that every process can ring everyone's.
 *
 *     loop:  llmq_bells_arm()   from now on it will be rung, once
 *            look for what there is to do
 *            nothing: poll llmq_bells_fd(), then llmq_bells_hush()
 *
 * Whoever has made something to do rings all armed bells, and disarms them by that. One that
 * is not armed is left alone: while everybody is at work no system call is made. The atomics
 * are sequentially consistent, so of one who arms and then looks, and another who changes
 * something (by such an atomic, or under a lock) and then rings, at least one sees the other.
 *
 * The words lie in shared memory and are changed by atomics alone. A bell of a process that
 * died is given to the next one that asks.
 */
#ifndef LLMQ_BELLS_H
#define LLMQ_BELLS_H

#include "llmq.h"

#include <apr_pools.h>

#include <stdatomic.h>

/** Most bells of one set. */
#define LLMQ_BELLS_MAX 256

/** Words of bits, one bit a bell. */
#define LLMQ_BELLS_WORDS (LLMQ_BELLS_MAX / 64)

/** What lies in shared memory, zero when new. */
typedef struct llmq_bells_shared_t {
    _Atomic(apr_uint64_t) armed[LLMQ_BELLS_WORDS]; /* by bit */
    _Atomic(apr_uint32_t) owner[LLMQ_BELLS_MAX];   /* pid, 0 = free */
} llmq_bells_shared_t;

/** A set of bells; its own record in each process, inherited from the parent. */
typedef struct llmq_bells_t {
    llmq_bells_shared_t *shared;
    int *fd; /* of each bell */
    int n;   /* 0: nobody can get a bell */
} llmq_bells_t;

/**
 * Make the descriptors.
 * @param bells  out: with n 0 unless APR_SUCCESS; lives as long as @a p
 * @param shared in shared memory
 * @param n      how many processes may have a bell at once, 1 to LLMQ_BELLS_MAX
 * @param p      the descriptors are closed with it
 * @return APR_SUCCESS; APR_EINVAL n; other: no descriptors left, none was made
 * @phase parent; @threads single. Processes forked later share them.
 */
apr_status_t llmq_bells_create(llmq_bells_t *bells, llmq_bells_shared_t *shared, int n,
                               apr_pool_t *p);

/**
 * Get a bell that nobody has, or whose owner has died.
 * @param pindex out: of the bell, neither armed nor rung
 * @param bells  the set
 * @return APR_SUCCESS; LLMQ_EFULL all are taken
 * @threads any
 */
apr_status_t llmq_bells_take(int *pindex, llmq_bells_t *bells);

/**
 * @param bells the set
 * @param i     of a bell of the caller's, which nobody uses any more
 * @threads any
 */
void llmq_bells_give_back(llmq_bells_t *bells, int i);

/**
 * Get a bell whose owner has died, to clear away what else belonged to it.
 * @param pindex out: of the bell, neither armed nor rung
 * @param bells  the set
 * @return APR_SUCCESS; APR_NOTFOUND all owners live
 * @threads any
 */
apr_status_t llmq_bells_take_dead(int *pindex, llmq_bells_t *bells);

/**
 * @param bells the set
 * @param i     of a bell
 * @return the descriptor to wait for reading on; to be read by llmq_bells_hush()
 * @threads any
 */
int llmq_bells_fd(const llmq_bells_t *bells, int i);

/**
 * From now on the bell will be rung, once. Look after this, then sleep.
 * @param bells the set
 * @param i     of a bell of the caller's
 * @threads any; lock-free
 */
void llmq_bells_arm(llmq_bells_t *bells, int i);

/**
 * Disarm the bell and forget that it was rung.
 * @param bells the set
 * @param i     of a bell of the caller's
 * @return non-zero if it was rung
 * @threads the one that sleeps on it
 */
int llmq_bells_hush(llmq_bells_t *bells, int i);

/**
 * Ring one bell, armed or not.
 * @param bells the set
 * @param i     of a bell
 * @threads any; signal handlers too
 */
void llmq_bells_ring(const llmq_bells_t *bells, int i);

/**
 * Ring all armed bells, and disarm them.
 * @param bells the set
 * @threads any, not under a lock; signal handlers too
 */
void llmq_bells_ring_all(llmq_bells_t *bells);

#endif /* LLMQ_BELLS_H */
