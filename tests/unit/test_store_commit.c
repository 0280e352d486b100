#include "store_support.h"

#include "store/store_commit.h"

#include <apr_atomic.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include <pthread.h>
#include <string.h>

#define THREADS         16
#define ROWS_PER_THREAD 25
#define BAD_ROW                                                                          \
    "{\"i\":\"bad\",\"t\":\"default\",\"p\":\"\",\"d\":\"{}\",\"n\":\"soon\",\"r\":1,"   \
    "\"o\":1,\"a\":0,\"m\":1,\"k\":1,\"l\":3}"

/** What the done function is given with each row. */
typedef struct {
    int thread;
    int row;
} thing_t;

static llmq_commit_t *commit;
static int done_count[THREADS][ROWS_PER_THREAD]; /* by the committer, then by the test */
static int done_calls;

/* A database that hangs and one that is away: the real source behind a door. */
static llmq_store_source_t real;
static pthread_mutex_t door = PTHREAD_MUTEX_INITIALIZER;
static int closed;  /* atomic */
static int at_door; /* atomic: somebody came there */

static apr_status_t guarded_acquire(llmq_dbd_t **pdb, void *ctx, apr_pool_t *p)
{
    (void)ctx;
    __atomic_store_n(&at_door, 1, __ATOMIC_RELEASE);
    pthread_mutex_lock(&door);
    pthread_mutex_unlock(&door);
    if (__atomic_load_n(&closed, __ATOMIC_ACQUIRE))
        return LLMQ_ESTORE;
    return real.acquire(pdb, real.ctx, p);
}

static void guarded_release(void *ctx, llmq_dbd_t *db, int broken)
{
    (void)ctx;
    real.release(real.ctx, db, broken);
}

static void done(void *ctx, void *const *things, int n)
{
    int i;

    (void)ctx;
    done_calls++;
    for (i = 0; i < n; i++) {
        const thing_t *thing = things[i];

        done_count[thing->thread][thing->row]++;
    }
}

static const llmq_commit_writer_t inserts = {llmq_store_commit_insert, done, NULL, NULL};

static void start(int dialect, int threaded, int max_rows)
{
    llmq_commit_conf_t conf = {max_rows, 0, 1};
    llmq_store_source_t source = {guarded_acquire, guarded_release, NULL};

    store_test_open(dialect);
    real = store_test.source;
    llmq_store_create(&store_test.store, &source, &store_test.conf, test_pool);
    ck_assert_int_eq(llmq_store_ping(store_test.store, NULL, test_pool), APR_SUCCESS);
    ck_assert_int_eq(llmq_store_commit_create(&commit, store_test.store, &conf, &inserts,
                                              threaded, test_pool),
                     APR_SUCCESS);
}

static apr_status_t insert_text(const char *row, int thread, int number)
{
    thing_t thing = {thread, number};

    return llmq_store_commit_write(commit, row, strlen(row), &thing, sizeof(thing));
}

static apr_status_t insert_job(const char *id, int thread, int number, apr_pool_t *p)
{
    llmq_job_t job;
    llmq_text_t t;

    memset(&job, 0, sizeof(job));
    job.id = id;
    job.tenant = "default";
    job.payload = "Hello";
    job.payload_len = 5;
    job.created_at = job.run_at = STORE_TEST_T0;
    job.kind = LLMQ_KIND_MESSAGE;
    job.level = LLMQ_LEVEL_LOW;
    llmq_text_init(&t, 512, p);
    llmq_store_job_row(&t, &job);
    return insert_text(t.data, thread, number);
}

static apr_pool_t *thread_pool(void)
{
    apr_pool_t *p;
    apr_allocator_t *allocator;

    apr_allocator_create(&allocator);
    apr_pool_create_ex(&p, NULL, NULL, allocator);
    apr_allocator_owner_set(allocator, p);
    return p;
}

/* @return the number of rows that did not go as they should, as a pointer */
static void *inserter(void *data)
{
    int thread = (int)(size_t)data, i;
    apr_pool_t *p = thread_pool();
    size_t wrong = 0;

    for (i = 0; i < ROWS_PER_THREAD; i++) {
        const char *id = apr_psprintf(p, "msg_%d_%d", thread, i);

        if (thread == 3 && i % 3 == 0)
            wrong += insert_text(BAD_ROW, thread, i) != LLMQ_EROW;
        else
            wrong += insert_job(id, thread, i, p) != APR_SUCCESS;
    }
    apr_pool_destroy(p);
    return (void *)wrong;
}

START_TEST(rows_of_many_threads_are_durable_and_bad_ones_fail_alone)
{
    pthread_t threads[THREADS];
    llmq_commit_stats_t stats;
    void *wrong;
    int i, j, bad = 0;

    start(_i, 1, 10);
    for (i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, inserter, (void *)(size_t)i);
    for (i = 0; i < THREADS; i++) {
        pthread_join(threads[i], &wrong);
        ck_assert_ptr_null(wrong);
    }
    llmq_store_commit_stop(commit);
    for (i = 0; i < THREADS; i++) {
        for (j = 0; j < ROWS_PER_THREAD; j++) {
            bad += i == 3 && j % 3 == 0;
            ck_assert_int_eq(done_count[i][j], !(i == 3 && j % 3 == 0));
        }
    }
    llmq_store_commit_stats(&stats, commit);
    ck_assert_uint_eq(stats.rows, THREADS * ROWS_PER_THREAD - bad);
    ck_assert_uint_eq(stats.refused, bad);
    ck_assert_uint_eq(stats.commits, done_calls);
    ck_assert_int_eq(store_test_number("SELECT count(*) FROM llmq_jobs"),
                     THREADS * ROWS_PER_THREAD - bad);
    store_test_close();
}
END_TEST

static void *insert_one(void *data)
{
    int number = (int)(size_t)data;
    apr_pool_t *p = thread_pool();
    apr_status_t rv = number == 5
                          ? insert_text(BAD_ROW, 0, number)
                          : insert_job(apr_psprintf(p, "msg_%d", number), 0, number, p);

    apr_pool_destroy(p);
    return (void *)(size_t)rv;
}

START_TEST(rows_that_arrive_during_a_commit_share_the_next_one)
{
    pthread_t threads[12];
    llmq_commit_stats_t stats;
    void *rv;
    int i;

    start(_i, 1, 1000);
    pthread_mutex_lock(&door);
    for (i = 0; i < 12; i++)
        pthread_create(&threads[i], NULL, insert_one, (void *)(size_t)i);
    apr_sleep(
        apr_time_from_msec(200)); /* lets them gather; a batch less full passes too */
    pthread_mutex_unlock(&door);
    for (i = 0; i < 12; i++) {
        pthread_join(threads[i], &rv);
        ck_assert_uint_eq((size_t)rv, i == 5 ? LLMQ_EROW : APR_SUCCESS);
    }
    llmq_store_commit_stats(&stats, commit);
    ck_assert_uint_eq(stats.rows, 11);
    ck_assert_uint_eq(stats.refused, 1);
    ck_assert_uint_le(stats.commits, 11);
    llmq_store_commit_stop(commit);
    store_test_close();
}
END_TEST

START_TEST(idle_committer_needs_no_company)
{
    int i;

    start(_i, 1, 1000);
    for (i = 0; i < 5; i++)
        ck_assert_int_eq(
            insert_job(apr_psprintf(test_pool, "msg_%d", i), 0, i, test_pool),
            APR_SUCCESS);
    ck_assert_int_eq(done_calls, 5);
    llmq_store_commit_stop(commit);
    store_test_close();
}
END_TEST

START_TEST(delay_waits_for_company_but_not_for_ever)
{
    llmq_commit_conf_t conf = {100, apr_time_from_msec(20), 5};
    llmq_commit_t *patient;
    pthread_t threads[10];
    void *rv;
    int i;

    start(_i, 0, 100);
    ck_assert_int_eq(llmq_store_commit_create(&patient, store_test.store, &conf, &inserts,
                                              1, test_pool),
                     APR_SUCCESS);
    commit = patient;
    ck_assert_int_eq(insert_job("msg_alone", 1, 0, test_pool), APR_SUCCESS);
    for (i = 0; i < 5; i++)
        pthread_create(&threads[i], NULL, insert_one, (void *)(size_t)(i + 10));
    for (i = 0; i < 5; i++) {
        pthread_join(threads[i], &rv);
        ck_assert_ptr_null(rv);
    }
    ck_assert_int_eq(store_test_number("SELECT count(*) FROM llmq_jobs"), 6);
    llmq_store_commit_stop(patient);
    store_test_close();
}
END_TEST

START_TEST(without_a_thread_each_insert_commits_itself)
{
    llmq_commit_stats_t stats;

    start(_i, 0, 1000);
    ck_assert_int_eq(insert_job("msg_1", 0, 0, test_pool), APR_SUCCESS);
    ck_assert_int_eq(done_count[0][0], 1);
    ck_assert_int_eq(insert_text(BAD_ROW, 0, 1), LLMQ_EROW);
    ck_assert_int_eq(done_count[0][1], 0);
    ck_assert_int_eq(insert_job("msg_2", 0, 2, test_pool), APR_SUCCESS);
    llmq_store_commit_stats(&stats, commit);
    ck_assert_uint_eq(stats.rows, 2);
    ck_assert_uint_eq(stats.commits, 2);
    ck_assert_uint_eq(stats.refused, 1);
    llmq_store_commit_stop(commit);
    ck_assert_int_eq(insert_job("msg_3", 0, 3, test_pool), APR_EOF);
    store_test_close();
}
END_TEST

START_TEST(insert_after_stop_is_eof)
{
    start(_i, 1, 1000);
    llmq_store_commit_stop(commit);
    ck_assert_int_eq(insert_job("msg_1", 0, 0, test_pool), APR_EOF);
    ck_assert_int_eq(store_test_number("SELECT count(*) FROM llmq_jobs"), 0);
    store_test_close();
}
END_TEST

START_TEST(database_away_is_estore_and_heals)
{
    int threaded;

    for (threaded = 0; threaded < 2; threaded++) {
        start(_i, threaded, 1000);
        __atomic_store_n(&closed, 1, __ATOMIC_RELEASE);
        ck_assert_int_eq(insert_job("msg_1", 0, 0, test_pool), LLMQ_ESTORE);
        ck_assert_int_eq(done_count[0][0], 0);
        __atomic_store_n(&closed, 0, __ATOMIC_RELEASE);
        ck_assert_int_eq(insert_job("msg_1", 0, 1 + threaded, test_pool), APR_SUCCESS);
        ck_assert_int_eq(done_count[0][1 + threaded], 1);
        llmq_store_commit_stop(commit);
        store_test_close();
    }
}
END_TEST

/* Nobody waits long at a door that is closed. */
static void close_door(void)
{
    pthread_mutex_lock(&door);
    __atomic_store_n(&at_door, 0, __ATOMIC_RELEASE);
    store_test_hurry(store_test.store, apr_time_from_msec(100));
}

static void open_door(void)
{
    store_test_hurry(store_test.store, apr_time_from_sec(60));
    pthread_mutex_unlock(&door);
}

static apr_status_t insert_numbered(int id, int number)
{
    return insert_job(apr_psprintf(test_pool, "msg_%d", id), 0, number, test_pool);
}

START_TEST(caller_of_a_hanging_database_gives_up_and_leaves_nothing_dangling)
{
    int i;

    start(_i, 1, 1000);
    close_door();
    /* A row whose caller is gone before it is taken up is dropped: others, then. */
    for (i = 0; !__atomic_load_n(&at_door, __ATOMIC_ACQUIRE); i++)
        ck_assert_int_eq(insert_numbered(-i, 0), LLMQ_ESTORE);
    for (i = 1; i < 5; i++)
        ck_assert_int_eq(insert_numbered(i, i), LLMQ_ESTORE);
    open_door();
    /* One row was under way already and may be stored; the others were dropped. */
    ck_assert_int_eq(insert_numbered(9, 9), APR_SUCCESS);
    llmq_store_commit_stop(commit);
    ck_assert_int_le(done_count[0][0], 1);
    for (i = 1; i < 5; i++)
        ck_assert_int_eq(done_count[0][i], 0);
    ck_assert_int_eq(done_count[0][9], 1);
    ck_assert_int_eq(store_test_number("SELECT count(*) FROM llmq_jobs"),
                     done_count[0][0] + 1);
    store_test_close();
}
END_TEST

START_TEST(large_rows_are_split_over_statements)
{
    apr_size_t len = 3 * 1024 * 1024;
    llmq_job_t *job;
    llmq_text_t t;
    int i;

    start(_i, 1, 1000);
    job = store_test_job("msg_1");
    job->payload = memset(apr_pcalloc(test_pool, len + 1), 'x', len);
    job->payload_len = len;
    for (i = 0; i < 3; i++) {
        job->id = apr_psprintf(test_pool, "msg_%d", i);
        llmq_text_init(&t, len + 512, test_pool);
        llmq_store_job_row(&t, job);
        ck_assert_int_eq(insert_text(t.data, 0, i), APR_SUCCESS);
    }
    ck_assert_uint_eq(store_test_find("msg_2")->payload_len, len);
    llmq_store_commit_stop(commit);
    store_test_close();
}
END_TEST

/* A writer that doubles what it is given, refuses 13 and counts what it must drop. */
typedef struct {
    int number;
    int answer;
} question_t;

static int dropped; /* atomic */

static apr_status_t answer_write(llmq_store_t *store, const char *rows,
                                 void *const *things, int n, apr_pool_t *p)
{
    int i;

    (void)rows;
    for (i = 0; i < n; i++) {
        if (((const question_t *)things[i])->number == 13)
            return LLMQ_EROW;
    }
    if (llmq_store_ping(store, NULL, p) != APR_SUCCESS)
        return LLMQ_ESTORE;
    for (i = 0; i < n; i++) {
        question_t *q = things[i];

        q->answer = 2 * q->number;
    }
    return APR_SUCCESS;
}

static void answer_drop(void *ctx, void *thing)
{
    (void)ctx;
    (void)thing;
    __atomic_add_fetch(&dropped, 1, __ATOMIC_RELAXED);
}

static const llmq_commit_writer_t answers = {answer_write, NULL, answer_drop, NULL};

static void start_answers(int dialect, int threaded)
{
    llmq_commit_conf_t conf = {1000, 0, 1};

    start(dialect, 0, 1000);
    ck_assert_int_eq(llmq_store_commit_create(&commit, store_test.store, &conf, &answers,
                                              threaded, test_pool),
                     APR_SUCCESS);
}

/* @return 0 if the answer is to the question */
static void *ask(void *data)
{
    question_t q = {(int)(size_t)data, 0};
    apr_status_t rv = llmq_store_commit_write(commit, "{},{}", 5, &q, sizeof(q));
    int right = q.number == 13 ? rv == LLMQ_EROW && q.answer == 0
                               : rv == APR_SUCCESS && q.answer == 2 * q.number;

    return (void *)(size_t)!right;
}

START_TEST(each_caller_hears_of_its_own_rows)
{
    pthread_t threads[20];
    int threaded, i;
    void *wrong;

    for (threaded = 0; threaded < 2; threaded++) {
        start_answers(_i, threaded);
        for (i = 0; i < 20; i++)
            pthread_create(&threads[i], NULL, ask, (void *)(size_t)i);
        for (i = 0; i < 20; i++) {
            pthread_join(threads[i], &wrong);
            ck_assert_ptr_null(wrong);
        }
        ck_assert_int_eq(dropped, threaded + 1);
        llmq_store_commit_stop(commit);
        store_test_close();
    }
}
END_TEST

START_TEST(what_a_failed_call_held_is_dropped_once)
{
    question_t q = {1, 0};
    int i;

    start_answers(_i, 1);
    close_door();
    for (i = 0; i < 3 || !__atomic_load_n(&at_door, __ATOMIC_ACQUIRE); i++)
        ck_assert_int_eq(llmq_store_commit_write(commit, "{}", 2, &q, sizeof(q)),
                         LLMQ_ESTORE);
    open_door();
    ck_assert_int_eq(llmq_store_commit_write(commit, "{}", 2, &q, sizeof(q)),
                     APR_SUCCESS);
    llmq_store_commit_stop(commit);
    ck_assert_int_eq(llmq_store_commit_write(commit, "{}", 2, &q, sizeof(q)), APR_EOF);
    ck_assert_int_eq(dropped, i + 1);
    store_test_close();
}
END_TEST

TCase *case_store_commit(void)
{
    TCase *tc = test_case("store_commit");
    int n = store_test_dialects();

    tcase_add_loop_test(tc, rows_of_many_threads_are_durable_and_bad_ones_fail_alone, 0,
                        n);
    tcase_add_loop_test(tc, rows_that_arrive_during_a_commit_share_the_next_one, 0, n);
    tcase_add_loop_test(tc, idle_committer_needs_no_company, 0, n);
    tcase_add_loop_test(tc, delay_waits_for_company_but_not_for_ever, 0, n);
    tcase_add_loop_test(tc, without_a_thread_each_insert_commits_itself, 0, n);
    tcase_add_loop_test(tc, insert_after_stop_is_eof, 0, n);
    tcase_add_loop_test(tc, database_away_is_estore_and_heals, 0, n);
    tcase_add_loop_test(
        tc, caller_of_a_hanging_database_gives_up_and_leaves_nothing_dangling, 0, n);
    tcase_add_loop_test(tc, large_rows_are_split_over_statements, 0, n);
    tcase_add_loop_test(tc, each_caller_hears_of_its_own_rows, 0, n);
    tcase_add_loop_test(tc, what_a_failed_call_held_is_dropped_once, 0, n);
    return tc;
}
