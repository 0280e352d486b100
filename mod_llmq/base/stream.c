#include "base/stream.h"

#include "base/stream_loop.h"
#include "base/thread.h"
#include "llmq.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

typedef llmq_stream_piece_t piece_t;

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

/* @return non-zero if the thread does not know yet that it has to look */
static int tell_locked(llmq_stream_t *s)
{
    llmq_streams_t *all = s->all;
    int first = !all->told;

    if (s->told) {
        return 0;
    }
    s->told = 1;
    s->next_told = all->told;
    all->told = s;
    return first;
}

/* ---- life ---- */

static apr_status_t close_all(void *data)
{
    llmq_streams_t *all = data;

    close(all->wake);
    close(all->epoll);
    return APR_SUCCESS;
}

apr_status_t llmq_stream_create(llmq_streams_t **ps, int max, apr_pool_t *p)
{
    llmq_streams_t *all = apr_pcalloc(p, sizeof(*all));
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = NULL}};

    APR_RING_INIT(&all->ring, llmq_stream_t, link);
    all->max = max;
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
    epoll_ctl(all->epoll, EPOLL_CTL_ADD, all->wake, &event);
    *ps = all;
    return apr_thread_mutex_create(&all->lock, APR_THREAD_MUTEX_DEFAULT, p);
}

void llmq_stream_stop(llmq_streams_t *all, apr_interval_time_t patience)
{
    apr_thread_t *thread;
    apr_status_t rv;

    lock(all);
    all->stopping = 1;
    all->stop_at = apr_time_now() + patience;
    thread = all->thread;
    all->thread = NULL;
    unlock(all);
    if (thread) {
        wake(all);
        apr_thread_join(&rv, thread);
        apr_pool_destroy(all->pool);
    }
}

/* The pool is nobody else's, as request threads may start it. */
static apr_status_t start_locked(llmq_streams_t *all)
{
    apr_status_t rv;

    if (all->thread) {
        return APR_SUCCESS;
    }
    rv = apr_pool_create_unmanaged_ex(&all->pool, NULL, NULL);
    if (rv == APR_SUCCESS) {
        rv = llmq_thread_start(&all->thread, llmq_stream_loop_run, all, all->pool);
        if (rv != APR_SUCCESS) {
            apr_pool_destroy(all->pool);
        }
    }
    return rv;
}

apr_status_t llmq_stream_admit(llmq_streams_t *all)
{
    apr_status_t rv;

    if (atomic_fetch_add(&all->count, 1) >= all->max) {
        llmq_stream_dismiss(all);
        return LLMQ_EFULL;
    }
    lock(all);
    rv = all->stopping ? APR_EOF : start_locked(all);
    unlock(all);
    if (rv != APR_SUCCESS) {
        llmq_stream_dismiss(all);
    }
    return rv;
}

void llmq_stream_dismiss(llmq_streams_t *all)
{
    atomic_fetch_sub(&all->count, 1);
}

apr_status_t llmq_stream_open(llmq_stream_t **ps, llmq_streams_t *all, int fd,
                              const llmq_stream_conf_t *conf)
{
    struct epoll_event event = {.events = EPOLLRDHUP};
    llmq_stream_t *s = calloc(1, sizeof(*s));
    apr_status_t rv = s ? APR_SUCCESS : APR_ENOMEM;

    if (s) {
        s->all = all;
        s->conf = *conf;
        s->last = &s->first;
        s->fd = fd;
        event.data.ptr = s;
        lock(all);
        /* From here on the thread may see it, and what it finds waits for the lock. */
        if (epoll_ctl(all->epoll, EPOLL_CTL_ADD, fd, &event) == 0) {
            APR_RING_INSERT_TAIL(&all->ring, s, llmq_stream_t, link);
            *ps = s;
        }
        else {
            rv = errno;
        }
        unlock(all);
    }
    if (rv != APR_SUCCESS) {
        close(fd);
        free(s);
        llmq_stream_dismiss(all);
    }
    return rv;
}

/* ---- the owner ---- */

static piece_t *make_piece(const struct iovec *parts, int n)
{
    piece_t *piece;
    size_t len = 0;
    int i;

    for (i = 0; i < n; i++) {
        len += parts[i].iov_len;
    }
    piece = malloc(sizeof(*piece) + len);
    if (piece) {
        piece->next = NULL;
        piece->len = piece->done = 0;
        for (i = 0; i < n; i++) {
            memcpy(piece->data + piece->len, parts[i].iov_base, parts[i].iov_len);
            piece->len += parts[i].iov_len;
        }
    }
    return piece;
}

static apr_status_t append(llmq_stream_t *s, const struct iovec *parts, int n, int last)
{
    llmq_streams_t *all = s->all;
    piece_t *piece = n ? make_piece(parts, n) : NULL;
    apr_status_t rv = n && !piece ? APR_ENOMEM : APR_SUCCESS;
    int news = 0;

    lock(all);
    rv = s->over ? APR_ECONNABORTED : rv;
    if (rv == APR_SUCCESS && piece) {
        *s->last = piece;
        s->last = &piece->next;
        atomic_fetch_add(&all->bytes, piece->len);
        piece = NULL;
    }
    s->broken |= rv != APR_SUCCESS;
    s->ended |= (char)last;
    news = tell_locked(s);
    unlock(all); /* one that is ended may be gone now */
    if (news) {
        wake(all);
    }
    free(piece);
    return rv;
}

apr_status_t llmq_stream_write(llmq_stream_t *s, const struct iovec *parts, int n)
{
    return append(s, parts, n, 0);
}

void llmq_stream_end(llmq_stream_t *s, const struct iovec *parts, int n)
{
    append(s, parts, n, 1);
}

int llmq_stream_count(const llmq_streams_t *all)
{
    return atomic_load(&all->count);
}

apr_size_t llmq_stream_bytes(const llmq_streams_t *all)
{
    return atomic_load(&all->bytes);
}
