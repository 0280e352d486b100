#include "http/body.h"

#include "base/json.h"
#include "base/json_weight.h"
#include "base/log.h"
#include "cfg/cfg.h"
#include "http/shield.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>

APLOG_USE_MODULE(llmq);

/* What ap_get_limit_req_body() says where no LimitRequestBody is set (server/core.c). */
#define BODY_KEY            "llmq_body"
#define HTTPD_DEFAULT_LIMIT ((apr_off_t)1 << 30)

static apr_off_t body_limit(request_rec *r)
{
    apr_off_t limit = ap_get_limit_req_body(r);

    return limit == HTTPD_DEFAULT_LIMIT || limit <= 0 ? LLMQ_BODY_DEFAULT_LIMIT : limit;
}

/* "utf8" is no registered name, but what some clients write. */
static int has_charset_other_than_utf8(const char *params)
{
    const char *cs = ap_strcasestr(params, "charset=");

    if (!cs) {
        return 0;
    }
    cs += sizeof("charset=") - 1;
    cs += *cs == '"';
    return ap_cstr_casecmpn(cs, "utf-8", 5) != 0 && ap_cstr_casecmpn(cs, "utf8", 4) != 0;
}

static int is_json(request_rec *r)
{
    static const char json[] = "application/json";
    const char *type = apr_table_get(r->headers_in, "Content-Type");

    if (!type) {
        return 1;
    }
    while (apr_isspace(*type)) {
        type++;
    }
    if (ap_cstr_casecmpn(type, json, sizeof(json) - 1) != 0) {
        return 0;
    }
    type += sizeof(json) - 1;
    return (*type == '\0' || *type == ';' || apr_isspace(*type))
           && !has_charset_other_than_utf8(type);
}

/* What an input filter has decoded it takes out of the header, while the body is read. */
static int is_encoded(request_rec *r)
{
    const char *encoding = apr_table_get(r->headers_in, "Content-Encoding");

    return encoding && ap_cstr_casecmp(encoding, "identity") != 0;
}

/* Buckets up to the end of the body, as long as they stay below the limit. */
static apr_status_t append(llmq_text_t *t, apr_bucket_brigade *bb, apr_off_t limit,
                           int *pend)
{
    apr_bucket *b;

    for (b = APR_BRIGADE_FIRST(bb); b != APR_BRIGADE_SENTINEL(bb);
         b = APR_BUCKET_NEXT(b)) {
        const char *data;
        apr_size_t len;
        apr_status_t rv;

        if (APR_BUCKET_IS_EOS(b)) {
            *pend = 1;
            return APR_SUCCESS;
        }
        if (APR_BUCKET_IS_METADATA(b)) {
            continue;
        }
        rv = apr_bucket_read(b, &data, &len, APR_BLOCK_READ);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        if ((apr_off_t)(t->len + len) > limit) {
            return APR_ENOSPC;
        }
        llmq_text_add(t, data, len);
    }
    return APR_SUCCESS;
}

static apr_status_t read_all(llmq_text_t *t, request_rec *r, apr_off_t limit)
{
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    apr_status_t rv = APR_SUCCESS;
    int end = 0;

    while (rv == APR_SUCCESS && !end) {
        int shield = llmq_shield_pause();

        rv = ap_get_brigade(r->input_filters, bb, AP_MODE_READBYTES, APR_BLOCK_READ,
                            HUGE_STRING_LEN);
        llmq_shield_resume(shield);
        if (rv == APR_SUCCESS) {
            rv = append(t, bb, limit, &end);
        }
        apr_brigade_cleanup(bb);
    }
    return rv;
}

static apr_status_t too_large(llmq_result_t *why, request_rec *r, apr_off_t limit)
{
    r->connection->keepalive = AP_CONN_CLOSE; /* do not read a gigabyte to answer 413 */
    return llmq_result_set(
        why, LLMQ_PROBLEM_BODY_SIZE, NULL,
        apr_psprintf(r->pool, "at most %" APR_OFF_T_FMT " bytes", limit));
}

static apr_status_t read_body(llmq_text_t *t, request_rec *r, llmq_result_t *why)
{
    apr_off_t limit = body_limit(r);
    const char *length = apr_table_get(r->headers_in, "Content-Length");
    apr_int64_t expected = length ? apr_atoi64(length) : 0;
    apr_status_t rv;

    if (expected > limit) {
        return too_large(why, r, limit);
    }
    llmq_text_init(t, (apr_size_t)(expected > 0 ? expected : 4096) + 1, r->pool);
    rv = read_all(t, r, limit);
    if (rv == APR_ENOSPC) {
        return too_large(why, r, limit);
    }
    if (rv != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, rv, r,
                      LLMQ_NO(0203) "the request body broke off");
        r->connection->keepalive = AP_CONN_CLOSE;
        return llmq_result_set(why, LLMQ_PROBLEM_BODY_READ, NULL,
                               "the request body is incomplete or badly framed");
    }
    return APR_SUCCESS;
}

apr_status_t llmq_body_read(const char **pdata, apr_size_t *plen, request_rec *r,
                            llmq_result_t *why)
{
    void *known = NULL;
    llmq_text_t *t;
    apr_status_t rv;

    apr_pool_userdata_get(&known, BODY_KEY, r->pool);
    t = known;
    if (!t) {
        t = apr_pcalloc(r->pool, sizeof(*t));
        rv = read_body(t, r, why);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        apr_pool_userdata_setn(t, BODY_KEY, NULL, r->pool);
    }
    *pdata = t->data;
    *plen = t->len;
    return APR_SUCCESS;
}

apr_status_t llmq_body_parse(struct json_object **pvalue, const char *text,
                             apr_size_t len, request_rec *r, llmq_result_t *why)
{
    llmq_message_conf_t conf;

    llmq_cfg_message(&conf, llmq_cfg_dir(r));
    if (llmq_json_weight_is_over(text, len, conf.max_tree)) {
        return llmq_result_set(why, LLMQ_PROBLEM_BODY_SIZE, NULL,
                               "the body consists of too many values");
    }
    return llmq_json_parse(pvalue, text, len, conf.max_depth, why, r->pool);
}

apr_status_t llmq_body_json(struct json_object **pbody, request_rec *r,
                            llmq_result_t *why)
{
    const char *data;
    apr_size_t len;
    apr_status_t rv;

    if (!is_json(r)) {
        return llmq_result_set(why, LLMQ_PROBLEM_MEDIA_TYPE, "Content-Type",
                               "the body must be application/json in UTF-8");
    }
    rv = llmq_body_read(&data, &len, r, why);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (is_encoded(r)) {
        return llmq_result_set(why, LLMQ_PROBLEM_MEDIA_TYPE, "Content-Encoding",
                               "the body must not be encoded, or httpd must decode it");
    }
    return llmq_body_parse(pbody, data, len, r, why);
}

apr_status_t llmq_body_json_or_none(struct json_object **pbody, request_rec *r,
                                    llmq_result_t *why)
{
    const char *data;
    apr_size_t len;
    apr_status_t rv = llmq_body_read(&data, &len, r, why);

    if (rv == APR_SUCCESS && len == 0) {
        *pbody = NULL;
        return APR_SUCCESS;
    }
    return rv == APR_SUCCESS ? llmq_body_json(pbody, r, why) : rv;
}
