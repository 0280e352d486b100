/**
 * @file queue_wake.h
 * Waking the taker, private to queue/ but for llmq_queue_wake(). Two words in the header
 * and a non-blocking pipe. `epoch` counts events that may make something possible;
 * `asleep` is set by a taker that is about to sleep on the pipe.
 *
 * No event is lost: the sleeper sets `asleep` and then compares the epoch with the one up
 * to which it has looked; whoever makes something possible raises the epoch and then reads
 * `asleep`. With sequentially consistent atomics at least one of them sees the other. And
 * under load it costs no system call: while nobody is asleep nothing is written, and one
 * byte serves all events until the taker sleeps again.
 *
 * The epoch is raised under the lock and the byte written after it, so a process may die
 * in between; sleep is therefore cut into slices of LLMQ_QUEUE_WAKE_SLICE. The same covers
 * a second taker (the old dispatcher of a graceful restart) that swallows the byte.
 */
#ifndef LLMQ_QUEUE_WAKE_H
#define LLMQ_QUEUE_WAKE_H

#include "queue/queue_layout.h"

#define LLMQ_QUEUE_WAKE_SLICE (APR_USEC_PER_SEC / 2)

/**
 * Note an event; the byte follows with llmq_queue_wake_ring().
 * @param q the queue
 * @threads any; lock-free
 */
void llmq_queue_wake_note(llmq_queue_t *q);

/**
 * Write the byte if the taker sleeps, and ring the armed bells (queue_bell.h).
 * @param q the queue
 * @threads any, not under the lock; signal handlers too
 */
void llmq_queue_wake_ring(llmq_queue_t *q);

/**
 * Has anything been noted that this process has not looked at? Asks once per event.
 * @param q the queue
 * @return non-zero if so
 * @threads any; lock-free
 */
int llmq_queue_wake_is_due(llmq_queue_t *q);

/**
 * Sleep until a byte comes, unless something has been noted since the last look.
 * @param q     the queue
 * @param limit microseconds (> 0), cut to LLMQ_QUEUE_WAKE_SLICE
 * @return 0 if the time went by, non-zero if there was something to wake for
 * @threads one taker thread of a process
 */
int llmq_queue_wake_sleep(llmq_queue_t *q, apr_interval_time_t limit);

#endif /* LLMQ_QUEUE_WAKE_H */
