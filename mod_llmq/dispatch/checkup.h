/**
 * @file checkup.h
 * Looks after the backends themselves: asks those whose check is due, and drains those that
 * a stored setting names. The answers come on the engine's thread.
 */
#ifndef LLMQ_CHECKUP_H
#define LLMQ_CHECKUP_H

#include "dispatch/dispatch.h"

typedef struct llmq_checkup_t llmq_checkup_t;

/**
 * @param d the dispatcher
 * @param p pool, as long as it
 * @return the checkup, which has looked at nothing yet
 * @phase dispatcher; @threads the first
 */
llmq_checkup_t *llmq_checkup_create(llmq_dispatch_t *d, apr_pool_t *p);

/**
 * Begin the checks that are due; read the setting if any setting has changed.
 * @param c the checkup
 * @threads the dispatcher's first; blocks for the database only when a setting has changed
 */
void llmq_checkup_tick(llmq_checkup_t *c);

#endif /* LLMQ_CHECKUP_H */
