#include "backend/backend_transfer.h"

#include "backend/backend_guard.h"
#include "base/clock.h"
#include "base/log.h"
#include "llmq.h"

#include <apr_strings.h>

#include <string.h>
#include <time.h>

#define RETRY_AFTER_MAX 86400 /* seconds; more is a mistake of the backend */

/* How long a server that has sent [DONE] may take to end the body properly, which is what
 * makes the connection usable again. */
#define LINGER apr_time_from_sec(1)

/* --- deadlines --- */

apr_interval_time_t llmq_backend_transfer_clock(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return apr_time_from_sec(ts.tv_sec) + ts.tv_nsec / 1000;
}

apr_interval_time_t llmq_backend_transfer_earlier(apr_interval_time_t a,
                                                  apr_interval_time_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

apr_interval_time_t llmq_backend_transfer_deadline(const llmq_backend_transfer_t *t)
{
    return t->call->first_at
               ? t->total_deadline
               : llmq_backend_transfer_earlier(t->first_deadline, t->total_deadline);
}

llmq_backend_trouble_e llmq_backend_transfer_expired(const llmq_backend_transfer_t *t,
                                                     apr_interval_time_t now)
{
    if (t->total_deadline && t->total_deadline <= now) {
        return LLMQ_BACKEND_TROUBLE_TOTAL_TIME;
    }
    if (!t->call->first_at && t->first_deadline && t->first_deadline <= now) {
        return LLMQ_BACKEND_TROUBLE_FIRST_TIME;
    }
    return LLMQ_BACKEND_TROUBLE_NONE;
}

static void set_deadlines(llmq_backend_transfer_t *t)
{
    const llmq_backend_conf_t *conf = t->call->backend;
    apr_interval_time_t now = llmq_backend_transfer_clock();

    if (conf->first_timeout > 0) {
        t->first_deadline = now + conf->first_timeout;
    }
    if (conf->total_timeout > 0) {
        t->total_deadline = now + conf->total_timeout;
    }
    if (t->call->timeout > 0) {
        t->total_deadline =
            llmq_backend_transfer_earlier(t->total_deadline, now + t->call->timeout);
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
    else if (call->backend->kind == LLMQ_BACKEND_HTTP) {
        t->url = call->backend->url;
        t->body = llmq_backend_http_request(&t->body_len, call);
        t->taker = llmq_backend_http_create(call);
    }
    else {
        t->url = make_url(call->backend, LLMQ_BACKEND_OPENAI_PATH, call->pool);
        t->body = llmq_backend_openai_request(&t->body_len, call);
        t->reader = llmq_backend_openai_create(call);
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
    set_deadlines(t);
    *pt = t;
    return LLMQ_BACKEND_TROUBLE_NONE;
}

/* --- the handle --- */

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
    llmq_backend_transfer_t *t = ctx;
    apr_size_t len = size * n;

    if (!t->call->first_at) {
        t->call->first_at = llmq_clock_now();
    }
    if (t->taker) {
        return llmq_backend_http_feed(t->taker, data, len) == APR_SUCCESS ? len : 0;
    }
    if (!t->reader) {
        return len;
    }
    if (llmq_backend_openai_feed(t->reader, data, len) != APR_SUCCESS) {
        return 0;
    }
    if (llmq_backend_openai_state(t->reader) == LLMQ_BACKEND_OPENAI_DONE) {
        t->total_deadline = llmq_backend_transfer_earlier(
            t->total_deadline, llmq_backend_transfer_clock() + LINGER);
        *t->earliest = llmq_backend_transfer_earlier(*t->earliest, t->total_deadline);
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

static int set_protocols(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075500
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
#else
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS,
                            (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS))
           == CURLE_OK;
#endif
}

/* QUICK_EXIT: a call that times out while its name is being looked up leaves the look-up
 * to its thread; curl would otherwise hold up all calls until that thread ends. */
static int set_connection(CURL *easy, const llmq_backend_conf_t *conf)
{
    int bad = !set_protocols(easy);

    bad |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_PROXY, "") != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1)
           != CURLE_OK;
    if (conf->connect_timeout > 0) {
        long msec = (long)((conf->connect_timeout + 999) / 1000);

        bad |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, msec) != CURLE_OK;
    }
#if LIBCURL_VERSION_NUM >= 0x075700
    bad |= curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) != CURLE_OK;
#endif
    return !bad;
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
    return !bad;
}

llmq_backend_trouble_e llmq_backend_transfer_open(llmq_backend_transfer_t *t,
                                                  apr_interval_time_t *earliest)
{
    t->earliest = earliest;
    t->easy = curl_easy_init();
    if (!t->easy || !add_headers(t) || !set_connection(t->easy, t->call->backend)
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
             call->ok ? "answered" : "failed",
             call->ok ? 200 : call->failure.http_status);
    call->done(call);
}

static void read_retry_after(llmq_backend_transfer_t *t)
{
    curl_off_t seconds = 0;

    curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &seconds);
    if (seconds > 0) {
        t->call->failure.retry_after =
            apr_time_from_sec(seconds < RETRY_AFTER_MAX ? seconds : RETRY_AFTER_MAX);
    }
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
                    : llmq_backend_openai_state(t->reader) == LLMQ_BACKEND_OPENAI_READING;
}

static void decide_trouble(llmq_call_t *call, llmq_backend_trouble_e trouble)
{
    if (llmq_backend_trouble_is(trouble, LLMQ_FAILURE_CONNECT) && call->first_at
        && !llmq_backend_trouble_stands(trouble)) {
        trouble = LLMQ_BACKEND_TROUBLE_BROKEN;
    }
    llmq_backend_trouble_tell(call, trouble);
}

static void decide(llmq_backend_transfer_t *t, llmq_backend_trouble_e trouble)
{
    llmq_call_t *call = t->call;
    long status = 0;

    if (t->easy) {
        curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    }
    trouble = llmq_backend_guard_trouble(t, trouble);
    if (!t->reader && !t->taker) {
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
        llmq_backend_openai_end(t->reader, (int)status);
    }
    if (!call->ok && call->failure.kind == LLMQ_FAILURE_STATUS) {
        read_retry_after(t);
    }
}

void llmq_backend_transfer_end(llmq_backend_transfer_t *t, llmq_backend_trouble_e trouble)
{
    llmq_call_t *call = t->call;

    decide(t, trouble);
    curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->headers);
    call_end(call);
}

void llmq_backend_transfer_refuse(llmq_call_t *call, llmq_backend_trouble_e trouble)
{
    llmq_backend_trouble_tell(call, trouble);
    call_end(call);
}
