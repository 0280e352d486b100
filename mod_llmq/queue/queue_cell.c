#include "queue/queue_cell.h"

#include <string.h>

/* Zero is free, as a fresh area is. */
enum { FREE = 0, OPEN, SENDING };

static llmq_queue_cell_t *cell_at(llmq_queue_cells_t *area, apr_uint32_t i)
{
    return &area->cell[i - 1];
}

apr_size_t llmq_queue_cell_size(apr_uint32_t capacity)
{
    return sizeof(llmq_queue_cells_t) + capacity * sizeof(llmq_queue_cell_t);
}

void llmq_queue_cell_init(llmq_queue_cells_t *area, apr_uint32_t capacity, apr_time_t now)
{
    area->capacity = capacity;
    area->batch = now;
    area->since = now;
}

/* The minute is no part of it: all minutes of a tenant and level share a bucket. */
static apr_uint32_t bucket_of(apr_uint64_t tenant, apr_uint32_t level)
{
    return (apr_uint32_t)((tenant ^ tenant >> 32) + level) % LLMQ_QUEUE_CELL_BUCKETS;
}

static void push(llmq_queue_cells_t *area, apr_uint32_t *list, apr_uint32_t i)
{
    cell_at(area, i)->next = *list;
    *list = i;
}

static void open_cell(llmq_queue_cells_t *area, apr_uint32_t i)
{
    const llmq_queue_cell_t *cell = cell_at(area, i);

    push(area, &area->bucket[bucket_of(cell->tenant, cell->level)], i);
}

void llmq_queue_cell_repair(llmq_queue_cells_t *area)
{
    apr_uint32_t i;

    memset(area->bucket, 0, sizeof(area->bucket));
    area->free = area->sending = 0;
    if (area->fresh > area->capacity)
        area->fresh = area->capacity;
    for (i = 1; i <= area->fresh; i++) {
        switch (cell_at(area, i)->state) {
        case OPEN: open_cell(area, i); break;
        case SENDING: push(area, &area->sending, i); break;
        default: push(area, &area->free, i); break;
        }
    }
}

/* ---- when there is no room ---- */

/* What tells a cell from others, beside its minute. */
typedef struct {
    apr_uint64_t tenant;
    apr_uint32_t level;
} owner_t;

static int is_of(const llmq_queue_cell_t *cell, const owner_t *owner)
{
    return cell->tenant == owner->tenant && cell->level == owner->level;
}

/* The oldest cell of a tenant and level in the rest of a bucket, 0 if none. */
static apr_uint32_t oldest_of(llmq_queue_cells_t *area, const owner_t *owner,
                              apr_uint32_t i, apr_uint32_t but)
{
    apr_uint32_t oldest = 0;

    for (; i; i = cell_at(area, i)->next)
        if (i != but && is_of(cell_at(area, i), owner)
            && (!oldest || cell_at(area, i)->minute < cell_at(area, oldest)->minute))
            oldest = i;
    return oldest;
}

static void unlink_from(llmq_queue_cells_t *area, apr_uint32_t *list, apr_uint32_t i)
{
    while (*list != i)
        list = &cell_at(area, *list)->next;
    *list = cell_at(area, i)->next;
}

void llmq_queue_cell_merge(llmq_queue_cell_t *cell, const llmq_queue_cell_t *from)
{
    int i;

    for (i = 0; i < LLMQ_CELL_COUNTS; i++)
        cell->count[i] += from->count[i];
    llmq_histogram_merge(&cell->waits, &from->waits);
    llmq_histogram_merge(&cell->runs, &from->runs);
}

/* Make one of the two oldest of a tenant and level; the freed one, 0 if it has no two. */
static apr_uint32_t fold(llmq_queue_cells_t *area, apr_uint32_t bucket,
                         const owner_t *owner)
{
    apr_uint32_t *list = &area->bucket[bucket];
    apr_uint32_t first = oldest_of(area, owner, *list, 0);
    apr_uint32_t second = first ? oldest_of(area, owner, *list, first) : 0;

    if (!second)
        return 0;
    llmq_queue_cell_merge(cell_at(area, second), cell_at(area, first));
    unlink_from(area, list, first);
    cell_at(area, first)->state = FREE;
    return first;
}

/* Another tenant's or level's pair, from a bucket on that moves around. */
static apr_uint32_t fold_any(llmq_queue_cells_t *area)
{
    apr_uint32_t n, i, freed;

    for (n = 0; n < LLMQ_QUEUE_CELL_BUCKETS; n++) {
        apr_uint32_t bucket = area->sweep++ % LLMQ_QUEUE_CELL_BUCKETS;

        for (i = area->bucket[bucket]; i; i = cell_at(area, i)->next) {
            owner_t owner = {cell_at(area, i)->tenant, cell_at(area, i)->level};

            freed = fold(area, bucket, &owner);
            if (freed)
                return freed;
        }
    }
    return 0;
}

static apr_uint32_t find_room(llmq_queue_cells_t *area, apr_uint32_t bucket,
                              const owner_t *owner)
{
    apr_uint32_t i = area->free;

    if (i) {
        area->free = cell_at(area, i)->next;
        return i;
    }
    if (area->fresh < area->capacity)
        return ++area->fresh;
    i = fold(area, bucket, owner);
    return i ? i : fold_any(area);
}

/* ---- collecting ---- */

static llmq_queue_cell_t *add_cell(llmq_queue_cells_t *area, apr_uint32_t bucket,
                                   const owner_t *owner, apr_int64_t minute)
{
    apr_uint32_t i = find_room(area, bucket, owner);
    llmq_queue_cell_t *cell;

    if (!i) {
        area->lost++;
        return NULL;
    }
    cell = cell_at(area, i);
    memset(cell, 0, sizeof(*cell));
    cell->tenant = owner->tenant;
    cell->level = (unsigned char)owner->level;
    cell->minute = minute;
    cell->state = OPEN;
    open_cell(area, i);
    return cell;
}

llmq_queue_cell_t *llmq_queue_cell_get(llmq_queue_cells_t *area, apr_uint64_t tenant,
                                       apr_uint32_t level, apr_time_t at)
{
    apr_int64_t minute = at / apr_time_from_sec(60);
    apr_uint32_t bucket = bucket_of(tenant, level);
    owner_t owner = {tenant, level};
    llmq_queue_cell_t *cell;
    apr_uint32_t i;

    for (i = area->bucket[bucket]; i; i = cell->next) {
        cell = cell_at(area, i);
        if (cell->minute == minute && is_of(cell, &owner))
            return cell;
    }
    return add_cell(area, bucket, &owner, minute);
}

/* ---- sending ---- */

static void begin_batch(llmq_queue_cells_t *area, int max, apr_time_t now)
{
    int n, sent = 0;

    for (n = 0; n < LLMQ_QUEUE_CELL_BUCKETS && sent < max; n++) {
        apr_uint32_t *list = &area->bucket[area->sweep % LLMQ_QUEUE_CELL_BUCKETS];

        while (*list && sent < max) {
            apr_uint32_t i = *list;

            /* The number first: whoever dies in here must not leave cells behind in a
             * batch that was stored before. */
            if (!sent++)
                area->batch = now > area->batch ? now : area->batch + 1;
            *list = cell_at(area, i)->next;
            cell_at(area, i)->state = SENDING;
            push(area, &area->sending, i);
        }
        area->sweep += !*list;
    }
}

int llmq_queue_cell_send(llmq_queue_cell_t *out, apr_int64_t *pbatch,
                         llmq_queue_cells_t *area, int max, apr_time_t now)
{
    apr_uint32_t i;
    int n = 0;

    if (!area->sending)
        begin_batch(area, max, now);
    for (i = area->sending; i && n < max; i = cell_at(area, i)->next)
        out[n++] = *cell_at(area, i);
    *pbatch = area->batch;
    return n;
}

void llmq_queue_cell_sent(llmq_queue_cells_t *area, apr_int64_t batch)
{
    while (batch == area->batch && area->sending) {
        apr_uint32_t i = area->sending;

        area->sending = cell_at(area, i)->next;
        cell_at(area, i)->state = FREE;
        push(area, &area->free, i);
    }
}

void llmq_queue_cell_sum(llmq_queue_cell_t *open, llmq_queue_cell_t *sending,
                         const llmq_queue_cells_t *area, apr_uint64_t tenant,
                         apr_int64_t since)
{
    apr_size_t size = LLMQ_LEVEL_COUNT * sizeof(llmq_queue_cell_t);
    apr_uint32_t i;

    memset(open, 0, size);
    memset(sending, 0, size);
    for (i = 0; i < area->fresh; i++) {
        const llmq_queue_cell_t *cell = &area->cell[i];

        if (cell->state == FREE || cell->tenant != tenant || cell->minute < since)
            continue;
        llmq_queue_cell_merge(
            cell->state == OPEN ? &open[cell->level] : &sending[cell->level], cell);
    }
}
