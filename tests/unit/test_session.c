#include "support.h"

#include "core/session.h"

#include <apr_strings.h>

#include <string.h>

START_TEST(words_are_those_of_the_document)
{
    static const char *const statuses[] = {"OPEN", "LOCKED", "CLOSED"};
    static const char *const roles[] = {"USER", "AGENT", "TOOL", "SYSTEM"};
    llmq_session_status_e status = LLMQ_SESSION_LOCKED;
    llmq_role_e role = LLMQ_ROLE_TOOL;
    int i;

    ck_assert_int_eq(llmq_session_status_parse(&status, "open"), APR_EINVAL);
    ck_assert_int_eq(llmq_session_role_parse(&role, ""), APR_EINVAL);
    ck_assert_int_eq(status, LLMQ_SESSION_LOCKED);
    ck_assert_int_eq(role, LLMQ_ROLE_TOOL);
    for (i = 0; i < LLMQ_SESSION_STATUS_COUNT; i++) {
        ck_assert_str_eq(llmq_session_status_name(i), statuses[i]);
        ck_assert_int_eq(llmq_session_status_parse(&status, statuses[i]), APR_SUCCESS);
        ck_assert_int_eq(status, i);
    }
    for (i = 0; i < LLMQ_ROLE_COUNT; i++) {
        ck_assert_str_eq(llmq_session_role_name(i), roles[i]);
        ck_assert_int_eq(llmq_session_role_parse(&role, roles[i]), APR_SUCCESS);
        ck_assert_int_eq(role, i);
    }
    ck_assert_str_eq(llmq_session_status_name(LLMQ_SESSION_STATUS_COUNT), "UNKNOWN");
    ck_assert_str_eq(llmq_session_role_name(LLMQ_ROLE_COUNT), "UNKNOWN");
}
END_TEST

START_TEST(the_gate_closes_to_users_first)
{
    int role;

    for (role = 0; role < LLMQ_ROLE_COUNT; role++) {
        ck_assert(llmq_session_admits(LLMQ_SESSION_OPEN, role));
        ck_assert_int_eq(llmq_session_admits(LLMQ_SESSION_LOCKED, role) != 0,
                         role != LLMQ_ROLE_USER);
        ck_assert(!llmq_session_admits(LLMQ_SESSION_CLOSED, role));
    }
}
END_TEST

START_TEST(a_message_is_one_line_with_every_field)
{
    llmq_session_message_t m = {
        .id = "m-1",
        .session = "s-1",
        .seq = 7,
        .role = LLMQ_ROLE_USER,
        .type = "user.prompt",
        .content = "a\n\"b\" \xc3\xa9",
        .payload = "{\"k\":[1,null]}",
        .reply_to = "m-0",
        .dedupe_key = "once",
        .created_at = APR_INT64_C(1735727400000042),
    };
    llmq_text_t t;

    llmq_text_init(&t, 8, test_pool);
    llmq_session_message_write(&t, &m);
    ck_assert_str_eq(t.data, "{\"message_id\":\"m-1\",\"session_id\":\"s-1\",\"seq\":7,"
                             "\"role\":\"USER\",\"type\":\"user.prompt\","
                             "\"content\":\"a\\n\\\"b\\\" \xc3\xa9\","
                             "\"payload\":{\"k\":[1,null]},\"reply_to\":\"m-0\","
                             "\"dedupe_key\":\"once\","
                             "\"created_at\":\"2025-01-01T10:30:00.000042Z\"}");
    m.content = m.payload = m.reply_to = m.dedupe_key = NULL;
    llmq_text_init(&t, 8, test_pool);
    llmq_session_message_write(&t, &m);
    ck_assert_ptr_nonnull(strstr(t.data, "\"content\":null,\"payload\":null,"
                                         "\"reply_to\":null,\"dedupe_key\":null,"));
}
END_TEST

/* @return text with @a unit @a n times */
static const char *times(const char *unit, int n)
{
    llmq_text_t t;
    int i;

    llmq_text_init(&t, 512, test_pool);
    for (i = 0; i < n; i++)
        llmq_text_puts(&t, unit);
    return t.data;
}

START_TEST(a_preview_is_cut_between_characters)
{
    static const char *const units[] = {"x", "\xc3\xa9", "\xe4\xbd\xa0",
                                        "\xf0\x9f\x99\x82"};
    apr_size_t i;

    ck_assert_str_eq(llmq_session_preview(NULL, test_pool), "");
    ck_assert_str_eq(llmq_session_preview("", test_pool), "");
    for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        const char *full = times(units[i], LLMQ_SESSION_PREVIEW);

        ck_assert_str_eq(llmq_session_preview(full, test_pool), full);
        ck_assert_str_eq(llmq_session_preview(times(units[i], 121), test_pool), full);
        ck_assert_str_eq(llmq_session_preview(units[i], test_pool), units[i]);
    }
}
END_TEST

TCase *case_session(void)
{
    TCase *tc = test_case("session");

    tcase_add_test(tc, words_are_those_of_the_document);
    tcase_add_test(tc, the_gate_closes_to_users_first);
    tcase_add_test(tc, a_message_is_one_line_with_every_field);
    tcase_add_test(tc, a_preview_is_cut_between_characters);
    return tc;
}
