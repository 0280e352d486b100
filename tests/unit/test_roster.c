#include "support.h"

#include "core/roster.h"

#include <apr_strings.h>
#include <apr_thread_proc.h>

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define T0      APR_INT64_C(1735727400000000) /* 2025-01-01T10:30:00Z */
#define SECOND  APR_USEC_PER_SEC
#define TIMEOUT (90 * SECOND)

static const llmq_worker_end_t success = {LLMQ_WORKER_SUCCEEDED, 2 * SECOND};
static const llmq_worker_end_t failure = {LLMQ_WORKER_FAILED, 3 * SECOND};

static llmq_roster_t *table(int max)
{
    apr_size_t size = llmq_roster_size(max);
    char *memory = apr_pcalloc(test_pool, size + 64);

    return llmq_roster_init((void *)APR_ALIGN((apr_uintptr_t)memory, 64), max, TIMEOUT);
}

static llmq_roster_row_t find(llmq_roster_t *r, const char *worker)
{
    llmq_roster_row_t row;

    memset(&row, 0, sizeof(row));
    ck_assert_msg(llmq_roster_find(&row, r, "t", worker) == APR_SUCCESS, "%s", worker);
    return row;
}

static int knows(llmq_roster_t *r, const char *worker)
{
    llmq_roster_row_t row;

    return llmq_roster_find(&row, r, "t", worker) == APR_SUCCESS;
}

static llmq_worker_e state(llmq_roster_t *r, const char *worker, apr_time_t now)
{
    llmq_roster_row_t row = find(r, worker);

    return llmq_worker_state(&row.worker, now, TIMEOUT);
}

static int count(llmq_roster_t *r)
{
    llmq_roster_row_t row;
    apr_uint32_t cursor = 0;
    int n = 0;

    while (llmq_roster_next(&row, r, &cursor))
        n++;
    return n;
}

static const char *nth(int i)
{
    return apr_psprintf(test_pool, "worker_%d", i);
}

START_TEST(a_worker_is_known_by_tenant_and_name)
{
    llmq_roster_t *r = table(10);

    llmq_roster_seen(r, "t", "w", T0);
    llmq_roster_seen(r, "u", "w", T0 + 1);
    llmq_roster_seen(r, "t", "w", T0 + 2);
    ck_assert_int_eq(count(r), 2);
    ck_assert_int_eq(find(r, "w").worker.started, T0);
    ck_assert_int_eq(find(r, "w").worker.seen, T0 + 2);
    ck_assert(!knows(r, "x"));
}
END_TEST

START_TEST(nobody_is_not_counted)
{
    char name[LLMQ_NAME_MAX + 2];
    llmq_roster_t *r = table(10);
    llmq_roster_sums_t sums;

    memset(name, 'x', sizeof(name));
    name[LLMQ_NAME_MAX + 1] = '\0';
    llmq_roster_seen(NULL, "t", "w", T0);
    llmq_roster_seen(r, "t", "", T0);
    llmq_roster_seen(r, "t", NULL, T0);
    llmq_roster_seen(r, "t", name, T0);
    llmq_roster_sum(&sums, NULL, NULL, T0);
    ck_assert_int_eq(count(r), 0);
    name[LLMQ_NAME_MAX] = '\0';
    llmq_roster_seen(r, "t", name, T0);
    ck_assert(knows(r, name));
}
END_TEST

START_TEST(it_is_idle_busy_and_stopped)
{
    llmq_roster_t *r = table(10);

    llmq_roster_seen(r, "t", "w", T0);
    ck_assert_int_eq(state(r, "w", T0), LLMQ_WORKER_IDLE);
    ck_assert_int_eq(state(r, "w", T0 + TIMEOUT - 1), LLMQ_WORKER_IDLE);
    ck_assert_int_eq(state(r, "w", T0 + TIMEOUT), LLMQ_WORKER_STOPPED);
    llmq_roster_claimed(r, "t", "w", 2, T0 + 60 * SECOND, T0);
    ck_assert_int_eq(state(r, "w", T0), LLMQ_WORKER_BUSY);
    llmq_roster_ended(r, "t", "w", success, T0);
    ck_assert_int_eq(state(r, "w", T0), LLMQ_WORKER_BUSY);
    llmq_roster_ended(r, "t", "w", failure, T0);
    ck_assert_int_eq(state(r, "w", T0), LLMQ_WORKER_IDLE);
}
END_TEST

START_TEST(ends_are_counted_by_how)
{
    llmq_roster_t *r = table(10);
    llmq_worker_end_t end = {LLMQ_WORKER_SUCCEEDED, SECOND};
    llmq_roster_sums_t sums;
    llmq_worker_t w;
    int i;

    llmq_roster_claimed(r, "t", "w", 7, T0 + 60 * SECOND, T0);
    for (i = 0; i < LLMQ_WORKER_ENDS; i++) {
        end.how = (llmq_worker_end_e)i;
        llmq_roster_ended(r, "t", "w", end, T0);
    }
    w = find(r, "w").worker;
    ck_assert_int_eq(w.succeeded, 1);
    ck_assert_int_eq(w.failed, 2);
    ck_assert_int_eq(w.busy, 3 * SECOND);
    ck_assert_int_eq(w.tasks, 2);
    llmq_roster_sum(&sums, r, NULL, T0);
    for (i = 0; i < LLMQ_WORKER_ENDS; i++)
        ck_assert_int_eq(sums.ends[i], 1);
    ck_assert_int_eq(sums.deliveries, 7);
    ck_assert_int_eq(sums.workers[LLMQ_WORKER_BUSY], 1);
    llmq_roster_sum(&sums, r, "u", T0);
    ck_assert_int_eq(sums.workers[LLMQ_WORKER_BUSY], 0);
}
END_TEST

START_TEST(what_it_did_not_say_itself_is_no_sign_of_life)
{
    llmq_worker_end_t end = {LLMQ_WORKER_EXPIRED, SECOND};
    llmq_roster_t *r = table(10);

    llmq_roster_claimed(r, "t", "w", 3, T0 + 60 * SECOND, T0);
    llmq_roster_ended(r, "t", "w", end, T0 + 10);
    end.how = LLMQ_WORKER_CANCELED;
    llmq_roster_ended(r, "t", "w", end, T0 + 20);
    ck_assert_int_eq(find(r, "w").worker.seen, T0);
    llmq_roster_ended(r, "t", "w", success, T0 + 30);
    ck_assert_int_eq(find(r, "w").worker.seen, T0 + 30);
    llmq_roster_ended(r, "t", "new", end, T0);
    ck_assert_int_eq(state(r, "new", T0), LLMQ_WORKER_STOPPED);
}
END_TEST

START_TEST(a_claim_that_waits_keeps_it_alive)
{
    llmq_roster_t *r = table(10);
    llmq_worker_t w;

    llmq_roster_waits(r, "t", "w", T0 + 600 * SECOND, T0);
    ck_assert_int_eq(state(r, "w", T0 + 600 * SECOND), LLMQ_WORKER_IDLE);
    ck_assert_int_eq(state(r, "w", T0 + 600 * SECOND + TIMEOUT), LLMQ_WORKER_STOPPED);
    w = find(r, "w").worker;
    ck_assert_int_eq(llmq_worker_sign(&w, T0 + 5), T0 + 5);
    llmq_roster_waits(r, "t", "w", T0 + 10, T0 + 10); /* it left */
    w = find(r, "w").worker;
    ck_assert_int_eq(llmq_worker_sign(&w, T0 + 15), T0 + 10);
}
END_TEST

START_TEST(who_comes_back_has_started_anew)
{
    llmq_roster_t *r = table(10);

    llmq_roster_seen(r, "t", "w", T0);
    llmq_roster_claimed(r, "t", "w", 1, T0 + SECOND, T0);
    llmq_roster_ended(r, "t", "w", success, T0 + TIMEOUT - 1);
    ck_assert_int_eq(find(r, "w").worker.started, T0);
    llmq_roster_seen(r, "t", "w", T0 + 2 * TIMEOUT);
    ck_assert_int_eq(find(r, "w").worker.started, T0 + 2 * TIMEOUT);
    ck_assert_int_eq(find(r, "w").worker.succeeded, 1);
}
END_TEST

START_TEST(a_count_that_went_astray_holds_no_longer_than_the_leases)
{
    llmq_roster_t *r = table(10);

    llmq_roster_claimed(r, "t", "w", 5, T0 + 60 * SECOND, T0);
    ck_assert_int_eq(state(r, "w", T0 + 59 * SECOND), LLMQ_WORKER_BUSY);
    ck_assert_int_eq(state(r, "w", T0 + 60 * SECOND), LLMQ_WORKER_IDLE);
    llmq_roster_claimed(r, "t", "w", 1, T0 + 120 * SECOND, T0 + 60 * SECOND);
    ck_assert_int_eq(find(r, "w").worker.tasks, 1);
    llmq_roster_renewed(r, "t", "w", T0 + 180 * SECOND, T0 + 70 * SECOND);
    ck_assert_int_eq(find(r, "w").worker.tasks, 1);
    ck_assert_int_eq(find(r, "w").worker.holds_until, T0 + 180 * SECOND);
    llmq_roster_ended(r, "t", "w", success, T0 + 71 * SECOND);
    llmq_roster_ended(r, "t", "w", success, T0 + 72 * SECOND);
    ck_assert_int_eq(find(r, "w").worker.tasks, 0);
    /* A lease of before this server's start. */
    llmq_roster_renewed(r, "t", "v", T0 + 60 * SECOND, T0);
    ck_assert_int_eq(state(r, "v", T0), LLMQ_WORKER_BUSY);
}
END_TEST

/* ---- a full table ---- */

static void fill(llmq_roster_t *r, int n)
{
    int i;

    for (i = 0; i < n; i++)
        llmq_roster_seen(r, "t", nth(i), T0 + i);
}

static void store(llmq_roster_t *r, const char *worker)
{
    llmq_roster_row_t row = find(r, worker);

    llmq_roster_stored(r, &row);
}

START_TEST(a_full_table_takes_nobody_while_all_live)
{
    llmq_roster_t *r = table(20);
    llmq_roster_sums_t sums;

    fill(r, 20);
    llmq_roster_claimed(r, "t", "late", 1, T0 + SECOND, T0 + TIMEOUT - 1);
    ck_assert(!knows(r, "late"));
    llmq_roster_sum(&sums, r, NULL, T0);
    ck_assert_int_eq(sums.missed, 1);
    ck_assert_int_eq(sums.deliveries, 1);
    ck_assert_int_eq(sums.workers[LLMQ_WORKER_IDLE], 20);
}
END_TEST

START_TEST(the_longest_silent_that_has_stopped_makes_room)
{
    llmq_roster_t *r = table(20);
    int i;

    fill(r, 20);
    llmq_roster_seen(r, "t", nth(0), T0 + TIMEOUT);
    for (i = 1; i <= 3; i++) {
        llmq_roster_seen(r, "t", nth(100 + i), T0 + TIMEOUT + 3);
        ck_assert(knows(r, nth(100 + i)));
        ck_assert(!knows(r, nth(i)));
    }
    ck_assert(knows(r, nth(0)));
    ck_assert(knows(r, nth(4)));
    ck_assert_int_eq(count(r), 20);
    llmq_roster_seen(r, "t", "late", T0 + TIMEOUT + 3);
    ck_assert(!knows(r, "late"));
}
END_TEST

START_TEST(whose_sums_are_stored_goes_first)
{
    llmq_roster_t *r = table(3);

    fill(r, 3);
    store(r, nth(1));
    llmq_roster_seen(r, "t", "new", T0 + 2 * TIMEOUT);
    ck_assert(!knows(r, nth(1)));
    ck_assert(knows(r, nth(0)));
    ck_assert_int_eq(find(r, "new").worker.started, T0 + 2 * TIMEOUT);
    ck_assert_int_eq(find(r, "new").worker.succeeded, 0);
}
END_TEST

START_TEST(thousands_come_and_go)
{
    llmq_roster_t *r = table(64);
    int i;

    for (i = 0; i < 2000; i++)
        llmq_roster_seen(r, "t", nth(i), T0 + i * TIMEOUT / 10);
    ck_assert_int_eq(count(r), 64);
    ck_assert(knows(r, nth(1999)));
    ck_assert(knows(r, nth(1990)));
}
END_TEST

/* ---- what is stored ---- */

static llmq_worker_t stored_of(const char *worker, int succeeded, apr_time_t started,
                               apr_time_t seen)
{
    llmq_worker_t w;

    memset(&w, 0, sizeof(w));
    apr_cpystrn(w.tenant, "t", sizeof(w.tenant));
    apr_cpystrn(w.id, worker, sizeof(w.id));
    w.succeeded = succeeded;
    w.failed = 1;
    w.busy = SECOND;
    w.started = started;
    w.seen = seen;
    return w;
}

START_TEST(what_is_stored_is_added_once)
{
    llmq_roster_t *r = table(10);
    llmq_worker_t stored = stored_of("w", 100, T0 - 10 * SECOND, T0 - SECOND);

    llmq_roster_claimed(r, "t", "w", 2, T0 + SECOND, T0);
    llmq_roster_ended(r, "t", "w", success, T0);
    ck_assert_int_eq(find(r, "w").restored, 0);
    llmq_roster_restore(r, &stored);
    llmq_roster_restore(r, &stored);
    ck_assert_int_eq(find(r, "w").restored, 1);
    ck_assert_int_eq(find(r, "w").worker.succeeded, 101);
    ck_assert_int_eq(find(r, "w").worker.failed, 1);
    ck_assert_int_eq(find(r, "w").worker.busy, 3 * SECOND);
    ck_assert_int_eq(find(r, "w").worker.started, T0 - 10 * SECOND);
    ck_assert_int_eq(find(r, "w").worker.seen, T0);
    ck_assert_int_eq(find(r, "w").changed, 1);
}
END_TEST

START_TEST(the_past_of_one_that_had_stopped_does_not_change_its_start)
{
    llmq_roster_t *r = table(10);
    llmq_worker_t stored = stored_of("w", 100, T0 - 2 * TIMEOUT, T0 - TIMEOUT);

    llmq_roster_seen(r, "t", "w", T0);
    llmq_roster_restore(r, &stored);
    ck_assert_int_eq(find(r, "w").worker.started, T0);
}
END_TEST

START_TEST(one_that_was_not_heard_of_yet_is_as_it_was_stored)
{
    llmq_roster_t *r = table(2);
    llmq_worker_t stored = stored_of("w", 5, T0 - 20, T0 - 10);

    llmq_roster_restore(r, &stored);
    ck_assert_int_eq(find(r, "w").worker.started, T0 - 20);
    ck_assert_int_eq(find(r, "w").worker.seen, T0 - 10);
    ck_assert_int_eq(find(r, "w").changed, 0);
    /* Without room nobody is displaced. */
    stored = stored_of("v", 1, 1, 1);
    llmq_roster_restore(r, &stored);
    stored = stored_of("x", 1, 1, 1);
    llmq_roster_restore(r, &stored);
    ck_assert(knows(r, "v"));
    ck_assert(!knows(r, "x"));
}
END_TEST

START_TEST(a_change_after_the_copy_is_still_to_be_stored)
{
    llmq_roster_t *r = table(10);
    llmq_roster_row_t row;

    llmq_roster_seen(r, "t", "w", T0);
    row = find(r, "w");
    ck_assert_int_eq(row.changed, 1);
    llmq_roster_seen(r, "t", "w", T0 + 1);
    llmq_roster_stored(r, &row);
    ck_assert_int_eq(find(r, "w").changed, 1);
    store(r, "w");
    ck_assert_int_eq(find(r, "w").changed, 0);
}
END_TEST

START_TEST(who_is_long_silent_and_stored_is_forgotten)
{
    llmq_roster_t *r = table(10);

    fill(r, 3);
    store(r, nth(0));
    store(r, nth(2));
    llmq_roster_forget(r, T0 + 2);
    ck_assert(!knows(r, nth(0)));
    ck_assert(knows(r, nth(1)));
    ck_assert(knows(r, nth(2)));
    llmq_roster_seen(r, "t", nth(0), T0);
    ck_assert(knows(r, nth(0)));
    ck_assert_int_eq(count(r), 3);
}
END_TEST

START_TEST(a_table_lives_on_when_it_is_laid_out_again)
{
    llmq_roster_t *r = table(10);

    llmq_roster_seen(r, "t", "w", T0);
    llmq_roster_init(r, 10, SECOND);
    ck_assert(knows(r, "w"));
    llmq_roster_init(r, 5, SECOND);
    ck_assert(!knows(r, "w"));
}
END_TEST

/* ---- many at once ---- */

#define THREADS 4
#define ROUNDS  5000
#define WORKERS 40

static void work(llmq_roster_t *r, int seed)
{
    int i;

    for (i = 0; i < ROUNDS; i++) {
        char name[16];

        apr_snprintf(name, sizeof(name), "w%d", (i + seed) % WORKERS);
        llmq_roster_claimed(r, "t", name, 1, T0 + SECOND, T0);
        llmq_roster_ended(r, "t", name, success, T0);
    }
}

static void *APR_THREAD_FUNC work_thread(apr_thread_t *thread, void *data)
{
    (void)thread;
    work(data, 7);
    return NULL;
}

/* Walks, stores and forgets meanwhile. */
static void *APR_THREAD_FUNC keep_thread(apr_thread_t *thread, void *data)
{
    llmq_roster_t *r = data;
    int i;

    (void)thread;
    for (i = 0; i < 200; i++) {
        llmq_roster_row_t row;
        apr_uint32_t cursor = 0;

        while (llmq_roster_next(&row, r, &cursor))
            llmq_roster_stored(r, &row);
        llmq_roster_forget(r, T0);
    }
    return NULL;
}

static apr_int64_t sum_of(llmq_roster_t *r)
{
    llmq_roster_row_t row;
    apr_uint32_t cursor = 0;
    apr_int64_t n = 0;

    while (llmq_roster_next(&row, r, &cursor))
        n += row.worker.succeeded;
    return n;
}

START_TEST(threads_lose_no_count)
{
    llmq_roster_t *r = table(WORKERS);
    apr_thread_t *threads[THREADS + 1];
    apr_status_t rv;
    int i;

    for (i = 0; i <= THREADS; i++)
        ck_assert_int_eq(apr_thread_create(&threads[i], NULL,
                                           i ? work_thread : keep_thread, r, test_pool),
                         APR_SUCCESS);
    for (i = 0; i <= THREADS; i++)
        apr_thread_join(&rv, threads[i]);
    ck_assert_int_eq(sum_of(r), THREADS * ROUNDS);
    ck_assert_int_eq(count(r), WORKERS);
}
END_TEST

START_TEST(processes_lose_no_count)
{
    llmq_roster_t *r = mmap(NULL, llmq_roster_size(WORKERS), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pids[THREADS];
    int i, status;

    ck_assert_ptr_ne(r, MAP_FAILED);
    llmq_roster_init(r, WORKERS, TIMEOUT);
    for (i = 0; i < THREADS; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            work(r, i);
            _exit(0);
        }
    }
    for (i = 0; i < THREADS; i++)
        ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
    ck_assert_int_eq(sum_of(r), THREADS * ROUNDS);
}
END_TEST

/* Twice as many workers as places, all of whom stop at once: places change hands all the
 * time, and nobody finds another one's record under its name. */
static void *APR_THREAD_FUNC churn_thread(apr_thread_t *thread, void *data)
{
    llmq_roster_t *r = data;
    int i;

    (void)thread;
    for (i = 0; i < ROUNDS; i++) {
        char name[16];

        apr_snprintf(name, sizeof(name), "w%d", i % WORKERS);
        llmq_roster_seen(r, "t", name, T0 + i * TIMEOUT);
    }
    return NULL;
}

START_TEST(places_that_change_hands_stay_whole)
{
    llmq_roster_t *r = table(WORKERS / 2);
    apr_thread_t *threads[THREADS];
    apr_status_t rv;
    int i;

    for (i = 0; i < THREADS; i++)
        ck_assert_int_eq(apr_thread_create(&threads[i], NULL, churn_thread, r, test_pool),
                         APR_SUCCESS);
    for (i = 0; i < THREADS; i++)
        apr_thread_join(&rv, threads[i]);
    for (i = 0; i < WORKERS; i++) {
        char name[16];
        llmq_roster_row_t row;

        apr_snprintf(name, sizeof(name), "w%d", i);
        if (llmq_roster_find(&row, r, "t", name) == APR_SUCCESS)
            ck_assert_str_eq(row.worker.id, name);
    }
    ck_assert_int_eq(count(r), WORKERS / 2);
}
END_TEST

TCase *case_roster(void)
{
    TCase *tc = test_case("roster");

    tcase_add_test(tc, a_worker_is_known_by_tenant_and_name);
    tcase_add_test(tc, nobody_is_not_counted);
    tcase_add_test(tc, it_is_idle_busy_and_stopped);
    tcase_add_test(tc, ends_are_counted_by_how);
    tcase_add_test(tc, what_it_did_not_say_itself_is_no_sign_of_life);
    tcase_add_test(tc, a_claim_that_waits_keeps_it_alive);
    tcase_add_test(tc, who_comes_back_has_started_anew);
    tcase_add_test(tc, a_count_that_went_astray_holds_no_longer_than_the_leases);
    tcase_add_test(tc, a_full_table_takes_nobody_while_all_live);
    tcase_add_test(tc, the_longest_silent_that_has_stopped_makes_room);
    tcase_add_test(tc, whose_sums_are_stored_goes_first);
    tcase_add_test(tc, thousands_come_and_go);
    tcase_add_test(tc, what_is_stored_is_added_once);
    tcase_add_test(tc, the_past_of_one_that_had_stopped_does_not_change_its_start);
    tcase_add_test(tc, one_that_was_not_heard_of_yet_is_as_it_was_stored);
    tcase_add_test(tc, a_change_after_the_copy_is_still_to_be_stored);
    tcase_add_test(tc, who_is_long_silent_and_stored_is_forgotten);
    tcase_add_test(tc, a_table_lives_on_when_it_is_laid_out_again);
    tcase_add_test(tc, threads_lose_no_count);
    tcase_add_test(tc, processes_lose_no_count);
    tcase_add_test(tc, places_that_change_hands_stay_whole);
    return tc;
}
