#include "http/fallback.h"

#include "http/identity.h"
#include "http/reply.h"
#include "http/tongue.h"

#include <http_protocol.h>
#include <util_filter.h>

static const char filter_name[] = "LLMQ_FALLBACK";

/* An id with an escape that httpd does not decode (%2F, %00) cannot exist.
 * @return what stands behind the folder; NULL if this is no such error */
static const char *bad_id(request_rec *r, const char *folder)
{
    const llmq_mount_t *mount = llmq_tongue_mount(r);
    const char *path = llmq_tongue_path(r);
    size_t len = strlen(folder);

    if (r->status != HTTP_NOT_FOUND || !mount || mount->handler != LLMQ_HANDLER_QUEUE
        || strncmp(path, folder, len) != 0) {
        return NULL;
    }
    return path + len;
}

static void write_unknown(llmq_text_t *t, request_rec *r, llmq_problem_e problem,
                          const char *reason, const char *id)
{
    llmq_result_t why;

    llmq_result_set(&why, problem, id ? NULL : "message_id", reason);
    why.id = id;
    llmq_reply_problem_text(t, r, &why);
}

static void write_body(llmq_text_t *t, request_rec *r)
{
    const llmq_result_t *refusal = llmq_identity_refusal(r);
    const char *task = bad_id(r, "/tasks/");

    if (refusal) {
        llmq_reply_problem_text(t, r, refusal);
    }
    else if (task) {
        write_unknown(t, r, LLMQ_PROBLEM_NO_TASK, "Task with specified ID does not exist",
                      task);
    }
    else if (bad_id(r, "/messages/")) {
        write_unknown(t, r, LLMQ_PROBLEM_NO_MESSAGE, "no such message", NULL);
    }
    else {
        llmq_reply_httpd_error(t, r);
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
    if (r->status >= 400 && llmq_tongue_mount(r)) {
        ap_add_output_filter(filter_name, NULL, r, r->connection);
    }
}
