#include "queue/queue_table.h"

#include "base/id.h"
#include "queue/queue_gate.h"

#include <string.h>

static apr_uint32_t *bucket_of(const llmq_queue_t *q, apr_uint32_t *table,
                               apr_uint64_t hash)
{
    return &table[(hash ^ (hash >> 32)) & (q->header->buckets - 1)];
}

/* The keys of a level spread differently from those of another. A key's hash comprises
 * its tenant. */
static apr_uint64_t turn_hash(apr_uint32_t level, apr_uint64_t key)
{
    return key ^ (level * 0x9e3779b97f4a7c15u);
}

static int is_key_of(const llmq_queue_key_t *key, const llmq_queue_slot_t *slot)
{
    return key->key == slot->entry.key && key->tenant == slot->tenant
           && key->level == slot->entry.level;
}

/* The first of the records given back (its hash_next is the next of them), else one never
 * used; 0 if there is neither. */
static apr_uint32_t record_new(llmq_queue_free_t *free, apr_uint32_t capacity)
{
    if (free->list)
        return free->list;
    return free->fresh < capacity ? ++free->fresh : 0;
}

static apr_uint32_t find_hash(llmq_queue_t *q, const char *id, apr_uint64_t hash)
{
    apr_uint32_t i = *bucket_of(q, q->ids, hash);

    while (i && (slot_at(q, i)->hash != hash || strcmp(slot_at(q, i)->entry.id, id)))
        i = slot_at(q, i)->hash_next;
    return i;
}

apr_uint32_t llmq_queue_table_find(llmq_queue_t *q, const char *id)
{
    return find_hash(q, id, llmq_id_hash(id, strlen(id), 0));
}

apr_uint32_t llmq_queue_table_add(llmq_queue_t *q, const char *id)
{
    llmq_queue_free_t *free = &q->header->free_slots;
    apr_size_t len = strlen(id);
    apr_uint32_t i = record_new(free, q->header->capacity);
    llmq_queue_slot_t *slot;
    apr_uint32_t *bucket;

    if (!i)
        return 0;
    slot = slot_at(q, i);
    if (i == free->list)
        free->list = slot->hash_next;
    memset(slot, 0, sizeof(*slot));
    memcpy(slot->entry.id, id, len);
    slot->hash = llmq_id_hash(id, len, 0);
    bucket = bucket_of(q, q->ids, slot->hash);
    slot->hash_next = *bucket;
    *bucket = i;
    atomic_fetch_add(&q->header->used, 1);
    return i;
}

void llmq_queue_table_remove(llmq_queue_t *q, apr_uint32_t i)
{
    llmq_queue_slot_t *slot = slot_at(q, i);
    apr_uint32_t *link = bucket_of(q, q->ids, slot->hash);

    while (*link != i)
        link = &slot_at(q, *link)->hash_next;
    *link = slot->hash_next;
    slot->entry.state = LLMQ_ENTRY_FREE;
    slot->hash_next = q->header->free_slots.list;
    q->header->free_slots.list = i;
    atomic_fetch_sub(&q->header->used, 1);
}

apr_uint32_t llmq_queue_table_get_key(llmq_queue_t *q, const llmq_queue_slot_t *slot)
{
    llmq_queue_free_t *free = &q->header->free_keys;
    apr_uint64_t hash = turn_hash(slot->entry.level, slot->entry.key);
    apr_uint32_t *bucket = bucket_of(q, q->turns, hash);
    llmq_queue_key_t *key;
    apr_uint32_t k;

    for (k = *bucket; k; k = key_at(q, k)->hash_next)
        if (is_key_of(key_at(q, k), slot))
            return k;
    /* There are as many records as slots, and one is missing at most per slot. */
    k = record_new(free, q->header->capacity);
    key = key_at(q, k);
    if (k == free->list)
        free->list = key->hash_next;
    memset(key, 0, sizeof(*key));
    key->key = slot->entry.key;
    key->tenant = slot->tenant;
    key->level = slot->entry.level;
    key->weight = 1;
    key->hash_next = *bucket;
    *bucket = k;
    if (slot->entry.gate)
        llmq_queue_gate_join(q, k, slot->entry.gate);
    return k;
}

void llmq_queue_table_remove_key(llmq_queue_t *q, apr_uint32_t k)
{
    llmq_queue_key_t *key = key_at(q, k);
    apr_uint32_t *link = bucket_of(q, q->turns, turn_hash(key->level, key->key));

    while (*link != k)
        link = &key_at(q, *link)->hash_next;
    *link = key->hash_next;
    llmq_queue_gate_leave(q, k);
    key->hash_next = q->header->free_keys.list;
    q->header->free_keys.list = k;
}

apr_uint32_t llmq_queue_table_find_chain(llmq_queue_t *q, apr_uint64_t chain)
{
    apr_uint32_t c = *bucket_of(q, q->orders, chain);

    while (c && chain_at(q, c)->chain != chain)
        c = chain_at(q, c)->hash_next;
    return c;
}

apr_uint32_t llmq_queue_table_get_chain(llmq_queue_t *q, apr_uint64_t chain)
{
    llmq_queue_free_t *free = &q->header->free_chains;
    apr_uint32_t *bucket = bucket_of(q, q->orders, chain);
    apr_uint32_t c = llmq_queue_table_find_chain(q, chain);

    if (c)
        return c;
    c = record_new(free, q->header->capacity);
    if (c == free->list)
        free->list = chain_at(q, c)->hash_next;
    memset(chain_at(q, c), 0, sizeof(llmq_queue_chain_t));
    chain_at(q, c)->chain = chain;
    chain_at(q, c)->hash_next = *bucket;
    *bucket = c;
    return c;
}

void llmq_queue_table_remove_chain(llmq_queue_t *q, apr_uint32_t c)
{
    apr_uint32_t *link = bucket_of(q, q->orders, chain_at(q, c)->chain);

    while (*link != c)
        link = &chain_at(q, *link)->hash_next;
    *link = chain_at(q, c)->hash_next;
    chain_at(q, c)->hash_next = q->header->free_chains.list;
    q->header->free_chains.list = c;
}
