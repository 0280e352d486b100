#include "support.h"

#include "core/control.h"

#define BIT(level) (1U << (level))

static const struct {
    const char *json;
    unsigned int levels;
} paused[] = {
    {NULL, 0},
    {"", 0},
    {"{", 0},
    {"[]", 0},
    {"{}", 0},
    {"{\"normal\":false}", 0},
    {"{\"normal\":1}", 0},
    {"{\"normal\":\"true\"}", 0},
    {"{\"nothing\":true}", 0},
    {"{\"normal\":true}", BIT(LLMQ_LEVEL_NORMAL)},
    {"{\"realtime\":true,\"low\":true,\"high\":false}",
     BIT(LLMQ_LEVEL_REALTIME) | BIT(LLMQ_LEVEL_LOW)},
};
#define PAUSED (int)(sizeof(paused) / sizeof(paused[0]))

START_TEST(paused_levels_are_read)
{
    ck_assert_uint_eq(llmq_control_paused_parse(paused[_i].json, test_pool),
                      paused[_i].levels);
}
END_TEST

START_TEST(paused_levels_come_back_as_they_were_written)
{
    unsigned int levels;

    for (levels = 0; levels < 32; levels += 2) {
        const char *json = llmq_control_paused_format(levels, test_pool);

        ck_assert_uint_eq(llmq_control_paused_parse(json, test_pool), levels);
    }
}
END_TEST

START_TEST(maintenance_comes_back_as_it_was_written)
{
    llmq_control_maintenance_t in = {1, "back at \"six\""};
    llmq_control_maintenance_t out;

    llmq_control_maintenance_parse(&out, llmq_control_maintenance_format(&in, test_pool),
                                   test_pool);
    ck_assert_int_eq(out.on, 1);
    ck_assert_str_eq(out.message, in.message);
    in.on = 0;
    in.message = "";
    llmq_control_maintenance_parse(&out, llmq_control_maintenance_format(&in, test_pool),
                                   test_pool);
    ck_assert_int_eq(out.on, 0);
    ck_assert_str_eq(out.message, "");
}
END_TEST

START_TEST(nonsense_is_no_maintenance)
{
    static const char *const values[] = {
        NULL, "", "true", "{}", "{\"on\":1}", "{\"message\":\"x\"}", "{\"on\":\"true\"}"};
    llmq_control_maintenance_t m;
    apr_size_t i;

    for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        llmq_control_maintenance_parse(&m, values[i], test_pool);
        ck_assert_int_eq(m.on, 0);
    }
}
END_TEST

TCase *case_control(void)
{
    TCase *tc = test_case("control");

    tcase_add_loop_test(tc, paused_levels_are_read, 0, PAUSED);
    tcase_add_test(tc, paused_levels_come_back_as_they_were_written);
    tcase_add_test(tc, maintenance_comes_back_as_it_was_written);
    tcase_add_test(tc, nonsense_is_no_maintenance);
    return tc;
}
