#include "support.h"

#include "base/log.h"
#include "dispatch/bridge.h"

#include <string.h>

#define RING ((apr_size_t)64 * 1024)

static llmq_bus_t *bus_of(int readers)
{
    void *memory = test_shared(llmq_bus_size(RING));
    llmq_bus_t *bus;

    ck_assert_int_eq(llmq_bus_create(&bus, memory, RING, readers, test_pool),
                     APR_SUCCESS);
    return bus;
}

static void hush(void *ctx, llmq_log_level_e level, const char *file, int line,
                 apr_status_t rv, const char *text)
{
    (void)ctx;
    (void)level;
    (void)file;
    (void)line;
    (void)rv;
    (void)text;
}

START_TEST(there_is_none_without_redis_or_bus)
{
    llmq_redis_conf_t redis = {.host = "127.0.0.1", .port = 1, .prefix = "llmq"};
    llmq_dispatch_conf_t conf = {0};
    llmq_bridge_t *bridge;

    conf.redis = &redis;
    ck_assert_int_eq(llmq_bridge_create(&bridge, &conf, test_pool), APR_SUCCESS);
    ck_assert_ptr_null(bridge);
    conf.redis = NULL;
    conf.bus = bus_of(1);
    ck_assert_int_eq(llmq_bridge_create(&bridge, &conf, test_pool), APR_SUCCESS);
    ck_assert_ptr_null(bridge);
    llmq_bridge_stop(bridge);
}
END_TEST

START_TEST(it_ends_when_told_though_nobody_answers)
{
    llmq_redis_conf_t redis = {.path = "/nonexistent/socket",
                               .prefix = "llmq",
                               .timeout = apr_time_from_msec(100)};
    llmq_dispatch_conf_t conf = {.redis = &redis};
    llmq_bridge_t *bridge;

    llmq_log_set_sink(hush, NULL, LLMQ_LOG_WARNING);
    conf.bus = bus_of(1);
    conf.store.node = "n";
    ck_assert_int_eq(llmq_bridge_create(&bridge, &conf, test_pool), APR_SUCCESS);
    ck_assert_ptr_nonnull(bridge);
    llmq_bridge_stop(bridge);
    llmq_bridge_stop(bridge);
}
END_TEST

START_TEST(a_full_bus_is_no_reason_not_to_start)
{
    llmq_redis_conf_t redis = {.path = "/nonexistent/socket", .prefix = "llmq"};
    llmq_dispatch_conf_t conf = {.redis = &redis};
    llmq_bus_reader_t *reader;
    llmq_bridge_t *bridge;

    llmq_log_set_sink(hush, NULL, LLMQ_LOG_WARNING);
    conf.bus = bus_of(1);
    conf.store.node = "n";
    ck_assert_int_eq(llmq_bus_attach(&reader, conf.bus, test_pool), APR_SUCCESS);
    ck_assert_int_eq(llmq_bridge_create(&bridge, &conf, test_pool), APR_SUCCESS);
    ck_assert_ptr_null(bridge);
}
END_TEST

TCase *case_bridge(void)
{
    TCase *tc = test_case("bridge");

    tcase_add_test(tc, there_is_none_without_redis_or_bus);
    tcase_add_test(tc, it_ends_when_told_though_nobody_answers);
    tcase_add_test(tc, a_full_bus_is_no_reason_not_to_start);
    return tc;
}
