#include "support.h"

#include "bus/bus_wire.h"

#include <stdlib.h>
#include <string.h>

static llmq_bus_wire_t w;

static llmq_event_t grown(const char *data)
{
    llmq_event_t e = {
        APR_UINT64_C(0xFEDCBA9876543210), 3, data, strlen(data), LLMQ_EVENT_GROWN, 0};

    e.data = e.len ? data : NULL;
    return e;
}

/* A frame of one event, in memory of exactly its size, so that a step beyond shows. */
static apr_status_t judge(const void *data, apr_size_t len)
{
    void *copy = malloc(len ? len : 1);
    llmq_bus_frame_t frame;
    apr_status_t rv;

    memcpy(copy, data, len);
    rv = llmq_bus_wire_open(&frame, copy, len);
    if (rv == APR_SUCCESS)
        rv = llmq_bus_wire_check(&frame, test_pool);
    free(copy);
    return rv;
}

static apr_status_t judge_event(const llmq_event_t *e)
{
    llmq_bus_wire_begin(&w, "node:1");
    ck_assert_int_ne(llmq_bus_wire_add(&w, e), 0);
    return judge(w.data, w.len);
}

START_TEST(a_frame_carries_events)
{
    const llmq_event_t sent[] = {grown("{\"a\":1}"),
                                 {7, 0, NULL, 0, LLMQ_EVENT_CHANGED, 0},
                                 {8, 1, "{}", 2, LLMQ_EVENT_DELTA, 0},
                                 {0, 0, NULL, 0, (llmq_event_e)LLMQ_BUS_WIRE_LOOK, 0}};
    llmq_bus_frame_t frame;
    llmq_event_t e;
    int i;

    llmq_bus_wire_begin(&w, "node:1");
    for (i = 0; i < 4; i++)
        ck_assert_int_ne(llmq_bus_wire_add(&w, &sent[i]), 0);
    ck_assert_int_eq(llmq_bus_wire_open(&frame, w.data, w.len), APR_SUCCESS);
    ck_assert(llmq_bus_wire_is_of(&frame, "node:1"));
    ck_assert(!llmq_bus_wire_is_of(&frame, "node:"));
    ck_assert(!llmq_bus_wire_is_of(&frame, "node:12"));
    ck_assert_int_eq(llmq_bus_wire_check(&frame, test_pool), APR_SUCCESS);
    for (i = 0; i < 4; i++) {
        ck_assert_int_ne(llmq_bus_wire_next(&e, &frame), 0);
        ck_assert_uint_eq(e.topic, sent[i].topic);
        ck_assert_int_eq(e.seq, sent[i].seq);
        ck_assert_int_eq(e.what, sent[i].what);
        ck_assert_uint_eq(e.len, sent[i].len);
        if (e.len)
            ck_assert_mem_eq(e.data, sent[i].data, e.len);
        ck_assert(e.foreign);
    }
    ck_assert_int_eq(llmq_bus_wire_next(&e, &frame), 0);
}
END_TEST

START_TEST(a_full_frame_takes_no_more)
{
    char *data = malloc(LLMQ_EVENT_DATA_MAX + 1);
    llmq_event_t e = grown("");
    int n = 0;

    memset(data, ' ', LLMQ_EVENT_DATA_MAX + 1);
    data[0] = '{';
    data[LLMQ_EVENT_DATA_MAX - 1] = '}';
    e.data = data;
    e.len = LLMQ_EVENT_DATA_MAX + 1;
    llmq_bus_wire_begin(&w, "node");
    ck_assert_int_eq(llmq_bus_wire_add(&w, &e), 0);
    e.len--;
    while (llmq_bus_wire_add(&w, &e))
        n++;
    ck_assert_int_eq(n, 3);
    ck_assert_int_eq(judge(w.data, w.len), APR_SUCCESS);
    free(data);
}
END_TEST

START_TEST(every_cut_is_noticed)
{
    llmq_event_t e = grown("{\"a\":\"b\"}");
    apr_size_t n;

    ck_assert_int_eq(judge_event(&e), APR_SUCCESS);
    for (n = 0; n < w.len; n++) {
        if (n != w.head) /* a frame without events */
            ck_assert_int_eq(judge(w.data, n), APR_EINVAL);
    }
    w.data[w.len] = 0;
    ck_assert_int_eq(judge(w.data, w.len + 1), APR_EINVAL);
}
END_TEST

START_TEST(heads_are_checked)
{
    llmq_event_t e = grown("{}");

    ck_assert_int_eq(judge_event(&e), APR_SUCCESS);
    w.data[0] = 2;
    ck_assert_int_eq(judge(w.data, w.len), APR_ENOTIMPL);
    w.data[0] = 1;
    w.data[1] = 0;
    ck_assert_int_eq(judge(w.data, w.len), APR_EINVAL);
    w.data[1] = 255;
    ck_assert_int_eq(judge(w.data, w.len), APR_EINVAL);
    w.data[1] = 6;
    w.data[2] = '\n';
    ck_assert_int_eq(judge(w.data, w.len), APR_EINVAL);
    w.data[2] = '\0';
    ck_assert_int_eq(judge(w.data, w.len), APR_EINVAL);
}
END_TEST

static const char *const bad_data[] = {"[]",
                                       "1",
                                       "{",
                                       "{}x",
                                       "{\"a\":\"b\n\"}",
                                       "{\n}",
                                       "{\"a\":NaN}",
                                       "{}\r\n\r\n",
                                       "{\"a\":\"\x80\"}",
                                       " {}",
                                       "{\"a\":\"\t\"}"};

START_TEST(data_is_one_line_of_json)
{
    llmq_event_t e = grown(bad_data[_i]);

    ck_assert_int_eq(judge_event(&e), APR_EINVAL);
    e.what = LLMQ_EVENT_DELTA;
    ck_assert_int_eq(judge_event(&e), APR_EINVAL);
}
END_TEST

START_TEST(kinds_keep_their_form)
{
    static const llmq_event_t bad[] = {
        {0, 1, NULL, 0, LLMQ_EVENT_GROWN, 0},
        {5, 0, NULL, 0, LLMQ_EVENT_GROWN, 0},
        {5, -1, NULL, 0, LLMQ_EVENT_GROWN, 0},
        {5, 1, NULL, 0, LLMQ_EVENT_CHANGED, 0},
        {5, 0, "{}", 2, LLMQ_EVENT_CHANGED, 0},
        {5, 1, NULL, 0, LLMQ_EVENT_DELTA, 0},
        {5, 0, "{}", 2, LLMQ_EVENT_DELTA, 0},
        {5, 0, NULL, 0, (llmq_event_e)LLMQ_BUS_WIRE_LOOK, 0},
        {0, 0, "{}", 2, (llmq_event_e)LLMQ_BUS_WIRE_LOOK, 0},
        {5, 1, "{}", 2, (llmq_event_e)4, 0},
        {5, 1, "{}", 2, (llmq_event_e)255, 0},
    };
    llmq_event_t good = grown("");

    ck_assert_int_lt(_i, (int)(sizeof(bad) / sizeof(bad[0])));
    ck_assert_int_eq(judge_event(&bad[_i]), APR_EINVAL);
    ck_assert_int_eq(judge_event(&good), APR_SUCCESS);
}
END_TEST

/* Bytes of a sound frame are changed at random: nothing is read beyond its end. */
START_TEST(no_bytes_do_harm)
{
    llmq_event_t e = grown("{\"a\":\"b\"}");
    int i, sound = 0;

    srand(7);
    for (i = 0; i < 5000; i++) {
        int n = 1 + rand() % 4;

        judge_event(&e);
        llmq_bus_wire_add(&w, &e);
        while (n-- > 0)
            w.data[(apr_size_t)rand() % w.len] = (unsigned char)rand();
        sound += judge(w.data, w.len) == APR_SUCCESS;
    }
    ck_assert_int_lt(sound, 5000);
}
END_TEST

TCase *case_bus_wire(void)
{
    TCase *tc = test_case("bus_wire");

    tcase_add_test(tc, a_frame_carries_events);
    tcase_add_test(tc, a_full_frame_takes_no_more);
    tcase_add_test(tc, every_cut_is_noticed);
    tcase_add_test(tc, heads_are_checked);
    tcase_add_loop_test(tc, data_is_one_line_of_json, 0,
                        sizeof(bad_data) / sizeof(bad_data[0]));
    tcase_add_loop_test(tc, kinds_keep_their_form, 0, 11);
    tcase_add_test(tc, no_bytes_do_harm);
    return tc;
}
