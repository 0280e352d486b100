#include "support.h"

#include "core/option.h"

#include <apr_strings.h>

#include <json-c/json.h>
#include <string.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))
#define NOW      1735727400000000 /* 2025-01-01T10:30:00Z */
#define SEC      APR_USEC_PER_SEC

static const llmq_message_conf_t conf = {.max_retries = 3,
                                         .timeout = 30 * SEC,
                                         .max_timeout = 600 * SEC,
                                         .max_delay = 3600 * SEC};

static apr_status_t read_into(llmq_job_t *job, const char *body, llmq_result_t *why)
{
    struct json_object *obj = NULL;

    ck_assert_msg(llmq_json_parse(&obj, body, strlen(body), 8, NULL, test_pool) == 0,
                  "%s", body);
    memset(job, 0, sizeof(*job));
    memset(why, 0, sizeof(*why));
    job->created_at = NOW;
    job->timeout = conf.timeout;
    job->max_retries = conf.max_retries;
    return llmq_option_read(job, obj, &conf, why, test_pool);
}

static const struct {
    const char *body;
    apr_time_t run_at;
    apr_time_t deadline;
    apr_interval_time_t timeout;
    int max_retries;
} good[] = {
    {"{}", 0, 0, 30 * SEC, 3},
    {"{\"scheduled_at\":null,\"delay\":null,\"deadline\":null,\"timeout\":null,"
     "\"max_retries\":null}",
     0, 0, 30 * SEC, 3},
    {"{\"delay\":0}", 0, 0, 30 * SEC, 3},
    {"{\"delay\":\"0\"}", 0, 0, 30 * SEC, 3},
    {"{\"delay\":1.5}", NOW + 1500000, 0, 30 * SEC, 3},
    {"{\"delay\":90}", NOW + 90 * SEC, 0, 30 * SEC, 3},
    {"{\"delay\":\"1m30s\"}", NOW + 90 * SEC, 0, 30 * SEC, 3},
    {"{\"delay\":3600}", NOW + 3600 * SEC, 0, 30 * SEC, 3},
    {"{\"scheduled_at\":\"2025-01-01T10:31:00Z\"}", NOW + 60 * SEC, 0, 30 * SEC, 3},
    {"{\"scheduled_at\":\"2025-01-01T12:31:00+02:00\"}", NOW + 60 * SEC, 0, 30 * SEC, 3},
    {"{\"scheduled_at\":\"2025-01-01T10:30:00Z\"}", 0, 0, 30 * SEC, 3},
    {"{\"scheduled_at\":\"1999-01-01T00:00:00Z\"}", 0, 0, 30 * SEC, 3},
    {"{\"scheduled_at\":\"2025-01-01T11:30:00Z\"}", NOW + 3600 * SEC, 0, 30 * SEC, 3},
    {"{\"deadline\":\"2025-01-01T10:31:00Z\"}", 0, NOW + 60 * SEC, 30 * SEC, 3},
    {"{\"deadline\":\"2025-01-01T10:31:00Z\",\"delay\":59}", NOW + 59 * SEC,
     NOW + 60 * SEC, 30 * SEC, 3},
    {"{\"timeout\":0.1}", 0, 0, 100000, 3},
    {"{\"timeout\":\"100ms\"}", 0, 0, 100000, 3},
    {"{\"timeout\":600}", 0, 0, 600 * SEC, 3},
    {"{\"timeout\":\"10m\"}", 0, 0, 600 * SEC, 3},
    {"{\"max_retries\":0}", 0, 0, 30 * SEC, 0},
    {"{\"max_retries\":1000}", 0, 0, 30 * SEC, 1000},
};

START_TEST(options_are_read)
{
    llmq_result_t why;
    llmq_job_t job;

    ck_assert_msg(read_into(&job, good[_i].body, &why) == APR_SUCCESS, "%s: %s",
                  good[_i].body, why.reason);
    ck_assert_int_eq(job.run_at, good[_i].run_at);
    ck_assert_int_eq(job.deadline, good[_i].deadline);
    ck_assert_int_eq(job.timeout, good[_i].timeout);
    ck_assert_int_eq(job.max_retries, good[_i].max_retries);
}
END_TEST

/* Member of the body, and the field to blame if it is not the first. */
static const struct {
    const char *body;
    const char *field;
} bad[] = {
    {"{\"delay\":-1}", "delay"},
    {"{\"delay\":-0.001}", "delay"},
    {"{\"delay\":\"-1s\"}", "delay"},
    {"{\"delay\":\"soon\"}", "delay"},
    {"{\"delay\":\"\"}", "delay"},
    {"{\"delay\":\"5\"}", "delay"},
    {"{\"delay\":true}", "delay"},
    {"{\"delay\":[1]}", "delay"},
    {"{\"delay\":{}}", "delay"},
    {"{\"delay\":3601}", "delay"},
    {"{\"delay\":\"1h1s\"}", "delay"},
    {"{\"delay\":1e300}", "delay"},
    {"{\"delay\":9223372036854775807}", "delay"},
    {"{\"scheduled_at\":1735727500}", "scheduled_at"},
    {"{\"scheduled_at\":\"\"}", "scheduled_at"},
    {"{\"scheduled_at\":\"tomorrow\"}", "scheduled_at"},
    {"{\"scheduled_at\":\"2025-01-01\"}", "scheduled_at"},
    {"{\"scheduled_at\":\"2025-02-30T00:00:00Z\"}", "scheduled_at"},
    {"{\"scheduled_at\":\"2025-01-01T10:31:00\"}", "scheduled_at"},
    {"{\"scheduled_at\":\"2025-01-01T11:30:01Z\"}", "scheduled_at"},
    {"{\"scheduled_at\":\"9999-12-31T23:59:59Z\"}", "scheduled_at"},
    {"{\"scheduled_at\":\"2025-01-01T10:31:00Z\",\"delay\":1}", "delay"},
    {"{\"deadline\":\"2025-01-01T10:30:00Z\"}", "deadline"},
    {"{\"deadline\":\"2024-01-01T10:30:00Z\"}", "deadline"},
    {"{\"deadline\":60}", "deadline"},
    {"{\"deadline\":\"1h\"}", "deadline"},
    {"{\"deadline\":\"2025-01-01T10:31:00Z\",\"delay\":60}", "deadline"},
    {"{\"timeout\":0}", "timeout"},
    {"{\"timeout\":0.09}", "timeout"},
    {"{\"timeout\":\"99ms\"}", "timeout"},
    {"{\"timeout\":-1}", "timeout"},
    {"{\"timeout\":601}", "timeout"},
    {"{\"timeout\":\"30 s\"}", "timeout"},
    {"{\"timeout\":false}", "timeout"},
    {"{\"max_retries\":-1}", "max_retries"},
    {"{\"max_retries\":1001}", "max_retries"},
    {"{\"max_retries\":1.5}", "max_retries"},
    {"{\"max_retries\":\"3\"}", "max_retries"},
    {"{\"max_retries\":true}", "max_retries"},
    {"{\"max_retries\":99999999999999999999}", "max_retries"},
    {"{\"delay\":5,\"timeout\":5,\"max_retries\":-1}", "max_retries"},
};

START_TEST(what_is_wrong_is_blamed_and_changes_nothing)
{
    llmq_result_t why;
    llmq_job_t job;

    ck_assert_msg(read_into(&job, bad[_i].body, &why) == LLMQ_EBODY, "accepted: %s",
                  bad[_i].body);
    ck_assert_int_eq(why.problem, LLMQ_PROBLEM_REQUEST);
    ck_assert_str_eq(why.field, bad[_i].field);
    ck_assert_uint_gt(strlen(why.reason), 10);
    ck_assert_int_eq(job.run_at, 0);
    ck_assert_int_eq(job.deadline, 0);
    ck_assert_int_eq(job.timeout, 30 * SEC);
    ck_assert_int_eq(job.max_retries, 3);
}
END_TEST

TCase *case_option(void)
{
    TCase *tc = test_case("option");

    tcase_add_loop_test(tc, options_are_read, 0, COUNT(good));
    tcase_add_loop_test(tc, what_is_wrong_is_blamed_and_changes_nothing, 0, COUNT(bad));
    return tc;
}
