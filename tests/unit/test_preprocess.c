#include "support.h"

#include "base/json.h"
#include "core/matcher.h"
#include "core/preprocess.h"

#include <apr_strings.h>

#include <json-c/json.h>
#include <string.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

#define NONE     LLMQ_LEVEL_NONE
#define REALTIME LLMQ_LEVEL_REALTIME
#define HIGH     LLMQ_LEVEL_HIGH
#define NORMAL   LLMQ_LEVEL_NORMAL
#define LOW      LLMQ_LEVEL_LOW

static const struct {
    const char *name;
    llmq_level_e asked, override, user;
    int hits[LLMQ_MATCHER_LABELS]; /* by level, from 1 */
    int is_vip, is_long;
    llmq_level_e level;
    const char *reason;
} decisions[] = {
    {"nothing", NORMAL, NONE, NONE, {0}, 0, 0, NORMAL, NULL},
    {"asked low", LOW, REALTIME, HIGH, {0, 3, 0, 0, 0}, 1, 0, LOW, NULL},
    {"asked high", HIGH, LOW, LOW, {0}, 0, 1, HIGH, NULL},
    {"override first", NORMAL, LOW, HIGH, {0, 3, 0, 0, 0}, 1, 0, LOW, "user_override"},
    {"override to normal",
     NORMAL,
     NORMAL,
     LOW,
     {0, 1, 0, 0, 0},
     1,
     1,
     NORMAL,
     "user_override"},
    {"default second", NORMAL, NONE, HIGH, {0, 3, 0, 0, 0}, 0, 1, HIGH, "user_default"},
    {"default normal",
     NORMAL,
     NONE,
     NORMAL,
     {0, 3, 0, 0, 0},
     0,
     0,
     NORMAL,
     "user_default"},
    {"words third", NORMAL, NONE, NONE, {0, 0, 1, 0, 0}, 0, 1, HIGH, "content_keywords"},
    {"most words", NORMAL, NONE, NONE, {0, 1, 2, 0, 0}, 0, 0, HIGH, "content_keywords"},
    {"a tie goes up",
     NORMAL,
     NONE,
     NONE,
     {0, 2, 2, 2, 2},
     0,
     0,
     REALTIME,
     "content_keywords"},
    {"a tie below",
     NORMAL,
     NONE,
     NONE,
     {0, 0, 0, 1, 1},
     0,
     0,
     NORMAL,
     "content_keywords"},
    {"words for low", NORMAL, NONE, NONE, {0, 0, 1, 0, 2}, 1, 0, LOW, "content_keywords"},
    {"vip", NORMAL, NONE, NONE, {0}, 1, 0, HIGH, "vip_user"},
    {"vip and long", NORMAL, NONE, NONE, {0}, 1, 1, HIGH, "vip_user"},
    {"vip and words for normal",
     NORMAL,
     NONE,
     NONE,
     {0, 0, 0, 1, 0},
     1,
     0,
     HIGH,
     "vip_user"},
    {"long", NORMAL, NONE, NONE, {0}, 0, 1, LOW, "long_content"},
    {"long, default normal", NORMAL, NONE, NORMAL, {0}, 0, 1, LOW, "long_content"},
};

START_TEST(the_first_answer_decides)
{
    llmq_urgency_t u = {decisions[_i].asked,  decisions[_i].override,
                        decisions[_i].user,   decisions[_i].hits,
                        decisions[_i].is_vip, decisions[_i].is_long};
    llmq_level_e level = NONE;
    const char *reason = llmq_preprocess_reason_name(llmq_preprocess_level(&level, &u));

    ck_assert_msg(level == decisions[_i].level, "%s: %d", decisions[_i].name, level);
    ck_assert_msg(!reason == !decisions[_i].reason
                      && (!reason || strcmp(reason, decisions[_i].reason) == 0),
                  "%s: %s", decisions[_i].name, reason);
}
END_TEST

static struct json_object *parsed(const char *text)
{
    struct json_object *obj = NULL;

    ck_assert_int_eq(llmq_json_parse(&obj, text, strlen(text), 16, NULL, test_pool),
                     APR_SUCCESS);
    return obj;
}

static const struct {
    const char *metadata;
    llmq_level_e override;
    int is_vip;
} readings[] = {
    {"{}", NONE, 0},
    {"{\"user_priority\":\"high\"}", HIGH, 0},
    {"{\"user_priority\":4,\"vip_user\":true}", LOW, 1},
    {"{\"user_priority\":\"urgent\"}", NONE, 0},
    {"{\"user_priority\":5}", NONE, 0},
    {"{\"user_priority\":{}}", NONE, 0},
    {"{\"user_priority\":null,\"vip_user\":null}", NONE, 0},
    {"{\"vip_user\":false}", NONE, 0},
    {"{\"vip_user\":\"\"}", NONE, 1},
    {"{\"vip_user\":\"gold\"}", NONE, 1},
    {"{\"vip_user\":0}", NONE, 1},
};

START_TEST(the_metadata_are_heard)
{
    llmq_urgency_t u = {0};

    llmq_preprocess_metadata(&u, parsed(readings[_i].metadata));
    ck_assert_msg(u.override == readings[_i].override, "%s", readings[_i].metadata);
    ck_assert_msg(u.is_vip == readings[_i].is_vip, "%s", readings[_i].metadata);
}
END_TEST

START_TEST(no_metadata_say_nothing)
{
    llmq_urgency_t u = {0};

    u.override = HIGH;
    u.is_vip = 1;
    llmq_preprocess_metadata(&u, NULL);
    ck_assert_int_eq(u.override, NONE);
    ck_assert_int_eq(u.is_vip, 0);
}
END_TEST

static const char *marked(const char *metadata, llmq_reason_e reason)
{
    const llmq_analysis_t a = {7, LLMQ_SENTIMENT_NEGATIVE, 1};
    struct json_object *obj = parsed(metadata);
    llmq_job_t job = {0};

    job.metadata = llmq_json_format(obj);
    return llmq_preprocess_marks(&job, obj, &a, reason, test_pool);
}

#define MARKS                                                                            \
    "\"analyzed\":true,\"word_count\":7,\"sentiment\":\"negative\","                     \
    "\"contains_question\":\"true\""

START_TEST(marks_are_added_to_what_the_sender_wrote)
{
    ck_assert_str_eq(marked("{}", LLMQ_REASON_NONE), "{" MARKS "}");
    ck_assert_str_eq(marked("{\"a\":{\"b\":[1]},\"c\":\"}\"}", LLMQ_REASON_VIP),
                     "{\"a\":{\"b\":[1]},\"c\":\"}\"," MARKS
                     ",\"priority_reason\":\"vip_user\"}");
}
END_TEST

START_TEST(members_of_our_names_are_ours)
{
    ck_assert_str_eq(marked("{\"word_count\":-1,\"x\":1,\"analyzed\":false,"
                            "\"priority_reason\":\"because\"}",
                            LLMQ_REASON_KEYWORDS),
                     "{\"x\":1," MARKS ",\"priority_reason\":\"content_keywords\"}");
    ck_assert_str_eq(
        marked("{\"sentiment\":\"joy\",\"contains_question\":1}", LLMQ_REASON_NONE),
        "{" MARKS "}");
    /* Without a reason of ours the sender's stays. */
    ck_assert_str_eq(marked("{\"priority_reason\":\"because\"}", LLMQ_REASON_NONE),
                     "{\"priority_reason\":\"because\"," MARKS "}");
}
END_TEST

START_TEST(marks_need_no_metadata)
{
    const llmq_analysis_t a = {0, LLMQ_SENTIMENT_NEUTRAL, 0};
    llmq_job_t job = {0};

    ck_assert_str_eq(llmq_preprocess_marks(&job, NULL, &a, LLMQ_REASON_NONE, test_pool),
                     "{\"analyzed\":true,\"word_count\":0,\"sentiment\":\"neutral\","
                     "\"contains_question\":\"false\"}");
}
END_TEST

START_TEST(no_reason_has_no_word)
{
    ck_assert_ptr_null(llmq_preprocess_reason_name(LLMQ_REASON_NONE));
    ck_assert_ptr_null(llmq_preprocess_reason_name(LLMQ_REASON_COUNT));
    ck_assert_ptr_null(llmq_preprocess_reason_name((llmq_reason_e)-1));
}
END_TEST

TCase *case_preprocess(void)
{
    TCase *tc = test_case("preprocess");

    tcase_add_loop_test(tc, the_first_answer_decides, 0, COUNT(decisions));
    tcase_add_loop_test(tc, the_metadata_are_heard, 0, COUNT(readings));
    tcase_add_test(tc, no_metadata_say_nothing);
    tcase_add_test(tc, marks_are_added_to_what_the_sender_wrote);
    tcase_add_test(tc, members_of_our_names_are_ours);
    tcase_add_test(tc, marks_need_no_metadata);
    tcase_add_test(tc, no_reason_has_no_word);
    return tc;
}
