#include "core/app_turn.h"

#include "support.h"

#include <string.h>

#define T0   APR_INT64_C(1714053834000000)
#define TURN "0199aa00-0000-7000-8000-000000000001"

static llmq_app_t app = {.id = "a1", .tenant = "acme", .owner = "ann"};

static llmq_job_t make(void)
{
    llmq_app_turn_t turn = {.id = TURN,
                            .app = &app,
                            .conversation = "v1",
                            .user = "ann",
                            .query = "LLM?",
                            .now = T0,
                            .timeout = 60,
                            .max_retries = 2};
    llmq_job_t job;

    llmq_app_turn_job(&job, &turn, test_pool);
    return job;
}

START_TEST(a_turn_is_a_job_at_realtime)
{
    llmq_job_t job = make();
    llmq_app_mark_t mark;

    ck_assert_int_eq(job.kind, LLMQ_KIND_DEBUG);
    ck_assert_int_eq(job.level, LLMQ_LEVEL_REALTIME);
    ck_assert_str_eq(job.chain, "debug/v1");
    ck_assert_str_eq(job.payload, "LLM?");
    ck_assert_int_eq(job.deadline, T0 + 60);
    ck_assert_int_eq(job.timeout, 60);
    llmq_app_turn_mark(&mark, &job, test_pool);
    ck_assert_str_eq(mark.app, "a1");
    ck_assert_int_eq(mark.rounds, 3);
    ck_assert_int_eq(mark.memory, 0);
}
END_TEST

START_TEST(it_is_sent_as_the_draft_says)
{
    llmq_app_mark_t mark;
    llmq_job_t job;

    app.config[LLMQ_APP_DRAFTED].id = "c1";
    app.config[LLMQ_APP_DRAFTED].rounds = 0;
    app.config[LLMQ_APP_DRAFTED].memory = LLMQ_APP_MEMORY_LONG_TERM;
    job = make();
    llmq_app_turn_mark(&mark, &job, test_pool);
    ck_assert_int_eq(mark.rounds, 0);
    ck_assert_int_ne(mark.memory, 0);
    ck_assert_ptr_nonnull(strstr(job.metadata, "\"memory\":true"));
}
END_TEST

START_TEST(metadata_of_others_name_no_app)
{
    static const char *const others[] = {NULL, "", "[]", "{}", "{\"app_id\":7}"};
    llmq_job_t job = {.metadata = others[_i]};
    llmq_app_mark_t mark;

    llmq_app_turn_mark(&mark, &job, test_pool);
    ck_assert_str_eq(mark.app, "");
    ck_assert_int_eq(mark.rounds, 0);
    ck_assert_int_eq(mark.memory, 0);
}
END_TEST

START_TEST(a_turn_has_one_memory_job)
{
    llmq_job_t turn = make();
    llmq_job_t job;
    llmq_app_mark_t mark;

    turn.finished_at = T0 + 5;
    llmq_app_turn_memory_job(&job, &turn, "a1", 4, test_pool);
    ck_assert_str_eq(job.id, "mem_" TURN);
    ck_assert_uint_le(strlen(job.id), LLMQ_ID_MAX);
    ck_assert_int_eq(job.kind, LLMQ_KIND_MEMORY);
    ck_assert_int_eq(job.level, LLMQ_LEVEL_LOW);
    ck_assert_str_eq(job.chain, "memory/a1");
    ck_assert_str_eq(job.payload, "debug/v1");
    ck_assert_str_eq(job.tenant, "acme");
    ck_assert_int_eq(job.created_at, T0 + 5);
    ck_assert_int_eq(job.max_retries, 4);
    llmq_app_turn_mark(&mark, &job, test_pool);
    ck_assert_str_eq(mark.app, "a1");
}
END_TEST

static const char *text_of(const llmq_job_t *job)
{
    llmq_text_t t;

    llmq_text_init(&t, 16, test_pool);
    llmq_app_turn_write(&t, job, test_pool);
    return t.data;
}

START_TEST(as_s2_shows_it)
{
    llmq_job_t job = make();

    job.result = "{\"content\":\"A \\\"model\\\"\",\"usage\":{\"prompt_tokens\":3,"
                 "\"completion_tokens\":1454}}";
    job.finished_at = T0 + 8541250;
    job.updated_at = T0 + 9000000;
    ck_assert_str_eq(text_of(&job),
                     "{\"id\":\"" TURN "\",\"conversation_id\":\"v1\",\"query\":\"LLM?\","
                     "\"answer\":\"A \\\"model\\\"\",\"answer_tokens\":1454,"
                     "\"response_latency\":8541.25,\"updated_at\":1714053843,"
                     "\"created_at\":1714053834}");
}
END_TEST

START_TEST(without_an_answer)
{
    llmq_job_t job = make();

    job.result = _i ? "{\"content\":[1],\"usage\":{\"completion_tokens\":\"x\"}}" : NULL;
    ck_assert_str_eq(text_of(&job),
                     "{\"id\":\"" TURN "\",\"conversation_id\":\"v1\",\"query\":\"LLM?\","
                     "\"answer\":\"\",\"answer_tokens\":0,\"response_latency\":0,"
                     "\"updated_at\":1714053834,\"created_at\":1714053834}");
}
END_TEST

START_TEST(what_models_are_told)
{
    llmq_chat_turn_t turns[] = {{"hello", "hi"}, {"I like tea", "noted"}};
    const char *text;

    ck_assert_ptr_null(llmq_app_turn_recall(NULL, test_pool));
    ck_assert_ptr_null(llmq_app_turn_recall("", test_pool));
    ck_assert_ptr_nonnull(
        strstr(llmq_app_turn_recall("likes tea", test_pool), "likes tea"));
    text = llmq_app_turn_ask_memory("old \"news\"", turns, 2, test_pool);
    ck_assert_ptr_nonnull(strstr(text, "old \\\"news\\\""));
    ck_assert_ptr_nonnull(strstr(text, "Human: hello\\nAI: hi\\nHuman: I like tea\\nAI: "
                                       "noted"));
    ck_assert_ptr_nonnull(strstr(text, "{\"role\":\"system\""));
    text = llmq_app_turn_ask_memory("", turns, 1, test_pool);
    ck_assert_ptr_nonnull(strstr(text, "(none)"));
    ck_assert_ptr_null(strstr(text, "tea"));
}
END_TEST

TCase *case_app_turn(void)
{
    TCase *tc = test_case("app_turn");

    tcase_add_test(tc, a_turn_is_a_job_at_realtime);
    tcase_add_test(tc, it_is_sent_as_the_draft_says);
    tcase_add_loop_test(tc, metadata_of_others_name_no_app, 0, 5);
    tcase_add_test(tc, a_turn_has_one_memory_job);
    tcase_add_test(tc, as_s2_shows_it);
    tcase_add_loop_test(tc, without_an_answer, 0, 2);
    tcase_add_test(tc, what_models_are_told);
    return tc;
}
