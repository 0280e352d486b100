#include "support.h"

#include "bus/bus_tell.h"

#include <stdlib.h>
#include <string.h>

#define RING ((apr_size_t)64 * 1024)

static llmq_bus_t *bus;
static llmq_bus_reader_t *reader;

/* What was heard. */
static llmq_event_t heard[4];
static char text[LLMQ_EVENT_DATA_MAX + 1];
static int n_heard;

static void hear(void *ctx, const llmq_event_t *event)
{
    (void)ctx;
    memcpy(text, event->len ? event->data : "", event->len);
    text[event->len] = '\0';
    heard[n_heard++ % 4] = *event;
}

static int read_all(void)
{
    int missed = 0;

    n_heard = 0;
    return llmq_bus_read(&missed, reader, hear, NULL, 100);
}

static void begin(int wanted)
{
    void *memory = test_shared(llmq_bus_size(RING));

    ck_assert_int_eq(llmq_bus_create(&bus, memory, RING, 2, test_pool), APR_SUCCESS);
    ck_assert_int_eq(llmq_bus_attach(&reader, bus, test_pool), APR_SUCCESS);
    llmq_bus_want(reader, wanted);
    read_all();
}

static const llmq_session_message_t hello = {.id = "01890000-0000-7000-8000-000000000001",
                                             .session =
                                                 "01890000-0000-7000-8000-000000000002",
                                             .seq = 3,
                                             .role = LLMQ_ROLE_USER,
                                             .type = "user.prompt",
                                             .content = "line one\nline two",
                                             .created_at = APR_INT64_C(1735727400000000)};

START_TEST(a_message_travels_as_clients_see_it)
{
    llmq_text_t wanted;

    begin(1);
    llmq_text_init(&wanted, 100, test_pool);
    llmq_session_message_write(&wanted, &hello);
    llmq_bus_tell_message(bus, "default", &hello);
    ck_assert_int_eq(read_all(), 1);
    ck_assert_int_eq(heard[0].what, LLMQ_EVENT_GROWN);
    ck_assert_int_eq(heard[0].seq, 3);
    ck_assert_uint_eq(heard[0].topic,
                      llmq_bus_topic(LLMQ_TOPIC_SESSION, "default", hello.session));
    ck_assert_str_eq(text, wanted.data);
    ck_assert_ptr_null(strchr(text, '\n'));
}
END_TEST

START_TEST(a_long_message_only_says_that_it_is_there)
{
    llmq_session_message_t m = hello;
    char *content = malloc(LLMQ_EVENT_DATA_MAX + 2);

    memset(content, _i ? 'x' : '"', LLMQ_EVENT_DATA_MAX + 1);
    content[_i ? LLMQ_EVENT_DATA_MAX + 1 : LLMQ_EVENT_DATA_MAX / 2 + 1] = '\0';
    m.content = content;
    begin(1);
    llmq_bus_tell_message(bus, "default", &m);
    ck_assert_int_eq(read_all(), 1);
    ck_assert_int_eq(heard[0].seq, 3);
    ck_assert_uint_eq(heard[0].len, 0);
    free(content);
}
END_TEST

START_TEST(a_job_and_its_conversation_hear)
{
    begin(1);
    llmq_bus_tell_job(bus, LLMQ_KIND_MESSAGE, "t", "msg_1", "conv_1");
    ck_assert_int_eq(read_all(), 2);
    ck_assert_uint_eq(heard[0].topic, llmq_bus_topic(LLMQ_TOPIC_MESSAGE, "t", "msg_1"));
    ck_assert_uint_eq(heard[1].topic,
                      llmq_bus_topic(LLMQ_TOPIC_CONVERSATION, "t", "conv_1"));
    ck_assert_int_eq(heard[1].what, LLMQ_EVENT_CHANGED);
    llmq_bus_tell_job(bus, LLMQ_KIND_TASK, "t", "id", "");
    ck_assert_int_eq(read_all(), 1);
    ck_assert_uint_eq(heard[0].topic, llmq_bus_topic(LLMQ_TOPIC_TASK, "t", "id"));
    llmq_bus_tell_job(bus, LLMQ_KIND_DEBUG, "t", "id", "debug/1");
    ck_assert_int_eq(read_all(), 1);
    ck_assert_uint_eq(heard[0].topic, llmq_bus_topic(LLMQ_TOPIC_DEBUG, "t", "id"));
    llmq_bus_tell_job(bus, LLMQ_KIND_NONE, "t", "id", NULL);
    ck_assert_int_eq(read_all(), 0);
    llmq_bus_tell_conversation(bus, "t", "conv_1");
    ck_assert_int_eq(read_all(), 1);
    ck_assert_uint_eq(heard[0].topic,
                      llmq_bus_topic(LLMQ_TOPIC_CONVERSATION, "t", "conv_1"));
    ck_assert_int_eq(heard[0].what, LLMQ_EVENT_CHANGED);
}
END_TEST

START_TEST(a_part_of_an_answer_is_told_whole_or_not_at_all)
{
    char *json = calloc(1, LLMQ_EVENT_DATA_MAX + 1);

    begin(1);
    llmq_bus_tell_delta(bus, 5, 1, "{}", 2);
    ck_assert_int_eq(read_all(), 1);
    ck_assert_str_eq(text, "{}");
    llmq_bus_tell_delta(bus, 5, 2, json, LLMQ_EVENT_DATA_MAX + 1);
    ck_assert_int_eq(read_all(), 0);
    free(json);
}
END_TEST

START_TEST(nobody_is_told_while_nobody_listens)
{
    llmq_bus_stats_t stats;

    begin(0);
    llmq_bus_tell_message(bus, "default", &hello);
    llmq_bus_tell_job(bus, LLMQ_KIND_MESSAGE, "t", "msg_1", "conv_1");
    llmq_bus_tell_delta(bus, 5, 1, "{}", 2);
    llmq_bus_tell_message(NULL, "default", &hello);
    llmq_bus_tell_job(NULL, LLMQ_KIND_MESSAGE, "t", "msg_1", "conv_1");
    llmq_bus_tell_delta(NULL, 5, 1, "{}", 2);
    llmq_bus_stats(&stats, bus);
    ck_assert_uint_eq(stats.published, 0);
}
END_TEST

TCase *case_bus_tell(void)
{
    TCase *tc = test_case("bus_tell");

    tcase_add_test(tc, a_message_travels_as_clients_see_it);
    tcase_add_loop_test(tc, a_long_message_only_says_that_it_is_there, 0, 2);
    tcase_add_test(tc, a_job_and_its_conversation_hear);
    tcase_add_test(tc, a_part_of_an_answer_is_told_whole_or_not_at_all);
    tcase_add_test(tc, nobody_is_told_while_nobody_listens);
    return tc;
}
