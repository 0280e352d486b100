#include "support.h"

#include "base/text.h"

#include <apr_strings.h>
#include <apr_time.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

START_TEST(a_new_buffer_is_an_empty_text)
{
    llmq_text_t t;

    llmq_text_init(&t, 1, test_pool);
    ck_assert_uint_eq(t.len, 0);
    ck_assert_str_eq(t.data, "");
}
END_TEST

/* Each first size meets the doubling at another byte. */
START_TEST(a_growing_buffer_keeps_all_bytes_and_the_nul)
{
    llmq_text_t t;
    char expected[2001] = "";
    apr_size_t len = 0;
    int i;

    llmq_text_init(&t, (apr_size_t)_i, test_pool);
    for (i = 0; i < 200; i++) {
        apr_size_t n = (apr_size_t)(i % 10);

        llmq_text_add(&t, "0123456789", n);
        memcpy(expected + len, "0123456789", n);
        len += n;
        ck_assert_uint_eq(t.len, len);
        ck_assert_uint_gt(t.size, t.len);
        ck_assert_str_eq(t.data, expected);
    }
}
END_TEST

START_TEST(a_buffer_holds_nul_bytes)
{
    llmq_text_t t;

    llmq_text_init(&t, 2, test_pool);
    llmq_text_add(&t, "a\0b", 3);
    LLMQ_TEXT_LIT(&t, "c\0d");
    ck_assert_uint_eq(t.len, 6);
    ck_assert_mem_eq(t.data, "a\0bc\0d", 7);
}
END_TEST

START_TEST(reserved_room_can_be_written_with_its_nul)
{
    llmq_text_t t;
    char *to;

    llmq_text_init(&t, 3, test_pool);
    llmq_text_puts(&t, "ab");
    to = llmq_text_reserve(&t, 1000);
    memset(to, 'x', 1000);
    to[1000] = '\0';
    t.len += 1000;
    ck_assert_int_eq(strncmp(t.data, "abxxx", 5), 0);
    ck_assert_uint_eq(strlen(t.data), 1002);
}
END_TEST

START_TEST(adding_nothing_changes_nothing)
{
    llmq_text_t t;

    llmq_text_init(&t, 8, test_pool);
    llmq_text_puts(&t, "ab");
    llmq_text_add(&t, NULL, 0);
    llmq_text_puts(&t, "");
    ck_assert_str_eq(t.data, "ab");
}
END_TEST

START_TEST(numbers_are_decimal_to_both_ends)
{
    static const apr_int64_t numbers[] = {0,  1,          -1,        9,
                                          10, 1234567890, INT64_MAX, INT64_MIN};
    llmq_text_t t;
    int i;

    for (i = 0; i < COUNT(numbers); i++) {
        llmq_text_init(&t, 1, test_pool);
        llmq_text_int(&t, numbers[i]);
        ck_assert_str_eq(t.data,
                         apr_psprintf(test_pool, "%" APR_INT64_T_FMT, numbers[i]));
    }
}
END_TEST

START_TEST(printf_appends_at_most_a_thousand_bytes)
{
    llmq_text_t t;
    char *s = apr_palloc(test_pool, 1501);

    memset(s, 'x', 1500);
    s[1500] = '\0';
    llmq_text_init(&t, 1, test_pool);
    llmq_text_puts(&t, "a");
    llmq_text_printf(&t, "%d-%s", 42, "b");
    ck_assert_str_eq(t.data, "a42-b");
    llmq_text_printf(&t, "%s", s);
    ck_assert_uint_eq(t.len, 1005);
    ck_assert_uint_eq(strlen(t.data), 1005);
}
END_TEST

static const struct {
    apr_time_t when;
    const char *text;
} times[] = {
    {0, "1970-01-01T00:00:00Z"},
    {1, "1970-01-01T00:00:00Z"},
    {-1, "1969-12-31T23:59:59Z"},
    {APR_USEC_PER_SEC - 1, "1970-01-01T00:00:00Z"},
    {1735727400000000, "2025-01-01T10:30:00Z"},
    {951782399999999, "2000-02-28T23:59:59Z"},
    {951782400000000, "2000-02-29T00:00:00Z"},
    {951868800000000, "2000-03-01T00:00:00Z"},
    {1709164800000000, "2024-02-29T00:00:00Z"},
    {4107542399000000, "2100-02-28T23:59:59Z"},
    {4107542400000000, "2100-03-01T00:00:00Z"},
    {253402300799000000, "9999-12-31T23:59:59Z"},
    {253402300800000000, "9999-12-31T23:59:59Z"},
    {INT64_MAX, "9999-12-31T23:59:59Z"},
    {-62167219200000000, "0000-01-01T00:00:00Z"},
    {-62167219201000000, "0000-01-01T00:00:00Z"},
    {INT64_MIN, "0000-01-01T00:00:00Z"},
};

START_TEST(times_are_rfc_3339_with_whole_seconds)
{
    char buf[LLMQ_RFC3339_SIZE];

    ck_assert_uint_eq(llmq_text_rfc3339(buf, times[_i].when), strlen(times[_i].text));
    ck_assert_str_eq(buf, times[_i].text);
}
END_TEST

/* 3,000 days over 1,600 years, each compared with the C library and read back. */
START_TEST(times_agree_with_the_c_library_and_are_read_back)
{
    char buf[LLMQ_RFC3339_SIZE], expected[LLMQ_RFC3339_SIZE];
    apr_time_t when;
    struct tm tm;
    time_t sec;
    int i;

    for (i = -1500; i < 1500; i++) {
        sec = (time_t)i * (195 * 86400 + 7919);
        gmtime_r(&sec, &tm);
        strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%SZ", &tm);
        llmq_text_rfc3339(buf, apr_time_from_sec(sec));
        ck_assert_str_eq(buf, expected);
        ck_assert_int_eq(llmq_text_parse_rfc3339(&when, buf), APR_SUCCESS);
        ck_assert_int_eq(when, apr_time_from_sec(sec));
    }
}
END_TEST

static const struct {
    const char *text;
    apr_time_t when;
} readable[] = {
    {"1970-01-01T00:00:00Z", 0},
    {"2025-01-01T10:30:00Z", 1735727400000000},
    {"2025-01-01t10:30:00z", 1735727400000000},
    {"2025-01-01T10:30:00.5Z", 1735727400500000},
    {"2025-01-01T10:30:00.000001Z", 1735727400000001},
    {"2025-01-01T10:30:00.1234567899Z", 1735727400123456},
    {"2025-01-01T10:30:00+00:00", 1735727400000000},
    {"2025-01-01T10:30:00-00:00", 1735727400000000},
    {"2025-01-01T18:30:00+08:00", 1735727400000000},
    {"2025-01-01T05:00:00-05:30", 1735727400000000},
    {"2025-01-01T00:00:00.25+23:59", 1735603260250000},
    {"1969-12-31T23:59:59.5Z", -500000},
    {"2016-12-31T23:59:60Z", 1483228800000000},
    {"2024-02-29T00:00:00Z", 1709164800000000},
    {"0000-01-01T00:00:00Z", -62167219200000000},
    {"9999-12-31T23:59:59Z", 253402300799000000},
};

START_TEST(any_offset_and_fraction_is_read)
{
    apr_time_t when = 1;

    ck_assert_int_eq(llmq_text_parse_rfc3339(&when, readable[_i].text), APR_SUCCESS);
    ck_assert_int_eq(when, readable[_i].when);
}
END_TEST

static const char *const unreadable[] = {
    NULL,
    "",
    "2025",
    "2025-01-01",
    "2025-01-01 10:30:00Z",
    "2025-01-01T10:30Z",
    "2025-01-01T10:30:00",
    "2025-01-01T10:30:00 Z",
    "2025-01-01T10:30:00Zx",
    " 2025-01-01T10:30:00Z",
    "2025-01-01T10:30:00.Z",
    "2025-01-01T10:30:00,5Z",
    "2025-01-01T10:30:00+0800",
    "2025-01-01T10:30:00+08",
    "2025-01-01T10:30:00+24:00",
    "2025-01-01T10:30:00+08:60",
    "2025-1-01T10:30:00Z",
    "25-01-01T10:30:00Z",
    "-025-01-01T10:30:00Z",
    "2025-00-01T10:30:00Z",
    "2025-13-01T10:30:00Z",
    "2025-01-00T10:30:00Z",
    "2025-01-32T10:30:00Z",
    "2025-04-31T10:30:00Z",
    "2025-02-29T10:30:00Z",
    "2100-02-29T10:30:00Z",
    "2025-01-01T24:00:00Z",
    "2025-01-01T10:60:00Z",
    "2025-01-01T10:30:61Z",
    "2025-01-01T1a:30:00Z",
    "\xEF\xBC\x92"
    "025-01-01T10:30:00Z",
};

START_TEST(what_is_no_such_time_is_einval)
{
    apr_time_t when = 42;

    ck_assert_int_eq(llmq_text_parse_rfc3339(&when, unreadable[_i]), APR_EINVAL);
    ck_assert_int_eq(when, 42);
}
END_TEST

/* Every beginning of a good time is refused, whatever stands behind it in memory. */
START_TEST(a_time_that_breaks_off_is_einval)
{
    const char *good = "2025-01-01T10:30:00.5+08:00";
    apr_time_t when;
    apr_size_t n;

    for (n = 0; n < strlen(good); n++)
        ck_assert_int_eq(
            llmq_text_parse_rfc3339(&when, apr_pstrmemdup(test_pool, good, n)),
            APR_EINVAL);
}
END_TEST

static const struct {
    apr_interval_time_t d;
    const char *text;
} durations[] = {
    {0, "0s"},
    {-1, "0s"},
    {INT64_MIN, "0s"},
    {1, "0.001ms"},
    {250, "0.25ms"},
    {1000, "1ms"},
    {2500, "2.5ms"},
    {50000, "50ms"},
    {100000, "100ms"},
    {999999, "999.999ms"},
    {1000000, "1s"},
    {1500000, "1.5s"},
    {1000001, "1.000001s"},
    {12500000, "12.5s"},
    {14000000, "14s"},
    {30000000, "30s"},
    {59999999, "59.999999s"},
    {60000000, "1m0s"},
    {120000000, "2m0s"},
    {61500000, "1m1.5s"},
    {3600000000, "1h0m0s"},
    {261320000000, "72h35m20s"},
    {INT64_MAX, "2562047788h0m54.775807s"},
};

START_TEST(durations_are_as_go_prints_them)
{
    char buf[LLMQ_DURATION_SIZE];

    ck_assert_uint_eq(llmq_text_duration(buf, durations[_i].d),
                      strlen(durations[_i].text));
    ck_assert_str_eq(buf, durations[_i].text);
}
END_TEST

static const struct {
    const char *bytes;
    int ok;
} utf8[] = {
    {"", 1},
    {"plain", 1},
    {"\x7F", 1},
    {"\xC2\x80", 1},
    {"\xDF\xBF", 1},
    {"\xE0\xA0\x80", 1},
    {"\xED\x9F\xBF", 1},
    {"\xEE\x80\x80", 1},
    {"\xEF\xBF\xBF", 1},
    {"\xF0\x90\x80\x80", 1},
    {"\xF4\x8F\xBF\xBF", 1},
    {"\xE6\xB6\x88\xE6\x81\xAF and more", 1},
    {"\x80", 0}, /* a continuation without a lead */
    {"\xBF", 0},
    {"\xC0\x80", 0},         /* overlong NUL */
    {"\xC1\xBF", 0},         /* overlong */
    {"\xE0\x9F\xBF", 0},     /* overlong */
    {"\xF0\x8F\xBF\xBF", 0}, /* overlong */
    {"\xED\xA0\x80", 0},     /* first surrogate */
    {"\xED\xBF\xBF", 0},     /* last surrogate */
    {"\xF4\x90\x80\x80", 0}, /* U+110000 */
    {"\xF5\x80\x80\x80", 0},
    {"\xFE", 0},
    {"\xFF", 0},
    {"\xC2", 0}, /* broken off */
    {"\xE6\xB6", 0},
    {"\xF0\x90\x80", 0},
    {"\xC2\x41", 0}, /* wrong second, third, fourth byte */
    {"\xE6\xB6\xC0", 0},
    {"\xF0\x90\x80\x41", 0},
};

/* At each distance from the start, so that both the wide and the narrow steps see it; in
 * memory of its own size, so that a sanitizer sees a step too far. */
START_TEST(utf8_is_as_rfc_3629_has_it)
{
    apr_size_t len = strlen(utf8[_i].bytes);
    apr_size_t before, after;
    char *s;

    for (before = 0; before < 20; before++) {
        for (after = 0; after < 10; after += 9) {
            s = malloc(before + len + after + 1);
            memset(s, 'x', before + len + after);
            memcpy(s + before, utf8[_i].bytes, len);
            ck_assert_int_eq(!!llmq_text_is_utf8(s, before + len + after), utf8[_i].ok);
            free(s);
        }
    }
}
END_TEST

START_TEST(utf8_may_contain_nul)
{
    ck_assert(llmq_text_is_utf8("a\0b", 3));
}
END_TEST

TCase *case_text(void)
{
    TCase *tc = test_case("text");

    tcase_add_test(tc, a_new_buffer_is_an_empty_text);
    tcase_add_loop_test(tc, a_growing_buffer_keeps_all_bytes_and_the_nul, 1, 20);
    tcase_add_test(tc, a_buffer_holds_nul_bytes);
    tcase_add_test(tc, reserved_room_can_be_written_with_its_nul);
    tcase_add_test(tc, adding_nothing_changes_nothing);
    tcase_add_test(tc, numbers_are_decimal_to_both_ends);
    tcase_add_test(tc, printf_appends_at_most_a_thousand_bytes);
    tcase_add_loop_test(tc, times_are_rfc_3339_with_whole_seconds, 0, COUNT(times));
    tcase_add_test(tc, times_agree_with_the_c_library_and_are_read_back);
    tcase_add_loop_test(tc, any_offset_and_fraction_is_read, 0, COUNT(readable));
    tcase_add_loop_test(tc, what_is_no_such_time_is_einval, 0, COUNT(unreadable));
    tcase_add_test(tc, a_time_that_breaks_off_is_einval);
    tcase_add_loop_test(tc, durations_are_as_go_prints_them, 0, COUNT(durations));
    tcase_add_loop_test(tc, utf8_is_as_rfc_3629_has_it, 0, COUNT(utf8));
    tcase_add_test(tc, utf8_may_contain_nul);
    return tc;
}
