#include "support.h"

#include "core/cursor.h"

static const struct {
    const char *text;
    apr_int64_t cursor; /* -1: refused */
} words[] = {
    {"0", 0},
    {"7", 7},
    {"007", 7},
    {"9223372036854775806", APR_INT64_MAX - 1},
    {"9223372036854775807", APR_INT64_MAX},
    {"9223372036854775808", APR_INT64_MAX},
    {"99999999999999999999999999", APR_INT64_MAX},
    {"", -1},
    {"-1", -1},
    {"+1", -1},
    {" 1", -1},
    {"1 ", -1},
    {"1.0", -1},
    {"1e3", -1},
    {"0x10", -1},
    {"abc", -1},
    {"\xd9\xa1", -1},
};

START_TEST(only_digits_are_a_cursor)
{
    apr_int64_t cursor = -1;
    apr_status_t rv = llmq_cursor_parse(&cursor, words[_i].text);

    ck_assert_int_eq(rv == APR_SUCCESS, words[_i].cursor >= 0);
    ck_assert(cursor == words[_i].cursor);
}
END_TEST

static const struct {
    const char *last_id;
    const char *after;
    apr_int64_t cursor; /* -1: refused */
} choices[] = {
    {NULL, NULL, 0}, {NULL, "5", 5}, {"3", NULL, 3},   {"3", "5", 3},  {"0", "5", 0},
    {"abc", "5", 5}, {"", "5", 5},   {"abc", NULL, 0}, {"-2", "5", 5}, {NULL, "-1", -1},
    {NULL, "x", -1}, {"3", "x", -1}, {"3", "-1", -1},
};

START_TEST(the_header_comes_first)
{
    apr_int64_t cursor = -1;
    apr_status_t rv = llmq_cursor_choose(&cursor, choices[_i].last_id, choices[_i].after);

    ck_assert_int_eq(rv == APR_SUCCESS, choices[_i].cursor >= 0);
    ck_assert(cursor == choices[_i].cursor);
}
END_TEST

TCase *case_cursor(void)
{
    TCase *tc = test_case("cursor");

    tcase_add_loop_test(tc, only_digits_are_a_cursor, 0,
                        (int)(sizeof(words) / sizeof(words[0])));
    tcase_add_loop_test(tc, the_header_comes_first, 0,
                        (int)(sizeof(choices) / sizeof(choices[0])));
    return tc;
}
