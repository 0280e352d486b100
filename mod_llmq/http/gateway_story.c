#include "http/gateway_story.h"

#include "base/log.h"
#include "http/reply_openai.h"
#include "queue/queue_claim.h"

#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>

#define STREAM_END  "data: " LLMQ_COMPLETION_DONE "\n\n"
#define FIELD       "data: "
#define SMALL_EVENT 4096

static apr_pool_t *scratch(void)
{
    apr_pool_t *p = NULL;

    apr_pool_create_unmanaged_ex(&p, NULL, NULL);
    return p;
}

/* ---- a stream ---- */

static void begin(llmq_gateway_call_t *call)
{
    if (call->said == LLMQ_GATEWAY_SILENT) {
        call->said = LLMQ_GATEWAY_SPEAKS;
        call->status = 200;
        call->way->begin(call);
    }
}

static char *put(char *to, const char *data, apr_size_t len)
{
    memcpy(to, data, len);
    return to + len;
}

/* An event; data of several lines takes as many. @return behind it */
static char *put_event(char *to, const char *data, apr_size_t len)
{
    const char *end = data + len;

    do {
        const char *line = memchr(data, '\n', (apr_size_t)(end - data));
        const char *stop = line ? line : end;

        to = put(to, FIELD, sizeof(FIELD) - 1);
        to = put(to, data, (apr_size_t)(stop - data));
        *to++ = '\n';
        data = line ? line + 1 : end;
    } while (data < end);
    *to++ = '\n';
    return to;
}

static apr_size_t count_lines(const char *data, apr_size_t len)
{
    const char *end = data + len;
    apr_size_t n = 1;

    while (data < end && (data = memchr(data, '\n', (apr_size_t)(end - data)))) {
        data++;
        n++;
    }
    return n;
}

/* A pool for each word of an answer would cost more than sending it.
 * @param last what stands behind the event; "" nothing */
static void send_event(llmq_gateway_call_t *call, const char *data, apr_size_t len,
                       const char *last)
{
    char small[SMALL_EVENT];
    apr_size_t size = len + sizeof(FIELD) * count_lines(data, len) + 1 + strlen(last);
    char *text = size <= sizeof(small) ? small : malloc(size);
    char *end = text;

    begin(call);
    if (!text) {
        return;
    }
    if (len) {
        end = put_event(text, data, len);
    }
    end = put(end, last, strlen(last));
    call->sign_at = apr_time_now();
    call->way->write(call, text, (apr_size_t)(end - text));
    if (text != small) {
        free(text);
    }
}

static void finish(llmq_gateway_call_t *call)
{
    call->said = LLMQ_GATEWAY_DONE;
    call->way->finish(call);
}

/* ---- ends ---- */

static int is_good(const llmq_relay_end_t *end)
{
    return end->status >= 200 && end->status < 300;
}

/* A stream has its end, whatever the backend has made of it. */
static void end_stream(llmq_gateway_call_t *call, const llmq_relay_end_t *end)
{
    send_event(call, end->body, end->body_len, is_good(end) ? STREAM_END : "");
    finish(call);
}

static void end_with(llmq_gateway_call_t *call, const llmq_relay_end_t *end)
{
    int streams = call->request.stream && is_good(end) && !end->body_len;

    if (call->said == LLMQ_GATEWAY_SILENT && !streams) {
        call->said = LLMQ_GATEWAY_DONE;
        call->status = end->status;
        call->way->answer(call, end);
    }
    else {
        end_stream(call, end);
    }
}

void llmq_gateway_story_fail(llmq_gateway_call_t *call, llmq_problem_e problem,
                             const char *reason)
{
    const llmq_reply_openai_t *a = llmq_reply_openai_answer(problem);
    apr_pool_t *p = scratch();
    llmq_result_t why = {.problem = problem, .reason = reason};
    llmq_relay_end_t end = {.status = a->status, .headers = "", .body = ""};
    llmq_text_t t;

    if (p) {
        llmq_text_init(&t, 256, p);
        llmq_reply_openai_problem(&t, &why);
        end.body = t.data;
        end.body_len = t.len;
        end.headers = llmq_completion_retry(a->retry ? call->how.retry_after : 0, p);
        end.headers_len = strlen(end.headers);
    }
    end_with(call, &end);
    if (p) {
        apr_pool_destroy(p);
    }
}

static void see_first(llmq_gateway_call_t *call)
{
    if (!call->first_at) {
        call->first_at = apr_time_now();
    }
}

static void end_by_backend(llmq_gateway_call_t *call, const char *data, apr_size_t len)
{
    llmq_relay_end_t end;

    if (llmq_relay_frame_end_parse(&end, data, len) != APR_SUCCESS) {
        llmq_gateway_story_fail(call, LLMQ_PROBLEM_INTERNAL, "an unexpected failure");
    }
    else if (!is_good(&end) && !end.body_len) {
        llmq_gateway_story_fail(call, LLMQ_PROBLEM_NETWORK, "no backend has answered");
    }
    else {
        see_first(call);
        call->prompt_tokens = end.prompt_tokens;
        call->completion_tokens = end.completion_tokens;
        end_with(call, &end);
    }
}

static void be_begun(llmq_gateway_call_t *call)
{
    call->begun = 1;
    call->begun_at = apr_time_now();
}

/* The attempt has failed, or its dispatcher has died. The time in which somebody worked on it
 * was no waiting; all other adds up, or a backend that cannot be reached would be waited for
 * without end. */
static void wait_again(llmq_gateway_call_t *call)
{
    if (call->begun) {
        call->begun = 0;
        call->waits_since += apr_time_now() - call->begun_at;
    }
}

void llmq_gateway_story_go_on(llmq_gateway_call_t *call, llmq_relay_type_e type,
                              const char *data, apr_size_t len)
{
    if (call->said == LLMQ_GATEWAY_DONE) {
        return;
    }
    if (type == LLMQ_RELAY_BEGUN) {
        be_begun(call);
    }
    else if (type == LLMQ_RELAY_LISTEN) {
        wait_again(call);
    }
    else if (type == LLMQ_RELAY_PIECE) {
        see_first(call);
        send_event(call, data, len, "");
    }
    else if (type == LLMQ_RELAY_END) {
        end_by_backend(call, data, len);
    }
    else if (type == LLMQ_RELAY_LOST) {
        llmq_gateway_story_fail(call, LLMQ_PROBLEM_SCHEDULER,
                                "the answer has broken off on its way");
    }
}

/* ---- time ---- */

static int is_late(const llmq_gateway_call_t *call, apr_time_t now)
{
    return !call->begun && now - call->waits_since >= call->how.max_wait;
}

static int is_quiet(const llmq_gateway_call_t *call, apr_time_t now)
{
    return call->request.stream && call->how.keep_alive
           && now - call->sign_at >= call->how.keep_alive;
}

int llmq_gateway_story_is_due(const llmq_gateway_call_t *call, apr_time_t now)
{
    return call->said != LLMQ_GATEWAY_DONE && (is_late(call, now) || is_quiet(call, now));
}

static void send_sign(llmq_gateway_call_t *call)
{
    apr_uint32_t place =
        call->begun ? 0 : llmq_queue_position(call->all->service->queue, call->id, NULL);
    char text[64];
    int len = place ? apr_snprintf(text, sizeof(text), ": queued, position %u\n\n", place)
                    : apr_snprintf(text, sizeof(text), ": %s\n\n",
                                   call->begun ? "in progress" : "queued");

    begin(call);
    call->way->write(call, text, (apr_size_t)len);
}

void llmq_gateway_story_tick(llmq_gateway_call_t *call, apr_time_t now)
{
    if (call->said == LLMQ_GATEWAY_DONE) {
        return;
    }
    if (is_late(call, now)) {
        llmq_gateway_call_cancel(call);
        llmq_gateway_story_fail(call, LLMQ_PROBLEM_WAIT,
                                "the request has waited too long for its turn");
    }
    else if (is_quiet(call, now)) {
        call->sign_at = now;
        send_sign(call);
    }
}
