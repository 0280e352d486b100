/**
 * @file redis_pipe.h
 * A connection to Redis on which commands go out without waiting for the answers to those
 * before, and on which the server may speak unasked (a subscription). For threads that poll.
 *
 * Each function that can fail says why, and the connection is then to be closed.
 */
#ifndef LLMQ_REDIS_PIPE_H
#define LLMQ_REDIS_PIPE_H

#include "bus/redis_link.h"

typedef struct llmq_redis_pipe_t {
    redisContext *link; /* NULL while there is none */
    int owed;           /* answers */
    apr_time_t
        since; /* owed: the last answer, or the first question; else the last word */
} llmq_redis_pipe_t;

/**
 * @param why  out: unless it is open then
 * @param pipe out
 * @param conf as for llmq_redis_link_open()
 * @return non-zero if it is open
 * @threads one at a time
 */
int llmq_redis_pipe_open(llmq_redis_why_t why, llmq_redis_pipe_t *pipe,
                         const llmq_redis_conf_t *conf);

/**
 * A command was appended (redisAppendCommand()): an answer is owed.
 * @param pipe an open one
 * @threads one at a time
 */
void llmq_redis_pipe_owe(llmq_redis_pipe_t *pipe);

/**
 * Send what was appended. Waits for the timeout of the settings at most.
 * @param why  out: with 0
 * @param pipe an open one
 * @return non-zero; 0: it failed
 * @threads one at a time
 */
int llmq_redis_pipe_flush(llmq_redis_why_t why, llmq_redis_pipe_t *pipe);

/**
 * Hears what is no answer.
 * @param ctx  of the caller
 * @param data bytes of a message of a subscription, valid until the function returns
 * @param len  their number
 * @threads the caller's
 */
typedef void llmq_redis_hear_fn_t(void *ctx, const char *data, apr_size_t len);

/**
 * Go through what has been read: answers are counted, messages are told.
 * @param why  out: with 0
 * @param pipe an open one
 * @param hear told of messages
 * @param ctx  for @a hear
 * @return non-zero; 0: an error was answered, or something that is no answer
 * @threads one at a time
 */
int llmq_redis_pipe_take(llmq_redis_why_t why, llmq_redis_pipe_t *pipe,
                         llmq_redis_hear_fn_t *hear, void *ctx);

/**
 * Read what has arrived; only when the descriptor is readable, as it would wait. Then as
 * llmq_redis_pipe_take().
 * @param why  out: with 0
 * @param pipe an open one
 * @param hear see there
 * @param ctx  for @a hear
 * @return see there
 * @threads one at a time
 */
int llmq_redis_pipe_read(llmq_redis_why_t why, llmq_redis_pipe_t *pipe,
                         llmq_redis_hear_fn_t *hear, void *ctx);

/**
 * Find out by asking whether the other side is still there. To be called now and then.
 * @param why     out: with 0
 * @param pipe    an open one
 * @param timeout for answers, at least a second
 * @return non-zero; 0: it does not answer
 * @threads one at a time
 */
int llmq_redis_pipe_tend(llmq_redis_why_t why, llmq_redis_pipe_t *pipe,
                         apr_interval_time_t timeout);

#endif /* LLMQ_REDIS_PIPE_H */
