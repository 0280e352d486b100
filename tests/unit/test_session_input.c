#include "support.h"

#include "core/session_input.h"
#include "llmq.h"

#include <apr_strings.h>

#include <string.h>

#define ROLE_TYPE "\"role\":\"USER\",\"type\":\"user.prompt\""

static struct json_object *parsed(const char *text)
{
    struct json_object *obj = NULL;

    ck_assert_msg(llmq_json_parse(&obj, text, strlen(text), 64, NULL, test_pool) == 0,
                  "%s", text);
    return obj;
}

/* All sentences of a result, each as "field: sentence", with bars between them. */
static const char *told(const llmq_result_t *why)
{
    const char *text = "";
    int i;

    for (i = 0; why->errors && i < why->errors->nelts; i++) {
        const llmq_result_error_t *e =
            &APR_ARRAY_IDX(why->errors, i, llmq_result_error_t);

        text =
            apr_pstrcat(test_pool, text, i ? "|" : "", e->field, ": ", e->reason, NULL);
    }
    return text;
}

static const char *message_errors(const char *body)
{
    llmq_session_message_t m = {0};
    llmq_result_t why = {0};
    apr_status_t rv = llmq_session_input_message(&m, parsed(body), 10, &why, test_pool);

    ck_assert_int_eq(rv, why.errors ? LLMQ_EBODY : APR_SUCCESS);
    ck_assert_int_eq(why.problem, why.errors ? LLMQ_PROBLEM_INVALID : LLMQ_PROBLEM_NONE);
    return told(&why);
}

static llmq_session_message_t message(const char *body)
{
    llmq_session_message_t m = {0};
    llmq_result_t why = {0};

    ck_assert_msg(llmq_session_input_message(&m, parsed(body), 10, &why, test_pool)
                      == APR_SUCCESS,
                  "%s: %s", body, told(&why));
    return m;
}

START_TEST(a_message_needs_a_role_and_a_type_only)
{
    llmq_session_message_t m = message("{" ROLE_TYPE "}");

    ck_assert_int_eq(m.role, LLMQ_ROLE_USER);
    ck_assert_str_eq(m.type, "user.prompt");
    ck_assert_ptr_null(m.content);
    ck_assert_ptr_null(m.payload);
    ck_assert_ptr_null(m.reply_to);
    ck_assert_ptr_null(m.dedupe_key);
}
END_TEST

START_TEST(null_is_as_absent)
{
    llmq_session_message_t m =
        message("{" ROLE_TYPE ",\"content\":null,\"payload\":null,\"reply_to\":null,"
                "\"dedupe_key\":null}");

    ck_assert_ptr_null(m.content);
    ck_assert_ptr_null(m.payload);
    ck_assert_ptr_null(m.reply_to);
    ck_assert_ptr_null(m.dedupe_key);
    ck_assert_str_eq(message_errors("{\"role\":null,\"type\":null}"),
                     "role: The role field is required.|"
                     "type: The type field is required.");
}
END_TEST

START_TEST(each_field_is_read)
{
    llmq_session_message_t m = message(
        "{\"role\":\"TOOL\",\"type\":\"t\",\"content\":\"\",\"payload\":{\"a\":[1]},"
        "\"reply_to\":\"0199AA00-0000-7000-8000-00000000000F\",\"dedupe_key\":\"k\"}");

    ck_assert_int_eq(m.role, LLMQ_ROLE_TOOL);
    ck_assert_str_eq(m.content, "");
    ck_assert_str_eq(m.payload, "{\"a\":[1]}");
    ck_assert_str_eq(m.reply_to, "0199aa00-0000-7000-8000-00000000000f");
    ck_assert_str_eq(m.dedupe_key, "k");
}
END_TEST

START_TEST(an_empty_dedupe_key_is_none)
{
    ck_assert_ptr_null(message("{" ROLE_TYPE ",\"dedupe_key\":\"\"}").dedupe_key);
}
END_TEST

START_TEST(all_wrong_fields_of_a_message_are_told)
{
    ck_assert_str_eq(
        message_errors("{\"role\":\"user\",\"type\":7,\"content\":[],\"payload\":[],"
                       "\"reply_to\":\"x\",\"dedupe_key\":{}}"),
        "role: The selected role is invalid.|type: The type field must be a string.|"
        "content: The content field must be a string.|"
        "payload: The payload field must be an object.|"
        "reply_to: The reply to field must be a valid UUID.|"
        "dedupe_key: The dedupe key field must be a string.");
    ck_assert_str_eq(message_errors("{\"role\":1,\"type\":\" \"}"),
                     "role: The selected role is invalid.|"
                     "type: The type field is required.");
    ck_assert_str_eq(message_errors("{\"role\":\"\",\"type\":\"\"}"),
                     "role: The role field is required.|"
                     "type: The type field is required.");
    ck_assert_str_eq(message_errors("{" ROLE_TYPE ",\"payload\":\"{}\"}"),
                     "payload: The payload field must be an object.");
    ck_assert_str_eq(message_errors("{" ROLE_TYPE ",\"payload\":0}"),
                     "payload: The payload field must be an object.");
}
END_TEST

START_TEST(what_is_no_object_has_no_fields)
{
    static const char *const bodies[] = {
        "[]", "[{" ROLE_TYPE "}]", "1", "\"x\"", "true", "null", "{}"};
    size_t i;

    for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        ck_assert_str_eq(message_errors(bodies[i]), "role: The role field is required.|"
                                                    "type: The type field is required.");
}
END_TEST

static const char *with(const char *field, const char *piece, int n)
{
    char *text = apr_psprintf(test_pool, "{\"role\":\"USER\",%s\"%s\":\"",
                              strcmp(field, "type") == 0 ? "" : "\"type\":\"t\",", field);
    int i;

    for (i = 0; i < n; i++)
        text = apr_pstrcat(test_pool, text, piece, NULL);
    return apr_pstrcat(test_pool, text, "\"}", NULL);
}

START_TEST(lengths_are_counted_in_characters_those_of_content_in_bytes)
{
    ck_assert_str_eq(message_errors(with("type", "é", 64)), "");
    ck_assert_str_eq(message_errors(with("type", "é", 65)),
                     "type: The type field must not be greater than 64 characters.");
    ck_assert_str_eq(message_errors(with("dedupe_key", "€", 128)), "");
    ck_assert_str_eq(
        message_errors(with("dedupe_key", "€", 129)),
        "dedupe_key: The dedupe key field must not be greater than 128 characters.");
    ck_assert_str_eq(message_errors(with("content", "é", 5)), "");
    ck_assert_str_eq(message_errors(with("content", "é", 6)),
                     "content: The content field must not be greater than 10 bytes.");
}
END_TEST

static const char *create_errors(const char *body, const char **pname)
{
    llmq_result_t why = {0};

    llmq_session_input_create(pname, parsed(body), &why, test_pool);
    return told(&why);
}

START_TEST(a_new_session_may_have_a_name)
{
    const char *name = "x";

    ck_assert_str_eq(create_errors("{}", &name), "");
    ck_assert_ptr_null(name);
    ck_assert_str_eq(create_errors("{\"session_name\":null}", &name), "");
    ck_assert_ptr_null(name);
    ck_assert_str_eq(create_errors("{\"session_name\":\"\"}", &name), "");
    ck_assert_ptr_null(name);
    ck_assert_str_eq(create_errors("{\"session_name\":\"Ünï\",\"more\":1}", &name), "");
    ck_assert_str_eq(name, "Ünï");
    ck_assert_str_eq(create_errors("{\"session_name\":5}", &name),
                     "session_name: The session name field must be a string.");
}
END_TEST

static const char *change(const char *body, const char **pname, int *pstatus)
{
    llmq_result_t why = {0};

    llmq_session_input_change(pname, pstatus, parsed(body), &why, test_pool);
    return told(&why);
}

START_TEST(a_change_holds_what_changes)
{
    const char *name = "x";
    int status = 7;

    ck_assert_str_eq(change("{}", &name, &status), "");
    ck_assert_ptr_null(name);
    ck_assert_int_eq(status, -1);
    ck_assert_str_eq(
        change("{\"session_name\":\"n\",\"status\":\"LOCKED\"}", &name, &status), "");
    ck_assert_str_eq(name, "n");
    ck_assert_int_eq(status, LLMQ_SESSION_LOCKED);
}
END_TEST

START_TEST(a_change_may_not_take_the_name_away)
{
    const char *name;
    int status;

    ck_assert_str_eq(change("{\"session_name\":null,\"status\":null}", &name, &status),
                     "session_name: The session name field must be a string.|"
                     "status: The selected status is invalid.");
    ck_assert_str_eq(
        change("{\"session_name\":\"\",\"status\":\"open\"}", &name, &status),
        "session_name: The session name field must be at least 1 "
        "characters.|status: The selected status is invalid.");
}
END_TEST

START_TEST(a_session_is_told_of_in_an_object)
{
    static const char *const wrong[] = {"[1]", "[{\"session_name\":\"n\"}]", "1", "\"x\"",
                                        "true"};
    const char *name;
    int status;
    size_t i;

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ck_assert_str_eq(create_errors(wrong[i], &name),
                         "body: The body field must be an object.");
        ck_assert_str_eq(change(wrong[i], &name, &status),
                         "body: The body field must be an object.");
    }
    ck_assert_str_eq(create_errors("[]", &name), "");
    ck_assert_str_eq(change("[]", &name, &status), "");
}
END_TEST

TCase *case_session_input(void)
{
    TCase *tc = test_case("session_input");

    tcase_add_test(tc, a_message_needs_a_role_and_a_type_only);
    tcase_add_test(tc, null_is_as_absent);
    tcase_add_test(tc, each_field_is_read);
    tcase_add_test(tc, an_empty_dedupe_key_is_none);
    tcase_add_test(tc, all_wrong_fields_of_a_message_are_told);
    tcase_add_test(tc, what_is_no_object_has_no_fields);
    tcase_add_test(tc, lengths_are_counted_in_characters_those_of_content_in_bytes);
    tcase_add_test(tc, a_new_session_may_have_a_name);
    tcase_add_test(tc, a_change_holds_what_changes);
    tcase_add_test(tc, a_change_may_not_take_the_name_away);
    tcase_add_test(tc, a_session_is_told_of_in_an_object);
    return tc;
}
