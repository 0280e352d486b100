#include "backend/endpoint.h"

#include "backend/endpoint_choice.h"
#include "backend/endpoint_spot.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "base/log.h"

#include <apr_thread_mutex.h>

#include <json-c/json.h>
#include <string.h>

typedef llmq_endpoint_spot_t spot_t;
typedef llmq_endpoint_group_t group_t;

struct llmq_endpoints_t {
    apr_thread_mutex_t *lock;
    llmq_endpoint_conf_t conf;
    spot_t *spots;
    int n;
    llmq_endpoint_choice_t *choice; /* under lock */
};

/* ---- making ---- */

static void tell_board(const llmq_endpoints_t *e, const spot_t *spot)
{
    llmq_endpoint_gauges_t gauges = {.health = &spot->health,
                                     .draining = spot->drained,
                                     .in_flight = spot->busy,
                                     .busy_until = spot->paused_until,
                                     .latency = spot->latency,
                                     .first_latency = spot->first};

    llmq_endpoint_board_tell(e->conf.board, e->conf.writer, spot->record, &gauges);
}

/* What the dispatcher before has learnt and is still true: how fast it is and when it wants
 * to be left alone. Whether it is well is seen soon enough. */
static void inherit(const llmq_endpoints_t *e, spot_t *spot, apr_time_t now)
{
    llmq_endpoint_figures_t f;

    llmq_endpoint_board_read(&f, e->conf.board, spot->record, now);
    spot->latency = f.latency;
    spot->first = f.first_latency;
    spot->sampled_at = now;
    spot->paused_until = f.busy_until;
}

static void begin(llmq_endpoints_t *e, const llmq_backend_conf_t *const *backends)
{
    apr_time_t now = llmq_clock_now();
    int i;

    llmq_endpoint_board_take(e->conf.board, e->conf.writer);
    for (i = 0; i < e->n; i++) {
        spot_t *spot = &e->spots[i];

        spot->backend = backends[i];
        spot->record = llmq_endpoint_board_find(e->conf.board, backends[i]->name);
        spot->check_at = now + backends[i]->check_interval;
        inherit(e, spot, now);
        tell_board(e, spot);
    }
}

apr_status_t llmq_endpoint_create(llmq_endpoints_t **pe,
                                  const llmq_backend_conf_t *const *backends, int n,
                                  const llmq_endpoint_conf_t *conf, apr_pool_t *p)
{
    llmq_endpoints_t *e;
    apr_status_t rv;

    if (n <= 0 || n > LLMQ_BALANCE_MAX) {
        return APR_EINVAL;
    }
    e = apr_pcalloc(p, sizeof(*e));
    e->conf = *conf;
    e->spots = apr_pcalloc(p, (apr_size_t)n * sizeof(*e->spots));
    e->n = n;
    e->choice = llmq_endpoint_choice_create(&conf->balance, p);
    begin(e, backends);
    rv = apr_thread_mutex_create(&e->lock, APR_THREAD_MUTEX_DEFAULT, p);
    if (rv == APR_SUCCESS) {
        *pe = e;
    }
    return rv;
}

/* ---- choosing ---- */

int llmq_endpoint_free(llmq_endpoints_t *e)
{
    apr_time_t now = llmq_clock_now();
    group_t g = {.number = -1};
    int room = 0;

    apr_thread_mutex_lock(e->lock);
    while (!g.holds && llmq_endpoint_spot_group(&g, e->spots, e->n, g.number, now)) {
        room += g.room;
    }
    apr_thread_mutex_unlock(e->lock);
    return room;
}

/* The places that a list of backends has; those it reaches are added to @a reached. */
static int room_among(llmq_endpoints_t *e, apr_uint64_t among, apr_uint64_t *reached,
                      apr_time_t now)
{
    group_t g = {.among = among, .number = -1};
    int room = 0;

    while (!g.holds && llmq_endpoint_spot_group(&g, e->spots, e->n, g.number, now)) {
        room += g.room;
        *reached |= g.members;
    }
    return room;
}

int llmq_endpoint_rooms(int *rooms, llmq_endpoints_t *e, const apr_uint64_t *among, int n)
{
    apr_time_t now = llmq_clock_now();
    apr_uint64_t reached = 0;
    int all = 0;
    int i;

    apr_thread_mutex_lock(e->lock);
    for (i = 0; i < n; i++) {
        rooms[i] = room_among(e, among[i], &reached, now);
    }
    for (i = 0; i < e->n; i++) {
        all += reached >> i & 1 ? llmq_endpoint_spot_room(&e->spots[i], now) : 0;
    }
    apr_thread_mutex_unlock(e->lock);
    return all;
}

static apr_uint64_t hash_of(const char *id)
{
    return id ? llmq_id_hash(id, strlen(id), 0) : 0;
}

static int pick_locked(llmq_endpoints_t *e, const llmq_endpoint_place_t *place,
                       apr_uint64_t chain)
{
    apr_time_t now = llmq_clock_now();
    group_t g = {.among = place->among, .number = -1};

    while (!g.holds && llmq_endpoint_spot_group(&g, e->spots, e->n, g.number, now)) {
        if (g.room > 0) {
            return llmq_endpoint_choice_make(e->choice, &g, e->n, place->job, chain);
        }
    }
    return -1;
}

static void pick(llmq_endpoint_place_t *place, llmq_endpoints_t *e, apr_uint64_t chain)
{
    int i;

    apr_thread_mutex_lock(e->lock);
    i = pick_locked(e, place, chain);
    if (i >= 0) {
        spot_t *spot = &e->spots[i];

        place->backend = spot->backend;
        place->index = i;
        place->trial = llmq_health_begin(&spot->health);
        spot->busy++;
        tell_board(e, spot);
    }
    apr_thread_mutex_unlock(e->lock);
}

void llmq_endpoint_pick(llmq_endpoint_place_t *place, llmq_endpoints_t *e, const char *id,
                        apr_uint64_t chain)
{
    *place = (llmq_endpoint_place_t){.job = hash_of(id)};
    pick(place, e, chain);
}

void llmq_endpoint_pick_among(llmq_endpoint_place_t *place, llmq_endpoints_t *e,
                              const char *id, apr_uint64_t among)
{
    *place = (llmq_endpoint_place_t){.job = hash_of(id), .among = among};
    pick(place, e, 0);
}

/* ---- learning ---- */

static void tell(llmq_health_news_e news, const llmq_backend_conf_t *backend)
{
    switch (news) {
    case LLMQ_HEALTH_NEWS_AWAY:
        LLMQ_LOG(LLMQ_LOG_WARNING, 0,
                 LLMQ_NO(0504) "ep[%s] cannot be reached, messages wait for it",
                 backend->name);
        break;
    case LLMQ_HEALTH_NEWS_EJECTED:
        LLMQ_LOG(LLMQ_LOG_WARNING, 0,
                 LLMQ_NO(0510) "ep[%s] fails again and again, others do its work",
                 backend->name);
        break;
    case LLMQ_HEALTH_NEWS_BACK:
        LLMQ_LOG(LLMQ_LOG_NOTICE, 0, LLMQ_NO(0505) "ep[%s] can be used again",
                 backend->name);
        break;
    case LLMQ_HEALTH_NEWS_NONE: break;
    }
}

/* Where the job may go meanwhile; @a wait: how soon another backend can be used. */
static void point_elsewhere(llmq_failure_t *failure, apr_interval_time_t wait)
{
    if (failure->retry_after > 0 && wait >= 0 && wait < failure->retry_after) {
        failure->retry_after = wait;
        failure->elsewhere = wait == 0;
    }
}

static llmq_health_news_e
learn_locked(llmq_endpoints_t *e, const llmq_endpoint_place_t *place, llmq_call_t *call)
{
    spot_t *spot = &e->spots[place->index];
    llmq_failure_t *failure = call->ok ? NULL : &call->failure;
    llmq_health_event_e event = llmq_health_event(failure);
    apr_time_t now = llmq_clock_now();
    apr_interval_time_t wait =
        llmq_endpoint_spot_wait(e->spots, e->n, place->index, place->among, now);
    llmq_health_news_e news = llmq_health_end(&spot->health, &spot->backend->health,
                                              event, place->trial, wait == 0, now);

    if (failure && failure->ours) {
        return news;
    }
    llmq_endpoint_spot_learn(spot, call, now);
    llmq_endpoint_choice_learn(e->choice, place->job, place->index, call->ok);
    llmq_endpoint_board_count(e->conf.board, spot->record, call->ok,
                              call->ended_at - call->started_at,
                              call->first_at ? call->first_at - call->started_at : 0);
    if (failure) {
        point_elsewhere(failure, wait);
    }
    return news;
}

static void leave_locked(llmq_endpoints_t *e, const llmq_endpoint_place_t *place)
{
    spot_t *spot = &e->spots[place->index];

    spot->busy -= spot->busy > 0;
    tell_board(e, spot);
}

void llmq_endpoint_done(llmq_endpoints_t *e, const llmq_endpoint_place_t *place,
                        llmq_call_t *call)
{
    llmq_health_news_e news;

    apr_thread_mutex_lock(e->lock);
    news = learn_locked(e, place, call);
    leave_locked(e, place);
    apr_thread_mutex_unlock(e->lock);
    tell(news, place->backend);
}

void llmq_endpoint_back(llmq_endpoints_t *e, const llmq_endpoint_place_t *place)
{
    spot_t *spot = &e->spots[place->index];

    apr_thread_mutex_lock(e->lock);
    llmq_health_end(&spot->health, &spot->backend->health, LLMQ_HEALTH_NOTHING,
                    place->trial, 0, llmq_clock_now());
    leave_locked(e, place);
    apr_thread_mutex_unlock(e->lock);
}

/* ---- checks ---- */

void llmq_endpoint_check(llmq_endpoint_place_t *place, llmq_endpoints_t *e)
{
    apr_time_t now = llmq_clock_now();
    int i;

    memset(place, 0, sizeof(*place));
    apr_thread_mutex_lock(e->lock);
    for (i = 0; i < e->n && !place->backend; i++) {
        spot_t *spot = &e->spots[i];

        if (spot->backend->check_path && !spot->checking && spot->check_at <= now) {
            spot->checking = 1;
            place->backend = spot->backend;
            place->index = i;
        }
    }
    apr_thread_mutex_unlock(e->lock);
}

void llmq_endpoint_checked(llmq_endpoints_t *e, const llmq_endpoint_place_t *place,
                           const llmq_failure_t *failure)
{
    spot_t *spot = &e->spots[place->index];
    llmq_health_event_e event = llmq_health_event(failure);
    apr_time_t now = llmq_clock_now();
    llmq_health_news_e news;

    apr_thread_mutex_lock(e->lock);
    spot->checking = 0;
    spot->check_at = now + spot->backend->check_interval;
    news = llmq_health_checked(
        &spot->health, &spot->backend->health, event,
        llmq_endpoint_spot_wait(e->spots, e->n, place->index, 0, now) == 0, now);
    if (event != LLMQ_HEALTH_NOTHING) {
        llmq_endpoint_board_check(e->conf.board, spot->record, event == LLMQ_HEALTH_OK,
                                  now);
    }
    tell_board(e, spot);
    apr_thread_mutex_unlock(e->lock);
    tell(news, place->backend);
}

/* ---- draining ---- */

static int drain_locked(llmq_endpoints_t *e, spot_t *spot, int on)
{
    int changed = spot->drained != (on != 0);

    spot->drained = on != 0;
    tell_board(e, spot);
    return changed;
}

static void tell_drain(const spot_t *spot, int on)
{
    LLMQ_LOG(LLMQ_LOG_NOTICE, 0, LLMQ_NO(0511) "ep[%s] is %s", spot->backend->name,
             on ? "drained, no more calls begin" : "used again after being drained");
}

apr_status_t llmq_endpoint_drain(llmq_endpoints_t *e, const char *name, int on)
{
    int i;

    for (i = 0; i < e->n; i++) {
        spot_t *spot = &e->spots[i];
        int changed;

        if (strcmp(spot->backend->name, name) != 0) {
            continue;
        }
        apr_thread_mutex_lock(e->lock);
        changed = drain_locked(e, spot, on);
        apr_thread_mutex_unlock(e->lock);
        if (changed) {
            tell_drain(spot, on);
        }
        return APR_SUCCESS;
    }
    return APR_NOTFOUND;
}

void llmq_endpoint_drain_only(llmq_endpoints_t *e, const char *json, apr_pool_t *p)
{
    struct json_object *names = NULL;
    int i;

    if (json) {
        llmq_json_parse(&names, json, strlen(json), 4, NULL, p);
    }
    for (i = 0; i < e->n; i++) {
        const char *name = e->spots[i].backend->name;

        llmq_endpoint_drain(e, name,
                            json_object_get_boolean(llmq_json_member(names, name)));
    }
}
