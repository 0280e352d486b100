#include "support.h"

#include "core/chat.h"

#include <string.h>

static llmq_job_t job_saying(const char *text)
{
    llmq_job_t job = {0};

    job.payload = text;
    job.payload_len = strlen(text);
    return job;
}

static const llmq_chat_turn_t three[] = {{"q1", "a1"}, {"q2", "a2"}, {"q3", "a3"}};

START_TEST(a_message_alone_is_one_user_message)
{
    llmq_job_t job = job_saying("say \"hi\"\nnow");
    llmq_chat_past_t none = {0};
    const char *expected = "[{\"role\":\"user\",\"content\":\"say \\\"hi\\\"\\nnow\"}]";

    ck_assert_str_eq(llmq_chat_format(&job, NULL, test_pool), expected);
    ck_assert_str_eq(llmq_chat_format(&job, &none, test_pool), expected);
    none.context = "";
    ck_assert_str_eq(llmq_chat_format(&job, &none, test_pool), expected);
}
END_TEST

START_TEST(context_and_turns_come_before_it_oldest_first)
{
    llmq_job_t job = job_saying("q3");
    llmq_chat_past_t past = {"Be \"brief\".", three, 2};

    ck_assert_str_eq(llmq_chat_format(&job, &past, test_pool),
                     "[{\"role\":\"system\",\"content\":\"Be \\\"brief\\\".\"},"
                     "{\"role\":\"user\",\"content\":\"q1\"},{\"role\":\"assistant\","
                     "\"content\":\"a1\"},"
                     "{\"role\":\"user\",\"content\":\"q2\"},{\"role\":\"assistant\","
                     "\"content\":\"a2\"},"
                     "{\"role\":\"user\",\"content\":\"q3\"}]");
}
END_TEST

START_TEST(an_empty_answer_is_an_answer)
{
    llmq_chat_turn_t turn = {"q", ""};
    llmq_chat_past_t past = {NULL, &turn, 1};
    llmq_job_t job = job_saying("and?");

    ck_assert_str_eq(llmq_chat_format(&job, &past, test_pool),
                     "[{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"assistant\","
                     "\"content\":\"\"},"
                     "{\"role\":\"user\",\"content\":\"and?\"}]");
}
END_TEST

/* Limits, and how many of the three turns of four bytes each are kept. */
static const struct {
    int turns;
    apr_size_t bytes;
    int kept;
} cuts[] = {{20, 32768, 3}, {3, 12, 3}, {20, 11, 2}, {2, 32768, 2}, {20, 8, 2},
            {20, 7, 1},     {1, 4, 1},  {20, 3, 0},  {20, 0, 0},    {0, 32768, 0}};

START_TEST(the_newest_whole_turns_are_kept)
{
    llmq_chat_conf_t conf = {cuts[_i].turns, cuts[_i].bytes};
    llmq_chat_past_t past = {"context", three, 3};
    int i;

    llmq_chat_cut(&past, &conf);
    ck_assert_int_eq(past.n, cuts[_i].kept);
    ck_assert_str_eq(past.context, "context");
    for (i = 0; i < past.n; i++)
        ck_assert_ptr_eq(past.turns[i].prompt, three[3 - past.n + i].prompt);
}
END_TEST

START_TEST(a_large_turn_hides_the_older_ones)
{
    llmq_chat_turn_t turns[] = {{"q1", "a1"}, {"long long long", "a2"}, {"q3", "a3"}};
    llmq_chat_conf_t conf = {20, 10};
    llmq_chat_past_t past = {NULL, turns, 3};

    llmq_chat_cut(&past, &conf);
    ck_assert_int_eq(past.n, 1);
    ck_assert_str_eq(past.turns[0].prompt, "q3");
}
END_TEST

START_TEST(nothing_is_cut_from_nothing)
{
    llmq_chat_conf_t conf = {20, 10};
    llmq_chat_past_t past = {0};

    llmq_chat_cut(&past, &conf);
    ck_assert_int_eq(past.n, 0);
}
END_TEST

TCase *case_chat(void)
{
    TCase *tc = test_case("chat");

    tcase_add_test(tc, a_message_alone_is_one_user_message);
    tcase_add_test(tc, context_and_turns_come_before_it_oldest_first);
    tcase_add_test(tc, an_empty_answer_is_an_answer);
    tcase_add_loop_test(tc, the_newest_whole_turns_are_kept, 0,
                        sizeof(cuts) / sizeof(cuts[0]));
    tcase_add_test(tc, a_large_turn_hides_the_older_ones);
    tcase_add_test(tc, nothing_is_cut_from_nothing);
    return tc;
}
