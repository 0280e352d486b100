/**
 * @file held.h
 * Requests that hold their thread to wait. Of these there may be so many in the whole
 * server (LLMQMaxHeld), so that other requests find threads; each has a *place*, a word
 * in shared memory that holds the pid of its child. Those of children that were killed are
 * found by that.
 */
#ifndef LLMQ_HELD_H
#define LLMQ_HELD_H

#include "http/service.h"

#include <httpd.h>
#include <semaphore.h>

/**
 * @param service the service of this process
 * @return a place, to be given back with llmq_held_give(); NULL: there is none
 * @threads request; lock-free
 */
apr_uint32_t *llmq_held_take(const llmq_service_t *service);

/**
 * @param place what llmq_held_take() returned, or NULL
 * @threads request; lock-free
 */
void llmq_held_give(apr_uint32_t *place);

/**
 * Has the client closed its side, so that nobody will read the answer? Not to be seen
 * behind a multiplexing protocol, whose connections are none of their own.
 * @param r the request
 * @return non-zero if so
 * @threads request
 */
int llmq_held_is_gone(request_rec *r);

/**
 * Wait for news, with the shield (http/shield.h) down. A signal may tell that the child ends,
 * so this returns with it.
 * @param news is posted when there are any
 * @param step for how long at most, > 0
 * @return non-zero: it was posted; 0: not yet
 * @threads request
 */
int llmq_held_wait(sem_t *news, apr_interval_time_t step);

/**
 * @return non-zero if this child is about to end: who waits should answer now
 * @threads any
 */
int llmq_held_is_ending(void);

#endif /* LLMQ_HELD_H */
