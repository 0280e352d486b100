#include "queue/queue_turn.h"

/* ---- rings of lanes ---- */

static int is_at(apr_uint32_t running, apr_uint32_t max)
{
    return max && running >= max;
}

static apr_uint32_t where(const llmq_queue_t *q, apr_uint32_t t, apr_uint32_t level)
{
    const llmq_queue_tenant_t *tenant = tenant_at(q, t);
    const llmq_queue_lane_t *lane = lane_at(q, t, level);

    if ((!lane->ring && !lane->inner) || atomic_load(&lane->paused)
        || is_at(lane->running, lane->max_running)
        || is_at(tenant->running, tenant->max_running))
        return LLMQ_QUEUE_RING_NONE;
    return lane->running < lane->own_slots ? LLMQ_QUEUE_RING_OWN : LLMQ_QUEUE_RING_SHARED;
}

/* Words that change under the lock alone, and are a hint for whoever reads them outside:
 * they need no order among others. */
static void set_hint(_Atomic(apr_uint32_t) *word, apr_uint32_t n)
{
    atomic_store_explicit(word, n, memory_order_relaxed);
}

static apr_uint32_t get_hint(const _Atomic(apr_uint32_t) *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

static void join(llmq_queue_t *q, apr_uint32_t t, apr_uint32_t l, apr_uint32_t ring)
{
    llmq_queue_level_t *level = &q->header->level[l];
    llmq_queue_lane_t *lane = lane_at(q, t, l);
    apr_uint32_t first = level->ring[ring], last = t;

    set_hint(&lane->in, ring);
    lane->ticket = ++level->ticket;
    if (!first)
        level->ring[ring] = first = t;
    else
        last = lane_at(q, first, l)->ring_prev;
    lane->ring_next = first;
    lane->ring_prev = last;
    lane_at(q, last, l)->ring_next = t;
    lane_at(q, first, l)->ring_prev = t;
}

static void quit(llmq_queue_t *q, apr_uint32_t t, apr_uint32_t l)
{
    llmq_queue_level_t *level = &q->header->level[l];
    llmq_queue_lane_t *lane = lane_at(q, t, l);
    apr_uint32_t *first = &level->ring[lane->in];

    if (*first == t)
        *first = lane->ring_next != t ? lane->ring_next : 0;
    lane_at(q, lane->ring_prev, l)->ring_next = lane->ring_next;
    lane_at(q, lane->ring_next, l)->ring_prev = lane->ring_prev;
    set_hint(&lane->in, LLMQ_QUEUE_RING_NONE);
}

/* Keep a copy of what the level itself allows that can be read without the lock. */
static void publish_open(llmq_queue_level_t *level)
{
    apr_uint32_t open = level->running < level->concurrency
                        && (level->ring[LLMQ_QUEUE_RING_OWN]
                            || (level->ring[LLMQ_QUEUE_RING_SHARED]
                                && level->shared_running < level->shared_slots));

    if (get_hint(&level->open) != open)
        set_hint(&level->open, open);
}

static void move(llmq_queue_t *q, apr_uint32_t t, apr_uint32_t level, apr_uint32_t after)
{
    llmq_queue_lane_t *lane = lane_at(q, t, level);

    if (lane->in != LLMQ_QUEUE_RING_NONE)
        quit(q, t, level);
    else {
        lane->credit = lane->weight;
        llmq_queue_heap_put(&q->age[level], t);
    }
    if (after != LLMQ_QUEUE_RING_NONE)
        join(q, t, level, after);
    else
        llmq_queue_heap_remove(&q->age[level], lane->age_pos);
}

void llmq_queue_turn_update(llmq_queue_t *q, apr_uint32_t t, apr_uint32_t level)
{
    llmq_queue_lane_t *lane = lane_at(q, t, level);
    apr_uint32_t after = where(q, t, level);

    if (lane->credit > lane->weight)
        lane->credit = lane->weight;
    if (after != lane->in)
        move(q, t, level, after);
    publish_open(&q->header->level[level]);
}

void llmq_queue_turn_pass(llmq_queue_t *q, apr_uint32_t t, apr_uint32_t level)
{
    llmq_queue_level_t *lev = &q->header->level[level];
    llmq_queue_lane_t *lane = lane_at(q, t, level);
    apr_uint32_t ring = lane->in;

    lev->served = ++q->header->turn;
    if (--lane->credit > 0)
        return;
    lane->credit = lane->weight;
    if (lev->ring[ring] == t) { /* the front becomes the back */
        lane->ticket = ++lev->ticket;
        lev->ring[ring] = lane->ring_next;
        return;
    }
    /* A filter has chosen another one. */
    quit(q, t, level);
    join(q, t, level, ring);
}

/* ---- what runs ---- */

int llmq_queue_turn_is_full(const llmq_queue_t *q, apr_uint32_t t)
{
    return is_at(tenant_at(q, t)->running, tenant_at(q, t)->max_running);
}

/* A tenant's own bound over all levels was met or is met no more. */
static void update_others(llmq_queue_t *q, apr_uint32_t t, apr_uint32_t level)
{
    apr_uint32_t l;

    LLMQ_EACH_LEVEL (l)
        if (l != level)
            llmq_queue_turn_update(q, t, l);
}

void llmq_queue_turn_begin(llmq_queue_t *q, apr_uint32_t t, apr_uint32_t level)
{
    llmq_queue_level_t *lev = &q->header->level[level];
    llmq_queue_lane_t *lane = lane_at(q, t, level);

    lev->running++;
    if (lane->running++ >= lane->own_slots)
        lev->shared_running++;
    set_hint(&q->header->busy, get_hint(&q->header->busy) + 1);
    tenant_at(q, t)->running++;
    if (llmq_queue_turn_is_full(q, t))
        update_others(q, t, level);
}

void llmq_queue_turn_end(llmq_queue_t *q, apr_uint32_t t, apr_uint32_t level)
{
    llmq_queue_level_t *lev = &q->header->level[level];
    llmq_queue_lane_t *lane = lane_at(q, t, level);
    int was_full;

    lev->running--;
    if (lane->running-- > lane->own_slots)
        lev->shared_running--;
    set_hint(&q->header->busy, get_hint(&q->header->busy) - 1);
    was_full = llmq_queue_turn_is_full(q, t);
    tenant_at(q, t)->running--;
    if (was_full)
        update_others(q, t, level);
}

/* ---- choosing ---- */

int llmq_queue_turn_is_takeable(const llmq_queue_t *q, apr_uint32_t level)
{
    const llmq_queue_header_t *h = q->header;

    return atomic_load(&h->level[level].open)
           && !is_at(atomic_load(&h->busy), atomic_load(&h->max_busy));
}

int llmq_queue_turn_is_served(const llmq_queue_t *q, apr_uint32_t t, apr_uint32_t level)
{
    const llmq_queue_level_t *lev = &q->header->level[level];
    apr_uint32_t in = lane_at(q, t, level)->in;

    return in == LLMQ_QUEUE_RING_OWN
           || (in == LLMQ_QUEUE_RING_SHARED && lev->shared_running < lev->shared_slots);
}

void llmq_queue_turn_rank_by(llmq_queue_ranks_t *ranks, const llmq_queue_t *q,
                             apr_uint32_t level, apr_time_t since)
{
    apr_interval_time_t ageing = q->header->ageing, waited = ranks->now - since;

    ranks->rank[level] = level;
    if (ageing <= 0 || waited < ageing)
        return;
    ranks->rank[level] =
        waited / ageing < level - 1 ? level - (apr_uint32_t)(waited / ageing) : 1;
}

void llmq_queue_turn_rerank(llmq_queue_ranks_t *ranks, const llmq_queue_t *q,
                            apr_uint32_t level)
{
    const llmq_queue_lane_t *oldest;

    ranks->rank[level] = 0;
    if (q->header->level[level].age_count == 0)
        return;
    oldest = lane_at(q, q->age[level].item[0], level);
    llmq_queue_turn_rank_by(ranks, q, level, slot_at(q, oldest->age_head)->ready_at);
}

apr_uint32_t llmq_queue_turn_level(const llmq_queue_t *q, const llmq_queue_ranks_t *ranks)
{
    const llmq_queue_level_t *level = q->header->level;
    const apr_uint32_t *rank = ranks->rank;
    apr_uint32_t best = 0, l;

    LLMQ_EACH_LEVEL (l)
        if (rank[l] && llmq_queue_turn_is_takeable(q, l)
            && (!best || rank[l] < rank[best]
                || (rank[l] == rank[best] && level[l].served < level[best].served)))
            best = l;
    return best;
}

apr_uint32_t llmq_queue_turn_tenant(const llmq_queue_t *q, apr_uint32_t level)
{
    const llmq_queue_level_t *lev = &q->header->level[level];
    apr_uint32_t own = lev->ring[LLMQ_QUEUE_RING_OWN];
    apr_uint32_t shared = lev->ring[LLMQ_QUEUE_RING_SHARED];

    if (!own || !shared || lev->shared_running >= lev->shared_slots)
        return own ? own : shared;
    return lane_at(q, own, level)->ticket < lane_at(q, shared, level)->ticket ? own
                                                                              : shared;
}
