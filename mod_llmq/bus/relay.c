#include "bus/relay.h"

#include "bus/relay_loop.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <apr_strings.h>

static void lock(llmq_relay_t *relay)
{
    apr_thread_mutex_lock(relay->lock);
}

static void unlock(llmq_relay_t *relay)
{
    apr_thread_mutex_unlock(relay->lock);
}

/* @return non-zero if the caller has to wake it, after it has unlocked */
static int rouse_locked(llmq_relay_t *relay)
{
    int asleep = relay->asleep;

    relay->asleep = 0;
    return asleep;
}

/* That a job has begun is of no use before its end, which often follows at once: both are
 * written together then.
 * @return as rouse_locked() */
static int rouse_for_locked(llmq_relay_t *relay, llmq_relay_type_e type)
{
    return type == LLMQ_RELAY_BEGUN && relay->dozes ? 0 : rouse_locked(relay);
}

static void unlock_and_wake(llmq_relay_t *relay, int asleep)
{
    unlock(relay);
    if (asleep) {
        eventfd_write(relay->wake, 1);
    }
}

/* ---- life ---- */

static apr_status_t cleanup(void *data)
{
    llmq_relay_t *relay = data;
    llmq_relay_peer_t *peer;

    APR_RING_FOREACH(peer, &relay->table.peers, llmq_relay_peer_t, link)
    {
        close(peer->fd);
    }
    llmq_relay_table_cleanup(&relay->table);
    close(relay->wake);
    close(relay->epoll);
    return APR_SUCCESS;
}

static apr_status_t open_descriptors(llmq_relay_t *relay)
{
    struct epoll_event wake = {.events = EPOLLIN, .data = {.ptr = &relay->wake}};
    struct epoll_event door = {.events = EPOLLIN, .data = {.ptr = &relay->conf}};

    relay->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (relay->epoll < 0) {
        return errno;
    }
    relay->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (relay->wake < 0) {
        close(relay->epoll);
        return errno;
    }
    if (epoll_ctl(relay->epoll, EPOLL_CTL_ADD, relay->wake, &wake) == 0
        && epoll_ctl(relay->epoll, EPOLL_CTL_ADD, relay->conf.fd, &door) == 0) {
        return APR_SUCCESS;
    }
    close(relay->wake);
    close(relay->epoll);
    return errno;
}

apr_status_t llmq_relay_create(llmq_relay_t **prelay, const llmq_relay_conf_t *conf,
                               apr_pool_t *p)
{
    llmq_relay_t *relay = apr_pcalloc(p, sizeof(*relay));
    apr_status_t rv;

    relay->conf = *conf;
    relay->p = p;
    relay->created_at = apr_time_now();
    llmq_relay_table_init(&relay->table);
    rv = apr_thread_mutex_create(&relay->lock, APR_THREAD_MUTEX_DEFAULT, p);
    if (rv == APR_SUCCESS) {
        rv = apr_thread_cond_create(&relay->read, p);
    }
    if (rv == APR_SUCCESS) {
        rv = open_descriptors(relay);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_pool_cleanup_register(p, relay, cleanup, apr_pool_cleanup_null);
    rv = llmq_thread_begin(&relay->thread, llmq_relay_loop_run, relay, 0);
    if (rv == APR_SUCCESS) {
        *prelay = relay;
    }
    return rv;
}

void llmq_relay_leave(llmq_relay_t *relay)
{
    llmq_relay_frame_t leaving = {.type = LLMQ_RELAY_LEAVING};
    llmq_relay_peer_t *peer;

    lock(relay);
    relay->leaving = 1;
    APR_RING_FOREACH(peer, &relay->table.peers, llmq_relay_peer_t, link)
    {
        llmq_relay_table_put(&relay->table, peer, NULL, &leaving, NULL, 0);
    }
    unlock_and_wake(relay, rouse_locked(relay));
}

void llmq_relay_destroy(llmq_relay_t *relay, apr_interval_time_t patience)
{
    lock(relay);
    relay->stopping = 1;
    relay->stop_at = apr_time_now() + patience;
    unlock_and_wake(relay, rouse_locked(relay));
    llmq_thread_end(&relay->thread);
    apr_pool_cleanup_run(relay->p, relay, cleanup);
}

/* ---- who listens ---- */

apr_status_t llmq_relay_listens(llmq_relay_t *relay, const char *id)
{
    apr_uint64_t turn;
    apr_status_t rv = APR_SUCCESS;

    lock(relay);
    if (!llmq_relay_table_find(&relay->table, id)) {
        turn = ++relay->asked;
        if (rouse_locked(relay)) {
            eventfd_write(relay->wake, 1);
        }
        while (relay->seen < turn) {
            apr_thread_cond_wait(relay->read, relay->lock);
        }
        rv = llmq_relay_table_find(&relay->table, id)                 ? APR_SUCCESS
             : apr_time_now() - relay->created_at < relay->conf.grace ? APR_EAGAIN
                                                                      : APR_NOTFOUND;
    }
    unlock(relay);
    return rv;
}

int llmq_relay_count(llmq_relay_t *relay)
{
    int n;

    lock(relay);
    n = relay->table.n;
    unlock(relay);
    return n;
}

/* ---- sending ---- */

/* Its child is told, too, in case that it lives. */
static void give_up_locked(llmq_relay_t *relay, llmq_relay_ear_t *ear)
{
    llmq_relay_frame_t lost = {.type = LLMQ_RELAY_LOST};

    apr_cpystrn(lost.id, ear->id, sizeof(lost.id));
    llmq_relay_table_put(&relay->table, ear->peer, NULL, &lost, NULL, 0);
    llmq_relay_table_unlist(&relay->table, ear, 1);
}

static apr_status_t send_locked(llmq_relay_t *relay, const llmq_relay_frame_t *frame,
                                const struct iovec *parts, int n)
{
    llmq_relay_ear_t *ear = llmq_relay_table_find(&relay->table, frame->id);
    apr_status_t rv;

    if (!ear) {
        return APR_NOTFOUND;
    }
    if (frame->type != LLMQ_RELAY_END && ear->pending
        && ear->pending + frame->len > relay->conf.max_pending) {
        give_up_locked(relay, ear);
        return LLMQ_EFULL;
    }
    rv = llmq_relay_table_put(&relay->table, ear->peer, ear, frame, parts, n);
    if (rv != APR_SUCCESS) {
        give_up_locked(relay, ear); /* an answer has no holes */
    }
    else if (frame->type == LLMQ_RELAY_END) {
        llmq_relay_table_unlist(&relay->table, ear, 0);
    }
    return rv;
}

static apr_status_t send_parts(llmq_relay_t *relay, const char *id,
                               llmq_relay_frame_t *frame, const struct iovec *parts,
                               int n)
{
    apr_status_t rv;

    apr_cpystrn(frame->id, id, sizeof(frame->id));
    lock(relay);
    rv = send_locked(relay, frame, parts, n);
    unlock_and_wake(relay, rouse_for_locked(relay, frame->type));
    return rv;
}

apr_status_t llmq_relay_send(llmq_relay_t *relay, const char *id, llmq_relay_type_e type,
                             const char *data, apr_size_t len)
{
    struct iovec part = {.iov_base = (void *)data, .iov_len = len};
    llmq_relay_frame_t frame = {.type = type, .len = len};

    return send_parts(relay, id, &frame, &part, 1);
}

int llmq_relay_is_full(llmq_relay_t *relay, const char *id)
{
    const llmq_relay_ear_t *ear;
    int full;

    lock(relay);
    ear = llmq_relay_table_find(&relay->table, id);
    full = ear && (ear->held || ear->pending > relay->conf.max_pending / 2);
    unlock(relay);
    return full;
}

apr_status_t llmq_relay_send_end(llmq_relay_t *relay, const char *id,
                                 const llmq_relay_end_t *end)
{
    char head[LLMQ_RELAY_END_HEAD];
    struct iovec parts[3] = {
        {.iov_base = head, .iov_len = sizeof(head)},
        {.iov_base = (void *)end->headers, .iov_len = end->headers_len},
        {.iov_base = (void *)end->body, .iov_len = end->body_len}};
    llmq_relay_frame_t frame = {.type = LLMQ_RELAY_END,
                                .len = sizeof(head) + end->headers_len + end->body_len};

    llmq_relay_frame_end_head(head, end);
    return send_parts(relay, id, &frame, parts, 3);
}
