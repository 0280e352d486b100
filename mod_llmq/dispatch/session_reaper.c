#include "dispatch/session_reaper.h"

#include "base/log.h"
#include "store/store_session_reap.h"

#include <string.h>

#define SESSIONS 1000 /* looked at, or removed, by one piece */
#define MESSAGES 1000 /* removed by one piece */

struct llmq_session_reaper_t {
    llmq_store_t *store;
    apr_interval_time_t ttl;
    apr_interval_time_t interval;
    apr_time_t next;
    llmq_session_walk_t walk;
    int walking;          /* sessions are looked through; else marked ones are removed */
    apr_int64_t sessions; /* removed since the clean-up began */
    apr_int64_t messages;
};

/* The beginning of a clean-up, due at @a when. */
static void plan(llmq_session_reaper_t *r, apr_time_t when)
{
    memset(&r->walk, 0, sizeof(r->walk));
    r->walking = r->ttl > 0;
    r->sessions = r->messages = 0;
    r->next = when;
}

llmq_session_reaper_t *llmq_session_reaper_create(llmq_store_t *store,
                                                  apr_interval_time_t ttl,
                                                  apr_interval_time_t interval,
                                                  apr_pool_t *p)
{
    llmq_session_reaper_t *r = apr_pcalloc(p, sizeof(*r));

    r->store = store;
    r->ttl = ttl;
    r->interval = interval;
    plan(r, 0);
    return r;
}

static void finish(llmq_session_reaper_t *r, apr_time_t now)
{
    if (r->sessions || r->messages)
        LLMQ_LOG(LLMQ_LOG_INFO, 0,
                 LLMQ_NO(0731) "removed %" APR_INT64_T_FMT
                               " sessions that nobody has touched for long, and "
                               "%" APR_INT64_T_FMT " messages of such",
                 r->sessions, r->messages);
    plan(r, now + r->interval);
}

static apr_status_t walk(llmq_session_reaper_t *r, apr_time_t now, apr_pool_t *p)
{
    apr_status_t rv =
        llmq_store_session_reap_mark(&r->walk, r->store, now - r->ttl, now, SESSIONS, p);

    if (rv == APR_SUCCESS && r->walk.ended)
        r->walking = 0;
    return rv;
}

/* @return non-zero in *pmore if the next tick should go on */
static apr_status_t reap(int *pmore, llmq_session_reaper_t *r, apr_pool_t *p)
{
    int messages = 0, sessions = 0;
    apr_status_t rv =
        llmq_store_session_reap_messages(&messages, r->store, SESSIONS, MESSAGES, p);

    if (rv == APR_SUCCESS)
        rv = llmq_store_session_reap_empty(&sessions, r->store, SESSIONS, p);
    r->messages += messages;
    r->sessions += sessions;
    *pmore = rv == APR_SUCCESS && (messages == MESSAGES || sessions == SESSIONS);
    return rv;
}

apr_status_t llmq_session_reaper_tick(llmq_session_reaper_t *r, apr_time_t now,
                                      apr_pool_t *p)
{
    apr_status_t rv;
    int more = 1;

    if (!r->interval || now < r->next)
        return APR_SUCCESS;
    rv = r->walking ? walk(r, now, p) : reap(&more, r, p);
    if (rv != APR_SUCCESS || !more)
        finish(r, now);
    return rv;
}
