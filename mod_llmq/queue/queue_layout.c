#include "queue/queue_layout.h"

#include <string.h>

#define ALIGNMENT    64
#define CAPACITY_MAX ((apr_uint32_t)1 << 30) /* so that bucket counts fit 32 bits */
#define SLACK        1024

typedef struct offsets_t {
    apr_size_t slots;
    apr_size_t keys;
    apr_size_t chains;
    apr_size_t ids;
    apr_size_t turns;
    apr_size_t orders;
    apr_size_t heap;
    apr_size_t gone;
    apr_size_t cells;
    apr_size_t total;
} offsets_t;

apr_uint64_t llmq_queue_layout_need(const llmq_queue_conf_t *conf)
{
    apr_uint64_t need = 0;
    int l;

    LLMQ_EACH_LEVEL (l) {
        need += conf->level[l].max_size;
        need += conf->level[l].max_concurrent;
    }
    return need;
}

apr_uint32_t llmq_queue_layout_capacity(const llmq_queue_conf_t *conf)
{
    apr_uint64_t need = llmq_queue_layout_need(conf);

    need += need / 8 + SLACK;
    return need > CAPACITY_MAX ? 0 : (apr_uint32_t)need;
}

static apr_uint32_t bucket_count(apr_uint32_t capacity)
{
    apr_uint32_t n = 64;

    while (n < capacity)
        n *= 2;
    return n;
}

/* Append an area of n elements at *end; non-zero if the segment cannot be that large. */
static int append(apr_size_t *offset, apr_size_t *end, apr_size_t n, apr_size_t size)
{
    apr_size_t bytes, start;

    if (__builtin_mul_overflow(n, size, &bytes))
        return 1;
    if (__builtin_add_overflow(*end, ALIGNMENT - 1, &start))
        return 1;
    start &= ~(apr_size_t)(ALIGNMENT - 1);
    *offset = start;
    return __builtin_add_overflow(start, bytes, end);
}

static int compute(offsets_t *o, apr_uint32_t capacity)
{
    apr_size_t end = sizeof(llmq_queue_header_t), last;
    apr_size_t buckets = bucket_count(capacity);

    if (append(&o->slots, &end, capacity, sizeof(llmq_queue_slot_t))
        || append(&o->keys, &end, capacity, sizeof(llmq_queue_key_t))
        || append(&o->chains, &end, capacity, sizeof(llmq_queue_chain_t))
        || append(&o->ids, &end, buckets, sizeof(apr_uint32_t))
        || append(&o->turns, &end, buckets, sizeof(apr_uint32_t))
        || append(&o->orders, &end, buckets, sizeof(apr_uint32_t))
        || append(&o->heap, &end, capacity, sizeof(apr_uint32_t))
        || append(&o->gone, &end, buckets, sizeof(apr_uint32_t))
        || append(&o->cells, &end, 1, llmq_queue_cell_size(LLMQ_QUEUE_CELLS))
        || append(&last, &end, 0, 1))
        return 1;
    o->total = last;
    return 0;
}

apr_size_t llmq_queue_layout_size(apr_uint32_t capacity)
{
    offsets_t o;

    if (capacity == 0 || capacity > CAPACITY_MAX || compute(&o, capacity))
        return 0;
    return o.total;
}

static int delayed_less(void *ctx, apr_uint32_t a, apr_uint32_t b)
{
    const llmq_queue_slot_t *x = slot_at(ctx, a), *y = slot_at(ctx, b);

    if (x->entry.run_at != y->entry.run_at)
        return x->entry.run_at < y->entry.run_at;
    return x->seq < y->seq;
}

static void delayed_setpos(void *ctx, apr_uint32_t item, apr_uint32_t pos)
{
    slot_at(ctx, item)->heap_pos = pos;
}

void llmq_queue_layout_init(llmq_queue_t *q, void *segment, apr_uint32_t capacity)
{
    char *base = segment;
    offsets_t o;

    if (compute(&o, capacity))
        return; /* llmq_queue_layout_size() has refused it before */
    q->header = segment;
    q->header->capacity = capacity;
    q->header->buckets = bucket_count(capacity);
    q->slots = (void *)(base + o.slots);
    q->keys = (void *)(base + o.keys);
    q->chains = (void *)(base + o.chains);
    q->ids = (void *)(base + o.ids);
    q->turns = (void *)(base + o.turns);
    q->orders = (void *)(base + o.orders);
    q->heap.item = (void *)(base + o.heap);
    q->gone = (void *)(base + o.gone);
    q->cells = (void *)(base + o.cells);
    q->heap.pcount = &q->header->heap_count;
    q->heap.less = delayed_less;
    q->heap.setpos = delayed_setpos;
    q->heap.ctx = q;
}

/* A process that dies half-way leaves the rest for the next one, which is why each slot
 * is marked free as it is taken out of the totals. */
static void clear_slots(llmq_queue_t *q)
{
    llmq_queue_header_t *h = q->header;
    apr_uint32_t i, n = h->free_slots.fresh;

    if (n > h->capacity)
        n = h->capacity;
    for (i = 1; i <= n; i++) {
        llmq_entry_t *e = &slot_at(q, i)->entry;

        if (e->state == LLMQ_ENTRY_FREE || e->level >= LLMQ_LEVEL_COUNT)
            continue;
        e->state = LLMQ_ENTRY_FREE;
        if (h->level[e->level].total_put > 0)
            h->level[e->level].total_put--;
    }
}

static void clear_level(llmq_queue_level_t *level)
{
    /* The upper half, places given out, belongs to processes that live. */
    atomic_fetch_and(&level->places, ~(apr_uint64_t)0xffffffff);
    memset(level->count, 0, sizeof(level->count));
    level->answered = 0;
    level->ring = 0;
}

void llmq_queue_layout_clear(llmq_queue_t *q)
{
    llmq_queue_header_t *h = q->header;
    apr_size_t table = h->buckets * sizeof(apr_uint32_t);
    int l;

    clear_slots(q);
    llmq_queue_cell_repair(q->cells);
    memset(q->ids, 0, table);
    memset(q->turns, 0, table);
    memset(q->orders, 0, table);
    memset(&h->free_slots, 0, sizeof(h->free_slots));
    memset(&h->free_keys, 0, sizeof(h->free_keys));
    memset(&h->free_chains, 0, sizeof(h->free_chains));
    h->heap_count = 0;
    h->running = 0;
    atomic_store(&h->used, 0);
    atomic_store(&h->due_at, 0);
    LLMQ_EACH_LEVEL (l) {
        clear_level(&h->level[l]);
        atomic_store(&h->level[l].missed, 0);
    }
}
