#include "base/stream_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define PARTS 16 /* frames that are written by one call */

static void lock(llmq_streams_t *all)
{
    apr_thread_mutex_lock(all->lock);
}

static void unlock(llmq_streams_t *all)
{
    apr_thread_mutex_unlock(all->lock);
}

void llmq_stream_socket_account(const llmq_stream_t *s, apr_size_t before)
{
    if (!s->conf.max_pending) {
        atomic_fetch_add(&s->all->bytes, s->queue.bytes - before);
    }
}

int llmq_stream_socket_tell_locked(llmq_stream_t *s)
{
    llmq_streams_t *all = s->all;
    int first = !all->told;

    if (s->told || all->dead) {
        return 0;
    }
    s->told = 1;
    s->next_told = all->told;
    all->told = s;
    return first;
}

/* ---- the end of a stream ---- */

static void drop_frames_locked(llmq_stream_t *s)
{
    apr_size_t before = s->queue.bytes;

    llmq_frame_queue_clear(&s->queue);
    llmq_stream_socket_account(s, before);
}

/* One that was given to a stream whose client had left lives until the stream does not. */
static void drop_wire(llmq_stream_t *s)
{
    llmq_wire_t *wire;

    lock(s->all);
    wire = s->wire;
    s->wire = NULL;
    unlock(s->all);
    if (wire) {
        wire->ops->close(wire);
    }
}

void llmq_stream_socket_release(llmq_stream_t *s)
{
    llmq_streams_t *all = s->all;
    int done;

    lock(all);
    done = s->fd < 0 && s->ended && s->over && !s->told && !s->later;
    if (done) {
        APR_RING_REMOVE(s, link);
        drop_frames_locked(s);
    }
    unlock(all);
    if (done) {
        drop_wire(s);
        atomic_fetch_sub(&all->count[s->conf.kind], 1);
        free(s);
    }
}

/* Out of the kernel's set with its last descriptor, which this is. */
static void hang_up(llmq_stream_t *s)
{
    llmq_agenda_remove(&s->all->agenda, &s->due);
    if (s->fd < 0) {
        return;
    }
    epoll_ctl(s->all->epoll, EPOLL_CTL_DEL, s->fd, NULL);
    drop_wire(s);
    close(s->fd);
    s->fd = -1;
    lock(s->all);
    s->all->sockets--;
    unlock(s->all);
}

static void be_over(llmq_stream_t *s, int whole)
{
    int news;

    lock(s->all);
    news = !s->over;
    s->over = 1;
    unlock(s->all);
    if (news) {
        s->conf.over(s->conf.ctx, whole); /* may ask how much has waited */
        lock(s->all);
        drop_frames_locked(s);
        unlock(s->all);
    }
}

void llmq_stream_socket_cut(llmq_stream_t *s)
{
    hang_up(s);
    be_over(s, 0);
}

static void listen_for(llmq_stream_t *s, uint32_t events)
{
    struct epoll_event event = {.events =
                                    events | EPOLLRDHUP | (s->listens ? EPOLLIN : 0U),
                                .data = {.ptr = &s->source}};

    epoll_ctl(s->all->epoll, EPOLL_CTL_MOD, s->fd, &event);
}

static void linger(llmq_stream_t *s, int whole)
{
    if (s->wire) {
        s->wire->ops->end(s->wire);
    }
    shutdown(s->fd, SHUT_WR);
    if (llmq_agenda_put(&s->all->agenda, &s->due, apr_time_now() + LLMQ_STREAM_LINGER)
        != APR_SUCCESS) {
        hang_up(s);
    }
    else {
        listen_for(s, EPOLLIN);
    }
    be_over(s, whole);
}

/* ---- writing ---- */

/* The socket takes no more: until it does, or the client has slept for too long. */
static void wait_for_room(llmq_stream_t *s)
{
    if (llmq_agenda_put(&s->all->agenda, &s->due, apr_time_now() + s->conf.stall)
        != APR_SUCCESS) {
        llmq_stream_socket_cut(s);
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

static apr_ssize_t write_parts(const llmq_stream_t *s, struct iovec *parts, int n)
{
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)n};
    apr_ssize_t sent;

    if (s->wire) {
        return s->wire->ops->write(s->wire, parts, n);
    }
    do {
        sent = sendmsg(s->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 && errno == EAGAIN ? 0 : sent;
}

apr_ssize_t llmq_stream_socket_write(const llmq_stream_t *s, struct iovec *part)
{
    return write_parts(s, part, 1);
}

/* What follows when all is written. */
typedef enum { NOTHING_YET, THE_END, THE_STOP, A_CUT } sequel_e;

/* @return how many parts are to be written next, after @a done bytes of the last ones */
static int next_parts(sequel_e *sequel, struct iovec *parts, llmq_stream_t *s,
                      apr_size_t done)
{
    apr_size_t before;
    int n;

    lock(s->all);
    before = s->queue.bytes;
    llmq_frame_queue_advance(&s->queue, done);
    llmq_stream_socket_account(s, before);
    n = s->later ? 0 : llmq_frame_queue_gather(parts, PARTS, &s->queue);
    *sequel = s->broken    ? A_CUT
              : s->later   ? NOTHING_YET
              : s->closing ? THE_STOP
              : s->ended   ? THE_END
                           : NOTHING_YET;
    unlock(s->all);
    return n;
}

static void write_on(llmq_stream_t *s)
{
    struct iovec parts[PARTS];
    sequel_e sequel = NOTHING_YET;
    apr_ssize_t sent = 0;
    int n;

    while ((n = next_parts(&sequel, parts, s, (apr_size_t)sent)) && sequel != A_CUT) {
        sent = write_parts(s, parts, n);
        if (sent == 0) {
            wait_for_room(s);
            return;
        }
        if (sent < 0) {
            llmq_stream_socket_cut(s);
            return;
        }
    }
    if (sequel == A_CUT) {
        llmq_stream_socket_cut(s);
        return;
    }
    have_room(s);
    if (sequel != NOTHING_YET) {
        linger(s, sequel == THE_END);
    }
    else if (s->conf.drained) {
        s->conf.drained(s->conf.ctx);
    }
}

/* ---- what happens ---- */

/* After the answer: whatever the client sends goes nowhere. */
static void read_off(llmq_stream_t *s)
{
    char waste[4096];
    ssize_t n = recv(s->fd, waste, sizeof(waste), MSG_DONTWAIT);

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        hang_up(s);
    }
}

void llmq_stream_socket_sees(llmq_stream_source_t *source, apr_uint32_t events)
{
    llmq_stream_t *s = (llmq_stream_t *)(void *)source;

    if (s->fd < 0) {
        return;
    }
    if (s->over) { /* lingers; only this thread sets it */
        read_off(s);
    }
    else if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
        llmq_stream_socket_cut(s);
    }
    else if ((events & EPOLLIN) && s->wire->ops->read(s->wire)) {
        llmq_stream_socket_cut(s);
    }
    else if (events & EPOLLOUT) {
        write_on(s);
    }
    llmq_stream_socket_release(s);
}

/* Takes the next one off the list. Whoever tells of it after this puts it there again. */
static llmq_stream_t *next_told(llmq_streams_t *all, int *pbroken, int *pbegins)
{
    llmq_stream_t *s;

    lock(all);
    s = all->told;
    if (s) {
        all->told = s->next_told;
        s->told = 0;
        *pbroken = s->broken;
        *pbegins = s->wire && !s->listens && !s->over;
    }
    unlock(all);
    return s;
}

void llmq_stream_socket_go_on(llmq_streams_t *all)
{
    llmq_stream_t *s;
    int broken = 0;
    int begins = 0;

    while ((s = next_told(all, &broken, &begins))) {
        if (begins) {
            s->listens = 1;
            listen_for(s, 0);
        }
        if (!s->over && (broken || !s->full)) {
            write_on(s);
        }
        llmq_stream_socket_release(s);
    }
}
