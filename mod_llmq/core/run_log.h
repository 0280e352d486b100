/**
 * @file run_log.h
 * What the log of a session says of a run: `run.status` RUNNING when it begins, then the
 * agent's `agent.message` or a `run.error`, then the final `run.status`. Each is appended
 * under a key of its own (dedupe_key), so that however often it is tried, and by whomever,
 * it stands there once.
 */
#ifndef LLMQ_RUN_LOG_H
#define LLMQ_RUN_LOG_H

#include "core/run.h"

/**
 * `run.status` RUNNING.
 * @param m   out; strings of @a run and of @a p
 * @param run the run
 * @param now the present
 * @param p   pool
 * @threads any
 */
void llmq_run_log_begin(llmq_session_message_t *m, const llmq_run_t *run, apr_time_t now,
                        apr_pool_t *p);

/**
 * What comes between: the answer, or why there is none.
 * @param m   out
 * @param run the run
 * @param end how it ended
 * @param now the present
 * @param p   pool
 * @return non-zero if there is such a message; a canceled run has none
 * @threads any
 */
int llmq_run_log_word(llmq_session_message_t *m, const llmq_run_t *run,
                      const llmq_run_end_t *end, apr_time_t now, apr_pool_t *p);

/**
 * The final `run.status`.
 * @param m   out
 * @param run the run
 * @param end how it ended
 * @param now the present
 * @param p   pool
 * @threads any
 */
void llmq_run_log_end(llmq_session_message_t *m, const llmq_run_t *run,
                      const llmq_run_end_t *end, apr_time_t now, apr_pool_t *p);

/**
 * The run that a message wants to have canceled.
 * @param m a message, as it was appended
 * @param p pool of the result
 * @return the run's id: the message is a run.cancel of a USER or SYSTEM that names one;
 *         NULL else
 * @threads any
 */
const char *llmq_run_log_cancels(const llmq_session_message_t *m, apr_pool_t *p);

/**
 * A client that used such a key first would keep a run's word out of the log.
 * @param dedupe_key of a client's message
 * @return non-zero if only the words of runs may have it
 * @threads any
 */
int llmq_run_log_owns(const char *dedupe_key);

#endif /* LLMQ_RUN_LOG_H */
