#include "queue/queue_pick.h"

#include "queue/queue_ready.h"
#include "queue/queue_tenant.h"

static int is_listed(const llmq_queue_filter_t *filter, apr_uint64_t tenant)
{
    int i;

    for (i = 0; i < filter->n_tenants; i++)
        if (filter->tenants[i] == tenant)
            return 1;
    return 0;
}

static int is_of_tenants(const llmq_queue_pick_t *pick, apr_uint32_t k)
{
    const llmq_queue_slot_t *slot = slot_at(pick->q, llmq_queue_ready_first(pick->q, k));

    return is_listed(pick->filter, slot->entry.tenant);
}

/* The key to serve in a lane that can be taken from, 0 if all of it is of other tenants. */
static apr_uint32_t key_in(const llmq_queue_pick_t *pick, apr_uint32_t t,
                           apr_uint32_t level)
{
    apr_uint32_t first = lane_at(pick->q, t, level)->ring, k = first;

    if (t != LLMQ_QUEUE_TENANT_SHARED || !pick->filter || !first)
        return first;
    do {
        if (is_of_tenants(pick, k))
            return k;
        k = key_at(pick->q, k)->ring_next;
    } while (k != first);
    return 0;
}

/* Since when what would be served in a lane has been ready. */
static apr_time_t ready_since(const llmq_queue_pick_t *pick, apr_uint32_t t,
                              apr_uint32_t level, apr_uint32_t k)
{
    const llmq_queue_t *q = pick->q;
    apr_uint32_t i = lane_at(q, t, level)->age_head;

    if (t == LLMQ_QUEUE_TENANT_SHARED || lane_at(q, t, level)->inner)
        i = llmq_queue_ready_first(q, k);
    return slot_at(q, i)->ready_at;
}

/* ---- the order of levels ---- */

static int is_let_through(const llmq_queue_filter_t *filter, apr_uint32_t level)
{
    return !filter->levels || (filter->levels >> level & 1);
}

static void rank_listed(llmq_queue_pick_t *pick, apr_uint32_t level)
{
    apr_time_t oldest = 0;
    int i;

    pick->ranks.rank[level] = 0;
    if (!is_let_through(pick->filter, level)
        || !llmq_queue_turn_is_takeable(pick->q, level))
        return;
    for (i = 0; i < pick->n; i++) {
        apr_uint32_t t = pick->tenant[i], k;

        if (!llmq_queue_turn_is_served(pick->q, t, level))
            continue;
        k = key_in(pick, t, level);
        if (k && (!oldest || ready_since(pick, t, level, k) < oldest))
            oldest = ready_since(pick, t, level, k);
    }
    if (oldest)
        llmq_queue_turn_rank_by(&pick->ranks, pick->q, level, oldest);
}

/* What of a lane may be taken when only what has a gate may: a key, or 0. */
static apr_uint32_t inner_in(const llmq_queue_pick_t *pick, apr_uint32_t t,
                             apr_uint32_t level)
{
    return llmq_queue_turn_is_served(pick->q, t, level)
               ? lane_at(pick->q, t, level)->inner
               : 0;
}

static void rank_inner(llmq_queue_pick_t *pick, apr_uint32_t level)
{
    apr_time_t oldest = 0;
    apr_uint32_t t;

    pick->ranks.rank[level] = 0;
    if (!llmq_queue_turn_is_takeable(pick->q, level))
        return;
    LLMQ_QUEUE_EACH_TENANT(pick->q, t)
    {
        apr_uint32_t k = inner_in(pick, t, level);
        apr_time_t since =
            k ? slot_at(pick->q, llmq_queue_ready_first(pick->q, k))->ready_at : 0;

        if (k && (!oldest || since < oldest))
            oldest = since;
    }
    if (oldest)
        llmq_queue_turn_rank_by(&pick->ranks, pick->q, level, oldest);
}

static void rank(llmq_queue_pick_t *pick, apr_uint32_t level)
{
    if (pick->inner)
        rank_inner(pick, level);
    else if (pick->filter)
        rank_listed(pick, level);
    else
        llmq_queue_turn_rerank(&pick->ranks, pick->q, level);
}

static void list_tenants(llmq_queue_pick_t *pick)
{
    int i;

    for (i = 0; pick->filter && i < pick->filter->n_tenants; i++) {
        apr_uint32_t t = llmq_queue_tenant_find(pick->q, pick->filter->tenants[i]);

        if (t)
            pick->tenant[pick->n++] = t;
    }
}

void llmq_queue_pick_begin(llmq_queue_pick_t *pick, llmq_queue_t *q,
                           const llmq_queue_filter_t *filter, apr_time_t now)
{
    apr_uint32_t l;

    pick->q = q;
    pick->filter = filter;
    pick->inner = 0;
    pick->ranks.now = now;
    pick->n = 0;
    list_tenants(pick);
    LLMQ_EACH_LEVEL (l)
        rank(pick, l);
}

void llmq_queue_pick_inner(llmq_queue_pick_t *pick)
{
    apr_uint32_t l;

    if (pick->inner)
        return;
    pick->inner = 1;
    LLMQ_EACH_LEVEL (l)
        rank(pick, l);
}

void llmq_queue_pick_taken(llmq_queue_pick_t *pick, apr_uint32_t i)
{
    const llmq_queue_slot_t *slot = slot_at(pick->q, i);
    apr_uint32_t l;

    if (!llmq_queue_turn_is_full(pick->q, slot->tenant)) {
        rank(pick, slot->entry.level);
        return;
    }
    /* It was the last of its tenant that may run, in whatever level. */
    LLMQ_EACH_LEVEL (l)
        rank(pick, l);
}

/* ---- the choice ---- */

static apr_uint32_t key_of_listed(const llmq_queue_pick_t *pick, apr_uint32_t level)
{
    apr_uint64_t ticket = 0;
    apr_uint32_t best = 0;
    int i;

    for (i = 0; i < pick->n; i++) {
        apr_uint32_t t = pick->tenant[i], k;
        const llmq_queue_lane_t *lane = lane_at(pick->q, t, level);

        if (!llmq_queue_turn_is_served(pick->q, t, level)
            || (best && lane->ticket >= ticket))
            continue;
        k = key_in(pick, t, level);
        if (k) {
            best = k;
            ticket = lane->ticket;
        }
    }
    return best;
}

static apr_uint32_t key_of_inner(const llmq_queue_pick_t *pick, apr_uint32_t level)
{
    apr_uint64_t ticket = 0;
    apr_uint32_t best = 0, t;

    LLMQ_QUEUE_EACH_TENANT(pick->q, t)
    {
        apr_uint32_t k = inner_in(pick, t, level);
        const llmq_queue_lane_t *lane = lane_at(pick->q, t, level);

        if (k && (!best || lane->ticket < ticket)) {
            best = k;
            ticket = lane->ticket;
        }
    }
    return best;
}

apr_uint32_t llmq_queue_pick_key(const llmq_queue_pick_t *pick)
{
    apr_uint32_t level = llmq_queue_turn_level(pick->q, &pick->ranks);

    if (!level)
        return 0;
    if (pick->inner)
        return key_of_inner(pick, level);
    if (pick->filter)
        return key_of_listed(pick, level);
    return llmq_queue_ready_next(pick->q, llmq_queue_turn_tenant(pick->q, level), level);
}
