#include "support.h"

#include "bus/relay_frame.h"

#include <apr_strings.h>

#include <string.h>

static apr_size_t make(char *bytes, llmq_relay_type_e type, const char *id,
                       const char *data)
{
    llmq_relay_frame_t frame = {.type = type, .data = data, .len = strlen(data)};
    apr_size_t len = LLMQ_RELAY_HEAD;

    apr_cpystrn(frame.id, id, sizeof(frame.id));
    ck_assert_int_eq(llmq_relay_frame_head(bytes, &frame), APR_SUCCESS);
    memcpy(bytes + len, id, strlen(id));
    len += strlen(id);
    memcpy(bytes + len, data, frame.len);
    return len + frame.len;
}

START_TEST(what_was_made_is_read)
{
    char bytes[256];
    llmq_relay_frame_t frame;
    apr_size_t used;
    apr_size_t len = make(bytes, LLMQ_RELAY_PIECE, "msg_1", "{\"a\":1}");

    ck_assert_int_eq(llmq_relay_frame_parse(&frame, &used, bytes, len), APR_SUCCESS);
    ck_assert_uint_eq(used, len);
    ck_assert_int_eq(frame.type, LLMQ_RELAY_PIECE);
    ck_assert_str_eq(frame.id, "msg_1");
    ck_assert_uint_eq(frame.len, 7);
    ck_assert_int_eq(memcmp(frame.data, "{\"a\":1}", 7), 0);

    len = make(bytes, LLMQ_RELAY_LEAVING, "", "");
    ck_assert_uint_eq(len, LLMQ_RELAY_HEAD);
    ck_assert_int_eq(llmq_relay_frame_parse(&frame, &used, bytes, len), APR_SUCCESS);
    ck_assert_str_eq(frame.id, "");
    ck_assert_ptr_null(frame.data);
}
END_TEST

START_TEST(what_is_not_whole_is_waited_for)
{
    char bytes[256];
    llmq_relay_frame_t frame;
    apr_size_t used;
    apr_size_t len = make(bytes, LLMQ_RELAY_LISTEN, "msg_1", "more");
    apr_size_t i;

    for (i = 0; i < len; i++) {
        ck_assert_int_eq(llmq_relay_frame_parse(&frame, &used, bytes, i), APR_EAGAIN);
        ck_assert_uint_eq(used, i < LLMQ_RELAY_HEAD ? 0 : len);
    }
}
END_TEST

/* A byte of the head at a time. */
START_TEST(what_is_not_ours_is_refused)
{
    static const struct {
        int at;
        char byte;
    } changes[] = {{3, 0x7f}, {0, 3}, {4, 2}, {5, 0}, {5, 100}, {6, 100}, {6, 41}};
    char bytes[256];
    llmq_relay_frame_t frame;
    apr_size_t used;
    apr_size_t i;

    for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        apr_size_t len = make(bytes, LLMQ_RELAY_LISTEN, "msg_1", "");

        bytes[changes[i].at] = changes[i].byte;
        ck_assert_int_eq(llmq_relay_frame_parse(&frame, &used, bytes, len), APR_EGENERAL);
    }
}
END_TEST

START_TEST(what_is_too_long_is_not_made)
{
    llmq_relay_frame_t frame = {.type = LLMQ_RELAY_PIECE, .len = LLMQ_RELAY_DATA_MAX + 1};
    char head[LLMQ_RELAY_HEAD];

    ck_assert_int_eq(llmq_relay_frame_head(head, &frame), APR_EINVAL);
}
END_TEST

START_TEST(an_end_has_status_headers_and_body)
{
    llmq_relay_end_t end = {.status = 429,
                            .headers = "Retry-After: 3\r\n",
                            .headers_len = 16,
                            .body = "{}",
                            .body_len = 2};
    char data[LLMQ_RELAY_END_HEAD + 18];
    llmq_relay_end_t read;

    llmq_relay_frame_end_head(data, &end);
    memcpy(data + LLMQ_RELAY_END_HEAD, "Retry-After: 3\r\n{}", 18);
    ck_assert_int_eq(llmq_relay_frame_end_parse(&read, data, sizeof(data)), APR_SUCCESS);
    ck_assert_int_eq(read.status, 429);
    ck_assert_uint_eq(read.headers_len, 16);
    ck_assert_uint_eq(read.body_len, 2);
    ck_assert_int_eq(memcmp(read.body, "{}", 2), 0);
    ck_assert_int_eq(llmq_relay_frame_end_parse(&read, data, 20), APR_EGENERAL);
    ck_assert_int_eq(llmq_relay_frame_end_parse(&read, data, 7), APR_EGENERAL);
}
END_TEST

TCase *case_relay_frame(void)
{
    TCase *tc = test_case("relay_frame");

    tcase_add_test(tc, what_was_made_is_read);
    tcase_add_test(tc, what_is_not_whole_is_waited_for);
    tcase_add_test(tc, what_is_not_ours_is_refused);
    tcase_add_test(tc, what_is_too_long_is_not_made);
    tcase_add_test(tc, an_end_has_status_headers_and_body);
    return tc;
}
