#include "support.h"

#include "dispatch/courier_hosts.h"

#include <string.h>

#define NOW APR_INT64_C(1735727400000000)
#define SEC APR_USEC_PER_SEC

static const llmq_retry_conf_t pauses = {SEC, 60 * SEC};
static const llmq_failure_t down = {.kind = LLMQ_FAILURE_UNREACHABLE};

static int n_busy(llmq_courier_hosts_t *hosts, apr_time_t now)
{
    int n = -1;

    llmq_courier_hosts_busy(&n, hosts, now, test_pool);
    return n;
}

START_TEST(a_host_has_so_many_places)
{
    llmq_courier_hosts_t *hosts = llmq_courier_hosts_create(2, &pauses, test_pool);

    ck_assert_int_eq(llmq_courier_hosts_begin(hosts, "a", NOW), 1);
    ck_assert_int_eq(n_busy(hosts, NOW), 0);
    ck_assert_int_eq(llmq_courier_hosts_begin(hosts, "a", NOW), 1);
    ck_assert_int_eq(n_busy(hosts, NOW), 1);
    ck_assert_int_eq(llmq_courier_hosts_begin(hosts, "a", NOW), 0);
    ck_assert_int_eq(llmq_courier_hosts_begin(hosts, "b", NOW), 1);
    llmq_courier_hosts_end(hosts, "a", NULL, NOW);
    ck_assert_int_eq(n_busy(hosts, NOW), 0);
    ck_assert_int_eq(llmq_courier_hosts_begin(hosts, "a", NOW), 1);
}
END_TEST

START_TEST(who_fails_is_left_alone_for_longer_and_longer)
{
    llmq_courier_hosts_t *hosts = llmq_courier_hosts_create(2, &pauses, test_pool);
    apr_time_t now = NOW;
    int pause = 1;
    int i;

    for (i = 0; i < 12; i++) {
        ck_assert_int_eq(llmq_courier_hosts_begin(hosts, "a", now), 1);
        llmq_courier_hosts_end(hosts, "a", &down, now);
        ck_assert_int_eq(llmq_courier_hosts_begin(hosts, "a", now + pause * SEC - 1), 0);
        ck_assert_int_eq(n_busy(hosts, now + pause * SEC - 1), 1);
        now += pause * SEC;
        pause = pause * 2 < 60 ? pause * 2 : 60;
    }
    /* One call shows whether it is well again. */
    ck_assert_int_eq(llmq_courier_hosts_begin(hosts, "a", now), 1);
    ck_assert_int_eq(llmq_courier_hosts_begin(hosts, "a", now), 0);
    llmq_courier_hosts_end(hosts, "a", NULL, now);
    ck_assert_int_eq(llmq_courier_hosts_begin(hosts, "a", now), 1);
    ck_assert_int_eq(llmq_courier_hosts_begin(hosts, "a", now), 1);
}
END_TEST

START_TEST(only_illness_counts)
{
    static const struct {
        llmq_failure_t failure;
        int ill;
    } cases[] = {
        {{.kind = LLMQ_FAILURE_STATUS, .http_status = 400}, 0},
        {{.kind = LLMQ_FAILURE_STATUS, .http_status = 410}, 0},
        {{.kind = LLMQ_FAILURE_STATUS, .http_status = 429}, 1},
        {{.kind = LLMQ_FAILURE_STATUS, .http_status = 503}, 1},
        {{.kind = LLMQ_FAILURE_TIMEOUT}, 1},
        {{.kind = LLMQ_FAILURE_CONNECT}, 1},
        {{.kind = LLMQ_FAILURE_CONNECT, .ours = 1}, 0},
        {{.kind = LLMQ_FAILURE_REQUEST, .ours = 1}, 0},
    };
    llmq_courier_hosts_t *hosts = llmq_courier_hosts_create(2, &pauses, test_pool);
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ck_assert_int_eq(llmq_courier_hosts_begin(hosts, "a", NOW), 1);
        llmq_courier_hosts_end(hosts, "a", &cases[i].failure, NOW);
        ck_assert_msg(n_busy(hosts, NOW) == cases[i].ill, "case %d", (int)i);
        if (cases[i].ill) {
            llmq_courier_hosts_begin(hosts, "a", NOW + 3600 * SEC);
            llmq_courier_hosts_end(hosts, "a", NULL, NOW);
        }
    }
}
END_TEST

START_TEST(who_is_not_asked_any_more_is_forgotten)
{
    llmq_courier_hosts_t *hosts = llmq_courier_hosts_create(2, &pauses, test_pool);

    llmq_courier_hosts_begin(hosts, "a", NOW);
    llmq_courier_hosts_end(hosts, "a", &down, NOW);
    ck_assert_int_eq(n_busy(hosts, NOW), 1);
    ck_assert_int_eq(n_busy(hosts, NOW + 3600 * SEC), 0);
    ck_assert_int_eq(llmq_courier_hosts_begin(hosts, "a", NOW), 1);
    llmq_courier_hosts_end(hosts, "nobody", NULL, NOW);
}
END_TEST

TCase *case_courier_hosts(void)
{
    TCase *tc = test_case("courier_hosts");

    tcase_add_test(tc, a_host_has_so_many_places);
    tcase_add_test(tc, who_fails_is_left_alone_for_longer_and_longer);
    tcase_add_test(tc, only_illness_counts);
    tcase_add_test(tc, who_is_not_asked_any_more_is_forgotten);
    return tc;
}
