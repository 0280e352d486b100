#include "core/balance.h"

#include <string.h>

#define HALF_LIFE apr_time_from_sec(10)

typedef llmq_balance_candidate_t candidate_t;
typedef int pick_fn_t(llmq_balance_state_t *state, const candidate_t *c, int n,
                      apr_uint64_t chance);

static int weight_of(const candidate_t *c)
{
    return c->weight < 1 ? 1 : c->weight;
}

int llmq_balance_eligible(const llmq_balance_candidate_t *candidate)
{
    return candidate->usable && candidate->in_flight < candidate->max_concurrent;
}

static int pick_round_robin(llmq_balance_state_t *state, const candidate_t *c, int n,
                            apr_uint64_t chance)
{
    int i;

    (void)chance;
    for (i = 0; i < n; i++) {
        int at = (state->next + i) % n;

        if (llmq_balance_eligible(&c[at])) {
            state->next = (at + 1) % n;
            return at;
        }
    }
    return -1;
}

/* Candidates that are not in the set neither earn nor pay: one that comes back goes on
 * where it stood. */
static int pick_smooth(llmq_balance_state_t *state, const candidate_t *c, int n,
                       apr_uint64_t set)
{
    apr_int64_t sum = 0;
    int best = -1;
    int i;

    for (i = 0; i < n; i++) {
        if (set & (APR_UINT64_C(1) << i)) {
            state->credit[i] += weight_of(&c[i]);
            sum += weight_of(&c[i]);
            if (best < 0 || state->credit[i] > state->credit[best]) {
                best = i;
            }
        }
    }
    if (best >= 0) {
        state->credit[best] -= sum;
    }
    return best;
}

static apr_uint64_t eligible_set(const candidate_t *c, int n)
{
    apr_uint64_t set = 0;
    int i;

    for (i = 0; i < n; i++) {
        if (llmq_balance_eligible(&c[i])) {
            set |= APR_UINT64_C(1) << i;
        }
    }
    return set;
}

static int pick_weighted_round_robin(llmq_balance_state_t *state, const candidate_t *c,
                                     int n, apr_uint64_t chance)
{
    (void)chance;
    return pick_smooth(state, c, n, eligible_set(c, n));
}

/* Fewer calls per weight, by cross-multiplication: <0, 0 or >0. */
static apr_int64_t compare_calls(const candidate_t *a, const candidate_t *b)
{
    return (apr_int64_t)a->in_flight * weight_of(b)
           - (apr_int64_t)b->in_flight * weight_of(a);
}

static int pick_least_connections(llmq_balance_state_t *state, const candidate_t *c,
                                  int n, apr_uint64_t chance)
{
    apr_uint64_t eligible = eligible_set(c, n);
    apr_uint64_t set = 0;
    int best = -1;
    int i;

    (void)chance;
    for (i = 0; i < n; i++) {
        apr_uint64_t bit = APR_UINT64_C(1) << i;
        apr_int64_t order;

        if (!(eligible & bit)) {
            continue;
        }
        order = best < 0 ? -1 : compare_calls(&c[i], &c[best]);
        if (order < 0) {
            best = i;
            set = bit;
        }
        else if (order == 0) {
            set |= bit;
        }
    }
    return pick_smooth(state, c, n, set);
}

/* One of the set in proportion to weight; the remainder's bias is below 2^-16 of a pick
 * for 32 bits of chance and the largest weights. */
static int draw(const candidate_t *c, int n, apr_uint64_t set, apr_uint64_t chance)
{
    apr_uint64_t sum = 0;
    int i;

    for (i = 0; i < n; i++) {
        sum += set & (APR_UINT64_C(1) << i) ? (apr_uint64_t)weight_of(&c[i]) : 0;
    }
    if (sum == 0) {
        return -1;
    }
    chance %= sum;
    for (i = 0; i < n; i++) {
        apr_uint64_t share =
            set & (APR_UINT64_C(1) << i) ? (apr_uint64_t)weight_of(&c[i]) : 0;

        if (chance < share) {
            return i;
        }
        chance -= share;
    }
    return -1;
}

static int pick_weighted_random(llmq_balance_state_t *state, const candidate_t *c, int n,
                                apr_uint64_t chance)
{
    (void)state;
    return draw(c, n, eligible_set(c, n), chance);
}

static apr_interval_time_t fastest(const candidate_t *c, int n)
{
    apr_interval_time_t best = 0;
    int i;

    for (i = 0; i < n; i++) {
        if (c[i].latency > 0 && (best == 0 || c[i].latency < best)) {
            best = c[i].latency;
        }
    }
    return best ? best : 1;
}

/* In floating point: a day in microseconds times 100,000 calls times 1,000 is more than 63
 * bits hold. */
static double cost(const candidate_t *c, apr_interval_time_t unknown)
{
    return (double)(c->latency > 0 ? c->latency : unknown) * (c->in_flight + 1)
           / weight_of(c);
}

/* Of equals the one that was never timed is taken: it may be the faster one, and only a
 * call can tell. */
static int prefer_first(const candidate_t *a, const candidate_t *b,
                        apr_interval_time_t unknown)
{
    double cost_a = cost(a, unknown);
    double cost_b = cost(b, unknown);

    return cost_a < cost_b || (cost_a <= cost_b && (a->latency <= 0 || b->latency > 0));
}

static int pick_adaptive_load(llmq_balance_state_t *state, const candidate_t *c, int n,
                              apr_uint64_t chance)
{
    apr_uint64_t set = eligible_set(c, n);
    int a = draw(c, n, set, chance & 0xFFFFFFFF);
    apr_interval_time_t unknown;
    int b;

    (void)state;
    if (a < 0) {
        return -1;
    }
    b = draw(c, n, set & ~(APR_UINT64_C(1) << a), chance >> 32);
    if (b < 0) {
        return a;
    }
    unknown = fastest(c, n);
    return prefer_first(&c[a], &c[b], unknown) ? a : b;
}

static const struct {
    const char *name;
    pick_fn_t *pick;
} algorithms[] = {
    [LLMQ_BALANCE_ROUND_ROBIN] = {"round_robin", pick_round_robin},
    [LLMQ_BALANCE_WEIGHTED_ROUND_ROBIN] = {"weighted_round_robin",
                                           pick_weighted_round_robin},
    [LLMQ_BALANCE_LEAST_CONNECTIONS] = {"least_connections", pick_least_connections},
    [LLMQ_BALANCE_WEIGHTED_RANDOM] = {"weighted_random", pick_weighted_random},
    [LLMQ_BALANCE_ADAPTIVE_LOAD] = {"adaptive_load", pick_adaptive_load},
};
_Static_assert(sizeof(algorithms) / sizeof(algorithms[0]) == LLMQ_BALANCE_COUNT,
               "a row for each algorithm");

const char *llmq_balance_name(llmq_balance_e algorithm)
{
    return (unsigned)algorithm < LLMQ_BALANCE_COUNT ? algorithms[algorithm].name
                                                    : "unknown";
}

apr_status_t llmq_balance_parse(llmq_balance_e *palgorithm, const char *word)
{
    int i;

    for (i = 0; word && i < LLMQ_BALANCE_COUNT; i++) {
        if (strcmp(word, algorithms[i].name) == 0) {
            *palgorithm = (llmq_balance_e)i;
            return APR_SUCCESS;
        }
    }
    return APR_EINVAL;
}

int llmq_balance_pick(llmq_balance_state_t *state, llmq_balance_e algorithm,
                      const llmq_balance_candidate_t *candidates, int n,
                      apr_uint64_t chance)
{
    if ((unsigned)algorithm >= LLMQ_BALANCE_COUNT || n < 1 || n > LLMQ_BALANCE_MAX) {
        return -1;
    }
    return algorithms[algorithm].pick(state, candidates, n, chance);
}

apr_interval_time_t llmq_balance_latency(apr_interval_time_t latency,
                                         apr_interval_time_t sample)
{
    if (sample < 1) {
        sample = 1;
    }
    if (latency <= 0) {
        return sample;
    }
    return sample > latency ? latency + (sample - latency + 1) / 2
                            : latency - (latency - sample + 7) / 8;
}

apr_interval_time_t llmq_balance_fade(apr_interval_time_t latency,
                                      apr_interval_time_t age)
{
    apr_interval_time_t halves = age > 0 ? age / HALF_LIFE : 0;

    if (latency <= 0) {
        return 0;
    }
    latency = halves < 62 ? latency >> halves : 0;
    return latency > 0 ? latency : 1;
}
