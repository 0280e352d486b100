#include "support.h"

#include "core/lease.h"

#include <string.h>

#define NOW    1735727400000000
#define SEC(n) apr_time_from_sec(n)

static const llmq_lease_conf_t conf = {5, {SEC(2), SEC(60)}};

#define RELEASED  LLMQ_LEASE_RELEASED
#define FAILED    LLMQ_LEASE_FAILED
#define EXPIRED   LLMQ_LEASE_EXPIRED
#define TIMED_OUT LLMQ_LEASE_TIMED_OUT

/* Jitter is none at the largest chance: the delay is base × 2^retries. */
#define CHANCE 0xFFFFu

static const struct {
    llmq_lease_end_t end;
    struct {
        int retries, max_retries, deliveries;
    } job;
    struct {
        llmq_status_e status;
        apr_interval_time_t delay; /* of PENDING */
        int retries, deliveries, poison;
    } then;
} rules[] = {
    /* A release takes its delivery back, whatever has been before. */
    {{RELEASED, 0, 0}, {0, 3, 1}, {LLMQ_STATUS_PENDING, 0, 0, 0, 0}},
    {{RELEASED, 0, 0}, {3, 3, 9}, {LLMQ_STATUS_PENDING, 0, 3, 8, 0}},
    {{RELEASED, 0, 0}, {0, 0, 0}, {LLMQ_STATUS_PENDING, 0, 0, 0, 0}},
    /* A lease that ends makes it ready at once, up to five times. */
    {{EXPIRED, 0, 0}, {0, 3, 1}, {LLMQ_STATUS_PENDING, 0, 0, 1, 0}},
    {{EXPIRED, 0, 0}, {0, 0, 4}, {LLMQ_STATUS_PENDING, 0, 0, 4, 0}},
    {{EXPIRED, 0, 0}, {0, 3, 5}, {LLMQ_STATUS_FAILED, 0, 0, 5, 1}},
    {{EXPIRED, 0, 0}, {0, 3, 6}, {LLMQ_STATUS_FAILED, 0, 0, 6, 1}},
    /* Deliveries that ended in a failure do not count against it. */
    {{EXPIRED, 0, 0}, {3, 3, 7}, {LLMQ_STATUS_PENDING, 0, 3, 7, 0}},
    {{EXPIRED, 0, 0}, {3, 3, 8}, {LLMQ_STATUS_FAILED, 0, 3, 8, 1}},
    /* A failure uses up a retry, with a delay that grows. */
    {{FAILED, 0, 0}, {0, 3, 1}, {LLMQ_STATUS_PENDING, SEC(2), 1, 1, 0}},
    {{FAILED, 0, 0}, {2, 3, 3}, {LLMQ_STATUS_PENDING, SEC(8), 3, 3, 0}},
    {{FAILED, 0, 0}, {3, 3, 4}, {LLMQ_STATUS_FAILED, 0, 3, 4, 0}},
    {{FAILED, 0, 0}, {0, 0, 1}, {LLMQ_STATUS_FAILED, 0, 0, 1, 0}},
    {{FAILED, 1, 0}, {0, 3, 1}, {LLMQ_STATUS_FAILED, 0, 0, 1, 0}},
    /* What the worker asks for is the least. */
    {{FAILED, 0, SEC(90)}, {0, 3, 1}, {LLMQ_STATUS_PENDING, SEC(90), 1, 1, 0}},
    {{FAILED, 0, SEC(1)}, {0, 3, 1}, {LLMQ_STATUS_PENDING, SEC(2), 1, 1, 0}},
    {{FAILED, 0, SEC(90)}, {3, 3, 4}, {LLMQ_STATUS_FAILED, 0, 3, 4, 0}},
    /* A time-out is a failure. */
    {{TIMED_OUT, 0, 0}, {1, 3, 2}, {LLMQ_STATUS_PENDING, SEC(4), 2, 2, 0}},
    {{TIMED_OUT, 0, 0}, {3, 3, 4}, {LLMQ_STATUS_FAILED, 0, 3, 4, 0}},
};
#define N_RULES ((int)(sizeof(rules) / sizeof(rules[0])))

START_TEST(end_of_a_delivery_is_decided_by_the_table)
{
    llmq_job_t job = {.retry_count = rules[_i].job.retries,
                      .max_retries = rules[_i].job.max_retries,
                      .deliveries = rules[_i].job.deliveries};
    llmq_lease_verdict_t v;

    llmq_lease_decide(&v, &conf, &rules[_i].end, &job, NOW, CHANCE);
    ck_assert_int_eq(v.status, rules[_i].then.status);
    ck_assert_int_eq(v.retry_count, rules[_i].then.retries);
    ck_assert_int_eq(v.deliveries, rules[_i].then.deliveries);
    ck_assert_int_eq(v.poison, rules[_i].then.poison);
    ck_assert_int_eq(v.run_at,
                     v.status == LLMQ_STATUS_PENDING ? NOW + rules[_i].then.delay : 0);
}
END_TEST

static const struct {
    llmq_kind_e kind;
    const char *token;
    apr_interval_time_t timeout;
    apr_time_t started_at;
    llmq_lease_end_e end;
    apr_interval_time_t until; /* from NOW, of a lease of 60 s */
} leases[] = {
    {LLMQ_KIND_TASK, "lease_x", SEC(300), NOW - SEC(10), EXPIRED, SEC(60)},
    {LLMQ_KIND_TASK, "lease_x", SEC(300), NOW - SEC(270), EXPIRED, SEC(30)},
    {LLMQ_KIND_TASK, "lease_x", SEC(300), NOW - SEC(300), TIMED_OUT, 0},
    {LLMQ_KIND_TASK, "lease_x", SEC(300), NOW - SEC(301), TIMED_OUT, -SEC(1)},
    {LLMQ_KIND_TASK, "lease_x", 0, NOW - SEC(900), EXPIRED, SEC(60)},
    {LLMQ_KIND_TASK, NULL, SEC(20), NOW, EXPIRED, SEC(20)},
    /* An implicit lease is as long as the time-out, from the last word on. */
    {LLMQ_KIND_TASK, "own_x", SEC(300), NOW - SEC(290), TIMED_OUT, SEC(300)},
    /* Messages have no such bound: their time-out is that of a backend's call. */
    {LLMQ_KIND_MESSAGE, "lease_x", SEC(30), NOW - SEC(900), EXPIRED, SEC(60)},
};
#define N_LEASES ((int)(sizeof(leases) / sizeof(leases[0])))

START_TEST(lease_of_a_task_ends_with_its_time_out)
{
    llmq_job_t job = {.kind = leases[_i].kind,
                      .lease_token = leases[_i].token,
                      .timeout = leases[_i].timeout,
                      .started_at = leases[_i].started_at};

    ck_assert_int_eq(llmq_lease_silence(&job, NOW), leases[_i].end);
    ck_assert_int_eq(llmq_lease_until(&job, SEC(60), NOW) - NOW, leases[_i].until);
}
END_TEST

START_TEST(tokens_are_unlike_and_of_one_alphabet)
{
    static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
    const char *one = llmq_lease_token(0, test_pool);
    const char *two = llmq_lease_token(0, test_pool);
    const char *own = llmq_lease_token(1, test_pool);

    ck_assert_int_eq(strncmp(one, "lease_", 6), 0);
    ck_assert_uint_eq(strlen(one), 32);
    ck_assert_uint_le(strlen(one), LLMQ_LEASE_TOKEN_MAX);
    ck_assert_uint_eq(strspn(one + 6, alphabet), 26);
    ck_assert_str_ne(one, two);
    ck_assert(!llmq_lease_is_implicit(one));
    ck_assert(llmq_lease_is_implicit(own));
    ck_assert(!llmq_lease_is_implicit(NULL));
}
END_TEST

START_TEST(each_digit_of_a_token_varies)
{
    unsigned char seen[26][128] = {{0}};
    int i, j, c;

    for (i = 0; i < 2000; i++) {
        const char *token = llmq_lease_token(0, test_pool);

        for (j = 0; j < 26; j++)
            seen[j][(unsigned char)token[6 + j] & 127] = 1;
    }
    for (j = 0; j < 26; j++) {
        int n = 0;

        for (c = 0; c < 128; c++)
            n += seen[j][c];
        ck_assert_int_eq(n, j < 25 ? 32 : 8); /* 128 bits are 25 digits and 3 bits */
    }
}
END_TEST

START_TEST(only_what_is_processed_until_a_moment_is_held)
{
    llmq_job_t job = {.status = LLMQ_STATUS_PROCESSING, .lease_until = 1};

    ck_assert(llmq_lease_is_held(&job));
    job.lease_until = 0; /* S0's claim, or a dispatcher */
    ck_assert(!llmq_lease_is_held(&job));
    job.lease_until = 1;
    job.status = LLMQ_STATUS_PENDING;
    ck_assert(!llmq_lease_is_held(&job));
}
END_TEST

TCase *case_lease(void)
{
    TCase *tc = test_case("lease");

    tcase_add_loop_test(tc, end_of_a_delivery_is_decided_by_the_table, 0, N_RULES);
    tcase_add_loop_test(tc, lease_of_a_task_ends_with_its_time_out, 0, N_LEASES);
    tcase_add_test(tc, tokens_are_unlike_and_of_one_alphabet);
    tcase_add_test(tc, each_digit_of_a_token_varies);
    tcase_add_test(tc, only_what_is_processed_until_a_moment_is_held);
    return tc;
}
