#include "queue/queue_ready.h"

#include "queue/queue_late.h"
#include "queue/queue_table.h"

static apr_uint32_t *ring_of(llmq_queue_t *q, const llmq_queue_key_t *key)
{
    return &q->header->level[key->level].ring;
}

/* Behind all others means before the one whose turn is next. */
static void ring_add(llmq_queue_t *q, apr_uint32_t k)
{
    llmq_queue_key_t *key = key_at(q, k), *first;
    apr_uint32_t *ring = ring_of(q, key);

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

    if (key->ring_next == k) {
        *ring = 0;
        return;
    }
    key_at(q, key->ring_prev)->ring_next = key->ring_next;
    key_at(q, key->ring_next)->ring_prev = key->ring_prev;
    if (*ring == k)
        *ring = key->ring_next;
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

static apr_uint32_t first_of(llmq_queue_t *q, const llmq_queue_key_t *key)
{
    if (!key->fifo_head || !key->late_root)
        return key->fifo_head ? key->fifo_head : key->late_root;
    if (slot_at(q, key->late_root)->seq < slot_at(q, key->fifo_head)->seq)
        return key->late_root;
    return key->fifo_head;
}

void llmq_queue_ready_add(llmq_queue_t *q, apr_uint32_t i)
{
    llmq_queue_slot_t *slot = slot_at(q, i);
    apr_uint32_t k = llmq_queue_table_get_key(q, slot->entry.level, slot->entry.key);
    llmq_queue_key_t *key = key_at(q, k);

    if (is_empty(key))
        ring_add(q, k);
    slot->key = k;
    slot->late = key->fifo_tail && slot->seq < slot_at(q, key->fifo_tail)->seq;
    if (slot->late)
        key->late_root = llmq_queue_late_put(q, key->late_root, i);
    else
        fifo_append(q, key, i);
}

void llmq_queue_ready_remove(llmq_queue_t *q, apr_uint32_t i)
{
    llmq_queue_slot_t *slot = slot_at(q, i);
    apr_uint32_t k = slot->key;
    llmq_queue_key_t *key = key_at(q, k);

    if (slot->late)
        key->late_root = llmq_queue_late_remove(q, key->late_root, i);
    else
        fifo_remove(q, key, i);
    slot->key = 0;
    slot->late = 0;
    if (is_empty(key)) {
        ring_remove(q, k);
        llmq_queue_table_remove_key(q, k);
    }
}

apr_uint32_t llmq_queue_ready_pop(llmq_queue_t *q, apr_uint32_t level)
{
    apr_uint32_t *ring = &q->header->level[level].ring;
    apr_uint32_t i;

    if (!*ring)
        return 0;
    i = first_of(q, key_at(q, *ring));
    *ring = key_at(q, *ring)->ring_next;
    llmq_queue_ready_remove(q, i);
    return i;
}
