#include "base/stream.h"

#include "base/stream_loop.h"
#include "base/stream_socket.h"
#include "llmq.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void lock(llmq_streams_t *all)
{
    apr_thread_mutex_lock(all->lock);
}

static void unlock(llmq_streams_t *all)
{
    apr_thread_mutex_unlock(all->lock);
}

static void wake(llmq_streams_t *all)
{
    eventfd_write(all->wake, 1);
}

/* ---- life ---- */

/* Streams whose owners never came back to them, too. */
static apr_status_t close_all(void *data)
{
    llmq_streams_t *all = data;
    llmq_stream_t *s;
    llmq_stream_t *next;

    APR_RING_FOREACH_SAFE(s, next, &all->ring, llmq_stream_t, link)
    {
        llmq_frame_queue_clear(&s->queue);
        free(s);
    }
    close(all->wake);
    close(all->epoll);
    return APR_SUCCESS;
}

static apr_status_t add_source(llmq_streams_t *all, int fd, llmq_stream_source_t *source,
                               apr_uint32_t events)
{
    struct epoll_event event = {.events = events, .data = {.ptr = source}};

    return epoll_ctl(all->epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? APR_SUCCESS : errno;
}

apr_status_t llmq_stream_create(llmq_streams_t **ps, const int max[LLMQ_STREAM_COUNT],
                                apr_pool_t *p)
{
    llmq_streams_t *all = apr_pcalloc(p, sizeof(*all));

    APR_RING_INIT(&all->ring, llmq_stream_t, link);
    memcpy(all->max, max, sizeof(all->max));
    all->p = p;
    all->source.see = llmq_stream_loop_wakes;
    all->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (all->epoll < 0) {
        return errno;
    }
    all->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (all->wake < 0) {
        close(all->epoll);
        return errno;
    }
    apr_pool_cleanup_register(p, all, close_all, apr_pool_cleanup_null);
    add_source(all, all->wake, &all->source, EPOLLIN);
    *ps = all;
    return apr_thread_mutex_create(&all->lock, APR_THREAD_MUTEX_DEFAULT, p);
}

void llmq_stream_stop(llmq_streams_t *all, apr_interval_time_t patience)
{
    llmq_thread_t thread;

    lock(all);
    all->stopping = 1;
    all->stop_at = apr_time_now() + patience;
    thread = all->thread;
    all->thread.thread = NULL;
    unlock(all);
    if (thread.thread) {
        wake(all);
        llmq_thread_end(&thread);
    }
}

static void see_watched(llmq_stream_source_t *source, apr_uint32_t events)
{
    llmq_stream_watch_t *w = (llmq_stream_watch_t *)(void *)source;

    (void)events;
    w->fn(w->ctx);
}

apr_status_t llmq_stream_watch(llmq_streams_t *all, int fd, llmq_stream_turn_fn_t *fn,
                               void *ctx)
{
    llmq_stream_watch_t *w = apr_pcalloc(all->p, sizeof(*w));

    w->source.see = see_watched;
    w->fn = fn;
    w->ctx = ctx;
    return add_source(all, fd, &w->source, EPOLLIN);
}

void llmq_stream_every(llmq_streams_t *all, apr_interval_time_t interval,
                       llmq_stream_turn_fn_t *fn, void *ctx)
{
    llmq_stream_timer_t *t = apr_pcalloc(all->p, sizeof(*t));

    t->interval = interval;
    t->fn = fn;
    t->ctx = ctx;
    t->next = all->timers;
    all->timers = t;
}

apr_status_t llmq_stream_admit(llmq_streams_t *all, llmq_stream_kind_e kind)
{
    apr_status_t rv;

    if (atomic_fetch_add(&all->count[kind], 1) >= all->max[kind]) {
        llmq_stream_dismiss(all, kind);
        return LLMQ_EFULL;
    }
    lock(all);
    rv = all->stopping ? APR_EOF
                       : llmq_thread_begin(&all->thread, llmq_stream_loop_run, all, 0);
    unlock(all);
    if (rv != APR_SUCCESS) {
        llmq_stream_dismiss(all, kind);
    }
    return rv;
}

void llmq_stream_dismiss(llmq_streams_t *all, llmq_stream_kind_e kind)
{
    atomic_fetch_sub(&all->count[kind], 1);
}

apr_status_t llmq_stream_open(llmq_stream_t **ps, llmq_streams_t *all, int fd,
                              const llmq_stream_conf_t *conf)
{
    llmq_stream_t *s = calloc(1, sizeof(*s));
    apr_status_t rv = s ? APR_SUCCESS : APR_ENOMEM;

    if (s) {
        s->source.see = llmq_stream_socket_sees;
        s->all = all;
        s->conf = *conf;
        s->queue.chunked = conf->chunked != 0;
        s->fd = fd;
        s->later = conf->later != 0;
        lock(all);
        /* From here on the thread may see it, and what it finds waits for the lock. */
        rv = all->dead ? APR_EOF : add_source(all, fd, &s->source, EPOLLRDHUP);
        if (rv == APR_SUCCESS) {
            APR_RING_INSERT_TAIL(&all->ring, s, llmq_stream_t, link);
            all->sockets++;
            *ps = s;
        }
        unlock(all);
    }
    if (rv != APR_SUCCESS) {
        close(fd);
        free(s);
    }
    return rv;
}

void llmq_stream_begin(llmq_stream_t *s, llmq_wire_t *wire)
{
    llmq_streams_t *all = s->all;
    int news = 0;
    int dead;

    lock(all);
    s->wire = wire;
    s->later = 0;
    dead = all->dead;
    news = dead ? 0 : llmq_stream_socket_tell_locked(s);
    unlock(all); /* it may be gone now */
    if (news) {
        wake(all);
    }
    if (dead) {
        llmq_stream_socket_release(s);
    }
}

/* ---- the owner ---- */

/* What a client with room for nothing more cannot have; a single frame is always tried. */
static int is_too_much(const llmq_stream_t *s, const llmq_frame_t *frame)
{
    return s->conf.max_pending && s->queue.bytes
           && s->queue.bytes + frame->len > s->conf.max_pending;
}

/* @param done bytes of the frame that are written already */
static void put_locked(llmq_stream_t *s, llmq_frame_t *frame, apr_size_t done)
{
    apr_size_t before = s->queue.bytes;

    if (is_too_much(s, frame) || llmq_frame_queue_put(&s->queue, frame) != APR_SUCCESS) {
        s->broken = 1;
        return;
    }
    llmq_frame_queue_advance(&s->queue, done);
    llmq_stream_socket_account(s, before);
}

static void finish_locked(llmq_stream_t *s)
{
    apr_size_t before = s->queue.bytes;

    if (llmq_frame_queue_finish(&s->queue) != APR_SUCCESS) {
        s->broken = 1;
    }
    llmq_stream_socket_account(s, before);
}

static apr_status_t enqueue(llmq_stream_t *s, llmq_frame_t *frame, apr_size_t done)
{
    llmq_streams_t *all = s->all;
    apr_status_t rv;
    int news;

    lock(all);
    if (!s->over && !s->closing && !s->broken) {
        put_locked(s, frame, done);
    }
    rv = s->over || s->closing || s->broken ? APR_ECONNABORTED : APR_SUCCESS;
    news = llmq_stream_socket_tell_locked(s);
    unlock(all);
    if (news) {
        wake(all);
    }
    return rv;
}

/* As long as nothing waits, nobody but the owner and the thread could change that, and
 * they are the same here. */
static int is_idle(llmq_stream_t *s)
{
    int idle;

    lock(s->all);
    idle = !s->queue.first && !s->over && !s->closing && !s->broken && !s->later;
    unlock(s->all);
    return idle;
}

static apr_status_t break_off(llmq_stream_t *s)
{
    llmq_streams_t *all = s->all;

    lock(all);
    s->broken = 1;
    llmq_stream_socket_tell_locked(s);
    unlock(all);
    wake(all);
    return APR_ECONNABORTED;
}

apr_status_t llmq_stream_send(llmq_stream_t *s, llmq_frame_t *frame)
{
    struct iovec part;
    apr_ssize_t n;

    if (!llmq_stream_loop_is_here(s->all) || !is_idle(s)) {
        return enqueue(s, frame, 0);
    }
    llmq_frame_part(&part, frame, s->queue.chunked);
    n = llmq_stream_socket_write(s, &part);
    if (n < 0) {
        return break_off(s);
    }
    return (apr_size_t)n == part.iov_len ? APR_SUCCESS : enqueue(s, frame, (apr_size_t)n);
}

/* @param whole 0: cut it */
static void give_back(llmq_stream_t *s, llmq_frame_t *frame, int whole)
{
    llmq_streams_t *all = s->all;
    int news;
    int dead;

    lock(all);
    s->broken |= !whole;
    if (!s->over && !s->closing && !s->broken) {
        if (frame) {
            put_locked(s, frame, 0);
        }
        finish_locked(s);
    }
    s->ended = 1;
    dead = all->dead;
    news = llmq_stream_socket_tell_locked(s);
    unlock(all); /* it may be gone now */
    if (news) {
        wake(all);
    }
    if (dead) {
        llmq_stream_socket_release(s);
    }
}

void llmq_stream_end(llmq_stream_t *s, llmq_frame_t *frame)
{
    give_back(s, frame, 1);
}

void llmq_stream_drop(llmq_stream_t *s)
{
    give_back(s, NULL, 0);
}

apr_size_t llmq_stream_pending(llmq_stream_t *s)
{
    apr_size_t n;

    lock(s->all);
    n = s->queue.bytes;
    unlock(s->all);
    return n;
}

int llmq_stream_count(const llmq_streams_t *all, llmq_stream_kind_e kind)
{
    return atomic_load(&all->count[kind]);
}

apr_size_t llmq_stream_bytes(const llmq_streams_t *all)
{
    return atomic_load(&all->bytes);
}
