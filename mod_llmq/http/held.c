#include "http/held.h"

#include "base/clock.h"
#include "http/shield.h"

#include <apr_atomic.h>
#include <apr_portable.h>
#include <ap_mpm.h>
#include <http_core.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

static apr_uint32_t *take_free(const llmq_service_t *service)
{
    apr_uint32_t pid = (apr_uint32_t)getpid();
    int i;

    for (i = 0; i < service->n_held; i++) {
        if (apr_atomic_read32(&service->held[i]) == 0
            && apr_atomic_cas32(&service->held[i], pid, 0) == 0) {
            return &service->held[i];
        }
    }
    return NULL;
}

/* Children that were killed could not give theirs back. */
static void sweep(const llmq_service_t *service)
{
    int i;

    for (i = 0; i < service->n_held; i++) {
        apr_uint32_t pid = apr_atomic_read32(&service->held[i]);

        if (pid && kill((pid_t)pid, 0) != 0 && errno == ESRCH) {
            apr_atomic_cas32(&service->held[i], 0, pid);
        }
    }
}

apr_uint32_t *llmq_held_take(const llmq_service_t *service)
{
    apr_uint32_t *place = take_free(service);

    if (!place) {
        sweep(service);
        place = take_free(service);
    }
    return place;
}

void llmq_held_give(apr_uint32_t *place)
{
    if (place) {
        apr_atomic_set32(place, 0);
    }
}

int llmq_held_is_gone(request_rec *r)
{
    apr_socket_t *socket =
        r->connection->master ? NULL : ap_get_conn_socket(r->connection);
    struct pollfd side = {.events = POLLRDHUP};

    if (r->connection->aborted) {
        return 1;
    }
    /* What a client has sent on top, a word of farewell by TLS above all, hides its end from
     * whoever would read. */
    return socket && apr_os_sock_get(&side.fd, socket) == APR_SUCCESS
           && poll(&side, 1, 0) > 0;
}

int llmq_held_wait(sem_t *news, apr_interval_time_t step)
{
    int shield = llmq_shield_pause();
    struct timespec until;
    int rv;

    llmq_clock_deadline(&until, step);
    rv = sem_clockwait(news, CLOCK_MONOTONIC, &until);
    llmq_shield_resume(shield);
    return rv == 0;
}

int llmq_held_is_ending(void)
{
    int state = 0;

    return ap_mpm_query(AP_MPMQ_MPM_STATE, &state) == APR_SUCCESS
           && state == AP_MPMQ_STOPPING;
}
