#include "queue/queue.h"

#include "base/clock.h"
#include "queue/queue_entry.h"
#include "queue/queue_figures.h"
#include "queue/queue_lock.h"
#include "queue/queue_room.h"
#include "queue/queue_stats.h"
#include "queue/queue_table.h"
#include "queue/queue_tenant.h"
#include "queue/queue_wake.h"

static int is_level(int level)
{
    return level > LLMQ_LEVEL_NONE && level < LLMQ_LEVEL_COUNT;
}

/* ---- sizes, limits ---- */

apr_size_t llmq_queue_segment_size(const llmq_queue_conf_t *conf)
{
    llmq_queue_sizes_t sizes;

    llmq_queue_layout_measure(&sizes, conf);
    return llmq_queue_layout_size(&sizes);
}

apr_status_t llmq_queue_configure(llmq_queue_t *q, const llmq_queue_conf_t *conf)
{
    llmq_queue_sizes_t sizes;
    apr_status_t rv;

    llmq_queue_layout_measure(&sizes, conf);
    if (llmq_queue_layout_need(conf) > q->header->capacity
        || sizes.tenants > q->header->max_tenants)
        return LLMQ_EFULL;
    rv = llmq_queue_lock_enter_damaged(q);
    if (rv != APR_SUCCESS)
        return rv;
    llmq_queue_tenant_configure(q, conf);
    llmq_queue_wake_note(q);
    llmq_queue_lock_leave(q);
    return APR_SUCCESS;
}

/* ---- admissions ---- */

apr_status_t llmq_queue_admit(llmq_queue_t *q, apr_uint64_t tenant, llmq_level_e level)
{
    if (!is_level(level))
        return APR_EINVAL;
    return llmq_queue_room_admit(room_at(q, llmq_queue_tenant_get(q, tenant), level));
}

void llmq_queue_dismiss(llmq_queue_t *q, apr_uint64_t tenant, llmq_level_e level)
{
    apr_uint32_t t = llmq_queue_tenant_find(q, tenant);

    if (t && is_level(level))
        llmq_queue_room_dismiss(room_at(q, t, level));
}

static void recount(llmq_queue_t *q)
{
    apr_uint32_t l;

    LLMQ_EACH_LEVEL (l)
        llmq_queue_room_recount(q, l);
}

void llmq_queue_forget_admissions(llmq_queue_t *q, apr_interval_time_t age)
{
    apr_uint32_t l, t;

    LLMQ_EACH_LEVEL (l)
        LLMQ_QUEUE_EACH_TENANT(q, t)
    llmq_queue_room_forget(room_at(q, t, l), age);
    if (llmq_queue_lock_enter(q) == APR_SUCCESS) {
        recount(q);
        llmq_queue_lock_leave(q);
    }
}

/* ---- what an operator sets ---- */

apr_status_t llmq_queue_pause(llmq_queue_t *q, apr_uint64_t tenant, llmq_level_e level,
                              int on)
{
    apr_status_t rv;

    if (!is_level(level))
        return APR_EINVAL;
    rv = llmq_queue_lock_enter_damaged(q);
    if (rv != APR_SUCCESS)
        return rv;
    llmq_queue_tenant_pause(q, tenant, level, on);
    llmq_queue_lock_leave(q);
    return APR_SUCCESS;
}

int llmq_queue_is_paused(llmq_queue_t *q, apr_uint64_t tenant, llmq_level_e level)
{
    apr_uint32_t t = llmq_queue_tenant_find(q, tenant);

    return t && is_level(level) && atomic_load(&lane_at(q, t, level)->paused);
}

apr_uint32_t llmq_queue_flags(llmq_queue_t *q, apr_uint64_t tenant)
{
    apr_uint32_t t = llmq_queue_tenant_find(q, tenant);

    return t ? atomic_load(&tenant_at(q, t)->flags) : 0;
}

/* ---- what ends, what changes ---- */

static void ack_one(llmq_queue_t *q, const llmq_queue_ack_t *ack, apr_time_t now)
{
    apr_uint32_t i = llmq_queue_table_find(q, ack->id);
    const llmq_queue_slot_t *slot;

    if (!i)
        return;
    slot = slot_at(q, i);
    if (slot->entry.state != LLMQ_ENTRY_RUNNING || ack->attempt < slot->entry.attempt)
        return;
    llmq_queue_stats_ended(q, slot, ack->how, now);
    llmq_queue_entry_leave(q, i, now);
}

apr_status_t llmq_queue_ack(llmq_queue_t *q, const llmq_queue_ack_t *acks, int n)
{
    apr_time_t now = llmq_clock_now();
    apr_status_t rv = llmq_queue_lock_enter(q);
    int i;

    if (rv != APR_SUCCESS)
        return rv;
    for (i = 0; i < n; i++)
        ack_one(q, &acks[i], now);
    llmq_queue_lock_leave(q);
    return APR_SUCCESS;
}

apr_status_t llmq_queue_answered(llmq_queue_t *q, const char *id, apr_uint32_t attempt)
{
    apr_status_t rv = llmq_queue_lock_enter(q);
    apr_uint32_t i;

    if (rv != APR_SUCCESS)
        return rv;
    i = llmq_queue_table_find(q, id);
    if (i && slot_at(q, i)->entry.state == LLMQ_ENTRY_RUNNING
        && slot_at(q, i)->entry.attempt == attempt)
        llmq_queue_entry_answer(q, i, llmq_clock_now());
    else
        rv = APR_NOTFOUND;
    llmq_queue_lock_leave(q);
    return rv;
}

static apr_status_t requeue_locked(llmq_queue_t *q, const char *id, apr_uint32_t attempt,
                                   apr_uint32_t next, apr_time_t run_at)
{
    apr_uint32_t i = llmq_queue_table_find(q, id);
    apr_time_t now = llmq_clock_now();
    const llmq_entry_t *e;

    if (!i)
        return APR_NOTFOUND;
    e = &slot_at(q, i)->entry;
    if (e->state != LLMQ_ENTRY_RUNNING || e->attempt != attempt)
        return APR_NOTFOUND;
    if (e->canceled) {
        llmq_queue_entry_leave(q, i, now);
        return APR_NOTFOUND;
    }
    llmq_queue_entry_retry(q, i, next, run_at, now);
    return APR_SUCCESS;
}

apr_status_t llmq_queue_requeue(llmq_queue_t *q, const char *id, apr_uint32_t attempt,
                                apr_uint32_t next, apr_time_t run_at)
{
    apr_status_t rv = llmq_queue_lock_enter(q);

    if (rv != APR_SUCCESS)
        return rv;
    rv = requeue_locked(q, id, attempt, next, run_at);
    llmq_queue_lock_leave(q);
    return rv;
}

static apr_status_t cancel_locked(llmq_queue_t *q, const char *id)
{
    apr_uint32_t i = llmq_queue_table_find(q, id);

    if (!i)
        return APR_NOTFOUND;
    if (slot_at(q, i)->entry.state == LLMQ_ENTRY_RUNNING) {
        slot_at(q, i)->entry.canceled = 1;
        llmq_queue_wake_note(q);
        return LLMQ_EBUSY;
    }
    llmq_queue_entry_leave(q, i, llmq_clock_now());
    return APR_SUCCESS;
}

apr_status_t llmq_queue_cancel(llmq_queue_t *q, const char *id)
{
    apr_status_t rv = llmq_queue_lock_enter(q);

    if (rv != APR_SUCCESS)
        return rv;
    rv = cancel_locked(q, id);
    llmq_queue_lock_leave(q);
    return rv;
}

static apr_status_t reprioritise_locked(llmq_queue_t *q, const char *id,
                                        llmq_level_e level)
{
    apr_uint32_t i = llmq_queue_table_find(q, id);

    if (!i)
        return APR_NOTFOUND;
    if (slot_at(q, i)->entry.state == LLMQ_ENTRY_RUNNING)
        return LLMQ_EBUSY;
    if (slot_at(q, i)->entry.level == level)
        return APR_SUCCESS;
    if (llmq_queue_room_enter(room_at(q, slot_at(q, i)->tenant, level)) != APR_SUCCESS)
        return LLMQ_EFULL;
    llmq_queue_figures_moved(q, &slot_at(q, i)->entry, level);
    llmq_queue_entry_move(q, i, level, llmq_clock_now());
    return APR_SUCCESS;
}

apr_status_t llmq_queue_reprioritise(llmq_queue_t *q, const char *id, llmq_level_e level)
{
    apr_status_t rv;

    if (!is_level(level))
        return APR_EINVAL;
    rv = llmq_queue_lock_enter(q);
    if (rv != APR_SUCCESS)
        return rv;
    rv = reprioritise_locked(q, id, level);
    llmq_queue_lock_leave(q);
    return rv;
}

apr_status_t llmq_queue_hasten(llmq_queue_t *q, const char *id, apr_uint32_t attempt)
{
    apr_status_t rv = llmq_queue_lock_enter(q);
    apr_uint32_t i;

    if (rv != APR_SUCCESS)
        return rv;
    i = llmq_queue_table_find(q, id);
    if (!i)
        rv = APR_NOTFOUND;
    else if (slot_at(q, i)->entry.state == LLMQ_ENTRY_RUNNING)
        rv = LLMQ_EBUSY;
    else
        llmq_queue_entry_hasten(q, i, attempt, llmq_clock_now());
    llmq_queue_lock_leave(q);
    return rv;
}

/* ---- looking ---- */

apr_status_t llmq_queue_find(llmq_entry_t *out, llmq_queue_t *q, const char *id)
{
    apr_status_t rv = llmq_queue_lock_enter(q);
    apr_uint32_t i;

    if (rv != APR_SUCCESS)
        return rv;
    i = llmq_queue_table_find(q, id);
    if (i && out)
        *out = slot_at(q, i)->entry;
    llmq_queue_lock_leave(q);
    return i ? APR_SUCCESS : APR_NOTFOUND;
}

apr_uint32_t llmq_queue_settings_version(llmq_queue_t *q)
{
    return atomic_load(&q->header->settings);
}

void llmq_queue_settings_changed(llmq_queue_t *q)
{
    atomic_fetch_add(&q->header->settings, 1);
    llmq_queue_wake(q);
}

apr_status_t llmq_queue_count(llmq_queue_t *q, apr_uint64_t tenant, llmq_level_e level,
                              llmq_ack_e how)
{
    apr_status_t rv;

    if (!is_level(level))
        return APR_EINVAL;
    rv = llmq_queue_lock_enter(q);
    if (rv != APR_SUCCESS)
        return rv;
    llmq_queue_stats_count(q, tenant, level, how);
    llmq_queue_lock_leave(q);
    return APR_SUCCESS;
}

/* ---- what is missing ---- */

void llmq_queue_suspect(llmq_queue_t *q)
{
    atomic_fetch_add(&q->header->suspects, 1);
}

/* Is there room for what a level has missed? */
static int has_room(llmq_queue_t *q, apr_uint32_t l)
{
    apr_uint64_t capacity = q->header->capacity;
    apr_uint32_t t;

    if (atomic_load(&q->header->used) > capacity - capacity / 16)
        return 0;
    LLMQ_QUEUE_EACH_TENANT(q, t)
    if (atomic_load(&lane_at(q, t, l)->missed)
        && llmq_queue_room_is_ample(room_at(q, t, l)))
        return 1;
    return 0;
}

int llmq_queue_needs_rebuild(llmq_queue_t *q)
{
    llmq_queue_header_t *h = q->header;
    apr_uint32_t l;

    if (atomic_load(&h->suspects) != atomic_load(&h->walked))
        return 1;
    LLMQ_EACH_LEVEL (l)
        if (atomic_load(&h->level[l].missed) && has_room(q, l))
            return 1;
    return 0;
}

int llmq_queue_is_damaged(llmq_queue_t *q)
{
    return atomic_load(&q->header->damaged) != 0;
}
