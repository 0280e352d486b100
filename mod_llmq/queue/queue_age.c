#include "queue/queue_age.h"

#define SPAN_MOST  64 /* slots that a span can have */
#define SPAN_MERGE 32 /* two that have as many together, or fewer, become one */

/* ---- spans ---- */

static llmq_queue_span_t *span_at(const llmq_queue_t *q, apr_uint32_t s)
{
    return &q->spans[s - 1];
}

/* There is one for each slot that is ready. */
static apr_uint32_t record_get(llmq_queue_t *q)
{
    llmq_queue_free_t *free = &q->header->free_spans;
    apr_uint32_t s = free->list;

    if (!s)
        return ++free->fresh;
    free->list = span_at(q, s)->next;
    return s;
}

static apr_uint32_t add_span(llmq_queue_t *q, llmq_queue_lane_t *lane)
{
    apr_uint32_t s = record_get(q);
    llmq_queue_span_t *span = span_at(q, s);

    span->first_no = q->header->ready_no; /* that of the slot it is for */
    span->count = span->head = span->next = 0;
    span->prev = lane->span_tail;
    if (span->prev)
        span_at(q, span->prev)->next = s;
    lane->span_tail = s;
    return s;
}

static void remove_span(llmq_queue_t *q, llmq_queue_lane_t *lane, apr_uint32_t s)
{
    llmq_queue_span_t *span = span_at(q, s);

    if (span->prev)
        span_at(q, span->prev)->next = span->next;
    if (span->next)
        span_at(q, span->next)->prev = span->prev;
    else
        lane->span_tail = span->prev;
    span->next = q->header->free_spans.list;
    q->header->free_spans.list = s;
}

/* The slots of a span's successor become its own, if both are small. */
static int absorb(llmq_queue_t *q, llmq_queue_lane_t *lane, apr_uint32_t s)
{
    apr_uint32_t next = s ? span_at(q, s)->next : 0, i, n;

    if (!next || span_at(q, s)->count + span_at(q, next)->count > SPAN_MERGE)
        return 0;
    n = span_at(q, next)->count;
    span_at(q, s)->count += n;
    for (i = span_at(q, next)->head; n > 0; n--, i = slot_at(q, i)->age_next)
        slot_at(q, i)->span = s;
    remove_span(q, lane, next);
    return 1;
}

static void join_span(llmq_queue_t *q, llmq_queue_lane_t *lane, apr_uint32_t i)
{
    apr_uint32_t s = lane->span_tail;

    slot_at(q, i)->ready_no = ++q->header->ready_no;
    if (!s || span_at(q, s)->count >= SPAN_MOST)
        s = add_span(q, lane);
    slot_at(q, i)->span = s;
    if (span_at(q, s)->count++ == 0)
        span_at(q, s)->head = i;
}

/* The slot is out of the list, but still knows its neighbours. */
static void leave_span(llmq_queue_t *q, llmq_queue_lane_t *lane, apr_uint32_t i)
{
    apr_uint32_t s = slot_at(q, i)->span;
    llmq_queue_span_t *span = span_at(q, s);

    if (--span->count == 0) {
        remove_span(q, lane, s);
        return;
    }
    if (span->head == i)
        span->head = slot_at(q, i)->age_next;
    if (!absorb(q, lane, s))
        absorb(q, lane, span->prev);
}

/* ---- the list ---- */

void llmq_queue_age_add(llmq_queue_t *q, apr_uint32_t i, apr_time_t now)
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
    join_span(q, lane, i);
}

void llmq_queue_age_remove(llmq_queue_t *q, apr_uint32_t i)
{
    llmq_queue_slot_t *slot = slot_at(q, i);
    llmq_queue_lane_t *lane = lane_of(q, slot);

    if (slot->age_next)
        slot_at(q, slot->age_next)->age_prev = slot->age_prev;
    else
        lane->age_tail = slot->age_prev;
    if (slot->age_prev)
        slot_at(q, slot->age_prev)->age_next = slot->age_next;
    else
        lane->age_head = slot->age_next;
    leave_span(q, lane, i);
    if (!slot->age_prev && lane->in != LLMQ_QUEUE_RING_NONE)
        llmq_queue_heap_update(&q->age[slot->entry.level], lane->age_pos);
}

apr_uint32_t llmq_queue_age_after(const llmq_queue_t *q, const llmq_queue_lane_t *lane,
                                  apr_uint64_t no)
{
    apr_uint32_t s = lane->span_tail, i = lane->age_tail, n = 0;

    while (s && span_at(q, s)->first_no > no) {
        n += span_at(q, s)->count;
        i = slot_at(q, span_at(q, s)->head)->age_prev;
        s = span_at(q, s)->prev;
    }
    for (; i && slot_at(q, i)->ready_no > no; i = slot_at(q, i)->age_prev)
        n++;
    return n;
}
