#include "support.h"

#include "bus/relay_loop.h"
#include "relay_support.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void on_cancel(void *ctx, const char *id)
{
    (void)id;
    atomic_fetch_add((_Atomic(int) *)ctx, 1);
}

static _Atomic(int) canceled;

static llmq_relay_t *open_relay(void)
{
    llmq_relay_conf_t conf = {.fd = relay_door(),
                              .max_pending = 1000,
                              .on_cancel = on_cancel,
                              .ctx = &canceled};
    llmq_relay_t *relay = NULL;

    ck_assert_int_eq(llmq_relay_create(&relay, &conf, test_pool), APR_SUCCESS);
    return relay;
}

static int is_closed(int fd)
{
    char c;

    return recv(fd, &c, 1, 0) == 0;
}

/* Byte by byte, with the rest of one frame and the beginning of the next together. */
START_TEST(frames_come_in_parts)
{
    llmq_relay_frame_t frame = {.type = LLMQ_RELAY_LISTEN, .id = "abc"};
    llmq_relay_t *relay = open_relay();
    char bytes[2 * (LLMQ_RELAY_HEAD + 3)];
    int child = relay_child();
    size_t i;

    llmq_relay_frame_head(bytes, &frame);
    memcpy(bytes + LLMQ_RELAY_HEAD, "abc", 3);
    llmq_relay_frame_head(bytes + LLMQ_RELAY_HEAD + 3, &frame);
    memcpy(bytes + 2 * LLMQ_RELAY_HEAD + 3, "xyz", 3);
    for (i = 0; i < 12; i++) {
        ck_assert_int_eq(llmq_relay_listens(relay, "abc"), i < 11 ? APR_NOTFOUND : 0);
        ck_assert_int_eq(send(child, bytes + i, i < 11 ? 1 : 11, 0), i < 11 ? 1 : 11);
    }
    ck_assert_int_eq(llmq_relay_listens(relay, "xyz"), APR_SUCCESS);
    llmq_relay_destroy(relay, 0);
    close(child);
}
END_TEST

START_TEST(who_is_not_understood_is_hung_up_on)
{
    llmq_relay_frame_t frame = {.type = LLMQ_RELAY_LISTEN, .len = 10000};
    llmq_relay_t *relay = open_relay();
    char head[LLMQ_RELAY_HEAD];
    int a = relay_child();
    int b = relay_child();
    int c = relay_child();

    atomic_store(&canceled, 0);
    relay_say(a, LLMQ_RELAY_LISTEN, "a");
    relay_say(a, LLMQ_RELAY_PIECE, "a"); /* a child says no such thing */
    ck_assert(is_closed(a));
    RELAY_UNTIL(atomic_load(&canceled) == 1);
    ck_assert_int_eq(send(b, "not a frame of ours", 19, 0), 19);
    ck_assert(is_closed(b));
    llmq_relay_frame_head(head, &frame); /* nothing that a child says is so long */
    ck_assert_int_eq(send(c, head, sizeof(head), 0), sizeof(head));
    ck_assert(is_closed(c));
    llmq_relay_destroy(relay, 0);
}
END_TEST

TCase *case_relay_loop(void)
{
    TCase *tc = test_case("relay_loop");

    tcase_add_test(tc, frames_come_in_parts);
    tcase_add_test(tc, who_is_not_understood_is_hung_up_on);
    return tc;
}
