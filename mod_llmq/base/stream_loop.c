#include "base/stream_loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH  64
#define LINGER apr_time_from_sec(2) /* for a client that goes on sending */

typedef llmq_stream_piece_t piece_t;

static void lock(llmq_streams_t *all)
{
    apr_thread_mutex_lock(all->lock);
}

static void unlock(llmq_streams_t *all)
{
    apr_thread_mutex_unlock(all->lock);
}

static void drop_pieces_locked(llmq_stream_t *s)
{
    while (s->first) {
        piece_t *piece = s->first;

        s->first = piece->next;
        atomic_fetch_sub(&s->all->bytes, piece->len);
        free(piece);
    }
    s->last = &s->first;
}

/* Gone for good once nobody can come back to it. */
static void free_if_done(llmq_stream_t *s)
{
    llmq_streams_t *all = s->all;
    int done;

    lock(all);
    done = s->fd < 0 && s->ended && s->over && !s->told;
    if (done) {
        APR_RING_REMOVE(s, link);
        drop_pieces_locked(s);
    }
    unlock(all);
    if (done) {
        free(s);
        atomic_fetch_sub(&all->count, 1);
    }
}

/* Out of the kernel's set with its last descriptor, which this is. */
static void hang_up(llmq_stream_t *s)
{
    if (s->fd >= 0) {
        epoll_ctl(s->all->epoll, EPOLL_CTL_DEL, s->fd, NULL);
        close(s->fd);
        s->fd = -1;
    }
    llmq_agenda_remove(&s->all->agenda, &s->due);
}

static void be_over(llmq_stream_t *s, int whole)
{
    int news;

    lock(s->all);
    news = !s->over;
    s->over = 1;
    drop_pieces_locked(s);
    unlock(s->all);
    if (news) {
        s->conf.over(s->conf.ctx, whole);
    }
}

static void cut(llmq_stream_t *s)
{
    hang_up(s);
    be_over(s, 0);
}

static void listen_for(llmq_stream_t *s, uint32_t events)
{
    struct epoll_event event = {.events = events | EPOLLRDHUP, .data = {.ptr = s}};

    epoll_ctl(s->all->epoll, EPOLL_CTL_MOD, s->fd, &event);
}

static void linger(llmq_stream_t *s)
{
    shutdown(s->fd, SHUT_WR);
    if (llmq_agenda_put(&s->all->agenda, &s->due, apr_time_now() + LINGER)
        != APR_SUCCESS) {
        hang_up(s);
    }
    else {
        listen_for(s, EPOLLIN);
    }
    be_over(s, 1);
}

/* The socket takes no more: until it does, or the client has slept for too long. */
static void wait_for_room(llmq_stream_t *s)
{
    if (llmq_agenda_put(&s->all->agenda, &s->due, apr_time_now() + s->conf.stall)
        != APR_SUCCESS) {
        cut(s);
        return;
    }
    if (!s->full) {
        s->full = 1;
        listen_for(s, EPOLLOUT);
    }
}

static void have_room(llmq_stream_t *s)
{
    if (s->full) {
        s->full = 0;
        listen_for(s, 0);
    }
    llmq_agenda_remove(&s->all->agenda, &s->due);
}

/* @return the piece to write next, NULL none; *pended: and nothing follows, 1, or can, -1 */
static piece_t *next_piece(llmq_stream_t *s, int *pended)
{
    piece_t *piece;

    lock(s->all);
    piece = s->first;
    if (piece && piece->done == piece->len) {
        s->first = piece->next;
        s->last = s->first ? s->last : &s->first;
        atomic_fetch_sub(&s->all->bytes, piece->len);
        free(piece);
        piece = s->first;
    }
    *pended = s->broken ? -1 : s->ended;
    unlock(s->all);
    return piece;
}

static void write_on(llmq_stream_t *s)
{
    piece_t *piece;
    int ended = 0;

    while ((piece = next_piece(s, &ended))) {
        ssize_t n = send(s->fd, piece->data + piece->done, piece->len - piece->done,
                         MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno == EAGAIN) {
            wait_for_room(s);
            return;
        }
        if (n < 0) {
            cut(s);
            return;
        }
        piece->done += (size_t)n;
    }
    have_room(s);
    if (ended < 0) {
        cut(s);
    }
    else if (ended) {
        linger(s);
    }
}

/* After the answer: whatever the client sends goes nowhere. */
static void read_off(llmq_stream_t *s)
{
    char waste[4096];
    ssize_t n = recv(s->fd, waste, sizeof(waste), MSG_DONTWAIT);

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        hang_up(s);
    }
}

static void see(llmq_stream_t *s, uint32_t events)
{
    if (s->fd < 0) {
        return;
    }
    if (s->over) { /* lingers; only this thread sets it */
        read_off(s);
    }
    else if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
        cut(s);
    }
    else if (events & EPOLLOUT) {
        write_on(s);
    }
    free_if_done(s);
}

static void see_told(llmq_streams_t *all)
{
    llmq_stream_t *s;

    for (;;) {
        lock(all);
        s = all->told;
        if (s) {
            all->told = s->next_told;
            s->told = 0;
        }
        unlock(all);
        if (!s) {
            return;
        }
        if (!s->over && !s->full) {
            write_on(s);
        }
        free_if_done(s);
    }
}

static void see_due(llmq_streams_t *all)
{
    apr_time_t now = apr_time_now();
    llmq_date_t *date;

    while ((date = llmq_agenda_first(&all->agenda)) && date->at <= now) {
        llmq_stream_t *s = LLMQ_AGENDA_OF(date, llmq_stream_t, due);

        cut(s); /* one that lingers is over already */
        free_if_done(s);
    }
}

static void cut_all(llmq_streams_t *all)
{
    llmq_stream_t *s;

    for (;;) {
        see_told(all); /* owners may end theirs as they hear that it is over */
        lock(all);
        s = APR_RING_EMPTY(&all->ring, llmq_stream_t, link) ? NULL
                                                            : APR_RING_FIRST(&all->ring);
        if (s) {
            s->ended = 1;
        }
        unlock(all);
        if (!s) {
            return;
        }
        cut(s);
        free_if_done(s);
    }
}

/* @return msec to sleep, -1: as long as it takes; *pover: the end of the thread */
static int look_ahead(llmq_streams_t *all, int *pover)
{
    const llmq_date_t *date = llmq_agenda_first(&all->agenda);
    apr_time_t now = apr_time_now();
    apr_time_t until = date ? date->at : 0;

    lock(all);
    if (all->stopping) {
        until = !until || until > all->stop_at ? all->stop_at : until;
        *pover = APR_RING_EMPTY(&all->ring, llmq_stream_t, link) || now >= all->stop_at;
    }
    unlock(all);
    if (!until) {
        return -1;
    }
    return until > now ? (int)apr_time_as_msec(until - now) + 1 : 0;
}

void *APR_THREAD_FUNC llmq_stream_loop_run(apr_thread_t *thread, void *data)
{
    llmq_streams_t *all = data;
    struct epoll_event events[BATCH];
    eventfd_t rings;
    int over = 0;
    int wait;

    (void)thread;
    for (wait = look_ahead(all, &over); !over; wait = look_ahead(all, &over)) {
        int n = epoll_wait(all->epoll, events, BATCH, wait);
        int i;

        /* A stream may stand in the events and in the list: it lives until both are seen,
         * as only what is not told is freed, and each stands in the events once. */
        for (i = 0; i < n; i++) {
            if (events[i].data.ptr) {
                see(events[i].data.ptr, events[i].events);
            }
            else {
                eventfd_read(all->wake, &rings);
            }
        }
        see_told(all);
        see_due(all);
    }
    cut_all(all);
    llmq_agenda_cleanup(&all->agenda);
    return NULL;
}
