#include "bus/redis_link.h"

#include <apr_strings.h>

#include <errno.h>
#include <string.h>

#define PAUSE_MIN apr_time_from_sec(1)
#define PAUSE_MAX apr_time_from_sec(5)

apr_interval_time_t llmq_redis_link_pause(apr_interval_time_t before)
{
    apr_interval_time_t pause = before ? before * 2 : PAUSE_MIN;

    return pause > PAUSE_MAX ? PAUSE_MAX : pause;
}

void llmq_redis_link_close(redisContext **plink)
{
    if (*plink) {
        redisFree(*plink);
        *plink = NULL;
    }
}

void llmq_redis_link_word(llmq_redis_why_t why, const redisReply *reply)
{
    apr_cpystrn(why, reply->str, 40);
    why[strcspn(why, " ")] = '\0';
}

redisReply *llmq_redis_link_ask(llmq_redis_why_t why, redisContext *link,
                                const char *command, const char *argument)
{
    redisReply *reply = argument ? redisCommand(link, "%s %s", command, argument)
                                 : redisCommand(link, command);

    if (!reply) {
        apr_cpystrn(why, link->errstr, sizeof(llmq_redis_why_t));
        return NULL;
    }
    if (reply->type == REDIS_REPLY_ERROR) {
        llmq_redis_link_word(why, reply);
        freeReplyObject(reply);
        return NULL;
    }
    return reply;
}

int llmq_redis_link_is_closed(const redisContext *link)
{
    return link->err == REDIS_ERR_EOF
           || (link->err == REDIS_ERR_IO && (errno == ECONNRESET || errno == EPIPE));
}

static int sign_in(llmq_redis_why_t why, redisContext *link,
                   const llmq_redis_conf_t *conf)
{
    redisReply *reply;

    if (!conf->password) {
        return 1;
    }
    reply = llmq_redis_link_ask(why, link, "AUTH", conf->password);
    if (reply) {
        freeReplyObject(reply);
    }
    return reply != NULL;
}

redisContext *llmq_redis_link_open(llmq_redis_why_t why, const llmq_redis_conf_t *conf)
{
    struct timeval limit = {(time_t)apr_time_sec(conf->timeout),
                            (suseconds_t)apr_time_usec(conf->timeout)};
    redisContext *link = conf->path
                             ? redisConnectUnixWithTimeout(conf->path, limit)
                             : redisConnectWithTimeout(conf->host, conf->port, limit);

    if (!link || link->err || redisSetTimeout(link, limit) != REDIS_OK) {
        apr_cpystrn(why, link ? link->errstr : "no memory", sizeof(llmq_redis_why_t));
        llmq_redis_link_close(&link);
    }
    else if (!sign_in(why, link, conf)) {
        llmq_redis_link_close(&link);
    }
    return link;
}
