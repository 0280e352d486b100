#include "queue/queue_layout.h"

#include "queue/queue_room.h"

#include <string.h>

#define ALIGNMENT    64
#define CAPACITY_MAX ((apr_uint32_t)1 << 30) /* so that bucket counts fit 32 bits */
#define SLACK        1024
#define TENANTS_MAX  ((apr_uint32_t)1 << 20)

typedef struct offsets_t {
    apr_size_t tenants;
    apr_size_t slots;
    apr_size_t spans;
    apr_size_t keys;
    apr_size_t chains;
    apr_size_t ids;
    apr_size_t turns;
    apr_size_t orders;
    apr_size_t names;
    apr_size_t heap;
    apr_size_t ends;
    apr_size_t leases;
    apr_size_t ages; /* all levels', one after the other */
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

void llmq_queue_layout_measure(llmq_queue_sizes_t *sizes, const llmq_queue_conf_t *conf)
{
    sizes->capacity = llmq_queue_layout_capacity(conf);
    sizes->tenants = conf->max_tenants;
    if (conf->n_tenants > 0 && (apr_uint32_t)conf->n_tenants > sizes->tenants)
        sizes->tenants = (apr_uint32_t)conf->n_tenants;
}

/* Half empty, so that the way to an empty bucket is short. */
static apr_uint32_t name_count(const llmq_queue_sizes_t *sizes)
{
    apr_uint32_t n = 64;

    while (n < 2 * sizes->tenants)
        n *= 2;
    return n;
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

static int compute(offsets_t *o, const llmq_queue_sizes_t *sizes)
{
    apr_uint32_t capacity = sizes->capacity, records = sizes->tenants + 1;
    apr_size_t end = sizeof(llmq_queue_header_t), last;
    apr_size_t buckets = bucket_count(capacity);

    if (append(&o->tenants, &end, records, sizeof(llmq_queue_tenant_t))
        || append(&o->slots, &end, capacity, sizeof(llmq_queue_slot_t))
        || append(&o->spans, &end, capacity, sizeof(llmq_queue_span_t))
        || append(&o->keys, &end, capacity, sizeof(llmq_queue_key_t))
        || append(&o->chains, &end, capacity, sizeof(llmq_queue_chain_t))
        || append(&o->ids, &end, buckets, sizeof(apr_uint32_t))
        || append(&o->turns, &end, buckets, sizeof(apr_uint32_t))
        || append(&o->orders, &end, buckets, sizeof(apr_uint32_t))
        || append(&o->names, &end, name_count(sizes), sizeof(apr_uint32_t))
        || append(&o->ages, &end, (apr_size_t)records * LLMQ_LEVEL_COUNT,
                  sizeof(apr_uint32_t))
        || append(&o->ends, &end, capacity, sizeof(apr_uint32_t))
        || append(&o->leases, &end, capacity, sizeof(apr_uint32_t))
        || append(&o->heap, &end, capacity, sizeof(apr_uint32_t))
        || append(&o->gone, &end, buckets, sizeof(apr_uint32_t))
        || append(&o->cells, &end, 1, llmq_queue_cell_size(LLMQ_QUEUE_CELLS))
        || append(&last, &end, 0, 1))
        return 1;
    o->total = last;
    return 0;
}

apr_size_t llmq_queue_layout_size(const llmq_queue_sizes_t *sizes)
{
    offsets_t o;

    if (sizes->capacity == 0 || sizes->capacity > CAPACITY_MAX
        || sizes->tenants > TENANTS_MAX || compute(&o, sizes))
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

/* Not by seq where deadlines are equal: that may change while the slot is in here. */
static int ends_less(void *ctx, apr_uint32_t a, apr_uint32_t b)
{
    const llmq_queue_slot_t *x = slot_at(ctx, a), *y = slot_at(ctx, b);

    if (x->entry.deadline != y->entry.deadline)
        return x->entry.deadline < y->entry.deadline;
    return a < b;
}

static void ends_setpos(void *ctx, apr_uint32_t item, apr_uint32_t pos)
{
    slot_at(ctx, item)->ends_pos = pos;
}

static int lease_less(void *ctx, apr_uint32_t a, apr_uint32_t b)
{
    const llmq_queue_slot_t *x = slot_at(ctx, a), *y = slot_at(ctx, b);

    if (x->entry.lease_until != y->entry.lease_until)
        return x->entry.lease_until < y->entry.lease_until;
    return a < b;
}

static void lease_setpos(void *ctx, apr_uint32_t item, apr_uint32_t pos)
{
    slot_at(ctx, item)->lease_pos = pos;
}

static apr_time_t ready_since(const llmq_queue_ages_t *ages, apr_uint32_t t)
{
    return slot_at(ages->q, lane_at(ages->q, t, ages->level)->age_head)->ready_at;
}

static int age_less(void *ctx, apr_uint32_t a, apr_uint32_t b)
{
    apr_time_t x = ready_since(ctx, a), y = ready_since(ctx, b);

    return x != y ? x < y : a < b;
}

static void age_setpos(void *ctx, apr_uint32_t item, apr_uint32_t pos)
{
    const llmq_queue_ages_t *ages = ctx;

    lane_at(ages->q, item, ages->level)->age_pos = pos;
}

static void init_heap(llmq_queue_heap_t *heap, void *item, apr_uint32_t *pcount,
                      void *ctx)
{
    heap->item = item;
    heap->pcount = pcount;
    heap->ctx = ctx;
}

static void init_heaps(llmq_queue_t *q, char *base, const offsets_t *o,
                       apr_uint32_t records)
{
    llmq_queue_header_t *h = q->header;
    int l;

    init_heap(&q->heap, base + o->heap, &h->heap_count, q);
    q->heap.less = delayed_less;
    q->heap.setpos = delayed_setpos;
    init_heap(&q->ends, base + o->ends, &h->ends_count, q);
    q->ends.less = ends_less;
    q->ends.setpos = ends_setpos;
    init_heap(&q->leases, base + o->leases, &h->lease_count, q);
    q->leases.less = lease_less;
    q->leases.setpos = lease_setpos;
    LLMQ_EACH_LEVEL (l) {
        apr_size_t before = (apr_size_t)l * records * sizeof(apr_uint32_t);

        q->age_ctx[l].q = q;
        q->age_ctx[l].level = (apr_uint32_t)l;
        init_heap(&q->age[l], base + o->ages + before, &h->level[l].age_count,
                  &q->age_ctx[l]);
        q->age[l].less = age_less;
        q->age[l].setpos = age_setpos;
    }
}

void llmq_queue_layout_init(llmq_queue_t *q, void *segment,
                            const llmq_queue_sizes_t *sizes)
{
    char *base = segment;
    offsets_t o;

    if (compute(&o, sizes))
        return; /* llmq_queue_layout_size() has refused it before */
    q->header = segment;
    q->header->capacity = sizes->capacity;
    q->header->buckets = bucket_count(sizes->capacity);
    q->header->max_tenants = sizes->tenants;
    q->header->name_buckets = name_count(sizes);
    q->tenants = (void *)(base + o.tenants);
    q->slots = (void *)(base + o.slots);
    q->spans = (void *)(base + o.spans);
    q->keys = (void *)(base + o.keys);
    q->chains = (void *)(base + o.chains);
    q->ids = (void *)(base + o.ids);
    q->turns = (void *)(base + o.turns);
    q->orders = (void *)(base + o.orders);
    q->names = (void *)(base + o.names);
    q->gone = (void *)(base + o.gone);
    q->cells = (void *)(base + o.cells);
    init_heaps(q, base, &o, sizes->tenants + 1);
}

static void uncount(llmq_queue_account_t *account)
{
    if (account->total_put > 0)
        account->total_put--;
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
        llmq_queue_slot_t *slot = slot_at(q, i);
        llmq_entry_t *e = &slot->entry;

        if (e->state == LLMQ_ENTRY_FREE || e->level >= LLMQ_LEVEL_COUNT)
            continue;
        e->state = LLMQ_ENTRY_FREE;
        uncount(&level_of(q, slot)->account);
        if (slot->tenant && slot->tenant <= atomic_load(&h->tenants))
            uncount(&lane_of(q, slot)->account);
    }
}

static void clear_account(llmq_queue_account_t *account)
{
    memset(account->count, 0, sizeof(account->count));
    account->answered = 0;
}

static void clear_lane(llmq_queue_lane_t *lane)
{
    /* The upper half, places given out, belongs to processes that live. */
    atomic_fetch_and(&lane->places, ~(apr_uint64_t)0xffffffff);
    atomic_store(&lane->missed, 0);
    clear_account(&lane->account);
    lane->running = lane->ring = lane->age_head = lane->age_tail = 0;
    lane->inner = lane->inner_served = 0;
    atomic_store(&lane->plain, 0);
    lane->span_tail = 0;
    lane->in = LLMQ_QUEUE_RING_NONE;
}

static void clear_level(llmq_queue_level_t *level)
{
    atomic_store(&level->missed, 0);
    clear_account(&level->account);
    memset(level->ring, 0, sizeof(level->ring));
    level->running = level->shared_running = level->age_count = 0;
    level->open = 0;
}

static void clear_lanes(llmq_queue_t *q)
{
    apr_uint32_t t;
    int l;

    LLMQ_EACH_LEVEL (l) {
        LLMQ_QUEUE_EACH_TENANT(q, t)
        clear_lane(lane_at(q, t, (apr_uint32_t)l));
        clear_level(&q->header->level[l]);
        llmq_queue_room_recount(q, (apr_uint32_t)l);
    }
    LLMQ_QUEUE_EACH_TENANT(q, t)
    tenant_at(q, t)->running = 0;
}

void llmq_queue_layout_clear(llmq_queue_t *q)
{
    llmq_queue_header_t *h = q->header;
    apr_size_t table = h->buckets * sizeof(apr_uint32_t);

    clear_slots(q);
    llmq_queue_cell_repair(q->cells);
    memset(q->ids, 0, table);
    memset(q->turns, 0, table);
    memset(q->orders, 0, table);
    memset(&h->free_slots, 0, sizeof(h->free_slots));
    memset(&h->free_spans, 0, sizeof(h->free_spans));
    memset(&h->free_keys, 0, sizeof(h->free_keys));
    memset(&h->free_chains, 0, sizeof(h->free_chains));
    h->heap_count = h->ends_count = h->lease_count = 0;
    h->busy = 0;
    h->running = 0;
    h->gates_used = 0;
    memset(h->gate, 0, sizeof(h->gate));
    atomic_store(&h->gated, 0);
    atomic_store(&h->used, 0);
    atomic_store(&h->due_at, 0);
    atomic_store(&h->ends_at, 0);
    atomic_store(&h->lease_at, 0);
    clear_lanes(q);
}
