#include "bus/redis_pipe.h"

#include "base/clock.h"

#include <apr_strings.h>

#include <string.h>

#define QUIET     apr_time_from_sec(2)      /* after which it is asked */
#define PATIENCE  apr_time_from_sec(1)      /* for answers, at least */
#define REPLY_MAX ((apr_size_t)1024 * 1024) /* bytes that are not a whole answer yet */

static int fail(llmq_redis_why_t why, const char *text)
{
    apr_cpystrn(why, text, sizeof(llmq_redis_why_t));
    return 0;
}

int llmq_redis_pipe_open(llmq_redis_why_t why, llmq_redis_pipe_t *pipe,
                         const llmq_redis_conf_t *conf)
{
    pipe->link = llmq_redis_link_open(why, conf);
    pipe->owed = 0;
    pipe->since = llmq_clock_now();
    return pipe->link != NULL;
}

void llmq_redis_pipe_owe(llmq_redis_pipe_t *pipe)
{
    if (pipe->owed++ == 0) {
        pipe->since = llmq_clock_now();
    }
}

int llmq_redis_pipe_flush(llmq_redis_why_t why, llmq_redis_pipe_t *pipe)
{
    int done = 0;

    while (!done) {
        if (redisBufferWrite(pipe->link, &done) != REDIS_OK) {
            return fail(why, pipe->link->errstr);
        }
    }
    return 1;
}

/* ---- answers ---- */

static int is_message(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ARRAY && reply->elements == 3
           && reply->element[0]->type == REDIS_REPLY_STRING
           && strcmp(reply->element[0]->str, "message") == 0
           && reply->element[2]->type == REDIS_REPLY_STRING;
}

static int take_one(llmq_redis_why_t why, llmq_redis_pipe_t *pipe,
                    const redisReply *reply, llmq_redis_hear_fn_t *hear, void *ctx)
{
    pipe->since = llmq_clock_now();
    if (reply->type == REDIS_REPLY_ERROR) {
        llmq_redis_link_word(why, reply);
        return 0;
    }
    if (is_message(reply)) {
        hear(ctx, reply->element[2]->str, reply->element[2]->len);
    }
    else if (pipe->owed > 0) {
        pipe->owed--;
    }
    return 1;
}

/* An answer that never ends is not waited for. */
int llmq_redis_pipe_take(llmq_redis_why_t why, llmq_redis_pipe_t *pipe,
                         llmq_redis_hear_fn_t *hear, void *ctx)
{
    redisContext *link = pipe->link;
    void *reply = NULL;
    int well = 1;

    while (well) {
        if (redisGetReplyFromReader(link, &reply) != REDIS_OK) {
            return fail(why, link->errstr);
        }
        if (!reply) {
            break;
        }
        well = take_one(why, pipe, reply, hear, ctx);
        freeReplyObject(reply);
    }
    return well && link->reader->len > REPLY_MAX ? fail(why, "an answer without end")
                                                 : well;
}

int llmq_redis_pipe_read(llmq_redis_why_t why, llmq_redis_pipe_t *pipe,
                         llmq_redis_hear_fn_t *hear, void *ctx)
{
    if (redisBufferRead(pipe->link) != REDIS_OK) {
        return fail(why, pipe->link->errstr);
    }
    return llmq_redis_pipe_take(why, pipe, hear, ctx);
}

/* ---- silence ---- */

int llmq_redis_pipe_tend(llmq_redis_why_t why, llmq_redis_pipe_t *pipe,
                         apr_interval_time_t timeout)
{
    apr_interval_time_t silent = llmq_clock_now() - pipe->since;

    if (pipe->owed) {
        return silent <= (timeout > PATIENCE ? timeout : PATIENCE)
                   ? 1
                   : fail(why, "it does not answer");
    }
    if (silent <= QUIET) {
        return 1;
    }
    redisAppendCommand(pipe->link, "PING");
    llmq_redis_pipe_owe(pipe);
    return llmq_redis_pipe_flush(why, pipe);
}
