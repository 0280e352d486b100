#include "support_dispatch.h"

#include "base/log.h"
#include "queue/queue_job.h"

#include <apr_strings.h>
#include <curl/curl.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGE_SPACE 8192
#define TAGS_FROM     700
#define TAGS          100

/* What ends no test that goes well, however slowly. */
#define LONG_MSEC 120000
#define LONG      apr_time_from_sec(600)

static _Atomic(int) logged[TAGS];

/* Counts the dispatcher's lines by their tags. */
static void on_log(void *ctx, llmq_log_level_e level, const char *file, int line,
                   apr_status_t rv, const char *text)
{
    int n = 0;

    (void)ctx, (void)level, (void)file, (void)line, (void)rv;
    if (sscanf(text, "LLMQ%4d", &n) == 1 && n >= TAGS_FROM && n < TAGS_FROM + TAGS)
        atomic_fetch_add(&logged[n - TAGS_FROM], 1);
}

int dispatch_rig_logged(const char *tag)
{
    return atomic_load(&logged[atoi(tag + strlen("LLMQ")) - TAGS_FROM]);
}

/* ---- the process around ---- */

static int owner_alive(void *ctx, apr_uint32_t owner)
{
    dispatch_rig_t *rig = ctx;

    return owner == DISPATCH_OTHER_OWNER && atomic_load(&rig->other_lives);
}

static apr_uint32_t deaths(void *ctx)
{
    return (apr_uint32_t)atomic_load(&((dispatch_rig_t *)ctx)->deaths);
}

static int orphaned(void *ctx)
{
    return atomic_load(&((dispatch_rig_t *)ctx)->orphaned);
}

/* ---- making a rig ---- */

/* Writers take turns as they do in a server. */
static void open_store(dispatch_rig_t *rig)
{
    store_test_open(LLMQ_DIALECT_SQLITE3);
    ck_assert_int_eq(apr_global_mutex_create(&store_test.conf.writers, NULL,
                                             APR_LOCK_PROC_PTHREAD, test_pool),
                     APR_SUCCESS);
    store_test.store = store_test_node(store_test.conf.node);
    ck_assert_int_eq(llmq_store_ping(store_test.store, NULL, test_pool), APR_SUCCESS);
    rig->conf.store = store_test.conf;
    rig->conf.db_driver = store_test.driver;
    rig->conf.db_params = store_test.params;
}

static void set_backend(dispatch_rig_t *rig, int port, const char *way)
{
    llmq_backend_conf_t *b = &rig->backend;

    b->name = "first";
    b->kind = port ? LLMQ_BACKEND_OPENAI : LLMQ_BACKEND_ECHO;
    b->url = apr_psprintf(test_pool, "http://127.0.0.1:%d/%s/v1", port, way);
    b->max_concurrent = 8;
    b->connect_timeout = b->first_timeout = b->total_timeout = LONG;
    b->max_answer_bytes = 100000;
    rig->backends[0] = b;
    rig->conf.backends = rig->backends;
    rig->conf.n_backends = 1;
}

dispatch_rig_t *dispatch_rig(void)
{
    dispatch_rig_t *rig = apr_pcalloc(test_pool, sizeof(*rig));

    curl_global_init(CURL_GLOBAL_DEFAULT);
    llmq_log_set_sink(on_log, NULL, LLMQ_LOG_DEBUG);
    rig->gate = -1;
    rig->queue = queue_rig_with(5000, 1000, APR_LOCK_PROC_PTHREAD);
    rig->q = rig->queue->q;
    rig->tasks = queue_rig_with(5000, 1000, APR_LOCK_PROC_PTHREAD)->q;
    open_store(rig);
    set_backend(rig, 0, "");
    rig->conf.batch = 8;
    rig->conf.retry.base = rig->conf.retry.max = apr_time_from_msec(1);
    return rig;
}

void dispatch_rig_agent(dispatch_rig_t *rig)
{
    static llmq_agent_conf_t agent;
    static llmq_handler_conf_t handler;
    static const llmq_handler_conf_t *list[1] = {&handler};
    static apr_uint64_t lane;

    memset(&agent, 0, sizeof(agent));
    memset(&handler, 0, sizeof(handler));
    agent.to.name = "bot";
    agent.to.kind = LLMQ_BACKEND_ECHO;
    agent.to.max_concurrent = 2;
    handler.type = llmq_run_type("bot", test_pool);
    handler.agent = &agent;
    handler.to = agent.to;
    lane = llmq_queue_job_lane("default", handler.type);
    handler.lanes = &lane;
    handler.n_lanes = 1;
    rig->conf.handlers = list;
    rig->conf.n_handlers = 1;
}

dispatch_rig_t *dispatch_rig_http(const char *way)
{
    dispatch_rig_t *rig = dispatch_rig();

    rig->server = http_server_start(test_pool);
    set_backend(rig, http_server_port(rig->server), way);
    return rig;
}

dispatch_rig_t *dispatch_rig_gate(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(addr);
    dispatch_rig_t *rig = dispatch_rig();

    rig->gate = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(rig->gate, (struct sockaddr *)&addr, sizeof(addr)), 0);
    ck_assert_int_eq(listen(rig->gate, 1024), 0);
    getsockname(rig->gate, (struct sockaddr *)&addr, &size);
    set_backend(rig, ntohs(addr.sin_port), "gate");
    return rig;
}

void dispatch_rig_create(dispatch_rig_t *rig)
{
    llmq_dispatch_host_t host = {owner_alive, deaths, orphaned, rig};
    llmq_dispatch_queues_t queues = {rig->q, rig->tasks};

    ck_assert_int_eq(apr_pool_create_unmanaged_ex(&rig->pool, NULL, NULL), APR_SUCCESS);
    ck_assert_int_eq(llmq_dispatch_create(&rig->d, &queues, &rig->conf, &host, rig->pool),
                     APR_SUCCESS);
}

static void *run(void *data)
{
    dispatch_rig_t *rig = data;

    llmq_dispatch_work(rig->d);
    atomic_store(&rig->ended, 1);
    return NULL;
}

void dispatch_rig_start(dispatch_rig_t *rig)
{
    if (!rig->d)
        dispatch_rig_create(rig);
    atomic_store(&rig->ended, 0);
    ck_assert_int_eq(pthread_create(&rig->thread, NULL, run, rig), 0);
}

void dispatch_rig_join(dispatch_rig_t *rig)
{
    DISPATCH_WAIT(atomic_load(&rig->ended));
    pthread_join(rig->thread, NULL);
    rig->thread = 0;
}

/* A dispatcher that was made but never ran has threads, too; a run that is stopped before
 * it begins ends them. */
void dispatch_rig_close(dispatch_rig_t *rig)
{
    if (rig->d && !atomic_load(&rig->ended)) {
        llmq_dispatch_stop(rig->d);
        if (!rig->thread)
            dispatch_rig_start(rig);
        dispatch_rig_join(rig);
    }
    ck_queue(rig->q);
    if (rig->pool)
        apr_pool_destroy(rig->pool);
    if (rig->server)
        http_server_stop(rig->server);
    if (rig->gate >= 0)
        close(rig->gate);
    store_test_close();
}

/* ---- jobs ---- */

llmq_job_t *dispatch_rig_job(const char *id, int level)
{
    llmq_job_t *job = store_test_job(apr_pstrdup(test_pool, id));

    job->chain = NULL;
    job->level = (llmq_level_e)level;
    job->timeout = LONG;
    return job;
}

void dispatch_rig_store(const llmq_job_t *job)
{
    store_test_insert(store_test.store, job);
}

void dispatch_rig_enter(dispatch_rig_t *rig, const llmq_job_t *job)
{
    llmq_entry_t entry;

    llmq_queue_job_entry(&entry, job);
    ck_assert_int_eq(llmq_queue_admit(rig->q, entry.tenant, job->level), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_put(rig->q, &entry, 1, LLMQ_PUT_ADMITTED), APR_SUCCESS);
}

void dispatch_rig_put(dispatch_rig_t *rig, const char *id, int level)
{
    llmq_job_t *job = dispatch_rig_job(id, level);

    dispatch_rig_store(job);
    dispatch_rig_enter(rig, job);
}

int dispatch_rig_status(const char *id)
{
    const llmq_job_t *job = store_test_find(id);

    return job ? (int)job->status : -1;
}

/* SQLite keeps an open file whatever becomes of its name, so the table moves instead. */
void dispatch_rig_db_away(void)
{
    store_test_sql("ALTER TABLE llmq_jobs RENAME TO llmq_jobs_away");
}

void dispatch_rig_db_back(void)
{
    store_test_sql("ALTER TABLE llmq_jobs_away RENAME TO llmq_jobs");
}

void dispatch_rig_damage(dispatch_rig_t *rig)
{
    ck_assert_int_eq(apr_global_mutex_lock(rig->queue->mutex), APR_SUCCESS);
    atomic_store(&rig->q->header->holder, DISPATCH_DEAD_OWNER);
    ck_assert_int_eq(apr_global_mutex_unlock(rig->queue->mutex), APR_SUCCESS);
}

llmq_queue_stats_t dispatch_rig_sum(dispatch_rig_t *rig)
{
    llmq_queue_stats_t stats[LLMQ_LEVEL_COUNT];

    ck_assert_int_eq(llmq_queue_stats(stats, rig->q), APR_SUCCESS);
    return stats[0];
}

/* ---- the gate ---- */

static int wait_readable(int fd, int msec)
{
    struct pollfd pfd = {.fd = fd, .events = POLLIN};

    return poll(&pfd, 1, msec) == 1;
}

static int is_whole(const char *request)
{
    const char *end = strstr(request, "\r\n\r\n");
    const char *length = strcasestr(request, "\r\nContent-Length:");

    return end && length
           && strlen(end + 4)
                  >= strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
}

static const char *job_id(char *request)
{
    char *id = strcasestr(request, "\r\nX-Request-Id: ");

    ck_assert_ptr_nonnull(id);
    id += strlen("\r\nX-Request-Id: ");
    return apr_pstrmemdup(test_pool, id, strcspn(id, "\r\n"));
}

int dispatch_rig_take_call(dispatch_rig_t *rig, const char **pid)
{
    char *request = apr_pcalloc(test_pool, MESSAGE_SPACE);
    size_t len = 0;
    int fd;

    ck_assert_msg(wait_readable(rig->gate, LONG_MSEC), "no call came");
    fd = accept(rig->gate, NULL, NULL);
    ck_assert_int_ge(fd, 0);
    while (!is_whole(request)) {
        ssize_t n;

        ck_assert_msg(wait_readable(fd, LONG_MSEC), "half a request");
        n = recv(fd, request + len, MESSAGE_SPACE - 1 - len, 0);
        ck_assert_int_gt(n, 0);
        len += (size_t)n;
    }
    if (pid)
        *pid = job_id(request);
    return fd;
}

void dispatch_rig_answer(int connection, const char *status, const char *body)
{
    const char *text = apr_psprintf(test_pool,
                                    "HTTP/1.1 %s\r\nContent-Type: application/json\r\n"
                                    "Connection: close\r\nContent-Length: %d\r\n\r\n%s",
                                    status, (int)strlen(body), body);

    ck_assert_int_eq(send(connection, text, strlen(text), MSG_NOSIGNAL),
                     (ssize_t)strlen(text));
    close(connection);
}

void dispatch_rig_complete(int connection)
{
    dispatch_rig_answer(connection, "200 OK",
                        "{\"model\":\"m\",\"choices\":[{\"message\":{\"content\":"
                        "\"Hi\"},\"finish_reason\":\"stop\"}]}");
}

int dispatch_rig_gate_is_quiet(dispatch_rig_t *rig)
{
    return !wait_readable(rig->gate, 0);
}

int dispatch_rig_hung_up(int connection)
{
    char byte;

    return wait_readable(connection, 0) && recv(connection, &byte, 1, 0) <= 0;
}
