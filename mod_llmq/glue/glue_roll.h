/**
 * @file glue_roll.h
 * The roll of dispatchers that live, in memory that all processes share: the current one and
 * those that wind up. What belongs to one that is not on it belongs to nobody.
 * @threads any, of any process, where nothing else is said
 */
#ifndef LLMQ_GLUE_ROLL_H
#define LLMQ_GLUE_ROLL_H

#include "glue/glue_shm.h"

/**
 * @param shared the roll
 * @param pid    a dispatcher that begins; beyond LLMQ_DISPATCHERS_MAX it is left out
 */
void llmq_glue_roll_add(llmq_shared_t *shared, apr_uint32_t pid);

/**
 * A dispatcher has ended; it is counted.
 * @param shared the roll
 * @param pid    which; it is not the current one any more
 */
void llmq_glue_roll_remove(llmq_shared_t *shared, apr_uint32_t pid);

/**
 * @param shared the llmq_shared_t, as llmq_dispatch_host_t has it
 * @param pid    a dispatcher
 * @return non-zero if it is on the roll
 */
int llmq_glue_roll_has(void *shared, apr_uint32_t pid);

/**
 * @param shared the llmq_shared_t, as llmq_dispatch_host_t has it
 * @return how many have ended so far
 */
apr_uint32_t llmq_glue_roll_deaths(void *shared);

/**
 * Take off all that have ended and send the others a signal.
 * @param shared the roll
 * @param sig    the signal; 0: none
 * @return how many live
 * @threads the parent's, whose children they are
 */
int llmq_glue_roll_tell(llmq_shared_t *shared, int sig);

#endif /* LLMQ_GLUE_ROLL_H */
