#include "queue/queue_tenant.h"

#include "queue/queue_lock.h"
#include "queue/queue_room.h"
#include "queue/queue_stats.h"
#include "queue/queue_turn.h"
#include "queue/queue_wake.h"

/* ---- the table ---- */

static apr_uint32_t bucket_of(const llmq_queue_t *q, apr_uint64_t hash)
{
    return (apr_uint32_t)(hash ^ (hash >> 32)) & (q->header->name_buckets - 1);
}

/* The bucket of a tenant, or the empty one where it would go. The table is never more than
 * half full. */
static apr_uint32_t probe(const llmq_queue_t *q, apr_uint64_t hash)
{
    apr_uint32_t b = bucket_of(q, hash), t;

    while ((t = atomic_load(&q->names[b])) != 0
           && atomic_load(&tenant_at(q, t)->hash) != hash)
        b = (b + 1) & (q->header->name_buckets - 1);
    return b;
}

static int is_table_full(const llmq_queue_t *q)
{
    return atomic_load(&q->header->tenants) > q->header->max_tenants;
}

apr_uint32_t llmq_queue_tenant_find(const llmq_queue_t *q, apr_uint64_t hash)
{
    apr_uint32_t t;

    if (hash == 0)
        return LLMQ_QUEUE_TENANT_SHARED;
    t = atomic_load(&q->names[probe(q, hash)]);
    return t || !is_table_full(q) ? t : LLMQ_QUEUE_TENANT_SHARED;
}

static void init_record(llmq_queue_t *q, apr_uint32_t t, apr_uint64_t hash)
{
    int l;

    LLMQ_EACH_LEVEL (l) {
        llmq_queue_lane_t *lane = lane_at(q, t, (apr_uint32_t)l);

        lane->in = LLMQ_QUEUE_RING_NONE;
        lane->weight = 1;
    }
    atomic_store(&tenant_at(q, t)->hash, hash);
}

/* The record is complete before it is counted, and counted before it can be found: a death
 * in between wastes it at worst. */
static apr_uint32_t add(llmq_queue_t *q, apr_uint64_t hash)
{
    apr_uint32_t t = atomic_load(&q->header->tenants) + 1;

    init_record(q, t, hash);
    atomic_store(&q->header->tenants, t);
    if (hash)
        atomic_store(&q->names[probe(q, hash)], t);
    return t;
}

apr_uint32_t llmq_queue_tenant_get_locked(llmq_queue_t *q, apr_uint64_t hash)
{
    apr_uint32_t t = llmq_queue_tenant_find(q, hash);

    return t ? t : add(q, hash);
}

apr_uint32_t llmq_queue_tenant_get(llmq_queue_t *q, apr_uint64_t hash)
{
    apr_uint32_t t = llmq_queue_tenant_find(q, hash);

    /* The table hangs together also in a queue that is damaged. */
    if (t || llmq_queue_lock_enter_damaged(q) != APR_SUCCESS)
        return t ? t : LLMQ_QUEUE_TENANT_SHARED;
    t = llmq_queue_tenant_get_locked(q, hash);
    llmq_queue_lock_leave(q);
    return t;
}

/* ---- limits ---- */

/* What one named tenant has for itself of n places or slots. */
static apr_uint32_t share_of(const llmq_queue_t *q, apr_uint32_t n)
{
    const llmq_queue_header_t *h = q->header;

    return h->named > 1 ? (apr_uint32_t)((apr_uint64_t)n * h->reserve / 100 / h->named)
                        : 0;
}

static void divide_slots(llmq_queue_t *q, apr_uint32_t l)
{
    llmq_queue_level_t *level = &q->header->level[l];
    apr_uint32_t own = share_of(q, level->concurrency), t;

    level->shared_slots = level->concurrency - own * q->header->named;
    level->shared_running = 0;
    LLMQ_QUEUE_EACH_TENANT(q, t)
    {
        llmq_queue_lane_t *lane = lane_at(q, t, l);

        lane->own_slots = tenant_at(q, t)->named ? own : 0;
        if (lane->running > lane->own_slots)
            level->shared_running += lane->running - lane->own_slots;
    }
    /* The lists of a damaged queue are not to be followed; its reset makes new ones. */
    if (!llmq_queue_is_damaged(q))
        LLMQ_QUEUE_EACH_TENANT(q, t)
    llmq_queue_turn_update(q, t, l);
}

static void divide_places(llmq_queue_t *q, apr_uint32_t l)
{
    llmq_queue_level_t *level = &q->header->level[l];
    apr_uint32_t size = atomic_load(&level->max_size), own = share_of(q, size), t;

    atomic_store(&level->pool_size, size - own * q->header->named);
    LLMQ_QUEUE_EACH_TENANT(q, t)
    atomic_store(&lane_at(q, t, l)->own_places, tenant_at(q, t)->named ? own : 0);
    llmq_queue_room_recount(q, l);
}

static void limit_tenant(llmq_queue_t *q, apr_uint32_t t,
                         const llmq_queue_tenant_conf_t *conf)
{
    int l;

    tenant_at(q, t)->named = conf->tenant != 0;
    tenant_at(q, t)->max_running = conf->max_running_total;
    LLMQ_EACH_LEVEL (l) {
        llmq_queue_lane_t *lane = lane_at(q, t, (apr_uint32_t)l);

        lane->weight = conf->weight ? conf->weight : 1;
        lane->max_running = conf->max_running;
        atomic_store(&lane->max_waiting, conf->max_waiting);
    }
}

static void limit_tenants(llmq_queue_t *q, const llmq_queue_conf_t *conf)
{
    static const llmq_queue_tenant_conf_t unnamed = {.weight = 1};
    apr_uint32_t t;
    int i;

    LLMQ_QUEUE_EACH_TENANT(q, t)
    limit_tenant(q, t, &unnamed);
    q->header->named = 0;
    for (i = 0; i < conf->n_tenants; i++) {
        t = llmq_queue_tenant_get_locked(q, conf->tenants[i].tenant);
        /* None of its own: the table was filled by others since. */
        if (t == LLMQ_QUEUE_TENANT_SHARED || tenant_at(q, t)->named)
            continue;
        limit_tenant(q, t, &conf->tenants[i]);
        q->header->named++;
    }
}

void llmq_queue_tenant_configure(llmq_queue_t *q, const llmq_queue_conf_t *conf)
{
    llmq_queue_header_t *h = q->header;
    int l;

    if (atomic_load(&h->tenants) == 0)
        add(q, 0);
    h->reserve = conf->reserve < 100 ? conf->reserve : 100;
    h->ageing = conf->ageing;
    h->max_busy = conf->max_running;
    h->no_figures = conf->no_figures != 0;
    limit_tenants(q, conf);
    LLMQ_EACH_LEVEL (l) {
        llmq_queue_level_t *level = &h->level[l];

        atomic_store(&level->max_size, conf->level[l].max_size);
        level->max_concurrent = conf->level[l].max_concurrent;
        level->concurrency = level->max_concurrent;
        divide_places(q, (apr_uint32_t)l);
        divide_slots(q, (apr_uint32_t)l);
    }
}

void llmq_queue_tenant_set_concurrency(llmq_queue_t *q, llmq_level_e level,
                                       apr_uint32_t n)
{
    llmq_queue_level_t *lev = &q->header->level[level];

    n = n < 1 ? 1 : n;
    lev->concurrency = n < lev->max_concurrent ? n : lev->max_concurrent;
    divide_slots(q, level);
    llmq_queue_wake_note(q);
}

void llmq_queue_tenant_pause(llmq_queue_t *q, apr_uint64_t tenant, llmq_level_e level,
                             int on)
{
    apr_uint32_t t = llmq_queue_tenant_get_locked(q, tenant);

    atomic_store(&lane_at(q, t, level)->paused, on != 0);
    if (llmq_queue_is_damaged(q))
        return;
    llmq_queue_turn_update(q, t, level);
    llmq_queue_wake_note(q);
}

apr_status_t llmq_queue_tenant_stats(llmq_queue_stats_t *stats, llmq_queue_t *q,
                                     apr_uint64_t tenant)
{
    return llmq_queue_stats_of(stats, q, tenant);
}
