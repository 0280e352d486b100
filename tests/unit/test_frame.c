#include "support.h"

#include "base/frame.h"

#include <string.h>

static llmq_frame_t *make(const char *a, const char *b)
{
    struct iovec parts[2] = {{(void *)(apr_size_t)a, strlen(a)},
                             {(void *)(apr_size_t)b, strlen(b)}};

    return llmq_frame_make(parts, 2);
}

static void expect(const llmq_frame_t *frame, int chunked, const char *wanted)
{
    struct iovec part;

    llmq_frame_part(&part, frame, chunked);
    ck_assert_uint_eq(part.iov_len, strlen(wanted));
    ck_assert_mem_eq(part.iov_base, wanted, part.iov_len);
}

START_TEST(has_both_forms)
{
    llmq_frame_t *frame = make("data: ", "seventeen bytes\n\n");

    expect(frame, 1, "17\r\ndata: seventeen bytes\n\n\r\n");
    expect(frame, 0, "data: seventeen bytes\n\n");
    llmq_frame_drop(frame);
}
END_TEST

START_TEST(lives_as_long_as_it_is_held)
{
    llmq_frame_t *frame = make("", "x");

    ck_assert_ptr_eq(llmq_frame_keep(frame), frame);
    llmq_frame_drop(frame);
    expect(frame, 1, "1\r\nx\r\n");
    llmq_frame_drop(frame);
    llmq_frame_drop(NULL);
}
END_TEST

TCase *case_frame(void)
{
    TCase *tc = test_case("frame");

    tcase_add_test(tc, has_both_forms);
    tcase_add_test(tc, lives_as_long_as_it_is_held);
    return tc;
}
