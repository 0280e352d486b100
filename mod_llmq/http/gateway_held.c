#include "http/gateway_held.h"

#include "http/ending.h"
#include "http/gateway_head.h"
#include "http/gateway_story.h"
#include "http/held.h"
#include "http/reply.h"
#include "http/reply_openai.h"
#include "http/shield.h"

#include <apr_strings.h>
#include <http_protocol.h>
#include <util_filter.h>

#include <stdlib.h>
#include <string.h>

#define STEP apr_time_from_msec(200) /* is the client still there? */
#define LEFT 499

/* ---- writing ---- */

static request_rec *request_of(llmq_gateway_call_t *call)
{
    return call->ctx;
}

/* What the output filters do may take as long as the client does. */
static void pass(llmq_gateway_call_t *call, const char *data, apr_size_t len)
{
    request_rec *r = request_of(call);
    apr_bucket_alloc_t *list = r->connection->bucket_alloc;
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, list);
    int shield = llmq_shield_pause();
    apr_status_t rv;

    if (len) {
        APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_transient_create(data, len, list));
    }
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_flush_create(list));
    rv = ap_pass_brigade(r->output_filters, bb);
    apr_brigade_destroy(bb);
    llmq_shield_resume(shield);
    if (rv != APR_SUCCESS || r->connection->aborted) {
        llmq_gateway_call_lock(call->all);
        call->gone = 1;
        llmq_gateway_call_unlock(call->all);
    }
}

static void begin(llmq_gateway_call_t *call)
{
    request_rec *r = request_of(call);

    apr_table_setn(r->subprocess_env, "no-gzip", "1");
    apr_table_setn(r->subprocess_env, "no-brotli", "1");
    llmq_gateway_head_stream(r);
    pass(call, NULL, 0);
}

static void finish(llmq_gateway_call_t *call)
{
    (void)call; /* httpd ends the body when the handler returns */
}

/* Lines of "Name: value". */
static void add_headers(request_rec *r, const char *lines, apr_size_t len)
{
    char *text = apr_pstrmemdup(r->pool, lines, len);
    char *state;
    char *line;

    for (line = apr_strtok(text, "\r\n", &state); line;
         line = apr_strtok(NULL, "\r\n", &state)) {
        char *colon = strchr(line, ':');

        if (colon) {
            *colon++ = '\0';
            colon += *colon == ' ';
            apr_table_setn(r->err_headers_out, line, colon);
        }
    }
}

/* It waits no more, but writes: who has read the answer may ask again at once and must not
 * find its own place taken. */
static void give_place(llmq_gateway_call_t *call)
{
    llmq_held_give(call->place);
    call->place = NULL;
}

static void answer(llmq_gateway_call_t *call, const llmq_relay_end_t *end)
{
    request_rec *r = request_of(call);
    char words[LLMQ_GATEWAY_HEAD_SIZE];

    give_place(call);
    llmq_gateway_head_status(words, sizeof(words), end->status);
    r->status_line = apr_pstrdup(r->pool, words);
    add_headers(r, end->headers, end->headers_len);
    llmq_reply_openai_headers(r);
    llmq_reply_json(r, end->status, apr_pstrmemdup(r->pool, end->body, end->body_len),
                    end->body_len);
}

/* What passes the filters has been taken. */
static apr_size_t pending(llmq_gateway_call_t *call)
{
    (void)call;
    return 0;
}

static const llmq_gateway_way_t held = {begin, pass, finish, pending, answer};

/* ---- waiting ---- */

/* @return non-zero if the client has left */
static int go_on(llmq_gateway_call_t *call)
{
    llmq_gateway_news_t *news;
    int gone;

    do {
        llmq_gateway_call_lock(call->all);
        news = llmq_gateway_call_next_locked(call);
        gone = call->gone;
        llmq_gateway_call_unlock(call->all);
        if (news && !gone) {
            if (news->type == LLMQ_RELAY_END) {
                give_place(call);
            }
            llmq_gateway_story_go_on(call, news->type, news->data, news->len);
        }
        free(news);
    } while (news);
    llmq_gateway_call_weigh(call, 0);
    return gone;
}

/* What cannot be finished is not finished as if it were: nothing more is sent, and the
 * access log has the status that nginx has made usual for it. */
static void be_left(llmq_gateway_call_t *call, request_rec *r)
{
    llmq_gateway_call_leave(call);
    call->left = 1;
    if (call->said == LLMQ_GATEWAY_SILENT) {
        r->status = LEFT;
    }
    call->said = LLMQ_GATEWAY_DONE;
    r->connection->keepalive = AP_CONN_CLOSE;
    r->connection->aborted = 1;
}

static apr_interval_time_t step_of(apr_time_t now, apr_time_t until)
{
    return until && until - now < STEP ? until - now : STEP;
}

/* A child that ends lingers no more: without its request's thread a call may stay. */
static int is_time(apr_time_t now, apr_time_t until)
{
    return until && (now >= until || llmq_held_is_ending());
}

int llmq_gateway_held_sit(llmq_gateway_call_t *call, request_rec *r, apr_time_t until)
{
    apr_time_t now = apr_time_now();

    call->way = &held;
    call->ctx = r;
    while (call->said != LLMQ_GATEWAY_DONE && !is_time(now, until)) {
        llmq_held_wait(&call->news, step_of(now, until));
        now = apr_time_now();
        if (go_on(call) || (call->said != LLMQ_GATEWAY_DONE && llmq_held_is_gone(r))) {
            be_left(call, r);
        }
        else if (!until && llmq_ending_is_over()) {
            llmq_gateway_call_cancel(call);
            llmq_gateway_story_fail(call, LLMQ_PROBLEM_QUEUE, "the server is restarting");
        }
        else {
            llmq_gateway_story_tick(call, now);
        }
    }
    call->ctx = NULL;
    return call->said == LLMQ_GATEWAY_DONE;
}
