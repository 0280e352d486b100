/**
 * @file backend_watch.h
 * How the call engine waits: an epoll set with the sockets that curl wants to hear of, curl's
 * timer, and a bell that other threads ring. What a turn costs depends on the calls to which
 * something has happened, not on those in flight: curl's own curl_multi_poll() and
 * curl_multi_perform() look at each of them each time.
 */
#ifndef LLMQ_BACKEND_WATCH_H
#define LLMQ_BACKEND_WATCH_H

#include <apr_errno.h>
#include <apr_time.h>
#include <curl/curl.h>

typedef struct llmq_backend_watch_t {
    CURLM *multi;
    int epoll;
    int bell;                     /* eventfd */
    apr_interval_time_t timer_at; /* on llmq_clock_steady(); 0 none */
} llmq_backend_watch_t;

/**
 * Begin to watch the sockets of a multi handle.
 * @param w     out; must stay where it is until llmq_backend_watch_close()
 * @param multi without transfers
 * @return APR_SUCCESS; other: no descriptors are left, nothing is to be closed
 * @threads single
 */
apr_status_t llmq_backend_watch_open(llmq_backend_watch_t *w, CURLM *multi);

/**
 * @param w after its multi handle has gone
 * @threads single
 */
void llmq_backend_watch_close(llmq_backend_watch_t *w);

/**
 * Let curl do what its timer is due for: a transfer that was added begins so.
 * @param w the watch
 * @return as from curl
 * @threads the engine's
 */
CURLMcode llmq_backend_watch_tick(llmq_backend_watch_t *w);

/**
 * Wait for sockets, curl's timer or the bell, and let curl do what the sockets are ready for.
 * @param w    the watch
 * @param msec the longest wait, >= 0
 * @return as from curl
 * @threads the engine's
 */
CURLMcode llmq_backend_watch_wait(llmq_backend_watch_t *w, int msec);

/** End the wait, or the next one. @threads any */
void llmq_backend_watch_ring(llmq_backend_watch_t *w);

#endif /* LLMQ_BACKEND_WATCH_H */
