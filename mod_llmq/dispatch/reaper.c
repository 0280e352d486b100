#include "dispatch/reaper.h"

#include "base/log.h"
#include "store/store_reap.h"

#define CONVERSATIONS 100  /* of one piece */
#define MESSAGES      1000 /* of one statement, and of one piece */

struct llmq_reaper_t {
    llmq_store_t *store;
    apr_interval_time_t interval;
    apr_time_t next;
    apr_int64_t conversations; /* removed since the clean-up began */
    apr_int64_t messages;
};

llmq_reaper_t *llmq_reaper_create(llmq_store_t *store, apr_interval_time_t interval,
                                  apr_pool_t *p)
{
    llmq_reaper_t *r = apr_pcalloc(p, sizeof(*r));

    r->store = store;
    r->interval = interval;
    return r;
}

static void finish(llmq_reaper_t *r, apr_time_t now)
{
    if (r->conversations || r->messages) {
        LLMQ_LOG(LLMQ_LOG_INFO, 0,
                 LLMQ_NO(0730) "removed %" APR_INT64_T_FMT
                               " expired conversations and %" APR_INT64_T_FMT
                               " messages of such",
                 r->conversations, r->messages);
    }
    r->conversations = r->messages = 0;
    r->next = now + r->interval;
}

/* @return non-zero in *pmore if the next tick should go on */
static apr_status_t reap(int *pmore, llmq_reaper_t *r, apr_time_t now, apr_pool_t *p)
{
    llmq_reap_t found;
    int n = 0;
    apr_status_t rv = llmq_store_reap_find(&found, r->store, now, CONVERSATIONS, p);

    *pmore = 0;
    if (rv != APR_SUCCESS || found.n == 0) {
        return rv;
    }
    rv = llmq_store_reap_jobs(&n, r->store, &found, now, MESSAGES, p);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    r->messages += n;
    *pmore = n == MESSAGES;
    if (n < MESSAGES) {
        rv = llmq_store_reap_empty(&n, r->store, &found, now, p);
        r->conversations += rv == APR_SUCCESS ? n : 0;
        /* Of those that are left somebody uses the messages right now. */
        *pmore = rv == APR_SUCCESS && n > 0 && found.n == CONVERSATIONS;
    }
    return rv;
}

apr_status_t llmq_reaper_tick(llmq_reaper_t *r, apr_time_t now, apr_pool_t *p)
{
    apr_status_t rv;
    int more;

    if (!r->interval || now < r->next) {
        return APR_SUCCESS;
    }
    rv = reap(&more, r, now, p);
    if (!more) {
        finish(r, now);
    }
    return rv;
}
