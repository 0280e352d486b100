/**
 * @file redis.h
 * A Redis server beside the database (hiredis). Nothing is kept there: events travel through
 * it between nodes (bus_redis.h), and here it is asked whether it answers, and how it is
 * doing.
 *
 * One connection a process, behind a lock. It is asked at most once a second, whoever wants
 * to know meanwhile gets the last answer. While it does not answer it is tried again after
 * 1 s, 2 s, 4 s and then every 5 s; a try takes no longer than the timeout of the settings.
 */
#ifndef LLMQ_REDIS_H
#define LLMQ_REDIS_H

#include <apr_pools.h>
#include <apr_time.h>

typedef struct llmq_redis_t llmq_redis_t; /* one per process, shared by its threads */

/** Settings; filled by cfg/. */
typedef struct llmq_redis_conf_t {
    const char *host;     /* NULL with path */
    int port;             /* with host */
    const char *path;     /* of a Unix socket; NULL with host. Both NULL: no Redis */
    const char *password; /* NULL: none; never logged */
    const char *prefix;   /* of the names that are used there */
    apr_interval_time_t timeout; /* longest wait, for a connection and for an answer */
    int required;                /* nothing new is taken while it is away */
} llmq_redis_conf_t;

/** How it is doing. */
typedef struct llmq_redis_health_t {
    int well;                 /* it answered when it was asked last */
    apr_interval_time_t took; /* to answer then */
    apr_time_t asked_at;      /* 0: never yet */
} llmq_redis_health_t;

/** From its INFO; zero and "0B" while it does not answer. */
typedef struct llmq_redis_info_t {
    apr_int64_t clients; /* connected */
    char memory[32];     /* in use, for people: "1.02MB" */
    double hit_rate;     /* of lookups since it was started, 0 to 1 */
    apr_int64_t ops;     /* commands a second */
} llmq_redis_info_t;

/**
 * @param predis out
 * @param conf   settings; borrowed
 * @param p      pool, as long as the connection
 * @return APR_SUCCESS; else no lock could be made
 * @phase child; @threads single
 */
apr_status_t llmq_redis_create(llmq_redis_t **predis, const llmq_redis_conf_t *conf,
                               apr_pool_t *p);

/**
 * @param redis the connection
 * @return the settings it was made with; borrowed
 * @threads any
 */
const llmq_redis_conf_t *llmq_redis_conf(const llmq_redis_t *redis);

/**
 * Does it answer?
 * @param health out
 * @param redis  the connection
 * @threads any; waits at most for the timeout, at most once a second for one thread
 */
void llmq_redis_check(llmq_redis_health_t *health, llmq_redis_t *redis);

/**
 * How is it doing?
 * @param info  out
 * @param redis the connection
 * @threads any; as llmq_redis_check()
 */
void llmq_redis_info(llmq_redis_info_t *info, llmq_redis_t *redis);

/**
 * Read the text that INFO answers. Pure.
 * @param info out
 * @param text NUL-terminated, lines of `name:value`
 * @threads any
 */
void llmq_redis_parse_info(llmq_redis_info_t *info, const char *text);

#endif /* LLMQ_REDIS_H */
