/**
 * @file queue_bell.h
 * Bells: how several threads of several processes sleep until there may be something to
 * take. Each process that wants to has a *bell* of its own, a descriptor that becomes
 * readable when it is rung; the parent makes all of them, so that every process can ring
 * everyone's.
 *
 *     loop:  llmq_queue_bell_arm(bell)
 *            look: llmq_queue_has_ready(), llmq_queue_take_from()…
 *            nothing: llmq_queue_bell_wait(bell, limit), or poll llmq_queue_bell_fd()
 *
 * Whoever makes something takeable (a put, an end, a due delay, a pause that is lifted…)
 * rings all armed bells after it has left the queue's lock, and disarms them by that. One
 * that is not armed is left alone: while everybody is at work no system call is made.
 *
 * Nothing is lost between arming and looking: the sleeper arms and then looks under the
 * lock; who makes something takeable does so under the lock and then reads which bells are
 * armed. Either the look comes later than the change and sees it, or the bell was armed
 * before the change was over. But a process may die after the change and before it rings,
 * so nobody should sleep for longer than LLMQ_QUEUE_BELL_SLICE before he looks again.
 */
#ifndef LLMQ_QUEUE_BELL_H
#define LLMQ_QUEUE_BELL_H

#include "base/bells.h"
#include "queue/queue.h"

/** Most bells of a queue. */
#define LLMQ_QUEUE_BELLS LLMQ_BELLS_MAX

/** Longest sleep on a bell. */
#define LLMQ_QUEUE_BELL_SLICE APR_USEC_PER_SEC

typedef struct llmq_queue_bell_t llmq_queue_bell_t; /* one process's own */

/**
 * Make the descriptors. Without this call nobody can attach to a bell.
 * @param q the queue, just created
 * @param n how many processes may have a bell at once, 1 to LLMQ_QUEUE_BELLS
 * @param p the descriptors are closed with it; that of llmq_queue_create()
 * @return APR_SUCCESS; APR_EINVAL n; other: no descriptors left, none was made
 * @phase parent; @threads single. Processes forked later share them.
 */
apr_status_t llmq_queue_bell_create(llmq_queue_t *q, int n, apr_pool_t *p);

/**
 * Get a bell that nobody has, or whose owner has died.
 * @param pbell out: the bell, not armed, not rung; lives in @a p
 * @param q     the queue
 * @param p     its end gives the bell back
 * @return APR_SUCCESS; LLMQ_EFULL all are taken: look every now and then instead
 * @threads any
 * @phase child, dispatcher
 */
apr_status_t llmq_queue_bell_attach(llmq_queue_bell_t **pbell, llmq_queue_t *q,
                                    apr_pool_t *p);

/**
 * Give a bell back before its pool does. Nobody may use it meanwhile.
 * @param bell the bell
 * @threads any
 */
void llmq_queue_bell_detach(llmq_queue_bell_t *bell);

/**
 * @param bell the bell
 * @return the descriptor to wait for reading on; to be read by llmq_queue_bell_hush()
 * @threads any
 */
int llmq_queue_bell_fd(const llmq_queue_bell_t *bell);

/**
 * From now on the bell will be rung, once. Look for work after this, then sleep.
 * @param bell the bell
 * @threads any; lock-free
 */
void llmq_queue_bell_arm(llmq_queue_bell_t *bell);

/**
 * Disarm the bell and forget that it was rung.
 * @param bell the bell
 * @return non-zero if it was rung
 * @threads the one that sleeps on it
 */
int llmq_queue_bell_hush(llmq_queue_bell_t *bell);

/**
 * Ring a bell of one's own process, armed or not: there is something else to look at.
 * @param bell the bell
 * @threads any; signal handlers too
 */
void llmq_queue_bell_ring(llmq_queue_bell_t *bell);

/**
 * Sleep until the bell is rung, a delay is due, or the time is over; then
 * llmq_queue_tick() and llmq_queue_bell_hush().
 * @param bell  the bell, armed
 * @param limit longest sleep in microseconds, cut to LLMQ_QUEUE_BELL_SLICE
 * @return APR_SUCCESS rung, or a delay was due: look again; APR_TIMEUP: look again too,
 *         if LLMQ_QUEUE_BELL_SLICE has gone by
 * @threads the one that sleeps on it
 */
apr_status_t llmq_queue_bell_wait(llmq_queue_bell_t *bell, apr_interval_time_t limit);

/**
 * Make delayed entries ready that are due, and wake whom that concerns. Whoever sleeps
 * until llmq_queue_next_due() calls this then; one of several is enough.
 * @param q the queue
 * @threads any; lock-free when nothing is due
 */
void llmq_queue_tick(llmq_queue_t *q);

/**
 * Ring all armed bells, and disarm them.
 * @param q the queue
 * @threads any, not under the lock; signal handlers too. Private to queue/.
 */
void llmq_queue_bell_ring_all(llmq_queue_t *q);

#endif /* LLMQ_QUEUE_BELL_H */
