#include "bus/redis.h"

#include "base/clock.h"
#include "base/log.h"
#include "bus/redis_link.h"

#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include <string.h>

#define FRESH apr_time_from_sec(1) /* an answer holds for so long */

struct llmq_redis_t {
    const llmq_redis_conf_t *conf;
    apr_thread_mutex_t *lock;   /* all below */
    redisContext *link;         /* NULL while there is none */
    apr_interval_time_t pause;  /* after the failure before; 0 while it is well */
    apr_time_t next_try;        /* not before this */
    llmq_redis_health_t health; /* when asked last */
    llmq_redis_info_t info;
    apr_time_t informed_at;
};

static apr_status_t disconnect(void *data)
{
    llmq_redis_t *redis = data;

    llmq_redis_link_close(&redis->link);
    return APR_SUCCESS;
}

apr_status_t llmq_redis_create(llmq_redis_t **predis, const llmq_redis_conf_t *conf,
                               apr_pool_t *p)
{
    llmq_redis_t *redis = apr_pcalloc(p, sizeof(*redis));
    apr_status_t rv = apr_thread_mutex_create(&redis->lock, APR_THREAD_MUTEX_DEFAULT, p);

    redis->conf = conf;
    if (rv == APR_SUCCESS) {
        apr_pool_cleanup_register(p, redis, disconnect, apr_pool_cleanup_null);
        *predis = redis;
    }
    return rv;
}

const llmq_redis_conf_t *llmq_redis_conf(const llmq_redis_t *redis)
{
    return redis->conf;
}

/* ---- the connection; all under the lock ---- */

static void fail(llmq_redis_t *redis, const char *what)
{
    static apr_uint64_t last;

    if (llmq_log_once_per(&last, apr_time_from_sec(60))) {
        LLMQ_LOG(LLMQ_LOG_WARNING, 0, LLMQ_NO(0601) "Redis does not answer: %s", what);
    }
    disconnect(redis);
    redis->pause = llmq_redis_link_pause(redis->pause);
    redis->next_try = llmq_clock_now() + redis->pause;
}

static int is_connected(llmq_redis_t *redis)
{
    llmq_redis_why_t why;

    if (redis->link) {
        return 1;
    }
    if (llmq_clock_now() < redis->next_try) {
        return 0;
    }
    redis->link = llmq_redis_link_open(why, redis->conf);
    if (!redis->link) {
        fail(redis, why);
    }
    return redis->link != NULL;
}

/* A server closes connections that were idle (its `timeout`): one that was kept may be gone
 * although all is well, which a new one shows. */
static redisReply *ask(llmq_redis_t *redis, const char *command)
{
    int kept = redis->link != NULL;
    redisReply *reply = NULL;
    llmq_redis_why_t why;

    if (is_connected(redis)) {
        reply = llmq_redis_link_ask(why, redis->link, command, NULL);
    }
    if (!reply && kept && llmq_redis_link_is_closed(redis->link)) {
        disconnect(redis);
        return ask(redis, command);
    }
    if (!reply && redis->link) {
        fail(redis, why);
    }
    return reply;
}

static void ping(llmq_redis_t *redis)
{
    apr_time_t begun = apr_time_now();
    redisReply *reply = ask(redis, "PING");
    int was_well = redis->health.well || !redis->health.asked_at;

    redis->health.asked_at = llmq_clock_now();
    redis->health.well = reply != NULL;
    redis->health.took = reply ? apr_time_now() - begun : 0;
    if (reply) {
        freeReplyObject(reply);
        redis->pause = 0;
        if (!was_well) {
            LLMQ_LOG(LLMQ_LOG_NOTICE, 0, LLMQ_NO(0602) "Redis answers again");
        }
    }
}

static void inform(llmq_redis_t *redis)
{
    redisReply *reply = ask(redis, "INFO");

    redis->informed_at = llmq_clock_now();
    llmq_redis_parse_info(&redis->info,
                          reply && reply->type == REDIS_REPLY_STRING ? reply->str : "");
    if (reply) {
        freeReplyObject(reply);
    }
}

/* ---- asked from outside ---- */

/* Whoever finds the lock taken comes along with the one that asks, for the timeout at most:
 * then what it found out is fresh. */
void llmq_redis_check(llmq_redis_health_t *health, llmq_redis_t *redis)
{
    apr_thread_mutex_lock(redis->lock);
    if (!redis->health.asked_at || llmq_clock_now() - redis->health.asked_at >= FRESH) {
        ping(redis);
    }
    *health = redis->health;
    apr_thread_mutex_unlock(redis->lock);
}

void llmq_redis_info(llmq_redis_info_t *info, llmq_redis_t *redis)
{
    apr_thread_mutex_lock(redis->lock);
    if (!redis->informed_at || llmq_clock_now() - redis->informed_at >= FRESH) {
        inform(redis);
    }
    *info = redis->info;
    apr_thread_mutex_unlock(redis->lock);
}

/* ---- INFO ---- */

/* The value of a line, NULL if there is none of this name. */
static const char *value_of(const char *text, const char *name)
{
    apr_size_t len = strlen(name);

    while (text && *text) {
        if (strncmp(text, name, len) == 0 && text[len] == ':') {
            return text + len + 1;
        }
        text = strchr(text, '\n');
        text += text != NULL;
    }
    return NULL;
}

static apr_int64_t number_of(const char *text, const char *name)
{
    const char *value = value_of(text, name);

    return value ? apr_atoi64(value) : 0;
}

void llmq_redis_parse_info(llmq_redis_info_t *info, const char *text)
{
    const char *memory = value_of(text, "used_memory_human");
    apr_int64_t hits = number_of(text, "keyspace_hits");
    apr_int64_t lookups = hits + number_of(text, "keyspace_misses");
    apr_size_t len = memory ? strcspn(memory, "\r\n") : 0;

    info->clients = number_of(text, "connected_clients");
    info->ops = number_of(text, "instantaneous_ops_per_sec");
    info->hit_rate = lookups > 0 ? (double)hits / (double)lookups : 0;
    len = len < sizeof(info->memory) - 2 ? len : sizeof(info->memory) - 2;
    memcpy(info->memory, len ? memory : "0", len ? len : 1);
    len = len ? len : 1;
    if (info->memory[len - 1] != 'B') {
        info->memory[len++] = 'B'; /* "1.02M" becomes "1.02MB", as S0 writes it */
    }
    info->memory[len] = '\0';
}
