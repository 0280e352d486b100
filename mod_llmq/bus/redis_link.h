/**
 * @file redis_link.h
 * Connecting to a Redis server and signing in: the one place for it. What a server answers
 * is never logged but for the first word of an error, as it may repeat what it was sent.
 */
#ifndef LLMQ_REDIS_LINK_H
#define LLMQ_REDIS_LINK_H

#include "bus/redis.h"

#include <hiredis/hiredis.h>

/** Why something failed, for the log. */
typedef char llmq_redis_why_t[160];

/**
 * Connect, and sign in where there is a password.
 * @param why  out: unless a connection is returned
 * @param conf where to; no call on the connection takes longer than its timeout
 * @return the connection, blocking; NULL: see @a why
 * @threads any
 */
redisContext *llmq_redis_link_open(llmq_redis_why_t why, const llmq_redis_conf_t *conf);

/**
 * @param plink the connection, NULL afterwards; NULL is allowed
 * @threads one at a time
 */
void llmq_redis_link_close(redisContext **plink);

/**
 * Send a command and wait for the answer.
 * @param why      out: unless an answer is returned
 * @param link     the connection
 * @param command  a word
 * @param argument one more; NULL: none
 * @return the answer, which is no error; the caller frees it. NULL: see @a why, and the
 *         connection is of no use any more
 * @threads one at a time
 */
redisReply *llmq_redis_link_ask(llmq_redis_why_t why, redisContext *link,
                                const char *command, const char *argument);

/**
 * @param link a connection, right after llmq_redis_link_ask() has failed on it
 * @return non-zero if the other side has closed it
 * @threads the one that has asked
 */
int llmq_redis_link_is_closed(const redisContext *link);

/**
 * @param why   out: the first word of the error
 * @param reply of type REDIS_REPLY_ERROR
 * @threads any
 */
void llmq_redis_link_word(llmq_redis_why_t why, const redisReply *reply);

/**
 * How long to leave a server alone that does not answer: 1 s, 2 s, 4 s, then 5 s.
 * @param before the pause before; 0: it was well
 * @return microseconds
 * @threads any
 */
apr_interval_time_t llmq_redis_link_pause(apr_interval_time_t before);

#endif /* LLMQ_REDIS_LINK_H */
