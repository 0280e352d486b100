#include "support.h"

#include "core/session_view.h"

#define NOW 1735727400000000 /* 2025-01-01T10:30:00Z */

static const char *shown(const llmq_session_t *s)
{
    llmq_text_t t;

    llmq_text_init(&t, 16, test_pool);
    llmq_session_view_write(&t, s);
    return t.data;
}

START_TEST(a_new_session_has_no_last_message)
{
    const llmq_session_t s = {.id = "0199",
                              .tenant = "t",
                              .owner = "o",
                              .created_at = NOW,
                              .updated_at = NOW,
                              .last_message_role = -1};

    ck_assert_str_eq(shown(&s),
                     "{\"session_id\":\"0199\",\"session_name\":null,\"status\":\"OPEN\","
                     "\"last_seq\":0,\"last_message_id\":null,\"last_message_at\":null,"
                     "\"last_message_preview\":\"\",\"last_message_role\":null,"
                     "\"last_message_type\":null,"
                     "\"created_at\":\"2025-01-01T10:30:00.000000Z\","
                     "\"updated_at\":\"2025-01-01T10:30:00.000000Z\"}");
}
END_TEST

START_TEST(the_last_message_is_shown)
{
    const llmq_session_t s = {.id = "0199",
                              .name = "a \"name\"",
                              .status = LLMQ_SESSION_CLOSED,
                              .last_seq = 3,
                              .last_message_id = "m",
                              .last_message_at = NOW + 1,
                              .last_message_preview = "Hi",
                              .last_message_role = 1,
                              .last_message_type = "agent.message",
                              .created_at = NOW,
                              .updated_at = NOW + 2};

    ck_assert_str_eq(shown(&s),
                     "{\"session_id\":\"0199\",\"session_name\":\"a \\\"name\\\"\","
                     "\"status\":\"CLOSED\",\"last_seq\":3,\"last_message_id\":\"m\","
                     "\"last_message_at\":\"2025-01-01T10:30:00.000001Z\","
                     "\"last_message_preview\":\"Hi\",\"last_message_role\":\"AGENT\","
                     "\"last_message_type\":\"agent.message\","
                     "\"created_at\":\"2025-01-01T10:30:00.000000Z\","
                     "\"updated_at\":\"2025-01-01T10:30:00.000002Z\"}");
}
END_TEST

TCase *case_session_view(void)
{
    TCase *tc = test_case("session_view");

    tcase_add_test(tc, a_new_session_has_no_last_message);
    tcase_add_test(tc, the_last_message_is_shown);
    return tc;
}
