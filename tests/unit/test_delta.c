#include "support.h"

#include "dispatch/delta.h"

#include <apr_strings.h>

#include <poll.h>
#include <string.h>

#define HOUR apr_time_from_sec(3600)

static llmq_bus_t *bus;
static llmq_bus_reader_t *reader;
static llmq_delta_t delta;

static void open_bus(apr_interval_time_t interval)
{
    void *memory = test_shared(llmq_bus_size(65536));

    ck_assert_int_eq(llmq_bus_create(&bus, memory, 65536, 2, test_pool), APR_SUCCESS);
    ck_assert_int_eq(llmq_bus_attach(&reader, bus, test_pool), APR_SUCCESS);
    llmq_bus_want(reader, 1);
    llmq_delta_init(&delta, bus, interval, test_pool);
    llmq_delta_name(&delta, "message_id", "msg_1", 3);
    llmq_delta_topic(&delta, LLMQ_TOPIC_MESSAGE, "t", "msg_1");
}

static char said[8192];
static int heard;
static apr_uint64_t topics[16];

static void hear(void *ctx, const llmq_event_t *event)
{
    apr_size_t have = strlen(said);

    (void)ctx;
    ck_assert_int_eq(event->what, LLMQ_EVENT_DELTA);
    ck_assert_int_lt(heard, 16);
    topics[heard++] = event->topic;
    apr_snprintf(said + have, sizeof(said) - have, "%" APR_INT64_T_FMT "%.*s\n",
                 event->seq, (int)event->len, event->data);
}

/* What was told since the last look. */
static const char *told(void)
{
    int missed = 0;

    said[0] = '\0';
    heard = 0;
    llmq_bus_read(&missed, reader, hear, NULL, 100);
    return said;
}

static apr_interval_time_t take(const char *text)
{
    return llmq_delta_take(&delta, text, text ? strlen(text) : 0);
}

#define EVENT(seq, content)                                                              \
    seq "{\"message_id\":\"msg_1\",\"attempt\":3,\"seq\":" seq ",\"content\":\"" content \
        "\"}\n"

START_TEST(the_first_piece_goes_out_at_once_and_others_wait)
{
    apr_interval_time_t wait;

    open_bus(HOUR);
    ck_assert_int_eq(take("Hel"), 0);
    ck_assert_str_eq(told(), EVENT("1", "Hel"));
    wait = take("l\xC3\xB6");
    ck_assert_int_gt(wait, 0);
    ck_assert_int_le(wait, HOUR);
    take(" \"you\"");
    ck_assert_str_eq(told(), "");
    ck_assert_int_eq(take(NULL), 0);
    ck_assert_str_eq(told(), EVENT("2", "l\xC3\xB6 \\\"you\\\""));
    llmq_delta_flush(&delta);
    ck_assert_str_eq(told(), "");
}
END_TEST

START_TEST(without_an_interval_each_piece_is_told)
{
    open_bus(0);
    take("a");
    take("b");
    ck_assert_str_eq(told(), EVENT("1", "a") EVENT("2", "b"));
}
END_TEST

START_TEST(much_text_does_not_wait)
{
    char text[LLMQ_DELTA_BYTES + 1];

    open_bus(HOUR);
    take("a");
    told();
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    ck_assert_int_eq(take(text), 0);
    told();
    ck_assert_int_eq(heard, 1);
}
END_TEST

START_TEST(long_pieces_are_cut_between_characters)
{
    char text[1 + 2 * 2500 + 1];
    const char *at;
    int i;

    open_bus(HOUR);
    text[0] = 'a'; /* so that a cut at an even number would be within a character */
    for (i = 0; i < 2500; i++) {
        memcpy(text + 1 + 2 * (apr_size_t)i, "\xC3\xB6", 2);
    }
    text[sizeof(text) - 1] = '\0';
    take(text);
    at = told();
    ck_assert_int_eq(heard, 3);
    ck_assert(llmq_text_is_utf8(at, strlen(at)));
    for (i = 0; (at = strstr(at, "\xC3\xB6")) != NULL; i++) {
        at += 2;
    }
    ck_assert_int_eq(i, 2500);
}
END_TEST

/* Control characters take six bytes each in JSON, and still the event travels whole. */
START_TEST(no_event_is_longer_than_the_bus_carries)
{
    char text[4096];

    open_bus(HOUR);
    memset(text, 1, sizeof(text));
    llmq_delta_take(&delta, text, sizeof(text));
    llmq_delta_flush(&delta);
    ck_assert_uint_eq(delta.json.len > 2048 * 6, 1);
    ck_assert_uint_lt(delta.json.len, LLMQ_EVENT_DATA_MAX);
}
END_TEST

START_TEST(a_gap_tells_that_text_went_by_unheard)
{
    open_bus(HOUR);
    llmq_bus_want(reader, 0);
    take("a");
    take("b");
    ck_assert_ptr_null(delta.held.data);
    ck_assert_ptr_null(delta.json.data);
    llmq_bus_want(reader, 1);
    take("c");
    ck_assert_str_eq(told(), EVENT("2", "c"));
    take("d");
    llmq_bus_want(reader, 0);
    take(NULL);
    llmq_bus_want(reader, 1);
    take("e");
    llmq_delta_flush(&delta);
    ck_assert_str_eq(told(), EVENT("4", "e"));
}
END_TEST

START_TEST(it_is_told_on_each_topic)
{
    open_bus(HOUR);
    llmq_delta_topic(&delta, LLMQ_TOPIC_CONVERSATION, "t", "conv_1");
    take("a");
    told();
    ck_assert_int_eq(heard, 2);
    ck_assert(topics[0] == llmq_bus_topic(LLMQ_TOPIC_MESSAGE, "t", "msg_1"));
    ck_assert(topics[1] == llmq_bus_topic(LLMQ_TOPIC_CONVERSATION, "t", "conv_1"));
}
END_TEST

START_TEST(without_a_bus_or_a_topic_nothing_happens)
{
    open_bus(0);
    delta.n_topics = 0;
    ck_assert_int_eq(take("a"), 0);
    ck_assert_str_eq(told(), "");
    llmq_delta_init(&delta, NULL, 0, test_pool);
    ck_assert_int_eq(take("a"), 0);
    llmq_delta_flush(&delta);
    ck_assert_ptr_null(delta.held.data);
}
END_TEST

TCase *case_delta(void)
{
    TCase *tc = test_case("delta");

    tcase_add_test(tc, the_first_piece_goes_out_at_once_and_others_wait);
    tcase_add_test(tc, without_an_interval_each_piece_is_told);
    tcase_add_test(tc, much_text_does_not_wait);
    tcase_add_test(tc, long_pieces_are_cut_between_characters);
    tcase_add_test(tc, no_event_is_longer_than_the_bus_carries);
    tcase_add_test(tc, a_gap_tells_that_text_went_by_unheard);
    tcase_add_test(tc, it_is_told_on_each_topic);
    tcase_add_test(tc, without_a_bus_or_a_topic_nothing_happens);
    return tc;
}
