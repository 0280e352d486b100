#include "dispatch/spent.h"

#include "base/clock.h"
#include "core/charge.h"
#include "dispatch/dispatch_inner.h"

#include "support.h"

#include <string.h>

static llmq_attempt_t attempt;
static llmq_backend_conf_t backend;
static llmq_used_t used;
static llmq_dispatch_conf_t conf;
static llmq_dispatch_t dispatch;
static const llmq_price_conf_t prices[] = {
    {"m-2025", 2, 4}, {"cheap", 1, 1}, {"*", 10, 10}};

static void setup(void)
{
    memset(&attempt, 0, sizeof(attempt));
    memset(&backend, 0, sizeof(backend));
    backend.kind = LLMQ_BACKEND_OPENAI;
    memset(&conf, 0, sizeof(conf));
    dispatch.conf = &conf;
    attempt.d = &dispatch;
    attempt.call.backend = &backend;
    attempt.call.prompt_tokens = 7;
    attempt.call.completion_tokens = -1;
}

START_TEST(the_call_tells_what_it_used)
{
    attempt.call.model = "m-2025";
    llmq_spent_read(&used, &attempt);
    ck_assert_str_eq(used.model, "m-2025");
    ck_assert_int_eq(used.prompt_tokens, 7);
    ck_assert_int_eq(used.completion_tokens, -1);
    ck_assert_int_eq(used.cost, 0);
}
END_TEST

START_TEST(the_model_is_the_backends_else_default)
{
    backend.model = "configured";
    llmq_spent_read(&used, &attempt);
    ck_assert_str_eq(used.model, "configured");
    backend.model = NULL;
    llmq_spent_read(&used, &attempt);
    ck_assert_str_eq(used.model, "default");
}
END_TEST

START_TEST(names_are_bounded)
{
    char name[LLMQ_SPENT_MODEL_MAX + 2];

    memset(name, 'm', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    attempt.call.model = name;
    llmq_spent_read(&used, &attempt);
    ck_assert_str_eq(used.model, "other");
    name[sizeof(name) - 2] = '\0';
    llmq_spent_read(&used, &attempt);
    ck_assert_str_eq(used.model, name);
}
END_TEST

/* What makes an attempt one without a call to a model. */
START_TEST(without_a_call_to_a_model_nothing_counts)
{
    attempt.expired = _i == 0;
    attempt.refused = _i == 1;
    attempt.handed_back = _i == 2;
    if (_i == 3) {
        backend.kind = LLMQ_BACKEND_HTTP;
    }
    if (_i == 4) {
        attempt.call.backend = NULL;
    }
    llmq_spent_read(&used, &attempt);
    ck_assert_ptr_null(used.model);
}
END_TEST

START_TEST(a_model_over_http_is_one_too)
{
    backend.kind = LLMQ_BACKEND_HTTP;
    attempt.call.messages = "[]";
    llmq_spent_read(&used, &attempt);
    ck_assert_ptr_nonnull(used.model);
    ck_assert_int_eq(used.prompt_tokens, 7);
}
END_TEST

/* Who goes away just before the usage is told has used it all the same. */
START_TEST(a_stream_that_was_left_is_estimated)
{
    llmq_raw_t raw = {.chunks = 50};

    attempt.call.raw = &raw;
    attempt.call.body = "{\"model\":\"m\",\"messages\":[]}";
    attempt.call.prompt_tokens = -1;
    llmq_spent_read(&used, &attempt);
    ck_assert_int_eq(used.completion_tokens, 50);
    ck_assert_int_gt(used.prompt_tokens, 0);
    attempt.call.prompt_tokens = attempt.call.completion_tokens = -1;
    raw.chunks = 0; /* nothing came */
    llmq_spent_read(&used, &attempt);
    ck_assert_int_eq(used.completion_tokens, -1);
    raw.chunks = 50;
    attempt.call.ok = 1; /* the backend does not tell */
    llmq_spent_read(&used, &attempt);
    ck_assert_int_eq(used.completion_tokens, -1);
}
END_TEST

START_TEST(tokens_cost_what_the_nearest_name_does)
{
    conf.prices = prices;
    conf.n_prices = 3;
    attempt.call.completion_tokens = 10;
    attempt.call.model = "m-2025";
    llmq_spent_read(&used, &attempt);
    ck_assert_int_eq(used.cost, 7 * 2 + 10 * 4);
    attempt.call.model = "cheap-2025-01-01";
    llmq_spent_read(&used, &attempt);
    ck_assert_int_eq(used.cost, 170);
    backend.model = "cheap";
    llmq_spent_read(&used, &attempt);
    ck_assert_int_eq(used.cost, 17);
}
END_TEST

/* Of each kind an account with 100 booked of 1000; what is left once the job has ended. */
static const struct {
    llmq_status_e status;
    int accepted, settles, prompt, completion;
    apr_int64_t requests, tokens, cost;
} ends[] = {
    {LLMQ_STATUS_COMPLETED, 1, 1, 30, 40, 900, 930, 895},
    {LLMQ_STATUS_COMPLETED, 1, 1, 300, -1, 900, 700, 895},
    {LLMQ_STATUS_COMPLETED, 1, 1, -1, -1, 900, 900, 895}, /* the estimate stands */
    {LLMQ_STATUS_FAILED, 1, 1, -1, -1, 900, 1000, 895},
    {LLMQ_STATUS_PENDING, 1, 1, 30, 40, 900, 900, 900}, /* not over yet */
    {LLMQ_STATUS_COMPLETED, 1, 0, 30, 40, 900, 900, 900},
    {LLMQ_STATUS_COMPLETED, 0, 1, 30, 40, 900, 900, 900},
};
#define ENDS (int)(sizeof(ends) / sizeof(ends[0]))

static apr_int64_t left_of(apr_uint64_t account, const llmq_ledger_conf_t *rule)
{
    llmq_ledger_verdict_t v;

    llmq_ledger_book(&v, conf.ledger, rule, account, 0, llmq_clock_now());
    return v.remaining;
}

START_TEST(what_was_booked_is_settled_at_the_end)
{
    static _Alignas(64) char memory[1 << 16];
    const llmq_ledger_conf_t rule = {.limit = 1000, .period = 0};
    apr_time_t now = llmq_clock_now();
    apr_time_t window = llmq_ledger_window(&rule, now);
    const llmq_charge_t charges[] = {{LLMQ_CHARGE_REQUESTS, 1, 100, window, rule},
                                     {LLMQ_CHARGE_TOKENS, 2, 100, window, rule},
                                     {LLMQ_CHARGE_COST, 3, 100, window, rule}};
    llmq_spent_by_t by = {.pool = test_pool};
    llmq_attempt_t *attempts[] = {&attempt};
    llmq_outcome_t o = {.status = ends[_i].status,
                        .accepted = ends[_i].accepted,
                        .settles = ends[_i].settles,
                        .used.model = "m"};
    int i;

    memset(memory, 0, sizeof(memory));
    by.ledger = conf.ledger = llmq_ledger_init(memory, 64);
    for (i = 0; i < 3; i++) {
        llmq_ledger_state_t state = {
            .account = charges[i].account, .level = 100, .window = window};

        llmq_ledger_seed(conf.ledger, &rule, &state, now);
    }
    attempt.job.charges = llmq_charge_format(charges, 3, test_pool);
    o.used.prompt_tokens = ends[_i].prompt;
    o.used.completion_tokens = ends[_i].completion;
    o.used.cost = 5;
    llmq_spent_settle(&by, attempts, &o, 1);
    ck_assert_int_eq(left_of(1, &rule), ends[_i].requests);
    ck_assert_int_eq(left_of(2, &rule), ends[_i].tokens);
    ck_assert_int_eq(left_of(3, &rule), ends[_i].cost);
}
END_TEST

TCase *case_spent(void)
{
    TCase *tc = test_case("spent");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, the_call_tells_what_it_used);
    tcase_add_test(tc, the_model_is_the_backends_else_default);
    tcase_add_test(tc, names_are_bounded);
    tcase_add_loop_test(tc, without_a_call_to_a_model_nothing_counts, 0, 5);
    tcase_add_test(tc, a_model_over_http_is_one_too);
    tcase_add_test(tc, a_stream_that_was_left_is_estimated);
    tcase_add_test(tc, tokens_cost_what_the_nearest_name_does);
    tcase_add_loop_test(tc, what_was_booked_is_settled_at_the_end, 0, ENDS);
    return tc;
}
