/* The thread that looks at the jobs of those who wait. Read llmq_waiters_look_run() from top to
 * bottom. */
#include "http/waiters_room.h"

#include "base/log.h"

#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>

#define BATCH      64                      /* jobs of one look */
#define EVENTS     64                      /* read at once */
#define LOOK_SOON  apr_time_from_msec(250) /* without an ear on the bus */
#define LOOK_OFTEN apr_time_from_sec(1)    /* at what other nodes may have done */
#define LOOK_RARE  apr_time_from_sec(5)    /* in case that the bus has lost something */
#define TICK       apr_time_from_sec(1)    /* does the dispatcher live? */

/* ---- what the bus says ---- */

static void on_event(void *ctx, const llmq_event_t *event)
{
    llmq_waiters_t *all = ctx;

    if (event->what != LLMQ_EVENT_DELTA) { /* a job has changed, or the log of a run */
        llmq_waiters_room_lock(all);
        llmq_waiters_room_mark_locked(all, event->topic);
        llmq_waiters_room_unlock(all);
    }
}

static void hear(llmq_waiters_t *all)
{
    int missed = 0;

    if (!all->reader) {
        return;
    }
    while (llmq_bus_read(&missed, all->reader, on_event, all, EVENTS) == EVENTS)
        ;
    if (missed) {
        llmq_waiters_room_lock(all);
        llmq_waiters_room_mark_all_locked(all);
        llmq_waiters_room_unlock(all);
    }
}

/* While nobody waits nobody needs to tell us anything. */
static void prick_up(llmq_waiters_t *all, int anybody)
{
    if (all->reader && all->listening != anybody) {
        all->listening = anybody;
        llmq_bus_want(all->reader, anybody);
    }
}

/* ---- what the store says ---- */

/* @return which answer tells it */
static llmq_waited_e answer_of(const llmq_waiter_t *w, const llmq_job_t *job)
{
    return w->stream && w->way->other ? w->way->other(job) : LLMQ_WAITED_COUNT;
}

static llmq_frame_t *frame_of(llmq_waiter_t *w, const llmq_job_t *job, apr_pool_t *p)
{
    struct iovec parts[3];
    llmq_text_t length;
    llmq_text_t body;

    llmq_text_init(&body, job->payload_len + 1024, p);
    w->way->text(&body, job);
    llmq_text_init(&length, 64, p);
    LLMQ_TEXT_LIT(&length, "Content-Length: ");
    llmq_text_int(&length, (apr_int64_t)body.len);
    LLMQ_TEXT_LIT(&length, "\r\n\r\n");
    parts[0] = (struct iovec){w->bytes, w->head_len};
    parts[1] = (struct iovec){length.data, length.len};
    parts[2] = (struct iovec){body.data, body.len};
    return llmq_frame_make(parts, 3);
}

/* @return what has come of it; NULL: it goes on */
static const char *outcome_of(const llmq_job_t *job, int removed)
{
    return !job || removed                  ? "it is gone"
           : llmq_job_is_final(job->status) ? "it has ended"
                                            : NULL;
}

static void settle_locked(llmq_waiter_t *w, const llmq_job_t *job, int removed,
                          llmq_frame_t *frame)
{
    const char *how = outcome_of(job, removed);
    llmq_waited_e which = LLMQ_WAITED_GONE;

    if (!how || !llmq_waiters_room_is_in(w)) {
        return;
    }
    if (job && !removed) {
        which = answer_of(w, job);
    }
    if (which < LLMQ_WAITED_COUNT) {
        llmq_waiters_room_answer_locked(w, which, how);
    }
    else {
        llmq_waiters_room_tell_locked(w, frame, how);
    }
}

/* The answers that are not made yet. */
static void make_frames(llmq_frame_t **frames, llmq_waiter_t **ws, llmq_job_t **jobs,
                        const int *removed, int n, apr_pool_t *p)
{
    int i;

    for (i = 0; i < n; i++) {
        if (ws[i]->stream && jobs[i] && !removed[i] && llmq_job_is_final(jobs[i]->status)
            && answer_of(ws[i], jobs[i]) == LLMQ_WAITED_COUNT) {
            frames[i] = frame_of(ws[i], jobs[i], p);
        }
    }
}

/* Those who wait in one way. @return non-zero if the store has answered */
static int look_at_alike(llmq_waiters_t *all, llmq_waiter_t **ws, int n)
{
    llmq_frame_t *frames[BATCH] = {NULL};
    const char *ids[BATCH] = {NULL};
    llmq_job_t **jobs = NULL;
    int *removed = NULL;
    apr_status_t rv;
    int i;

    for (i = 0; i < n; i++) {
        ids[i] = ws[i]->id;
    }
    rv = llmq_waiters_way_look(&jobs, &removed, ws[0]->way, all->service->store, ids, n,
                               all->thread.scratch);
    if (rv == APR_SUCCESS) {
        make_frames(frames, ws, jobs, removed, n, all->thread.scratch);
    }
    llmq_waiters_room_lock(all);
    for (i = 0; i < n; i++) {
        if (rv == APR_SUCCESS) {
            settle_locked(ws[i], jobs[i], removed[i], frames[i]);
        }
        llmq_waiters_room_drop_locked(ws[i]);
    }
    llmq_waiters_room_unlock(all);
    for (i = 0; i < n; i++) {
        llmq_frame_drop(frames[i]);
    }
    apr_pool_clear(all->thread.scratch);
    return rv == APR_SUCCESS;
}

/* @return how many at the beginning wait in the same way */
static int count_alike(llmq_waiter_t **ws, int n)
{
    int k;

    for (k = 1; k < n && ws[k]->way == ws[0]->way; k++)
        ;
    return k;
}

/* @return non-zero if the store has answered */
static int look_at(llmq_waiters_t *all, llmq_waiter_t **ws, int n)
{
    int answered = 1;
    int i;
    int k;

    for (i = 0; i < n; i += k) {
        k = count_alike(ws + i, n - i);
        answered &= look_at_alike(all, ws + i, k);
    }
    return answered;
}

/* What the store does not tell now is looked at again with all the others. */
static void look(llmq_waiters_t *all)
{
    llmq_waiter_t *ws[BATCH];
    int n;

    do {
        llmq_waiters_room_lock(all);
        n = llmq_waiters_room_next_locked(ws, BATCH, all);
        llmq_waiters_room_unlock(all);
    } while (n && look_at(all, ws, n) && n == BATCH);
}

/* ---- what the clock says ---- */

static void end_late(llmq_waiters_t *all, llmq_waiter_t **ws, int n)
{
    const char *ids[BATCH] = {NULL};
    int i;
    int k;

    for (i = 0; i < n; i++) {
        ids[i] = ws[i]->id;
    }
    for (i = 0; i < n; i += k) {
        k = count_alike(ws + i, n - i);
        if (ws[i]->way->late) {
            ws[i]->way->late(all->service, ids + i, k, all->thread.scratch);
        }
    }
}

static void answer_late(llmq_waiters_t *all, llmq_waiter_t **ws, int n)
{
    int i;

    llmq_waiters_room_lock(all);
    for (i = 0; i < n; i++) {
        if (llmq_waiters_room_is_in(ws[i])) {
            llmq_waiters_room_answer_locked(ws[i], LLMQ_WAITED_TIME, "its time is over");
        }
        llmq_waiters_room_drop_locked(ws[i]);
    }
    llmq_waiters_room_unlock(all);
}

/* What shall not go on without a listener is ended, and whoever waited for it hears how it has
 * ended in truth: it may have been answered at the last moment.
 * @return non-zero if the store has answered */
static int look_for_the_last_time(llmq_waiters_t *all, llmq_waiter_t **ws, int n)
{
    int answered;
    int i;

    llmq_waiters_room_lock(all);
    for (i = 0; i < n; i++) {
        ws[i]->holders++; /* look_at() drops one */
    }
    llmq_waiters_room_unlock(all);
    end_late(all, ws, n);
    answered = look_at(all, ws, n);
    answer_late(all, ws, n);
    return answered;
}

/* A store that is away keeps nobody waiting but the first of them. */
static void expire(llmq_waiters_t *all)
{
    llmq_waiter_t *ws[BATCH];
    int answers = 1;
    int n;

    do {
        llmq_waiters_room_lock(all);
        n = llmq_waiters_room_expire_locked(ws, BATCH, all, apr_time_now());
        llmq_waiters_room_unlock(all);
        if (n && answers) {
            answers = look_for_the_last_time(all, ws, n);
        }
        else if (n) {
            answer_late(all, ws, n);
        }
    } while (n == BATCH);
}

static apr_interval_time_t sweep_interval(const llmq_waiters_t *all)
{
    llmq_bus_stats_t stats;

    if (!all->reader) {
        return LOOK_SOON;
    }
    llmq_bus_stats(&stats, all->service->bus);
    return stats.linked
                   || llmq_store_conf(all->service->store)->dialect
                          == LLMQ_DIALECT_SQLITE3
               ? LOOK_RARE
               : LOOK_OFTEN;
}

static void tick(llmq_waiters_t *all, apr_time_t now)
{
    llmq_waiters_room_lock(all);
    if (now - all->swept_at >= sweep_interval(all)) {
        all->swept_at = now;
        llmq_waiters_room_mark_all_locked(all);
    }
    if (llmq_lifesign_is_missing(&all->sign, all->service, now)) {
        llmq_waiters_room_despair_locked(all);
    }
    llmq_waiters_room_unlock(all);
}

/* @return msec, -1: until somebody comes */
static int fall_asleep_locked(llmq_waiters_t *all, apr_time_t now)
{
    const llmq_date_t *first = llmq_agenda_first(&all->agenda);
    apr_time_t until = now + (all->reader ? TICK : LOOK_SOON);

    if (all->again || all->stopping) {
        return 0;
    }
    all->asleep = 1;
    if (!first) {
        return -1;
    }
    until = first->at < until ? first->at : until;
    return until > now ? (int)apr_time_as_msec(until - now) + 1 : 1;
}

static void doze(llmq_waiters_t *all, int msec)
{
    struct pollfd fds[2] = {
        {.fd = all->wake, .events = POLLIN},
        {.fd = all->reader ? llmq_bus_fd(all->reader) : -1, .events = POLLIN}};
    eventfd_t rings;

    poll(fds, 2, msec);
    eventfd_read(all->wake, &rings);
}

static void attach(llmq_waiters_t *all)
{
    apr_status_t rv = llmq_bus_attach(&all->reader, all->service->bus, all->thread.pool);

    if (rv != APR_SUCCESS) {
        all->reader = NULL;
        LLMQ_LOG(LLMQ_LOG_INFO, rv,
                 LLMQ_NO(0291) "no ear on the bus is left: what requests wait for is"
                               " looked at four times a second");
    }
}

void *APR_THREAD_FUNC llmq_waiters_look_run(apr_thread_t *thread, void *data)
{
    llmq_waiters_t *all = data;
    int stopping;
    int msec;
    int n;

    (void)thread;
    attach(all);
    do {
        llmq_waiters_room_lock(all);
        all->asleep = all->again = 0;
        n = all->n;
        llmq_waiters_room_unlock(all);
        /* 1. From here on the bus tells us. */
        prick_up(all, n > 0);
        hear(all);
        if (n == 0) {
            memset(&all->sign, 0,
                   sizeof(all->sign)); /* what was before concerns nobody */
        }
        /* 2. Is it time to look at all? Does anybody work on them? */
        tick(all, apr_time_now());
        /* 3. What has become of those that are new, or of which we have heard? */
        look(all);
        /* 4. Whose time is over? */
        llmq_waiters_room_lock(all);
        stopping = all->stopping; /* from now on nobody else comes */
        llmq_waiters_room_unlock(all);
        expire(all);
        llmq_waiters_room_lock(all);
        msec = fall_asleep_locked(all, apr_time_now());
        llmq_waiters_room_unlock(all);
        if (!stopping) {
            doze(all, msec);
        }
    } while (!stopping);
    prick_up(all, 0);
    return NULL;
}
