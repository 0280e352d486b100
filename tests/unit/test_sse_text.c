#include "support.h"

#include "base/sse_text.h"

#include <string.h>

static void expect_frame(llmq_frame_t *frame, const char *wanted)
{
    struct iovec part;

    ck_assert_ptr_nonnull(frame);
    llmq_frame_part(&part, frame, 0);
    ck_assert_uint_eq(part.iov_len, strlen(wanted));
    ck_assert_mem_eq(part.iov_base, wanted, part.iov_len);
    llmq_frame_drop(frame);
}

static const char *text_of(const llmq_sse_event_t *event)
{
    llmq_text_t t;

    llmq_text_init(&t, 8, test_pool);
    llmq_sse_text_add(&t, event);
    return t.data;
}

START_TEST(event_is_the_same_in_text_and_frame)
{
    const char *data = "{\"seq\":7}";
    const llmq_sse_event_t event = {7, "message", data, strlen(data)};
    const char *wanted = "id: 7\nevent: message\ndata: {\"seq\":7}\n\n";

    ck_assert_str_eq(text_of(&event), wanted);
    expect_frame(llmq_sse_text_frame(&event), wanted);
}
END_TEST

START_TEST(event_may_have_no_id)
{
    const llmq_sse_event_t event = {-1, "delta", "{}", 2};
    const llmq_sse_event_t first = {0, "status", "{}", 2};

    ck_assert_str_eq(text_of(&event), "event: delta\ndata: {}\n\n");
    ck_assert_str_eq(text_of(&first), "id: 0\nevent: status\ndata: {}\n\n");
}
END_TEST

START_TEST(line_breaks_do_not_end_an_event)
{
    const char *data = "{\n\"a\": 1,\r\n\n\"b\":\r2}";
    const llmq_sse_event_t event = {APR_INT64_MAX, "message", data, strlen(data)};
    const char *wanted = "id: 9223372036854775807\nevent: message\n"
                         "data: { \"a\": 1,   \"b\": 2}\n\n";

    ck_assert_str_eq(text_of(&event), wanted);
    expect_frame(llmq_sse_text_frame(&event), wanted);
}
END_TEST

START_TEST(begins_with_the_time_to_come_back)
{
    expect_frame(llmq_sse_text_hello(apr_time_from_sec(3)),
                 "retry: 3000\n: connected\n\n");
    expect_frame(llmq_sse_text_ping(), ": ping\n\n");
}
END_TEST

TCase *case_sse_text(void)
{
    TCase *tc = test_case("sse_text");

    tcase_add_test(tc, event_is_the_same_in_text_and_frame);
    tcase_add_test(tc, event_may_have_no_id);
    tcase_add_test(tc, line_breaks_do_not_end_an_event);
    tcase_add_test(tc, begins_with_the_time_to_come_back);
    return tc;
}
