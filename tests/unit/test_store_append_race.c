/* Many threads of many processes append to the same logs, and some die meanwhile. */
#include "store_support.h"

#include "store/store_append.h"
#include "store/store_session.h"

#include <apr_atomic.h>
#include <apr_strings.h>

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define T0        STORE_TEST_T0
#define THREADS   6
#define PROCESSES 3
#define SESSIONS  4
#define APPENDS   40 /* of a thread */

/* What the processes of a test share. */
typedef struct {
    _Atomic(int) stored;
    _Atomic(int) duplicates;
    _Atomic(int) unknown; /* the store was away: nobody knows */
    _Atomic(int) wrong;
    _Atomic(int) ready; /* children that append */
} shared_t;

static shared_t *shared;
static llmq_commit_t *commit;
static apr_global_mutex_t *writers;
static int process;                     /* number of this one, from 0 */
static const char *dedupe;              /* key of all appends; NULL: none */
static apr_int64_t last_told[SESSIONS]; /* by the committer */

static apr_pool_t *own_pool(void)
{
    apr_allocator_t *allocator;
    apr_pool_t *p;

    apr_allocator_create(&allocator);
    apr_pool_create_ex(&p, NULL, NULL, allocator);
    apr_allocator_owner_set(allocator, p);
    return p;
}

static void create(int number)
{
    llmq_session_t s;

    memset(&s, 0, sizeof(s));
    s.id = apr_psprintf(test_pool, "s%d", number);
    s.tenant = "acme";
    s.owner = "ann";
    s.created_at = T0;
    ck_assert_int_eq(llmq_store_session_create(store_test.store, &s, test_pool),
                     APR_SUCCESS);
}

/* A database with sessions s0…, whose writers of all processes take turns. */
static void begin(int dialect)
{
    int i;

    store_test_open(dialect);
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(shared, MAP_FAILED);
    if (dialect == LLMQ_DIALECT_SQLITE3) {
        ck_assert_int_eq(
            apr_global_mutex_create(&writers, NULL, APR_LOCK_PROC_PTHREAD, test_pool),
            APR_SUCCESS);
        store_test.conf.writers = writers;
        llmq_store_create(&store_test.store, &store_test.source, &store_test.conf,
                          test_pool);
    }
    for (i = 0; i < SESSIONS; i++)
        create(i);
}

/* What is told after a commit comes in the order of the log. */
static void after(void *ctx, const char *tenant, const llmq_session_message_t *m)
{
    apr_int64_t *last = &last_told[m->session[1] - '0'];

    (void)ctx;
    if (strcmp(tenant, "acme") != 0 || m->seq <= *last)
        shared->wrong++;
    *last = m->seq;
}

static void start_committer(apr_pool_t *p)
{
    llmq_commit_conf_t conf = {100, 0, 1};
    llmq_commit_writer_t writer;
    llmq_store_t *store;
    llmq_store_source_t source;

    llmq_store_source_direct(&source, store_test.driver, store_test.params, 0, p);
    llmq_store_create(&store, &source, &store_test.conf, p);
    llmq_store_append_writer(&writer, after, NULL, p);
    if (llmq_store_commit_create(&commit, store, &conf, &writer, 1, p) != APR_SUCCESS)
        shared->wrong++;
}

static void append_one(int thread, int number, apr_pool_t *p)
{
    llmq_append_t append;
    apr_status_t rv;

    memset(&append, 0, sizeof(append));
    append.tenant = "acme";
    append.owner = "ann";
    append.message.session = apr_psprintf(p, "s%d", thread % 2 ? 0 : number % SESSIONS);
    append.message.id = apr_psprintf(p, "m_%d_%d_%d", process, thread, number);
    append.message.type = "user.prompt";
    append.message.content = "Hello";
    append.message.created_at = T0 + number;
    append.message.dedupe_key = dedupe ? apr_psprintf(p, "k%d", number) : NULL;
    if (dedupe)
        append.message.session = "s0";
    rv = llmq_store_append_commit(&append, commit, p);
    if (rv == APR_SUCCESS && append.outcome == LLMQ_APPEND_STORED)
        shared->stored++;
    else if (rv == APR_SUCCESS && append.outcome == LLMQ_APPEND_DUPLICATE)
        shared->duplicates++;
    else if (rv == LLMQ_ESTORE)
        shared->unknown++;
    else
        shared->wrong++;
}

static void *appender(void *data)
{
    int thread = (int)(size_t)data, i;
    apr_pool_t *p = own_pool();

    for (i = 0; i < APPENDS; i++) {
        append_one(thread, i, p);
        if (i == 1)
            shared->ready++;
        apr_pool_clear(p);
    }
    apr_pool_destroy(p);
    return NULL;
}

static void append_with_threads(void)
{
    pthread_t threads[THREADS];
    apr_pool_t *p = own_pool();
    int i;

    start_committer(p);
    for (i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, appender, (void *)(size_t)i);
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    llmq_store_commit_stop(commit);
}

/* A connection must not be inherited, so a process makes a store of its own. */
static pid_t spawn(int number)
{
    pid_t pid = fork();

    if (pid == 0) {
        process = number;
        append_with_threads();
        _exit(0);
    }
    ck_assert_int_gt(pid, 0);
    return pid;
}

static void join(pid_t pid)
{
    int how;

    ck_assert_int_eq(waitpid(pid, &how, 0), pid);
}

/* Read on from where a log was read before: it must continue with the next number. */
static void follow(apr_int64_t *seqs, apr_pool_t *p)
{
    int i, j, n;

    for (i = 0; i < SESSIONS; i++) {
        llmq_session_ref_t ref = {"acme", NULL, apr_psprintf(p, "s%d", i)};
        llmq_session_message_t *items;

        if (llmq_store_session_messages(&items, &n, store_test.store, &ref, seqs[i], 50,
                                        p)
            != APR_SUCCESS)
            continue;
        for (j = 0; j < n; j++)
            shared->wrong += items[j].seq != ++seqs[i];
    }
}

static void wait_and_follow(const pid_t *pids, int n)
{
    apr_int64_t seqs[SESSIONS] = {0};
    apr_pool_t *p;
    int i, how;

    apr_pool_create(&p, test_pool);
    for (i = 0; i < n; i++) {
        while (waitpid(pids[i], &how, WNOHANG) == 0) {
            follow(seqs, p);
            apr_pool_clear(p);
        }
    }
    follow(seqs, p);
}

/* The logs have neither gaps nor doubles, and their sessions know how far they go. */
static void check_logs(void)
{
    ck_assert_int_eq(shared->wrong, 0);
    ck_assert_int_eq(
        store_test_number("SELECT count(*) FROM (SELECT s.id FROM llmq_sessions AS s "
                          "LEFT JOIN llmq_session_messages AS m ON m.session = s.id "
                          "GROUP BY s.id, s.last_seq HAVING count(m.seq) <> s.last_seq "
                          "OR COALESCE(max(m.seq), 0) <> s.last_seq "
                          "OR COALESCE(min(m.seq), 1) <> 1) AS x"),
        0);
    ck_assert_int_eq(
        store_test_number("SELECT count(*) FROM llmq_sessions AS s "
                          "JOIN llmq_session_messages AS m ON m.session = s.id "
                          "AND m.seq = s.last_seq WHERE m.id <> s.last_message_id"),
        0);
}

static apr_int64_t rows(void)
{
    return store_test_number("SELECT count(*) FROM llmq_session_messages");
}

START_TEST(logs_of_many_writers_have_neither_gaps_nor_doubles)
{
    pid_t pids[PROCESSES];
    int i;

    begin(_i);
    for (i = 0; i < PROCESSES; i++)
        pids[i] = spawn(i);
    wait_and_follow(pids, PROCESSES);
    check_logs();
    ck_assert_int_eq(shared->stored, PROCESSES * THREADS * APPENDS);
    ck_assert_int_eq(rows(), PROCESSES * THREADS * APPENDS);
    store_test_close();
}
END_TEST

START_TEST(of_many_with_one_key_one_is_stored)
{
    pid_t pids[PROCESSES];
    int i;

    begin(_i);
    dedupe = "k";
    for (i = 0; i < PROCESSES; i++)
        pids[i] = spawn(i);
    for (i = 0; i < PROCESSES; i++)
        join(pids[i]);
    check_logs();
    ck_assert_int_eq(shared->stored, APPENDS);
    ck_assert_int_eq(shared->duplicates, (PROCESSES * THREADS - 1) * APPENDS);
    ck_assert_int_eq(rows(), APPENDS);
    store_test_close();
}
END_TEST

START_TEST(a_process_that_is_killed_leaves_whole_logs)
{
    pid_t pids[PROCESSES];
    int i;

    begin(_i);
    for (i = 0; i < PROCESSES; i++)
        pids[i] = spawn(i);
    while (shared->ready < THREADS)
        apr_sleep(500);
    kill(pids[0], SIGKILL);
    join(pids[0]);
    for (i = 1; i < PROCESSES; i++)
        join(pids[i]);
    check_logs();
    ck_assert_int_eq(shared->unknown, 0);
    ck_assert_int_ge(shared->stored, (PROCESSES - 1) * THREADS * APPENDS);
    /* The killed one may have stored some of which it told nobody. */
    ck_assert_int_ge(rows(), shared->stored);
    store_test_close();
}
END_TEST

/* PostgreSQL ends connections in the middle of whatever they do. */
START_TEST(a_connection_that_is_cut_costs_at_most_an_answer)
{
    pid_t pid;
    int i, how;

    if (store_test_dialects() < 2)
        return;
    begin(LLMQ_DIALECT_PGSQL);
    pid = spawn(0);
    while (shared->ready < 1)
        apr_sleep(500);
    for (i = 0; i < 30 && waitpid(pid, &how, WNOHANG) == 0; i++) {
        store_test_number("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                          "WHERE query LIKE '%llmq_append%' AND pid <> pg_backend_pid()");
        apr_sleep(1000);
    }
    waitpid(pid, &how, 0);
    check_logs();
    ck_assert_int_eq(shared->stored + shared->unknown, THREADS * APPENDS);
    ck_assert_int_ge(rows(), shared->stored);
    ck_assert_int_le(rows(), shared->stored + shared->unknown);
    store_test_close();
}
END_TEST

/* @return another connection that holds what appends need */
static apr_dbd_t *hold(const apr_dbd_driver_t **pdriver)
{
    int pgsql = store_test.dialect == LLMQ_DIALECT_PGSQL;
    apr_dbd_results_t *results = NULL;
    apr_dbd_t *handle;

    ck_assert_int_eq(apr_dbd_get_driver(test_pool, store_test.driver, pdriver),
                     APR_SUCCESS);
    ck_assert_int_eq(apr_dbd_open(*pdriver, test_pool, store_test.params, &handle),
                     APR_SUCCESS);
    ck_assert_int_eq(apr_dbd_select(*pdriver, test_pool, handle, &results,
                                    pgsql ? "BEGIN" : "BEGIN IMMEDIATE", 1),
                     0);
    results = NULL;
    ck_assert_int_eq(apr_dbd_select(*pdriver, test_pool, handle, &results,
                                    pgsql ? "SELECT id FROM llmq_sessions FOR UPDATE"
                                          : "SELECT id FROM llmq_sessions",
                                    1),
                     0);
    return handle;
}

static void *append_some(void *data)
{
    apr_pool_t *p = own_pool();
    int i;

    for (i = 0; i < 3; i++)
        append_one((int)(size_t)data, i, p);
    apr_pool_destroy(p);
    return NULL;
}

START_TEST(who_cannot_have_the_sessions_hears_so_and_nothing_is_stored)
{
    const apr_dbd_driver_t *driver;
    apr_dbd_t *handle;
    pthread_t threads[THREADS];
    int i;

    begin(_i);
    store_test.conf.timeout = apr_time_from_msec(300);
    handle = hold(&driver);
    start_committer(test_pool);
    for (i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, append_some, (void *)(size_t)i);
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(shared->unknown, 3 * THREADS);
    ck_assert_int_eq(rows(), 0);
    apr_dbd_close(driver, handle);
    llmq_store_commit_stop(commit);
    check_logs();
    store_test_close();
}
END_TEST

/* The rows are as they are once the lock is there, not as they were when it was asked for. */
START_TEST(who_waits_for_a_session_goes_on_where_the_other_ended)
{
    const apr_dbd_driver_t *driver;
    apr_dbd_results_t *results = NULL;
    apr_dbd_t *handle;
    pthread_t thread;

    if (store_test_dialects() < 2)
        return;
    begin(LLMQ_DIALECT_PGSQL);
    dedupe = "k";
    handle = hold(&driver);
    start_committer(test_pool);
    pthread_create(&thread, NULL, append_some, NULL);
    while (store_test_number("SELECT count(*) FROM pg_stat_activity WHERE "
                             "wait_event_type = 'Lock' AND query LIKE '%llmq_append%'")
           != 1)
        apr_sleep(1000);
    ck_assert_int_eq(
        apr_dbd_select(
            driver, test_pool, handle, &results,
            "INSERT INTO llmq_session_messages (session, seq, id, tenant, role, type, "
            "dedupe_key, created_at) VALUES ('s0', 1, 'x', 'acme', 0, 't', 'k0', 1); "
            "UPDATE llmq_sessions SET last_seq = 1, last_message_id = 'x' "
            "WHERE id = 's0'; COMMIT",
            1),
        0);
    pthread_join(thread, NULL);
    apr_dbd_close(driver, handle);
    llmq_store_commit_stop(commit);
    check_logs();
    ck_assert_int_eq(shared->duplicates, 1);
    ck_assert_int_eq(shared->stored, 2);
    ck_assert_int_eq(rows(), 3);
    store_test_close();
}
END_TEST

TCase *case_store_append_race(void)
{
    TCase *tc = test_case("store_append_race");
    int n = store_test_dialects();

    tcase_add_loop_test(tc, logs_of_many_writers_have_neither_gaps_nor_doubles, 0, n);
    tcase_add_loop_test(tc, of_many_with_one_key_one_is_stored, 0, n);
    tcase_add_loop_test(tc, a_process_that_is_killed_leaves_whole_logs, 0, n);
    tcase_add_test(tc, a_connection_that_is_cut_costs_at_most_an_answer);
    tcase_add_loop_test(tc, who_cannot_have_the_sessions_hears_so_and_nothing_is_stored,
                        0, n);
    tcase_add_test(tc, who_waits_for_a_session_goes_on_where_the_other_ended);
    return tc;
}
