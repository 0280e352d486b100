#include "support.h"

#include "core/conversation.h"

#include <apr_strings.h>

#include <json-c/json.h>
#include <string.h>

static const llmq_conversation_conf_t conf = {10, 20, apr_time_from_sec(60), NULL};

static json_object *parsed(const char *text)
{
    json_object *obj = NULL;
    llmq_result_t why = {0};

    ck_assert_msg(llmq_json_parse(&obj, text, strlen(text), 64, &why, test_pool)
                      == APR_SUCCESS,
                  "%s: %s", text, why.reason);
    return obj;
}

static llmq_conversation_t *accepted(const char *body)
{
    llmq_conversation_t *c = NULL;
    llmq_result_t why = {0};
    apr_status_t rv =
        llmq_conversation_from_json(&c, parsed(body), "default", &conf, &why, test_pool);

    ck_assert_msg(rv == APR_SUCCESS, "%s: %s", body, why.reason);
    return c;
}

START_TEST(the_least_is_a_user)
{
    llmq_conversation_t *c = accepted("{\"user_id\":\"u\"}");

    ck_assert_int_eq(strncmp(c->id, "conv_", 5), 0);
    ck_assert_uint_eq(strlen(c->id), 31);
    ck_assert_str_eq(c->user, "u");
    ck_assert_str_eq(c->tenant, "default");
    ck_assert_str_eq(c->title, "");
    ck_assert_str_eq(c->context, "");
    ck_assert_str_eq(c->metadata, "{}");
    ck_assert_int_eq(c->level, LLMQ_LEVEL_NORMAL);
    ck_assert_int_eq(c->state, LLMQ_CONVERSATION_ACTIVE);
    ck_assert_int_eq(c->last_active_at, c->created_at);
    ck_assert_int_eq(c->expires_at, c->created_at + conf.ttl);
}
END_TEST

START_TEST(every_field_is_taken)
{
    llmq_conversation_t *c =
        accepted("{\"id\":\"my:conv.1\",\"user_id\":\"u\",\"title\":\"1234567890\","
                 "\"context\":\"12345678901234567890\",\"priority\":\"high\","
                 "\"metadata\":{\"a\":[1]},\"more\":1}");

    ck_assert_str_eq(c->id, "my:conv.1");
    ck_assert_str_eq(c->title, "1234567890");
    ck_assert_str_eq(c->context, "12345678901234567890");
    ck_assert_str_eq(c->metadata, "{\"a\":[1]}");
    ck_assert_int_eq(c->level, LLMQ_LEVEL_HIGH);
}
END_TEST

START_TEST(nulls_are_as_if_absent)
{
    llmq_conversation_t *c = accepted("{\"id\":null,\"user_id\":\"u\",\"title\":null,"
                                      "\"context\":null,\"priority\":null,"
                                      "\"metadata\":null}");

    ck_assert_str_eq(c->title, "");
    ck_assert_int_eq(c->level, LLMQ_LEVEL_NORMAL);
}
END_TEST

START_TEST(a_user_may_stand_in)
{
    llmq_conversation_conf_t with_user = conf;
    llmq_conversation_t *c;

    with_user.user = "sub";
    ck_assert_int_eq(llmq_conversation_from_json(&c, parsed("{}"), "default", &with_user,
                                                 NULL, test_pool),
                     APR_SUCCESS);
    ck_assert_str_eq(c->user, "sub");
}
END_TEST

/* A body, the problem, the field to blame; new and patch. */
typedef struct {
    const char *body;
    llmq_problem_e problem;
    const char *field;
} bad_t;

static const bad_t bad_new[] = {
    {"[]", LLMQ_PROBLEM_REQUEST, NULL},
    {"null", LLMQ_PROBLEM_REQUEST, NULL},
    {"\"x\"", LLMQ_PROBLEM_REQUEST, NULL},
    {"{}", LLMQ_PROBLEM_USER, "user_id"},
    {"{\"user_id\":\" \"}", LLMQ_PROBLEM_USER, "user_id"},
    {"{\"user_id\":1}", LLMQ_PROBLEM_USER, "user_id"},
    {"{\"user_id\":\"a\\u0001\"}", LLMQ_PROBLEM_USER, "user_id"},
    {"{\"user_id\":\"u\",\"priority\":\"urgent\"}", LLMQ_PROBLEM_PRIORITY, "priority"},
    {"{\"user_id\":\"u\",\"priority\":5}", LLMQ_PROBLEM_PRIORITY, "priority"},
    {"{\"user_id\":\"u\",\"title\":\"12345678901\"}", LLMQ_PROBLEM_REQUEST, "title"},
    {"{\"user_id\":\"u\",\"title\":1}", LLMQ_PROBLEM_REQUEST, "title"},
    {"{\"user_id\":\"u\",\"context\":\"123456789012345678901\"}", LLMQ_PROBLEM_REQUEST,
     "context"},
    {"{\"user_id\":\"u\",\"context\":[]}", LLMQ_PROBLEM_REQUEST, "context"},
    {"{\"user_id\":\"u\",\"metadata\":[]}", LLMQ_PROBLEM_REQUEST, "metadata"},
    {"{\"user_id\":\"u\",\"id\":\"\"}", LLMQ_PROBLEM_REQUEST, "id"},
    {"{\"user_id\":\"u\",\"id\":\"a b\"}", LLMQ_PROBLEM_REQUEST, "id"},
    {"{\"user_id\":\"u\",\"id\":7}", LLMQ_PROBLEM_REQUEST, "id"},
};

static const bad_t bad_patches[] = {
    {"[]", LLMQ_PROBLEM_REQUEST, NULL},
    {"{\"state\":\"open\"}", LLMQ_PROBLEM_REQUEST, "state"},
    {"{\"state\":\"ACTIVE\"}", LLMQ_PROBLEM_REQUEST, "state"},
    {"{\"state\":\"\"}", LLMQ_PROBLEM_REQUEST, "state"},
    {"{\"state\":1}", LLMQ_PROBLEM_REQUEST, "state"},
    {"{\"status\":\"open\"}", LLMQ_PROBLEM_REQUEST, "status"},
    {"{\"state\":\"active\",\"status\":\"archived\"}", LLMQ_PROBLEM_REQUEST, "status"},
    {"{\"title\":\"12345678901\"}", LLMQ_PROBLEM_REQUEST, "title"},
    {"{\"context\":{}}", LLMQ_PROBLEM_REQUEST, "context"},
    {"{\"metadata\":\"x\"}", LLMQ_PROBLEM_REQUEST, "metadata"},
};

static void check_refusal(const bad_t *bad, apr_status_t rv, const llmq_result_t *why)
{
    ck_assert_msg(rv == LLMQ_EBODY, "%s", bad->body);
    ck_assert_msg(why->problem == bad->problem, "%s", bad->body);
    ck_assert_msg(why->reason, "%s", bad->body);
    if (bad->field)
        ck_assert_str_eq(why->field, bad->field);
    else
        ck_assert_ptr_null(why->field);
}

START_TEST(bad_bodies_are_refused)
{
    llmq_conversation_t *c = NULL;
    llmq_result_t why = {0};
    apr_status_t rv = llmq_conversation_from_json(&c, parsed(bad_new[_i].body), "default",
                                                  &conf, &why, test_pool);

    check_refusal(&bad_new[_i], rv, &why);
    ck_assert_ptr_null(c);
}
END_TEST

START_TEST(bad_patches_are_refused)
{
    llmq_conversation_patch_t patch;
    llmq_result_t why = {0};
    apr_status_t rv = llmq_conversation_patch_from_json(
        &patch, parsed(bad_patches[_i].body), &conf, &why, test_pool);

    check_refusal(&bad_patches[_i], rv, &why);
}
END_TEST

START_TEST(a_patch_says_what_it_changes)
{
    llmq_conversation_patch_t patch;

    ck_assert_int_eq(llmq_conversation_patch_from_json(&patch, parsed("{\"x\":1}"), &conf,
                                                       NULL, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(patch.state, -1);
    ck_assert_ptr_null(patch.title);
    ck_assert_ptr_null(patch.context);
    ck_assert_ptr_null(patch.metadata);
    ck_assert_int_eq(
        llmq_conversation_patch_from_json(
            &patch,
            parsed("{\"status\":\"archived\",\"state\":\"archived\",\"title\":\"\","
                   "\"context\":\"c\",\"metadata\":{}}"),
            &conf, NULL, test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(patch.state, LLMQ_CONVERSATION_ARCHIVED);
    ck_assert_str_eq(patch.title, "");
    ck_assert_str_eq(patch.context, "c");
    ck_assert_ptr_nonnull(patch.metadata);
}
END_TEST

START_TEST(states_and_their_words_agree)
{
    llmq_conversation_state_e state;
    int i;

    for (i = 0; i < LLMQ_CONVERSATION_COUNT; i++) {
        ck_assert_int_eq(
            llmq_conversation_state_parse(&state, llmq_conversation_state_name(i)),
            APR_SUCCESS);
        ck_assert_int_eq(state, i);
    }
    ck_assert_int_eq(llmq_conversation_state_parse(&state, "Active"), APR_EINVAL);
    ck_assert_str_eq(llmq_conversation_state_name(99), "unknown");
}
END_TEST

static llmq_conversation_t sample(void)
{
    llmq_conversation_t c = {0};

    c.id = "conv_1";
    c.user = "u";
    c.title = "A \"title\"";
    c.context = "";
    c.metadata = "{\"a\":1}";
    c.level = LLMQ_LEVEL_LOW;
    c.state = LLMQ_CONVERSATION_COMPLETED;
    c.created_at = c.updated_at = c.last_active_at = APR_INT64_C(1735727400000000);
    c.expires_at = c.created_at + apr_time_from_sec(60);
    return c;
}

static const char *formatted(const llmq_conversation_t *c)
{
    llmq_text_t t;

    llmq_text_init(&t, 16, test_pool);
    llmq_conversation_to_json(&t, c);
    return t.data;
}

START_TEST(an_answer_has_every_member)
{
    llmq_conversation_t c = sample();

    ck_assert_str_eq(
        formatted(&c),
        "{\"id\":\"conv_1\",\"user_id\":\"u\",\"title\":\"A "
        "\\\"title\\\"\",\"context\":\"\","
        "\"status\":\"completed\",\"state\":\"completed\",\"priority\":\"low\","
        "\"created_at\":\"2025-01-01T10:30:00Z\",\"updated_at\":\"2025-01-01T10:30:00Z\","
        "\"last_active_at\":\"2025-01-01T10:30:00Z\","
        "\"expires_at\":\"2025-01-01T10:31:00Z\",\"message_count\":0,"
        "\"metadata\":{\"a\":1}}");
}
END_TEST

START_TEST(completed_messages_show_their_time)
{
    llmq_conversation_t c = sample();
    json_object *metadata;

    c.messages = 5;
    c.completed = 3;
    c.processing = apr_time_from_sec(45);
    c.metadata = "{\"a\":1,\"total_processing_time\":\"mine\"}";
    metadata = json_object_object_get(parsed(formatted(&c)), "metadata");
    ck_assert_str_eq(json_object_to_json_string_ext(metadata, JSON_C_TO_STRING_PLAIN),
                     "{\"a\":1,\"total_processing_time\":\"45s\"}");
}
END_TEST

START_TEST(what_never_expires_says_null)
{
    llmq_conversation_t c = sample();

    c.expires_at = APR_INT64_MAX;
    ck_assert_ptr_nonnull(strstr(formatted(&c), "\"expires_at\":null"));
}
END_TEST

TCase *case_conversation(void)
{
    TCase *tc = test_case("conversation");

    tcase_add_test(tc, the_least_is_a_user);
    tcase_add_test(tc, every_field_is_taken);
    tcase_add_test(tc, nulls_are_as_if_absent);
    tcase_add_test(tc, a_user_may_stand_in);
    tcase_add_loop_test(tc, bad_bodies_are_refused, 0,
                        sizeof(bad_new) / sizeof(bad_new[0]));
    tcase_add_loop_test(tc, bad_patches_are_refused, 0,
                        sizeof(bad_patches) / sizeof(bad_patches[0]));
    tcase_add_test(tc, a_patch_says_what_it_changes);
    tcase_add_test(tc, states_and_their_words_agree);
    tcase_add_test(tc, an_answer_has_every_member);
    tcase_add_test(tc, completed_messages_show_their_time);
    tcase_add_test(tc, what_never_expires_says_null);
    return tc;
}
