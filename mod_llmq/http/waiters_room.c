/* Who waits: being listed, marked, answered. */
#include "http/waiters_room.h"

#include "base/log.h"

#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#define LAST_LOOK apr_time_from_sec(3600) /* it is answered long before */

void llmq_waiters_room_lock(llmq_waiters_t *all)
{
    apr_thread_mutex_lock(all->lock);
}

void llmq_waiters_room_unlock(llmq_waiters_t *all)
{
    apr_thread_mutex_unlock(all->lock);
}

static struct llmq_waiter_ring_t *bucket_of(llmq_waiters_t *all, apr_uint64_t topic)
{
    return &all->bucket[topic % LLMQ_WAITERS_BUCKETS];
}

int llmq_waiters_room_is_in(const llmq_waiter_t *w)
{
    return w->due.place > 0;
}

void llmq_waiters_room_unmake(llmq_waiter_t *w)
{
    sem_destroy(&w->woken);
    free(w);
}

void llmq_waiters_room_drop_locked(llmq_waiter_t *w)
{
    if (--w->holders == 0) {
        llmq_waiters_room_unmake(w);
    }
}

/* ---- marks ---- */

static void mark(llmq_waiters_t *all, llmq_waiter_t *w)
{
    if (!w->marked) {
        w->marked = 1;
        APR_RING_INSERT_TAIL(&all->marked, w, llmq_waiter_t, next);
    }
}

static void unmark(llmq_waiter_t *w)
{
    if (w->marked) {
        w->marked = 0;
        APR_RING_REMOVE(w, next);
    }
}

void llmq_waiters_room_mark_locked(llmq_waiters_t *all, apr_uint64_t topic)
{
    llmq_waiter_t *w;

    APR_RING_FOREACH(w, bucket_of(all, topic), llmq_waiter_t, link)
    {
        if (w->topic == topic) {
            mark(all, w);
        }
    }
}

void llmq_waiters_room_mark_all_locked(llmq_waiters_t *all)
{
    llmq_waiter_t *w;
    int i;

    for (i = 0; all->n && i < LLMQ_WAITERS_BUCKETS; i++) {
        APR_RING_FOREACH(w, &all->bucket[i], llmq_waiter_t, link)
        {
            mark(all, w);
        }
    }
}

int llmq_waiters_room_next_locked(llmq_waiter_t **ws, int max, llmq_waiters_t *all)
{
    int n = 0;

    while (n < max && !APR_RING_EMPTY(&all->marked, llmq_waiter_t, next)) {
        ws[n] = APR_RING_FIRST(&all->marked);
        unmark(ws[n]);
        ws[n++]->holders++;
    }
    return n;
}

/* ---- leaving ---- */

/* The room needs it no more. */
void llmq_waiters_room_leave_locked(llmq_waiter_t *w)
{
    llmq_waiters_t *all = w->home;

    APR_RING_REMOVE(w, link);
    unmark(w);
    llmq_agenda_remove(&all->agenda, &w->due);
    all->n--;
    llmq_waiters_room_drop_locked(w);
}

static void log_end(const llmq_waiter_t *w, const char *how)
{
    LLMQ_LOG(LLMQ_LOG_INFO, 0, LLMQ_NO(0292) "job[%s] was waited for %d ms: %s", w->id,
             (int)apr_time_as_msec(apr_time_now() - w->since), how);
}

static void end_stream(llmq_waiter_t *w, llmq_frame_t *frame)
{
    if (frame) {
        llmq_stream_end(w->stream, frame);
    }
    else {
        llmq_stream_drop(w->stream);
    }
}

void llmq_waiters_room_tell_locked(llmq_waiter_t *w, llmq_frame_t *frame, const char *how)
{
    log_end(w, how);
    if (w->stream) {
        end_stream(w, frame);
    }
    else {
        sem_post(&w->woken);
    }
    if (llmq_waiters_room_is_in(w)) {
        llmq_waiters_room_leave_locked(w);
    }
}

/* Of one that is parked; NULL: no memory. */
static llmq_frame_t *answer_of(llmq_waiter_t *w, llmq_waited_e which)
{
    struct iovec part = {w->bytes + w->head_len, w->other_len[which]};
    int i;

    for (i = 0; i < (int)which; i++) {
        part.iov_base = (char *)part.iov_base + w->other_len[i];
    }
    return llmq_frame_make(&part, 1);
}

void llmq_waiters_room_answer_locked(llmq_waiter_t *w, llmq_waited_e which,
                                     const char *how)
{
    llmq_frame_t *frame = w->stream ? answer_of(w, which) : NULL;

    llmq_waiters_room_tell_locked(w, frame, how);
    llmq_frame_drop(frame);
}

/* A child that ends has no time for more than an answer; who is held looks by itself. */
static int needs_a_last_look(const llmq_waiters_t *all, const llmq_waiter_t *w)
{
    return w->stream && !all->stopping;
}

int llmq_waiters_room_expire_locked(llmq_waiter_t **ws, int max, llmq_waiters_t *all,
                                    apr_time_t now)
{
    llmq_date_t *date;
    int n = 0;

    while (n < max && (date = llmq_agenda_first(&all->agenda))
           && (all->stopping || date->at <= now)) {
        llmq_waiter_t *w = LLMQ_AGENDA_OF(date, llmq_waiter_t, due);

        if (needs_a_last_look(all, w)) {
            llmq_agenda_put(&all->agenda, &w->due, now + LAST_LOOK); /* moves it */
            w->holders++;
            ws[n++] = w;
        }
        else {
            llmq_waiters_room_answer_locked(w, LLMQ_WAITED_TIME, "its time is over");
        }
    }
    return n;
}

void llmq_waiters_room_despair_locked(llmq_waiters_t *all)
{
    llmq_waiter_t *w;
    llmq_waiter_t *next;
    int i;

    for (i = 0; all->n && i < LLMQ_WAITERS_BUCKETS; i++) {
        APR_RING_FOREACH_SAFE(w, next, &all->bucket[i], llmq_waiter_t, link)
        {
            if (llmq_lifesign_matters(w->kind)) {
                llmq_waiters_room_answer_locked(w, LLMQ_WAITED_DEAD,
                                                "the dispatcher does not run");
            }
        }
    }
}

/* ---- coming ---- */

/* The end of a run is told by its session, whose id is the chain of what stands for it. */
static apr_uint64_t topic_of(const llmq_job_t *job)
{
    if (job->kind == LLMQ_KIND_RUN) {
        return llmq_bus_topic(LLMQ_TOPIC_SESSION, job->tenant, job->chain);
    }
    return llmq_bus_topic(job->kind == LLMQ_KIND_TASK    ? LLMQ_TOPIC_TASK
                          : job->kind == LLMQ_KIND_DEBUG ? LLMQ_TOPIC_DEBUG
                                                         : LLMQ_TOPIC_MESSAGE,
                          job->tenant, job->id);
}

llmq_waiter_t *llmq_waiters_room_make(llmq_waiters_t *all, const llmq_job_t *job,
                                      const llmq_waiter_way_t *way, apr_size_t bytes)
{
    llmq_waiter_t *w = calloc(1, sizeof(*w) + bytes);

    if (w) {
        w->home = all;
        w->topic = topic_of(job);
        w->since = apr_time_now();
        w->kind = job->kind;
        w->way = way;
        apr_cpystrn(w->id, job->id, sizeof(w->id));
        sem_init(&w->woken, 0, 0);
    }
    return w;
}

/* From now on the room needs it, too. */
apr_status_t llmq_waiters_room_enter_locked(llmq_waiters_t *all, llmq_waiter_t *w,
                                            apr_time_t until)
{
    apr_status_t rv =
        all->stopping ? APR_EOF
                      : llmq_thread_begin(&all->thread, llmq_waiters_look_run, all, 0);

    if (rv == APR_SUCCESS) {
        rv = llmq_agenda_put(&all->agenda, &w->due, until);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    w->holders++;
    all->n++;
    APR_RING_INSERT_TAIL(bucket_of(all, w->topic), w, llmq_waiter_t, link);
    mark(all, w);
    all->again = 1;
    if (all->asleep) {
        eventfd_write(all->wake, 1);
    }
    return APR_SUCCESS;
}
