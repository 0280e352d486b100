#include "backend/backend_raw_peek.h"

#include "support.h"

#include <string.h>

START_TEST(only_members_with_values_are_worth_reading)
{
    static const struct {
        const char *text;
        int is;
    } texts[] = {{"{\"a\":1}", 0},
                 {"{\"usage\":null}", 0},
                 {"{\"usage\" : null, \"x\":{\"usage\": {}}}", 1},
                 {"{\"usage\":{}}", 1},
                 {"{\"x\":\"\\\"usage\\\":{}\"}", 0},
                 {"{\"usage\"", 0}};
    size_t i;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        ck_assert_int_eq(
            llmq_backend_raw_peek(texts[i].text, strlen(texts[i].text), "\"usage\""),
            texts[i].is);
}
END_TEST

TCase *case_backend_raw_peek(void)
{
    TCase *tc = test_case("backend_raw_peek");

    tcase_add_test(tc, only_members_with_values_are_worth_reading);
    return tc;
}
