#include "core/coming.h"

#include "support.h"

#include <string.h>

#define SEC  APR_USEC_PER_SEC
#define T0   APR_INT64_C(1735727400000000) /* 2025-01-01T10:30:00Z, where windows begin */
#define KEYS 64
#define ANNE 0x123456789abcdefull
#define BOB  0xfedcba987654321ull

static llmq_ledger_t *ledger;

static void setup(void)
{
    static _Alignas(64) char memory[1 << 16];

    ck_assert_uint_le(llmq_ledger_size(KEYS), sizeof(memory));
    memset(memory, 0, sizeof(memory));
    ledger = llmq_ledger_init(memory, KEYS);
}

static apr_int64_t enter(apr_uint64_t account, apr_time_t now)
{
    return llmq_coming_enter(ledger, account, now);
}

START_TEST(each_sees_those_who_came_before)
{
    ck_assert_int_eq(enter(ANNE, T0), 1);
    ck_assert_int_eq(enter(ANNE, T0 + 1), 2);
    ck_assert_int_eq(enter(BOB, T0 + 2), 1);
    llmq_coming_leave(ledger, ANNE, T0, T0 + 3);
    ck_assert_int_eq(enter(ANNE, T0 + 4), 2);
}
END_TEST

/* Whatever second of the clock lies between two. */
START_TEST(no_change_of_a_window_hides_who_is_coming)
{
    int i;

    for (i = 0; i < 60; i++) {
        apr_time_t before = T0 + i * SEC - 1;
        apr_time_t after = before + 2;

        ck_assert_int_eq(enter(ANNE, before), 1);
        ck_assert_int_eq(enter(ANNE, after), 2);
        llmq_coming_leave(ledger, ANNE, before, after);
        ck_assert_int_eq(enter(ANNE, after + 1), 2);
        llmq_coming_leave(ledger, ANNE, after, after + 2);
        llmq_coming_leave(ledger, ANNE, after + 1, after + 2);
    }
}
END_TEST

/* Ten seconds may pass on the way, and each leaves but its own place. */
START_TEST(who_is_slow_is_seen_and_takes_no_place_of_others_along)
{
    int i;

    for (i = 0; i < 40; i++) {
        apr_time_t since = T0 + i * 30 * SEC + i * SEC;

        ck_assert_int_eq(enter(ANNE, since), 1);
        ck_assert_int_eq(enter(ANNE, since + 10 * SEC - 1), 2);
        llmq_coming_leave(ledger, ANNE, since, since + 10 * SEC);
        ck_assert_int_eq(enter(ANNE, since + 10 * SEC), 2);
        llmq_coming_leave(ledger, ANNE, since + 10 * SEC - 1, since + 10 * SEC);
        llmq_coming_leave(ledger, ANNE, since + 10 * SEC, since + 10 * SEC);
    }
}
END_TEST

START_TEST(who_dies_on_the_way_is_forgotten)
{
    int i;

    for (i = 0; i < 40; i++) {
        apr_time_t since = T0 + i * 61 * SEC;

        ck_assert_int_eq(enter(ANNE, since), 1);
        ck_assert_int_eq(enter(ANNE, since + 20 * SEC), 1);
        llmq_coming_leave(ledger, ANNE, since, since + 20 * SEC); /* it was only slow */
        ck_assert_int_eq(enter(ANNE, since + 20 * SEC), 2);
    }
}
END_TEST

TCase *case_coming(void)
{
    TCase *tc = test_case("coming");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, each_sees_those_who_came_before);
    tcase_add_test(tc, no_change_of_a_window_hides_who_is_coming);
    tcase_add_test(tc, who_is_slow_is_seen_and_takes_no_place_of_others_along);
    tcase_add_test(tc, who_dies_on_the_way_is_forgotten);
    return tc;
}
