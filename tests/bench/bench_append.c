/*
 * Rate of appends to sessions through the group commit: processes with threads of their own
 * append messages of about 400 bytes for some seconds, one JSON line tells what came of it.
 *
 *   bench_append DRIVER PARAMS [THREADS [SECONDS [SESSIONS [PROCESSES [KEYED]]]]]
 *   bench_append sqlite3 bench.db 64 2 1
 *   bench_append pgsql "host=localhost port=5432 dbname=llmq" 64 2 10000 2
 *
 * SESSIONS are made first. KEYED: of 100 messages so many come with a dedupe key.
 */
#include "base/clock.h"
#include "base/id.h"
#include "store/store_append.h"
#include "store/store_session.h"

#include <apr_general.h>
#include <apr_portable.h>
#include <apr_strings.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS_MAX   1024
#define PROCESSES_MAX 64
#define CONTENT       "Please summarise the attached report in three sentences. "

typedef struct {
    const char *driver;
    const char *params;
    int threads;
    int seconds;
    int sessions;
    int processes;
    int keyed;
} options_t;

/* What all processes add to. */
typedef struct {
    apr_uint64_t rows;
    apr_uint64_t commits;
    apr_uint64_t failures;
    apr_uint64_t made; /* sessions */
} sums_t;

static options_t options = {NULL, NULL, 64, 3, 1000, 1, 0};
static sums_t *sums;
static apr_global_mutex_t *writers; /* SQLite */
static const char **ids;
static llmq_commit_t *commit;
static int stopping;

static apr_pool_t *thread_pool(void)
{
    apr_allocator_t *allocator;
    apr_pool_t *p;

    apr_allocator_create(&allocator);
    apr_pool_create_ex(&p, NULL, NULL, allocator);
    apr_allocator_owner_set(allocator, p);
    return p;
}

static void fill(llmq_append_t *append, unsigned int *seed, apr_pool_t *p)
{
    memset(append, 0, sizeof(*append));
    append->tenant = "default";
    append->owner = "user_1";
    append->message.id = llmq_id_uuid(llmq_id_create("", p), 0, p);
    append->message.session = ids[rand_r(seed) % options.sessions];
    append->message.role = LLMQ_ROLE_USER;
    append->message.type = "user.prompt";
    append->message.content = CONTENT CONTENT;
    append->message.payload = "{\"lang\":\"en\"}";
    append->message.created_at = llmq_clock_now();
    if (rand_r(seed) % 100 < options.keyed)
        append->message.dedupe_key = append->message.id;
}

static void *appender(void *data)
{
    unsigned int seed = (unsigned int)(size_t)data + (unsigned int)getpid() * 1000;
    apr_pool_t *p = thread_pool();

    while (!__atomic_load_n(&stopping, __ATOMIC_RELAXED)) {
        llmq_append_t append;

        apr_pool_clear(p);
        fill(&append, &seed, p);
        if (llmq_store_append_commit(&append, commit, p) != APR_SUCCESS
            || append.outcome != LLMQ_APPEND_STORED)
            __atomic_add_fetch(&sums->failures, 1, __ATOMIC_RELAXED);
    }
    apr_pool_destroy(p);
    return NULL;
}

static llmq_store_t *open_store(apr_pool_t *p)
{
    llmq_store_conf_t conf = {LLMQ_DIALECT_SQLITE3, "bench", apr_time_from_sec(10),
                              apr_time_from_sec(30), 0};
    llmq_store_source_t source;
    llmq_store_t *store;

    conf.writers = writers;
    if (!strcmp(options.driver, "pgsql"))
        conf.dialect = LLMQ_DIALECT_PGSQL;
    llmq_store_source_direct(&source, options.driver, options.params,
                             apr_time_from_sec(1), p);
    llmq_store_create(&store, &source, &conf, p);
    return llmq_store_ping(store, NULL, p) == APR_SUCCESS ? store : NULL;
}

/* @return the store's answer to the last of them */
static apr_status_t make_sessions(apr_pool_t *p)
{
    llmq_store_t *store = open_store(p);
    llmq_session_t s;
    apr_pool_t *scratch = thread_pool();
    apr_status_t rv = store ? APR_SUCCESS : LLMQ_ESTORE;
    int i;

    memset(&s, 0, sizeof(s));
    s.tenant = "default";
    s.owner = "user_1";
    ids = apr_palloc(p, sizeof(*ids) * (apr_size_t)options.sessions);
    for (i = 0; i < options.sessions && rv == APR_SUCCESS; i++) {
        apr_pool_clear(scratch);
        s.id = ids[i] = llmq_id_uuid(llmq_id_create("", p), 0, p);
        s.created_at = llmq_clock_now();
        rv = llmq_store_session_create(store, &s, scratch);
    }
    apr_pool_destroy(scratch);
    return rv;
}

static void add_up(void)
{
    llmq_commit_stats_t stats;

    llmq_store_commit_stats(&stats, commit);
    __atomic_add_fetch(&sums->rows, stats.rows, __ATOMIC_RELAXED);
    __atomic_add_fetch(&sums->commits, stats.commits, __ATOMIC_RELAXED);
}

static int run_process(void)
{
    llmq_commit_conf_t conf = {1000, 0, 1};
    llmq_commit_writer_t writer;
    pthread_t threads[THREADS_MAX];
    apr_pool_t *p = thread_pool();
    llmq_store_t *store = open_store(p);
    int i;

    llmq_store_append_writer(&writer, NULL, NULL, p);
    if (!store
        || llmq_store_commit_create(&commit, store, &conf, &writer, 1, p) != APR_SUCCESS)
        return EXIT_FAILURE;
    for (i = 0; i < options.threads; i++)
        pthread_create(&threads[i], NULL, appender, (void *)(size_t)(i + 1));
    apr_sleep(apr_time_from_sec(options.seconds));
    __atomic_store_n(&stopping, 1, __ATOMIC_RELAXED);
    for (i = 0; i < options.threads; i++)
        pthread_join(threads[i], NULL);
    add_up();
    llmq_store_commit_stop(commit);
    return EXIT_SUCCESS;
}

static int run_all(void)
{
    int i, how, status = EXIT_SUCCESS;
    apr_time_t begin = apr_time_now();
    double seconds;

    for (i = 0; i < options.processes; i++) {
        if (fork() == 0)
            _exit(run_process());
    }
    while (wait(&how) > 0)
        status |= how;
    seconds = (double)(apr_time_now() - begin) / APR_USEC_PER_SEC;
    printf("{\"driver\":\"%s\",\"processes\":%d,\"threads\":%d,\"sessions\":%d,"
           "\"keyed\":%d,\"rows\":%llu,\"commits\":%llu,\"failures\":%llu,"
           "\"appends_per_second\":%.0f,\"appends_per_commit\":%.1f}\n",
           options.driver, options.processes, options.threads, options.sessions,
           options.keyed, (unsigned long long)sums->rows,
           (unsigned long long)sums->commits, (unsigned long long)sums->failures,
           (double)sums->rows / seconds,
           sums->commits ? (double)sums->rows / (double)sums->commits : 0);
    return status;
}

/* The sessions are made by a process of its own, as a connection must not be inherited; the
 * ids are, so they lie in shared memory. */
static int prepare(apr_pool_t *p)
{
    apr_size_t size = (apr_size_t)options.sessions * (LLMQ_ID_MAX + 1);
    char *shared = mmap(NULL, sizeof(*sums) + size, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int i, how;

    sums = (sums_t *)shared;
    shared += sizeof(*sums);
    if (!strcmp(options.driver, "sqlite3")
        && apr_global_mutex_create(&writers, NULL, APR_LOCK_DEFAULT, p) != APR_SUCCESS)
        return EXIT_FAILURE;
    if (fork() == 0) {
        apr_status_t rv = make_sessions(p);

        for (i = 0; i < options.sessions && rv == APR_SUCCESS; i++)
            apr_cpystrn(shared + (apr_size_t)i * (LLMQ_ID_MAX + 1), ids[i],
                        LLMQ_ID_MAX + 1);
        _exit(rv == APR_SUCCESS ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    wait(&how);
    ids = apr_palloc(p, sizeof(*ids) * (apr_size_t)options.sessions);
    for (i = 0; i < options.sessions; i++)
        ids[i] = shared + (apr_size_t)i * (LLMQ_ID_MAX + 1);
    return how;
}

static void read_options(int argc, char **argv)
{
    int *numbers[] = {&options.threads, &options.seconds, &options.sessions,
                      &options.processes, &options.keyed};
    int i;

    options.driver = argv[1];
    options.params = argv[2];
    for (i = 3; i < argc && i < 8; i++)
        *numbers[i - 3] = atoi(argv[i]);
}

int main(int argc, char **argv)
{
    apr_pool_t *p;
    int status;

    if (argc < 3)
        return EXIT_FAILURE;
    read_options(argc, argv);
    if (options.threads < 1 || options.threads > THREADS_MAX || options.sessions < 1
        || options.processes < 1 || options.processes > PROCESSES_MAX)
        return EXIT_FAILURE;
    apr_initialize();
    apr_pool_create(&p, NULL);
    apr_dbd_init(p);
    status = prepare(p) || run_all();
    apr_pool_destroy(p);
    apr_terminate();
    return status;
}
