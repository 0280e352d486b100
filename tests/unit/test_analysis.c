#include "support.h"

#include "base/utf8.h"
#include "core/analysis.h"

#include <string.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

static llmq_analysis_t analysis(const char *s)
{
    llmq_analysis_t a;
    llmq_text_t t;

    llmq_text_init(&t, 16, test_pool);
    llmq_utf8_fold(&t, s, strlen(s));
    llmq_analysis_read(&a, t.data, t.len);
    return a;
}

static const struct {
    const char *text;
    int words;
} counts[] = {
    {"", 0},
    {" \t\n", 0},
    {"Hello", 1},
    {"Hello, this is a test message", 6},
    {"  two\twords ", 2},
    {"it's well-known", 2},
    {"你好", 2},
    {"你好，世界！", 4},
    {"我爱 Apache2 吗？", 4},
    {"Apache服务器", 4},
    {"カタカナ・ひらがな", 8},
    {"안녕 하세요", 2},
    {"привет мир", 2},
    {"\xE3\x80\x80wide\xE3\x80\x80space", 2},
    {"42 + 1", 3},
    {"\xF0\xA0\x80\x80\xF0\xA0\x80\x81", 2}, /* extension B */
};

START_TEST(words_stand_between_blanks_and_ideographs_by_themselves)
{
    ck_assert_msg(analysis(counts[_i].text).words == counts[_i].words, "%s: %d",
                  counts[_i].text, (int)analysis(counts[_i].text).words);
}
END_TEST

static const struct {
    const char *text;
    llmq_sentiment_e sentiment;
} feelings[] = {
    {"", LLMQ_SENTIMENT_NEUTRAL},
    {"The meeting is at ten", LLMQ_SENTIMENT_NEUTRAL},
    {"This is GREAT, thank you!", LLMQ_SENTIMENT_POSITIVE},
    {"I hate this terrible thing", LLMQ_SENTIMENT_NEGATIVE},
    {"good and bad", LLMQ_SENTIMENT_NEUTRAL},
    {"good, but slow and broken", LLMQ_SENTIMENT_NEGATIVE},
    {"not good", LLMQ_SENTIMENT_NEGATIVE},
    {"I don't love it", LLMQ_SENTIMENT_NEGATIVE},
    {"not bad", LLMQ_SENTIMENT_POSITIVE},
    {"goodness badge", LLMQ_SENTIMENT_NEUTRAL}, /* parts of words do not count */
    {"(excellent)", LLMQ_SENTIMENT_POSITIVE},
    {"我很喜欢这个", LLMQ_SENTIMENT_POSITIVE},
    {"我不喜欢这个", LLMQ_SENTIMENT_NEGATIVE},
    {"太糟糕了，非常失望", LLMQ_SENTIMENT_NEGATIVE},
    {"你好", LLMQ_SENTIMENT_NEUTRAL},
    {"不满意", LLMQ_SENTIMENT_NEGATIVE},
    {"谢谢", LLMQ_SENTIMENT_POSITIVE},
};

START_TEST(the_heavier_side_decides)
{
    ck_assert_msg(analysis(feelings[_i].text).sentiment == feelings[_i].sentiment,
                  "%s: %s", feelings[_i].text,
                  llmq_analysis_sentiment_name(analysis(feelings[_i].text).sentiment));
}
END_TEST

START_TEST(a_question_mark_of_any_script_asks)
{
    ck_assert(analysis("Why?").is_question);
    ck_assert(analysis("为什么？真的").is_question);
    ck_assert(analysis("لماذا؟").is_question);
    ck_assert(!analysis("Tell me why.").is_question);
    ck_assert(!analysis("").is_question);
}
END_TEST

START_TEST(each_sentiment_has_a_word)
{
    ck_assert_str_eq(llmq_analysis_sentiment_name(LLMQ_SENTIMENT_NEUTRAL), "neutral");
    ck_assert_str_eq(llmq_analysis_sentiment_name(LLMQ_SENTIMENT_POSITIVE), "positive");
    ck_assert_str_eq(llmq_analysis_sentiment_name(LLMQ_SENTIMENT_NEGATIVE), "negative");
    ck_assert_str_eq(llmq_analysis_sentiment_name((llmq_sentiment_e)77), "neutral");
}
END_TEST

START_TEST(a_nul_is_a_byte_like_others)
{
    llmq_analysis_t a;

    llmq_analysis_read(&a, "bad\0\0 good\0x", 12);
    ck_assert_int_eq(a.words, 2);
    ck_assert_int_eq(a.sentiment, LLMQ_SENTIMENT_NEGATIVE);
}
END_TEST

/* A term that is cut off by the end of the text is not read beyond it. */
START_TEST(every_part_of_a_text_can_be_read)
{
    const char *text = "not great 不喜欢 don't 非常好 x";
    apr_size_t len = strlen(text);
    apr_size_t n;

    for (n = 0; n <= len; n++) {
        char *exact = memcpy(apr_palloc(test_pool, n + 1), text, n);
        llmq_analysis_t a;

        llmq_analysis_read(&a, exact, n);
        ck_assert_int_le(a.words, (apr_int64_t)n);
    }
}
END_TEST

TCase *case_analysis(void)
{
    TCase *tc = test_case("analysis");

    tcase_add_loop_test(tc, words_stand_between_blanks_and_ideographs_by_themselves, 0,
                        COUNT(counts));
    tcase_add_loop_test(tc, the_heavier_side_decides, 0, COUNT(feelings));
    tcase_add_test(tc, a_question_mark_of_any_script_asks);
    tcase_add_test(tc, each_sentiment_has_a_word);
    tcase_add_test(tc, a_nul_is_a_byte_like_others);
    tcase_add_test(tc, every_part_of_a_text_can_be_read);
    return tc;
}
