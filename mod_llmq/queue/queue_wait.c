#include "queue/queue.h"

#include "base/clock.h"
#include "queue/queue_entry.h"
#include "queue/queue_lock.h"
#include "queue/queue_wake.h"

/* Make due entries ready here rather than in the next take: a taker that has no hands free
 * may not take for long, and the due time must not make it spin meanwhile. Returns how
 * long until the next is due, -1 if there is none or the queue is out of order. */
static apr_interval_time_t ready_due(llmq_queue_t *q)
{
    apr_interval_time_t due = llmq_queue_next_due(q);

    if (due != 0)
        return due;
    if (llmq_queue_is_damaged(q) || llmq_queue_lock_enter(q) != APR_SUCCESS)
        return -1;
    llmq_queue_entry_due(q, llmq_clock_now());
    llmq_queue_lock_leave(q);
    return llmq_queue_next_due(q);
}

/* How long until the first deadline passes, -1 if there is none. One that has passed is
 * told once, as 0: a taker that has no hands free must not spin. */
static apr_interval_time_t next_deadline(llmq_queue_t *q)
{
    apr_time_t end = atomic_load(&q->header->ends_at), now = llmq_clock_now();

    if (end == 0 || end == q->told)
        return -1;
    if (end > now)
        return end - now;
    q->told = end;
    return 0;
}

static apr_interval_time_t sooner(apr_interval_time_t in, apr_interval_time_t left)
{
    return in >= 0 && in < left ? in : left;
}

apr_status_t llmq_queue_wait(llmq_queue_t *q, apr_interval_time_t limit)
{
    apr_interval_time_t end = llmq_clock_steady() + limit;

    for (;;) {
        apr_interval_time_t due = ready_due(q);
        apr_interval_time_t deadline = next_deadline(q);
        apr_interval_time_t left = end - llmq_clock_steady();

        if (llmq_queue_wake_is_due(q) || deadline == 0)
            return APR_SUCCESS;
        if (left <= 0)
            return APR_TIMEUP;
        llmq_queue_wake_sleep(q, sooner(due, sooner(deadline, left)));
    }
}
