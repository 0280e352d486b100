/**
 * @file agents.h
 * Agents at work: calls of runs, how they begin and what their ends mean. What agents are
 * sent is put together in briefs.h. An agent is a handler (dispatch/handlers.h) whose lanes
 * are those of its runs; the line of the tasks serves them all. How runs end is in
 * agents_end.h.
 */
#ifndef LLMQ_AGENTS_H
#define LLMQ_AGENTS_H

#include "dispatch/way.h"

/**
 * May a run be begun? One that cannot ends: its attempt goes to the finisher without a call.
 * @param d     the dispatcher
 * @param entry as taken from the queue
 * @param what  as loaded, its handler an agent
 * @return non-zero if it may
 * @threads the drain thread of the tasks
 */
int llmq_agents_admit(llmq_dispatch_t *d, const llmq_entry_t *entry, llmq_loaded_t *what);

/**
 * Make an attempt the one of a run, and fill its call.
 * @param a    the attempt
 * @param what as it was admitted
 * @return APR_SUCCESS
 * @threads the drain thread of the tasks
 */
apr_status_t llmq_agents_request(llmq_attempt_t *a, const llmq_loaded_t *what);

/**
 * Look at a call of a run that has ended, before anybody else does. An agent that cannot be
 * reached has failed: a person waits for the run, so it does not wait for the agent. An
 * answer without content is none.
 * @param call the call; ok and failure may change
 * @threads the engine's
 */
void llmq_agents_check(llmq_call_t *call);

/**
 * @param a of a run
 * @return how its agent is asked again
 * @threads finisher
 */
const llmq_retry_conf_t *llmq_agents_retry(const llmq_attempt_t *a);

/**
 * A failure as the job of a run keeps it.
 * @param call a failed call
 * @param p    pool of the text
 * @return as llmq_backend_error(), with `retryable`
 * @threads any
 */
const char *llmq_agents_error(const llmq_call_t *call, apr_pool_t *p);

#endif /* LLMQ_AGENTS_H */
