#include "queue/queue_entry.h"

#include "queue/queue_gone.h"
#include "queue/queue_lease.h"
#include "queue/queue_ready.h"
#include "queue/queue_room.h"
#include "queue/queue_table.h"
#include "queue/queue_tenant.h"
#include "queue/queue_turn.h"
#include "queue/queue_wake.h"

static int waits(int state)
{
    return state == LLMQ_ENTRY_READY || state == LLMQ_ENTRY_BLOCKED
           || state == LLMQ_ENTRY_DELAYED;
}

/* Keep a copy of the first deadline that can be read without the lock. */
static void publish_end(llmq_queue_t *q)
{
    apr_time_t end = 0;

    if (q->header->ends_count > 0)
        end = slot_at(q, q->ends.item[0])->entry.deadline;
    atomic_store(&q->header->ends_at, end);
}

/* Deadlines hold for what waits. */
static void watch_deadline(llmq_queue_t *q, apr_uint32_t i, int before, int after)
{
    if (waits(before) == waits(after))
        return;
    if (waits(before))
        llmq_queue_heap_remove(&q->ends, slot_at(q, i)->ends_pos);
    else {
        llmq_queue_heap_put(&q->ends, i);
        /* A taker that sleeps until a later one must sleep less. */
        if (slot_at(q, i)->ends_pos == 0)
            llmq_queue_wake_note(q);
    }
    publish_end(q);
}

static void count_state(llmq_queue_account_t *account, int before, int after)
{
    if (before != LLMQ_ENTRY_FREE)
        account->count[before]--;
    if (after != LLMQ_ENTRY_FREE)
        account->count[after]++;
}

static void set_state(llmq_queue_t *q, apr_uint32_t i, llmq_entry_state_e state)
{
    llmq_queue_slot_t *slot = slot_at(q, i);

    count_state(&level_of(q, slot)->account, slot->entry.state, state);
    count_state(&lane_of(q, slot)->account, slot->entry.state, state);
    if (slot->entry.deadline)
        watch_deadline(q, i, slot->entry.state, state);
    slot->entry.state = (unsigned char)state;
}

static void note_if_takeable(llmq_queue_t *q, apr_uint32_t level)
{
    if (llmq_queue_turn_is_takeable(q, level))
        llmq_queue_wake_note(q);
}

/* Something runs no more: with bounds over all levels it may have stood in the way of
 * other levels too. */
static void note_end(llmq_queue_t *q, apr_uint32_t t, apr_uint32_t level)
{
    apr_uint32_t l;

    if (!atomic_load(&q->header->max_busy) && !tenant_at(q, t)->max_running) {
        note_if_takeable(q, level);
        return;
    }
    LLMQ_EACH_LEVEL (l)
        note_if_takeable(q, l);
}

static void count_answered(llmq_queue_t *q, const llmq_queue_slot_t *slot, int n)
{
    level_of(q, slot)->account.answered += (apr_uint32_t)n;
    lane_of(q, slot)->account.answered += (apr_uint32_t)n;
}

/* Keep a copy of the first due time that can be read without the lock. */
static void publish_due(llmq_queue_t *q)
{
    apr_time_t due = 0;

    if (q->header->heap_count > 0)
        due = slot_at(q, q->heap.item[0])->entry.run_at;
    atomic_store(&q->header->due_at, due);
}

static void delay(llmq_queue_t *q, apr_uint32_t i)
{
    set_state(q, i, LLMQ_ENTRY_DELAYED);
    llmq_queue_heap_put(&q->heap, i);
    publish_due(q);
    /* A taker that sleeps until a later one is due must sleep less. */
    if (slot_at(q, i)->heap_pos == 0)
        llmq_queue_wake_note(q);
}

/* An unlisted entry that nothing stands before: ready now or later. */
static void activate(llmq_queue_t *q, apr_uint32_t i, apr_time_t now)
{
    llmq_queue_slot_t *slot = slot_at(q, i);

    if (slot->entry.run_at > now) {
        delay(q, i);
        return;
    }
    if (slot->held) { /* its wait began when it was put */
        slot->entry.run_at = 0;
        slot->held = 0;
    }
    set_state(q, i, LLMQ_ENTRY_READY);
    llmq_queue_ready_add(q, i, now);
    note_if_takeable(q, slot->entry.level);
}

static void running_add(llmq_queue_t *q, apr_uint32_t i)
{
    apr_uint32_t *first = &q->header->running;

    slot_at(q, i)->prev = 0;
    slot_at(q, i)->next = *first;
    if (*first)
        slot_at(q, *first)->prev = i;
    *first = i;
}

static void running_remove(llmq_queue_t *q, apr_uint32_t i)
{
    llmq_queue_slot_t *slot = slot_at(q, i);

    if (slot->answered_at) {
        slot->answered_at = 0;
        slot->expired = 0;
        count_answered(q, slot, -1);
    }
    else
        llmq_queue_ready_end(q, i);
    llmq_queue_lease_set(q, i, 0);
    if (slot->prev)
        slot_at(q, slot->prev)->next = slot->next;
    else
        q->header->running = slot->next;
    if (slot->next)
        slot_at(q, slot->next)->prev = slot->prev;
}

/* Take an entry out of where its state has it; the state stays for the caller to change. */
static void unlist(llmq_queue_t *q, apr_uint32_t i)
{
    switch (slot_at(q, i)->entry.state) {
    case LLMQ_ENTRY_READY: llmq_queue_ready_remove(q, i); break;
    case LLMQ_ENTRY_RUNNING: running_remove(q, i); break;
    case LLMQ_ENTRY_DELAYED:
        llmq_queue_heap_remove(&q->heap, slot_at(q, i)->heap_pos);
        publish_due(q);
        break;
    default: break;
    }
}

static apr_uint32_t copy_in(llmq_queue_t *q, const llmq_entry_t *entry)
{
    apr_uint32_t i = llmq_queue_table_add(q, entry->id);
    llmq_entry_t *e;

    if (!i)
        return 0;
    e = &slot_at(q, i)->entry;
    e->key = entry->key;
    e->chain = entry->chain;
    e->tenant = entry->tenant;
    e->gate = entry->gate;
    e->deadline = entry->deadline;
    e->weight = entry->weight;
    e->key_cap = entry->key_cap;
    e->put_at = entry->put_at;
    e->run_at = entry->run_at;
    e->attempt = entry->attempt;
    e->level = entry->level;
    e->kind = entry->kind;
    e->alone = entry->alone;
    slot_at(q, i)->tenant = llmq_queue_tenant_get_locked(q, entry->tenant);
    slot_at(q, i)->seq = ++q->header->seq;
    return i;
}

/* Hang a new entry into its chain. An entry that it pushes from the head must wait. */
static void enchain(llmq_queue_t *q, apr_uint32_t i, llmq_queue_chain_e where)
{
    llmq_queue_slot_t *slot = slot_at(q, i);

    if (!slot->entry.chain)
        return;
    llmq_queue_chain_add(q, i, where);
    if (!slot->chain_prev && slot->chain_next) {
        unlist(q, slot->chain_next);
        set_state(q, slot->chain_next, LLMQ_ENTRY_BLOCKED);
    }
}

apr_uint32_t llmq_queue_entry_arrive(llmq_queue_t *q, const llmq_entry_t *entry,
                                     apr_time_t hold, apr_time_t now)
{
    apr_uint32_t i = copy_in(q, entry);

    if (!i)
        return 0;
    if (hold) {
        slot_at(q, i)->entry.run_at = hold;
        slot_at(q, i)->held = 1;
    }
    enchain(q, i, LLMQ_QUEUE_CHAIN_ACCEPTED);
    if (slot_at(q, i)->chain_prev)
        set_state(q, i, LLMQ_ENTRY_BLOCKED);
    else
        activate(q, i, now);
    return i;
}

apr_uint32_t llmq_queue_entry_arrive_running(llmq_queue_t *q, const llmq_entry_t *entry)
{
    apr_uint32_t head = entry->chain ? llmq_queue_chain_head(q, entry->chain) : 0;
    apr_uint32_t i;

    if (head && slot_at(q, head)->entry.state == LLMQ_ENTRY_RUNNING)
        return 0;
    i = copy_in(q, entry);
    if (!i)
        return 0;
    enchain(q, i, LLMQ_QUEUE_CHAIN_FIRST);
    slot_at(q, i)->entry.owner = entry->owner;
    slot_at(q, i)->entry.taken_at = entry->taken_at;
    slot_at(q, i)->entry.canceled = entry->canceled;
    llmq_queue_lease_set(q, i, entry->lease_until);
    slot_at(q, i)->tried = 1;
    set_state(q, i, LLMQ_ENTRY_RUNNING);
    llmq_queue_ready_begin(q, i);
    running_add(q, i);
    return i;
}

void llmq_queue_entry_start(llmq_queue_t *q, apr_uint32_t i, const llmq_queue_taker_t *by)
{
    llmq_queue_slot_t *slot = slot_at(q, i);

    llmq_queue_room_leave(room_of(q, slot));
    set_state(q, i, LLMQ_ENTRY_RUNNING);
    running_add(q, i);
    llmq_queue_lease_set(q, i, by->lease_until);
    slot->entry.owner = by->owner;
    slot->entry.taken_at = by->now;
    slot->tried = 1;
}

void llmq_queue_entry_pull(llmq_queue_t *q, apr_uint32_t i, const llmq_queue_taker_t *by)
{
    unlist(q, i);
    llmq_queue_ready_begin(q, i);
    llmq_queue_entry_start(q, i, by);
}

void llmq_queue_entry_expire(llmq_queue_t *q, apr_uint32_t i, apr_uint32_t owner,
                             apr_time_t now)
{
    llmq_queue_slot_t *slot = slot_at(q, i);
    apr_uint32_t next;

    unlist(q, i);
    llmq_queue_room_leave(room_of(q, slot));
    set_state(q, i, LLMQ_ENTRY_RUNNING);
    running_add(q, i);
    slot->entry.owner = owner;
    slot->entry.taken_at = now;
    slot->tried = 1;
    slot->expired = 1;
    slot->answered_at = now;
    count_answered(q, slot, 1);
    /* It may stand anywhere in its chain, and nothing of it will ever run: the others need
     * not wait until its end is stored. */
    next = llmq_queue_chain_remove(q, i);
    slot->entry.chain = 0;
    if (next)
        activate(q, next, now);
}

void llmq_queue_entry_answer(llmq_queue_t *q, apr_uint32_t i, apr_time_t now)
{
    llmq_queue_slot_t *slot = slot_at(q, i);

    if (slot->answered_at)
        return;
    llmq_queue_ready_end(q, i);
    slot->answered_at = now;
    count_answered(q, slot, 1);
    note_end(q, slot->tenant, slot->entry.level);
}

void llmq_queue_entry_retry(llmq_queue_t *q, apr_uint32_t i, apr_uint32_t attempt,
                            apr_time_t run_at, apr_time_t now)
{
    llmq_queue_slot_t *slot = slot_at(q, i);

    unlist(q, i);
    slot->entry.owner = 0;
    slot->entry.taken_at = 0;
    slot->entry.attempt = attempt;
    slot->entry.run_at = run_at;
    llmq_queue_room_force(room_of(q, slot));
    activate(q, i, now);
    note_end(q, slot->tenant, slot->entry.level);
}

void llmq_queue_entry_move(llmq_queue_t *q, apr_uint32_t i, llmq_level_e level,
                           apr_time_t now)
{
    llmq_queue_slot_t *slot = slot_at(q, i);
    int blocked = slot->entry.state == LLMQ_ENTRY_BLOCKED;

    unlist(q, i);
    llmq_queue_room_leave(room_of(q, slot));
    set_state(q, i, LLMQ_ENTRY_FREE);
    slot->entry.level = (unsigned char)level;
    slot->seq = ++q->header->seq;
    if (blocked)
        set_state(q, i, LLMQ_ENTRY_BLOCKED);
    else
        activate(q, i, now);
}

void llmq_queue_entry_hasten(llmq_queue_t *q, apr_uint32_t i, apr_uint32_t attempt,
                             apr_time_t now)
{
    llmq_queue_slot_t *slot = slot_at(q, i);
    int delayed = slot->entry.state == LLMQ_ENTRY_DELAYED;

    if (delayed)
        unlist(q, i);
    slot->entry.attempt = attempt;
    if (slot->entry.run_at > now)
        slot->entry.run_at = now;
    if (!delayed)
        return;
    if (!slot->tried)
        slot->seq = ++q->header->seq;
    activate(q, i, now);
}

void llmq_queue_entry_leave(llmq_queue_t *q, apr_uint32_t i, apr_time_t now)
{
    apr_uint32_t t = slot_at(q, i)->tenant, level = slot_at(q, i)->entry.level;
    int running = slot_at(q, i)->entry.state == LLMQ_ENTRY_RUNNING;
    apr_uint32_t next;

    unlist(q, i);
    if (!running)
        llmq_queue_room_leave(room_of(q, slot_at(q, i)));
    set_state(q, i, LLMQ_ENTRY_FREE);
    next = llmq_queue_chain_remove(q, i);
    llmq_queue_gone_mark(q, slot_at(q, i)->hash);
    llmq_queue_table_remove(q, i);
    if (next)
        activate(q, next, now);
    if (running)
        note_end(q, t, level);
}

void llmq_queue_entry_due(llmq_queue_t *q, apr_time_t now)
{
    while (q->header->heap_count > 0) {
        llmq_queue_slot_t *slot = slot_at(q, q->heap.item[0]);
        apr_uint32_t i;

        if (slot->entry.run_at > now)
            break;
        i = llmq_queue_heap_remove(&q->heap, 0);
        if (!slot->tried)
            slot->seq = ++q->header->seq;
        activate(q, i, now);
    }
    publish_due(q);
}
