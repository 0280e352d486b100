/* The relay's thread: it accepts children, reads what they say and writes what waits. Read
 * llmq_relay_loop_run() first. */
#include "bus/relay_loop.h"

#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 64
#define PARTS 64 /* frames that are written by one call */
#define DOZE  5  /* ms: so long may wait what need not be written at once */

static void lock(llmq_relay_t *relay)
{
    apr_thread_mutex_lock(relay->lock);
}

static void unlock(llmq_relay_t *relay)
{
    apr_thread_mutex_unlock(relay->lock);
}

static void hang_up(llmq_relay_t *relay, llmq_relay_peer_t *peer)
{
    int fd = peer->fd;

    epoll_ctl(relay->epoll, EPOLL_CTL_DEL, fd, NULL);
    lock(relay);
    llmq_relay_table_remove_peer(&relay->table, peer);
    unlock(relay);
    close(fd);
}

static int watch(const llmq_relay_t *relay, int op, llmq_relay_peer_t *peer,
                 uint32_t events)
{
    struct epoll_event event = {.events = events, .data = {.ptr = peer}};

    return epoll_ctl(relay->epoll, op, peer->fd, &event);
}

/* ---- reading ---- */

/* @return APR_SUCCESS; APR_EGENERAL that is nothing a child says */
static apr_status_t heed_locked(llmq_relay_t *relay, llmq_relay_peer_t *peer,
                                const llmq_relay_frame_t *frame)
{
    llmq_relay_ear_t *ear;

    if (frame->type == LLMQ_RELAY_LISTEN) {
        return llmq_relay_table_listen(&relay->table, peer, frame->id);
    }
    if (frame->type < LLMQ_RELAY_HOLD && frame->type > LLMQ_RELAY_FORGET) {
        return APR_EGENERAL;
    }
    ear = llmq_relay_table_find(&relay->table, frame->id);
    if (ear && ear->peer == peer && frame->type >= LLMQ_RELAY_HOLD) {
        ear->held = frame->type == LLMQ_RELAY_HOLD;
    }
    else if (ear && ear->peer == peer) {
        llmq_relay_table_unlist(&relay->table, ear, frame->type == LLMQ_RELAY_CANCEL);
    }
    return APR_SUCCESS;
}

/* @return APR_SUCCESS; other: it cannot go on with this child */
static apr_status_t heed_all(llmq_relay_t *relay, llmq_relay_peer_t *peer)
{
    llmq_relay_frame_t frame;
    apr_size_t done = 0;
    apr_size_t used;
    apr_status_t rv;

    lock(relay);
    do {
        rv = llmq_relay_frame_parse(&frame, &used, peer->in + done, peer->n_in - done);
        if (rv == APR_SUCCESS) {
            rv = heed_locked(relay, peer, &frame);
            done += used;
        }
    } while (rv == APR_SUCCESS);
    unlock(relay);
    if (rv != APR_EAGAIN || used > LLMQ_RELAY_PEER_FRAME) {
        return rv == APR_EAGAIN ? APR_EGENERAL : rv;
    }
    peer->n_in -= done;
    memmove(peer->in, peer->in + done, peer->n_in);
    return APR_SUCCESS;
}

/* @return > 0 bytes; 0: nothing now; < 0: the child is gone */
static ssize_t read_some(llmq_relay_peer_t *peer)
{
    ssize_t n;

    do {
        n = recv(peer->fd, peer->in + peer->n_in, LLMQ_RELAY_PEER_READ, MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN) {
        return 0;
    }
    return n > 0 ? n : -1;
}

/* What is left of a frame that is not whole has at most LLMQ_RELAY_PEER_FRAME bytes. */
static void read_on(llmq_relay_t *relay, llmq_relay_peer_t *peer)
{
    apr_status_t rv = APR_SUCCESS;
    ssize_t n = -1;

    while (rv == APR_SUCCESS && (n = read_some(peer)) > 0) {
        peer->n_in += (apr_size_t)n;
        rv = heed_all(relay, peer);
    }
    if (rv != APR_SUCCESS) {
        LLMQ_LOG(LLMQ_LOG_WARNING, rv,
                 LLMQ_NO(0630) "a child is not understood by this dispatcher; its"
                               " connection is closed");
    }
    if (rv != APR_SUCCESS || n < 0) {
        hang_up(relay, peer);
    }
}

static void greet(llmq_relay_t *relay, int fd)
{
    llmq_relay_frame_t leaving = {.type = LLMQ_RELAY_LEAVING};
    llmq_relay_peer_t *peer;

    lock(relay);
    peer = llmq_relay_table_add_peer(&relay->table, fd);
    if (peer && relay->leaving) {
        llmq_relay_table_put(&relay->table, peer, NULL, &leaving, NULL, 0);
    }
    unlock(relay);
    if (!peer) {
        close(fd);
        return;
    }
    if (watch(relay, EPOLL_CTL_ADD, peer, EPOLLIN) != 0) {
        hang_up(relay, peer);
        return;
    }
    read_on(relay, peer);
}

static void accept_all(llmq_relay_t *relay)
{
    int fd;

    for (;;) {
        fd = accept4(relay->conf.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            greet(relay, fd);
        }
        else if (errno != EINTR && errno != ECONNABORTED) {
            break;
        }
    }
    if (errno != EAGAIN) {
        LLMQ_LOG(LLMQ_LOG_ERR, errno,
                 LLMQ_NO(0631) "a child cannot be heard: its connection is not accepted");
        usleep(10000); /* no descriptors are left: not at full speed */
    }
}

/* ---- writing ---- */

static void wait_for_room(const llmq_relay_t *relay, llmq_relay_peer_t *peer, int full)
{
    if (peer->full != full) {
        peer->full = (char)full;
        watch(relay, EPOLL_CTL_MOD, peer, full ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
}

/* @return how many parts are to be written next, after @a done bytes of the last ones */
static int next_parts(struct iovec *parts, llmq_relay_t *relay, llmq_relay_peer_t *peer,
                      apr_size_t done)
{
    int n;

    lock(relay);
    llmq_relay_table_advance(peer, done);
    n = llmq_relay_table_gather(parts, PARTS, peer);
    unlock(relay);
    return n;
}

static ssize_t write_parts(const llmq_relay_peer_t *peer, struct iovec *parts, int n)
{
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)n};
    ssize_t sent;

    do {
        sent = sendmsg(peer->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 && errno == EAGAIN ? 0 : sent;
}

static void write_on(llmq_relay_t *relay, llmq_relay_peer_t *peer)
{
    struct iovec parts[PARTS];
    ssize_t sent = 0;
    int n;

    while ((n = next_parts(parts, relay, peer, (apr_size_t)sent))) {
        sent = write_parts(peer, parts, n);
        if (sent == 0) {
            wait_for_room(relay, peer, 1);
            return;
        }
        if (sent < 0) {
            hang_up(relay, peer);
            return;
        }
    }
    wait_for_room(relay, peer, 0);
}

static llmq_relay_peer_t *next_told(llmq_relay_t *relay)
{
    llmq_relay_peer_t *peer;

    lock(relay);
    peer = relay->table.told;
    if (peer) {
        relay->table.told = peer->next_told;
        peer->told = 0;
    }
    unlock(relay);
    return peer;
}

static void write_all(llmq_relay_t *relay)
{
    llmq_relay_peer_t *peer;

    while ((peer = next_told(relay))) {
        if (!peer->full) {
            write_on(relay, peer);
        }
    }
}

/* ---- what happens ---- */

static void tell_canceled(llmq_relay_t *relay)
{
    char id[LLMQ_ID_MAX + 1];
    int any;

    do {
        lock(relay);
        any = !relay->stopping && llmq_relay_table_next_canceled(id, &relay->table);
        unlock(relay);
        if (any) {
            relay->conf.on_cancel(relay->conf.ctx, id);
        }
    } while (any);
}

static void see(llmq_relay_t *relay, const struct epoll_event *event)
{
    eventfd_t rings;

    if (event->data.ptr == &relay->wake) {
        eventfd_read(relay->wake, &rings);
    }
    else if (event->data.ptr == &relay->conf) {
        accept_all(relay);
    }
    else if (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        read_on(relay, event->data.ptr); /* what is to be written waits for its turn */
    }
    else {
        write_on(relay, event->data.ptr);
    }
}

static void accept_no_more(llmq_relay_t *relay)
{
    if (!relay->deaf) {
        epoll_ctl(relay->epoll, EPOLL_CTL_DEL, relay->conf.fd, NULL);
        relay->deaf = 1;
    }
}

static int is_all_written(const llmq_relay_t *relay)
{
    const llmq_relay_peer_t *peer;

    APR_RING_FOREACH(peer, &relay->table.peers, llmq_relay_peer_t, link)
    {
        if (peer->first) {
            return 0;
        }
    }
    return 1;
}

/* @return msec to sleep; -1: until something happens; *pover: the end of the thread */
static int fall_asleep(llmq_relay_t *relay, apr_uint64_t *pasked, int *pleaving,
                       int *pover)
{
    apr_time_t now = apr_time_now();
    int busy;
    int msec = relay->lively ? DOZE : -1;

    lock(relay);
    *pasked = relay->asked;
    *pleaving = relay->leaving || relay->stopping;
    busy = relay->asked != relay->seen || relay->table.told
           || (!relay->stopping && relay->table.canceled);
    if (relay->stopping) {
        *pover = is_all_written(relay) || now >= relay->stop_at;
        msec = (int)apr_time_as_msec(relay->stop_at - now) + 1;
    }
    relay->asleep = !busy;
    relay->dozes = relay->lively;
    unlock(relay);
    return busy || *pover ? 0 : msec;
}

static void be_awake(llmq_relay_t *relay, apr_uint64_t seen)
{
    lock(relay);
    relay->asleep = 0;
    if (relay->seen != seen) {
        relay->seen = seen;
        apr_thread_cond_broadcast(relay->read);
    }
    unlock(relay);
}

static apr_uint64_t seen_until_now(llmq_relay_t *relay)
{
    apr_uint64_t seen;

    lock(relay);
    seen = relay->seen;
    unlock(relay);
    return seen;
}

void *APR_THREAD_FUNC llmq_relay_loop_run(apr_thread_t *thread, void *data)
{
    llmq_relay_t *relay = data;
    struct epoll_event events[BATCH];
    apr_uint64_t asked;
    int leaving;
    int over = 0;
    int wait;
    int i;
    int n;

    (void)thread;
    for (wait = fall_asleep(relay, &asked, &leaving, &over); !over;
         wait = fall_asleep(relay, &asked, &leaving, &over)) {
        if (leaving) {
            accept_no_more(relay);
        }
        n = epoll_wait(relay->epoll, events, BATCH, wait);
        relay->lively = n > 0;
        for (i = 0; i < n; i++) {
            see(relay, &events[i]);
        }
        /* With fewer events than there was room for, all that was there has been read. */
        be_awake(relay, n >= 0 && n < BATCH ? asked : seen_until_now(relay));
        tell_canceled(relay);
        write_all(relay);
    }
    return NULL;
}
