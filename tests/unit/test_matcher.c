#include "support.h"

#include "core/matcher.h"

#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

static llmq_pattern_t pattern(const char *text, int label)
{
    llmq_pattern_t p = {text, strlen(text), label};

    return p;
}

/* hits[label] of a text; patterns by label 0, 1, … in the order given, NULL ends. */
static const int *count(const llmq_pattern_t *patterns, int n, const char *text,
                        apr_size_t len)
{
    int *hits = apr_pcalloc(test_pool, LLMQ_MATCHER_LABELS * sizeof(int));
    llmq_matcher_t *m = NULL;

    ck_assert_int_eq(llmq_matcher_create(&m, patterns, n, test_pool), APR_SUCCESS);
    llmq_matcher_count(hits, m, text, len, test_pool);
    return hits;
}

/* The example of the paper: he, she, his, hers. */
START_TEST(the_papers_example_finds_what_it_finds_there)
{
    const llmq_pattern_t patterns[] = {pattern("he", 0), pattern("she", 1),
                                       pattern("his", 2), pattern("hers", 3)};
    const int *hits = count(patterns, 4, "ushers", 6);

    ck_assert_int_eq(hits[0], 1);
    ck_assert_int_eq(hits[1], 1);
    ck_assert_int_eq(hits[2], 0);
    ck_assert_int_eq(hits[3], 1);
}
END_TEST

START_TEST(a_pattern_counts_once_however_often_it_stands_there)
{
    const llmq_pattern_t patterns[] = {pattern("aa", 1), pattern("b", 1),
                                       pattern("aa", 1), pattern("aa", 2)};
    const int *hits = count(patterns, 4, "aaaaaaaabaab", 12);

    ck_assert_int_eq(hits[1], 2);
    ck_assert_int_eq(hits[2], 1);
}
END_TEST

START_TEST(what_is_found_is_added)
{
    const llmq_pattern_t patterns[] = {pattern("x", 3)};
    int hits[LLMQ_MATCHER_LABELS] = {0, 0, 0, 5, 0, 0, 0, 0};
    llmq_matcher_t *m = NULL;

    llmq_matcher_create(&m, patterns, 1, test_pool);
    llmq_matcher_count(hits, m, "x", 1, test_pool);
    ck_assert_int_eq(hits[3], 6);
}
END_TEST

START_TEST(nothing_is_found_with_or_in_nothing)
{
    const llmq_pattern_t patterns[] = {pattern("", 0), pattern("a", 1)};

    ck_assert_int_eq(count(NULL, 0, "text", 4)[0], 0);
    ck_assert_int_eq(count(patterns, 1, "text", 4)[0], 0);
    ck_assert_int_eq(count(patterns, 2, "", 0)[1], 0);
    ck_assert_int_eq(count(patterns, 2, "a", 1)[1], 1);
}
END_TEST

START_TEST(any_byte_may_be_in_a_pattern)
{
    llmq_pattern_t patterns[256];
    char bytes[256];
    int i;

    for (i = 0; i < 256; i++) {
        bytes[i] = (char)i;
        patterns[i].text = &bytes[i];
        patterns[i].len = 1;
        patterns[i].label = i % LLMQ_MATCHER_LABELS;
    }
    ck_assert_int_eq(count(patterns, 256, bytes, 256)[7], 32);
    ck_assert_int_eq(count(patterns, 256, bytes, 8)[7], 1);
    ck_assert_int_eq(count(patterns, 256, bytes, 8)[0], 1);
}
END_TEST

START_TEST(labels_out_of_range_and_too_much_text_are_einval)
{
    llmq_matcher_t *untouched = (llmq_matcher_t *)&untouched;
    llmq_matcher_t *m = untouched;
    llmq_pattern_t p = pattern("a", LLMQ_MATCHER_LABELS);

    ck_assert_int_eq(llmq_matcher_create(&m, &p, 1, test_pool), APR_EINVAL);
    p.label = -1;
    ck_assert_int_eq(llmq_matcher_create(&m, &p, 1, test_pool), APR_EINVAL);
    p.label = 0;
    p.len = LLMQ_MATCHER_MAX_BYTES + 1;
    ck_assert_int_eq(llmq_matcher_create(&m, &p, 1, test_pool), APR_EINVAL);
    ck_assert_ptr_eq(m, untouched);
}
END_TEST

/* ---- the model: look for each pattern by itself ---- */

static int holds(const char *text, apr_size_t len, const llmq_pattern_t *p)
{
    return p->len > 0 && memmem(text, len, p->text, p->len) != NULL;
}

static int same_as_before(const llmq_pattern_t *patterns, int i)
{
    int k;

    for (k = 0; k < i; k++) {
        if (patterns[k].len == patterns[i].len && patterns[k].label == patterns[i].label
            && memcmp(patterns[k].text, patterns[i].text, patterns[i].len) == 0)
            return 1;
    }
    return 0;
}

static void count_naively(int *hits, const llmq_pattern_t *patterns, int n,
                          const char *text, apr_size_t len)
{
    int i;

    memset(hits, 0, LLMQ_MATCHER_LABELS * sizeof(int));
    for (i = 0; i < n; i++)
        hits[patterns[i].label] +=
            !same_as_before(patterns, i) && holds(text, len, &patterns[i]);
}

/* Few letters make many overlaps; a part of the text makes patterns that are found. */
static const char *random_text(apr_size_t *plen, apr_size_t max, int letters,
                               const char *from, apr_size_t from_len)
{
    apr_size_t len = (apr_size_t)rand() % (max + 1);
    char *text = apr_palloc(test_pool, len + 1);
    apr_size_t i;

    if (from && rand() % 2 && len <= from_len) {
        memcpy(text, from + (apr_size_t)rand() % (from_len - len + 1), len);
    }
    else {
        for (i = 0; i < len; i++)
            text[i] = (char)('a' + rand() % letters);
    }
    *plen = len;
    return text;
}

START_TEST(random_texts_are_answered_as_by_looking_for_each)
{
    static const int letters[] = {1, 2, 3, 26};
    int round;

    srand(7 + (unsigned)_i);
    for (round = 0; round < 400; round++) {
        llmq_pattern_t patterns[64];
        int model[LLMQ_MATCHER_LABELS];
        int n = rand() % 65;
        apr_size_t len;
        const char *text = random_text(&len, 300, letters[_i], NULL, 0);
        int i;

        for (i = 0; i < n; i++) {
            patterns[i].text = random_text(&patterns[i].len, 1 + (apr_size_t)rand() % 12,
                                           letters[_i], text, len);
            patterns[i].label = rand() % LLMQ_MATCHER_LABELS;
        }
        count_naively(model, patterns, n, text, len);
        ck_assert_mem_eq(count(patterns, n, text, len), model, sizeof(model));
        apr_pool_clear(test_pool);
    }
}
END_TEST

/* Patterns a, aa, aaa … on a text of a: each byte ends all of them. A matcher that walked
 * them each time would need 64 million steps here; the time-out of the case would not tell,
 * but the count must be right and every pattern noted once. */
START_TEST(a_text_that_ends_all_patterns_at_each_byte_is_counted_right)
{
    enum { N = 1000, LEN = 65536 };
    llmq_pattern_t *patterns = apr_palloc(test_pool, N * sizeof(*patterns));
    char *text = apr_palloc(test_pool, LEN);
    int i;

    memset(text, 'a', LEN);
    for (i = 0; i < N; i++) {
        patterns[i].text = text;
        patterns[i].len = (apr_size_t)i + 1;
        patterns[i].label = 1;
    }
    ck_assert_int_eq(count(patterns, N, text, LEN)[1], N);
    ck_assert_int_eq(count(patterns, N, text, 10)[1], 10);
}
END_TEST

TCase *case_matcher(void)
{
    TCase *tc = test_case("matcher");

    tcase_add_test(tc, the_papers_example_finds_what_it_finds_there);
    tcase_add_test(tc, a_pattern_counts_once_however_often_it_stands_there);
    tcase_add_test(tc, what_is_found_is_added);
    tcase_add_test(tc, nothing_is_found_with_or_in_nothing);
    tcase_add_test(tc, any_byte_may_be_in_a_pattern);
    tcase_add_test(tc, labels_out_of_range_and_too_much_text_are_einval);
    tcase_add_loop_test(tc, random_texts_are_answered_as_by_looking_for_each, 0, 4);
    tcase_add_test(tc, a_text_that_ends_all_patterns_at_each_byte_is_counted_right);
    return tc;
}
