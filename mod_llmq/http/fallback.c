#include "http/fallback.h"

#include "http/identity.h"
#include "http/reply.h"
#include "http/reply_openai.h"
#include "http/request_id.h"
#include "http/route.h"
#include "http/tongue.h"

#include <http_protocol.h>
#include <util_filter.h>

static const char filter_name[] = "LLMQ_FALLBACK";

/* Folders of ids, and what is said when there is no such thing. */
static const struct {
    const char *folder;
    llmq_problem_e problem;
    const char *field, *reason; /* without a field the id itself is told */
} folders[] = {
    {"/tasks/", LLMQ_PROBLEM_NO_TASK, NULL, "Task with specified ID does not exist"},
    {"/messages/", LLMQ_PROBLEM_NO_MESSAGE, "message_id", "no such message"},
    {"/conversations/", LLMQ_PROBLEM_NO_CONVERSATION, "conversation_id",
     "no such conversation"},
};

/* An id with an escape that httpd does not decode (%2F, %00) cannot exist.
 * @return whether this is such an error; it has been written then */
static int write_bad_id(llmq_text_t *t, request_rec *r)
{
    const llmq_mount_t *mount = llmq_tongue_mount(r);
    const char *path = llmq_tongue_path(r);
    llmq_result_t why;
    apr_size_t i;

    if (r->status != HTTP_NOT_FOUND || !mount || mount->handler != LLMQ_HANDLER_QUEUE) {
        return 0;
    }
    for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        if (strncmp(path, folders[i].folder, strlen(folders[i].folder)) == 0) {
            llmq_result_set(&why, folders[i].problem, folders[i].field,
                            folders[i].reason);
            why.id = folders[i].field ? NULL : path + strlen(folders[i].folder);
            llmq_reply_problem_text(t, r, &why);
            return 1;
        }
    }
    return 0;
}

static void write_body(llmq_text_t *t, request_rec *r)
{
    const llmq_result_t *refusal = llmq_identity_refusal(r);

    if (llmq_tongue_of(r) == LLMQ_TONGUE_OPENAI) {
        llmq_request_id_get(r);
        llmq_reply_openai_headers(r);
    }
    if (refusal) {
        llmq_reply_problem_text(t, r, refusal);
    }
    else if (!write_bad_id(t, r)) {
        llmq_reply_httpd_error(t, r);
    }
}

/* httpd refuses TRACE before any module may say which methods there are. */
static void name_methods(request_rec *r)
{
    const char *allow = r->method_number == M_TRACE ? llmq_route_allow(r) : NULL;

    if (r->status == HTTP_METHOD_NOT_ALLOWED && allow) {
        apr_table_setn(r->headers_out, "Allow", allow);
    }
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
    name_methods(r);
    r->status = llmq_reply_http_status(r, r->status);
    r->status_line = NULL;
    ap_set_content_type(r, "application/json");
    ap_set_content_length(r, (apr_off_t)t->len);
    apr_table_unset(r->headers_out, "Content-Encoding");
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
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
    if (r->status >= 400 && llmq_tongue_mount(r)) {
        ap_add_output_filter(filter_name, NULL, r, r->connection);
    }
}
