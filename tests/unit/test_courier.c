#include "support.h"

#include "support_dispatch.h"

#include "dispatch/courier.h"

#include <apr_strings.h>

static dispatch_rig_t *rig;

static void open_rig(const char *allowed)
{
    llmq_egress_t *list = llmq_egress_create(test_pool);

    rig = dispatch_rig_http("echo");
    ck_assert_int_eq(llmq_egress_add(list, allowed, test_pool), APR_SUCCESS);
    rig->conf.courier.allow = list;
    rig->conf.courier.keys = apr_hash_make(test_pool);
    rig->conf.courier.retry.delay.base = apr_time_from_msec(1);
    rig->conf.courier.retry.delay.max = apr_time_from_msec(1);
    rig->conf.courier.retry.max = 1;
    rig->conf.courier.timeout = apr_time_from_sec(600);
    rig->conf.courier.concurrency = 8;
    rig->conf.courier.per_host = 4;
}

/* A job whose end is to be told to a way of the rig's server. */
static void put(const char *id, const char *host, const char *way)
{
    llmq_job_t *job = dispatch_rig_job(id, LLMQ_LEVEL_NORMAL);

    job->callback = apr_psprintf(test_pool, "[\"http://%s:%d/%s\"]", host,
                                 http_server_port(rig->server), way);
    dispatch_rig_store(job);
    dispatch_rig_enter(rig, job);
}

static apr_int64_t waiting(void)
{
    return store_test_number("SELECT count(*) FROM llmq_outbox");
}

static apr_int64_t ended(void)
{
    return store_test_number("SELECT count(*) FROM llmq_jobs WHERE status >= 2");
}

START_TEST(notices_are_delivered_and_leave)
{
    int i;

    open_rig("127.0.0.1");
    for (i = 0; i < 20; i++) {
        put(apr_psprintf(test_pool, "j%d", i), "127.0.0.1", "echo");
    }
    dispatch_rig_start(rig);
    DISPATCH_WAIT(ended() == 20);
    DISPATCH_WAIT(waiting() == 0);
    ck_assert_int_eq(http_server_requests(rig->server), 40);
    ck_assert_int_eq(dispatch_rig_logged("LLMQ0760"), 0);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(who_does_not_take_them_is_asked_again_and_then_no_more)
{
    open_rig("127.0.0.1");
    put("j1", "127.0.0.1", "drop");
    put("j2", "127.0.0.1", "garbage");
    put("j3", "127.0.0.1", "leak");
    dispatch_rig_start(rig);
    DISPATCH_WAIT(ended() == 3);
    DISPATCH_WAIT(waiting() == 0);
    ck_assert_int_eq(dispatch_rig_logged("LLMQ0760"), 4);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(what_is_not_allowed_is_not_asked_at_all)
{
    open_rig("public");
    put("j1", "127.0.0.1", "echo");
    put("j2", "localhost", "echo");
    dispatch_rig_start(rig);
    DISPATCH_WAIT(ended() == 2);
    DISPATCH_WAIT(waiting() == 0);
    ck_assert_int_eq(http_server_requests(rig->server), 2);
    ck_assert_int_eq(dispatch_rig_logged("LLMQ0760"), 2);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(what_is_under_way_at_the_end_is_handed_back)
{
    open_rig("127.0.0.1");
    put("j1", "127.0.0.1", "stall");
    dispatch_rig_start(rig);
    DISPATCH_WAIT(http_server_requests(rig->server) == 2);
    llmq_dispatch_stop(rig->d);
    dispatch_rig_join(rig);
    ck_assert_int_eq(waiting(), 1);
    ck_assert_int_eq(store_test_number("SELECT due_at + tries FROM llmq_outbox"), 0);
    dispatch_rig_close(rig);
}
END_TEST

TCase *case_courier(void)
{
    TCase *tc = test_case("courier");

    tcase_add_test(tc, notices_are_delivered_and_leave);
    tcase_add_test(tc, who_does_not_take_them_is_asked_again_and_then_no_more);
    tcase_add_test(tc, what_is_not_allowed_is_not_asked_at_all);
    tcase_add_test(tc, what_is_under_way_at_the_end_is_handed_back);
    return tc;
}
