#include "base/thread.h"

#include <apr_allocator.h>
#include <signal.h>

apr_status_t llmq_thread_start(apr_thread_t **pthread, apr_thread_start_t fn, void *data,
                               apr_pool_t *p)
{
    apr_thread_t *thread = NULL;
    sigset_t all;
    sigset_t before;
    apr_status_t rv;

    /* Blocked before the start, as the new thread inherits the mask. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rv = apr_thread_create(&thread, NULL, fn, data, p);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rv == APR_SUCCESS) {
        *pthread = thread;
    }
    return rv;
}

apr_status_t llmq_thread_begin(llmq_thread_t *t, apr_thread_start_t fn, void *data,
                               apr_size_t max_free)
{
    apr_status_t rv;

    if (t->thread) {
        return APR_SUCCESS;
    }
    rv = apr_pool_create_unmanaged_ex(&t->pool, NULL, NULL);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_allocator_max_free_set(apr_pool_allocator_get(t->pool), max_free);
    rv = apr_pool_create(&t->scratch, t->pool);
    if (rv == APR_SUCCESS) {
        rv = llmq_thread_start(&t->thread, fn, data, t->pool);
    }
    if (rv != APR_SUCCESS) {
        apr_pool_destroy(t->pool);
    }
    return rv;
}

void llmq_thread_end(llmq_thread_t *t)
{
    apr_status_t rv;

    if (t->thread) {
        apr_thread_join(&rv, t->thread);
        apr_pool_destroy(t->pool);
        t->thread = NULL;
    }
}
