#include "queue/queue_turn.h"

/* ---- rings of lanes ---- */

static apr_uint32_t where(const llmq_queue_lane_t *lane)
{
    if (!lane->ring || atomic_load(&lane->paused)
        || (lane->max_running && lane->running >= lane->max_running))
        return LLMQ_QUEUE_RING_NONE;
    return lane->running < lane->own_slots ? LLMQ_QUEUE_RING_OWN : LLMQ_QUEUE_RING_SHARED;
}

static void join(llmq_queue_t *q, apr_uint32_t t, apr_uint32_t l, apr_uint32_t ring)
{
    llmq_queue_level_t *level = &q->header->level[l];
    llmq_queue_lane_t *lane = lane_at(q, t, l);
    apr_uint32_t first = level->ring[ring], last = t;

    lane->in = ring;
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
    lane->in = LLMQ_QUEUE_RING_NONE;
}

void llmq_queue_turn_update(llmq_queue_t *q, apr_uint32_t t, apr_uint32_t level)
{
    llmq_queue_lane_t *lane = lane_at(q, t, level);
    apr_uint32_t before = lane->in, after = where(lane);

    if (lane->credit > lane->weight)
        lane->credit = lane->weight;
    if (after == before)
        return;
    if (before != LLMQ_QUEUE_RING_NONE)
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

void llmq_queue_turn_pass(llmq_queue_t *q, apr_uint32_t t, apr_uint32_t level)
{
    llmq_queue_level_t *lev = &q->header->level[level];
    llmq_queue_lane_t *lane = lane_at(q, t, level);

    lev->served = ++q->header->turn;
    if (--lane->credit > 0)
        return;
    lane->credit = lane->weight;
    lane->ticket = ++lev->ticket;
    lev->ring[lane->in] = lane->ring_next;
}

/* ---- what runs ---- */

void llmq_queue_turn_begin(llmq_queue_t *q, apr_uint32_t t, apr_uint32_t level)
{
    llmq_queue_level_t *lev = &q->header->level[level];
    llmq_queue_lane_t *lane = lane_at(q, t, level);

    lev->running++;
    if (lane->running++ >= lane->own_slots)
        lev->shared_running++;
}

void llmq_queue_turn_end(llmq_queue_t *q, apr_uint32_t t, apr_uint32_t level)
{
    llmq_queue_level_t *lev = &q->header->level[level];
    llmq_queue_lane_t *lane = lane_at(q, t, level);

    lev->running--;
    if (lane->running-- > lane->own_slots)
        lev->shared_running--;
}

/* ---- ages ---- */

void llmq_queue_turn_age_add(llmq_queue_t *q, apr_uint32_t i, apr_time_t now)
{
    llmq_queue_slot_t *slot = slot_at(q, i);
    llmq_queue_lane_t *lane = lane_of(q, slot);

    slot->ready_at = now;
    slot->age_next = 0;
    slot->age_prev = lane->age_tail;
    if (lane->age_tail)
        slot_at(q, lane->age_tail)->age_next = i;
    else
        lane->age_head = i;
    lane->age_tail = i;
}

void llmq_queue_turn_age_remove(llmq_queue_t *q, apr_uint32_t i)
{
    llmq_queue_slot_t *slot = slot_at(q, i);
    llmq_queue_lane_t *lane = lane_of(q, slot);

    if (slot->age_next)
        slot_at(q, slot->age_next)->age_prev = slot->age_prev;
    else
        lane->age_tail = slot->age_prev;
    if (slot->age_prev) {
        slot_at(q, slot->age_prev)->age_next = slot->age_next;
        return;
    }
    lane->age_head = slot->age_next;
    if (lane->in != LLMQ_QUEUE_RING_NONE)
        llmq_queue_heap_update(&q->age[slot->entry.level], lane->age_pos);
}

/* ---- choosing ---- */

int llmq_queue_turn_is_takeable(const llmq_queue_level_t *level)
{
    return level->running < level->concurrency
           && (level->ring[LLMQ_QUEUE_RING_OWN]
               || (level->ring[LLMQ_QUEUE_RING_SHARED]
                   && level->shared_running < level->shared_slots));
}

void llmq_queue_turn_rerank(llmq_queue_ranks_t *ranks, const llmq_queue_t *q,
                            apr_uint32_t level)
{
    apr_interval_time_t ageing = q->header->ageing, waited;
    const llmq_queue_lane_t *oldest;

    ranks->rank[level] = 0;
    if (q->header->level[level].age_count == 0)
        return;
    ranks->rank[level] = level;
    oldest = lane_at(q, q->age[level].item[0], level);
    waited = ranks->now - slot_at(q, oldest->age_head)->ready_at;
    if (ageing <= 0 || waited < ageing)
        return;
    ranks->rank[level] =
        waited / ageing < level - 1 ? level - (apr_uint32_t)(waited / ageing) : 1;
}

void llmq_queue_turn_rank(llmq_queue_ranks_t *ranks, const llmq_queue_t *q,
                          apr_time_t now)
{
    apr_uint32_t l;

    ranks->now = now;
    LLMQ_EACH_LEVEL (l)
        llmq_queue_turn_rerank(ranks, q, l);
}

apr_uint32_t llmq_queue_turn_level(const llmq_queue_t *q, const llmq_queue_ranks_t *ranks)
{
    const llmq_queue_level_t *level = q->header->level;
    const apr_uint32_t *rank = ranks->rank;
    apr_uint32_t best = 0, l;

    LLMQ_EACH_LEVEL (l)
        if (rank[l] && llmq_queue_turn_is_takeable(&level[l])
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
