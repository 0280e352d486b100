#include "dispatch/completions.h"

#include "support_dispatch.h"

#include <apr_strings.h>

#include <string.h>

/* A relay that remembers what was said of the job that is listened to. */
typedef struct {
    pthread_mutex_t lock;
    apr_status_t listens; /* what is answered for every id */
    int begun;
    int pieces;
    int fail_at; /* the piece that nobody wants; 0: all are wanted */
    int ended;
    int status;
    char body[512];
    char headers[128];
    char said[4096]; /* all pieces */
    llmq_dispatch_left_fn_t *left;
    void *dispatch;
    int left_ended; /* told to leave, then closed */
    llmq_queue_t *q;
    int state; /* of its entry there when the end was told */
} relay_t;

static relay_t relay;

static apr_status_t on_open(void *ctx, llmq_dispatch_left_fn_t *left, void *dispatch,
                            apr_pool_t *p)
{
    (void)ctx, (void)p;
    relay.left = left;
    relay.dispatch = dispatch;
    return APR_SUCCESS;
}

static apr_status_t on_listens(void *ctx, const char *id)
{
    apr_status_t rv;

    (void)ctx, (void)id;
    pthread_mutex_lock(&relay.lock);
    rv = relay.listens;
    pthread_mutex_unlock(&relay.lock);
    return rv;
}

static apr_status_t on_send(void *ctx, const char *id, llmq_relay_type_e type,
                            const char *data, apr_size_t len)
{
    apr_status_t rv;

    (void)ctx, (void)id;
    pthread_mutex_lock(&relay.lock);
    rv = relay.listens;
    if (type == LLMQ_RELAY_BEGUN)
        relay.begun++;
    else if (++relay.pieces == relay.fail_at)
        rv = relay.listens = APR_NOTFOUND;
    else
        strncat(relay.said, data, len < 900 ? len : 900);
    pthread_mutex_unlock(&relay.lock);
    return rv;
}

static void keep(char *to, size_t size, const char *data, size_t len)
{
    len = len < size ? len : size - 1;
    memcpy(to, data, len);
    to[len] = '\0';
}

static apr_status_t on_end(void *ctx, const char *id, const llmq_relay_end_t *end)
{
    (void)ctx;
    pthread_mutex_lock(&relay.lock);
    relay.ended++;
    relay.state = relay.q ? queue_state(relay.q, id) : -1;
    relay.status = end->status;
    keep(relay.body, sizeof(relay.body), end->body, end->body_len);
    keep(relay.headers, sizeof(relay.headers), end->headers, end->headers_len);
    relay.listens = APR_NOTFOUND;
    pthread_mutex_unlock(&relay.lock);
    return APR_SUCCESS;
}

static int on_is_full(void *ctx, const char *id)
{
    (void)ctx;
    (void)id;
    return 0;
}

static void on_leave(void *ctx)
{
    (void)ctx;
    relay.left_ended = 1;
}

static void on_close(void *ctx)
{
    (void)ctx;
    relay.left_ended += relay.left_ended == 1;
}

#define ROOM 65536

static const llmq_dispatch_ears_t ears = {
    on_open, on_listens, on_send, on_end, on_is_full, ROOM, on_leave, on_close, NULL};

static void set_listens(apr_status_t rv)
{
    pthread_mutex_lock(&relay.lock);
    relay.listens = rv;
    pthread_mutex_unlock(&relay.lock);
}

static int count(const int *what)
{
    int n;

    pthread_mutex_lock(&relay.lock);
    n = *what;
    pthread_mutex_unlock(&relay.lock);
    return n;
}

static llmq_models_t models;
static apr_uint64_t gauge; /* of the jobs that are put */

static llmq_job_t *row(const char *id)
{
    llmq_job_t *job = NULL;

    ck_assert_int_eq(llmq_store_job_find(&job, store_test.store, "default",
                                         LLMQ_KIND_COMPLETION, id, test_pool),
                     APR_SUCCESS);
    return job;
}

static int status_of(const char *id)
{
    return (int)row(id)->status;
}

static dispatch_rig_t *ready(dispatch_rig_t *rig)
{
    memset(&relay, 0, sizeof(relay));
    gauge = 0;
    pthread_mutex_init(&relay.lock, NULL);
    models = (llmq_models_t){.n = 0};
    llmq_model_add(&models, "gpt", test_pool)->backends = 1;
    models.model[0]->upstream[0] = "upstream";
    rig->conf.models = &models;
    rig->conf.ears = &ears;
    return rig;
}

static void put(dispatch_rig_t *rig, const char *id, int stream)
{
    llmq_completion_t c = {.what = LLMQ_COMPLETION_CHAT, .stream = stream};
    llmq_job_t *job = dispatch_rig_job(id, LLMQ_LEVEL_NORMAL);

    job->kind = LLMQ_KIND_COMPLETION;
    job->type = "gpt";
    job->payload = "{\"model\":\"gpt\",\"messages\":[{\"role\":\"user\",\"content\":"
                   "\"hi\"}]}";
    job->payload_len = strlen(job->payload);
    job->metadata = llmq_completion_metadata(&c, test_pool);
    job->max_retries = 1;
    job->gauge = gauge;
    dispatch_rig_store(job);
    dispatch_rig_enter(rig, job);
}

static void expect_canceled(dispatch_rig_t *rig, const char *id)
{
    DISPATCH_WAIT(queue_state(rig->q, id) == LLMQ_ENTRY_FREE);
    ck_assert_int_eq(status_of(id), LLMQ_STATUS_CANCELED);
    ck_assert_int_eq(row(id)->dead_letter, 0);
    ck_assert_ptr_nonnull(strstr(row(id)->error, "canceled"));
    ck_assert_uint_eq(dispatch_rig_sum(rig).total_completed, 0);
    ck_assert_uint_eq(dispatch_rig_sum(rig).total_failed, 0);
}

START_TEST(an_answer_goes_to_who_listens_and_its_figures_into_the_row)
{
    dispatch_rig_t *rig = ready(dispatch_rig());
    const char *result;

    put(rig, "cmpl_1", _i);
    dispatch_rig_start(rig);
    DISPATCH_WAIT(queue_state(rig->q, "cmpl_1") == LLMQ_ENTRY_FREE);
    ck_assert_int_eq(status_of("cmpl_1"), LLMQ_STATUS_COMPLETED);
    ck_assert_int_eq(relay.begun, 1);
    ck_assert_int_eq(relay.ended, 1);
    ck_assert_int_eq(relay.status, 200);
    ck_assert_ptr_nonnull(strstr(_i ? relay.said : relay.body, "\"upstream\""));
    ck_assert_int_eq(relay.pieces, _i ? 4 : 0);
    ck_assert_int_eq(*relay.body == '\0', _i);
    result = row("cmpl_1")->result;
    ck_assert_ptr_nonnull(strstr(result, "\"prompt_tokens\":1"));
    ck_assert_ptr_null(strstr(result, "Echo"));
    ck_assert_uint_eq(dispatch_rig_sum(rig).total_completed, 1);
    dispatch_rig_close(rig);
    ck_assert_int_eq(relay.left_ended, 2);
}
END_TEST

/* Its next request may come with the answer, and counts the rows that are open. */
START_TEST(where_rows_are_counted_the_end_is_told_after_it_is_stored)
{
    dispatch_rig_t *rig = ready(dispatch_rig());

    relay.q = rig->q;
    gauge = _i ? 7 : 0;
    put(rig, "cmpl_1", 0);
    dispatch_rig_start(rig);
    DISPATCH_WAIT(count(&relay.ended) == 1);
    ck_assert_int_eq(relay.status, 200);
    ck_assert_int_eq(count(&relay.state) == LLMQ_ENTRY_FREE, _i);
    DISPATCH_WAIT(queue_state(rig->q, "cmpl_1") == LLMQ_ENTRY_FREE);
    ck_assert_int_eq(status_of("cmpl_1"), LLMQ_STATUS_COMPLETED);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(what_nobody_waits_for_is_canceled_without_a_call)
{
    dispatch_rig_t *rig = ready(dispatch_rig_http("echo"));

    if (_i)
        rig->conf.ears = NULL;
    relay.listens = APR_NOTFOUND;
    put(rig, "cmpl_1", 1);
    dispatch_rig_start(rig);
    expect_canceled(rig, "cmpl_1");
    ck_assert_int_eq(http_server_requests(rig->server), 0);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(a_young_dispatcher_waits_for_listeners)
{
    dispatch_rig_t *rig = ready(dispatch_rig());

    relay.listens = APR_EAGAIN;
    put(rig, "cmpl_1", 0);
    dispatch_rig_start(rig);
    DISPATCH_WAIT(queue_state(rig->q, "cmpl_1") == LLMQ_ENTRY_DELAYED);
    set_listens(APR_SUCCESS);
    DISPATCH_WAIT(queue_state(rig->q, "cmpl_1") == LLMQ_ENTRY_FREE);
    ck_assert_int_eq(status_of("cmpl_1"), LLMQ_STATUS_COMPLETED);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(an_error_is_passed_on_as_it_is)
{
    dispatch_rig_t *rig = ready(dispatch_rig_gate());

    put(rig, "cmpl_1", 1);
    dispatch_rig_start(rig);
    dispatch_rig_answer(dispatch_rig_take_call(rig, NULL), "404 Not Found",
                        "{\"error\":{\"message\":\"no such thing\",\"code\":\"x\"}}");
    DISPATCH_WAIT(queue_state(rig->q, "cmpl_1") == LLMQ_ENTRY_FREE);
    ck_assert_int_eq(status_of("cmpl_1"), LLMQ_STATUS_FAILED);
    ck_assert_int_eq(row("cmpl_1")->dead_letter, 0);
    ck_assert_int_eq(relay.status, 404);
    ck_assert_str_eq(relay.body, "{\"error\":{\"message\":\"no such thing\","
                                 "\"type\":\"invalid_request_error\","
                                 "\"param\":null,\"code\":\"x\"}}");
    ck_assert_uint_eq(dispatch_rig_sum(rig).total_failed, 1);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(a_failure_is_tried_again_and_the_last_one_told)
{
    dispatch_rig_t *rig = ready(dispatch_rig_gate());

    put(rig, "cmpl_1", 1);
    dispatch_rig_start(rig);
    dispatch_rig_answer(dispatch_rig_take_call(rig, NULL), "500 Oh", "{}");
    dispatch_rig_answer(dispatch_rig_take_call(rig, NULL), "503 Busy\r\nRetry-After: 9",
                        "no");
    DISPATCH_WAIT(queue_state(rig->q, "cmpl_1") == LLMQ_ENTRY_FREE);
    ck_assert_int_eq(status_of("cmpl_1"), LLMQ_STATUS_FAILED);
    ck_assert_int_eq(row("cmpl_1")->retry_count, 1);
    ck_assert_int_eq(relay.begun, 2);
    ck_assert_int_eq(relay.ended, 1);
    ck_assert_int_eq(relay.status, 503);
    ck_assert_str_eq(relay.headers, "Retry-After: 9\r\n");
    ck_assert_ptr_nonnull(strstr(relay.body, "\"type\":\"server_error\""));
    dispatch_rig_close(rig);
}
END_TEST

/* The answer has been given by then; a failure that was to be tried again has not. */
START_TEST(an_end_that_cannot_be_stored_is_told_and_is_no_dead_letter)
{
    dispatch_rig_t *rig = ready(dispatch_rig_gate());
    int call;

    store_test_sql("CREATE TRIGGER refuse BEFORE UPDATE ON llmq_jobs "
                   "WHEN NEW.result IS NOT NULL OR NEW.retry_count > 0 "
                   "BEGIN SELECT RAISE(ABORT, 'constraint failed'); END");
    put(rig, "cmpl_1", 0);
    dispatch_rig_start(rig);
    call = dispatch_rig_take_call(rig, NULL);
    if (_i)
        dispatch_rig_answer(call, "500 Oh", "{}");
    else
        dispatch_rig_complete(call);
    DISPATCH_WAIT(queue_state(rig->q, "cmpl_1") == LLMQ_ENTRY_FREE);
    ck_assert_int_eq(status_of("cmpl_1"), LLMQ_STATUS_FAILED);
    ck_assert_int_eq(row("cmpl_1")->dead_letter, 0);
    ck_assert_int_eq(row("cmpl_1")->retry_count, 0);
    ck_assert_ptr_nonnull(strstr(row("cmpl_1")->error, "unstorable"));
    ck_assert_int_eq(relay.ended, 1);
    ck_assert_int_eq(relay.status, _i ? 500 : 200);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(a_failure_is_not_tried_again_when_nobody_listens)
{
    dispatch_rig_t *rig = ready(dispatch_rig_gate());
    int call;

    put(rig, "cmpl_1", 0);
    dispatch_rig_start(rig);
    call = dispatch_rig_take_call(rig, NULL);
    set_listens(APR_NOTFOUND);
    dispatch_rig_answer(call, "500 Oh", "{}");
    expect_canceled(rig, "cmpl_1");
    ck_assert_int_eq(relay.ended, 0);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(a_stream_that_breaks_off_is_not_tried_again)
{
    dispatch_rig_t *rig = ready(dispatch_rig_http("cutstream"));

    put(rig, "cmpl_1", 1);
    dispatch_rig_start(rig);
    DISPATCH_WAIT(queue_state(rig->q, "cmpl_1") == LLMQ_ENTRY_FREE);
    ck_assert_int_eq(status_of("cmpl_1"), LLMQ_STATUS_FAILED);
    ck_assert_int_ge(relay.pieces, 1);
    ck_assert_int_eq(relay.begun, 1);
    ck_assert_int_eq(relay.status, 502);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(who_lets_too_much_pile_up_is_canceled)
{
    dispatch_rig_t *rig = ready(dispatch_rig_http("stream"));

    relay.fail_at = 2;
    put(rig, "cmpl_1", 1);
    dispatch_rig_start(rig);
    expect_canceled(rig, "cmpl_1");
    ck_assert_int_eq(relay.ended, 0);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(who_goes_away_aborts_the_call)
{
    dispatch_rig_t *rig = ready(dispatch_rig_gate());
    int call;

    put(rig, "cmpl_1", 0);
    dispatch_rig_start(rig);
    call = dispatch_rig_take_call(rig, NULL);
    relay.left(relay.dispatch, "cmpl_1");
    DISPATCH_WAIT(dispatch_rig_hung_up(call));
    expect_canceled(rig, "cmpl_1");
    ck_assert_int_eq(relay.ended, 0);
    dispatch_rig_close(rig);
}
END_TEST

/* Of two with one place, the second waits in the queue. */
START_TEST(who_goes_away_while_waiting_leaves_the_queue)
{
    dispatch_rig_t *rig = ready(dispatch_rig_gate());
    int call;

    rig->backend.max_concurrent = 1;
    put(rig, "cmpl_1", 0);
    put(rig, "cmpl_2", 0);
    dispatch_rig_start(rig);
    call = dispatch_rig_take_call(rig, NULL);
    relay.left(relay.dispatch, "cmpl_2");
    relay.left(relay.dispatch, "of somebody else");
    expect_canceled(rig, "cmpl_2");
    ck_assert_int_eq(status_of("cmpl_1") <= LLMQ_STATUS_PROCESSING, 1);
    dispatch_rig_complete(call);
    DISPATCH_WAIT(queue_state(rig->q, "cmpl_1") == LLMQ_ENTRY_FREE);
    ck_assert_int_eq(status_of("cmpl_1"), LLMQ_STATUS_COMPLETED);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(a_model_that_has_vanished_is_an_error)
{
    dispatch_rig_t *rig = ready(dispatch_rig());

    models.n = 0;
    put(rig, "cmpl_1", 0);
    dispatch_rig_start(rig);
    DISPATCH_WAIT(queue_state(rig->q, "cmpl_1") == LLMQ_ENTRY_FREE);
    ck_assert_int_eq(status_of("cmpl_1"), LLMQ_STATUS_FAILED);
    ck_assert_int_eq(relay.status, 404);
    ck_assert_ptr_nonnull(strstr(relay.body, "model_not_found"));
    dispatch_rig_close(rig);
}
END_TEST

/* As the death of a database does it to those that were committed last. */
START_TEST(who_listens_for_what_was_lost_hears_of_it)
{
    dispatch_rig_t *rig = ready(dispatch_rig());

    put(rig, "cmpl_1", 0);
    store_test_sql("DELETE FROM llmq_jobs");
    dispatch_rig_start(rig);
    DISPATCH_WAIT(queue_state(rig->q, "cmpl_1") == LLMQ_ENTRY_FREE);
    ck_assert_int_eq(count(&relay.ended), 1);
    ck_assert_int_eq(relay.status, 503);
    ck_assert_ptr_nonnull(strstr(relay.body, "store_unavailable"));
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(what_expires_is_told)
{
    dispatch_rig_t *rig = ready(dispatch_rig());
    llmq_job_t *job = dispatch_rig_job("cmpl_1", LLMQ_LEVEL_NORMAL);

    job->kind = LLMQ_KIND_COMPLETION;
    job->type = "gpt";
    job->payload = "{}";
    job->payload_len = 2;
    job->deadline = 1;
    dispatch_rig_store(job);
    dispatch_rig_enter(rig, job);
    dispatch_rig_start(rig);
    DISPATCH_WAIT(queue_state(rig->q, "cmpl_1") == LLMQ_ENTRY_FREE);
    ck_assert_int_eq(status_of("cmpl_1"), LLMQ_STATUS_TIMEOUT);
    ck_assert_int_eq(row("cmpl_1")->dead_letter, 0);
    ck_assert_int_eq(relay.status, 503);
    dispatch_rig_close(rig);
}
END_TEST

START_TEST(what_a_stopped_dispatcher_has_begun_goes_on_elsewhere)
{
    dispatch_rig_t *rig = ready(dispatch_rig_gate());

    put(rig, "cmpl_1", 0);
    dispatch_rig_start(rig);
    dispatch_rig_take_call(rig, NULL);
    llmq_dispatch_stop(rig->d);
    dispatch_rig_join(rig);
    ck_assert_int_eq(status_of("cmpl_1"), LLMQ_STATUS_PENDING);
    ck_assert_int_eq(count(&relay.ended), 0);
    dispatch_rig_close(rig);
}
END_TEST

TCase *case_completions(void)
{
    TCase *tc = test_case("completions");

    tcase_add_loop_test(tc, an_answer_goes_to_who_listens_and_its_figures_into_the_row, 0,
                        2);
    tcase_add_loop_test(tc, where_rows_are_counted_the_end_is_told_after_it_is_stored, 0,
                        2);
    tcase_add_loop_test(tc, what_nobody_waits_for_is_canceled_without_a_call, 0, 2);
    tcase_add_test(tc, a_young_dispatcher_waits_for_listeners);
    tcase_add_test(tc, an_error_is_passed_on_as_it_is);
    tcase_add_test(tc, a_failure_is_tried_again_and_the_last_one_told);
    tcase_add_loop_test(tc, an_end_that_cannot_be_stored_is_told_and_is_no_dead_letter, 0,
                        2);
    tcase_add_test(tc, a_failure_is_not_tried_again_when_nobody_listens);
    tcase_add_test(tc, a_stream_that_breaks_off_is_not_tried_again);
    tcase_add_test(tc, who_lets_too_much_pile_up_is_canceled);
    tcase_add_test(tc, who_goes_away_aborts_the_call);
    tcase_add_test(tc, who_goes_away_while_waiting_leaves_the_queue);
    tcase_add_test(tc, a_model_that_has_vanished_is_an_error);
    tcase_add_test(tc, who_listens_for_what_was_lost_hears_of_it);
    tcase_add_test(tc, what_expires_is_told);
    tcase_add_test(tc, what_a_stopped_dispatcher_has_begun_goes_on_elsewhere);
    return tc;
}
