#include "support.h"

#include "base/clock.h"
#include "base/id.h"
#include "core/message.h"
#include "core/priority.h"

#include <apr_strings.h>

#include <json-c/json.h>
#include <string.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))
#define NOW      1735727400000000 /* 2025-01-01T10:30:00Z */
#define SEC      APR_USEC_PER_SEC
#define MAX      100 /* bytes of content */

static const llmq_message_conf_t conf = {.max_content_bytes = MAX,
                                         .max_depth = 64,
                                         .max_retries = 3,
                                         .timeout = 30 * SEC,
                                         .max_timeout = 600 * SEC,
                                         .max_delay = 3600 * SEC};

static struct json_object *parsed(const char *text)
{
    struct json_object *obj = NULL;
    llmq_result_t why = {0};

    ck_assert_msg(llmq_json_parse(&obj, text, strlen(text), 64, &why, test_pool) == 0,
                  "%s: %s", text, why.reason);
    return obj;
}

/* The job of a body that must be accepted. */
static llmq_job_t *accepted(const char *body)
{
    llmq_result_t why = {0};
    llmq_job_t *job = NULL;

    ck_assert_msg(
        llmq_message_from_json(&job, parsed(body), "acme", &conf, &why, test_pool)
            == APR_SUCCESS,
        "%s: %s", body, why.reason);
    return job;
}

static void refused(const char *body, llmq_problem_e problem, const char *field)
{
    llmq_result_t why = {0};
    llmq_job_t *untouched = (llmq_job_t *)&why;
    llmq_job_t *job = untouched;

    ck_assert_msg(
        llmq_message_from_json(&job, parsed(body), "acme", &conf, &why, test_pool)
            == LLMQ_EBODY,
        "accepted: %s", body);
    ck_assert_ptr_eq(job, untouched);
    ck_assert_msg(why.problem == problem, "%s: problem %s", body,
                  llmq_result_name(why.problem));
    if (field)
        ck_assert_str_eq(why.field, field);
    else
        ck_assert_ptr_null(why.field);
    ck_assert_uint_gt(strlen(why.reason), 10);
}

/* A body with one member of the test's own. */
static const char *body_with(const char *member)
{
    return apr_psprintf(test_pool, "{\"user_id\":\"u\",\"content\":\"c\",%s}", member);
}

START_TEST(the_sample_of_the_document_becomes_a_job)
{
    llmq_job_t *job;

    llmq_clock_set(NOW);
    job =
        accepted("{\"conversation_id\":\"conv_123456\",\"user_id\":\"user_789\","
                 "\"content\":\"Hello, this is a test message\",\"priority\":\"normal\","
                 "\"metadata\":{\"source\":\"web\",\"client_version\":\"1.0.0\"}}");
    ck_assert_int_eq(strncmp(job->id, "msg_", 4), 0);
    ck_assert_uint_eq(strlen(job->id), 4 + LLMQ_ULID_LEN);
    ck_assert_str_eq(job->tenant, "acme");
    ck_assert_str_eq(job->chain, "conv_123456");
    ck_assert_str_eq(job->user, "user_789");
    ck_assert_str_eq(job->payload, "Hello, this is a test message");
    ck_assert_uint_eq(job->payload_len, strlen(job->payload));
    ck_assert_str_eq(job->metadata, "{\"source\":\"web\",\"client_version\":\"1.0.0\"}");
    ck_assert_int_eq(job->level, LLMQ_LEVEL_NORMAL);
    ck_assert_int_eq(job->kind, LLMQ_KIND_MESSAGE);
    ck_assert_int_eq(job->status, LLMQ_STATUS_PENDING);
    ck_assert_int_eq(job->created_at, NOW);
    ck_assert_int_eq(job->updated_at, NOW);
    ck_assert_int_eq(job->timeout, 30 * SEC);
    ck_assert_int_eq(job->max_retries, 3);
}
END_TEST

START_TEST(what_the_body_does_not_say_has_defaults)
{
    static const char *const bodies[] = {
        "{\"content\":\"c\",\"user_id\":\"u\"}",
        ("{\"content\":\"c\",\"user_id\":\"u\",\"priority\":null,"
         "\"conversation_id\":null,\"metadata\":null}"),
        "{\"content\":\"c\",\"user_id\":\"u\",\"conversation_id\":\"\",\"unknown\":[1]}",
    };
    llmq_job_t *job = accepted(bodies[_i]);

    ck_assert_int_eq(job->level, LLMQ_LEVEL_NORMAL);
    ck_assert_str_eq(job->metadata, "{}");
    ck_assert_int_eq(strncmp(job->chain, "conv_", 5), 0);
    ck_assert_uint_eq(strlen(job->chain), 5 + LLMQ_ULID_LEN);
    ck_assert_ptr_null(job->node);
    ck_assert_ptr_null(job->owner);
    ck_assert_ptr_null(job->result);
    ck_assert_ptr_null(job->error);
    ck_assert_int_eq(job->seq, 0);
    ck_assert_int_eq(job->run_at, 0);
    ck_assert_int_eq(job->started_at, 0);
    ck_assert_int_eq(job->finished_at, 0);
    ck_assert_int_eq(job->attempt, 0);
    ck_assert_int_eq(job->retry_count, 0);
    ck_assert_int_eq(job->dead_letter, 0);
}
END_TEST

START_TEST(each_message_and_new_conversation_has_an_id_of_its_own)
{
    llmq_job_t *one = accepted("{\"content\":\"c\",\"user_id\":\"u\"}");
    llmq_job_t *two = accepted("{\"content\":\"c\",\"user_id\":\"u\"}");

    ck_assert_str_ne(one->id, two->id);
    ck_assert_str_ne(one->chain, two->chain);
}
END_TEST

START_TEST(each_level_is_accepted_as_word_and_number)
{
    const char *word = llmq_priority_name((llmq_level_e)_i);

    ck_assert_int_eq(
        accepted(body_with(apr_psprintf(test_pool, "\"priority\":\"%s\"", word)))->level,
        _i);
    ck_assert_int_eq(
        accepted(body_with(apr_psprintf(test_pool, "\"priority\":%d", _i)))->level, _i);
}
END_TEST

START_TEST(any_other_priority_is_refused)
{
    static const char *const others[] = {"0",
                                         "5",
                                         "-1",
                                         "1.0",
                                         "2.5",
                                         "1e0",
                                         "99999999999999999999",
                                         "\"\"",
                                         "\"1\"",
                                         "true",
                                         "false",
                                         "[]",
                                         "{}",
                                         "[\"high\"]",
                                         "\"High\"",
                                         "\"urgent\"",
                                         "\"normal \"",
                                         "\"none\"",
                                         "4294967297",
                                         "-4294967295"};

    refused(body_with(apr_psprintf(test_pool, "\"priority\":%s", others[_i])),
            LLMQ_PROBLEM_PRIORITY, "priority");
}
END_TEST

static const char *const blanks[] = {
    "\"\"",
    "\" \"",
    "\" \\t\\r\\n\\u000b\\f \"",
    "\"\xC2\xA0\"",
    "\"\\u0085\"",
    "\"\\u1680\\u2000\\u2005\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\"",
    "null",
};

START_TEST(blank_content_is_empty)
{
    refused(apr_psprintf(test_pool, "{\"user_id\":\"u\",\"content\":%s}", blanks[_i]),
            LLMQ_PROBLEM_CONTENT_EMPTY, "content");
}
END_TEST

START_TEST(absent_content_is_empty)
{
    refused("{\"user_id\":\"u\"}", LLMQ_PROBLEM_CONTENT_EMPTY, "content");
    refused("{}", LLMQ_PROBLEM_CONTENT_EMPTY, "content");
}
END_TEST

START_TEST(content_with_one_visible_character_is_kept_as_it_is)
{
    static const char *const contents[] = {" x ",
                                           "\xE3\x80\x80\xE3\x80\x82",
                                           "\xE2\x80\x8B",
                                           "\xE2\x80\xA6",
                                           "\xC2\xA1",
                                           "\xF0\x9F\x98\x80",
                                           "0"};
    llmq_job_t *job = accepted(
        apr_psprintf(test_pool, "{\"user_id\":\"u\",\"content\":\"%s\"}", contents[_i]));

    ck_assert_str_eq(job->payload, contents[_i]);
    ck_assert_uint_eq(job->payload_len, strlen(contents[_i]));
}
END_TEST

START_TEST(content_of_another_type_is_a_wrong_request)
{
    static const char *const others[] = {"1",  "1.5", "true",   "false",
                                         "[]", "{}",  "[\"a\"]"};

    refused(apr_psprintf(test_pool, "{\"user_id\":\"u\",\"content\":%s}", others[_i]),
            LLMQ_PROBLEM_REQUEST, "content");
}
END_TEST

/* @a n characters of @a c. */
static const char *repeated(const char *c, int n)
{
    llmq_text_t t;

    llmq_text_init(&t, 128, test_pool);
    while (n-- > 0)
        llmq_text_puts(&t, c);
    return t.data;
}

static const char *body_of_content(const char *content)
{
    return apr_psprintf(test_pool, "{\"user_id\":\"u\",\"content\":\"%s\"}", content);
}

START_TEST(content_of_exactly_the_limit_passes_and_one_byte_more_does_not)
{
    ck_assert_uint_eq(accepted(body_of_content(repeated("x", MAX)))->payload_len, MAX);
    refused(body_of_content(repeated("x", MAX + 1)), LLMQ_PROBLEM_CONTENT_LONG,
            "content");
}
END_TEST

START_TEST(the_limit_counts_utf8_bytes)
{
    const char *e = "\xC3\xA9"; /* two bytes */

    ck_assert_uint_eq(accepted(body_of_content(repeated(e, MAX / 2)))->payload_len, MAX);
    refused(body_of_content(repeated(e, MAX / 2 + 1)), LLMQ_PROBLEM_CONTENT_LONG,
            "content");
    /* Six bytes as an escape, two in UTF-8. */
    ck_assert_uint_eq(
        accepted(body_of_content(repeated("\\u00e9", MAX / 2)))->payload_len, MAX);
}
END_TEST

static const char *const bad_users[] = {
    "\"user_id\":null",     "\"user_id\":\"\"",        "\"user_id\":1",
    "\"user_id\":\"  \"",   "\"user_id\":true",        "\"user_id\":[]",
    "\"user_id\":{}",       "\"user_id\":\"a\\nb\"",   "\"user_id\":\"\\u001f\"",
    "\"user_id\":\"\x7F\"", "\"user_id\":\"\\u0080\"", "\"user_id\":\"a\\u009f\"",
    "\"priority\":\"low\"",
};

START_TEST(a_missing_or_malformed_user_is_refused)
{
    refused(apr_psprintf(test_pool, "{\"content\":\"c\",%s}", bad_users[_i]),
            LLMQ_PROBLEM_USER, "user_id");
}
END_TEST

START_TEST(a_user_has_1_to_128_bytes_of_any_text)
{
    static const char *const users[] = {"u", "user 789", "\xE7\x94\xA8\xE6\x88\xB7",
                                        "a@b.c/d"};
    const char *form = "{\"content\":\"c\",\"user_id\":\"%s\"}";
    int i;

    for (i = 0; i < COUNT(users); i++)
        ck_assert_str_eq(accepted(apr_psprintf(test_pool, form, users[i]))->user,
                         users[i]);
    accepted(apr_psprintf(test_pool, form, repeated("u", LLMQ_NAME_MAX)));
    refused(apr_psprintf(test_pool, form, repeated("u", LLMQ_NAME_MAX + 1)),
            LLMQ_PROBLEM_USER, "user_id");
}
END_TEST

START_TEST(a_conversation_id_that_is_no_name_is_a_wrong_request)
{
    static const char *const others[] = {"1",       "true",     "[]",
                                         "{}",      "\"a b\"",  "\"\xC3\xA9\"",
                                         "\"a/b\"", "\"a\\n\"", "\" \""};

    refused(body_with(apr_psprintf(test_pool, "\"conversation_id\":%s", others[_i])),
            LLMQ_PROBLEM_REQUEST, "conversation_id");
}
END_TEST

START_TEST(a_conversation_id_has_at_most_128_bytes)
{
    const char *form = "\"conversation_id\":\"%s\"";
    const char *longest = repeated("c", LLMQ_NAME_MAX);

    ck_assert_str_eq(accepted(body_with(apr_psprintf(test_pool, form, longest)))->chain,
                     longest);
    refused(body_with(apr_psprintf(test_pool, form, repeated("c", LLMQ_NAME_MAX + 1))),
            LLMQ_PROBLEM_REQUEST, "conversation_id");
}
END_TEST

START_TEST(metadata_of_another_type_is_a_wrong_request)
{
    static const char *const others[] = {"1", "true", "[]", "\"\"", "\"{}\""};

    refused(body_with(apr_psprintf(test_pool, "\"metadata\":%s", others[_i])),
            LLMQ_PROBLEM_REQUEST, "metadata");
}
END_TEST

START_TEST(metadata_is_kept_to_the_digit)
{
    const char *metadata =
        "{\"a\":1.50,\"b\":123456789012345678901234,\"c\":\"/\xE6\xB6\x88\","
        "\"d\":[null,true,{}],\"e\":-0.0}";

    ck_assert_str_eq(
        accepted(body_with(apr_psprintf(test_pool, "\"metadata\":%s", metadata)))
            ->metadata,
        metadata);
}
END_TEST

START_TEST(a_body_that_is_no_object_is_a_wrong_request)
{
    static const char *const others[] = {
        "null",        "[]",   "1",
        "\"content\"", "true", "[{\"content\":\"c\",\"user_id\":\"u\"}]"};

    refused(others[_i], LLMQ_PROBLEM_REQUEST, NULL);
}
END_TEST

/* All fields wrong at first; each step repairs the one that was to be named. */
START_TEST(fields_are_checked_in_the_documented_order)
{
    refused("{\"content\":\"\",\"priority\":0,\"user_id\":0,\"conversation_id\":0,"
            "\"metadata\":0}",
            LLMQ_PROBLEM_CONTENT_EMPTY, "content");
    refused("{\"content\":\"c\",\"priority\":0,\"user_id\":0,\"conversation_id\":0,"
            "\"metadata\":0}",
            LLMQ_PROBLEM_PRIORITY, "priority");
    refused("{\"content\":\"c\",\"user_id\":0,\"conversation_id\":0,\"metadata\":0}",
            LLMQ_PROBLEM_USER, "user_id");
    refused("{\"content\":\"c\",\"user_id\":\"u\",\"conversation_id\":0,\"metadata\":0}",
            LLMQ_PROBLEM_REQUEST, "conversation_id");
    refused("{\"content\":\"c\",\"user_id\":\"u\",\"metadata\":0}", LLMQ_PROBLEM_REQUEST,
            "metadata");
}
END_TEST

/* The message of the document, as the store gives it back. */
static llmq_job_t sample(llmq_status_e status)
{
    llmq_job_t job = {.id = "msg_abc123",
                      .tenant = "default",
                      .chain = "conv_123456",
                      .user = "user_789",
                      .payload = "Hello, this is a test message",
                      .payload_len = 29,
                      .metadata = "{\"source\":\"web\",\"client_version\":\"1.0.0\"}",
                      .created_at = NOW,
                      .updated_at = NOW,
                      .timeout = 30 * SEC,
                      .max_retries = 3,
                      .kind = LLMQ_KIND_MESSAGE,
                      .level = LLMQ_LEVEL_NORMAL,
                      .status = status};

    return job;
}

static const char *formatted(const llmq_job_t *job, const char *more)
{
    llmq_text_t t;

    llmq_text_init(&t, 16, test_pool);
    llmq_message_to_json(&t, job, more);
    parsed(t.data); /* must be JSON whatever the test looks at */
    return t.data;
}

/* Text of a member, NULL if it is absent. */
static const char *member_of(const char *text, const char *key)
{
    struct json_object *value;

    if (!json_object_object_get_ex(parsed(text), key, &value))
        return NULL;
    return apr_pstrdup(test_pool, llmq_json_format(value));
}

static const char *metadata_of(const llmq_job_t *job)
{
    return member_of(formatted(job, NULL), "metadata");
}

START_TEST(a_new_message_is_as_the_document_shows_it)
{
    llmq_job_t job = sample(LLMQ_STATUS_PENDING);

    ck_assert_str_eq(
        formatted(&job, NULL),
        "{\"id\":\"msg_abc123\",\"conversation_id\":\"conv_123456\",\"user_id\":\"user_"
        "789\","
        "\"content\":\"Hello, this is a test message\",\"priority\":\"normal\","
        "\"status\":\"pending\",\"queue_name\":\"normal_priority\",\"retry_count\":0,"
        "\"max_retries\":3,\"timeout\":\"30s\",\"created_at\":\"2025-01-01T10:30:00Z\","
        "\"updated_at\":\"2025-01-01T10:30:00Z\",\"result\":null,"
        "\"metadata\":{\"source\":\"web\",\"client_version\":\"1.0.0\"}}");
}
END_TEST

START_TEST(a_completed_message_is_as_the_document_shows_it)
{
    llmq_job_t job = sample(LLMQ_STATUS_COMPLETED);

    job.started_at = NOW + SEC;
    job.updated_at = job.finished_at = NOW + 15 * SEC;
    job.result = "{\"content\":\"Hi\"}";
    ck_assert_str_eq(
        formatted(&job, NULL),
        "{\"id\":\"msg_abc123\",\"conversation_id\":\"conv_123456\",\"user_id\":\"user_"
        "789\","
        "\"content\":\"Hello, this is a test message\",\"priority\":\"normal\","
        "\"status\":\"completed\",\"queue_name\":\"normal_priority\",\"retry_count\":0,"
        "\"max_retries\":3,\"timeout\":\"30s\",\"created_at\":\"2025-01-01T10:30:00Z\","
        "\"updated_at\":\"2025-01-01T10:30:15Z\",\"scheduled_at\":\"2025-01-01T10:30:"
        "01Z\","
        "\"completed_at\":\"2025-01-01T10:30:15Z\",\"result\":{\"content\":\"Hi\"},"
        "\"metadata\":{\"source\":\"web\",\"client_version\":\"1.0.0\","
        "\"processing_time\":\"14s\"}}");
}
END_TEST

START_TEST(each_state_and_level_is_written_with_its_words)
{
    llmq_job_t job = sample((llmq_status_e)_i);
    int l;

    LLMQ_EACH_LEVEL (l) {
        job.level = (llmq_level_e)l;
        ck_assert_str_eq(
            member_of(formatted(&job, NULL), "status"),
            apr_psprintf(test_pool, "\"%s\"", llmq_job_status_name(job.status)));
        ck_assert_str_eq(
            member_of(formatted(&job, NULL), "priority"),
            apr_psprintf(test_pool, "\"%s\"", llmq_priority_name(job.level)));
        ck_assert_str_eq(
            member_of(formatted(&job, NULL), "queue_name"),
            apr_psprintf(test_pool, "\"%s_priority\"", llmq_priority_name(job.level)));
    }
}
END_TEST

START_TEST(scheduled_at_is_the_attempt_or_the_time_it_waits_for)
{
    llmq_job_t job = sample(LLMQ_STATUS_PENDING);
    int status;

    ck_assert_ptr_null(member_of(formatted(&job, NULL), "scheduled_at"));
    job.started_at = NOW + SEC; /* of an attempt that failed */
    ck_assert_ptr_null(member_of(formatted(&job, NULL), "scheduled_at"));
    job.run_at = NOW + 2 * SEC;
    ck_assert_str_eq(member_of(formatted(&job, NULL), "scheduled_at"),
                     "\"2025-01-01T10:30:02Z\"");
    for (status = LLMQ_STATUS_PROCESSING; status < LLMQ_STATUS_COUNT; status++) {
        job.status = (llmq_status_e)status;
        ck_assert_str_eq(member_of(formatted(&job, NULL), "scheduled_at"),
                         "\"2025-01-01T10:30:01Z\"");
    }
}
END_TEST

START_TEST(result_is_always_there_and_error_only_when_there_is_one)
{
    llmq_job_t job = sample((llmq_status_e)_i);

    ck_assert_str_eq(member_of(formatted(&job, NULL), "result"), "null");
    ck_assert_ptr_null(member_of(formatted(&job, NULL), "error"));
    job.error = "{\"type\":\"timeout\"}";
    ck_assert_str_eq(member_of(formatted(&job, NULL), "error"), job.error);
    job.error = "gave \"up\"";
    ck_assert_str_eq(member_of(formatted(&job, NULL), "error"), "\"gave \\\"up\\\"\"");
}
END_TEST

START_TEST(only_a_completed_message_has_a_processing_time)
{
    llmq_job_t job = sample((llmq_status_e)_i);

    job.started_at = NOW;
    job.finished_at = NOW + SEC / 2;
    job.metadata = "{}";
    ck_assert_str_eq(metadata_of(&job), _i == LLMQ_STATUS_COMPLETED
                                            ? "{\"processing_time\":\"500ms\"}"
                                            : "{}");
}
END_TEST

START_TEST(only_a_dead_message_says_so)
{
    llmq_job_t job = sample(LLMQ_STATUS_FAILED);

    job.metadata = "{\"a\":1}";
    ck_assert_str_eq(metadata_of(&job), "{\"a\":1}");
    job.dead_letter = 1;
    ck_assert_str_eq(metadata_of(&job), "{\"a\":1,\"dead_letter\":true}");
}
END_TEST

static const struct {
    const char *stored;
    const char *shown;
} metadata[] = {
    {"{}", "{\"processing_time\":\"1s\",\"dead_letter\":true}"},
    {NULL, "{\"processing_time\":\"1s\",\"dead_letter\":true}"},
    {" { } ", "{\"processing_time\":\"1s\",\"dead_letter\":true}"},
    {"{\"a\":{}}\n", "{\"a\":{},\"processing_time\":\"1s\",\"dead_letter\":true}"},
    {"{\"a\":\"}\"}", "{\"a\":\"}\",\"processing_time\":\"1s\",\"dead_letter\":true}"},
    /* The caller's own members of these names give way, wherever they stand. */
    {"{\"processing_time\":\"9h\",\"a\":1}",
     "{\"processing_time\":\"1s\",\"a\":1,\"dead_letter\":true}"},
    {"{\"a\":1.50,\"dead_letter\":false}",
     "{\"a\":1.50,\"dead_letter\":true,\"processing_time\":\"1s\"}"},
    /* Deeper or as a value they stay. */
    {"{\"a\":{\"dead_letter\":0}}",
     "{\"a\":{\"dead_letter\":0},\"processing_time\":\"1s\",\"dead_letter\":true}"},
    {"{\"a\":\"processing_time\"}",
     "{\"a\":\"processing_time\",\"processing_time\":\"1s\",\"dead_letter\":true}"},
};

/* How often @a part stands in @a text. */
static int count_of(const char *text, const char *part)
{
    int n = 0;

    for (; (text = strstr(text, part)) != NULL; text++)
        n++;
    return n;
}

START_TEST(own_metadata_joins_the_callers_without_double_names)
{
    llmq_job_t job = sample(LLMQ_STATUS_COMPLETED);
    const char *text;

    job.dead_letter = 1;
    job.started_at = NOW;
    job.finished_at = NOW + SEC;
    job.metadata = metadata[_i].stored;
    text = formatted(&job, NULL);
    ck_assert_str_eq(member_of(text, "metadata"), metadata[_i].shown);
    /* member_of() would hide a double name. */
    ck_assert_int_eq(count_of(text, "\"processing_time\":"), 1);
    ck_assert_int_le(count_of(text, "\"dead_letter\":true"), 1);
}
END_TEST

START_TEST(a_living_messages_own_members_stay_the_callers)
{
    llmq_job_t job = sample(LLMQ_STATUS_PENDING);

    job.metadata = "{\"processing_time\":\"x\",\"dead_letter\":1}";
    ck_assert_str_eq(metadata_of(&job), job.metadata);
}
END_TEST

START_TEST(broken_metadata_does_not_break_the_answer)
{
    static const char *const broken[] = {"", " ", "}", "x", "null", "[]", "{\"a\":1"};
    llmq_job_t job = sample(LLMQ_STATUS_PENDING);

    job.metadata = broken[_i];
    ck_assert_str_eq(metadata_of(&job), "{}");
}
END_TEST

START_TEST(more_members_follow_inside_the_object)
{
    llmq_job_t job = sample(LLMQ_STATUS_PENDING);
    const char *text =
        formatted(&job, ",\"message_id\":\"msg_abc123\",\"estimated_wait\":2");

    ck_assert_str_eq(member_of(text, "message_id"), "\"msg_abc123\"");
    ck_assert_str_eq(member_of(text, "estimated_wait"), "2");
}
END_TEST

START_TEST(a_message_joins_a_text_that_has_begun)
{
    llmq_job_t job = sample(LLMQ_STATUS_PENDING);
    llmq_text_t t;

    llmq_text_init(&t, 16, test_pool);
    LLMQ_TEXT_LIT(&t, "[");
    llmq_message_to_json(&t, &job, NULL);
    LLMQ_TEXT_LIT(&t, ",");
    llmq_message_to_json(&t, &job, NULL);
    LLMQ_TEXT_LIT(&t, "]");
    ck_assert_uint_eq(json_object_array_length(parsed(t.data)), 2);
}
END_TEST

START_TEST(what_came_in_goes_out_unchanged)
{
    const char *content = "a\\\"b\\\\c\\n\\u0001/\xE6\xB6\x88\xF0\x9F\x98\x80<>";
    llmq_job_t *job = accepted(body_of_content(content));

    ck_assert_str_eq(member_of(formatted(job, NULL), "content"),
                     apr_psprintf(test_pool, "\"%s\"", content));
}
END_TEST

static const struct {
    const char *base;
    const char *patch;
    const char *merged;
} merges[] = {
    {"{}", "{}", "{}"},
    {"{\"a\":1}", "{}", "{\"a\":1}"},
    {"{}", "{\"a\":1}", "{\"a\":1}"},
    {"{\"a\":1,\"b\":2}", "{\"b\":3,\"c\":4}", "{\"a\":1,\"b\":3,\"c\":4}"},
    {"{\"a\":{\"x\":1,\"y\":2}}", "{\"a\":{\"x\":9}}", "{\"a\":{\"x\":9}}"},
    {"{\"a\":1}", "{\"a\":null}", "{\"a\":null}"},
    {"{\"n\":123456789012345678901234}", "{\"m\":1.50}",
     "{\"n\":123456789012345678901234,\"m\":1.50}"},
    {NULL, "{\"a\":1}", "{\"a\":1}"},
    {"broken", "{\"a\":1}", "{\"a\":1}"},
    {"[1]", "{\"a\":1}", "{\"a\":1}"},
    {"{\"a\":1}", "null", "{\"a\":1}"},
    {"{\"a\":1}", "[2]", "{\"a\":1}"},
};

START_TEST(metadata_is_merged_shallowly)
{
    struct json_object *patch = parsed(merges[_i].patch);

    ck_assert_str_eq(llmq_message_merge(merges[_i].base, patch, test_pool),
                     merges[_i].merged);
    ck_assert_str_eq(llmq_json_format(patch), merges[_i].patch);
}
END_TEST

static void give_clock_back(void)
{
    llmq_clock_set(0);
}

static void add_from_json(TCase *tc)
{
    tcase_add_test(tc, the_sample_of_the_document_becomes_a_job);
    tcase_add_loop_test(tc, what_the_body_does_not_say_has_defaults, 0, 3);
    tcase_add_test(tc, each_message_and_new_conversation_has_an_id_of_its_own);
    tcase_add_loop_test(tc, each_level_is_accepted_as_word_and_number,
                        LLMQ_LEVEL_REALTIME, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, any_other_priority_is_refused, 0, 20);
    tcase_add_loop_test(tc, blank_content_is_empty, 0, COUNT(blanks));
    tcase_add_test(tc, absent_content_is_empty);
    tcase_add_loop_test(tc, content_with_one_visible_character_is_kept_as_it_is, 0, 7);
    tcase_add_loop_test(tc, content_of_another_type_is_a_wrong_request, 0, 7);
    tcase_add_test(tc, content_of_exactly_the_limit_passes_and_one_byte_more_does_not);
    tcase_add_test(tc, the_limit_counts_utf8_bytes);
    tcase_add_loop_test(tc, a_missing_or_malformed_user_is_refused, 0, COUNT(bad_users));
    tcase_add_test(tc, a_user_has_1_to_128_bytes_of_any_text);
    tcase_add_loop_test(tc, a_conversation_id_that_is_no_name_is_a_wrong_request, 0, 9);
    tcase_add_test(tc, a_conversation_id_has_at_most_128_bytes);
    tcase_add_loop_test(tc, metadata_of_another_type_is_a_wrong_request, 0, 5);
    tcase_add_test(tc, metadata_is_kept_to_the_digit);
    tcase_add_loop_test(tc, a_body_that_is_no_object_is_a_wrong_request, 0, 6);
    tcase_add_test(tc, fields_are_checked_in_the_documented_order);
}

static void add_to_json(TCase *tc)
{
    tcase_add_test(tc, a_new_message_is_as_the_document_shows_it);
    tcase_add_test(tc, a_completed_message_is_as_the_document_shows_it);
    tcase_add_loop_test(tc, each_state_and_level_is_written_with_its_words, 0,
                        LLMQ_STATUS_COUNT);
    tcase_add_test(tc, scheduled_at_is_the_attempt_or_the_time_it_waits_for);
    tcase_add_loop_test(tc, result_is_always_there_and_error_only_when_there_is_one, 0,
                        LLMQ_STATUS_COUNT);
    tcase_add_loop_test(tc, only_a_completed_message_has_a_processing_time, 0,
                        LLMQ_STATUS_COUNT);
    tcase_add_test(tc, only_a_dead_message_says_so);
    tcase_add_loop_test(tc, own_metadata_joins_the_callers_without_double_names, 0,
                        COUNT(metadata));
    tcase_add_test(tc, a_living_messages_own_members_stay_the_callers);
    tcase_add_loop_test(tc, broken_metadata_does_not_break_the_answer, 0, 7);
    tcase_add_test(tc, more_members_follow_inside_the_object);
    tcase_add_test(tc, a_message_joins_a_text_that_has_begun);
    tcase_add_test(tc, what_came_in_goes_out_unchanged);
    tcase_add_loop_test(tc, metadata_is_merged_shallowly, 0, COUNT(merges));
}

TCase *case_message(void)
{
    TCase *tc = test_case("message");

    tcase_add_checked_fixture(tc, NULL, give_clock_back);
    add_from_json(tc);
    add_to_json(tc);
    return tc;
}
