#include "core/limiter.h"

#include "base/sets.h"
#include "base/spin.h"

/* Times are nanoseconds, so that the gap between calls need hardly be rounded. */
#define NSEC APR_INT64_C(1000)

typedef struct {
    apr_uint64_t key; /* 0 = never used */
    apr_int64_t tat;  /* theoretical arrival time, nanoseconds since 1970 */
} place_t;

typedef struct {
    _Alignas(64) llmq_spin_t taken; /* lock of the set */
    place_t place[LLMQ_LIMITER_WAYS];
} set_t;

struct llmq_limiter_t {
    llmq_sets_t sets;
    set_t set[];
};

apr_size_t llmq_limiter_size(int keys)
{
    return llmq_sets_size(keys, LLMQ_LIMITER_WAYS, sizeof(set_t));
}

llmq_limiter_t *llmq_limiter_init(void *memory, int keys)
{
    llmq_limiter_t *l = memory;

    llmq_sets_init(&l->sets, keys, LLMQ_LIMITER_WAYS, sizeof(set_t));
    return l;
}

/* ---- one call ---- */

/* Its own place, else the one with the smallest time. */
static place_t *place_of(set_t *set, apr_uint64_t key)
{
    place_t *least = &set->place[0];
    int i;

    for (i = 0; i < LLMQ_LIMITER_WAYS; i++) {
        place_t *place = &set->place[i];

        if (place->key == key) {
            return place;
        }
        if (place->tat < least->tat) {
            least = place;
        }
    }
    return least;
}

/* Nanoseconds between two calls, rounded up: rather a little slower than too fast. */
static apr_int64_t gap_of(const llmq_limiter_conf_t *rule)
{
    return (rule->period * NSEC + rule->limit - 1) / rule->limit;
}

static apr_interval_time_t usec_up(apr_int64_t nsec)
{
    return (nsec + NSEC - 1) / NSEC;
}

static void judge(llmq_limiter_verdict_t *verdict, place_t *place,
                  const llmq_limiter_conf_t *rule, apr_int64_t now)
{
    apr_int64_t gap = gap_of(rule);
    apr_int64_t most = gap * rule->burst; /* how far ahead the time may lie */
    apr_int64_t tat = place->tat > now ? place->tat : now;

    verdict->admitted = tat + gap - now <= most;
    if (verdict->admitted) {
        tat += gap;
        place->tat = tat;
    }
    verdict->remaining = tat - now >= most ? 0 : (int)((most - (tat - now)) / gap);
    verdict->reset = usec_up(tat - now);
    verdict->wait = verdict->remaining ? 0 : usec_up(tat + gap - now - most);
}

void llmq_limiter_ask(llmq_limiter_verdict_t *verdict, llmq_limiter_t *l,
                      const llmq_limiter_conf_t *rule, apr_uint64_t key, apr_time_t now)
{
    set_t *set = &l->set[llmq_sets_index(&l->sets, key)];
    place_t *place;

    llmq_spin_lock(&set->taken);
    place = place_of(set, key);
    place->key = key;
    judge(verdict, place, rule, now * NSEC);
    llmq_spin_unlock(&set->taken);
}
