/**
 * @file replays.h
 * Completions whose request came with an Idempotency-Key: their answers are kept, so that the
 * same request has them again. The child claims the key (store/store_idem.h) and lends the claim
 * to the job, whose metadata tell it; the end of the job is the end of the claim:
 *
 *     COMPLETED, an answer that is not too large ──► DONE    replayed until it expires
 *     any other end                              ──► (none)  the key is free
 *
 * Of a stream the events are kept that were passed on. An answer is written before the row's
 * end, and the caller hears of it after that: whoever has had it finds it kept.
 */
#ifndef LLMQ_REPLAYS_H
#define LLMQ_REPLAYS_H

#include "core/completion.h"
#include "dispatch/way.h"

typedef struct llmq_replay_t llmq_replay_t;

/**
 * An attempt of a completion is made: has its job a key?
 * @param a   the attempt
 * @param job as loaded; without metadata, if only its id is known
 * @threads whoever makes the attempt
 */
void llmq_replays_begin(llmq_attempt_t *a, const llmq_job_t *job);

/**
 * A piece of the answer was passed on.
 * @param a    the attempt
 * @param data of the event
 * @param len  its bytes
 * @threads the engine's
 */
void llmq_replays_hear(llmq_attempt_t *a, const char *data, apr_size_t len);

/**
 * Keep the answers of a batch that is about to be written.
 * @param batch of attempts of any kind
 * @return APR_SUCCESS; other: the database is away, try again
 * @threads finisher
 */
apr_status_t llmq_replays_keep(const llmq_batch_t *batch);

/**
 * Free the keys of those of a written batch that have no answer.
 * @param batch of attempts of any kind
 * @threads finisher
 */
void llmq_replays_free(const llmq_batch_t *batch);

#endif /* LLMQ_REPLAYS_H */
