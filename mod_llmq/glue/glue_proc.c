#include "glue/glue_proc.h"

#include "base/log.h"
#include "glue/glue_log.h"
#include "glue/glue_roll.h"
#include "store/store_schema.h"

#include <ap_listen.h>
#include <ap_mpm.h>
#include <apr_atomic.h>
#include <apr_signal.h>
#include <apr_thread_proc.h>
#include <http_config.h>
#include <mpm_common.h>
#include <unixd.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIGRATE_LIMIT_MSEC 20000 /* then start without */
#define SHORT_LIFE         apr_time_from_msec(500)
#define PAUSE_FIRST_MSEC   100 /* a pause is a multiple of it */
#define PAUSE_MAX_MSEC     5000
#define STOP_LIMIT         apr_time_from_sec(5) /* from SIGTERM to SIGKILL */
#define RETAINED_KEY       "mod_llmq-proc"

/* The parent's memory of its dispatchers; outlives restarts like the segment. */
typedef struct {
    llmq_glue_proc_t *current; /* of the present generation; NULL between generations */
    llmq_glue_shm_t *shm;
    apr_proc_t *proc;        /* the one that takes */
    apr_time_t born_at;      /* of that one */
    unsigned int pause_msec; /* before the next start; grows while starts fail */
} keeper_t;

static keeper_t *keeper;

/* ---- what a new process must do before anything else ---- */

static void become_own_process(const char *name, server_rec *s, apr_pool_t *p)
{
    sigset_t none;

    prctl(PR_SET_NAME, name);
    ap_close_listeners();
    apr_signal(SIGHUP, SIG_IGN);
    apr_signal(SIGINT, SIG_IGN);
    apr_signal(SIGPIPE, SIG_IGN);
    apr_signal(SIGCHLD, SIG_DFL);
    apr_signal(SIGTERM, SIG_DFL);
    apr_signal(SIGUSR1, SIG_IGN);
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    if (ap_run_drop_privileges(p, s) != OK) {
        _exit(1);
    }
    llmq_glue_log_attach(s);
}

/* ---- migration ---- */

/* What the migrating process tells its parent. */
typedef struct {
    apr_status_t rv;
    int found; /* version of the schema before */
} report_t;

static void migrate_here(const llmq_glue_proc_t *proc, int report_fd, apr_pool_t *p)
{
    llmq_store_source_t source;
    report_t report = {LLMQ_ESTORE, 0};
    llmq_dbd_t *db;

    llmq_store_source_direct(&source, proc->conf.db_driver, proc->conf.db_params,
                             apr_time_from_sec(1), p);
    report.rv = source.acquire(&db, source.ctx, p);
    if (report.rv == APR_SUCCESS) {
        report.rv =
            llmq_store_schema_migrate(db, proc->conf.store.dialect, &report.found, p);
        source.release(source.ctx, db, 0);
    }
    if (write(report_fd, &report, sizeof(report)) != (ssize_t)sizeof(report)) {
        _exit(1);
    }
}

/* Signals that come meanwhile, such as for another restart, are no reason to give up. */
static int speaks_in_time(int fd)
{
    apr_time_t until = apr_time_now() + apr_time_from_msec(MIGRATE_LIMIT_MSEC);
    struct pollfd pfd = {fd, POLLIN, 0};
    int n;

    do {
        apr_time_t left = until - apr_time_now();

        n = poll(&pfd, 1, left > 0 ? (int)apr_time_as_msec(left) : 0);
    } while (n < 0 && errno == EINTR);
    return n == 1;
}

static report_t hear_report(int fd, pid_t pid)
{
    report_t report = {LLMQ_ESTORE, 0};
    ssize_t n = -1;
    int status;

    if (speaks_in_time(fd)) {
        do {
            n = read(fd, &report, sizeof(report));
        } while (n < 0 && errno == EINTR);
    }
    if (n != (ssize_t)sizeof(report)) {
        report.rv = LLMQ_ESTORE;
        kill(pid, SIGKILL);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return report;
}

apr_status_t llmq_glue_proc_migrate(const llmq_glue_proc_t *proc, apr_pool_t *ptemp)
{
    report_t report = {LLMQ_ESTORE, 0};
    int fds[2];
    pid_t pid;

    if (pipe(fds) != 0) {
        return APR_FROM_OS_ERROR(errno);
    }
    pid = fork();
    if (pid == 0) {
        become_own_process("llmq-migrate", proc->server, ptemp);
        migrate_here(proc, fds[1], ptemp);
        _exit(0);
    }
    close(fds[1]);
    if (pid > 0) {
        report = hear_report(fds[0], pid);
    }
    close(fds[0]);
    if (report.rv == LLMQ_EVERSION) {
        LLMQ_LOG(LLMQ_LOG_CRIT, 0,
                 LLMQ_NO(0802) "the database has a newer schema (version %d) than this"
                               " module knows (%d): refusing to start",
                 report.found, llmq_store_schema_known(proc->conf.store.dialect));
        return report.rv;
    }
    if (report.rv != APR_SUCCESS) {
        LLMQ_LOG(LLMQ_LOG_WARNING, 0,
                 LLMQ_NO(0803) "the database is not available; requests get 2001 until it"
                               " is");
    }
    return APR_SUCCESS;
}

/* ---- the dispatcher process ---- */

static pid_t parent_pid;

static int orphaned(void *ctx)
{
    (void)ctx;
    return getppid() != parent_pid;
}

/* In the dispatcher process only. A signal may come before there is a dispatcher to tell;
 * it is remembered. */
static llmq_dispatch_t *volatile the_dispatch;
static volatile sig_atomic_t told_to_drain;
static volatile sig_atomic_t told_to_stop;

static void pass_on(void)
{
    if (the_dispatch && told_to_stop) {
        llmq_dispatch_stop(the_dispatch);
    }
    else if (the_dispatch && told_to_drain) {
        llmq_dispatch_drain(the_dispatch);
    }
}

static void on_drain(int sig)
{
    (void)sig;
    told_to_drain = 1;
    pass_on();
}

static void on_stop(int sig)
{
    (void)sig;
    told_to_stop = 1;
    pass_on();
}

static int dispatcher_main(const llmq_glue_proc_t *proc, apr_pool_t *p)
{
    llmq_glue_shm_t *g = proc->shm;
    llmq_dispatch_host_t host = {llmq_glue_roll_has, llmq_glue_roll_deaths, orphaned,
                                 g->shared};
    llmq_dispatch_queues_t queues = {g->messages.queue, g->tasks.queue};
    llmq_dispatch_t *dispatch = NULL;
    apr_status_t rv;

    rv = llmq_glue_shm_attach(g, p);
    if (rv == APR_SUCCESS) {
        rv = llmq_dispatch_create(&dispatch, &queues, &proc->conf, &host, p);
    }
    if (rv != APR_SUCCESS) {
        LLMQ_LOG(LLMQ_LOG_CRIT, rv, LLMQ_NO(0804) "the dispatcher cannot start");
        return 1;
    }
    the_dispatch = dispatch;
    pass_on();
    LLMQ_LOG(LLMQ_LOG_NOTICE, 0, LLMQ_NO(0805) "dispatcher started, pid %d, node %s",
             (int)getpid(), proc->conf.store.node);
    llmq_dispatch_work(dispatch);
    LLMQ_LOG(LLMQ_LOG_NOTICE, 0, LLMQ_NO(0806) "dispatcher ended, pid %d", (int)getpid());
    return 0;
}

/* The new process lists itself before it can own anything, and sleeps off the pause, so
 * that the parent never waits. It leaves with _exit(): the cleanups of the parent's pools
 * are not its own. */
static void run_child(const llmq_glue_proc_t *proc, unsigned int pause_msec)
{
    apr_pool_t *p;

    if (apr_pool_create_unmanaged_ex(&p, NULL, NULL) != APR_SUCCESS) {
        _exit(1);
    }
    become_own_process("llmq-dispatch", proc->server, p);
    apr_signal(SIGTERM, on_stop);
    apr_signal(SIGUSR1, on_drain);
    while (pause_msec > 0 && !told_to_drain && !told_to_stop) {
        apr_sleep(apr_time_from_msec(PAUSE_FIRST_MSEC));
        pause_msec -= PAUSE_FIRST_MSEC;
    }
    _exit(dispatcher_main(proc, p));
}

static apr_status_t spawn(void);

static int server_is_ending(void)
{
    int state;

    return ap_mpm_query(AP_MPMQ_MPM_STATE, &state) != APR_SUCCESS
           || state == AP_MPMQ_STOPPING;
}

/* @return milliseconds before the next start */
static unsigned int pause_after(apr_interval_time_t life)
{
    unsigned int twice = keeper->pause_msec * 2;

    if (life >= SHORT_LIFE) {
        return 0;
    }
    return twice == 0               ? PAUSE_FIRST_MSEC
           : twice < PAUSE_MAX_MSEC ? twice
                                    : PAUSE_MAX_MSEC;
}

/* The parent hears that a dispatcher has ended. */
static void on_other_child(int reason, void *data, int status)
{
    apr_proc_t *proc = data;
    int was_current = keeper->proc == proc;

    if (reason != APR_OC_REASON_DEATH && reason != APR_OC_REASON_LOST) {
        return;
    }
    apr_proc_other_child_unregister(proc);
    llmq_glue_roll_remove(keeper->shm->shared, (apr_uint32_t)proc->pid);
    llmq_glue_shm_suspect(keeper->shm);
    if (!was_current || !keeper->current || server_is_ending()) {
        return;
    }
    keeper->proc = NULL;
    keeper->pause_msec = pause_after(apr_time_now() - keeper->born_at);
    LLMQ_LOG(LLMQ_LOG_WARNING, 0,
             LLMQ_NO(0807) "dispatcher %d died (status 0x%x), the next starts in %u ms",
             (int)proc->pid, (unsigned int)status, keeper->pause_msec);
    spawn();
}

static apr_status_t spawn(void)
{
    llmq_shared_t *shared = keeper->shm->shared;
    apr_proc_t *proc = apr_pcalloc(keeper->shm->pool, sizeof(*proc));

    parent_pid = getpid();
    proc->pid = fork();
    if (proc->pid == 0) {
        llmq_glue_roll_add(shared, (apr_uint32_t)getpid());
        run_child(keeper->current, keeper->pause_msec);
    }
    if (proc->pid < 0) {
        apr_status_t rv = APR_FROM_OS_ERROR(errno);

        LLMQ_LOG(LLMQ_LOG_CRIT, rv, LLMQ_NO(0808) "cannot fork the dispatcher");
        return rv;
    }
    if (!llmq_glue_roll_has(shared, (apr_uint32_t)proc->pid)) {
        llmq_glue_roll_add(shared, (apr_uint32_t)proc->pid);
    }
    apr_atomic_set32(&shared->current, (apr_uint32_t)proc->pid);
    keeper->proc = proc;
    keeper->born_at = apr_time_now() + apr_time_from_msec(keeper->pause_msec);
    apr_proc_other_child_register(proc, on_other_child, proc, NULL, keeper->shm->pool);
    return APR_SUCCESS;
}

/* ---- ends ---- */

/* The configuration goes away: a restart, or the end. */
static apr_status_t tell_to_drain(void *data)
{
    (void)data;
    if (keeper->proc) {
        apr_atomic_cas32(&keeper->shm->shared->current, 0,
                         (apr_uint32_t)keeper->proc->pid);
        kill(keeper->proc->pid, SIGUSR1);
        keeper->proc = NULL;
    }
    keeper->current = NULL;
    return APR_SUCCESS;
}

/* The server ends: nobody may outlive it. Runs before the segment's pool goes. */
static apr_status_t stop_all(void *data)
{
    llmq_glue_shm_t *g = data;
    apr_time_t until = apr_time_now() + STOP_LIMIT;

    if (getpid() != parent_pid) {
        return APR_SUCCESS;
    }
    llmq_glue_roll_tell(g->shared, SIGTERM);
    while (llmq_glue_roll_tell(g->shared, 0) > 0) {
        if (apr_time_now() > until) {
            llmq_glue_roll_tell(g->shared, SIGKILL);
            break;
        }
        apr_sleep(apr_time_from_msec(20));
    }
    keeper->proc =
        NULL; /* nobody left to tell anything, and soon no segment to note it */
    return APR_SUCCESS;
}

apr_status_t llmq_glue_proc_start(llmq_glue_proc_t *proc, apr_pool_t *pconf)
{
    keeper = ap_retained_data_get(RETAINED_KEY);
    if (!keeper) {
        keeper = ap_retained_data_create(RETAINED_KEY, sizeof(*keeper));
        keeper->shm = proc->shm;
        apr_pool_pre_cleanup_register(keeper->shm->pool, keeper->shm, stop_all);
    }
    keeper->current = proc;
    keeper->pause_msec = 0;
    apr_pool_cleanup_register(pconf, NULL, tell_to_drain, apr_pool_cleanup_null);
    return spawn();
}
