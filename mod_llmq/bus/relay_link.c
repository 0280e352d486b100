#include "bus/relay_link.h"

#include "base/log.h"
#include "bus/relay_conn.h"
#include "bus/relay_ears.h"

#include <apr_strings.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define BATCH    16
#define RETRY    apr_time_from_msec(500) /* to connect, while somebody listens */
#define PATIENCE apr_time_from_sec(1)    /* until the dispatcher has read what was said */

struct llmq_relay_link_t {
    apr_pool_t *p;
    const char *path;
    int epoll;
    apr_thread_mutex_t *lock;
    apr_thread_cond_t *flushed; /* with the lock */
    llmq_relay_conn_t *current; /* whose dispatcher takes jobs; NULL: none */
    llmq_relay_conns_t conns;   /* the thread alone removes */
    llmq_relay_ears_t ears;
};

static void lock(llmq_relay_link_t *link)
{
    apr_thread_mutex_lock(link->lock);
}

static void unlock(llmq_relay_link_t *link)
{
    apr_thread_mutex_unlock(link->lock);
}

/* Not under the lock. */
static void let_go(llmq_relay_link_t *link, llmq_relay_ear_t *ear)
{
    int holders;

    lock(link);
    holders = --ear->holders;
    unlock(link);
    if (!holders) {
        ear->listener.drop(ear->listener.ctx);
        free(ear);
    }
}

/* ---- connections ---- */

/* Somebody has cleaned up where it lies: the parent alone can make it again. */
static void complain_of_no_file(apr_status_t rv)
{
    static apr_uint64_t last;

    if (APR_STATUS_IS_ENOENT(rv) && llmq_log_once_per(&last, apr_time_from_sec(60))) {
        LLMQ_LOG(LLMQ_LOG_ERR, rv,
                 LLMQ_NO(0641) "the relay's socket was removed, so that completions fail:"
                               " a graceful restart makes it again");
    }
}

/* Say something to all dispatchers but the one behind a socket (-1: to all of them), and
 * write what their sockets take. A broken one is seen by its reader. */
static void tell(llmq_relay_link_t *link, int except, llmq_relay_type_e type,
                 const char *id)
{
    llmq_relay_conn_t *conn;

    APR_RING_FOREACH(conn, &link->conns, llmq_relay_conn_t, link)
    {
        if (conn->fd != except) {
            llmq_relay_conn_say(conn, type, id);
            llmq_relay_conn_flush(conn);
        }
    }
}

/* Whoever is there now is told of everybody. */
static apr_status_t connect_locked(llmq_relay_link_t *link)
{
    apr_status_t rv = llmq_relay_conn_open(&link->current, link->path, link->epoll);
    const llmq_relay_ear_t *ear;

    if (rv != APR_SUCCESS) {
        link->current = NULL;
        complain_of_no_file(rv);
        return rv;
    }
    APR_RING_INSERT_TAIL(&link->conns, link->current, llmq_relay_conn_t, link);
    LLMQ_EACH_RELAY_EAR(ear, &link->ears)
    {
        if (!ear->pieces) {
            llmq_relay_conn_say(link->current, LLMQ_RELAY_LISTEN, ear->id);
        }
    }
    return llmq_relay_conn_flush(link->current);
}

static void reconnect_locked(llmq_relay_link_t *link)
{
    apr_status_t rv;

    if (link->current || !link->ears.n) {
        return;
    }
    rv = connect_locked(link);
    if (rv != APR_SUCCESS) {
        LLMQ_LOG(LLMQ_LOG_DEBUG, rv,
                 LLMQ_NO(0640) "the dispatcher cannot be told who waits; tried again");
    }
}

static void tick(void *ctx)
{
    llmq_relay_link_t *link = ctx;

    lock(link);
    reconnect_locked(link);
    unlock(link);
}

/* ---- what a dispatcher says ---- */

/* @return who is to hear it, held; NULL: nobody */
static llmq_relay_ear_t *take_ear(llmq_relay_link_t *link, const llmq_relay_conn_t *conn,
                                  const llmq_relay_frame_t *frame)
{
    llmq_relay_ear_t *ear;

    lock(link);
    ear = llmq_relay_ears_find(&link->ears, frame->id);
    if (ear && (frame->type == LLMQ_RELAY_END || frame->type == LLMQ_RELAY_LOST)) {
        llmq_relay_ears_remove(&link->ears, ear); /* its holder is the caller now */
        tell(link, conn->fd, LLMQ_RELAY_FORGET, frame->id);
    }
    else if (ear) {
        ear->holders++;
        ear->begun = conn;
        ear->pieces |= frame->type == LLMQ_RELAY_PIECE;
    }
    unlock(link);
    return ear;
}

static void leave(llmq_relay_link_t *link, llmq_relay_conn_t *conn)
{
    lock(link);
    conn->leaving = 1;
    if (link->current == conn) {
        link->current = NULL;
        reconnect_locked(link);
    }
    unlock(link);
}

static void on_frame(void *ctx, llmq_relay_conn_t *conn, const llmq_relay_frame_t *frame)
{
    llmq_relay_link_t *link = ctx;
    llmq_relay_ear_t *ear;

    if (frame->type == LLMQ_RELAY_LEAVING) {
        leave(link, conn);
        return;
    }
    ear = take_ear(link, conn, frame);
    if (ear) {
        ear->listener.sink(ear->listener.ctx, frame->type, frame->data, frame->len);
        let_go(link, ear);
    }
}

/* ---- the end of a connection ---- */

/* What was begun there: without pieces it will begin elsewhere.
 * @return one that is to hear of it, held; it is off the list if it had pieces; NULL: there
 * are no more */
static llmq_relay_ear_t *next_lost(llmq_relay_type_e *ptype, llmq_relay_link_t *link,
                                   const llmq_relay_conn_t *conn)
{
    llmq_relay_ear_t *ear;

    lock(link);
    ear = llmq_relay_ears_begun(&link->ears, conn);
    if (ear && ear->pieces) {
        *ptype = LLMQ_RELAY_LOST;
        llmq_relay_ears_remove(&link->ears, ear); /* its holder is the caller now */
        tell(link, conn->fd, LLMQ_RELAY_FORGET, ear->id);
    }
    else if (ear) {
        *ptype = LLMQ_RELAY_LISTEN;
        ear->begun = NULL;
        ear->holders++;
    }
    unlock(link);
    return ear;
}

static void lose(llmq_relay_link_t *link, llmq_relay_conn_t *conn)
{
    llmq_relay_type_e type = LLMQ_RELAY_LOST;
    llmq_relay_ear_t *ear;

    while ((ear = next_lost(&type, link, conn))) {
        ear->listener.sink(ear->listener.ctx, type, NULL, 0);
        let_go(link, ear);
    }
    lock(link);
    APR_RING_REMOVE(conn, link);
    if (link->current == conn) {
        link->current = NULL;
    }
    reconnect_locked(link);
    apr_thread_cond_broadcast(link->flushed);
    unlock(link);
    llmq_relay_conn_close(conn);
}

/* ---- the thread's turn ---- */

static void write_on(llmq_relay_link_t *link, llmq_relay_conn_t *conn)
{
    lock(link);
    llmq_relay_conn_flush(conn);
    if (!conn->n_out) {
        apr_thread_cond_broadcast(link->flushed);
    }
    unlock(link);
}

static void turn(void *ctx)
{
    llmq_relay_link_t *link = ctx;
    struct epoll_event events[BATCH];
    int n = epoll_wait(link->epoll, events, BATCH, 0);
    int i;

    for (i = 0; i < n; i++) {
        llmq_relay_conn_t *conn = events[i].data.ptr;

        if (events[i].events & EPOLLOUT) {
            write_on(link, conn);
        }
        if ((events[i].events & ~(uint32_t)EPOLLOUT)
            && llmq_relay_conn_read(conn, on_frame, link) != APR_SUCCESS) {
            lose(link, conn);
        }
    }
}

/* ---- life ---- */

static apr_status_t close_epoll(void *data)
{
    close(((llmq_relay_link_t *)data)->epoll);
    return APR_SUCCESS;
}

apr_status_t llmq_relay_link_create(llmq_relay_link_t **plink, const char *path,
                                    llmq_streams_t *streams, apr_pool_t *p)
{
    llmq_relay_link_t *link = apr_pcalloc(p, sizeof(*link));
    apr_status_t rv;

    link->p = p;
    link->path = apr_pstrdup(p, path);
    APR_RING_INIT(&link->conns, llmq_relay_conn_t, link);
    llmq_relay_ears_init(&link->ears);
    rv = apr_thread_mutex_create(&link->lock, APR_THREAD_MUTEX_DEFAULT, p);
    if (rv == APR_SUCCESS) {
        rv = apr_thread_cond_create(&link->flushed, p);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    link->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (link->epoll < 0) {
        return errno;
    }
    apr_pool_cleanup_register(p, link, close_epoll, apr_pool_cleanup_null);
    llmq_stream_every(streams, RETRY, tick, link);
    *plink = link;
    return llmq_stream_watch(streams, link->epoll, turn, link);
}

void llmq_relay_link_destroy(llmq_relay_link_t *link)
{
    llmq_relay_ear_t *ear;

    while (!APR_RING_EMPTY(&link->conns, llmq_relay_conn_t, link)) {
        llmq_relay_conn_t *conn = APR_RING_FIRST(&link->conns);

        APR_RING_REMOVE(conn, link);
        llmq_relay_conn_close(conn);
    }
    link->current = NULL;
    while ((ear = llmq_relay_ears_first(&link->ears))) {
        llmq_relay_ears_remove(&link->ears, ear);
        let_go(link, ear);
    }
    apr_pool_cleanup_run(link->p, link, close_epoll);
}

/* ---- listening ---- */

/* To whom new jobs are told; one that has died and was not seen to yet is left. */
static apr_status_t tell_locked(llmq_relay_link_t *link, const char *id)
{
    apr_status_t rv = APR_ECONNABORTED;

    if (link->current) {
        rv = llmq_relay_conn_say(link->current, LLMQ_RELAY_LISTEN, id);
        if (rv == APR_SUCCESS) {
            rv = llmq_relay_conn_flush(link->current);
        }
    }
    return rv == APR_SUCCESS ? rv : connect_locked(link);
}

/* While a dispatcher is slow to read, or there is none, callers come slower, too. */
static void wait_until_flushed_locked(llmq_relay_link_t *link)
{
    apr_time_t until = apr_time_now() + PATIENCE;
    apr_time_t now;

    while (link->current && link->current->n_out && (now = apr_time_now()) < until) {
        apr_thread_cond_timedwait(link->flushed, link->lock, until - now);
    }
}

apr_status_t llmq_relay_link_listen(llmq_relay_link_t *link, const char *id,
                                    const llmq_relay_listener_t *listener)
{
    llmq_relay_ear_t *ear = llmq_relay_ears_make(id, listener);
    apr_status_t rv = ear ? APR_SUCCESS : APR_ENOMEM;

    if (!ear) {
        return rv;
    }
    lock(link);
    llmq_relay_ears_add(&link->ears, ear); /* before a new connection tells of all */
    rv = tell_locked(link, id);
    if (rv == APR_SUCCESS) {
        wait_until_flushed_locked(link);
    }
    else {
        llmq_relay_ears_remove(&link->ears, ear);
    }
    unlock(link);
    if (rv != APR_SUCCESS) {
        free(ear);
    }
    return rv;
}

void llmq_relay_link_cancel(llmq_relay_link_t *link, const char *id)
{
    llmq_relay_ear_t *ear;

    lock(link);
    ear = llmq_relay_ears_find(&link->ears, id);
    if (ear) {
        llmq_relay_ears_remove(&link->ears, ear);
        tell(link, -1, LLMQ_RELAY_CANCEL, id);
    }
    unlock(link);
    if (ear) {
        let_go(link, ear);
    }
}

void llmq_relay_link_hold(llmq_relay_link_t *link, const char *id, int hold)
{
    lock(link);
    if (llmq_relay_ears_find(&link->ears, id)) {
        tell(link, -1, hold ? LLMQ_RELAY_HOLD : LLMQ_RELAY_GO, id);
    }
    unlock(link);
}

int llmq_relay_link_count(llmq_relay_link_t *link)
{
    int n;

    lock(link);
    n = link->ears.n;
    unlock(link);
    return n;
}
