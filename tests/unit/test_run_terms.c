#include "core/run_terms.h"

#include "core/run.h"
#include "support.h"

#include <string.h>

static llmq_job_t job;

static void setup(void)
{
    memset(&job, 0, sizeof(job));
    job.created_at = job.run_at = 1000;
}

START_TEST(nothing_agreed_is_no_text)
{
    ck_assert_ptr_null(llmq_run_terms_format(&job, test_pool));
    llmq_run_terms_apply(&job, NULL, test_pool);
    llmq_run_terms_apply(&job, "broken", test_pool);
    ck_assert_int_eq(job.run_at, 1000);
    ck_assert_ptr_null(job.charges);
}
END_TEST

START_TEST(what_was_agreed_comes_with_the_job_of_the_run)
{
    llmq_run_t run = {.id = "r",
                      .tenant = "t",
                      .session = "s",
                      .trigger = "m",
                      .agent = "a",
                      .user = "u"};

    job.charges = "t:1:2:3:4:5;";
    job.gauge = APR_UINT64_MAX;
    job.api_key = "key_1";
    job.run_at = 5000;
    job.fair_key = 1ull << 63;
    job.key_cap = 3;
    run.terms = llmq_run_terms_format(&job, test_pool);
    llmq_run_job(&job, &run, 0, 2000, test_pool);
    ck_assert_str_eq(job.charges, "t:1:2:3:4:5;");
    ck_assert_uint_eq(job.gauge, APR_UINT64_MAX);
    ck_assert_str_eq(job.api_key, "key_1");
    ck_assert_int_eq(job.run_at, 5000);
    ck_assert_uint_eq(job.fair_key, 1ull << 63);
    ck_assert_int_eq(job.key_cap, 3);
    llmq_run_job(&job, &run, 0, 9000, test_pool); /* it waited for long */
    ck_assert_int_eq(job.run_at, 9000);
}
END_TEST

TCase *case_run_terms(void)
{
    TCase *tc = test_case("run_terms");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, nothing_agreed_is_no_text);
    tcase_add_test(tc, what_was_agreed_comes_with_the_job_of_the_run);
    return tc;
}
