#include "base/stream_loop.h"

#include "base/stream_socket.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#define BATCH 256

/* The streams whose thread this is. */
static _Thread_local const llmq_streams_t *mine;

static void lock(llmq_streams_t *all)
{
    apr_thread_mutex_lock(all->lock);
}

static void unlock(llmq_streams_t *all)
{
    apr_thread_mutex_unlock(all->lock);
}

int llmq_stream_loop_is_here(const llmq_streams_t *all)
{
    return mine == all;
}

/* ---- what happens ---- */

void llmq_stream_loop_wakes(llmq_stream_source_t *source, apr_uint32_t events)
{
    llmq_streams_t *all = (llmq_streams_t *)(void *)source;
    eventfd_t rings;

    (void)events;
    eventfd_read(all->wake, &rings);
}

static void see_due(llmq_streams_t *all)
{
    apr_time_t now = apr_time_now();
    llmq_date_t *date;

    while ((date = llmq_agenda_first(&all->agenda)) && date->at <= now) {
        llmq_stream_t *s = LLMQ_AGENDA_OF(date, llmq_stream_t, due);

        llmq_stream_socket_cut(s); /* one that lingers is over already */
        llmq_stream_socket_release(s);
    }
}

static void run_timers(llmq_streams_t *all)
{
    apr_time_t now = apr_time_now();
    llmq_stream_timer_t *t;

    for (t = all->timers; t; t = t->next) {
        if (!t->due) {
            t->due = now + t->interval;
        }
        else if (t->due <= now) {
            t->fn(t->ctx);
            t->due = now + t->interval;
        }
    }
}

/* ---- the stop ---- */

static void close_locked(llmq_stream_t *s)
{
    apr_size_t before = s->queue.bytes;

    if (s->ended || s->over || s->conf.kind != LLMQ_STREAM_EVENTS) {
        return;
    }
    s->closing = 1;
    s->broken |= llmq_frame_queue_finish(&s->queue) != APR_SUCCESS;
    llmq_stream_socket_account(s, before);
    llmq_stream_socket_tell_locked(s);
}

/* Events go on elsewhere: whoever hears that these have ended well comes back for them. */
static void close_events(llmq_streams_t *all)
{
    llmq_stream_t *s;

    lock(all);
    APR_RING_FOREACH(s, &all->ring, llmq_stream_t, link)
    {
        close_locked(s);
    }
    unlock(all);
    llmq_stream_socket_go_on(all);
}

/* @return the next one that has a socket, the first after NULL; NULL: there is none */
static llmq_stream_t *next_open(llmq_streams_t *all, llmq_stream_t *s)
{
    llmq_stream_t *end = APR_RING_SENTINEL(&all->ring, llmq_stream_t, link);

    lock(all);
    do {
        s = s ? APR_RING_NEXT(s, link) : APR_RING_FIRST(&all->ring);
    } while (s != end && s->fd < 0);
    unlock(all);
    return s != end ? s : NULL;
}

/* Looks at all of them for the last time. @return non-zero if nothing is left to do */
static int be_dead(llmq_streams_t *all)
{
    llmq_stream_t *s;
    int dead;

    lock(all);
    APR_RING_FOREACH(s, &all->ring, llmq_stream_t, link)
    {
        llmq_stream_socket_tell_locked(s);
    }
    unlock(all);
    llmq_stream_socket_go_on(all);
    lock(all);
    dead = all->dead = !all->told && !all->sockets;
    unlock(all);
    return dead;
}

/* Streams are freed after their turn, as the next one is found by them. */
static void cut_all(llmq_streams_t *all)
{
    llmq_stream_t *s;

    do {
        for (s = next_open(all, NULL); s; s = next_open(all, s)) {
            llmq_stream_socket_cut(s);
        }
    } while (!be_dead(all));
}

/* ---- the thread ---- */

static apr_time_t first_timer(const llmq_streams_t *all)
{
    const llmq_stream_timer_t *t;
    apr_time_t first = 0;

    for (t = all->timers; t; t = t->next) {
        first = !first || t->due < first ? t->due : first;
    }
    return first;
}

static apr_time_t earlier(apr_time_t a, apr_time_t b)
{
    return !a || (b && b < a) ? b : a;
}

/* Patience is for clients: what their sockets take at once is written before it can end,
 * however late this thread hears of the stop.
 * @param closed non-zero: the stop has begun here
 * @return msec to sleep, -1: as long as it takes; *pover: the end of the thread */
static int look_ahead(llmq_streams_t *all, int closed, int *pstopping, int *pover)
{
    const llmq_date_t *date = llmq_agenda_first(&all->agenda);
    apr_time_t now = apr_time_now();
    apr_time_t until = date ? date->at : 0;

    lock(all);
    *pstopping = all->stopping;
    if (all->stopping) {
        until = earlier(until, all->stop_at);
        *pover = closed && (!all->sockets || now >= all->stop_at);
    }
    else {
        until = earlier(until, first_timer(all));
    }
    unlock(all);
    if (!until) {
        return -1;
    }
    return until > now ? (int)apr_time_as_msec(until - now) + 1 : 0;
}

static void see_all(const struct epoll_event *events, int n)
{
    int i;

    /* A stream may stand in the events and in the list of the told: it lives until both are
     * seen, as only what is not told is freed, and each stands in the events once. */
    for (i = 0; i < n; i++) {
        llmq_stream_source_t *source = events[i].data.ptr;

        source->see(source, events[i].events);
    }
}

void *APR_THREAD_FUNC llmq_stream_loop_run(apr_thread_t *thread, void *data)
{
    llmq_streams_t *all = data;
    struct epoll_event events[BATCH];
    int stopping = 0;
    int closed = 0;
    int over = 0;
    int wait;

    (void)thread;
    mine = all;
    run_timers(all);
    for (wait = look_ahead(all, closed, &stopping, &over); !over;
         wait = look_ahead(all, closed, &stopping, &over)) {
        if (stopping && !closed) {
            close_events(all);
            closed = 1;
            continue;
        }
        see_all(events, epoll_wait(all->epoll, events, BATCH, wait));
        if (!stopping) {
            run_timers(all);
        }
        llmq_stream_socket_go_on(all);
        see_due(all);
    }
    cut_all(all);
    llmq_agenda_cleanup(&all->agenda);
    return NULL;
}
