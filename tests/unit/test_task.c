#include "support.h"

#include "base/clock.h"
#include "core/task.h"

#include <apr_strings.h>

#include <json-c/json.h>
#include <string.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))
#define NOW      1735727400000000 /* 2025-01-01T10:30:00Z */
#define SEC      APR_USEC_PER_SEC

#define MINIMAL                                                                          \
    "\"task_type\":\"document_processing\",\"kb_id\":\"kb_1\",\"payload\":{\"a\":1}"

static llmq_task_types_t types;
static llmq_task_conf_t conf;

static void setup(void)
{
    llmq_task_type_t *own;

    llmq_task_type_init(&types);
    own = llmq_task_type_add(&types, "own");
    own->timeout = 7 * SEC;
    own->max_retries = 0;
    own->max_payload = 10;
    conf = (llmq_task_conf_t){.types = &types,
                              .max_payload = 100,
                              .max_batch = 3,
                              .max_retries = 3,
                              .most_retries = 20,
                              .timeout = 300 * SEC,
                              .max_timeout = 3600 * SEC,
                              .max_delay = 86400 * SEC,
                              .max_depth = 64};
    llmq_clock_set(NOW);
}

static struct json_object *parsed(const char *text)
{
    struct json_object *obj = NULL;
    llmq_result_t why = {0};

    ck_assert_msg(llmq_json_parse(&obj, text, strlen(text), 64, &why, test_pool) == 0,
                  "%s: %s", text, why.reason);
    return obj;
}

static llmq_job_t *accepted(const char *body)
{
    llmq_result_t why = {0};
    llmq_job_t *job = NULL;

    ck_assert_msg(llmq_task_from_json(&job, parsed(body), "acme", &conf, &why, test_pool)
                      == APR_SUCCESS,
                  "%s: %s", body, why.reason);
    return job;
}

static void refused(const char *body, llmq_problem_e problem, const char *field)
{
    llmq_result_t why = {0};
    llmq_job_t *job = NULL;

    ck_assert_msg(llmq_task_from_json(&job, parsed(body), "acme", &conf, &why, test_pool)
                      == LLMQ_EBODY,
                  "accepted: %s", body);
    ck_assert_ptr_null(job);
    ck_assert_msg(why.problem == problem, "%s: %s", body, llmq_result_name(why.problem));
    ck_assert_msg(field ? why.field && strcmp(why.field, field) == 0 : !why.field,
                  "%s: field %s", body, why.field ? why.field : "-");
    ck_assert_ptr_nonnull(why.reason);
}

START_TEST(defaults_are_those_of_the_location)
{
    llmq_job_t *job;

    setup();
    job = accepted("{" MINIMAL "}");
    ck_assert_str_eq(job->tenant, "acme");
    ck_assert_str_eq(job->type, "document_processing");
    ck_assert_str_eq(job->user, "kb_1");
    ck_assert_int_eq(job->kind, LLMQ_KIND_TASK);
    ck_assert_int_eq(job->level, LLMQ_LEVEL_NORMAL);
    ck_assert_int_eq(job->status, LLMQ_STATUS_PENDING);
    ck_assert_int_eq(job->max_retries, 3);
    ck_assert_int_eq(job->timeout, 300 * SEC);
    ck_assert_int_eq(job->created_at, NOW);
    ck_assert_int_eq(job->run_at, 0);
    ck_assert_str_eq(job->metadata, "{}");
    ck_assert_uint_eq(job->payload_len, strlen(job->payload));
    ck_assert_ptr_null(job->id);
}
END_TEST

START_TEST(a_type_has_defaults_of_its_own)
{
    llmq_job_t *job;

    setup();
    job = accepted("{\"task_type\":\"own\",\"kb_id\":\"k\",\"payload\":{\"a\":1}}");
    ck_assert_int_eq(job->timeout, 7 * SEC);
    ck_assert_int_eq(job->max_retries, 0);
    job = accepted("{\"task_type\":\"own\",\"kb_id\":\"k\",\"payload\":{},"
                   "\"timeout\":9,\"max_retries\":2}");
    ck_assert_int_eq(job->timeout, 9 * SEC);
    ck_assert_int_eq(job->max_retries, 2);
    refused("{\"task_type\":\"own\",\"kb_id\":\"k\",\"payload\":{\"long\":\"enough\"}}",
            LLMQ_PROBLEM_BODY_SIZE, "payload");
}
END_TEST

START_TEST(each_word_is_a_level_and_back)
{
    static const struct {
        const char *word;
        llmq_level_e level;
    } rows[] = {{"critical", LLMQ_LEVEL_REALTIME},
                {"high", LLMQ_LEVEL_HIGH},
                {"normal", LLMQ_LEVEL_NORMAL},
                {"low", LLMQ_LEVEL_LOW}};
    int i;

    setup();
    for (i = 0; i < COUNT(rows); i++) {
        ck_assert_int_eq(
            accepted(apr_psprintf(test_pool, "{" MINIMAL ",\"priority\":\"%s\"}",
                                  rows[i].word))
                ->level,
            rows[i].level);
        ck_assert_str_eq(llmq_task_level_name(rows[i].level), rows[i].word);
    }
    ck_assert_str_eq(llmq_task_level_name(LLMQ_LEVEL_COUNT), "none");
    ck_assert_int_eq(accepted("{" MINIMAL ",\"priority\":null}")->level,
                     LLMQ_LEVEL_NORMAL);
}
END_TEST

START_TEST(whole_and_broken_seconds_are_a_timeout)
{
    setup();
    ck_assert_int_eq(accepted("{" MINIMAL ",\"timeout\":1}")->timeout, SEC);
    ck_assert_int_eq(accepted("{" MINIMAL ",\"timeout\":0.5}")->timeout, SEC / 2);
    ck_assert_int_eq(accepted("{" MINIMAL ",\"timeout\":3600}")->timeout, 3600 * SEC);
    ck_assert_int_eq(accepted("{" MINIMAL ",\"timeout\":null}")->timeout, 300 * SEC);
}
END_TEST

START_TEST(a_moment_to_come_delays_and_a_past_one_does_not)
{
    llmq_job_t *job;

    setup();
    job = accepted("{" MINIMAL ",\"schedule_for\":\"2025-01-01T11:00:00Z\"}");
    ck_assert_int_eq(job->run_at, NOW + 1800 * SEC);
    ck_assert_str_eq(job->metadata, "{\"schedule_for\":\"2025-01-01T11:00:00Z\"}");
    job = accepted("{" MINIMAL ",\"schedule_for\":\"2025-01-01T12:30:00+02:00\"}");
    ck_assert_int_eq(job->run_at, 0);
    job = accepted("{" MINIMAL ",\"schedule_for\":\"2001-01-01T00:00:00Z\"}");
    ck_assert_int_eq(job->run_at, 0);
    ck_assert_str_eq(job->metadata, "{\"schedule_for\":\"2001-01-01T00:00:00Z\"}");
}
END_TEST

START_TEST(what_is_wrong_is_refused_with_its_field)
{
    static const struct {
        const char *body;
        const char *field;
    } rows[] = {
        {"[]", NULL},
        {"7", NULL},
        {"{}", "task_type"},
        {"{\"task_type\":null}", "task_type"},
        {"{\"task_type\":7}", "task_type"},
        {"{\"task_type\":\"\"}", "task_type"},
        {"{\"task_type\":\"url_download_processing\"}", "task_type"},
        {"{\"task_type\":\"health_check\"}", "kb_id"},
        {"{\"task_type\":\"health_check\",\"kb_id\":\" \"}", "kb_id"},
        {"{\"task_type\":\"health_check\",\"kb_id\":4}", "kb_id"},
        {"{\"task_type\":\"health_check\",\"kb_id\":\"a\\nb\"}", "kb_id"},
        {"{\"task_type\":\"health_check\",\"kb_id\":\"a\\u0085b\"}", "kb_id"},
        {"{\"task_type\":\"health_check\",\"kb_id\":\"k\"}", "payload"},
        {"{\"task_type\":\"health_check\",\"kb_id\":\"k\",\"payload\":null}", "payload"},
        {"{\"task_type\":\"health_check\",\"kb_id\":\"k\",\"payload\":[]}", "payload"},
        {"{\"task_type\":\"health_check\",\"kb_id\":\"k\",\"payload\":\"{}\"}",
         "payload"},
        {"{" MINIMAL ",\"priority\":\"realtime\"}", "priority"},
        {"{" MINIMAL ",\"priority\":\"HIGH\"}", "priority"},
        {"{" MINIMAL ",\"priority\":2}", "priority"},
        {"{" MINIMAL ",\"max_retries\":-1}", "max_retries"},
        {"{" MINIMAL ",\"max_retries\":21}", "max_retries"},
        {"{" MINIMAL ",\"max_retries\":1.5}", "max_retries"},
        {"{" MINIMAL ",\"max_retries\":\"1\"}", "max_retries"},
        {"{" MINIMAL ",\"timeout\":0}", "timeout"},
        {"{" MINIMAL ",\"timeout\":-1}", "timeout"},
        {"{" MINIMAL ",\"timeout\":3601}", "timeout"},
        {"{" MINIMAL ",\"timeout\":1e300}", "timeout"},
        {"{" MINIMAL ",\"timeout\":\"30\"}", "timeout"},
        {"{" MINIMAL ",\"timeout\":true}", "timeout"},
        {"{" MINIMAL ",\"schedule_for\":\"tomorrow\"}", "schedule_for"},
        {"{" MINIMAL ",\"schedule_for\":1735727400}", "schedule_for"},
        {"{" MINIMAL ",\"schedule_for\":\"2025-01-03T10:30:00Z\"}", "schedule_for"},
        {"{" MINIMAL ",\"callback_url\":7}", "callback_url"},
        {"{" MINIMAL ",\"callback_url\":\"\"}", "callback_url"},
        {"{" MINIMAL ",\"callback_url\":\"/hook\"}", "callback_url"},
        {"{" MINIMAL ",\"callback_url\":\"ftp://h/\"}", "callback_url"},
        {"{" MINIMAL ",\"callback_url\":\"http://u:p@h/\"}", "callback_url"},
    };
    int i;

    setup();
    for (i = 0; i < COUNT(rows); i++)
        refused(rows[i].body, LLMQ_PROBLEM_REQUEST, rows[i].field);
}
END_TEST

START_TEST(bounds_are_exact)
{
    char name[LLMQ_NAME_MAX + 2];

    setup();
    memset(name, 'k', sizeof(name));
    name[LLMQ_NAME_MAX] = '\0';
    accepted(apr_psprintf(
        test_pool, "{\"task_type\":\"own\",\"kb_id\":\"%s\",\"payload\":{}}", name));
    name[LLMQ_NAME_MAX] = 'k';
    name[LLMQ_NAME_MAX + 1] = '\0';
    refused(apr_psprintf(test_pool,
                         "{\"task_type\":\"own\",\"kb_id\":\"%s\",\"payload\":{}}", name),
            LLMQ_PROBLEM_REQUEST, "kb_id");
    conf.max_payload = strlen("{\"a\":1}");
    accepted("{" MINIMAL "}");
    conf.max_payload--;
    refused("{" MINIMAL "}", LLMQ_PROBLEM_BODY_SIZE, "payload");
}
END_TEST

START_TEST(a_payload_is_kept_to_the_digit)
{
    setup();
    ck_assert_str_eq(
        accepted("{\"task_type\":\"health_check\",\"kb_id\":\"k\",\"payload\":"
                 "{\"n\":123456789012345678901234567890,\"f\":1.50,\"s\":\"\\u00e4/\"}}")
            ->payload,
        "{\"n\":123456789012345678901234567890,\"f\":1.50,\"s\":\"\xc3\xa4/\"}");
}
END_TEST

/* ---- to JSON ---- */

static const llmq_job_t fresh = {.id = "0198a3f2-0000-7000-8000-000000000000",
                                 .tenant = "acme",
                                 .type = "health_check",
                                 .user = "kb",
                                 .payload = "{\"a\": 1}",
                                 .payload_len = 8,
                                 .metadata = "{}",
                                 .kind = LLMQ_KIND_TASK,
                                 .level = LLMQ_LEVEL_HIGH,
                                 .timeout = 300 * SEC,
                                 .max_retries = 3,
                                 .created_at = NOW,
                                 .updated_at = NOW};

static const char *shown(const llmq_job_t *job, apr_uint32_t position, apr_time_t end)
{
    llmq_task_view_t view = {NOW, position, end};
    llmq_text_t t;

    llmq_text_init(&t, 64, test_pool);
    llmq_task_to_json(&t, job, &view);
    parsed(t.data);
    return t.data;
}

static void shows(const char *text, const char *part)
{
    ck_assert_msg(strstr(text, part) != NULL, "%s lacks %s", text, part);
}

START_TEST(a_fresh_task_is_shown_whole)
{
    ck_assert_str_eq(
        shown(&fresh, 4, NOW + 60 * SEC),
        "{\"id\":\"0198a3f2-0000-7000-8000-000000000000\",\"task_type\":\"health_check\","
        "\"status\":\"queued\",\"priority\":\"high\",\"kb_id\":\"kb\","
        "\"payload\":{\"a\": 1},\"result\":null,\"progress\":0,\"progress_message\":\"\","
        "\"retry_count\":0,\"max_retries\":3,\"timeout\":300,\"deliveries\":0,"
        "\"error_message\":\"\",\"worker_id\":\"\","
        "\"created_at\":\"2025-01-01T10:30:00Z\",\"updated_at\":\"2025-01-01T10:30:00Z\","
        "\"started_at\":null,\"completed_at\":null,\"schedule_for\":null,"
        "\"scheduled_for\":null,\"estimated_completion\":\"2025-01-01T10:31:00Z\","
        "\"queue_position\":4}");
}
END_TEST

START_TEST(a_task_in_work_shows_who_and_how_far)
{
    llmq_job_t job = fresh;
    const char *text;

    job.status = LLMQ_STATUS_PROCESSING;
    job.owner = "worker_1";
    job.progress = 65;
    job.note = "half \"done\"";
    job.started_at = NOW - 5 * SEC;
    job.deliveries = 2;
    job.timeout = SEC / 2;
    text = shown(&job, 0, 0);
    shows(text, "\"status\":\"processing\"");
    shows(text, "\"worker_id\":\"worker_1\"");
    shows(text, "\"progress\":65,\"progress_message\":\"half \\\"done\\\"\"");
    shows(text, "\"started_at\":\"2025-01-01T10:29:55Z\"");
    shows(text, "\"timeout\":0.5,\"deliveries\":2");
    shows(text, "\"estimated_completion\":null,\"queue_position\":0");
}
END_TEST

START_TEST(the_moment_is_echoed_as_it_was_given_and_as_ours)
{
    llmq_job_t job = fresh;
    const char *text;

    job.metadata = "{\"schedule_for\":\"2025-01-01T13:00:00+02:00\"}";
    text = shown(&job, 0, 0);
    shows(text, "\"schedule_for\":\"2025-01-01T13:00:00+02:00\"");
    shows(text, "\"scheduled_for\":\"2025-01-01T11:00:00Z\"");
}
END_TEST

START_TEST(states_have_words_of_their_own)
{
    static const struct {
        llmq_status_e status;
        int retries;
        apr_time_t run_at;
        llmq_task_state_e state;
        const char *word;
    } rows[] = {
        {LLMQ_STATUS_PENDING, 0, 0, LLMQ_TASK_QUEUED, "queued"},
        {LLMQ_STATUS_PENDING, 0, NOW + 1, LLMQ_TASK_QUEUED, "queued"},
        {LLMQ_STATUS_PENDING, 1, NOW, LLMQ_TASK_QUEUED, "queued"},
        {LLMQ_STATUS_PENDING, 1, NOW + 1, LLMQ_TASK_RETRYING, "retrying"},
        {LLMQ_STATUS_PROCESSING, 0, 0, LLMQ_TASK_PROCESSING, "processing"},
        {LLMQ_STATUS_COMPLETED, 0, 0, LLMQ_TASK_COMPLETED, "completed"},
        {LLMQ_STATUS_FAILED, 3, 0, LLMQ_TASK_FAILED, "failed"},
        {LLMQ_STATUS_TIMEOUT, 3, 0, LLMQ_TASK_FAILED, "failed"},
        {LLMQ_STATUS_CANCELED, 0, 0, LLMQ_TASK_CANCELED, "canceled"},
    };
    int i;

    for (i = 0; i < COUNT(rows); i++) {
        llmq_job_t job = fresh;

        job.status = rows[i].status;
        job.retry_count = rows[i].retries;
        job.run_at = rows[i].run_at;
        ck_assert_int_eq(llmq_task_state(&job, NOW), rows[i].state);
        ck_assert_str_eq(llmq_task_state_name(rows[i].state), rows[i].word);
    }
    ck_assert_ptr_null(llmq_task_state_words[LLMQ_TASK_COUNT]);
    ck_assert_str_eq(llmq_task_state_name(LLMQ_TASK_COUNT), "");
}
END_TEST

START_TEST(an_error_is_its_message_or_its_sentence)
{
    llmq_job_t job = fresh;

    ck_assert_str_eq(llmq_task_error(&job, test_pool), "");
    job.error = "{\"type\":\"worker\",\"message\":\"no \\\"room\\\"\"}";
    ck_assert_str_eq(llmq_task_error(&job, test_pool), "no \"room\"");
    shows(shown(&job, 0, 0), "\"error_message\":\"no \\\"room\\\"\"");
    job.error = "it broke";
    ck_assert_str_eq(llmq_task_error(&job, test_pool), "it broke");
    job.error = "{\"type\":\"worker\"}";
    ck_assert_str_eq(llmq_task_error(&job, test_pool), "failed");
}
END_TEST

START_TEST(results_are_shown_as_they_are_and_callbacks_not_at_all)
{
    llmq_job_t job = fresh;
    const char *text;

    job.status = LLMQ_STATUS_COMPLETED;
    job.finished_at = NOW;
    job.result = "{\"pages\":3}";
    job.callback = "[\"https://a.example/\"]";
    text = shown(&job, 0, NOW);
    shows(text, "\"result\":{\"pages\":3}");
    ck_assert_ptr_null(strstr(text, "a.example"));
    shows(text, "\"completed_at\":\"2025-01-01T10:30:00Z\"");
}
END_TEST

START_TEST(who_is_told_of_the_end_is_the_callers_and_the_locations_choice)
{
    static const char *const common[] = {"https://audit.example/"};

    setup();
    ck_assert_ptr_null(accepted("{" MINIMAL "}")->callback);
    ck_assert_str_eq(
        accepted("{" MINIMAL ",\"callback_url\":\"HTTP://A.example\"}")->callback,
        "[\"http://a.example/\"]");
    conf.callbacks = common;
    conf.n_callbacks = 1;
    ck_assert_str_eq(accepted("{" MINIMAL "}")->callback, "[\"https://audit.example/\"]");
    ck_assert_str_eq(
        accepted("{" MINIMAL ",\"callback_url\":\"http://a.example/\"}")->callback,
        "[\"https://audit.example/\",\"http://a.example/\"]");
    conf.callbacks = NULL;
    conf.n_callbacks = 0;
}
END_TEST

static void give_clock_back(void)
{
    llmq_clock_set(0);
}

TCase *case_task(void)
{
    TCase *tc = test_case("task");

    tcase_add_checked_fixture(tc, NULL, give_clock_back);
    tcase_add_test(tc, defaults_are_those_of_the_location);
    tcase_add_test(tc, a_type_has_defaults_of_its_own);
    tcase_add_test(tc, each_word_is_a_level_and_back);
    tcase_add_test(tc, whole_and_broken_seconds_are_a_timeout);
    tcase_add_test(tc, a_moment_to_come_delays_and_a_past_one_does_not);
    tcase_add_test(tc, what_is_wrong_is_refused_with_its_field);
    tcase_add_test(tc, bounds_are_exact);
    tcase_add_test(tc, a_payload_is_kept_to_the_digit);
    tcase_add_test(tc, a_fresh_task_is_shown_whole);
    tcase_add_test(tc, a_task_in_work_shows_who_and_how_far);
    tcase_add_test(tc, the_moment_is_echoed_as_it_was_given_and_as_ours);
    tcase_add_test(tc, states_have_words_of_their_own);
    tcase_add_test(tc, an_error_is_its_message_or_its_sentence);
    tcase_add_test(tc, results_are_shown_as_they_are_and_callbacks_not_at_all);
    tcase_add_test(tc, who_is_told_of_the_end_is_the_callers_and_the_locations_choice);
    return tc;
}
