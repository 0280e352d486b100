#include "core/ledger.h"

#include "support.h"

#include <string.h>

#define SEC  APR_USEC_PER_SEC
#define MIN  (60 * SEC)
#define DAY  (24 * 60 * MIN)
#define T0   APR_INT64_C(1735727400000000) /* 2025-01-01T10:30:00Z */
#define KEYS 64
#define ANNE 0x123456789abcdefull

static llmq_ledger_t *ledger;
static llmq_ledger_verdict_t v;
static const llmq_ledger_conf_t minute = {.limit = 10, .period = MIN, .carry = 1};
static const llmq_ledger_conf_t month = {.limit = 10, .period = 0, .carry = 0};

static void setup(void)
{
    static _Alignas(64) char memory[1 << 16];

    ck_assert_uint_le(llmq_ledger_size(KEYS), sizeof(memory));
    memset(memory, 0, sizeof(memory));
    ledger = llmq_ledger_init(memory, KEYS);
}

static void seed(const llmq_ledger_conf_t *rule, apr_uint64_t account)
{
    llmq_ledger_state_t state = {.account = account};

    llmq_ledger_seed(ledger, rule, &state, T0);
}

static int book(const llmq_ledger_conf_t *rule, apr_int64_t n, apr_time_t now)
{
    llmq_ledger_book(&v, ledger, rule, ANNE, n, now);
    ck_assert_int_eq(v.known, 1);
    return v.admitted;
}

static apr_interval_time_t queue(apr_int64_t n, apr_time_t now)
{
    llmq_ledger_queue(&v, ledger, &minute, ANNE, n, now);
    ck_assert_int_eq(v.admitted, 1);
    return v.wait;
}

/* ---- windows ---- */

START_TEST(windows_are_those_of_the_clock)
{
    const llmq_ledger_conf_t day = {.limit = 1, .period = DAY};

    ck_assert_int_eq(llmq_ledger_window(&minute, T0), T0);
    ck_assert_int_eq(llmq_ledger_window(&minute, T0 + MIN - 1), T0);
    ck_assert_int_eq(llmq_ledger_window(&minute, T0 + MIN), T0 + MIN);
    ck_assert_int_eq(llmq_ledger_later(&minute, T0, 3), T0 + 3 * MIN);
    ck_assert_int_eq(llmq_ledger_window(&day, T0), T0 - 630 * MIN);
}
END_TEST

START_TEST(months_have_their_lengths)
{
    apr_time_t january = T0 - 630 * MIN;

    ck_assert_int_eq(llmq_ledger_window(&month, T0), january);
    ck_assert_int_eq(llmq_ledger_window(&month, january + 31 * DAY - 1), january);
    ck_assert_int_eq(llmq_ledger_window(&month, january + 31 * DAY), january + 31 * DAY);
    ck_assert_int_eq(llmq_ledger_later(&month, january, 1), january + 31 * DAY);
    ck_assert_int_eq(llmq_ledger_later(&month, january, 2), january + 59 * DAY);
    ck_assert_int_eq(llmq_ledger_later(&month, january, 12), january + 365 * DAY);
    ck_assert_int_gt(llmq_ledger_later(&month, january, APR_INT64_MAX / 2), T0);
    ck_assert_int_gt(llmq_ledger_later(&minute, T0, APR_INT64_MAX / 2), T0);
}
END_TEST

/* ---- bookings ---- */

START_TEST(who_is_not_there_is_to_be_looked_for)
{
    llmq_ledger_book(&v, ledger, &minute, ANNE, 1, T0);
    ck_assert_int_eq(v.known, 0);
    ck_assert_int_eq(v.admitted, 0);
    seed(&minute, ANNE);
    ck_assert_int_eq(book(&minute, 1, T0), 1);
}
END_TEST

START_TEST(a_window_has_room_for_the_limit)
{
    seed(&minute, ANNE);
    ck_assert_int_eq(book(&minute, 7, T0), 1);
    ck_assert_int_eq(v.remaining, 3);
    ck_assert_int_eq(v.window, T0);
    ck_assert_int_eq(book(&minute, 4, T0 + 10 * SEC), 0);
    ck_assert_int_eq(v.remaining, 3);
    ck_assert_int_eq(v.reset, 50 * SEC);
    ck_assert_int_eq(v.wait, 50 * SEC);
    ck_assert_int_eq(book(&minute, 3, T0 + 10 * SEC), 1);
    ck_assert_int_eq(v.wait, 0);
    ck_assert_int_eq(book(&minute, 1, T0 + 59 * SEC), 0);
    ck_assert_int_eq(book(&minute, 1, T0 + MIN), 1);
    ck_assert_int_eq(v.remaining, 9);
}
END_TEST

START_TEST(more_than_the_limit_never_fits)
{
    seed(&minute, ANNE);
    ck_assert_int_eq(book(&minute, 11, T0), 0);
    ck_assert_int_eq(v.wait, MIN);
    ck_assert_int_eq(v.remaining, 10);
    ck_assert_int_eq(book(&minute, 10, T0), 1);
}
END_TEST

START_TEST(nothing_is_booked_while_there_is_room_for_one)
{
    seed(&minute, ANNE);
    ck_assert_int_eq(book(&minute, 0, T0), 1);
    ck_assert_int_eq(v.remaining, 10);
    ck_assert_int_eq(book(&minute, 10, T0), 1);
    ck_assert_int_eq(book(&minute, 0, T0), 0);
}
END_TEST

START_TEST(a_clock_that_goes_back_brings_no_window_back)
{
    seed(&minute, ANNE);
    ck_assert_int_eq(book(&minute, 10, T0), 1);
    ck_assert_int_eq(book(&minute, 1, T0 - MIN), 0);
    ck_assert_int_eq(v.window, T0);
}
END_TEST

START_TEST(who_queues_has_its_turn_in_the_window_that_has_room)
{
    int i;

    seed(&minute, ANNE);
    for (i = 0; i < 35; i++) {
        apr_interval_time_t wait = queue(1, T0 + 6 * SEC);

        ck_assert_int_eq(wait, i < 10 ? 0 : i / 10 * MIN - 6 * SEC);
    }
    /* What was booked ahead fills the windows that come. */
    ck_assert_int_eq(queue(1, T0 + 3 * MIN), 0);
    ck_assert_int_eq(v.remaining, 4);
    ck_assert_int_eq(queue(20, T0 + 3 * MIN), MIN);
}
END_TEST

START_TEST(a_month_forgets_what_was_before)
{
    seed(&month, ANNE);
    ck_assert_int_eq(book(&month, 10, T0), 1);
    llmq_ledger_settle(ledger, ANNE, 1000, T0, T0);
    ck_assert_int_eq(book(&month, 0, T0), 0);
    ck_assert_int_eq(book(&month, 10, T0 + 31 * DAY), 1);
}
END_TEST

/* ---- settling ---- */

START_TEST(what_is_given_back_counts_in_its_window_only)
{
    seed(&minute, ANNE);
    book(&minute, 8, T0);
    llmq_ledger_settle(ledger, ANNE, -5, T0, T0 + SEC);
    ck_assert_int_eq(book(&minute, 7, T0 + SEC), 1);
    book(&minute, 5, T0 + MIN);
    llmq_ledger_settle(ledger, ANNE, -5, T0, T0 + MIN);
    ck_assert_int_eq(book(&minute, 6, T0 + MIN), 0);
    llmq_ledger_settle(ledger, ANNE, -100, T0 + MIN, T0 + MIN); /* never below nothing */
    ck_assert_int_eq(book(&minute, 10, T0 + MIN), 1);
    ck_assert_int_eq(llmq_ledger_settle(ledger, 7, -1, T0, T0), 0); /* nobody */
    ck_assert_int_ne(llmq_ledger_settle(ledger, ANNE, -1, T0 + MIN, T0 + MIN), 0);
}
END_TEST

START_TEST(what_was_too_much_weighs_on_what_follows)
{
    seed(&minute, ANNE);
    book(&minute, 1, T0);
    llmq_ledger_settle(ledger, ANNE, 24, T0, T0); /* 25 in all */
    ck_assert_int_eq(book(&minute, 1, T0), 0);
    ck_assert_int_eq(v.wait, 2 * MIN); /* then 5 are left of them */
    ck_assert_int_eq(book(&minute, 1, T0 + MIN), 0);
    ck_assert_int_eq(book(&minute, 5, T0 + 2 * MIN), 1);
    ck_assert_int_eq(v.remaining, 0);
    llmq_ledger_settle(ledger, ANNE, APR_INT64_MAX, T0, T0 + 2 * MIN);
    llmq_ledger_settle(ledger, ANNE, APR_INT64_MAX, T0, T0 + 2 * MIN);
    ck_assert_int_eq(book(&minute, 1, T0 + 3 * MIN), 0);
    ck_assert_int_gt(v.wait, MIN);
}
END_TEST

/* ---- the exchange ---- */

static llmq_ledger_state_t walked(int dirty, apr_time_t now)
{
    llmq_ledger_state_t states[LLMQ_LEDGER_WAYS * 2];
    llmq_ledger_state_t none = {0};
    apr_size_t cursor = 0;
    int n = 0;

    do {
        n = llmq_ledger_walk(states, LLMQ_LEDGER_WAYS, ledger, &cursor, dirty, now);
    } while (n == 0 && cursor > 0);
    return n ? states[0] : none;
}

START_TEST(what_was_used_is_sent_once)
{
    llmq_ledger_state_t state;

    seed(&minute, ANNE);
    ck_assert_uint_eq(walked(1, T0).account, 0);
    book(&minute, 3, T0);
    state = walked(1, T0);
    ck_assert_uint_eq(state.account, ANNE);
    ck_assert_int_eq(state.used, 3);
    ck_assert_int_eq(state.level, 3);
    ck_assert_int_eq(state.window, T0);
    book(&minute, 2, T0); /* meanwhile */
    llmq_ledger_sent(ledger, &state);
    state = walked(1, T0);
    ck_assert_int_eq(state.used, 5);
    llmq_ledger_sent(ledger, &state);
    ck_assert_uint_eq(walked(1, T0).account, 0);
    ck_assert_uint_eq(walked(0, T0).account, ANNE); /* in use it is nevertheless */
    ck_assert_uint_eq(walked(0, T0 + MIN).account, 0);
}
END_TEST

START_TEST(what_others_use_counts_as_it_grows)
{
    seed(&minute, ANNE);
    book(&minute, 2, T0);
    llmq_ledger_hear(ledger, ANNE, 5, T0);
    ck_assert_int_eq(book(&minute, 4, T0), 0);
    ck_assert_int_eq(v.remaining, 3);
    llmq_ledger_hear(ledger, ANNE, 5, T0);
    ck_assert_int_eq(book(&minute, 3, T0), 1);
    llmq_ledger_hear(ledger, ANNE, 7, T0 + MIN);
    ck_assert_int_eq(book(&minute, 0, T0 + MIN), 1);
    ck_assert_int_eq(v.remaining, 8);
    llmq_ledger_hear(ledger, ANNE, 0, T0 + MIN); /* their rows are gone */
    ck_assert_int_eq(book(&minute, 10, T0 + MIN), 1);
    ck_assert_int_eq(walked(1, T0 + MIN).used, 15);
    llmq_ledger_hear(ledger, 7, 3, T0); /* nobody */
}
END_TEST

START_TEST(who_comes_back_goes_on_where_the_store_has_it)
{
    llmq_ledger_state_t state = {
        .account = ANNE, .used = 100, .others = 50, .level = 9, .window = T0};

    llmq_ledger_seed(ledger, &minute, &state, T0 + SEC);
    ck_assert_int_eq(book(&minute, 2, T0 + SEC), 0);
    ck_assert_int_eq(book(&minute, 1, T0 + SEC), 1);
    ck_assert_int_eq(walked(1, T0 + SEC).used, 101);
    llmq_ledger_hear(ledger, ANNE, 50, T0 + SEC);
    ck_assert_int_eq(walked(1, T0 + SEC).level, 10);
    state.level = 0;
    llmq_ledger_seed(ledger, &minute, &state, T0 + SEC); /* there already */
    ck_assert_int_eq(book(&minute, 1, T0 + SEC), 0);
}
END_TEST

START_TEST(a_window_of_long_ago_is_over)
{
    llmq_ledger_state_t state = {.account = ANNE, .used = 100, .level = 15, .window = T0};

    llmq_ledger_seed(ledger, &minute, &state, T0 + MIN);
    ck_assert_int_eq(book(&minute, 5, T0 + MIN), 1);
    ck_assert_int_eq(v.remaining, 0);
}
END_TEST

/* ---- places ---- */

START_TEST(the_longest_unused_makes_room_if_it_was_sent)
{
    int all = 3 * KEYS;
    int known = 0;
    int i;

    for (i = 1; i <= all; i++) {
        seed(&minute, (apr_uint64_t)i << 40 | (apr_uint64_t)i);
    }
    for (i = 1; i <= all; i++) {
        llmq_ledger_book(&v, ledger, &minute, (apr_uint64_t)i << 40 | (apr_uint64_t)i, 1,
                         T0);
        known += v.known;
    }
    ck_assert_int_le(known, KEYS + LLMQ_LEDGER_WAYS);
    ck_assert_int_ge(known, KEYS / 2);
}
END_TEST

START_TEST(a_table_of_another_size_is_laid_out_anew)
{
    void *memory = ledger;

    seed(&minute, ANNE);
    ck_assert_ptr_eq(llmq_ledger_init(memory, KEYS), ledger);
    ck_assert_int_eq(book(&minute, 1, T0), 1);
    ledger = llmq_ledger_init(memory, KEYS / 2);
    llmq_ledger_book(&v, ledger, &minute, ANNE, 1, T0);
    ck_assert_int_eq(v.known, 0);
}
END_TEST

TCase *case_ledger(void)
{
    TCase *tc = test_case("ledger");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, windows_are_those_of_the_clock);
    tcase_add_test(tc, months_have_their_lengths);
    tcase_add_test(tc, who_is_not_there_is_to_be_looked_for);
    tcase_add_test(tc, a_window_has_room_for_the_limit);
    tcase_add_test(tc, more_than_the_limit_never_fits);
    tcase_add_test(tc, nothing_is_booked_while_there_is_room_for_one);
    tcase_add_test(tc, a_clock_that_goes_back_brings_no_window_back);
    tcase_add_test(tc, who_queues_has_its_turn_in_the_window_that_has_room);
    tcase_add_test(tc, a_month_forgets_what_was_before);
    tcase_add_test(tc, what_is_given_back_counts_in_its_window_only);
    tcase_add_test(tc, what_was_too_much_weighs_on_what_follows);
    tcase_add_test(tc, what_was_used_is_sent_once);
    tcase_add_test(tc, what_others_use_counts_as_it_grows);
    tcase_add_test(tc, who_comes_back_goes_on_where_the_store_has_it);
    tcase_add_test(tc, a_window_of_long_ago_is_over);
    tcase_add_test(tc, the_longest_unused_makes_room_if_it_was_sent);
    tcase_add_test(tc, a_table_of_another_size_is_laid_out_anew);
    return tc;
}
