/* Coming to wait, and leaving. Who waits is kept in http/waiters_room.c, the thread is
 * http/waiters_look.c. */
#include "http/waiters.h"

#include "base/clock.h"
#include "http/detach.h"
#include "http/waiters_room.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* ---- parked ---- */

static void on_over(void *ctx, int whole)
{
    llmq_waiter_t *w = ctx;
    llmq_waiters_t *all = w->home;

    llmq_waiters_room_lock(all);
    w->left = !whole;
    if (llmq_waiters_room_is_in(w)) {
        llmq_waiters_room_tell_locked(w, NULL, "the client left");
    }
    llmq_waiters_room_drop_locked(w);
    llmq_waiters_room_unlock(all);
}

static void copy_answers(llmq_waiter_t *w, const llmq_waiter_conf_t *conf)
{
    char *at = w->bytes;
    int i;

    memcpy(at, conf->head.data, conf->head.len);
    at += w->head_len = conf->head.len;
    for (i = 0; i < LLMQ_WAITED_COUNT; i++) {
        if (conf->others[i].len) {
            memcpy(at, conf->others[i].data, conf->others[i].len);
        }
        at += w->other_len[i] = conf->others[i].len;
    }
}

/* The socket is ours and the stream may be over already. */
static void settle_in(llmq_waiters_t *all, llmq_waiter_t *w, apr_time_t until)
{
    llmq_waiters_room_lock(all);
    if (w->left) {
        llmq_stream_drop(w->stream);
    }
    else if (llmq_waiters_room_enter_locked(all, w, until) != APR_SUCCESS) {
        llmq_waiters_room_answer_locked(w, LLMQ_WAITED_TIME, "nobody can wait now");
    }
    llmq_waiters_room_drop_locked(w);
    llmq_waiters_room_unlock(all);
}

apr_status_t llmq_waiters_park(llmq_waiters_t *all, request_rec *r,
                               const llmq_waiter_conf_t *conf)
{
    llmq_stream_conf_t how = {
        .kind = LLMQ_STREAM_ANSWER, .stall = r->server->timeout, .over = on_over};
    apr_size_t bytes = conf->head.len;
    llmq_waiter_t *w;
    apr_status_t rv;
    int i;

    for (i = 0; i < LLMQ_WAITED_COUNT; i++) {
        bytes += conf->others[i].len;
    }
    w = llmq_waiters_room_make(all, conf->job, conf->way, bytes);
    if (!w) {
        return APR_ENOMEM;
    }
    copy_answers(w, conf);
    w->holders = 2; /* the stream's end and this function */
    how.ctx = w;
    rv = llmq_detach_unanswered(&w->stream, r, all->service->streams, &how);
    if (rv == APR_SUCCESS) {
        settle_in(all, w, conf->until);
    }
    else {
        llmq_waiters_room_unmake(w);
    }
    return rv;
}

/* ---- held ---- */

apr_status_t llmq_waiters_enter(llmq_waiter_t **pw, llmq_waiters_t *all,
                                const llmq_job_t *job, const llmq_waiter_way_t *way,
                                apr_time_t until)
{
    llmq_waiter_t *w = llmq_waiters_room_make(all, job, way, 0);
    apr_status_t rv;

    if (!w) {
        return APR_ENOMEM;
    }
    w->holders = 1;
    llmq_waiters_room_lock(all);
    rv = llmq_waiters_room_enter_locked(all, w, until);
    if (rv != APR_SUCCESS) {
        llmq_waiters_room_drop_locked(w);
    }
    llmq_waiters_room_unlock(all);
    *pw = rv == APR_SUCCESS ? w : *pw;
    return rv;
}

int llmq_waiters_sleep(llmq_waiter_t *w, apr_interval_time_t step)
{
    struct timespec until;
    int rv;

    llmq_clock_deadline(&until, step);
    while ((rv = sem_clockwait(&w->woken, CLOCK_MONOTONIC, &until)) && errno == EINTR)
        ;
    return rv == 0;
}

void llmq_waiters_leave(llmq_waiter_t *w)
{
    llmq_waiters_t *all = w->home;

    llmq_waiters_room_lock(all);
    if (llmq_waiters_room_is_in(w)) {
        llmq_waiters_room_leave_locked(w);
    }
    llmq_waiters_room_drop_locked(w);
    llmq_waiters_room_unlock(all);
}

/* ---- life ---- */

static apr_status_t close_wake(void *data)
{
    close(((llmq_waiters_t *)data)->wake);
    return APR_SUCCESS;
}

apr_status_t llmq_waiters_create(llmq_waiters_t **pall, const llmq_service_t *service,
                                 apr_pool_t *p)
{
    llmq_waiters_t *all = apr_pcalloc(p, sizeof(*all));
    int i;

    all->service = service;
    APR_RING_INIT(&all->marked, llmq_waiter_t, next);
    for (i = 0; i < LLMQ_WAITERS_BUCKETS; i++) {
        APR_RING_INIT(&all->bucket[i], llmq_waiter_t, link);
    }
    all->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (all->wake < 0) {
        return errno;
    }
    apr_pool_cleanup_register(p, all, close_wake, apr_pool_cleanup_null);
    *pall = all;
    return apr_thread_mutex_create(&all->lock, APR_THREAD_MUTEX_DEFAULT, p);
}

void llmq_waiters_stop(llmq_waiters_t *all)
{
    int has_begun;

    llmq_waiters_room_lock(all);
    all->stopping = 1;
    has_begun = all->thread.thread != NULL;
    llmq_waiters_room_unlock(all);
    if (has_begun) {
        eventfd_write(all->wake, 1);
        llmq_thread_end(&all->thread);
        llmq_agenda_cleanup(&all->agenda);
    }
}
