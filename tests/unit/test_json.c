#include "support.h"

#include "base/json.h"
#include "llmq.h"

#include <apr_strings.h>

#include <json-c/json.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))
#define DEPTH    8

/* Parse from memory of exactly its size, so that a sanitizer sees a step too far. */
static apr_status_t parse(struct json_object **pobj, const char *text, apr_size_t len,
                          int depth, llmq_result_t *why)
{
    char *exact = malloc(len ? len : 1);
    apr_status_t rv;

    memcpy(exact, text, len);
    rv = llmq_json_parse(pobj, exact, len, depth, why, test_pool);
    free(exact);
    return rv;
}

static const struct {
    const char *text;
    const char *formatted; /* NULL: as the text */
} good[] = {
    {"{}", NULL},
    {"[]", NULL},
    {" \t\r\n{ } \n", "{}"},
    {"null", NULL},
    {"true", NULL},
    {"false", NULL},
    {"\"\"", NULL},
    {"0", NULL},
    {"-1", NULL},
    {"42", NULL},
    {" 42 ", "42"},
    {"[1,\"a\",null,true,false,{},[]]", NULL},
    {"{\"a\" : [ 1 , 2 ] , \"b\":{\"c\":\"d\"}}", "{\"a\":[1,2],\"b\":{\"c\":\"d\"}}"},
    {"{\"\":1}", NULL},
    {"{\"a\":1,\"a\":2}", "{\"a\":2}"},
    {"\"/\"", NULL},
    {"\"\\/\"", "\"/\""},
    {"\"\\\"\\\\\\b\\f\\n\\r\\t\"", NULL},
    {"\"\\u0041\\u00e9\\u00E9\"", "\"A\xC3\xA9\xC3\xA9\""},
    {"\"\\u0001\"", NULL},
    {"\"\\uD83D\\uDE00\"", "\"\xF0\x9F\x98\x80\""},
    {"\"\\uD7FF\\uE000\"", "\"\xED\x9F\xBF\xEE\x80\x80\""},
    {"\"\x7F\"", NULL},
    {"\"\xE6\xB6\x88 \xF0\x9F\x98\x80\"", NULL},
    {"[[[[[[[[]]]]]]]]", NULL},
    {"[{\"a\":[{\"a\":[{\"a\":[{}]}]}]}]", NULL},
    {"[[],[[],[[]]],{}]", NULL},
    {"\"NaN /* no comment */ 'x' // \"", NULL},
};

START_TEST(json_is_accepted)
{
    const char *expected = good[_i].formatted ? good[_i].formatted : good[_i].text;
    llmq_result_t why = {0};
    struct json_object *obj = NULL;

    ck_assert_msg(parse(&obj, good[_i].text, strlen(good[_i].text), DEPTH, &why)
                      == APR_SUCCESS,
                  "%s: %s", good[_i].text, why.reason);
    ck_assert_str_eq(llmq_json_format(obj), expected);
}
END_TEST

#define TEXT(s)                                                                          \
    {                                                                                    \
        s, sizeof(s) - 1                                                                 \
    }

static const struct {
    const char *text;
    apr_size_t len;
} bad[] = {
    TEXT(""),
    TEXT(" \n"),
    TEXT("\xEF\xBB\xBF{}"),
    TEXT("{}\0"),
    TEXT("\0{}"),
    TEXT("[1\0]"),
    TEXT("\"a\0b\""),
    TEXT("NaN"),
    TEXT("nan"),
    TEXT("[NaN]"),
    TEXT("Infinity"),
    TEXT("-Infinity"),
    TEXT("[-Infinity]"),
    TEXT("TRUE"),
    TEXT("True"),
    TEXT("tru"),
    TEXT("truex"),
    TEXT("[nul]"),
    TEXT("NULL"),
    TEXT("fals"),
    TEXT("undefined"),
    TEXT("{\"a\":1}/* c */"),
    TEXT("/* c */{}"),
    TEXT("{/**/}"),
    TEXT("// c\n{}"),
    TEXT("[1 // c\n]"),
    TEXT("'a'"),
    TEXT("{'a':1}"),
    TEXT("{a:1}"),
    TEXT("{1:1}"),
    TEXT("{null:1}"),
    TEXT("01"),
    TEXT("-01"),
    TEXT("00"),
    TEXT("1."),
    TEXT("1.e5"),
    TEXT(".5"),
    TEXT("+1"),
    TEXT("-"),
    TEXT("--1"),
    TEXT("- 1"),
    TEXT("1e"),
    TEXT("1e+"),
    TEXT("1e5.5"),
    TEXT("1.2.3"),
    TEXT("0x10"),
    TEXT("1,000"),
    TEXT("1 2"),
    TEXT("1_000"),
    TEXT("[1,]"),
    TEXT("[,1]"),
    TEXT("[,]"),
    TEXT("[1 2]"),
    TEXT("[1;2]"),
    TEXT("{\"a\":1,}"),
    TEXT("{,}"),
    TEXT("{\"a\"}"),
    TEXT("{\"a\":}"),
    TEXT("{\"a\" 1}"),
    TEXT("{\"a\":1 \"b\":2}"),
    TEXT("{\"a\":1:2}"),
    TEXT("{\"a\",1}"),
    TEXT("{}{}"),
    TEXT("{} x"),
    TEXT("{}]"),
    TEXT("[]]"),
    TEXT("[}"),
    TEXT("{]"),
    TEXT("[{\"a\":1]}"),
    TEXT("{\"a\":[1}]"),
    TEXT("["),
    TEXT("{"),
    TEXT("[1"),
    TEXT("[1,"),
    TEXT("{\"a"),
    TEXT("{\"a\""),
    TEXT("{\"a\":"),
    TEXT("{\"a\":1"),
    TEXT("{\"a\":1,"),
    TEXT("]"),
    TEXT("}"),
    TEXT(","),
    TEXT(":"),
    TEXT("\""),
    TEXT("\"abc"),
    TEXT("\"a\nb\""),
    TEXT("\"a\tb\""),
    TEXT("\"a\x01\""),
    TEXT("\"a\x1F\""),
    TEXT("{\"a\nb\":1}"),
    TEXT("\"\\"),
    TEXT("\"\\\""),
    TEXT("\"\\x41\""),
    TEXT("\"\\'\""),
    TEXT("\"\\\0\""),
    TEXT("\"\\U0041\""),
    TEXT("\"\\u\""),
    TEXT("\"\\u004\""),
    TEXT("\"\\u004g\""),
    TEXT("\"\\u00 1\""),
    TEXT("\"\\u+041\""),
    TEXT("\"\\u0000\""),
    TEXT("{\"\\u0000\":1}"),
    TEXT("{\"a\":\"b\\u0000\"}"),
    TEXT("\"\\uD83D\""),
    TEXT("\"\\uD83Dx\""),
    TEXT("\"\\uD83D\\n\""),
    TEXT("\"\\uD83D\\u0041\""),
    TEXT("\"\\uD83D\\uD83D\""),
    TEXT("\"\\uDE00\""),
    TEXT("\"\\uDE00\\uD83D\""),
    TEXT("\"\\uD83D\\u"),
    TEXT("\"\xC0\x80\""),
    TEXT("\"\xED\xA0\xBD\xED\xB8\x80\""),
    TEXT("\"\xF5\x80\x80\x80\""),
    TEXT("\"\xE6\xB6\""),
    TEXT("\"\xFF\""),
    TEXT("{\"\xFF\":1}"),
    TEXT("\xA0{}"),
    TEXT("\xC2\xA0{}"),
    TEXT("\x0B{}"),
    TEXT("\x0C{}"),
    TEXT("[[[[[[[[[]]]]]]]]]"),
    TEXT("[[[[[[[[{}]]]]]]]]"),
    TEXT("[[[[[[[["),
};

START_TEST(anything_else_is_refused_with_a_sentence)
{
    llmq_result_t why = {0};
    struct json_object *untouched = (struct json_object *)&why;
    struct json_object *obj = untouched;

    ck_assert_msg(parse(&obj, bad[_i].text, bad[_i].len, DEPTH, &why) == LLMQ_EBODY, "%s",
                  bad[_i].text);
    ck_assert_ptr_eq(obj, untouched);
    ck_assert_int_eq(why.problem, LLMQ_PROBLEM_JSON);
    ck_assert_ptr_null(why.field);
    ck_assert_uint_gt(strlen(why.reason), 20);
    ck_assert_int_eq(parse(&obj, bad[_i].text, bad[_i].len, DEPTH, NULL), LLMQ_EBODY);
}
END_TEST

START_TEST(a_refusal_names_the_byte)
{
    llmq_result_t why;
    struct json_object *obj;

    ck_assert_int_eq(parse(&obj, "{\"a\":NaN}", 9, DEPTH, &why), LLMQ_EBODY);
    ck_assert_ptr_nonnull(strstr(why.reason, "byte 5"));
    ck_assert_int_eq(parse(&obj, "[\"\xC3\xA9\xE6\xB6\"]", 8, DEPTH, &why), LLMQ_EBODY);
    ck_assert_ptr_nonnull(strstr(why.reason, "UTF-8 (at byte 4)"));
}
END_TEST

static const struct {
    const char *text;
    apr_int64_t n; /* -7: no whole number */
} wholes[] = {
    {"3", 3},      {"3.0", 3},    {"3e0", 3},     {"-2.0", -2},
    {"0.0", 0},    {"-0.0", 0},   {"1e3", 1000},  {"9007199254740992.0", 1LL << 53},
    {"1e16", -7},  {"1e308", -7}, {"3.5", -7},    {"-0.5", -7},
    {"\"3\"", -7}, {"true", -7},  {"[3]", -7},    {"{}", -7},
    {"null", -7},  {"1e999", -7}, {"1e-320", -7},
};

START_TEST(a_whole_number_may_have_a_point)
{
    struct json_object *obj = NULL;
    const char *text = wholes[_i].text;

    ck_assert_int_eq(parse(&obj, text, strlen(text), DEPTH, NULL), APR_SUCCESS);
    ck_assert_msg(llmq_json_whole(obj, -7) == wholes[_i].n, "%s", text);
}
END_TEST

/* Every beginning of a good text ends too early; none is read beyond its end. */
START_TEST(a_text_that_breaks_off_is_refused)
{
    const char *text =
        "{\"a\":[1.5e-3,\"\\uD83D\\uDE00\\n\xE6\xB6\x88\",true,null],\"b\":{}}";
    struct json_object *obj;
    apr_size_t n;

    for (n = 0; n < strlen(text); n++)
        ck_assert_int_eq(parse(&obj, text, n, DEPTH, NULL), LLMQ_EBODY);
    ck_assert_int_eq(parse(&obj, text, n, DEPTH, NULL), APR_SUCCESS);
}
END_TEST

/* n open arrays or objects, and the same closed. */
static const char *nested(const char *open, const char *close, int n)
{
    llmq_text_t t;
    int i;

    llmq_text_init(&t, 64, test_pool);
    for (i = 0; i < n; i++)
        llmq_text_puts(&t, open);
    llmq_text_puts(&t, "1");
    for (i = 0; i < n; i++)
        llmq_text_puts(&t, close);
    return t.data;
}

START_TEST(the_depth_limit_is_exact)
{
    static const int depths[] = {1, 2, 7, 8, 9, 63, 64, 65, 511, 512, 513, 1000};
    static const char *const forms[][2] = {{"[", "]"}, {"{\"a\":", "}"}};
    int depth = depths[_i / 2];
    const char *const *form = forms[_i % 2];
    const char *fits = nested(form[0], form[1], depth);
    const char *deeper = nested(form[0], form[1], depth + 1);
    struct json_object *obj;

    ck_assert_int_eq(parse(&obj, fits, strlen(fits), depth, NULL), APR_SUCCESS);
    ck_assert_str_eq(llmq_json_format(obj), fits);
    ck_assert_int_eq(parse(&obj, deeper, strlen(deeper), depth, NULL), LLMQ_EBODY);
}
END_TEST

START_TEST(a_bomb_of_brackets_is_refused)
{
    apr_size_t len = 5000000;
    char *text = apr_palloc(test_pool, len);
    struct json_object *obj;

    memset(text, '[', len);
    ck_assert_int_eq(llmq_json_parse(&obj, text, len, 64, NULL, test_pool), LLMQ_EBODY);
}
END_TEST

START_TEST(siblings_do_not_count_as_depth)
{
    llmq_text_t t;
    struct json_object *obj;
    int i;

    llmq_text_init(&t, 64, test_pool);
    llmq_text_puts(&t, "[[]");
    for (i = 0; i < 1000; i++)
        llmq_text_puts(&t, ",{\"a\":1},[]");
    llmq_text_puts(&t, "]");
    ck_assert_int_eq(parse(&obj, t.data, t.len, 2, NULL), APR_SUCCESS);
}
END_TEST

static const char *const numbers[] = {
    "0",
    "-0",
    "-1",
    "1.50",
    "-0.0",
    "0.10",
    "1E5",
    "1e0",
    "1e-7",
    "1.0e+10",
    "0.1e1",
    "0e0",
    "123456789012345678",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "-10000000000000000000",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999",
    "123456789012345678901234",
    "-123456789012345678901234567890",
    "100000000000000000000000000000000000000000000000000",
    "12345678901234567890.5",
    "12345678901234567890e5",
    "3.14159265358979323846264338327950288",
    "1e400",
    "1e0,123456789012345678901234,\"123456789012345678901234e0\",1e0",
};

START_TEST(numbers_survive_the_round_trip)
{
    const char *text =
        apr_psprintf(test_pool, "{\"n\":[%s,%s]}", numbers[_i], numbers[_i]);
    struct json_object *obj;

    ck_assert_int_eq(parse(&obj, text, strlen(text), DEPTH, NULL), APR_SUCCESS);
    ck_assert_str_eq(llmq_json_format(obj), text);
    if (strchr(numbers[_i], ','))
        return;
    ck_assert_int_eq(parse(&obj, numbers[_i], strlen(numbers[_i]), DEPTH, NULL),
                     APR_SUCCESS);
    ck_assert_str_eq(llmq_json_format(obj), numbers[_i]);
}
END_TEST

START_TEST(integers_of_64_bits_stay_integers)
{
    static const char text[] = "[9223372036854775807,-9223372036854775808,"
                               "18446744073709551615,18446744073709551616]";
    struct json_object *obj;

    ck_assert_int_eq(parse(&obj, text, sizeof(text) - 1, DEPTH, NULL), APR_SUCCESS);
    ck_assert(json_object_is_type(json_object_array_get_idx(obj, 0), json_type_int));
    ck_assert_int_eq(json_object_get_int64(json_object_array_get_idx(obj, 0)), INT64_MAX);
    ck_assert_int_eq(json_object_get_int64(json_object_array_get_idx(obj, 1)), INT64_MIN);
    ck_assert_uint_eq(json_object_get_uint64(json_object_array_get_idx(obj, 2)),
                      UINT64_MAX);
    ck_assert(json_object_is_type(json_object_array_get_idx(obj, 3), json_type_double));
}
END_TEST

START_TEST(json_null_is_a_null_pointer)
{
    struct json_object *obj = (struct json_object *)test_pool;

    ck_assert_int_eq(parse(&obj, "null", 4, DEPTH, NULL), APR_SUCCESS);
    ck_assert_ptr_null(obj);
    ck_assert_str_eq(llmq_json_format(NULL), "null");
}
END_TEST

/* What the object's own destructor saw. */
static void note_deleted(struct json_object *obj, void *data)
{
    (void)obj;
    *(int *)data = 1;
}

START_TEST(a_value_is_freed_with_its_pool)
{
    apr_pool_t *p;
    struct json_object *obj;
    int deleted = 0;

    apr_pool_create(&p, test_pool);
    ck_assert_int_eq(llmq_json_parse(&obj, "{\"a\":[1]}", 9, DEPTH, NULL, p),
                     APR_SUCCESS);
    json_object_set_userdata(obj, &deleted, note_deleted);
    ck_assert_int_eq(deleted, 0);
    apr_pool_destroy(p);
    ck_assert_int_eq(deleted, 1);
}
END_TEST

START_TEST(every_byte_string_is_written_as_json_that_reads_back)
{
    char s[2] = {0, 'x'};
    struct json_object *obj;
    llmq_text_t t;
    int c;

    for (c = 1; c < 0x80; c++) {
        s[0] = (char)c;
        llmq_text_init(&t, 1, test_pool);
        llmq_json_string(&t, s, 2);
        ck_assert_int_eq(parse(&obj, t.data, t.len, 1, NULL), APR_SUCCESS);
        ck_assert_int_eq(json_object_get_string_len(obj), 2);
        ck_assert_mem_eq(json_object_get_string(obj), s, 2);
    }
}
END_TEST

START_TEST(strings_are_escaped_and_nothing_more)
{
    static const char s[] = "a\"b\\c/d\b\f\n\r\t\x01\x1F\0\x7F\xE6\xB6\x88<&";
    llmq_text_t t;

    llmq_text_init(&t, 1, test_pool);
    llmq_json_string(&t, s, sizeof(s) - 1);
    ck_assert_str_eq(t.data, "\"a\\\"b\\\\c/d\\b\\f\\n\\r\\t\\u0001\\u001f\\u0000\x7F"
                             "\xE6\xB6\x88<&\"");
    llmq_text_init(&t, 1, test_pool);
    llmq_json_string(&t, NULL, 0);
    llmq_json_strz(&t, "x");
    llmq_json_strz(&t, NULL);
    ck_assert_str_eq(t.data, "\"\"\"x\"null");
}
END_TEST

START_TEST(members_get_their_commas)
{
    llmq_text_t t;

    llmq_text_init(&t, 1, test_pool);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv(&t, "s", "v\"");
    llmq_json_kv(&t, "n", NULL);
    llmq_json_kv_int(&t, "i", -5);
    llmq_json_kv_raw(&t, "r", "[1]");
    llmq_json_kv_raw(&t, "rn", NULL);
    llmq_json_kv_time(&t, "t", 1735727400000000);
    llmq_json_kv_time(&t, "t0", 0);
    llmq_json_kv_duration(&t, "d", 30000000);
    llmq_json_key(&t, "o");
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv_double(&t, "x", 0.65);
    LLMQ_TEXT_LIT(&t, "}}");
    ck_assert_str_eq(t.data, "{\"s\":\"v\\\"\",\"n\":null,\"i\":-5,\"r\":[1],\"rn\":null,"
                             "\"t\":\"2025-01-01T10:30:00Z\",\"t0\":null,\"d\":\"30s\","
                             "\"o\":{\"x\":0.65}}");
}
END_TEST

static const struct {
    double x;
    const char *text;
} doubles[] = {
    {0, "0"},
    {-0.0, "0"},
    {1, "1"},
    {-1, "-1"},
    {10.0, "10"},
    {0.65, "0.65"},
    {0.1, "0.1"},
    {0.012, "0.012"},
    {20.8, "20.8"},
    {99.9999, "99.9999"},
    {99.99996, "100"},
    {0.00004, "0"},
    {-0.00004, "0"},
    {0.00005, "0.0001"},
    {-2.5, "-2.5"},
    {0.0001, "0.0001"},
    {1.0101, "1.0101"},
    {123456789.25, "123456789.25"},
    {99999999999999.0, "99999999999999"},
    {1e14, "100000000000000"},
    {-1e14, "-100000000000000"},
    {1e21, "1000000000000000000000"},
    {NAN, "null"},
    {INFINITY, "null"},
    {-INFINITY, "null"},
};

START_TEST(doubles_have_at_most_four_decimals_in_any_locale)
{
    llmq_text_t t;

    /* One with a decimal comma, where the system has it. */
    setlocale(LC_ALL, "de_DE.UTF-8");
    llmq_text_init(&t, 1, test_pool);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv_double(&t, "x", doubles[_i].x);
    ck_assert_str_eq(t.data, apr_psprintf(test_pool, "{\"x\":%s", doubles[_i].text));
}
END_TEST

START_TEST(the_largest_double_is_written_whole)
{
    llmq_text_t t;
    struct json_object *obj;

    llmq_text_init(&t, 1, test_pool);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv_double(&t, "x", -1.7976931348623157e308);
    LLMQ_TEXT_LIT(&t, "}");
    ck_assert_uint_eq(t.len, strlen("{\"x\":-}") + 309);
    ck_assert_int_eq(parse(&obj, t.data, t.len, 1, NULL), APR_SUCCESS);
}
END_TEST

START_TEST(a_member_is_found_and_null_counts_as_absent)
{
    static const char text[] = "{\"a\":1,\"b\":null}";
    struct json_object *obj;

    ck_assert_int_eq(parse(&obj, text, strlen(text), 1, NULL), APR_SUCCESS);
    ck_assert_int_eq(json_object_get_int(llmq_json_member(obj, "a")), 1);
    ck_assert_ptr_null(llmq_json_member(obj, "b"));
    ck_assert_ptr_null(llmq_json_member(obj, "c"));
    ck_assert_ptr_null(llmq_json_member(llmq_json_member(obj, "a"), "b"));
    ck_assert_ptr_null(llmq_json_member(NULL, "a"));
}
END_TEST

START_TEST(a_list_of_strings_has_commas_between_them)
{
    static const char *const strings[] = {"one", "\"", NULL};
    llmq_text_t t;

    llmq_text_init(&t, 1, test_pool);
    llmq_json_strings(&t, strings, 0);
    llmq_json_strings(&t, strings, 1);
    llmq_json_strings(&t, strings, 3);
    ck_assert_str_eq(t.data, "[][\"one\"][\"one\",\"\\\"\",null]");
}
END_TEST

TCase *case_json(void)
{
    TCase *tc = test_case("json");

    tcase_add_loop_test(tc, json_is_accepted, 0, COUNT(good));
    tcase_add_loop_test(tc, anything_else_is_refused_with_a_sentence, 0, COUNT(bad));
    tcase_add_test(tc, a_refusal_names_the_byte);
    tcase_add_loop_test(tc, a_whole_number_may_have_a_point, 0, COUNT(wholes));
    tcase_add_test(tc, a_text_that_breaks_off_is_refused);
    tcase_add_loop_test(tc, the_depth_limit_is_exact, 0, 24);
    tcase_add_test(tc, a_bomb_of_brackets_is_refused);
    tcase_add_test(tc, siblings_do_not_count_as_depth);
    tcase_add_loop_test(tc, numbers_survive_the_round_trip, 0, COUNT(numbers));
    tcase_add_test(tc, integers_of_64_bits_stay_integers);
    tcase_add_test(tc, json_null_is_a_null_pointer);
    tcase_add_test(tc, a_value_is_freed_with_its_pool);
    tcase_add_test(tc, every_byte_string_is_written_as_json_that_reads_back);
    tcase_add_test(tc, strings_are_escaped_and_nothing_more);
    tcase_add_test(tc, members_get_their_commas);
    tcase_add_loop_test(tc, doubles_have_at_most_four_decimals_in_any_locale, 0,
                        COUNT(doubles));
    tcase_add_test(tc, the_largest_double_is_written_whole);
    tcase_add_test(tc, a_member_is_found_and_null_counts_as_absent);
    tcase_add_test(tc, a_list_of_strings_has_commas_between_them);
    return tc;
}
