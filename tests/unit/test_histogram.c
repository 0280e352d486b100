#include "base/histogram.h"

#include "support.h"

#include <stdlib.h>
#include <string.h>

#define MSEC   APR_TIME_C(1000)
#define LAST   (LLMQ_HISTOGRAM_BUCKETS - 1)
#define VALUES 5000

/* A sequence that is the same each time and covers microseconds to days. */
static apr_interval_time_t value(apr_uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (apr_interval_time_t)((*seed >> 20) % (APR_UINT64_C(1) << (*seed >> 59) % 38));
}

static llmq_histogram_t random_histogram(apr_uint64_t seed, int n)
{
    llmq_histogram_t h;

    memset(&h, 0, sizeof(h));
    while (n--)
        llmq_histogram_add(&h, value(&seed));
    return h;
}

START_TEST(buckets_follow_one_another_without_gap)
{
    int i;

    ck_assert_int_eq(llmq_histogram_index(-5), 0);
    ck_assert_int_eq(llmq_histogram_index(0), 0);
    for (i = 0; i < LAST; i++) {
        apr_interval_time_t upper = llmq_histogram_upper(i);

        ck_assert_int_eq(llmq_histogram_index(upper), i);
        ck_assert_int_eq(llmq_histogram_index(upper + 1), i + 1);
    }
    ck_assert_int_eq(llmq_histogram_upper(LAST - 1), MSEC << LLMQ_HISTOGRAM_LAST);
    ck_assert_int_eq(llmq_histogram_index(APR_INT64_MAX), LAST);
}
END_TEST

START_TEST(a_bucket_is_an_eighth_of_its_lower_border_at_most)
{
    int i;

    for (i = 1; i < LAST; i++) {
        apr_interval_time_t lower = llmq_histogram_upper(i - 1);

        ck_assert_int_le((llmq_histogram_upper(i) - lower) * 8, lower);
    }
}
END_TEST

START_TEST(octaves_end_where_powers_of_two_milliseconds_do)
{
    int i;

    for (i = 0; i < LLMQ_HISTOGRAM_OCTAVES - 1; i++) {
        apr_interval_time_t upper = llmq_histogram_octave_upper(i);

        ck_assert_int_eq(upper, MSEC << i);
        ck_assert_int_eq(llmq_histogram_octave(llmq_histogram_index(upper)), i);
        ck_assert_int_eq(llmq_histogram_octave(llmq_histogram_index(upper + 1)), i + 1);
    }
}
END_TEST

START_TEST(octaves_count_and_sum)
{
    llmq_octaves_t o;

    memset(&o, 0, sizeof(o));
    llmq_histogram_add_octave(&o, -1);
    llmq_histogram_add_octave(&o, MSEC);
    llmq_histogram_add_octave(&o, MSEC + 1);
    llmq_histogram_add_octave(&o, apr_time_from_sec(3600 * 100));
    ck_assert_uint_eq(o.count, 4);
    ck_assert_int_eq(o.sum, 2 * MSEC + 1 + apr_time_from_sec(3600 * 100));
    ck_assert_uint_eq(o.octave[0], 2);
    ck_assert_uint_eq(o.octave[1], 1);
    ck_assert_uint_eq(o.octave[LLMQ_HISTOGRAM_OCTAVES - 1], 1);
}
END_TEST

START_TEST(number_sum_least_and_largest_are_exact)
{
    llmq_histogram_t h;
    apr_uint64_t seed = 7;
    apr_interval_time_t sum = 0, min = APR_INT64_MAX, max = 0;
    int i;

    memset(&h, 0, sizeof(h));
    for (i = 0; i < VALUES; i++) {
        apr_interval_time_t d = value(&seed);

        llmq_histogram_add(&h, d);
        sum += d;
        min = d < min ? d : min;
        max = d > max ? d : max;
    }
    ck_assert_uint_eq(h.count, VALUES);
    ck_assert_int_eq(h.sum, sum);
    ck_assert_int_eq(h.min, min);
    ck_assert_int_eq(h.max, max);
    ck_assert_int_eq(llmq_histogram_mean(&h), sum / VALUES);
}
END_TEST

START_TEST(an_empty_one_answers_nothing)
{
    llmq_histogram_t h;

    memset(&h, 0, sizeof(h));
    ck_assert_int_eq(llmq_histogram_mean(&h), 0);
    ck_assert_int_eq(llmq_histogram_quantile(&h, 0.5), 0);
    llmq_histogram_add(&h, -100);
    ck_assert_int_eq(h.min, 0);
    ck_assert_int_eq(h.sum, 0);
    ck_assert_uint_eq(h.bucket[0], 1);
}
END_TEST

static int by_size(const void *a, const void *b)
{
    apr_interval_time_t x = *(const apr_interval_time_t *)a;
    apr_interval_time_t y = *(const apr_interval_time_t *)b;

    return x < y ? -1 : x > y;
}

/* Against the sorted truth, for several shapes of data. */
START_TEST(quantiles_are_within_a_sixteenth)
{
    static const double parts[] = {0, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1};
    static apr_interval_time_t all[VALUES];
    llmq_histogram_t h;
    apr_uint64_t seed = 1 + (apr_uint64_t)_i;
    int i;

    memset(&h, 0, sizeof(h));
    for (i = 0; i < VALUES; i++) {
        all[i] = value(&seed) >> (_i * 5);
        llmq_histogram_add(&h, all[i]);
    }
    qsort(all, VALUES, sizeof(all[0]), by_size);
    for (i = 0; i < (int)(sizeof(parts) / sizeof(parts[0])); i++) {
        int rank = (int)(parts[i] * VALUES + 0.999999);
        apr_interval_time_t truth = all[rank > 0 ? rank - 1 : 0];
        apr_interval_time_t got = llmq_histogram_quantile(&h, parts[i]);
        apr_interval_time_t off = got > truth ? got - truth : truth - got;

        ck_assert_int_le(off, truth / 16 > MSEC / 2 ? truth / 16 : MSEC / 2);
    }
    ck_assert_int_eq(llmq_histogram_quantile(&h, 0), all[0]);
    ck_assert_int_eq(llmq_histogram_quantile(&h, 1), all[VALUES - 1]);
}
END_TEST

START_TEST(merging_is_associative_and_exact)
{
    llmq_histogram_t a = random_histogram(1, 1000), b = random_histogram(2, 10);
    llmq_histogram_t c = random_histogram(3, 300), left = a, right = b, none;

    llmq_histogram_merge(&left, &b);
    llmq_histogram_merge(&left, &c);
    llmq_histogram_merge(&right, &c);
    llmq_histogram_merge(&right, &a);
    ck_assert_mem_eq(&left, &right, sizeof(left));
    ck_assert_uint_eq(left.count, 1310);
    ck_assert_int_eq(left.sum, a.sum + b.sum + c.sum);
    memset(&none, 0, sizeof(none));
    llmq_histogram_merge(&left, &none);
    ck_assert_mem_eq(&left, &right, sizeof(left));
    llmq_histogram_merge(&none, &left);
    ck_assert_mem_eq(&none, &left, sizeof(left));
}
END_TEST

START_TEST(a_full_counter_stays_full)
{
    llmq_histogram_t a, b;

    memset(&a, 0, sizeof(a));
    a.count = 0xfffffffeu;
    a.bucket[0] = 0xfffffffeu;
    b = a;
    llmq_histogram_merge(&a, &b);
    ck_assert_uint_eq(a.bucket[0], 0xffffffffu);
    ck_assert_uint_eq(a.count, APR_UINT64_C(0x1fffffffc));
    llmq_histogram_add(&a, 1);
    ck_assert_uint_eq(a.bucket[0], 0xffffffffu);
    ck_assert_uint_eq(a.count, APR_UINT64_C(0x1fffffffd));
}
END_TEST

START_TEST(text_and_back)
{
    llmq_histogram_t h = random_histogram(9, _i), back;
    llmq_text_t t;

    llmq_text_init(&t, 16, test_pool);
    llmq_histogram_format(&t, &h);
    ck_assert_int_eq(llmq_histogram_parse(&back, t.data), APR_SUCCESS);
    ck_assert_mem_eq(&h, &back, sizeof(h));
}
END_TEST

START_TEST(other_text_is_refused)
{
    static const char *const texts[] = {"",
                                        "1",
                                        "1 2 3",
                                        "a 0 0 0",
                                        "1 1 1 1 2",
                                        "1 1 1 1x",
                                        "1 1 1 1 2:",
                                        "1 1 1 1 218:1",
                                        "1 1 1 1 -1:1",
                                        "1 1 1 1 1:-1",
                                        "-1 0 0 0",
                                        "1 1 1 1 :1",
                                        "1 1 1 1 2:3,4:5",
                                        "1 1 1 1 2:x",
                                        "1 1 1 1 2:4294967296",
                                        "1  1 1 1 1"};
    llmq_histogram_t h, before;

    memset(&h, 7, sizeof(h));
    before = h;
    ck_assert_int_eq(llmq_histogram_parse(&h, texts[_i]), APR_EINVAL);
    ck_assert_mem_eq(&h, &before, sizeof(h));
}
END_TEST

TCase *case_histogram(void)
{
    TCase *tc = test_case("histogram");

    tcase_add_test(tc, buckets_follow_one_another_without_gap);
    tcase_add_test(tc, a_bucket_is_an_eighth_of_its_lower_border_at_most);
    tcase_add_test(tc, octaves_end_where_powers_of_two_milliseconds_do);
    tcase_add_test(tc, octaves_count_and_sum);
    tcase_add_test(tc, number_sum_least_and_largest_are_exact);
    tcase_add_test(tc, an_empty_one_answers_nothing);
    tcase_add_loop_test(tc, quantiles_are_within_a_sixteenth, 0, 6);
    tcase_add_test(tc, merging_is_associative_and_exact);
    tcase_add_test(tc, a_full_counter_stays_full);
    tcase_add_loop_test(tc, text_and_back, 0, 40);
    tcase_add_loop_test(tc, other_text_is_refused, 0, 16);
    return tc;
}
