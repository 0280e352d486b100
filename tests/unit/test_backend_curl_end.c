/* Time-outs, aborts, stops, and ends of many calls of many threads. */
#include "backend/backend_curl.h"

#include "backend/backend_transfer.h"
#include "base/clock.h"
#include "support_trial.h"

#include <apr_strings.h>

#include <string.h>

/* @param which 0: the backend's first byte, 1: its total, 2: the job's own time-out
 * @return whether the answer had begun */
static int run_out_of_time(const char *way, int which, apr_interval_time_t time)
{
    trial_t *trial = trial_create(way);
    int begun;

    *(which == 0   ? &trial->conf.first_timeout
      : which == 1 ? &trial->conf.total_timeout
                   : &trial->call.timeout) = time;
    trial_start(trial);
    trial_wait(trial);
    trial_expect_failure(trial, LLMQ_FAILURE_TIMEOUT, 0);
    begun = trial->call.first_at != 0;
    trial_end(trial);
    return begun;
}

START_TEST(curl_ends_calls_whose_time_is_over)
{
    static const char *const names[] = {"stall", "head"};
    int which;
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        for (which = 0; which < 3; which++) {
            ck_assert(!run_out_of_time(names[i], which, apr_time_from_msec(80)));
        }
    }
}
END_TEST

/* In which time it begins is the machine's business: it gets more and more. */
START_TEST(curl_ends_answers_that_began_when_their_time_is_over)
{
    int which;

    for (which = 1; which < 3; which++) {
        apr_interval_time_t time = apr_time_from_msec(80);

        while (!run_out_of_time("half", which, time)) {
            time *= 2;
        }
    }
}
END_TEST

START_TEST(curl_first_timeout_does_not_end_an_answer_that_began)
{
    apr_interval_time_t time = apr_time_from_msec(100);
    int begun;

    do {
        trial_t *trial = trial_create("half");

        trial->conf.first_timeout = time;
        trial->conf.total_timeout = 3 * time;
        trial_start(trial);
        trial_wait(trial);
        trial_expect_failure(trial, LLMQ_FAILURE_TIMEOUT, 0);
        begun = trial->call.first_at != 0;
        ck_assert(!begun || strstr(trial->call.error, "finish"));
        trial_end(trial);
        time *= 2;
    } while (!begun);
}
END_TEST

static trial_t *late;

/* While the engine is busy here, the other answer comes, and its time passes. */
static void be_late(llmq_call_t *call)
{
    llmq_backend_transfer_t *t = late->call.engine;

    http_server_go_on(trial_server);
    t->timer.total = *t->timer.earliest = llmq_clock_steady();
    trial_done(call);
}

START_TEST(curl_takes_what_came_while_it_was_held_up)
{
    trial_t *trial = trial_create("stream");

    late = trial_create("held");
    trial_start(late);
    http_server_await(trial_server, 1);
    trial->call.done = be_late;
    trial_start(trial);
    trial_wait(trial);
    trial_wait(late);
    trial_expect_answer(late, "Hello");
    trial_end(trial);
    trial_end(late);
}
END_TEST

START_TEST(curl_abort_ends_that_call_only)
{
    trial_t *gone = trial_create("stall");
    trial_t *stays = trial_create("half");

    stays->call.id = gone->call.id; /* two calls of one job are told apart */
    trial_start(gone);
    trial_start(stays);
    llmq_backend_abort(trial_engine, NULL);
    llmq_backend_abort(trial_engine, &gone->call);
    trial_wait(gone);
    trial_expect_failure(gone, LLMQ_FAILURE_CONNECT, 0);
    trial_end(gone);
    trial_end(trial_run("stream"));
    ck_assert_int_eq(trial_ended(stays), 0);
    llmq_backend_abort(trial_engine, &stays->call);
    trial_wait(stays);
    trial_expect_failure(stays, LLMQ_FAILURE_CONNECT, 0);
    trial_end(stays);
}
END_TEST

START_TEST(curl_abort_spares_a_call_that_is_started_later)
{
    int i;

    for (i = 0; i < 50; i++) {
        trial_t *trial = trial_create("stream");

        llmq_backend_abort(trial_engine, &trial->call);
        trial_start(trial);
        trial_wait(trial);
        trial_expect_answer(trial, "Hello");
        llmq_backend_abort(trial_engine, &trial->call);
        trial_end(trial);
    }
}
END_TEST

START_TEST(curl_does_not_begin_what_is_unwanted)
{
    trial_t *trial = trial_create("stall");

    trial->call.unwanted = 1;
    llmq_backend_abort(trial_engine, &trial->call);
    trial_start(trial);
    trial_wait(trial);
    trial_expect_failure(trial, LLMQ_FAILURE_CONNECT, 0);
    trial_end(trial);
}
END_TEST

START_TEST(curl_stop_aborts_all_and_later_calls_fail_at_once)
{
    static const char *const names[] = {"stall", "head", "half", "held", "endless"};
    trial_t *trials[25];
    trial_t *next;
    int i;

    for (i = 0; i < 25; i++) {
        trials[i] = trial_create(names[i % 5]);
        trials[i]->conf.max_answer_bytes = 1 << 30;
        trial_start(trials[i]);
    }
    http_server_await(trial_server, 25);
    llmq_backend_engine_stop(trial_engine);
    for (i = 0; i < 25; i++) {
        trial_expect_failure(trials[i], LLMQ_FAILURE_CONNECT, 0);
        trial_end(trials[i]);
    }
    next = trial_create("stream");
    trial_start(next);
    trial_expect_failure(next, LLMQ_FAILURE_CONNECT, 0);
    trial_end(next);
    llmq_backend_abort(trial_engine, &trials[0]->call);
    llmq_backend_engine_stop(trial_engine);
}
END_TEST

START_TEST(curl_destroying_the_pool_stops_the_engine)
{
    llmq_engine_t *other;
    llmq_engine_t *first = trial_engine;
    apr_pool_t *p = trial_pool();
    trial_t *trial = trial_create("stall");

    ck_assert_int_eq(llmq_backend_engine_create(&other, p), APR_SUCCESS);
    trial_engine = other;
    trial_start(trial);
    trial_engine = first;
    apr_pool_destroy(p);
    trial_expect_failure(trial, LLMQ_FAILURE_CONNECT, 0);
    trial_end(trial);
}
END_TEST

#define CALLS 120

/* Half of the calls are started by each of two threads; one in six stalls and is aborted by
 * a third. */
static void *start_half(void *data)
{
    trial_t **trials = data;
    int i;

    for (i = 0; i < CALLS; i += 2) {
        trial_start(trials[i]);
    }
    return NULL;
}

static void *abort_stalled(void *data)
{
    trial_t **trials = data;
    int i;

    for (i = 0; i < CALLS; i += 6) {
        llmq_backend_abort(trial_engine, &trials[i]->call);
    }
    return NULL;
}

START_TEST(curl_keeps_many_calls_of_many_threads_apart)
{
    static const char *const names[] = {"stall", "stream", "busy", "slow", "cut", "drop"};
    static const int statuses[] = {0, 200, 429, 200, 200, 0};
    static trial_t *trials[CALLS + 1];
    pthread_t threads[3];
    int i;

    for (i = 0; i < CALLS; i++) {
        trials[i] = trial_create(names[i % 6]);
        trials[i]->call.id = apr_psprintf(trials[i]->call.pool, "msg_%d", i);
    }
    pthread_create(&threads[0], NULL, start_half, trials);
    pthread_create(&threads[1], NULL, start_half, trials + 1);
    pthread_join(threads[0], NULL);
    pthread_create(&threads[2], NULL, abort_stalled, trials);
    pthread_join(threads[1], NULL);
    pthread_join(threads[2], NULL);
    for (i = 0; i < CALLS; i++) {
        trial_wait(trials[i]);
        ck_assert_int_eq(trials[i]->call.ok, i % 6 == 1 || i % 6 == 3);
        ck_assert_int_eq(trials[i]->call.failure.http_status, statuses[i % 6]);
    }
    llmq_backend_engine_stop(trial_engine);
    for (i = 0; i < CALLS; i++) {
        trial_end(trials[i]);
    }
}
END_TEST

/* Destroys the pool of the call that ended and starts the next one in a new pool. */
static void restart(llmq_call_t *call)
{
    trial_t *trial = call->ctx;
    int left;

    pthread_mutex_lock(&trial->lock);
    left = 20 - ++trial->ended;
    pthread_cond_signal(&trial->cond);
    pthread_mutex_unlock(&trial->lock);
    ck_assert_int_eq(call->ok, 1);
    apr_pool_destroy(call->pool);
    if (left > 0) {
        call->pool = trial_pool();
        llmq_backend_start(trial_engine, call);
    }
}

START_TEST(curl_done_may_destroy_the_pool_and_start_the_next_call)
{
    trial_t *trial = trial_create("stream");
    apr_pool_t *p = trial->call.pool;

    trial->call.pool = trial_pool();
    trial->call.done = restart;
    trial_start(trial);
    pthread_mutex_lock(&trial->lock);
    while (trial->ended < 20) {
        pthread_cond_wait(&trial->cond, &trial->lock);
    }
    pthread_mutex_unlock(&trial->lock);
    llmq_backend_engine_stop(trial_engine);
    ck_assert_int_eq(http_server_requests(trial_server), 20);
    apr_pool_destroy(p);
}
END_TEST

TCase *case_backend_curl_end(void)
{
    TCase *tc = test_case("backend_curl_end");

    tcase_add_checked_fixture(tc, trial_open, trial_close);
    tcase_add_test(tc, curl_ends_calls_whose_time_is_over);
    tcase_add_test(tc, curl_ends_answers_that_began_when_their_time_is_over);
    tcase_add_test(tc, curl_first_timeout_does_not_end_an_answer_that_began);
    tcase_add_test(tc, curl_takes_what_came_while_it_was_held_up);
    tcase_add_test(tc, curl_abort_ends_that_call_only);
    tcase_add_test(tc, curl_abort_spares_a_call_that_is_started_later);
    tcase_add_test(tc, curl_does_not_begin_what_is_unwanted);
    tcase_add_test(tc, curl_stop_aborts_all_and_later_calls_fail_at_once);
    tcase_add_test(tc, curl_destroying_the_pool_stops_the_engine);
    tcase_add_test(tc, curl_keeps_many_calls_of_many_threads_apart);
    tcase_add_test(tc, curl_done_may_destroy_the_pool_and_start_the_next_call);
    return tc;
}
