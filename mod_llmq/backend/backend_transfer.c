#include "backend/backend_transfer.h"

#include "backend/backend_guard.h"
#include "backend/backend_handle.h"
#include "backend/backend_openai.h"
#include "backend/backend_raw.h"
#include "backend/backend_raw_body.h"
#include "base/clock.h"
#include "base/log.h"
#include "llmq.h"

#include <apr_strings.h>

#include <string.h>

#define RETRY_AFTER_MAX 86400 /* seconds; more is a mistake of the backend */

/* --- moments between --- */

/* Reading on may call on_body() at once, which may pause it again. */
static void read_on(llmq_backend_transfer_t *t)
{
    if (t->call->raw->is_full(t->call)) {
        llmq_backend_timer_pause(&t->timer, 1);
        return;
    }
    t->timer.pause = 0;
    curl_easy_pause(t->easy, CURLPAUSE_CONT);
}

void llmq_backend_transfer_remind(llmq_backend_transfer_t *t, apr_interval_time_t now)
{
    llmq_call_t *call = t->call;

    if (t->timer.piece && t->timer.piece <= now) {
        apr_interval_time_t wait = call->piece(call, NULL, 0);

        llmq_backend_timer_expect_piece(&t->timer, wait > 0 ? wait : 0);
    }
    if (t->timer.pause && t->timer.pause <= now) {
        read_on(t);
    }
}

/* --- the request --- */

static int has_control(const char *s)
{
    for (; s && *s; s++) {
        if ((unsigned char)*s < 0x20 || *s == 0x7f) {
            return 1;
        }
    }
    return 0;
}

static const char *make_url(const llmq_backend_conf_t *conf, const char *path,
                            apr_pool_t *p)
{
    apr_size_t len = conf->url ? strlen(conf->url) : 0;

    while (len > 0 && conf->url[len - 1] == '/') {
        len--;
    }
    return len ? apr_pstrcat(p, apr_pstrmemdup(p, conf->url, len), path, NULL) : NULL;
}

static void prepare(llmq_backend_transfer_t *t)
{
    llmq_call_t *call = t->call;

    if (call->check) {
        t->url = make_url(call->backend, call->check, call->pool);
    }
    else if (call->raw) {
        t->url = make_url(call->backend, call->raw->path, call->pool);
        t->body = llmq_backend_raw_body(&t->body_len, call);
        t->answer = llmq_backend_raw_create(call);
    }
    else if (call->backend->kind == LLMQ_BACKEND_HTTP) {
        t->url = call->backend->url;
        t->body = llmq_backend_http_request(&t->body_len, call);
        t->taker = llmq_backend_http_create(call);
    }
    else {
        t->url = make_url(call->backend, LLMQ_BACKEND_OPENAI_PATH, call->pool);
        t->body = llmq_backend_openai_request(&t->body_len, call);
        t->answer = llmq_backend_openai_create(call);
    }
}

llmq_backend_trouble_e llmq_backend_transfer_create(llmq_backend_transfer_t **pt,
                                                    llmq_call_t *call)
{
    llmq_backend_transfer_t *t;

    if (has_control(call->id) || has_control(call->backend->key)) {
        return LLMQ_BACKEND_TROUBLE_CONTROL;
    }
    t = apr_pcalloc(call->pool, sizeof(*t));
    t->call = call;
    prepare(t);
    if (!t->url || (!t->body && !call->check)) {
        return LLMQ_BACKEND_TROUBLE_REQUEST;
    }
    llmq_backend_timer_begin(&t->timer, call);
    *pt = t;
    return LLMQ_BACKEND_TROUBLE_NONE;
}

/* --- the handle --- */

static apr_status_t feed(llmq_backend_transfer_t *t, const char *data, apr_size_t len)
{
    long status = 0;

    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    return llmq_backend_answer_feed(t->answer, (int)status, data, len);
}

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
    llmq_backend_transfer_t *t = ctx;
    llmq_call_t *call = t->call;
    apr_size_t len = size * n;

    t->timer.begun = 1;
    if (!call->first_at) {
        call->first_at = llmq_clock_now();
    }
    if (t->taker) {
        return llmq_backend_http_feed(t->taker, data, len) == APR_SUCCESS ? len : 0;
    }
    if (!t->answer) {
        return len;
    }
    if (call->raw && call->raw->is_full && call->raw->is_full(call)) {
        llmq_backend_timer_pause(&t->timer, 0);
        return CURL_WRITEFUNC_PAUSE;
    }
    call->piece_wait = -1;
    if (feed(t, data, len) != APR_SUCCESS) {
        return 0;
    }
    llmq_backend_timer_expect_piece(&t->timer, call->piece_wait);
    if (llmq_backend_answer_state(t->answer) == LLMQ_BACKEND_ANSWER_DONE) {
        llmq_backend_timer_linger(&t->timer);
    }
    return len;
}

static int add_header(llmq_backend_transfer_t *t, const char *name, const char *value)
{
    const char *line = apr_pstrcat(t->call->pool, name, value, NULL);
    struct curl_slist *longer = curl_slist_append(t->headers, line);

    if (!longer) {
        return 0;
    }
    t->headers = longer;
    return 1;
}

/* "Expect:" keeps curl from waiting for 100 Continue before it sends a long body. */
static int add_headers(llmq_backend_transfer_t *t)
{
    const llmq_call_t *call = t->call;
    const char *key = call->backend->key;
    int i;

    for (i = 0; i < call->n_headers; i++) {
        if (!add_header(t, call->headers[i], "")) {
            return 0;
        }
    }
    return add_header(t, "Content-Type: application/json", "")
           && add_header(t,
                         t->taker ? "Accept: application/json"
                                  : "Accept: application/json, text/event-stream",
                         "")
           && add_header(t, "Expect:", "")
           && (!call->id || add_header(t, "X-Request-Id: ", call->id))
           && (!key || !*key || add_header(t, "Authorization: Bearer ", key));
}

static int set_request(llmq_backend_transfer_t *t)
{
    CURL *easy = t->easy;
    int bad = 0;

    bad |= curl_easy_setopt(easy, CURLOPT_PRIVATE, t) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_URL, t->url) != CURLE_OK;
    bad |=
        curl_easy_setopt(easy, CURLOPT_USERAGENT, "mod_llmq/" LLMQ_VERSION) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t->headers) != CURLE_OK;
    if (t->body) {
        bad |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, t->body) != CURLE_OK;
        bad |=
            curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body_len)
            != CURLE_OK;
    }
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, t) != CURLE_OK;
    bad |= !llmq_backend_handle_bound(easy, &t->header_len);
    return !bad;
}

llmq_backend_trouble_e llmq_backend_transfer_open(llmq_backend_transfer_t *t,
                                                  apr_interval_time_t *earliest)
{
    t->timer.earliest = earliest;
    t->easy = curl_easy_init();
    if (!t->easy || !add_headers(t) || !llmq_backend_handle_set(t->easy, t->call->backend)
        || !set_request(t) || !llmq_backend_guard_set(t)) {
        return LLMQ_BACKEND_TROUBLE_HANDLE;
    }
    return LLMQ_BACKEND_TROUBLE_NONE;
}

/* --- the end --- */

static void call_end(llmq_call_t *call)
{
    call->engine = NULL;
    call->ended_at = llmq_clock_now();
    LLMQ_LOG(LLMQ_LOG_DEBUG, APR_SUCCESS,
             LLMQ_NO(0501) "msg[%s] ep[%s] call ended after %" APR_TIME_T_FMT
                           " ms, %s, HTTP status %d",
             call->id ? call->id : "-", call->backend->name,
             apr_time_as_msec(call->ended_at - call->started_at),
             call->ok ? "answered" : "failed", call->failure.http_status);
    call->done(call);
}

/* What OpenAI's own servers say besides, since seconds are coarse; 0: nothing. */
static apr_interval_time_t retry_after_msec(CURL *easy)
{
    struct curl_header *header = NULL;
    apr_int64_t msec;

    if (curl_easy_header(easy, "retry-after-ms", 0, CURLH_HEADER, -1, &header)
        != CURLHE_OK) {
        return 0;
    }
    msec = apr_strtoi64(header->value, NULL, 10);
    return msec > 0 && msec <= RETRY_AFTER_MAX * 1000 ? apr_time_from_msec(msec) : 0;
}

static void read_retry_after(llmq_backend_transfer_t *t)
{
    curl_off_t seconds = 0;
    apr_interval_time_t wait = retry_after_msec(t->easy);

    curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &seconds);
    if (!wait && seconds > 0) {
        wait = apr_time_from_sec(seconds < RETRY_AFTER_MAX ? seconds : RETRY_AFTER_MAX);
    }
    t->call->failure.retry_after = wait;
}

static void decide_check(llmq_call_t *call, llmq_backend_trouble_e trouble, long status)
{
    if (trouble != LLMQ_BACKEND_TROUBLE_NONE) {
        llmq_backend_trouble_tell(call, trouble);
        return;
    }
    call->ok = status > 0 && (status < 500 || status == 501);
    call->failure.kind = LLMQ_FAILURE_STATUS;
    call->failure.http_status = (int)status;
    call->error = call->ok ? NULL : "The backend answered the check with an error";
}

/* Nothing has been said that could count for more than the connection's end. */
static int is_silent(const llmq_backend_transfer_t *t)
{
    return t->taker ? !llmq_backend_http_has_ended(t->taker)
                    : llmq_backend_answer_state(t->answer) == LLMQ_BACKEND_ANSWER_READING;
}

static void decide_trouble(llmq_call_t *call, llmq_backend_trouble_e trouble)
{
    if (llmq_backend_trouble_is(trouble, LLMQ_FAILURE_CONNECT) && call->first_at
        && !llmq_backend_trouble_stands(trouble)) {
        trouble = LLMQ_BACKEND_TROUBLE_BROKEN;
    }
    llmq_backend_trouble_tell(call, trouble);
}

static void decide(llmq_backend_transfer_t *t, llmq_backend_trouble_e trouble,
                   long status)
{
    llmq_call_t *call = t->call;

    trouble = llmq_backend_guard_trouble(t, trouble);
    if (t->answer && llmq_backend_answer_is_refused(t->answer)) {
        trouble = LLMQ_BACKEND_TROUBLE_ABORT;
    }
    if (!t->answer && !t->taker) {
        decide_check(call, trouble, status);
        return;
    }
    if (trouble
        && (llmq_backend_trouble_stands(trouble) || (status <= 399 && is_silent(t)))) {
        decide_trouble(call, trouble);
        return;
    }
    if (t->taker) {
        llmq_backend_http_end(t->taker, (int)status);
    }
    else {
        llmq_backend_answer_end(t->answer, (int)status);
    }
    if (!call->ok && call->failure.kind == LLMQ_FAILURE_STATUS) {
        read_retry_after(t);
    }
}

void llmq_backend_transfer_end(llmq_backend_transfer_t *t, llmq_backend_trouble_e trouble)
{
    llmq_call_t *call = t->call;
    long status = 0;

    if (t->easy) {
        curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    }
    decide(t, trouble, status);
    if (call->ok || call->failure.kind == LLMQ_FAILURE_PROTOCOL) {
        call->failure.http_status = (int)status; /* the body may make no sense yet */
    }
    curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->headers);
    call_end(call);
}

void llmq_backend_transfer_refuse(llmq_call_t *call, llmq_backend_trouble_e trouble)
{
    llmq_backend_trouble_tell(call, trouble);
    call_end(call);
}
