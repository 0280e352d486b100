#include "support.h"

#include "bus/relay.h"
#include "bus/relay_link.h"
#include "relay_support.h"

#include <apr_strings.h>
#include <apr_thread_proc.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Somebody who waits, and what was heard. */
typedef struct {
    char id[LLMQ_ID_MAX + 1];
    _Atomic(int) heard[LLMQ_RELAY_COUNT];
    _Atomic(int) dropped;
    _Atomic(size_t) bytes;
    _Atomic(int) status;
} waiter_t;

static llmq_streams_t *streams;
static llmq_relay_link_t *rlink;
static _Atomic(int) canceled;
static int door;

static void sink(void *ctx, llmq_relay_type_e type, const char *data, apr_size_t len)
{
    waiter_t *w = ctx;
    llmq_relay_end_t end;

    if (type == LLMQ_RELAY_END) {
        llmq_relay_frame_end_parse(&end, data, len);
        atomic_store(&w->status, end.status);
        len = end.body_len;
    }
    atomic_fetch_add(&w->bytes, len);
    atomic_fetch_add(&w->heard[type], 1);
}

static void drop(void *ctx)
{
    atomic_fetch_add(&((waiter_t *)ctx)->dropped, 1);
}

static void on_cancel(void *ctx, const char *id)
{
    (void)ctx;
    (void)id;
    atomic_fetch_add(&canceled, 1);
}

static llmq_relay_t *open_relay(void)
{
    llmq_relay_conf_t conf = {
        .fd = door, .max_pending = 10000000, .on_cancel = on_cancel};
    llmq_relay_t *relay = NULL;

    ck_assert_int_eq(llmq_relay_create(&relay, &conf, test_pool), APR_SUCCESS);
    return relay;
}

static void begin(void)
{
    static const int max[LLMQ_STREAM_COUNT] = {4, 4};

    door = relay_door();
    atomic_store(&canceled, 0);
    ck_assert_int_eq(llmq_stream_create(&streams, max, test_pool), APR_SUCCESS);
    ck_assert_int_eq(llmq_relay_link_create(&rlink, relay_path, streams, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(llmq_stream_admit(streams, LLMQ_STREAM_ANSWER), APR_SUCCESS);
}

static void finish(void)
{
    llmq_stream_stop(streams, 0);
    llmq_relay_link_destroy(rlink);
}

static apr_status_t listen_as(waiter_t *w, const char *id)
{
    llmq_relay_listener_t listener = {.sink = sink, .drop = drop, .ctx = w};

    memset(w, 0, sizeof(*w));
    apr_cpystrn(w->id, id, sizeof(w->id));
    return llmq_relay_link_listen(rlink, id, &listener);
}

static apr_status_t tell(llmq_relay_t *relay, const char *id, llmq_relay_type_e type)
{
    llmq_relay_end_t end = {.status = 200, .headers = "", .body = "hello", .body_len = 5};

    return type == LLMQ_RELAY_END ? llmq_relay_send_end(relay, id, &end)
                                  : llmq_relay_send(relay, id, type, "12", 2);
}

START_TEST(an_answer_is_heard)
{
    llmq_relay_t *relay;
    waiter_t w;

    begin();
    relay = open_relay();
    ck_assert_int_eq(listen_as(&w, "a"), APR_SUCCESS);
    ck_assert_int_eq(llmq_relay_listens(relay, "a"), APR_SUCCESS);
    tell(relay, "a", LLMQ_RELAY_BEGUN);
    tell(relay, "a", LLMQ_RELAY_PIECE);
    tell(relay, "a", LLMQ_RELAY_PIECE);
    tell(relay, "a", LLMQ_RELAY_END);
    RELAY_UNTIL(atomic_load(&w.dropped));
    ck_assert_int_eq(atomic_load(&w.heard[LLMQ_RELAY_BEGUN]), 1);
    ck_assert_int_eq(atomic_load(&w.heard[LLMQ_RELAY_PIECE]), 2);
    ck_assert_int_eq(atomic_load(&w.heard[LLMQ_RELAY_END]), 1);
    ck_assert_int_eq(atomic_load(&w.status), 200);
    ck_assert_uint_eq(atomic_load(&w.bytes), 11);
    ck_assert_int_eq(llmq_relay_link_count(rlink), 0);
    finish();
    llmq_relay_destroy(relay, 0);
    ck_assert_int_eq(atomic_load(&canceled), 0);
}
END_TEST

START_TEST(without_a_socket_nobody_listens)
{
    waiter_t w;

    begin();
    unlink(relay_path);
    close(door);
    ck_assert_int_ne(listen_as(&w, "a"), APR_SUCCESS);
    ck_assert_int_eq(llmq_relay_link_count(rlink), 0);
    ck_assert_int_eq(atomic_load(&w.dropped), 0);
    finish();
}
END_TEST

START_TEST(a_cancel_reaches_the_dispatcher)
{
    llmq_relay_t *relay;
    waiter_t a, b;

    begin();
    relay = open_relay();
    listen_as(&a, "a");
    listen_as(&b, "b");
    llmq_relay_link_cancel(rlink, "a");
    ck_assert_int_eq(atomic_load(&a.dropped), 1);
    llmq_relay_link_cancel(rlink, "a");
    RELAY_UNTIL(atomic_load(&canceled) == 1);
    ck_assert_int_eq(llmq_relay_listens(relay, "b"), APR_SUCCESS);
    finish();
    ck_assert_int_eq(atomic_load(&b.dropped), 1);
    RELAY_UNTIL(atomic_load(&canceled) == 2);
    llmq_relay_destroy(relay, 0);
}
END_TEST

/* The dispatcher dies: what had pieces is lost, the rest begins again at the next one. */
START_TEST(the_dispatcher_is_replaced)
{
    llmq_relay_t *relay;
    waiter_t waits, begun, streamed;

    begin();
    relay = open_relay();
    listen_as(&waits, "waits");
    listen_as(&begun, "begun");
    listen_as(&streamed, "streamed");
    ck_assert_int_eq(llmq_relay_listens(relay, "streamed"), APR_SUCCESS);
    tell(relay, "begun", LLMQ_RELAY_BEGUN);
    tell(relay, "streamed", LLMQ_RELAY_BEGUN);
    tell(relay, "streamed", LLMQ_RELAY_PIECE);
    RELAY_UNTIL(atomic_load(&streamed.heard[LLMQ_RELAY_PIECE]));
    llmq_relay_destroy(relay, 0);
    RELAY_UNTIL(atomic_load(&streamed.dropped));
    ck_assert_int_eq(atomic_load(&streamed.heard[LLMQ_RELAY_LOST]), 1);
    relay = open_relay();
    RELAY_UNTIL(llmq_relay_listens(relay, "waits") == APR_SUCCESS);
    RELAY_UNTIL(llmq_relay_listens(relay, "begun") == APR_SUCCESS);
    ck_assert_int_eq(llmq_relay_listens(relay, "streamed"), APR_NOTFOUND);
    tell(relay, "begun", LLMQ_RELAY_BEGUN);
    tell(relay, "begun", LLMQ_RELAY_END);
    tell(relay, "waits", LLMQ_RELAY_END);
    RELAY_UNTIL(atomic_load(&begun.dropped) && atomic_load(&waits.dropped));
    ck_assert_int_eq(atomic_load(&begun.heard[LLMQ_RELAY_BEGUN]), 2);
    ck_assert_int_eq(atomic_load(&begun.heard[LLMQ_RELAY_LOST]), 0);
    finish();
    llmq_relay_destroy(relay, 0);
    ck_assert_int_eq(atomic_load(&canceled), 0);
}
END_TEST

/* A graceful restart: the old one ends what it has begun, the new one begins the rest. */
START_TEST(old_and_new_dispatcher_at_once)
{
    llmq_relay_t *old, *new;
    waiter_t running, waits, retried, fresh;

    begin();
    old = open_relay();
    listen_as(&running, "running");
    listen_as(&waits, "waits");
    listen_as(&retried, "retried");
    ck_assert_int_eq(llmq_relay_listens(old, "retried"), APR_SUCCESS);
    tell(old, "running", LLMQ_RELAY_BEGUN);
    tell(old, "running", LLMQ_RELAY_PIECE);
    tell(old, "retried", LLMQ_RELAY_BEGUN);
    llmq_relay_leave(old);
    new = open_relay();
    RELAY_UNTIL(llmq_relay_listens(new, "waits") == APR_SUCCESS);
    listen_as(&fresh, "fresh");
    ck_assert_int_eq(llmq_relay_listens(new, "fresh"), APR_SUCCESS);
    ck_assert_int_eq(llmq_relay_listens(old, "fresh"), APR_NOTFOUND);
    /* an attempt has failed at the old one, the next is the new one's */
    tell(new, "retried", LLMQ_RELAY_BEGUN);
    tell(new, "retried", LLMQ_RELAY_END);
    tell(old, "running", LLMQ_RELAY_PIECE);
    tell(old, "running", LLMQ_RELAY_END);
    tell(new, "waits", LLMQ_RELAY_END);
    RELAY_UNTIL(atomic_load(&running.dropped) && atomic_load(&waits.dropped)
                && atomic_load(&retried.dropped));
    ck_assert_int_eq(atomic_load(&running.heard[LLMQ_RELAY_PIECE]), 2);
    ck_assert_int_eq(atomic_load(&retried.heard[LLMQ_RELAY_BEGUN]), 2);
    RELAY_UNTIL(llmq_relay_count(old) == 0);
    RELAY_UNTIL(llmq_relay_count(new) == 1);
    llmq_relay_destroy(old, apr_time_from_sec(60));
    tell(new, "fresh", LLMQ_RELAY_END);
    RELAY_UNTIL(atomic_load(&fresh.dropped));
    ck_assert_int_eq(atomic_load(&fresh.heard[LLMQ_RELAY_LOST]), 0);
    finish();
    llmq_relay_destroy(new, 0);
    ck_assert_int_eq(atomic_load(&canceled), 0);
}
END_TEST

#define CROWD   6
#define ROUNDS  150
#define PER_JOB 5

static llmq_relay_t *shared;
static _Atomic(int) unknown;

/* Requests: each listens, has its job answered and now and then gives up. */
static void *APR_THREAD_FUNC request(apr_thread_t *thread, void *data)
{
    waiter_t *w = malloc(sizeof(*w));
    char id[LLMQ_ID_MAX + 1];
    int i, k;

    (void)thread;
    for (i = 0; i < ROUNDS; i++) {
        apr_snprintf(id, sizeof(id), "job_%s_%d", (const char *)data, i);
        listen_as(w, id);
        unknown += llmq_relay_listens(shared, id) != APR_SUCCESS;
        for (k = 0; k < PER_JOB; k++) {
            tell(shared, id, LLMQ_RELAY_PIECE);
        }
        if (i % 7 == 0) {
            llmq_relay_link_cancel(rlink, id);
        }
        tell(shared, id, LLMQ_RELAY_END);
        while (!atomic_load(&w->dropped)) {
            apr_sleep(100);
        }
        unknown += i % 7 && atomic_load(&w->heard[LLMQ_RELAY_PIECE]) != PER_JOB;
    }
    free(w);
    return NULL;
}

START_TEST(many_at_once)
{
    apr_thread_t *threads[CROWD];
    apr_status_t rv;
    int i;

    begin();
    shared = open_relay();
    for (i = 0; i < CROWD; i++) {
        apr_thread_create(&threads[i], NULL, request, apr_itoa(test_pool, i), test_pool);
    }
    for (i = 0; i < CROWD; i++) {
        apr_thread_join(&rv, threads[i]);
    }
    ck_assert_int_eq(atomic_load(&unknown), 0);
    ck_assert_int_eq(llmq_relay_link_count(rlink), 0);
    finish();
    RELAY_UNTIL(llmq_relay_count(shared) == 0);
    llmq_relay_destroy(shared, 0);
}
END_TEST

TCase *case_relay_link(void)
{
    TCase *tc = test_case("relay_link");

    tcase_add_test(tc, an_answer_is_heard);
    tcase_add_test(tc, without_a_socket_nobody_listens);
    tcase_add_test(tc, a_cancel_reaches_the_dispatcher);
    tcase_add_test(tc, the_dispatcher_is_replaced);
    tcase_add_test(tc, old_and_new_dispatcher_at_once);
    tcase_add_test(tc, many_at_once);
    return tc;
}
