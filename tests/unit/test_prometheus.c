#include "base/prometheus.h"

#include "support.h"

#include <string.h>

static llmq_text_t text;
static llmq_prometheus_t w;

static void begin(int openmetrics)
{
    llmq_text_init(&text, 64, test_pool);
    llmq_prometheus_init(&w, &text, openmetrics);
}

START_TEST(a_counter_ends_with_total)
{
    llmq_prometheus_label_t labels[] = {
        {"level", "high"}, {"how", "failed"}, {NULL, NULL}};

    begin(0);
    llmq_prometheus_family(&w, LLMQ_PROMETHEUS_COUNTER, "llmq_ends", "What has ended.");
    llmq_prometheus_count(&w, labels, APR_UINT64_C(18446744073709551615));
    llmq_prometheus_count(&w, NULL, 0);
    llmq_prometheus_end(&w);
    ck_assert_str_eq(text.data, "# HELP llmq_ends_total What has ended.\n"
                                "# TYPE llmq_ends_total counter\n"
                                "llmq_ends_total{level=\"high\",how=\"failed\"} "
                                "18446744073709551615\n"
                                "llmq_ends_total 0\n");
}
END_TEST

START_TEST(openmetrics_names_the_family_without_it_and_has_an_end)
{
    begin(1);
    llmq_prometheus_family(&w, LLMQ_PROMETHEUS_COUNTER, "llmq_ends", "What has ended.");
    llmq_prometheus_count(&w, NULL, 7);
    llmq_prometheus_end(&w);
    ck_assert_str_eq(text.data, "# HELP llmq_ends What has ended.\n"
                                "# TYPE llmq_ends counter\n"
                                "llmq_ends_total 7\n# EOF\n");
}
END_TEST

START_TEST(values_are_numbers_or_seconds)
{
    begin(0);
    llmq_prometheus_family(&w, LLMQ_PROMETHEUS_GAUGE, "llmq_x", "X.");
    text.len = 0;
    llmq_prometheus_number(&w, NULL, 0.25);
    llmq_prometheus_seconds(&w, NULL, 1500000);
    llmq_prometheus_seconds(&w, NULL, 1);
    llmq_prometheus_seconds(&w, NULL, 0);
    llmq_prometheus_seconds(&w, NULL, -2000000);
    llmq_prometheus_seconds(&w, NULL, APR_INT64_C(9223372036854775807));
    ck_assert_str_eq(text.data, "llmq_x 0.250000\nllmq_x 1.5\nllmq_x 0.000001\n"
                                "llmq_x 0.0\nllmq_x -2.0\n"
                                "llmq_x 9223372036854.775807\n");
}
END_TEST

START_TEST(label_values_are_escaped)
{
    llmq_prometheus_label_t labels[] = {{"backend", "a\"b\\c\nd{}é"}, {NULL, NULL}};

    begin(0);
    llmq_prometheus_family(&w, LLMQ_PROMETHEUS_GAUGE, "llmq_x", "X.");
    text.len = 0;
    llmq_prometheus_count(&w, labels, 1);
    ck_assert_str_eq(text.data, "llmq_x{backend=\"a\\\"b\\\\c\\nd{}é\"} 1\n");
}
END_TEST

START_TEST(buckets_are_cumulative)
{
    llmq_prometheus_label_t labels[] = {{"level", "low"}, {NULL, NULL}};
    llmq_octaves_t o;

    memset(&o, 0, sizeof(o));
    llmq_histogram_add_octave(&o, 1000);
    llmq_histogram_add_octave(&o, 1001);
    llmq_histogram_add_octave(&o, 3000000);
    llmq_histogram_add_octave(&o, APR_INT64_C(1000000000000));
    begin(0);
    llmq_prometheus_family(&w, LLMQ_PROMETHEUS_HISTOGRAM, "llmq_wait_seconds", "Waits.");
    llmq_prometheus_octaves(&w, labels, &o);
    ck_assert_ptr_nonnull(strstr(text.data, "# TYPE llmq_wait_seconds histogram\n"));
    ck_assert_ptr_nonnull(
        strstr(text.data, "\nllmq_wait_seconds_bucket{level=\"low\",le=\"0.001\"} 1\n"
                          "llmq_wait_seconds_bucket{level=\"low\",le=\"0.002\"} 2\n"));
    ck_assert_ptr_nonnull(
        strstr(text.data, "le=\"2.048\"} 2\n"
                          "llmq_wait_seconds_bucket{level=\"low\",le=\"4.096\"} 3\n"));
    ck_assert_ptr_nonnull(strstr(text.data,
                                 "le=\"134217.728\"} 3\n"
                                 "llmq_wait_seconds_bucket{level=\"low\",le=\"+Inf\"} 4\n"
                                 "llmq_wait_seconds_sum{level=\"low\"} 1000003.002001\n"
                                 "llmq_wait_seconds_count{level=\"low\"} 4\n"));
    text.len = 0;
    llmq_prometheus_octaves(&w, NULL, &o);
    ck_assert_ptr_nonnull(
        strstr(text.data, "llmq_wait_seconds_bucket{le=\"0.001\"} 1\n"));
}
END_TEST

TCase *case_prometheus(void)
{
    TCase *tc = test_case("prometheus");

    tcase_add_test(tc, a_counter_ends_with_total);
    tcase_add_test(tc, openmetrics_names_the_family_without_it_and_has_an_end);
    tcase_add_test(tc, values_are_numbers_or_seconds);
    tcase_add_test(tc, label_values_are_escaped);
    tcase_add_test(tc, buckets_are_cumulative);
    return tc;
}
