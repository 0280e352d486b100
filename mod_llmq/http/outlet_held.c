/* The way of an outlet that fits always: the request's thread waits and writes. */
#include "http/outlet_way.h"

#include "base/frame_queue.h"
#include "http/held.h"
#include "http/shield.h"

#include <apr_portable.h>
#include <http_core.h>
#include <http_protocol.h>
#include <util_filter.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/socket.h>

#define PARTS 16
#define STEP  apr_time_from_msec(200) /* is the client still there? */

typedef struct {
    llmq_outlet_t base;
    llmq_outlet_conf_t conf;
    const llmq_service_t *service;
    request_rec *r;      /* the request's thread's */
    apr_uint32_t *place; /* the request's thread's */
    sem_t news;          /* posted when something follows on nothing, and for the end */
    pthread_mutex_t lock;
    llmq_frame_queue_t queue; /* under lock; the request's thread alone removes */
    int fd;                   /* under lock: the socket; -1: none of its own, or over */
    apr_byte_t ended;         /* under lock: the owner is through with it */
    apr_byte_t gone;          /* under lock: the client has left, or is cut */
} held_t;

static held_t *held_of(llmq_outlet_t *o)
{
    return (held_t *)(void *)o;
}

static int fits(request_rec *r, const llmq_service_t *service)
{
    (void)r;
    (void)service;
    return 1;
}

/* ---- the request's thread ---- */

static int own_socket(request_rec *r)
{
    apr_socket_t *socket =
        r->connection->master ? NULL : ap_get_conn_socket(r->connection);
    apr_os_sock_t fd;

    return socket && apr_os_sock_get(&fd, socket) == APR_SUCCESS ? fd : -1;
}

/* What the output filters do may take as long as the client does. */
static apr_status_t pass(request_rec *r, const struct iovec *parts, int n)
{
    apr_bucket_alloc_t *list = r->connection->bucket_alloc;
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, list);
    int shield = llmq_shield_pause();
    apr_status_t rv;
    int i;

    for (i = 0; i < n; i++) {
        APR_BRIGADE_INSERT_TAIL(
            bb, apr_bucket_transient_create(parts[i].iov_base, parts[i].iov_len, list));
    }
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_flush_create(list));
    rv = ap_pass_brigade(r->output_filters, bb);
    apr_brigade_destroy(bb);
    llmq_shield_resume(shield);
    return rv == APR_SUCCESS && r->connection->aborted ? APR_ECONNABORTED : rv;
}

static apr_status_t send_headers(request_rec *r)
{
    apr_table_setn(r->subprocess_env, "no-gzip", "1");
    apr_table_setn(r->subprocess_env, "no-brotli", "1");
    return pass(r, NULL, 0);
}

static apr_status_t open_held(llmq_outlet_t **po, request_rec *r,
                              const llmq_service_t *service,
                              const llmq_outlet_conf_t *conf)
{
    apr_uint32_t *place = llmq_held_take(service);
    held_t *h;

    if (!place) {
        return LLMQ_EFULL;
    }
    h = (held_t *)(void *)llmq_outlet_way_make(sizeof(*h), &llmq_outlet_held);
    if (!h || send_headers(r) != APR_SUCCESS) {
        apr_status_t rv = h ? APR_ECONNABORTED : APR_ENOMEM;

        free(h);
        llmq_held_give(place);
        return rv;
    }
    h->conf = *conf;
    h->service = service;
    h->r = r;
    h->place = place;
    h->fd = own_socket(r);
    sem_init(&h->news, 0, 0);
    pthread_mutex_init(&h->lock, NULL);
    *po = &h->base;
    return APR_SUCCESS;
}

/* What follows when all is written. */
typedef enum { NOTHING_YET, THE_END, A_CUT } sequel_e;

static sequel_e next_parts(int *pn, struct iovec *parts, held_t *h, apr_size_t done)
{
    sequel_e sequel;

    pthread_mutex_lock(&h->lock);
    llmq_frame_queue_advance(&h->queue, done);
    *pn = llmq_frame_queue_gather(parts, PARTS, &h->queue);
    sequel = h->gone ? A_CUT : h->ended ? THE_END : NOTHING_YET;
    pthread_mutex_unlock(&h->lock);
    return sequel;
}

/* The frames lie where they are until all of them has gone to the client, so that what it
 * has not taken counts. */
static sequel_e write_on(held_t *h)
{
    struct iovec parts[PARTS];
    apr_size_t len = 0;
    sequel_e sequel;
    int n = 0;
    int i;

    while ((sequel = next_parts(&n, parts, h, len)) != A_CUT && n) {
        if (pass(h->r, parts, n) != APR_SUCCESS) {
            return A_CUT;
        }
        for (i = 0, len = 0; i < n; i++) {
            len += parts[i].iov_len;
        }
    }
    return sequel;
}

/* @return what it has come to; NOTHING_YET: this child ends */
static sequel_e sit(held_t *h)
{
    sequel_e sequel;

    while ((sequel = write_on(h)) == NOTHING_YET && !llmq_held_is_ending()) {
        if (llmq_held_is_gone(h->r)) {
            return A_CUT;
        }
        llmq_held_wait(&h->news, STEP);
    }
    return sequel;
}

/* From here on nobody touches the request or its socket. */
static void be_over(held_t *h, int whole)
{
    pthread_mutex_lock(&h->lock);
    h->gone = 1;
    h->fd = -1;
    pthread_mutex_unlock(&h->lock);
    llmq_held_give(h->place);
    llmq_stream_dismiss(h->service->streams, LLMQ_STREAM_EVENTS);
    h->conf.over(h->conf.ctx, whole); /* may ask how much has waited */
    pthread_mutex_lock(&h->lock);
    llmq_frame_queue_clear(&h->queue);
    pthread_mutex_unlock(&h->lock);
}

static int stay(llmq_outlet_t *o)
{
    held_t *h = held_of(o);
    conn_rec *c = h->r->connection;
    sequel_e sequel = sit(h);

    if (sequel == A_CUT) {
        c->aborted = 1; /* nothing is to follow, no last chunk above all */
    }
    be_over(h, sequel == THE_END);
    return OK;
}

/* ---- the owner ---- */

/* A thread that waits for a client which does not read has to be woken by force. */
static void cut_locked(held_t *h)
{
    h->gone = 1;
    if (h->fd >= 0) {
        shutdown(h->fd, SHUT_RDWR);
    }
}

static apr_status_t put_locked(held_t *h, llmq_frame_t *frame)
{
    int was_empty = !h->queue.first;

    if (!was_empty && h->queue.bytes + frame->len > h->conf.max_pending) {
        return LLMQ_EFULL;
    }
    if (llmq_frame_queue_put(&h->queue, frame) != APR_SUCCESS) {
        return APR_ENOMEM;
    }
    if (was_empty) {
        sem_post(&h->news);
    }
    return APR_SUCCESS;
}

static apr_status_t send_held(llmq_outlet_t *o, llmq_frame_t *frame)
{
    held_t *h = held_of(o);
    int gone;

    pthread_mutex_lock(&h->lock);
    if (!h->gone && put_locked(h, frame) != APR_SUCCESS) {
        cut_locked(h);
    }
    gone = h->gone;
    pthread_mutex_unlock(&h->lock);
    return gone ? APR_ECONNABORTED : APR_SUCCESS;
}

static apr_size_t pending(llmq_outlet_t *o)
{
    held_t *h = held_of(o);
    apr_size_t n;

    pthread_mutex_lock(&h->lock);
    n = h->queue.bytes;
    pthread_mutex_unlock(&h->lock);
    return n;
}

static void end(llmq_outlet_t *o)
{
    held_t *h = held_of(o);

    pthread_mutex_lock(&h->lock);
    h->ended = 1;
    sem_post(&h->news);
    pthread_mutex_unlock(&h->lock);
}

static void destroy(llmq_outlet_t *o)
{
    held_t *h = held_of(o);

    sem_destroy(&h->news);
    pthread_mutex_destroy(&h->lock);
}

const llmq_outlet_way_t llmq_outlet_held = {
    "held", fits, open_held, send_held, pending, end, stay, destroy,
};
