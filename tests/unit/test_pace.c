#include "dispatch/pace.h"

#include "base/clock.h"
#include "support_queue.h"

#include <apr_strings.h>

#define T0  APR_INT64_C(1735727400000000)
#define SEC APR_USEC_PER_SEC
#define MAX 40

static apr_time_t now;

static apr_uint32_t concurrency(llmq_queue_t *q, int level)
{
    llmq_queue_stats_t stats[LLMQ_LEVEL_COUNT];

    ck_assert_int_eq(llmq_queue_stats(stats, q), APR_SUCCESS);
    return stats[level].concurrency;
}

/* A second in which so many calls of a level ended. */
static void second(llmq_pace_t *pace, int level, int n, apr_interval_time_t usec,
                   const llmq_failure_t *failure)
{
    llmq_call_t call = {.ok = failure == NULL};

    if (failure)
        call.failure = *failure;
    call.ended_at = T0 + usec;
    while (n-- > 0)
        llmq_pace_note(pace, (llmq_level_e)level, &call, T0);
    now += SEC;
    llmq_clock_set(now);
    llmq_pace_tick(pace);
}

/* Put entries in and take as many as may run. */
static void load(llmq_queue_t *q, int level, int from, int to)
{
    int i;

    for (i = from; i < to; i++)
        queue_put(q, apr_psprintf(test_pool, "msg_%d", i), level, 1, 0);
    queue_take_ids(q, to - from);
}

/* A queue with one entry that waits, all others that may run in the level. */
static llmq_queue_t *busy_queue(int level)
{
    llmq_queue_t *q = queue_rig(100, MAX)->q;

    now = T0;
    llmq_clock_set(now);
    load(q, level, 0, MAX + 1);
    return q;
}

START_TEST(slow_calls_shrink_their_level_alone)
{
    llmq_pace_conf_t conf = {.on = 1};
    llmq_queue_t *q = queue_rig(100, MAX)->q;
    llmq_pace_t *pace = llmq_pace_create(q, &conf, test_pool);
    int l, s;

    now = T0;
    llmq_clock_set(now);
    load(q, _i, 0, 5);
    for (s = 0; s < 10; s++)
        second(pace, _i, MAX, SEC / 10, NULL);
    load(q, _i, 5, MAX + 1);
    for (s = 0; s < 10; s++)
        second(pace, _i, MAX, SEC, NULL);
    ck_assert_uint_lt(concurrency(q, _i), MAX / 2);
    ck_assert_uint_ge(concurrency(q, _i), 1);
    LLMQ_EACH_LEVEL (l)
        if (l != _i)
            ck_assert_uint_eq(concurrency(q, l), MAX);
}
END_TEST

START_TEST(switched_off_it_does_nothing)
{
    llmq_pace_conf_t conf = {.on = 0};
    llmq_queue_t *q = busy_queue(_i);
    llmq_pace_t *pace = llmq_pace_create(q, &conf, test_pool);
    llmq_failure_t timeout = {.kind = LLMQ_FAILURE_TIMEOUT};
    int s;

    for (s = 0; s < 20; s++)
        second(pace, _i, MAX, SEC, &timeout);
    ck_assert_uint_eq(concurrency(q, _i), MAX);
}
END_TEST

/* A failure, and whether it is one of too much load. */
static const struct {
    llmq_failure_t failure;
    int overload;
} failures[] = {
    {{.kind = LLMQ_FAILURE_TIMEOUT, .http_status = 0}, 1},
    {{.kind = LLMQ_FAILURE_STATUS, .http_status = 429}, 1},
    {{.kind = LLMQ_FAILURE_STATUS, .http_status = 503}, 1},
    {{.kind = LLMQ_FAILURE_STATUS, .http_status = 529}, 1},
    {{.kind = LLMQ_FAILURE_STATUS, .http_status = 500}, 0},
    {{.kind = LLMQ_FAILURE_STATUS, .http_status = 400}, 0},
    {{.kind = LLMQ_FAILURE_UNREACHABLE, .http_status = 0}, 0},
    {{.kind = LLMQ_FAILURE_CONNECT, .http_status = 0}, 0},
    {{.kind = LLMQ_FAILURE_PROTOCOL, .http_status = 0}, 0},
};
#define FAILURES (int)(sizeof(failures) / sizeof(failures[0]))

START_TEST(overload_shrinks_to_the_minimum_other_failures_do_not)
{
    llmq_pace_conf_t conf = {.on = 1, .min = {0, 7, 7, 7, 7}};
    llmq_queue_t *q = busy_queue(LLMQ_LEVEL_HIGH);
    llmq_pace_t *pace = llmq_pace_create(q, &conf, test_pool);
    int s;

    for (s = 0; s < 30; s++)
        second(pace, LLMQ_LEVEL_HIGH, MAX, SEC, &failures[_i].failure);
    ck_assert_uint_eq(concurrency(q, LLMQ_LEVEL_HIGH), failures[_i].overload ? 7 : MAX);
}
END_TEST

START_TEST(a_step_takes_a_second)
{
    llmq_pace_conf_t conf = {.on = 1};
    llmq_queue_t *q = busy_queue(LLMQ_LEVEL_LOW);
    llmq_pace_t *pace = llmq_pace_create(q, &conf, test_pool);
    llmq_failure_t timeout = {.kind = LLMQ_FAILURE_TIMEOUT};
    apr_uint32_t before;

    second(pace, LLMQ_LEVEL_LOW, MAX, SEC, &timeout);
    before = concurrency(q, LLMQ_LEVEL_LOW);
    ck_assert_uint_lt(before, MAX);
    now -= SEC / 2;
    second(pace, LLMQ_LEVEL_LOW, MAX, SEC, &timeout);
    ck_assert_uint_eq(concurrency(q, LLMQ_LEVEL_LOW), before);
    second(pace, LLMQ_LEVEL_LOW, 0, SEC, NULL);
    ck_assert_uint_lt(concurrency(q, LLMQ_LEVEL_LOW), before);
}
END_TEST

TCase *case_pace(void)
{
    TCase *tc = test_case("pace");

    tcase_add_loop_test(tc, slow_calls_shrink_their_level_alone, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, switched_off_it_does_nothing, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, overload_shrinks_to_the_minimum_other_failures_do_not, 0,
                        FAILURES);
    tcase_add_test(tc, a_step_takes_a_second);
    return tc;
}
