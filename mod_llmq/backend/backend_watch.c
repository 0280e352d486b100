#include "backend/backend_watch.h"

#include "backend/backend_transfer.h"
#include "base/clock.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define AT_A_LOOK 256

/* ---- what curl wants ---- */

/* What curl does not know of, it has not been told of by us: then the set has nothing of it,
 * or of a descriptor that had the number before and was closed, which the kernel has removed. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *known)
{
    llmq_backend_watch_t *w = ctx;
    struct epoll_event event = {.data = {.fd = fd}};

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(w->epoll, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    event.events =
        (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
    if (epoll_ctl(w->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0
        && epoll_ctl(w->epoll, known ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event) != 0) {
        return -1;
    }
    curl_multi_assign(w->multi, fd, w);
    return 0;
}

static int on_timer(CURLM *multi, long msec, void *ctx)
{
    llmq_backend_watch_t *w = ctx;

    (void)multi;
    w->timer_at = msec < 0 ? 0 : llmq_clock_steady() + apr_time_from_msec(msec);
    return 0;
}

/* ---- life ---- */

static apr_status_t open_descriptors(llmq_backend_watch_t *w)
{
    struct epoll_event event = {.events = EPOLLIN};

    w->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (w->epoll < 0) {
        return errno;
    }
    w->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    event.data.fd = w->bell;
    if (w->bell < 0 || epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->bell, &event) != 0) {
        apr_status_t rv = errno;

        llmq_backend_watch_close(w);
        return rv;
    }
    return APR_SUCCESS;
}

apr_status_t llmq_backend_watch_open(llmq_backend_watch_t *w, CURLM *multi)
{
    apr_status_t rv;

    *w = (llmq_backend_watch_t){.multi = multi, .bell = -1};
    rv = open_descriptors(w);
    if (rv == APR_SUCCESS) {
        curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
        curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, w);
        curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
        curl_multi_setopt(multi, CURLMOPT_TIMERDATA, w);
    }
    return rv;
}

void llmq_backend_watch_close(llmq_backend_watch_t *w)
{
    if (w->bell >= 0) {
        close(w->bell);
    }
    close(w->epoll);
}

/* ---- a turn ---- */

CURLMcode llmq_backend_watch_tick(llmq_backend_watch_t *w)
{
    int running;

    if (!w->timer_at || w->timer_at > llmq_clock_steady()) {
        return CURLM_OK;
    }
    w->timer_at = 0;
    return curl_multi_socket_action(w->multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

static int shorter(const llmq_backend_watch_t *w, int msec)
{
    apr_interval_time_t left =
        w->timer_at ? w->timer_at - llmq_clock_steady() : APR_INT64_MAX;

    if (left <= 0) {
        return 0;
    }
    return left / 1000 < msec ? (int)(left / 1000) + 1 : msec;
}

/* A socket that curl has meanwhile let go of is none of its any more: that is no failure. */
static CURLMcode see(llmq_backend_watch_t *w, const struct epoll_event *event)
{
    eventfd_t rings;
    int what = (event->events & EPOLLIN ? CURL_CSELECT_IN : 0)
               | (event->events & EPOLLOUT ? CURL_CSELECT_OUT : 0)
               | (event->events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
    int running;

    if (event->data.fd == w->bell) {
        eventfd_read(w->bell, &rings);
        return CURLM_OK;
    }
    return curl_multi_socket_action(w->multi, event->data.fd, what, &running);
}

CURLMcode llmq_backend_watch_wait(llmq_backend_watch_t *w, int msec)
{
    struct epoll_event events[AT_A_LOOK];
    int n = epoll_wait(w->epoll, events, AT_A_LOOK, shorter(w, msec));
    CURLMcode code = CURLM_OK;
    int i;

    for (i = 0; i < n && (code == CURLM_OK || code == CURLM_BAD_SOCKET); i++) {
        code = see(w, &events[i]);
    }
    return code == CURLM_BAD_SOCKET ? CURLM_OK : code;
}

void llmq_backend_watch_ring(llmq_backend_watch_t *w)
{
    eventfd_write(w->bell, 1);
}
