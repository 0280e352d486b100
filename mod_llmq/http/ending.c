#include "http/ending.h"

#include "http/held.h"

#include <ap_mpm.h>
#include <apr_time.h>
#include <httpd.h>
#include <mpm_common.h>
#include <scoreboard.h>

#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#define NOW 1 /* usec since 1970: long ago */

static _Atomic(apr_int64_t) began_at; /* usec since 1970; 0: not yet; NOW: be over */

static int is_threaded(void)
{
    int threaded = 0;

    return ap_mpm_query(AP_MPMQ_IS_THREADED, &threaded) == APR_SUCCESS
           && threaded != AP_MPMQ_NOT_SUPPORTED;
}

/* The first to notice tells the time: under prefork that is a request. */
static void wind_up(void)
{
    apr_int64_t not_yet = 0;

    atomic_compare_exchange_strong(&began_at, &not_yet, apr_time_now());
}

/* ---- a stop while it winds up ---- */

/* MPMs send the signal to themselves, too. */
static void on_stop(int signum, siginfo_t *info, void *ctx)
{
    (void)signum;
    (void)ctx;
    if (info->si_pid != getpid()) {
        atomic_store(&began_at, NOW);
    }
}

/* By now an MPM ignores the signal, or takes it as a mere wake-up: which it must remain, so
 * system calls are not restarted. */
static void watch_for_stop(void)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO};

    action.sa_sigaction = on_stop;
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
}

/* ---- prefork ---- */

/* It does not tell the hook how it ends, but a stop or a hard restart does so within the
 * handler of its signal, which is blocked there. */
static int is_killed(void)
{
    sigset_t blocked;

    sigemptyset(&blocked);
    pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    return sigismember(&blocked, SIGTERM) || sigismember(&blocked, SIGHUP);
}

/* One that the parent has found too many must not look idle any more, or it would end the
 * others for its sake. */
static void be_seen_to_end(void)
{
    pid_t me = getpid();
    int n = 0;
    int i;

    ap_mpm_query(AP_MPMQ_HARD_LIMIT_DAEMONS, &n);
    for (i = 0; i < n; i++) {
        const process_score *ps = ap_get_scoreboard_process(i);

        if (ps && ps->pid == me) {
            ap_update_child_status_from_indexes(i, 0, SERVER_GRACEFUL, NULL);
        }
    }
}

/* ---- what others see ---- */

void llmq_ending_begin(int graceful)
{
    int threaded = is_threaded();

    if (threaded ? !graceful : is_killed()) {
        atomic_store(&began_at, NOW);
        return;
    }
    wind_up();
    watch_for_stop();
    if (!threaded) {
        be_seen_to_end();
    }
}

int llmq_ending_is_over(void)
{
    apr_interval_time_t limit = apr_time_from_sec(ap_graceful_shutdown_timeout);
    apr_int64_t began = atomic_load(&began_at);

    if (!began && llmq_held_is_ending()) {
        wind_up();
        began = atomic_load(&began_at);
    }
    return began == NOW || (began && limit && apr_time_now() - began >= limit);
}
