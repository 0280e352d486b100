#include "http/capture.h"

#include <apr_strings.h>
#include <http_core.h>
#include <util_filter.h>

#include <string.h>

#define LENGTH   "\r\nContent-Length:"
#define ENCODING "\r\nTransfer-Encoding:"

static ap_filter_rec_t *keeper;

/* Its context is the text. Nothing goes on to the connection. */
static apr_status_t keep(ap_filter_t *f, apr_bucket_brigade *bb)
{
    llmq_text_t *t = f->ctx;
    apr_bucket *b;

    for (b = APR_BRIGADE_FIRST(bb); b != APR_BRIGADE_SENTINEL(bb);
         b = APR_BUCKET_NEXT(b)) {
        const char *data;
        apr_size_t len;

        if (!APR_BUCKET_IS_METADATA(b)
            && apr_bucket_read(b, &data, &len, APR_BLOCK_READ) == APR_SUCCESS) {
            llmq_text_add(t, data, len);
        }
    }
    apr_brigade_cleanup(bb);
    return APR_SUCCESS;
}

void llmq_capture_register(void)
{
    keeper = ap_register_output_filter("LLMQ_CAPTURE", keep, NULL, AP_FTYPE_NETWORK);
}

/* The request's filters, those of the connection left out. */
static void copy_filters(request_rec *copy, const request_rec *r, llmq_text_t *t)
{
    const ap_filter_t *from = r->output_filters;
    ap_filter_t **link = &copy->output_filters;
    ap_filter_t *f;

    copy->proto_output_filters = NULL;
    for (; from && from->frec->ftype < AP_FTYPE_CONNECTION; from = from->next) {
        f = apr_pmemdup(copy->pool, from, sizeof(*f));
        f->r = copy;
        if (!copy->proto_output_filters && f->frec->ftype >= AP_FTYPE_PROTOCOL) {
            copy->proto_output_filters = f;
        }
        *link = f;
        link = &f->next;
    }
    f = apr_pcalloc(copy->pool, sizeof(*f));
    f->frec = keeper;
    f->ctx = t;
    f->r = copy;
    f->c = copy->connection;
    *link = f;
    if (!copy->proto_output_filters) {
        copy->proto_output_filters = f;
    }
}

static request_rec *copy_request(const request_rec *r)
{
    request_rec *copy = apr_pmemdup(r->pool, r, sizeof(*copy));

    copy->headers_out = apr_table_copy(r->pool, r->headers_out);
    copy->err_headers_out = apr_table_copy(r->pool, r->err_headers_out);
    copy->notes = apr_table_copy(r->pool, r->notes);
    copy->subprocess_env = apr_table_copy(r->pool, r->subprocess_env);
    apr_table_setn(copy->subprocess_env, "no-gzip", "1");
    apr_table_setn(copy->subprocess_env, "no-brotli", "1");
    return copy;
}

void llmq_capture_answer(llmq_text_t *t, request_rec *r, llmq_capture_fn_t *fn, void *ctx)
{
    ap_conn_keepalive_e before = r->connection->keepalive;
    request_rec *copy = copy_request(r);

    copy_filters(copy, r, t);
    r->connection->keepalive = AP_CONN_CLOSE; /* the header filter says so */
    fn(copy, ctx);
    r->connection->keepalive = before;
}

/* Without the break before it, up to the next one. */
static void cut_line(char *at, const char *end)
{
    char *next = strstr(at + 2, "\r\n");

    memmove(at, next, (apr_size_t)(end - next) + 1);
}

apr_status_t llmq_capture_cut(llmq_text_t *t)
{
    char *end = strstr(t->data, "\r\n\r\n");
    char *length;

    if (!end) {
        return APR_EINVAL;
    }
    end += 2;
    *end = '\0';
    if (ap_strcasestr(t->data, ENCODING)) {
        return APR_EINVAL;
    }
    length = ap_strcasestr(t->data, LENGTH);
    if (length) {
        cut_line(length, end);
    }
    t->len = strlen(t->data);
    return APR_SUCCESS;
}
