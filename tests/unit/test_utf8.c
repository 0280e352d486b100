#include "support.h"

#include "base/utf8.h"

#include <string.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

static const char *folded(const char *s)
{
    llmq_text_t t;

    llmq_text_init(&t, 1, test_pool);
    llmq_utf8_fold(&t, s, strlen(s));
    ck_assert_uint_eq(strlen(t.data), t.len);
    return t.data;
}

static const struct {
    const char *text;
    const char *folded;
} pairs[] = {
    {"", ""},
    {"Hello, World [@`{", "hello, world [@`{"},
    {"ÄÖÜ ÀÉ Ÿ ĄĆŁ", "äöü àé ÿ ąćł"},
    {"СРОЧНО Ёж", "срочно ёж"},
    {"ΣΊΣΥΦΟΣ σίσυφος", "σίσυφοσ σίσυφοσ"},
    {"ſ\xE2\x84\xAA", "sk"}, /* long s, the sign of kelvin: shorter when folded */
    {"Ⱥ", "ⱥ"},              /* longer when folded */
    {"ԱԲԳ", "աբգ"},
    {"立即 马上 ひらがな カタカナ 한글", "立即 马上 ひらがな カタカナ 한글"},
    {"\xF0\x90\x90\x80\xF0\x9F\x99\x82",
     "\xF0\x90\x90\xA8\xF0\x9F\x99\x82"}, /* Deseret */
};

START_TEST(case_makes_no_difference)
{
    ck_assert_str_eq(folded(pairs[_i].text), pairs[_i].folded);
    ck_assert_str_eq(folded(pairs[_i].folded), pairs[_i].folded);
}
END_TEST

static const char *const broken[] = {
    "\x80",         "\xFF\xFE",          "a\xC3", "\xE4\xBD", "\xC0\x80",
    "\xED\xA0\x80", "\xF4\x90\x80\x80z",
};

START_TEST(what_is_no_utf8_stays_as_it_is)
{
    ck_assert_str_eq(folded(broken[_i]), broken[_i]);
}
END_TEST

START_TEST(every_code_point_is_read_and_written)
{
    char buf[LLMQ_UTF8_MAX + 1];
    apr_uint32_t c;

    for (c = 1; c <= 0x10FFFF; c++) {
        const char *at = buf;
        apr_size_t len;

        if (c >= 0xD800 && c < 0xE000)
            continue;
        len = llmq_utf8_put(buf, c);
        buf[len] = 'x';
        /* Not an assertion each: a million of them write to a pipe for seconds. */
        if (!llmq_text_is_utf8(buf, len) || llmq_utf8_next(&at, buf + sizeof(buf)) != c
            || at != buf + len)
            ck_abort_msg("U+%04X", c);
    }
}
END_TEST

START_TEST(a_text_that_ends_within_a_code_point_is_not_read_beyond)
{
    const char *text = "\xE4\xBD\xA0";
    const char *at = text;

    ck_assert_uint_eq(llmq_utf8_next(&at, text + 2), 0xDC00 + 0xE4);
    ck_assert_ptr_eq(at, text + 1);
    ck_assert_uint_eq(llmq_utf8_next(&at, text + 2), 0xDC00 + 0xBD);
}
END_TEST

START_TEST(white_space_is_unicodes)
{
    static const char *const blank[] = {"",
                                        " ",
                                        "\t\r\n\v\f",
                                        "\xC2\x85\xC2\xA0",
                                        "\xE3\x80\x80\xE2\x80\x8A",
                                        "\xE1\x9A\x80"};
    static const char *const other[] = {"a",    " a",   "\xE2\x80\x8B",
                                        "\x01", "\xC2", "\xE3\x80"};
    int i;

    for (i = 0; i < COUNT(blank); i++)
        ck_assert(llmq_utf8_is_blank(blank[i]));
    for (i = 0; i < COUNT(other); i++)
        ck_assert(!llmq_utf8_is_blank(other[i]));
}
END_TEST

TCase *case_utf8(void)
{
    TCase *tc = test_case("utf8");

    tcase_add_loop_test(tc, case_makes_no_difference, 0, COUNT(pairs));
    tcase_add_loop_test(tc, what_is_no_utf8_stays_as_it_is, 0, COUNT(broken));
    tcase_add_test(tc, every_code_point_is_read_and_written);
    tcase_add_test(tc, a_text_that_ends_within_a_code_point_is_not_read_beyond);
    tcase_add_test(tc, white_space_is_unicodes);
    return tc;
}
