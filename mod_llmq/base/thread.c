#include "base/thread.h"

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
