#include "support.h"

#include "backend/backend_answer.h"

#include <string.h>

/* A kind that writes down what it is given. */
static char events[256];
static int blamed; /* with which status */
static int bodies;
static int ended; /* 1, and 2 if it is a success */

static llmq_backend_conf_t conf;
static llmq_call_t call;
static llmq_backend_answer_t answer;

static apr_status_t take_event(llmq_backend_answer_t *a, const char *data, apr_size_t len)
{
    struct json_object *chunk = NULL;

    a->answered = 1;
    strncat(events, data, len);
    strcat(events, "|");
    return *data == '{' ? llmq_backend_answer_chunk(&chunk, a, data, len) : APR_SUCCESS;
}

static void take_body(llmq_backend_answer_t *a)
{
    bodies++;
    a->state = LLMQ_BACKEND_ANSWER_DONE;
}

static void take_blame(llmq_call_t *of, struct json_object *said, int http_status)
{
    (void)of;
    (void)said;
    blamed = http_status;
}

static void take_end(llmq_backend_answer_t *a, int http_status, int is_success)
{
    (void)a;
    (void)http_status;
    ended = is_success ? 2 : 1;
}

static const llmq_backend_answer_kind_t kind = {take_event, take_body, take_blame,
                                                take_end};

static void begin(void)
{
    conf = (llmq_backend_conf_t){.name = "b", .max_answer_bytes = 64};
    call = (llmq_call_t){.backend = &conf, .pool = test_pool};
    memset(&answer, 0, sizeof(answer));
    events[0] = '\0';
    blamed = bodies = ended = 0;
    llmq_backend_answer_init(&answer, &kind, &call, 0);
}

static apr_status_t feed(int http_status, const char *text)
{
    return llmq_backend_answer_feed(&answer, http_status, text, strlen(text));
}

START_TEST(the_first_byte_tells_the_shape)
{
    begin();
    ck_assert_int_eq(feed(200, " \r\n"), APR_SUCCESS);
    ck_assert_int_eq(feed(200, "\t{"), APR_SUCCESS);
    ck_assert_int_eq(feed(200, "}"), APR_SUCCESS);
    llmq_backend_answer_end(&answer, 200);
    ck_assert_int_eq(bodies, 1);
    ck_assert_int_eq(call.ok, 1);
    ck_assert_int_eq(ended, 2);

    begin();
    ck_assert_int_eq(feed(200, "data: a\n\ndata: b\n\ndata: [DONE]\n\n"), APR_SUCCESS);
    ck_assert_int_eq(llmq_backend_answer_state(&answer), LLMQ_BACKEND_ANSWER_DONE);
    ck_assert_int_eq(feed(200, "data: c\n\n"), APR_SUCCESS);
    llmq_backend_answer_end(&answer, 200);
    ck_assert_str_eq(events, "a|b|");
    ck_assert_int_eq(call.ok, 1);
}
END_TEST

START_TEST(what_is_no_success_is_a_body)
{
    begin();
    ck_assert_int_eq(feed(503, "data: a\n\n"), APR_SUCCESS);
    llmq_backend_answer_end(&answer, 503);
    ck_assert_str_eq(events, "");
    ck_assert_int_eq(bodies, 0);
    ck_assert_int_eq(blamed, 503);
    ck_assert_int_eq(ended, 1);
    ck_assert_int_eq(call.failure.kind, LLMQ_FAILURE_STATUS);
    ck_assert_int_eq(call.failure.http_status, 503);
    ck_assert_str_eq(call.error, "The backend answered HTTP 503");

    begin();
    ck_assert_int_eq(feed(302, "{\"message\":\"gone\"}"), APR_SUCCESS);
    llmq_backend_answer_end(&answer, 302);
    ck_assert_int_eq(call.failure.kind, LLMQ_FAILURE_PROTOCOL);
    ck_assert_str_eq(call.error, "The backend answered HTTP 302: gone");
}
END_TEST

START_TEST(a_kind_that_takes_no_events_gets_a_body)
{
    begin();
    answer.whole = 1;
    ck_assert_int_eq(feed(200, "data: a\n\n"), APR_SUCCESS);
    llmq_backend_answer_end(&answer, 200);
    ck_assert_str_eq(events, "");
    ck_assert_int_eq(bodies, 1);
}
END_TEST

START_TEST(too_much_is_a_failure_whatever_the_shape)
{
    char text[100] = "{";

    memset(text + 1, 'x', sizeof(text) - 2);
    begin();
    ck_assert_int_eq(feed(200, text), LLMQ_EBACKEND);
    ck_assert_int_eq(feed(200, "}"), LLMQ_EBACKEND);
    llmq_backend_answer_end(&answer, 200);
    ck_assert_str_eq(call.error, "The answer is larger than 64 bytes");
    ck_assert_int_eq(call.ok, 0);
    ck_assert_int_eq(ended, 1);

    begin();
    *text = 'd';
    ck_assert_int_eq(feed(200, text), LLMQ_EBACKEND);
    ck_assert_int_eq(llmq_backend_answer_state(&answer), LLMQ_BACKEND_ANSWER_FAILED);
}
END_TEST

START_TEST(streams_that_end_too_early_are_told_from_those_that_say_nothing)
{
    begin();
    feed(200, "data: a\n\n");
    llmq_backend_answer_end(&answer, 200);
    ck_assert_str_eq(call.error, "The stream broke off before its end");

    begin();
    feed(200, "data: a\n\ndata: {\"x\":");
    llmq_backend_answer_end(&answer, 200);
    ck_assert_str_eq(call.error, "The stream broke off before its end");

    begin();
    feed(200, "data: [DONE]\n\n");
    llmq_backend_answer_end(&answer, 200);
    ck_assert_str_eq(call.error, "The stream holds no answer");

    begin();
    llmq_backend_answer_end(&answer, 200);
    ck_assert_str_eq(call.error, "The backend's answer is empty");
    ck_assert_int_eq(ended, 2);
}
END_TEST

TCase *case_backend_answer(void)
{
    TCase *tc = test_case("backend_answer");

    tcase_add_test(tc, the_first_byte_tells_the_shape);
    tcase_add_test(tc, what_is_no_success_is_a_body);
    tcase_add_test(tc, a_kind_that_takes_no_events_gets_a_body);
    tcase_add_test(tc, too_much_is_a_failure_whatever_the_shape);
    tcase_add_test(tc, streams_that_end_too_early_are_told_from_those_that_say_nothing);
    return tc;
}
