#include "support.h"

#include "base/frame_queue.h"

#include <string.h>

static llmq_frame_t *frame_of(const char *text)
{
    struct iovec part = {(void *)(size_t)text, strlen(text)};

    return llmq_frame_make(&part, 1);
}

/* Everything that waits, as one text in the test's pool. */
static const char *text_of(const llmq_frame_queue_t *q)
{
    struct iovec parts[8];
    int n = llmq_frame_queue_gather(parts, 8, q);
    char *text = apr_pcalloc(test_pool, q->bytes + 1);
    size_t len = 0;
    int i;

    for (i = 0; i < n; i++) {
        memcpy(text + len, parts[i].iov_base, parts[i].iov_len);
        len += parts[i].iov_len;
    }
    ck_assert_int_eq(len, q->bytes);
    return text;
}

static void put(llmq_frame_queue_t *q, const char *text)
{
    llmq_frame_t *frame = frame_of(text);

    ck_assert_int_eq(llmq_frame_queue_put(q, frame), APR_SUCCESS);
    llmq_frame_drop(frame);
}

START_TEST(frame_queue_gathers_in_order)
{
    llmq_frame_queue_t q = {.chunked = 0};
    struct iovec parts[2];

    ck_assert_int_eq(llmq_frame_queue_gather(parts, 2, &q), 0);
    put(&q, "one");
    put(&q, "two");
    put(&q, "three");
    ck_assert_int_eq(llmq_frame_queue_finish(&q), APR_SUCCESS);
    ck_assert_str_eq(text_of(&q), "onetwothree");
    ck_assert_int_eq(llmq_frame_queue_gather(parts, 2, &q), 2);
    llmq_frame_queue_clear(&q);
    ck_assert_int_eq(q.bytes, 0);
    ck_assert_str_eq(text_of(&q), "");
}
END_TEST

START_TEST(frame_queue_marks_chunks)
{
    llmq_frame_queue_t q = {.chunked = 1};

    put(&q, "one");
    ck_assert_int_eq(llmq_frame_queue_finish(&q), APR_SUCCESS);
    ck_assert_str_eq(text_of(&q), "3\r\none\r\n0\r\n\r\n");
    llmq_frame_queue_clear(&q);
}
END_TEST

/* Wherever the writing stops, the rest follows. */
START_TEST(frame_queue_advances_by_any_number_of_bytes)
{
    static const char whole[] = "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n";
    llmq_frame_queue_t q = {.chunked = 1};
    size_t step = (size_t)_i + 1;
    size_t done = 0;

    put(&q, "one");
    put(&q, "two");
    llmq_frame_queue_finish(&q);
    while (q.bytes) {
        size_t n = step < q.bytes ? step : q.bytes;

        ck_assert_str_eq(text_of(&q), whole + done);
        llmq_frame_queue_advance(&q, n);
        done += n;
    }
    ck_assert_int_eq(done, strlen(whole));
    ck_assert_ptr_null(q.first);
    ck_assert_int_eq(q.done, 0);
    put(&q, "more");
    ck_assert_str_eq(text_of(&q), "4\r\nmore\r\n");
    llmq_frame_queue_clear(&q);
}
END_TEST

START_TEST(frame_queue_holds_frames_while_they_wait)
{
    llmq_frame_queue_t q = {.chunked = 1};
    llmq_frame_t *frame = frame_of("shared");

    llmq_frame_queue_put(&q, frame);
    llmq_frame_queue_put(&q, frame);
    ck_assert_int_eq(atomic_load(&frame->holders), 3);
    llmq_frame_queue_advance(&q, 11);
    ck_assert_int_eq(atomic_load(&frame->holders), 2);
    llmq_frame_queue_clear(&q);
    ck_assert_int_eq(atomic_load(&frame->holders), 1);
    llmq_frame_drop(frame);
}
END_TEST

TCase *case_frame_queue(void)
{
    TCase *tc = test_case("frame_queue");

    tcase_add_test(tc, frame_queue_gathers_in_order);
    tcase_add_test(tc, frame_queue_marks_chunks);
    tcase_add_loop_test(tc, frame_queue_advances_by_any_number_of_bytes, 0, 26);
    tcase_add_test(tc, frame_queue_holds_frames_while_they_wait);
    return tc;
}
