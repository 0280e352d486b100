#include "dispatch/exchange.h"

#include "store/store_limit.h"
#include "store_support.h"

#include "base/clock.h"

#include <string.h>

#define ANNE 0x123456789abcdefull

static const llmq_ledger_conf_t rule = {
    .limit = 100, .period = apr_time_from_sec(86400), .carry = 1};
static llmq_ledger_t *ledger;
static llmq_ledger_verdict_t v;

static void setup(void)
{
    static _Alignas(64) char memory[1 << 16];

    memset(memory, 0, sizeof(memory));
    ledger = llmq_ledger_init(memory, 64);
    llmq_clock_set(STORE_TEST_T0); /* no window ends and nothing becomes due meanwhile */
}

static void book(apr_int64_t n)
{
    llmq_ledger_state_t state = {.account = ANNE};

    llmq_ledger_seed(ledger, &rule, &state, llmq_clock_now());
    llmq_ledger_book(&v, ledger, &rule, ANNE, n, llmq_clock_now());
    ck_assert_int_eq(v.admitted, 1);
}

START_TEST(what_is_used_here_is_written_and_what_is_used_there_is_heard)
{
    llmq_ledger_state_t theirs = {.account = ANNE, .used = 30, .level = 30};
    llmq_ledger_state_t state = {.account = ANNE};
    llmq_exchange_t *x;

    store_test_open(_i);
    theirs.window = llmq_ledger_window(&rule, llmq_clock_now());
    x = llmq_exchange_create(ledger, store_test.store, test_pool);
    ck_assert_ptr_nonnull(x);
    book(20);
    ck_assert_int_eq(llmq_store_limit_save(store_test_node("node_b"), &theirs, 1,
                                           llmq_clock_now(), test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(llmq_exchange_tick(x), APR_SUCCESS);
    book(0);
    ck_assert_int_eq(v.remaining, 50);
    llmq_store_limit_load(&state, store_test.store, test_pool);
    ck_assert_int_eq(state.used, 20);
    ck_assert_int_eq(state.others, 30);
    book(5);
    ck_assert_int_eq(llmq_exchange_tick(x), APR_SUCCESS); /* not due yet */
    llmq_store_limit_load(&state, store_test.store, test_pool);
    ck_assert_int_eq(state.used, 20);
    ck_assert_int_eq(llmq_exchange_flush(x), APR_SUCCESS);
    llmq_store_limit_load(&state, store_test.store, test_pool);
    ck_assert_int_eq(state.used, 25);
    store_test_close();
}
END_TEST

START_TEST(without_a_ledger_there_is_nothing_to_do)
{
    llmq_exchange_t *x = llmq_exchange_create(NULL, NULL, test_pool);

    ck_assert_int_eq(llmq_exchange_tick(x), APR_SUCCESS);
    ck_assert_int_eq(llmq_exchange_flush(x), APR_SUCCESS);
}
END_TEST

TCase *case_exchange(void)
{
    TCase *tc = test_case("exchange");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_loop_test(tc, what_is_used_here_is_written_and_what_is_used_there_is_heard,
                        0, store_test_dialects());
    tcase_add_test(tc, without_a_ledger_there_is_nothing_to_do);
    return tc;
}
