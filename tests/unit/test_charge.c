#include "core/charge.h"

#include "support.h"

#include <apr_strings.h>

#include <string.h>

START_TEST(what_is_written_is_read)
{
    const llmq_charge_t in[] = {
        {LLMQ_CHARGE_REQUESTS, 1, 1, 0, {1, 60000000, 1}},
        {LLMQ_CHARGE_TOKENS, APR_UINT64_MAX, 12345, 60000000, {99, 1000000, 1}},
        {LLMQ_CHARGE_COST, 1ull << 63, 0, 1, {APR_INT64_MAX, 0, 0}}};
    llmq_charge_t out[LLMQ_CHARGES_MAX];
    const char *text = llmq_charge_format(in, 3, test_pool);
    int i;

    ck_assert_int_eq(llmq_charge_parse(out, text), 3);
    for (i = 0; i < 3; i++) {
        ck_assert_int_eq(out[i].what, in[i].what);
        ck_assert_uint_eq(out[i].account, in[i].account);
        ck_assert_int_eq(out[i].n, in[i].n);
        ck_assert_int_eq(out[i].window, in[i].window);
        ck_assert_int_eq(out[i].rule.limit, in[i].rule.limit);
        ck_assert_int_eq(out[i].rule.period, in[i].rule.period);
        ck_assert_int_eq(out[i].rule.carry, in[i].rule.carry);
    }
}
END_TEST

START_TEST(none_is_no_text)
{
    llmq_charge_t out[LLMQ_CHARGES_MAX];

    ck_assert_ptr_null(llmq_charge_format(NULL, 0, test_pool));
    ck_assert_int_eq(llmq_charge_parse(out, NULL), 0);
    ck_assert_int_eq(llmq_charge_parse(out, ""), 0);
}
END_TEST

/* After one good charge, what cannot be one. */
static const char *const broken[] = {"x:1:2:3:4:5;",
                                     "t1:2:3:4:5;",
                                     "t:1:2:3:4:5",
                                     "t::2:3:4:5;",
                                     "t:1:2:3:4;",
                                     "t:a:2:3:4:5;",
                                     "t:1:2:3:4:5,",
                                     "t:1:2:3:0:5;",
                                     "t:1:2:3:4:-1;",
                                     "!t:1:2:3:4:5;",
                                     "t"};
#define BROKEN (int)(sizeof(broken) / sizeof(broken[0]))

START_TEST(what_is_broken_ends_the_list)
{
    llmq_charge_t out[LLMQ_CHARGES_MAX];
    const char *text =
        apr_pstrcat(test_pool, "r:9:1:7:1:1;", broken[_i], "r:8:1:7:1:1;", NULL);

    ck_assert_int_eq(llmq_charge_parse(out, text), 1);
    ck_assert_uint_eq(out[0].account, 9);
}
END_TEST

START_TEST(no_more_than_there_is_room_for)
{
    llmq_charge_t out[LLMQ_CHARGES_MAX];
    const char *text = "";
    int i;

    for (i = 0; i < LLMQ_CHARGES_MAX + 3; i++) {
        text = apr_pstrcat(test_pool, text, "r:1:1:1:1:1;", NULL);
    }
    ck_assert_int_eq(llmq_charge_parse(out, text), LLMQ_CHARGES_MAX);
}
END_TEST

/* What was given back before is not given back again. */
START_TEST(marks_tell_what_was_settled)
{
    static const struct {
        const char *text;
        apr_int64_t n;
    } rows[] = {{"t:1:5:3:9:9;", 5},
                {"!t:1:5:3:9:9;", 5},
                {"+t:1:5:3:9:9;", 0},
                {"!+t:1:5:3:9:9;", 0}};
    llmq_charge_t out[LLMQ_CHARGES_MAX];
    unsigned i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_int_eq(llmq_charge_parse(out, rows[i].text), 1);
        ck_assert_int_eq(out[0].n, rows[i].n);
    }
}
END_TEST

TCase *case_charge(void)
{
    TCase *tc = test_case("charge");

    tcase_add_test(tc, what_is_written_is_read);
    tcase_add_test(tc, none_is_no_text);
    tcase_add_loop_test(tc, what_is_broken_ends_the_list, 0, BROKEN);
    tcase_add_test(tc, marks_tell_what_was_settled);
    tcase_add_test(tc, no_more_than_there_is_room_for);
    return tc;
}
