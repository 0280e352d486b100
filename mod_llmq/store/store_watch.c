#include "store/store_watch.h"

#include "base/log.h"
#include "base/thread.h"

#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

#include <dlfcn.h>
#include <string.h>
#include <sys/socket.h>

#define TICK apr_time_from_msec(500)

APR_RING_HEAD(watched_ring_t, llmq_store_watched_t);

struct llmq_store_watch_t {
    apr_thread_t *thread;
    apr_thread_mutex_t *lock;
    apr_thread_cond_t *stop;
    struct watched_ring_t calls; /* under lock */
    int stopping;                /* under lock */
};

/* apr_dbd has loaded libpq; binding to it here would make it a dependency of servers that
 * use SQLite only. */
static int socket_of(const llmq_dbd_t *db)
{
    static int (*pq_socket)(const void *);

    if (strcmp(apr_dbd_name(db->driver), "pgsql") != 0) {
        return -1;
    }
    if (!pq_socket) {
        *(void **)&pq_socket = dlsym(RTLD_DEFAULT, "PQsocket");
    }
    return pq_socket ? pq_socket(apr_dbd_native_handle(db->driver, db->handle)) : -1;
}

static void cut_overdue_locked(llmq_store_watch_t *w)
{
    apr_time_t now = apr_time_now();
    llmq_store_watched_t *call;

    APR_RING_FOREACH(call, &w->calls, llmq_store_watched_t, link)
    {
        if (call->deadline < now) {
            LLMQ_LOG(LLMQ_LOG_WARNING, 0,
                     LLMQ_NO(0412) "the database does not answer, its connection is cut");
            shutdown(call->fd, SHUT_RDWR);
            call->deadline = now + apr_time_from_sec(3600); /* once is enough */
        }
    }
}

static void *APR_THREAD_FUNC watch_main(apr_thread_t *thread, void *data)
{
    llmq_store_watch_t *w = data;

    apr_thread_mutex_lock(w->lock);
    while (!w->stopping) {
        apr_thread_cond_timedwait(w->stop, w->lock, TICK);
        cut_overdue_locked(w);
    }
    apr_thread_mutex_unlock(w->lock);
    (void)thread;
    return NULL;
}

static apr_status_t watch_stop(void *data)
{
    llmq_store_watch_t *w = data;
    apr_status_t rv;

    apr_thread_mutex_lock(w->lock);
    w->stopping = 1;
    apr_thread_cond_signal(w->stop);
    apr_thread_mutex_unlock(w->lock);
    apr_thread_join(&rv, w->thread);
    return APR_SUCCESS;
}

apr_status_t llmq_store_watch_create(llmq_store_watch_t **pw, apr_pool_t *p)
{
    llmq_store_watch_t *w = apr_pcalloc(p, sizeof(*w));
    apr_status_t rv;

    APR_RING_INIT(&w->calls, llmq_store_watched_t, link);
    if ((rv = apr_thread_mutex_create(&w->lock, APR_THREAD_MUTEX_DEFAULT, p))
            != APR_SUCCESS
        || (rv = apr_thread_cond_create(&w->stop, p)) != APR_SUCCESS
        || (rv = llmq_thread_start(&w->thread, watch_main, w, p)) != APR_SUCCESS) {
        return rv;
    }
    apr_pool_pre_cleanup_register(p, w, watch_stop);
    *pw = w;
    return APR_SUCCESS;
}

void llmq_store_watch_begin(llmq_store_watch_t *w, llmq_store_watched_t *call,
                            const llmq_dbd_t *db, apr_interval_time_t limit)
{
    call->fd = socket_of(db);
    if (call->fd < 0) {
        return;
    }
    call->deadline = apr_time_now() + limit;
    apr_thread_mutex_lock(w->lock);
    APR_RING_INSERT_TAIL(&w->calls, call, llmq_store_watched_t, link);
    apr_thread_mutex_unlock(w->lock);
}

void llmq_store_watch_end(llmq_store_watch_t *w, llmq_store_watched_t *call)
{
    if (call->fd < 0) {
        return;
    }
    apr_thread_mutex_lock(w->lock);
    APR_RING_REMOVE(call, link);
    apr_thread_mutex_unlock(w->lock);
}
