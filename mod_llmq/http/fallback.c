#include "http/fallback.h"

#include "cfg/cfg.h"
#include "http/identity.h"
#include "http/reply.h"

#include <http_protocol.h>
#include <util_filter.h>

static const char filter_name[] = "LLMQ_FALLBACK";

/* An id with an escape that httpd does not decode (%2F, %00) cannot exist. */
static int is_bad_id(request_rec *r, const llmq_mount_t *mount)
{
    static const char messages[] = "/messages/";

    return r->status == HTTP_NOT_FOUND && mount && mount->handler == LLMQ_HANDLER_QUEUE
           && strncmp(r->uri + mount->len, messages, sizeof(messages) - 1) == 0;
}

/* A request line that is too long is not taken apart by httpd; its beginning tells enough. */
static const llmq_mount_t *mount_of(request_rec *r)
{
    const char *line = r->the_request ? ap_strchr_c(r->the_request, ' ') : NULL;

    if (r->uri && r->uri[0] == '/') {
        return llmq_cfg_find_mount(r->server, r->uri);
    }
    return line ? llmq_cfg_find_mount(r->server, line + 1) : NULL;
}

static void write_body(llmq_text_t *t, request_rec *r)
{
    const llmq_result_t *refusal = llmq_identity_refusal(r);
    llmq_result_t why;

    if (refusal) {
        llmq_reply_problem_text(t, refusal);
        return;
    }
    if (is_bad_id(r, mount_of(r))) {
        llmq_result_set(&why, LLMQ_PROBLEM_NO_MESSAGE, "message_id", "no such message");
        llmq_reply_problem_text(t, &why);
        return;
    }
    llmq_reply_httpd_error(t, r->status);
}

/* The first brigade is replaced by our body, whatever else httpd writes is dropped. */
static apr_status_t replace_body(ap_filter_t *f, apr_bucket_brigade *bb)
{
    request_rec *r = f->r;
    llmq_text_t *t;

    apr_brigade_cleanup(bb);
    if (f->ctx) {
        return APR_SUCCESS;
    }
    f->ctx = t = apr_palloc(r->pool, sizeof(*t));
    llmq_text_init(t, 512, r->pool);
    write_body(t, r);
    ap_set_content_type(r, "application/json");
    ap_set_content_length(r, (apr_off_t)t->len);
    apr_table_unset(r->headers_out, "Content-Encoding");
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_pool_create(t->data, t->len, r->pool,
                                                       r->connection->bucket_alloc));
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(r->connection->bucket_alloc));
    return ap_pass_brigade(f->next, bb);
}

void llmq_fallback_register(void)
{
    ap_register_output_filter(filter_name, replace_body, NULL, AP_FTYPE_CONTENT_SET);
}

void llmq_fallback_insert(request_rec *r)
{
    if (r->status >= 400 && mount_of(r)) {
        ap_add_output_filter(filter_name, NULL, r, r->connection);
    }
}
