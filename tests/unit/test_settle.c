#include "dispatch/settle.h"

#include "core/charge.h"
#include "store/store_limit.h"
#include "store_support.h"

#include "base/clock.h"

#include <string.h>

#define ANNE  0x123456789abcdefull
#define DIRTY 64

static const llmq_ledger_conf_t rule = {
    .limit = 1000, .period = apr_time_from_sec(86400), .carry = 1};
static llmq_ledger_t *ledger;
static apr_time_t now;

static void setup(void)
{
    static _Alignas(64) char memory[1 << 16];

    memset(memory, 0, sizeof(memory));
    ledger = llmq_ledger_init(memory, 64);
    now = llmq_clock_now();
}

/* 100 tokens booked on ANNE's account. */
static const char *charges(void)
{
    const llmq_charge_t charge = {LLMQ_CHARGE_TOKENS, ANNE, 100,
                                  llmq_ledger_window(&rule, now), rule};

    return llmq_charge_format(&charge, 1, test_pool);
}

static apr_int64_t left(void)
{
    llmq_ledger_verdict_t v;

    llmq_ledger_book(&v, ledger, &rule, ANNE, 0, now);
    return v.known ? v.remaining : -1;
}

static void book_here(void)
{
    llmq_ledger_state_t state = {.account = ANNE};
    llmq_ledger_verdict_t v;

    llmq_ledger_seed(ledger, &rule, &state, now);
    llmq_ledger_book(&v, ledger, &rule, ANNE, 100, now);
}

/* As it was booked by another node, which then told of it. */
static void book_there(void)
{
    llmq_ledger_state_t state = {.account = ANNE, .used = 100, .level = 100};

    state.window = llmq_ledger_window(&rule, now);
    ck_assert_int_eq(
        llmq_store_limit_save(store_test_node("node_b"), &state, 1, now, test_pool),
        APR_SUCCESS);
}

static void insert(const char *id, const char *sql)
{
    llmq_job_t *job = store_test_job(id);

    job->charges = charges();
    store_test_insert(store_test.store, job);
    store_test_sql(sql);
}

static void sweep(void)
{
    apr_pool_t *scratch = NULL;

    apr_pool_create(&scratch, test_pool);
    ck_assert_int_eq(llmq_settle_sweep(ledger, store_test.store, scratch), APR_SUCCESS);
}

/* How a job may end, and what is left of the 1000 then. */
static const struct {
    const char *sql;
    apr_int64_t left;
} ends[] = {
    {"UPDATE llmq_jobs SET removed_at = 1", 1000},
    {"UPDATE llmq_jobs SET status = 3", 1000},
    {"UPDATE llmq_jobs SET status = 5", 1000},
    {"UPDATE llmq_jobs SET status = 1", 900}, /* not over yet */
    {"UPDATE llmq_jobs SET status = 2", 900}, /* nobody tells what was used */
    {"UPDATE llmq_jobs SET status = 2, result = 'broken'", 900},
    {"UPDATE llmq_jobs SET status = 2, result = '{\"usage\":{\"prompt_tokens\":30,"
     "\"completion_tokens\":20}}'",
     950},
    {"UPDATE llmq_jobs SET status = 2, result = '{\"usage\":{\"prompt_tokens\":300}}'",
     700},
};
#define ENDS (int)(sizeof(ends) / sizeof(ends[0]))

START_TEST(all_ends_are_settled)
{
    store_test_open(_i / ENDS);
    book_here();
    insert("msg_1", ends[_i % ENDS].sql);
    sweep();
    ck_assert_int_eq(left(), ends[_i % ENDS].left);
    sweep();
    ck_assert_int_eq(left(), ends[_i % ENDS].left);
    store_test_close();
}
END_TEST

/* The account is not in this node's table; what is given back is told to the others. */
START_TEST(what_another_node_has_booked_is_settled_too)
{
    llmq_ledger_state_t state = {.account = ANNE};
    llmq_ledger_state_t dirty[DIRTY];
    llmq_settle_t used = {.tokens = 10};
    apr_size_t cursor = 0;

    store_test_open(_i);
    book_there();
    ck_assert_int_eq(left(), -1);
    llmq_settle_job(charges(), &used, ledger, store_test.store, test_pool);
    ck_assert_int_eq(left(), 990);
    ck_assert_int_eq(llmq_ledger_walk(dirty, DIRTY, ledger, &cursor, 1, now), 1);
    ck_assert_int_eq(dirty[0].used, -90);
    llmq_store_limit_save(store_test.store, dirty, 1, now, test_pool);
    ck_assert_int_eq(
        llmq_store_limit_others(&state, 1, store_test_node("node_b"), test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(state.others, -90);
    store_test_close();
}
END_TEST

TCase *case_settle(void)
{
    TCase *tc = test_case("settle");
    int n = store_test_dialects();

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_loop_test(tc, all_ends_are_settled, 0, n * ENDS);
    tcase_add_loop_test(tc, what_another_node_has_booked_is_settled_too, 0, n);
    return tc;
}
