#include "backend/endpoint.h"

#include "base/clock.h"
#include "base/log.h"

#include <apr_thread_mutex.h>

/* The longest pause a backend may ask for; a wrong header must not switch it off. */
#define PAUSE_MAX apr_time_from_sec(300)

/* Pauses of a backend that cannot be reached. */
#define AWAY_FIRST apr_time_from_sec(1)
#define AWAY_MAX   apr_time_from_sec(30)

typedef struct {
    const llmq_backend_conf_t *backend;
    int busy;                /* places taken; under e->lock */
    apr_time_t paused_until; /* 0 never paused; under e->lock */
    apr_interval_time_t
        away; /* last pause for being unreachable, 0: reachable; under lock */
} place_t;

struct llmq_endpoints_t {
    apr_thread_mutex_t *lock;
    place_t *places;
    int n;
    int next; /* where the next search begins; under lock */
};

apr_status_t llmq_endpoint_create(llmq_endpoints_t **pe,
                                  const llmq_backend_conf_t *const *backends, int n,
                                  apr_pool_t *p)
{
    llmq_endpoints_t *e;
    apr_status_t rv;
    int i;

    if (n <= 0) {
        return APR_EINVAL;
    }
    e = apr_pcalloc(p, sizeof(*e));
    e->places = apr_pcalloc(p, (apr_size_t)n * sizeof(*e->places));
    e->n = n;
    for (i = 0; i < n; i++) {
        e->places[i].backend = backends[i];
    }
    rv = apr_thread_mutex_create(&e->lock, APR_THREAD_MUTEX_DEFAULT, p);
    if (rv == APR_SUCCESS) {
        *pe = e;
    }
    return rv;
}

static int room_locked(const place_t *place, apr_time_t now)
{
    int limit = place->away ? 1 : place->backend->max_concurrent;
    int room = limit - place->busy;

    return place->paused_until > now || room < 0 ? 0 : room;
}

int llmq_endpoint_free(llmq_endpoints_t *e)
{
    apr_time_t now = llmq_clock_now();
    int room = 0;
    int i;

    apr_thread_mutex_lock(e->lock);
    for (i = 0; i < e->n; i++) {
        room += room_locked(&e->places[i], now);
    }
    apr_thread_mutex_unlock(e->lock);
    return room;
}

const llmq_backend_conf_t *llmq_endpoint_pick(llmq_endpoints_t *e)
{
    const llmq_backend_conf_t *picked = NULL;
    apr_time_t now = llmq_clock_now();
    int i;

    apr_thread_mutex_lock(e->lock);
    for (i = 0; i < e->n; i++) {
        int at = (e->next + i) % e->n;

        if (room_locked(&e->places[at], now) > 0) {
            picked = e->places[at].backend;
            e->places[at].busy++;
            e->next = (at + 1) % e->n;
            break;
        }
    }
    apr_thread_mutex_unlock(e->lock);
    return picked;
}

static void pause_locked(place_t *place, apr_interval_time_t pause)
{
    apr_time_t until = llmq_clock_now() + (pause < PAUSE_MAX ? pause : PAUSE_MAX);

    if (pause > 0 && until > place->paused_until) {
        place->paused_until = until;
    }
}

/* What an outcome changes; logged after the lock. */
typedef enum { NEWS_NONE = 0, NEWS_AWAY, NEWS_BACK } news_e;

/* Of the calls that were under way when it went away, the first tells; the others change
 * nothing, as the pause has begun. */
static news_e go_away_locked(place_t *place)
{
    int was_away = place->away != 0;

    if (was_away && place->paused_until > llmq_clock_now()) {
        return NEWS_NONE;
    }
    place->away = was_away ? place->away * 2 : AWAY_FIRST;
    if (place->away > AWAY_MAX) {
        place->away = AWAY_MAX;
    }
    pause_locked(place, place->away);
    return was_away ? NEWS_NONE : NEWS_AWAY;
}

static news_e learn_locked(place_t *place, const llmq_failure_t *failure)
{
    news_e news = NEWS_NONE;

    if (failure && failure->kind == LLMQ_FAILURE_UNREACHABLE) {
        return go_away_locked(place);
    }
    if (place->away) {
        news = NEWS_BACK;
        place->away = 0;
        place->paused_until = 0;
    }
    pause_locked(place, failure ? failure->retry_after : 0);
    return news;
}

static void tell(news_e news, const llmq_backend_conf_t *backend)
{
    if (news == NEWS_AWAY) {
        LLMQ_LOG(LLMQ_LOG_WARNING, 0,
                 LLMQ_NO(0504) "ep[%s] cannot be reached, messages wait for it",
                 backend->name);
    }
    else if (news == NEWS_BACK) {
        LLMQ_LOG(LLMQ_LOG_NOTICE, 0, LLMQ_NO(0505) "ep[%s] can be reached again",
                 backend->name);
    }
}

void llmq_endpoint_done(llmq_endpoints_t *e, const llmq_backend_conf_t *backend,
                        const llmq_failure_t *failure)
{
    news_e news = NEWS_NONE;
    int i;

    apr_thread_mutex_lock(e->lock);
    for (i = 0; i < e->n; i++) {
        place_t *place = &e->places[i];

        if (place->backend == backend) {
            place->busy -= place->busy > 0;
            news = learn_locked(place, failure);
            break;
        }
    }
    apr_thread_mutex_unlock(e->lock);
    tell(news, backend);
}
