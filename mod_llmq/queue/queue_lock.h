/**
 * @file queue_lock.h
 * The queue's lock, private to queue/. Around the mutex it does two things.
 *
 * It notices a death inside. The holder writes its pid to header.holder right after
 * locking and clears it right before unlocking. Who finds a mark after locking knows that
 * somebody died between the two and that the lists may be torn; it sets header.damaged,
 * and nobody gets in until llmq_queue_reset(). This does not depend on what the mechanism
 * tells: APR heals a robust pthread mutex silently, and for fcntl and flock the kernel
 * gives the lock free without a word. A mechanism that is not given free when its holder
 * dies (POSIX semaphores) is not fit for this queue: everybody would wait for ever.
 *
 * And it wakes. If anything was noted while it was held (queue_wake.h), the taker is
 * woken after it was given free, as the wake is a system call.
 */
#ifndef LLMQ_QUEUE_LOCK_H
#define LLMQ_QUEUE_LOCK_H

#include "queue/queue_layout.h"

/**
 * Lock.
 * @param q the queue
 * @return APR_SUCCESS: llmq_queue_lock_leave() must follow; APR_EINCOMPLETE damaged, not
 *         locked; other: the mutex failed, not locked
 * @threads any; waits for the mutex
 */
apr_status_t llmq_queue_lock_enter(llmq_queue_t *q);

/**
 * Lock a queue that may be damaged, to reset it or to change what lies in no list.
 * @param q the queue
 * @return APR_SUCCESS: llmq_queue_lock_leave() must follow; other: the mutex failed
 * @threads any; waits for the mutex
 */
apr_status_t llmq_queue_lock_enter_damaged(llmq_queue_t *q);

/**
 * Unlock, then wake the taker if something was noted.
 * @param q the queue
 * @threads locked
 */
void llmq_queue_lock_leave(llmq_queue_t *q);

#endif /* LLMQ_QUEUE_LOCK_H */
