#include "queue/queue_ready.h"

#include "queue/queue_age.h"
#include "queue/queue_gate.h"
#include "queue/queue_late.h"
#include "queue/queue_table.h"
#include "queue/queue_turn.h"

static apr_uint32_t *ring_of(llmq_queue_t *q, const llmq_queue_key_t *key)
{
    llmq_queue_lane_t *lane = lane_at(q, key->tenant, key->level);

    return key->gate ? &lane->inner : &lane->ring;
}

static void hint_plain(llmq_queue_t *q, const llmq_queue_key_t *key)
{
    llmq_queue_lane_t *lane = lane_at(q, key->tenant, key->level);
    apr_uint32_t plain = lane->ring != 0;

    if (atomic_load_explicit(&lane->plain, memory_order_relaxed) != plain)
        atomic_store_explicit(&lane->plain, plain, memory_order_relaxed);
}

/* Behind all others means before the one whose turn is next. */
static void ring_add(llmq_queue_t *q, apr_uint32_t k)
{
    llmq_queue_key_t *key = key_at(q, k), *first;
    apr_uint32_t *ring = ring_of(q, key);

    key->credit = key->weight;
    if (!*ring) {
        key->ring_next = key->ring_prev = k;
        *ring = k;
        return;
    }
    first = key_at(q, *ring);
    key->ring_next = *ring;
    key->ring_prev = first->ring_prev;
    key_at(q, first->ring_prev)->ring_next = k;
    first->ring_prev = k;
}

static void ring_remove(llmq_queue_t *q, apr_uint32_t k)
{
    llmq_queue_key_t *key = key_at(q, k);
    apr_uint32_t *ring = ring_of(q, key);

    key_at(q, key->ring_prev)->ring_next = key->ring_next;
    key_at(q, key->ring_next)->ring_prev = key->ring_prev;
    if (*ring == k)
        *ring = key->ring_next != k ? key->ring_next : 0;
    key->ring_next = 0;
}

static int is_empty(const llmq_queue_key_t *key)
{
    return !key->fifo_head && !key->late_root;
}

static void fifo_append(llmq_queue_t *q, llmq_queue_key_t *key, apr_uint32_t i)
{
    llmq_queue_slot_t *slot = slot_at(q, i);

    slot->next = 0;
    slot->prev = key->fifo_tail;
    if (key->fifo_tail)
        slot_at(q, key->fifo_tail)->next = i;
    else
        key->fifo_head = i;
    key->fifo_tail = i;
}

static void fifo_remove(llmq_queue_t *q, llmq_queue_key_t *key, apr_uint32_t i)
{
    llmq_queue_slot_t *slot = slot_at(q, i);

    if (slot->prev)
        slot_at(q, slot->prev)->next = slot->next;
    else
        key->fifo_head = slot->next;
    if (slot->next)
        slot_at(q, slot->next)->prev = slot->prev;
    else
        key->fifo_tail = slot->prev;
}

static apr_uint32_t first_of(const llmq_queue_t *q, const llmq_queue_key_t *key)
{
    if (!key->fifo_head || !key->late_root)
        return key->fifo_head ? key->fifo_head : key->late_root;
    if (slot_at(q, key->late_root)->seq < slot_at(q, key->fifo_head)->seq)
        return key->late_root;
    return key->fifo_head;
}

/* Bring a key where it belongs after any change, and its lane with it. */
static void settle(llmq_queue_t *q, apr_uint32_t k)
{
    llmq_queue_key_t *key = key_at(q, k);
    apr_uint32_t t = key->tenant, level = key->level;
    int serves = !is_empty(key) && (!key->cap || key->running < key->cap)
                 && !llmq_queue_gate_is_closed(q, key);

    if (serves && !key->ring_next)
        ring_add(q, k);
    else if (!serves && key->ring_next)
        ring_remove(q, k);
    hint_plain(q, key);
    if (is_empty(key) && !key->running)
        llmq_queue_table_remove_key(q, k);
    llmq_queue_turn_update(q, t, level);
}

static void heed(llmq_queue_key_t *key, const llmq_queue_slot_t *slot)
{
    if (slot->seq < key->newest)
        return;
    key->newest = slot->seq;
    key->weight = slot->entry.weight ? slot->entry.weight : 1;
    key->cap = slot->entry.key_cap;
    if (key->credit > key->weight)
        key->credit = key->weight;
}

void llmq_queue_ready_add(llmq_queue_t *q, apr_uint32_t i, apr_time_t now)
{
    llmq_queue_slot_t *slot = slot_at(q, i);
    apr_uint32_t k = llmq_queue_table_get_key(q, slot);
    llmq_queue_key_t *key = key_at(q, k);

    heed(key, slot);
    slot->key = k;
    slot->late = key->fifo_tail && slot->seq < slot_at(q, key->fifo_tail)->seq;
    if (slot->late)
        key->late_root = llmq_queue_late_put(q, key->late_root, i);
    else
        fifo_append(q, key, i);
    llmq_queue_age_add(q, i, now);
    settle(q, k);
}

static void order_remove(llmq_queue_t *q, apr_uint32_t i)
{
    llmq_queue_slot_t *slot = slot_at(q, i);
    llmq_queue_key_t *key = key_at(q, slot->key);

    if (slot->late)
        key->late_root = llmq_queue_late_remove(q, key->late_root, i);
    else
        fifo_remove(q, key, i);
    slot->late = 0;
}

void llmq_queue_ready_remove(llmq_queue_t *q, apr_uint32_t i)
{
    apr_uint32_t k = slot_at(q, i)->key;

    order_remove(q, i);
    slot_at(q, i)->key = 0;
    settle(q, k);
    llmq_queue_age_remove(q, i);
}

static void pass_turn(llmq_queue_t *q, apr_uint32_t k)
{
    llmq_queue_key_t *key = key_at(q, k);

    if (--key->credit > 0)
        return;
    if (*ring_of(q, key) == k) { /* the front becomes the back */
        key->credit = key->weight;
        *ring_of(q, key) = key->ring_next;
        return;
    }
    /* A filter has chosen another one. */
    ring_remove(q, k);
    ring_add(q, k);
}

apr_uint32_t llmq_queue_ready_first(const llmq_queue_t *q, apr_uint32_t k)
{
    return first_of(q, key_at(q, k));
}

apr_uint32_t llmq_queue_ready_pop(llmq_queue_t *q, apr_uint32_t k)
{
    apr_uint32_t t = key_at(q, k)->tenant, level = key_at(q, k)->level;
    apr_uint32_t i = llmq_queue_ready_first(q, k);

    pass_turn(q, k);
    lane_at(q, t, level)->inner_served = key_at(q, k)->gate != 0;
    llmq_queue_turn_pass(q, t, level);
    order_remove(q, i);
    key_at(q, k)->running++;
    llmq_queue_turn_begin(q, t, level);
    settle(q, k);
    llmq_queue_age_remove(q, i);
    return i;
}

void llmq_queue_ready_begin(llmq_queue_t *q, apr_uint32_t i)
{
    llmq_queue_slot_t *slot = slot_at(q, i);
    apr_uint32_t k = llmq_queue_table_get_key(q, slot);

    heed(key_at(q, k), slot);
    slot->key = k;
    key_at(q, k)->running++;
    llmq_queue_turn_begin(q, slot->tenant, slot->entry.level);
    settle(q, k);
}

void llmq_queue_ready_end(llmq_queue_t *q, apr_uint32_t i)
{
    llmq_queue_slot_t *slot = slot_at(q, i);
    apr_uint32_t k = slot->key;

    slot->key = 0;
    key_at(q, k)->running--;
    llmq_queue_turn_end(q, slot->tenant, slot->entry.level);
    settle(q, k);
}

/* A key that has nothing more would be removed: it stays listed while its gate is turned. */
void llmq_queue_ready_gate(llmq_queue_t *q, apr_uint32_t k)
{
    if (!is_empty(key_at(q, k)))
        settle(q, k);
}

apr_uint32_t llmq_queue_ready_next(const llmq_queue_t *q, apr_uint32_t t,
                                   apr_uint32_t level)
{
    const llmq_queue_lane_t *lane = lane_at(q, t, level);

    if (!lane->ring || !lane->inner)
        return lane->ring ? lane->ring : lane->inner;
    return lane->inner_served ? lane->ring : lane->inner;
}
