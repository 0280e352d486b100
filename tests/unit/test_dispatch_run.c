#include "dispatch/dispatch_run.h"

#include "support_dispatch.h"

#include <apr_strings.h>

#include <string.h>
#include <unistd.h>

/* ---- what is not to be done any more ---- */

enum {
    GONE_REMOVED,
    GONE_CLAIMED,
    GONE_COMPLETED,
    GONE_FAILED,
    GONE_TIMEOUT,
    GONE_UNKNOWN,
    GONES
};

static void claim(const char *id)
{
    llmq_job_change_t change = {.tenant = "default",
                                .kind = LLMQ_KIND_MESSAGE,
                                .id = id,
                                .from = LLMQ_STATUS_PENDING,
                                .to = LLMQ_STATUS_PROCESSING,
                                .owner = "somebody",
                                .metadata = "{}",
                                .now = STORE_TEST_T0};

    ck_assert_int_eq(llmq_store_job_change(store_test.store, &change, test_pool),
                     APR_SUCCESS);
}

static void make_gone(const char *id, int how)
{
    switch (how) {
    case GONE_REMOVED:
        ck_assert_int_eq(llmq_store_job_remove(store_test.store, "default",
                                               LLMQ_KIND_MESSAGE, id, STORE_TEST_T0,
                                               test_pool),
                         APR_SUCCESS);
        break;
    case GONE_CLAIMED: claim(id); break;
    case GONE_COMPLETED: store_test_sql("UPDATE llmq_jobs SET status = 2"); break;
    case GONE_FAILED: store_test_sql("UPDATE llmq_jobs SET status = 3"); break;
    case GONE_TIMEOUT: store_test_sql("UPDATE llmq_jobs SET status = 4"); break;
    default: store_test_sql("DELETE FROM llmq_jobs");
    }
}

/* The end was told from outside, under a raised fence; who told it counts it. */
static void finish_from_outside(const char *id, llmq_status_e to)
{
    llmq_job_change_t change = {.tenant = "default",
                                .kind = LLMQ_KIND_MESSAGE,
                                .id = id,
                                .from = LLMQ_STATUS_PENDING,
                                .to = to,
                                .metadata = "{}",
                                .now = STORE_TEST_T0};

    ck_assert_int_eq(llmq_store_job_change(store_test.store, &change, test_pool),
                     APR_SUCCESS);
}

START_TEST(an_end_told_from_outside_is_counted_once_by_whoever_told_it)
{
    static const llmq_status_e ends[] = {LLMQ_STATUS_FAILED, LLMQ_STATUS_TIMEOUT};
    dispatch_rig_t *rig = dispatch_rig();
    llmq_queue_stats_t sum;

    dispatch_rig_put(rig, "msg_told", LLMQ_LEVEL_HIGH);
    finish_from_outside("msg_told", ends[_i]);
    dispatch_rig_put(rig, "msg_next", LLMQ_LEVEL_HIGH);
    /* A queue that has given work before counts by itself. */
    queue_put(rig->q, "msg_old", LLMQ_LEVEL_REALTIME, 1, 0);
    ck_assert_str_eq(queue_take_ids(rig->q, 1), "msg_old");
    queue_ack(rig->q, "msg_old", LLMQ_ACK_GONE);
    dispatch_rig_start(rig);
    DISPATCH_WAIT(dispatch_rig_sum(rig).total_completed == 1);
    /* The dispatcher came between the change of the row and this withdrawal. */
    ck_assert_int_eq(llmq_queue_cancel(rig->q, "msg_told"), APR_NOTFOUND);
    llmq_queue_count(rig->q, 0, LLMQ_LEVEL_HIGH, LLMQ_ACK_FAILED);
    sum = dispatch_rig_sum(rig);
    ck_assert_uint_eq(sum.total_failed, 1);
    ck_assert_uint_eq(sum.total_completed, 1);
    ck_assert_uint_eq(sum.running, 0);
    dispatch_rig_close(rig);
}
END_TEST

/* The next in the same key is answered after it, so by then it has been looked at. Only
 * one that is final counts: whoever finished it died before it could tell the queue. */
START_TEST(what_is_gone_from_the_store_is_dropped_without_a_call)
{
    dispatch_rig_t *rig = dispatch_rig_http("echo");
    llmq_queue_stats_t sum;
    int before;

    /* A queue that has given work before counts by itself. */
    queue_put(rig->q, "msg_old", LLMQ_LEVEL_LOW, 1, 0);
    ck_assert_str_eq(queue_take_ids(rig->q, 1), "msg_old");
    queue_ack(rig->q, "msg_old", LLMQ_ACK_GONE);
    dispatch_rig_put(rig, "msg_gone", LLMQ_LEVEL_HIGH);
    make_gone("msg_gone", _i);
    before = dispatch_rig_status("msg_gone");
    dispatch_rig_put(rig, "msg_next", LLMQ_LEVEL_HIGH);
    dispatch_rig_start(rig);
    DISPATCH_WAIT(queue_state(rig->q, "msg_next") == LLMQ_ENTRY_FREE);
    ck_assert_int_eq(dispatch_rig_status("msg_next"), LLMQ_STATUS_COMPLETED);
    ck_assert_int_eq(http_server_requests(rig->server), 1);
    ck_assert_int_eq(queue_state(rig->q, "msg_gone"), LLMQ_ENTRY_FREE);
    ck_assert_int_eq(dispatch_rig_status("msg_gone"), before);
    sum = dispatch_rig_sum(rig);
    ck_assert_uint_eq(sum.total_completed, _i == GONE_COMPLETED ? 2 : 1);
    ck_assert_uint_eq(sum.total_failed, _i == GONE_FAILED || _i == GONE_TIMEOUT);
    ck_assert_uint_eq(sum.running, 0);
    dispatch_rig_close(rig);
}
END_TEST

/* ---- places ---- */

START_TEST(no_more_is_taken_than_the_backend_has_places)
{
    dispatch_rig_t *rig = dispatch_rig_gate();
    llmq_queue_stats_t sum;
    int fds[5], i;

    rig->backend.max_concurrent = 2;
    for (i = 0; i < 5; i++)
        dispatch_rig_put(rig, apr_psprintf(test_pool, "msg_%d", i), _i);
    dispatch_rig_start(rig);
    fds[0] = dispatch_rig_take_call(rig, NULL);
    fds[1] = dispatch_rig_take_call(rig, NULL);
    for (i = 2; i < 5; i++) {
        sum = dispatch_rig_sum(rig);
        ck_assert_uint_eq(sum.running, 2);
        ck_assert_uint_eq(sum.ready, 5U - (unsigned)i);
        ck_assert_uint_eq(sum.total_taken, (unsigned)i);
        ck_assert(dispatch_rig_gate_is_quiet(rig));
        dispatch_rig_complete(fds[i - 2]);
        fds[i] = dispatch_rig_take_call(rig, NULL);
        /* The place is free before the outcome is written. */
        DISPATCH_WAIT(dispatch_rig_sum(rig).total_completed == (unsigned)i - 1);
    }
    dispatch_rig_complete(fds[3]);
    dispatch_rig_complete(fds[4]);
    DISPATCH_WAIT(dispatch_rig_sum(rig).total_completed == 5);
    ck_assert_int_eq(llmq_endpoint_free(rig->d->endpoints), 2);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(a_paused_backend_gets_nothing)
{
    dispatch_rig_t *rig = dispatch_rig_http("forever");

    dispatch_rig_start(rig);
    dispatch_rig_put(rig, "msg_a", _i);
    DISPATCH_WAIT(queue_state(rig->q, "msg_a") == LLMQ_ENTRY_DELAYED);
    ck_assert_int_eq(llmq_endpoint_free(rig->d->endpoints), 0);
    dispatch_rig_put(rig, "msg_b", _i);
    llmq_dispatch_drain(rig->d);
    dispatch_rig_join(rig);
    ck_assert_int_eq(queue_state(rig->q, "msg_b"), LLMQ_ENTRY_READY);
    ck_assert_int_eq(http_server_requests(rig->server), 1);
    ck_assert_int_eq(store_test_find("msg_b")->attempt, 0);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(one_of_a_chain_runs_at_a_time_and_in_order)
{
    dispatch_rig_t *rig = dispatch_rig_gate();
    const char *id;
    int fd, i;

    for (i = 0; i < 3; i++) {
        llmq_job_t *job =
            dispatch_rig_job(apr_psprintf(test_pool, "msg_%d", i), (_i + i) % 4 + 1);

        job->chain = "conv_1";
        dispatch_rig_store(job);
        dispatch_rig_enter(rig, job);
    }
    dispatch_rig_start(rig);
    for (i = 0; i < 3; i++) {
        fd = dispatch_rig_take_call(rig, &id);
        ck_assert_str_eq(id, apr_psprintf(test_pool, "msg_%d", i));
        ck_assert_uint_eq(dispatch_rig_sum(rig).blocked, 2U - (unsigned)i);
        ck_assert(dispatch_rig_gate_is_quiet(rig));
        dispatch_rig_complete(fd);
    }
    DISPATCH_WAIT(dispatch_rig_sum(rig).total_completed == 3);
    dispatch_rig_close(rig);
}
END_TEST

/* ---- the database away ---- */

/* ---- who listens hears ---- */

static char heard[512];

/* A letter for each event: what, and in small letters those of the conversation. */
static void hear(void *ctx, const llmq_event_t *event)
{
    apr_uint64_t own = llmq_bus_topic(LLMQ_TOPIC_MESSAGE, "default", "msg_heard");
    apr_size_t n = strlen(heard);

    (void)ctx;
    ck_assert_uint_lt(n, sizeof(heard) - 1);
    heard[n] = event->what == LLMQ_EVENT_CHANGED ? (event->topic == own ? 'C' : 'c')
                                                 : (event->topic == own ? 'D' : 'd');
    heard[n + 1] = '\0';
    if (event->what == LLMQ_EVENT_DELTA) {
        ck_assert_ptr_nonnull(strstr(event->data, "\"message_id\":\"msg_heard\""));
    }
    if (event->topic != own) {
        ck_assert(event->topic
                  == llmq_bus_topic(LLMQ_TOPIC_CONVERSATION, "default", "conv_1"));
    }
}

START_TEST(who_listens_hears_of_the_start_the_pieces_and_the_end)
{
    dispatch_rig_t *rig = dispatch_rig_http("stream");
    llmq_job_t *job = dispatch_rig_job("msg_heard", LLMQ_LEVEL_HIGH);
    void *memory = test_shared(llmq_bus_size(65536));
    llmq_bus_reader_t *reader;
    int missed = 0;
    size_t n;

    ck_assert_int_eq(llmq_bus_create(&rig->conf.bus, memory, 65536, 2, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(llmq_bus_attach(&reader, rig->conf.bus, test_pool), APR_SUCCESS);
    llmq_bus_want(reader, 1);
    job->chain = "conv_1";
    dispatch_rig_store(job);
    dispatch_rig_enter(rig, job);
    dispatch_rig_start(rig);
    DISPATCH_WAIT(queue_state(rig->q, "msg_heard") == LLMQ_ENTRY_FREE);
    dispatch_rig_close(rig);
    llmq_bus_read(&missed, reader, hear, NULL, 100);
    n = strlen(heard);
    ck_assert_uint_ge(n, 6);
    ck_assert_int_eq(strncmp(heard, "CcDd", 4), 0);
    ck_assert_str_eq(heard + n - 2, "Cc");
}
END_TEST

START_TEST(without_the_database_all_wait_and_none_is_lost_or_tried)
{
    dispatch_rig_t *rig = dispatch_rig_http("echo");
    llmq_queue_stats_t stats[LLMQ_LEVEL_COUNT];
    int l;

    LLMQ_EACH_LEVEL (l)
        dispatch_rig_store(dispatch_rig_job(apr_psprintf(test_pool, "msg_%d", l), l));
    /* What is answered shows that draining has begun. */
    dispatch_rig_put(rig, "msg_first", LLMQ_LEVEL_LOW);
    dispatch_rig_start(rig);
    DISPATCH_WAIT(dispatch_rig_sum(rig).total_completed == 1);
    dispatch_rig_db_away();
    LLMQ_EACH_LEVEL (l)
        dispatch_rig_enter(rig,
                           dispatch_rig_job(apr_psprintf(test_pool, "msg_%d", l), l));
    DISPATCH_WAIT(dispatch_rig_sum(rig).total_taken == 5);
    DISPATCH_WAIT(dispatch_rig_sum(rig).ready == 4);
    dispatch_rig_db_back();
    DISPATCH_WAIT(dispatch_rig_sum(rig).total_completed == 5);
    ck_assert_int_eq(llmq_queue_stats(stats, rig->q), APR_SUCCESS);
    LLMQ_EACH_LEVEL (l) {
        const llmq_job_t *job = store_test_find(apr_psprintf(test_pool, "msg_%d", l));

        ck_assert_uint_eq(stats[l].total_taken, l == LLMQ_LEVEL_LOW ? 2 : 1);
        ck_assert_int_eq(job->status, LLMQ_STATUS_COMPLETED);
        ck_assert_int_eq(job->attempt, 0);
        ck_assert_int_eq(job->retry_count, 0);
    }
    ck_assert_int_eq(http_server_requests(rig->server), 5);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(it_starts_without_the_database_and_works_when_it_comes)
{
    dispatch_rig_t *rig = dispatch_rig();

    dispatch_rig_put(rig, "msg_a", _i);
    dispatch_rig_db_away();
    llmq_queue_suspect(rig->q);
    dispatch_rig_start(rig);
    apr_sleep(1); /* whichever comes first, it must heal */
    dispatch_rig_db_back();
    DISPATCH_WAIT(dispatch_rig_sum(rig).total_completed == 1);
    ck_assert_int_eq(dispatch_rig_status("msg_a"), LLMQ_STATUS_COMPLETED);
    dispatch_rig_close(rig);
}
END_TEST

TCase *case_dispatch_run(void)
{
    TCase *tc = test_case("dispatch_run");

    tcase_add_loop_test(tc, what_is_gone_from_the_store_is_dropped_without_a_call, 0,
                        GONES);
    tcase_add_loop_test(tc, an_end_told_from_outside_is_counted_once_by_whoever_told_it,
                        0, 2);
    tcase_add_loop_test(tc, no_more_is_taken_than_the_backend_has_places, 1, 5);
    tcase_add_loop_test(tc, a_paused_backend_gets_nothing, 1, 3);
    tcase_add_loop_test(tc, one_of_a_chain_runs_at_a_time_and_in_order, 0, 4);
    tcase_add_test(tc, who_listens_hears_of_the_start_the_pieces_and_the_end);
    tcase_add_test(tc, without_the_database_all_wait_and_none_is_lost_or_tried);
    tcase_add_loop_test(tc, it_starts_without_the_database_and_works_when_it_comes, 1, 3);
    return tc;
}
