#include "backend/endpoint_spot.h"

#include <limits.h>
#include <string.h>

/* The longest pause a backend may ask for; a wrong header must not switch it off. */
#define PAUSE_MAX apr_time_from_sec(300)

typedef llmq_endpoint_spot_t spot_t;

static int is_usable(const spot_t *spot, apr_time_t now)
{
    return !spot->drained && spot->paused_until <= now
           && llmq_health_limit(&spot->health, now) != 0;
}

int llmq_endpoint_spot_room(const spot_t *spot, apr_time_t now)
{
    int room = spot->backend->max_concurrent - spot->busy;

    if (!is_usable(spot, now) || room <= 0) {
        return 0;
    }
    return llmq_health_limit(&spot->health, now) < 0 ? room : 1;
}

static int is_among(apr_uint64_t among, int i)
{
    return among == 0 || (among >> i & 1);
}

apr_interval_time_t llmq_endpoint_spot_wait(const spot_t *spots, int n, int but,
                                            apr_uint64_t among, apr_time_t now)
{
    apr_interval_time_t least = -1;
    int i;

    for (i = 0; i < n; i++) {
        apr_interval_time_t wait = spots[i].paused_until - now;

        if (i == but || !is_among(among, i) || spots[i].drained
            || llmq_health_limit(&spots[i].health, now) == 0) {
            continue;
        }
        wait = wait > 0 ? wait : 0;
        if (least < 0 || wait < least) {
            least = wait;
        }
    }
    return least;
}

static void add_candidate(llmq_endpoint_group_t *g, const spot_t *spots, int i,
                          apr_time_t now)
{
    const spot_t *spot = &spots[i];
    llmq_balance_candidate_t *c = &g->c[i];
    int member = is_among(g->among, i) && spot->backend->group == g->number;
    int room = member ? llmq_endpoint_spot_room(spot, now) : 0;

    c->usable = room > 0;
    c->weight = spot->backend->weight;
    c->in_flight = spot->busy;
    c->max_concurrent = spot->backend->max_concurrent;
    c->latency = llmq_balance_fade(spot->latency, now - spot->sampled_at);
    g->room += room;
    g->members |= (apr_uint64_t)(member != 0) << i;
    g->holds |= member && !spot->backend->spill && is_usable(spot, now);
}

int llmq_endpoint_spot_group(llmq_endpoint_group_t *g, const spot_t *spots, int n,
                             int after, apr_time_t now)
{
    int number = INT_MAX;
    int i;

    for (i = 0; i < n; i++) {
        int group = spots[i].backend->group;

        if (is_among(g->among, i) && group > after && group < number) {
            number = group;
        }
    }
    if (number == INT_MAX) {
        return 0;
    }
    g->number = number;
    g->room = g->holds = 0;
    g->members = 0;
    for (i = 0; i < n; i++) {
        add_candidate(g, spots, i, now);
    }
    return 1;
}

static void learn_pause(spot_t *spot, apr_interval_time_t pause, apr_time_t now)
{
    apr_time_t until = now + (pause < PAUSE_MAX ? pause : PAUSE_MAX);

    if (pause > 0 && until > spot->paused_until) {
        spot->paused_until = until;
    }
}

/* An answer tells how long answers take, and a time-out that they take longer than that;
 * how fast other failures come says nothing. */
static void learn_latency(spot_t *spot, const llmq_call_t *call, apr_time_t now)
{
    if (call->ok || call->failure.kind == LLMQ_FAILURE_TIMEOUT) {
        spot->latency =
            llmq_balance_latency(llmq_balance_fade(spot->latency, now - spot->sampled_at),
                                 call->ended_at - call->started_at);
        spot->sampled_at = now;
    }
    if (call->ok && call->first_at) {
        spot->first =
            llmq_balance_latency(spot->first, call->first_at - call->started_at);
    }
}

void llmq_endpoint_spot_learn(spot_t *spot, const llmq_call_t *call, apr_time_t now)
{
    learn_pause(spot, call->ok ? 0 : call->failure.retry_after, now);
    learn_latency(spot, call, now);
}
