#include "dispatch/checkup.h"

#include "support_dispatch.h"

#include "dispatch/dispatch_inner.h"
#include "store/store_setting.h"

static void set_drained(dispatch_rig_t *rig, const char *json)
{
    ck_assert_int_eq(llmq_store_setting_put(store_test.store, "", LLMQ_SETTING_DRAINED,
                                            json, test_pool),
                     APR_SUCCESS);
    llmq_queue_settings_changed(rig->q);
}

START_TEST(checkup_drains_what_the_setting_names)
{
    dispatch_rig_t *rig = dispatch_rig();
    llmq_checkup_t *c;

    dispatch_rig_create(rig);
    set_drained(rig, "{\"first\":true}");
    c = llmq_checkup_create(rig->d, rig->pool);
    llmq_checkup_tick(c);
    ck_assert_int_eq(llmq_endpoint_free(rig->d->endpoints), 0);
    set_drained(rig, "{\"other\":true}");
    llmq_checkup_tick(c);
    ck_assert_int_eq(llmq_endpoint_free(rig->d->endpoints), 8);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(checkup_reads_again_only_when_a_setting_has_changed)
{
    dispatch_rig_t *rig = dispatch_rig();
    llmq_checkup_t *c;

    dispatch_rig_create(rig);
    c = llmq_checkup_create(rig->d, rig->pool);
    llmq_checkup_tick(c);
    ck_assert_int_eq(llmq_store_setting_put(store_test.store, "", LLMQ_SETTING_DRAINED,
                                            "{\"first\":true}", test_pool),
                     APR_SUCCESS);
    llmq_checkup_tick(c);
    ck_assert_int_eq(llmq_endpoint_free(rig->d->endpoints), 8);
    llmq_queue_settings_changed(rig->q);
    llmq_checkup_tick(c);
    ck_assert_int_eq(llmq_endpoint_free(rig->d->endpoints), 0);
    dispatch_rig_close(rig);
}
END_TEST

/* A drained backend is known before the first message is taken. */
START_TEST(checkup_comes_before_the_first_take)
{
    dispatch_rig_t *rig = dispatch_rig();

    set_drained(rig, "{\"first\":true}");
    dispatch_rig_put(rig, "msg_a", LLMQ_LEVEL_HIGH);
    dispatch_rig_start(rig);
    DISPATCH_WAIT(llmq_endpoint_free(rig->d->endpoints) == 0);
    ck_assert_int_eq(dispatch_rig_status("msg_a"), LLMQ_STATUS_PENDING);
    set_drained(rig, "{}");
    DISPATCH_WAIT(dispatch_rig_status("msg_a") == LLMQ_STATUS_COMPLETED);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(checkup_asks_the_backend)
{
    dispatch_rig_t *rig = _i ? dispatch_rig_http("echo") : dispatch_rig();
    llmq_endpoint_board_t *board = apr_pcalloc(test_pool, llmq_endpoint_board_size());
    llmq_endpoint_figures_t f;

    rig->backend.check_path = "/models";
    rig->backend.check_interval = 1000;
    rig->conf.endpoint.board = board;
    llmq_endpoint_board_assign(board, rig->backends, 1);
    dispatch_rig_start(rig);
    DISPATCH_WAIT(llmq_endpoint_board_read(&f, board, 0, 0) == APR_SUCCESS
                  && f.checked_at > 0);
    ck_assert_int_eq(f.check_ok, 1);
    ck_assert_uint_eq(f.calls, 0); /* a check is no call */
    dispatch_rig_close(rig);
}
END_TEST

TCase *case_checkup(void)
{
    TCase *tc = test_case("checkup");

    tcase_add_test(tc, checkup_drains_what_the_setting_names);
    tcase_add_test(tc, checkup_reads_again_only_when_a_setting_has_changed);
    tcase_add_test(tc, checkup_comes_before_the_first_take);
    tcase_add_loop_test(tc, checkup_asks_the_backend, 0, 2);
    return tc;
}
