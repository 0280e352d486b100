#include "dispatch/replays.h"

#include "dispatch/dispatch_inner.h"
#include "store/store_idem.h"
#include "store_support.h"

#include <string.h>

#define SECOND APR_USEC_PER_SEC

static llmq_dispatch_conf_t conf;
static llmq_dispatch_t dispatcher;
static llmq_attempt_t attempt;
static llmq_attempt_t *attempts[] = {&attempt};
static llmq_raw_t raw;
static llmq_idem_t idem;
static llmq_idem_answer_t answer;

static apr_status_t claim(void)
{
    memset(&answer, 0, sizeof(answer));
    idem.scope = "s";
    idem.request = "r";
    idem.object = "o";
    idem.now += SECOND;
    idem.lease = 1000 * SECOND;
    idem.ttl = 1000 * SECOND;
    return llmq_store_idem_claim(&idem, &answer, store_test.store, test_pool);
}

/* An attempt of a job that has the key "s". */
static void begin(apr_size_t max)
{
    llmq_completion_t asked = {.key = "s"};
    llmq_job_t job = {.id = "j"};

    idem.now = STORE_TEST_T0;
    ck_assert_int_eq(claim(), APR_SUCCESS);
    asked.claim = idem.claim;
    job.metadata = llmq_completion_metadata(&asked, test_pool);
    conf.replay_max = max;
    dispatcher.conf = &conf;
    memset(&raw, 0, sizeof(raw));
    memset(&attempt, 0, sizeof(attempt));
    attempt.d = &dispatcher;
    attempt.pool = test_pool;
    attempt.job.id = "j";
    attempt.call.raw = &raw;
    llmq_replays_begin(&attempt, &job);
}

static void end(llmq_status_e status)
{
    llmq_outcome_t o = {.id = "j", .status = status, .accepted = 1};
    const llmq_batch_t batch = {
        .store = store_test.store, .as = attempts, .o = &o, .n = 1, .p = test_pool};

    ck_assert_int_eq(llmq_replays_keep(&batch), APR_SUCCESS);
    llmq_replays_free(&batch);
}

START_TEST(an_answer_is_kept)
{
    store_test_open(_i);
    begin(100);
    raw.body = "{\"a\":1}";
    raw.body_len = strlen(raw.body);
    end(LLMQ_STATUS_COMPLETED);
    ck_assert_int_eq(claim(), APR_EEXIST);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_str_eq(answer.body, raw.body);
    store_test_close();
}
END_TEST

START_TEST(a_stream_is_kept_as_it_was_sent)
{
    store_test_open(_i);
    begin(100);
    llmq_replays_hear(&attempt, "{}", 2);
    llmq_replays_hear(&attempt, "[1]", 3);
    end(LLMQ_STATUS_COMPLETED);
    end(LLMQ_STATUS_COMPLETED); /* the row could not be written the first time */
    ck_assert_int_eq(claim(), APR_EEXIST);
    ck_assert_str_eq(answer.body, "data: {}\n\ndata: [1]\n\ndata: [DONE]\n\n");
    store_test_close();
}
END_TEST

START_TEST(what_is_too_large_is_not_kept)
{
    store_test_open(0);
    begin(8);
    if (_i) {
        llmq_replays_hear(&attempt, "{}", 2);
        llmq_replays_hear(&attempt, "{}", 2);
        llmq_replays_hear(&attempt, "{}", 2);
    }
    else {
        raw.body = "[1,2,3,4]";
        raw.body_len = strlen(raw.body);
    }
    end(LLMQ_STATUS_COMPLETED);
    ck_assert_int_eq(claim(), APR_SUCCESS);
    store_test_close();
}
END_TEST

static const struct {
    llmq_status_e status;
    apr_status_t then;
} ends[] = {{LLMQ_STATUS_FAILED, APR_SUCCESS},
            {LLMQ_STATUS_CANCELED, APR_SUCCESS},
            {LLMQ_STATUS_TIMEOUT, APR_SUCCESS},
            {LLMQ_STATUS_PENDING, LLMQ_EBUSY}};

START_TEST(other_ends_free_the_key)
{
    store_test_open(0);
    begin(100);
    end(ends[_i].status);
    ck_assert_int_eq(claim(), ends[_i].then);
    store_test_close();
}
END_TEST

START_TEST(jobs_without_a_key_have_none)
{
    llmq_completion_t asked = {.stream = 1};
    llmq_job_t job = {.id = "j"};

    store_test_open(0);
    begin(100);
    attempt.replay = NULL;
    job.metadata = llmq_completion_metadata(&asked, test_pool);
    llmq_replays_begin(&attempt, &job);
    ck_assert_ptr_null(attempt.replay);
    llmq_replays_hear(&attempt, "{}", 2);
    end(LLMQ_STATUS_COMPLETED);
    ck_assert_int_eq(claim(), LLMQ_EBUSY);
    conf.replay_max = 0;
    job.metadata = NULL;
    llmq_replays_begin(&attempt, &job);
    ck_assert_ptr_null(attempt.replay);
    store_test_close();
}
END_TEST

TCase *case_replays(void)
{
    TCase *tc = test_case("replays");
    int dialects = store_test_dialects();

    tcase_add_loop_test(tc, an_answer_is_kept, 0, dialects);
    tcase_add_loop_test(tc, a_stream_is_kept_as_it_was_sent, 0, dialects);
    tcase_add_loop_test(tc, what_is_too_large_is_not_kept, 0, 2);
    tcase_add_loop_test(tc, other_ends_free_the_key, 0,
                        (int)(sizeof(ends) / sizeof(ends[0])));
    tcase_add_test(tc, jobs_without_a_key_have_none);
    return tc;
}
