#include "support.h"

#include "bus/relay_table.h"

#include <string.h>

static llmq_relay_table_t t;

static void put(llmq_relay_peer_t *peer, const char *id, const char *data)
{
    llmq_relay_frame_t frame = {.type = LLMQ_RELAY_PIECE, .len = strlen(data)};
    struct iovec part = {(void *)(size_t)data, frame.len};

    strcpy(frame.id, id);
    ck_assert_int_eq(
        llmq_relay_table_put(&t, peer, llmq_relay_table_find(&t, id), &frame, &part, 1),
        APR_SUCCESS);
}

START_TEST(the_last_who_listens_does)
{
    char id[LLMQ_ID_MAX + 1];
    llmq_relay_peer_t *a, *b;

    llmq_relay_table_init(&t);
    a = llmq_relay_table_add_peer(&t, -1);
    b = llmq_relay_table_add_peer(&t, -1);
    ck_assert_int_eq(llmq_relay_table_listen(&t, a, "x"), APR_SUCCESS);
    ck_assert_int_eq(llmq_relay_table_listen(&t, a, "x"), APR_SUCCESS);
    ck_assert_int_eq(t.n, 1);
    ck_assert_int_eq(llmq_relay_table_listen(&t, b, "x"), APR_SUCCESS);
    ck_assert_int_eq(t.n, 1);
    llmq_relay_table_remove_peer(&t, a);
    ck_assert(!llmq_relay_table_next_canceled(id, &t));
    ck_assert_ptr_eq(llmq_relay_table_find(&t, "x")->peer, b);
    llmq_relay_table_remove_peer(&t, b);
    ck_assert(llmq_relay_table_next_canceled(id, &t));
    ck_assert_str_eq(id, "x");
    ck_assert(!llmq_relay_table_next_canceled(id, &t));
    llmq_relay_table_cleanup(&t);
}
END_TEST

START_TEST(what_waits_is_counted_and_written_in_parts)
{
    struct iovec parts[4];
    llmq_relay_peer_t *peer;
    const llmq_relay_ear_t *x;
    apr_size_t one = LLMQ_RELAY_HEAD + 1 + 3;

    llmq_relay_table_init(&t);
    peer = llmq_relay_table_add_peer(&t, -1);
    llmq_relay_table_listen(&t, peer, "x");
    llmq_relay_table_listen(&t, peer, "y");
    x = llmq_relay_table_find(&t, "x");
    put(peer, "x", "abc");
    put(peer, "y", "def");
    put(peer, "x", "ghi");
    ck_assert_uint_eq(x->pending, 2 * one);
    ck_assert_ptr_eq(t.told, peer);
    ck_assert_int_eq(llmq_relay_table_gather(parts, 2, peer), 2);
    llmq_relay_table_advance(peer, one - 2);
    ck_assert_uint_eq(x->pending, 2 * one);
    ck_assert_int_eq(llmq_relay_table_gather(parts, 4, peer), 3);
    ck_assert_uint_eq(parts[0].iov_len, 2);
    ck_assert_int_eq(memcmp(parts[0].iov_base, "bc", 2), 0);
    llmq_relay_table_advance(peer, 2 + one);
    ck_assert_uint_eq(x->pending, one);
    ck_assert_int_eq(x->outs, 1);
    llmq_relay_table_advance(peer, one);
    ck_assert_int_eq(llmq_relay_table_gather(parts, 4, peer), 0);
    put(peer, "x", "jkl"); /* something waits when all of it goes */
    llmq_relay_table_remove_peer(&t, peer);
    ck_assert_ptr_null(t.told);
    llmq_relay_table_cleanup(&t);
    ck_assert_int_eq(t.n, 0);
}
END_TEST

/* What was sent to a listener that has its end is written all the same. */
START_TEST(frames_outlive_who_listened)
{
    struct iovec parts[4];
    llmq_relay_peer_t *peer;

    llmq_relay_table_init(&t);
    peer = llmq_relay_table_add_peer(&t, -1);
    llmq_relay_table_listen(&t, peer, "x");
    put(peer, "x", "abc");
    llmq_relay_table_unlist(&t, llmq_relay_table_find(&t, "x"), 1);
    llmq_relay_table_listen(&t, peer, "x");
    put(peer, "x", "def");
    ck_assert_int_eq(llmq_relay_table_gather(parts, 4, peer), 2);
    llmq_relay_table_advance(peer, parts[0].iov_len);
    ck_assert_int_eq(llmq_relay_table_find(&t, "x")->outs, 1);
    llmq_relay_table_cleanup(&t);
}
END_TEST

TCase *case_relay_table(void)
{
    TCase *tc = test_case("relay_table");

    tcase_add_test(tc, the_last_who_listens_does);
    tcase_add_test(tc, what_waits_is_counted_and_written_in_parts);
    tcase_add_test(tc, frames_outlive_who_listened);
    return tc;
}
