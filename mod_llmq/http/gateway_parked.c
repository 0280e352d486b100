#include "http/gateway_parked.h"

#include "base/log.h"
#include "http/capture.h"
#include "http/detach.h"
#include "http/gateway_head.h"
#include "http/gateway_story.h"
#include "http/reply.h"

#include <apr_strings.h>
#include <http_protocol.h>

#include <stdlib.h>
#include <string.h>

/* The stream, and what may be sent first; the texts stand behind the record. */
typedef struct {
    llmq_stream_t *stream;
    const char *good; /* of an answer, or of the stream that is asked for */
    const char *bad;  /* of an error, from the end of its status line on */
    int chunked;
} parked_t;

static parked_t *parked_of(llmq_gateway_call_t *call)
{
    return call->ctx;
}

/* ---- headers, made in advance ---- */

static void reply_stream(request_rec *r, void *ctx)
{
    (void)ctx;
    llmq_gateway_head_stream(r);
    apr_table_unset(r->err_headers_out, LLMQ_COMPLETION_TIME); /* it is not known yet */
    llmq_reply_text(r, LLMQ_REPLY_STREAM, "", 0);
}

static void reply_json(request_rec *r, void *ctx)
{
    const int *status = ctx;

    llmq_reply_json(r, *status, "", 0);
}

static apr_status_t capture(llmq_text_t *t, request_rec *r, llmq_capture_fn_t *fn,
                            int status)
{
    llmq_text_init(t, 1024, r->pool);
    llmq_capture_answer(t, r, fn, &status);
    return llmq_capture_cut(t);
}

static parked_t *make_parked(const llmq_text_t *good, const llmq_text_t *bad)
{
    const char *rest = strstr(bad->data, "\r\n"); /* behind its status line */
    apr_size_t len = strlen(rest) + 1;
    parked_t *pk = calloc(1, sizeof(*pk) + good->len + 1 + len);

    if (pk) {
        char *text = (char *)(pk + 1);

        memcpy(text, good->data, good->len + 1);
        memcpy(text + good->len + 1, rest, len);
        pk->good = text;
        pk->bad = text + good->len + 1;
    }
    return pk;
}

static apr_status_t prepare(parked_t **ppk, llmq_gateway_call_t *call, request_rec *r)
{
    llmq_text_t good;
    llmq_text_t bad;
    apr_status_t rv =
        capture(&good, r, call->request.stream ? reply_stream : reply_json, HTTP_OK);

    if (rv == APR_SUCCESS) {
        rv = capture(&bad, r, reply_json, HTTP_INTERNAL_SERVER_ERROR);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    *ppk = make_parked(&good, &bad);
    if (!*ppk) {
        return APR_ENOMEM;
    }
    (*ppk)->chunked = r->proto_num >= HTTP_VERSION(1, 1);
    return APR_SUCCESS;
}

/* ---- writing ---- */

static struct iovec part_of(const char *data, apr_size_t len)
{
    return (struct iovec){(void *)(apr_size_t)data, len};
}

static void send_parts(llmq_gateway_call_t *call, const struct iovec *parts, int n,
                       int last)
{
    parked_t *pk = parked_of(call);
    llmq_frame_t *frame = n ? llmq_frame_make(parts, n) : NULL;

    if (!pk->stream) {
        return; /* it was cut as there was no memory */
    }
    if (n && !frame) {
        llmq_stream_drop(pk->stream);
        pk->stream = NULL;
    }
    else if (last) {
        llmq_stream_end(pk->stream, frame);
        pk->stream = NULL;
    }
    else {
        llmq_stream_send(pk->stream, frame); /* that it was cut, `over` is told */
    }
    llmq_frame_drop(frame);
}

static apr_int64_t msec_of(const llmq_gateway_call_t *call)
{
    return apr_time_as_msec(apr_time_now() - call->arrived_at);
}

static void begin(llmq_gateway_call_t *call)
{
    parked_t *pk = parked_of(call);
    char rest[96];
    struct iovec parts[2] = {part_of(pk->good, strlen(pk->good))};

    apr_snprintf(rest, sizeof(rest),
                 LLMQ_COMPLETION_TIME ": %" APR_INT64_T_FMT "\r\n%s\r\n", msec_of(call),
                 pk->chunked ? "Transfer-Encoding: chunked\r\n" : "");
    parts[1] = part_of(rest, strlen(rest));
    send_parts(call, parts, 2, 0);
}

static void write_bytes(llmq_gateway_call_t *call, const char *data, apr_size_t len)
{
    char mark[32];
    struct iovec parts[3];
    int n = 0;

    if (!len) {
        return;
    }
    if (parked_of(call)->chunked) {
        apr_snprintf(mark, sizeof(mark), "%" APR_UINT64_T_HEX_FMT "\r\n",
                     (apr_uint64_t)len);
        parts[n++] = part_of(mark, strlen(mark));
    }
    parts[n++] = part_of(data, len);
    if (parked_of(call)->chunked) {
        parts[n++] = part_of("\r\n", 2);
    }
    send_parts(call, parts, n, 0);
}

/* It has no place in the room any more. */
static void leave(llmq_gateway_call_t *call)
{
    llmq_gateway_call_lock(call->all);
    if (call->parked) {
        APR_RING_REMOVE(call, link);
    }
    llmq_gateway_call_unlock(call->all);
}

static void finish(llmq_gateway_call_t *call)
{
    struct iovec part = part_of("0\r\n\r\n", 5);

    send_parts(call, &part, parked_of(call)->chunked, 1);
    leave(call);
}

static int is_good(const llmq_relay_end_t *end)
{
    return end->status >= 200 && end->status < 300;
}

static void answer(llmq_gateway_call_t *call, const llmq_relay_end_t *end)
{
    parked_t *pk = parked_of(call);
    char words[LLMQ_GATEWAY_HEAD_SIZE];
    char line[160];
    char rest[128];
    struct iovec parts[5];
    int n = 0;

    /* A stream that is answered otherwise has not the headers of one. */
    if (is_good(end) && !call->request.stream) {
        parts[n++] = part_of(pk->good, strlen(pk->good));
    }
    else {
        llmq_gateway_head_status(words, sizeof(words), end->status);
        apr_snprintf(line, sizeof(line), "HTTP/1.1 %s", words);
        parts[n++] = part_of(line, strlen(line));
        parts[n++] = part_of(pk->bad, strlen(pk->bad));
    }
    parts[n++] = part_of(end->headers, end->headers_len);
    apr_snprintf(rest, sizeof(rest),
                 LLMQ_COMPLETION_TIME ": %" APR_INT64_T_FMT
                                      "\r\nContent-Length: %" APR_SIZE_T_FMT "\r\n\r\n",
                 msec_of(call), end->body_len);
    parts[n++] = part_of(rest, strlen(rest));
    parts[n++] = part_of(end->body, end->body_len);
    send_parts(call, parts, n, 1);
    leave(call);
}

static apr_size_t pending(llmq_gateway_call_t *call)
{
    parked_t *pk = parked_of(call);

    return pk->stream ? llmq_stream_pending(pk->stream) : 0;
}

static const llmq_gateway_way_t parked = {begin, write_bytes, finish, pending, answer};

/* ---- life ---- */

static void drop_stream(llmq_gateway_call_t *call)
{
    parked_t *pk = parked_of(call);

    if (pk->stream) {
        llmq_stream_drop(pk->stream);
        pk->stream = NULL;
    }
}

/* Until a stream is over its child does not end. */
static void count(llmq_gateway_t *all, int n)
{
    llmq_gateway_call_lock(all);
    all->n_open += n;
    llmq_gateway_call_unlock(all);
}

/* The client has got all, or has left. Until the call is parked its stream is the request's
 * thread's. */
static void over(void *ctx, int whole)
{
    llmq_gateway_call_t *call = ctx;
    int mine;

    llmq_gateway_call_lock(call->all);
    call->gone = 1;
    call->left = !whole;
    call->all->n_open--;
    mine = call->parked;
    llmq_gateway_call_unlock(call->all);
    if (mine && call->said != LLMQ_GATEWAY_DONE) {
        call->said = LLMQ_GATEWAY_DONE;
        leave(call);
        drop_stream(call);
        llmq_gateway_call_leave(call);
    }
    llmq_gateway_call_drop(call);
}

static void drained(void *ctx)
{
    llmq_gateway_call_weigh(ctx, 0);
}

/* @return non-zero if nothing is left to be told by this thread */
static int hand_over(llmq_gateway_call_t *call)
{
    llmq_gateway_t *all = call->all;
    llmq_gateway_news_t *news;
    int gone;

    llmq_gateway_call_lock(all);
    news = llmq_gateway_call_next_locked(call);
    gone = call->gone;
    if (!news && !gone) {
        call->parked = 1;
        APR_RING_INSERT_TAIL(&all->parked, call, llmq_gateway_call_t, link);
    }
    llmq_gateway_call_unlock(all);
    if (gone) {
        free(news);
        call->said = LLMQ_GATEWAY_DONE;
        drop_stream(call);
        llmq_gateway_call_leave(call);
    }
    else if (news) {
        llmq_gateway_story_go_on(call, news->type, news->data, news->len);
        free(news);
    }
    return gone || !news;
}

int llmq_gateway_parked_is_possible(request_rec *r)
{
    return llmq_detach_is_possible(r);
}

apr_status_t llmq_gateway_parked_begin(llmq_gateway_call_t *call, request_rec *r)
{
    llmq_stream_conf_t conf = {.kind = LLMQ_STREAM_ANSWER,
                               .max_pending = call->all->conf.max_pending
                                              + call->all->conf.on_the_way,
                               .stall = r->server->timeout,
                               .over = over,
                               .drained = drained,
                               .ctx = call};
    parked_t *pk = NULL;
    apr_status_t rv = prepare(&pk, call, r);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    call->ctx = pk; /* before `over` may be called */
    llmq_gateway_call_keep(call);
    count(call->all, 1);
    rv = llmq_detach_unanswered(&pk->stream, r, call->all->service->streams, &conf);
    if (rv != APR_SUCCESS) {
        call->ctx = NULL;
        free(pk);
        count(call->all, -1);
        llmq_gateway_call_drop(call);
        return rv;
    }
    call->way = &parked;
    while (call->said != LLMQ_GATEWAY_DONE && !hand_over(call)) {
    }
    llmq_gateway_call_weigh(call, 0); /* if too much waits yet, the next piece tells */
    return APR_SUCCESS;
}
