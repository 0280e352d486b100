#include "support.h"

#include "core/audience_page.h"

#include <string.h>

static llmq_audience_page_t page;

static void add(apr_int64_t seq, const char *data)
{
    const llmq_sse_event_t event = {seq, "message", data, strlen(data)};

    llmq_audience_page_add(&page, &event);
}

static void expect(int i, apr_int64_t from, apr_int64_t until, apr_int64_t to,
                   const char *text)
{
    const llmq_audience_piece_t *piece =
        &APR_ARRAY_IDX(page.pieces, i, llmq_audience_piece_t);
    struct iovec part;

    ck_assert_int_eq(piece->from, from);
    ck_assert_int_eq(piece->until, until);
    ck_assert_int_eq(piece->to, to);
    llmq_frame_part(&part, piece->frame, 0);
    ck_assert_uint_eq(part.iov_len, strlen(text));
    ck_assert_mem_eq(part.iov_base, text, part.iov_len);
}

START_TEST(entries_share_a_frame_while_it_is_small)
{
    llmq_audience_page_init(&page, 4, 60, test_pool);
    add(5, "{}");
    add(6, "{\"a\":1}");
    add(7, "{\"b\":\"xxxxxxxxxxxxxxxxxxxxxxxx\"}");
    add(8, "{}");
    ck_assert_int_eq(llmq_audience_page_close(&page), APR_SUCCESS);
    ck_assert_int_eq(page.pieces->nelts, 3);
    expect(0, 4, 4, 6,
           "id: 5\nevent: message\ndata: {}\n\nid: 6\nevent: message\ndata: "
           "{\"a\":1}\n\n");
    expect(1, 6, 6, 7,
           "id: 7\nevent: message\ndata: {\"b\":\"xxxxxxxxxxxxxxxxxxxxxxxx\"}\n\n");
    expect(2, 7, 7, 8, "id: 8\nevent: message\ndata: {}\n\n");
    ck_assert_int_eq(APR_ARRAY_IDX(page.pieces, 0, llmq_audience_piece_t).events, 2);
    ck_assert_int_eq(page.last, 8);
    llmq_audience_page_drop(&page);
}
END_TEST

START_TEST(numbers_may_have_gaps)
{
    llmq_audience_page_init(&page, 10, 1, test_pool);
    add(15, "{}");
    add(40, "{}");
    ck_assert_int_eq(llmq_audience_page_close(&page), APR_SUCCESS);
    expect(0, 10, 14, 15, "id: 15\nevent: message\ndata: {}\n\n");
    expect(1, 15, 39, 40, "id: 40\nevent: message\ndata: {}\n\n");
    llmq_audience_page_drop(&page);
}
END_TEST

START_TEST(what_is_shown_keeps_its_place)
{
    const llmq_sse_event_t event = {-1, "status", "{}", 2};
    const llmq_audience_piece_t fit = {NULL, 3, APR_INT64_MAX, -1, 77, 0};

    llmq_audience_page_init(&page, 2, 1000, test_pool);
    add(3, "{}");
    llmq_audience_page_show(&page, &event, &fit);
    ck_assert_int_eq(llmq_audience_page_close(&page), APR_SUCCESS);
    ck_assert_int_eq(page.pieces->nelts, 2);
    expect(0, 2, 2, 3, "id: 3\nevent: message\ndata: {}\n\n");
    expect(1, 3, APR_INT64_MAX, -1, "event: status\ndata: {}\n\n");
    ck_assert_int_eq(APR_ARRAY_IDX(page.pieces, 1, llmq_audience_piece_t).version, 77);
    ck_assert_int_eq(APR_ARRAY_IDX(page.pieces, 1, llmq_audience_piece_t).events, 1);
    ck_assert_int_eq(page.last, 3);
    llmq_audience_page_drop(&page);
}
END_TEST

START_TEST(nothing_makes_no_piece)
{
    llmq_audience_page_init(&page, 9, 1000, test_pool);
    ck_assert_int_eq(llmq_audience_page_close(&page), APR_SUCCESS);
    ck_assert_int_eq(page.pieces->nelts, 0);
    ck_assert_int_eq(page.last, 9);
    llmq_audience_page_drop(&page);
}
END_TEST

TCase *case_audience_page(void)
{
    TCase *tc = test_case("audience_page");

    tcase_add_test(tc, entries_share_a_frame_while_it_is_small);
    tcase_add_test(tc, numbers_may_have_gaps);
    tcase_add_test(tc, what_is_shown_keeps_its_place);
    tcase_add_test(tc, nothing_makes_no_piece);
    return tc;
}
