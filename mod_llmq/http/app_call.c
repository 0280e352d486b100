#include "http/app_call.h"

#include "base/id.h"
#include "cfg/cfg.h"
#include "http/body.h"
#include "http/idempotency.h"
#include "http/identity.h"
#include "http/query.h"
#include "http/reply.h"
#include "http/reply_s2.h"

#include <apr_strings.h>

#define PAGE_SIZE 20 /* usual and most */
#define MAX_PAGE  1000000

static const char no_right[] = "当前账号无权限访问该应用，请核实后尝试";

const char *llmq_app_call_user(request_rec *r)
{
    const char *user = llmq_identity_get(r)->user;

    return user ? user : "";
}

const char *llmq_app_call_owner(request_rec *r)
{
    return llmq_identity_get(r)->admin ? NULL : llmq_app_call_user(r);
}

apr_status_t llmq_app_call_find(llmq_app_t **papp, llmq_app_ref_t *ref, request_rec *r,
                                const llmq_service_t *service, const char *id)
{
    const char *owner = llmq_app_call_owner(r);
    apr_status_t rv;
    char *lower;

    if (!llmq_id_is_uuid(id)) {
        return APR_NOTFOUND;
    }
    lower = apr_pstrdup(r->pool, id);
    ap_str_tolower(lower);
    ref->tenant = llmq_cfg_tenant(llmq_cfg_dir(r));
    ref->id = lower;
    rv = llmq_store_app_find(papp, service->store, ref, r->pool);
    if (rv == APR_SUCCESS && owner && strcmp(owner, (*papp)->owner) != 0) {
        return APR_EACCES;
    }
    return rv;
}

apr_status_t llmq_app_call_begin(llmq_app_call_t *call, request_rec *r,
                                 const llmq_service_t *service, const char *id,
                                 llmq_result_t *why)
{
    apr_status_t rv = llmq_app_call_find(&call->app, &call->ref, r, service, id);

    llmq_cfg_app(&call->conf, llmq_cfg_dir(r));
    return rv == APR_SUCCESS ? llmq_body_json(&call->body, r, why) : rv;
}

int llmq_app_call_fail(request_rec *r, apr_status_t rv)
{
    llmq_result_t why = {0};

    if (rv == APR_NOTFOUND) {
        llmq_result_set(&why, LLMQ_PROBLEM_NO_APP, NULL, NULL);
        return llmq_reply_problem(r, &why);
    }
    if (rv == APR_EACCES) {
        llmq_result_set(&why, LLMQ_PROBLEM_FORBIDDEN, NULL, no_right);
        return llmq_reply_problem(r, &why);
    }
    return llmq_reply_status(r, rv);
}

int llmq_app_call_reject(request_rec *r, apr_status_t rv, const llmq_result_t *why)
{
    return rv == LLMQ_EBODY ? llmq_reply_problem(r, why) : llmq_app_call_fail(r, rv);
}

int llmq_app_call_refuse(request_rec *r, const char *reason)
{
    llmq_result_t why = {0};

    llmq_result_set(&why, LLMQ_PROBLEM_APP_STATE, NULL, reason);
    return llmq_reply_problem(r, &why);
}

int llmq_app_call_success(request_rec *r, const char *data, const char *message)
{
    llmq_text_t t;

    llmq_text_init(&t, 128 + (data ? strlen(data) : 0), r->pool);
    llmq_reply_s2_success(&t, data, message);
    return llmq_reply_json(r, HTTP_OK, t.data, t.len);
}

int llmq_app_call_done(request_rec *r, apr_status_t rv, const char *message)
{
    return rv == APR_SUCCESS ? llmq_app_call_success(r, NULL, message)
                             : llmq_app_call_fail(r, rv);
}

/* ---- pages ---- */

/* What may be asked of a list, by its name or the other one. */
typedef struct {
    const char *name;
    const char *alias;
    const char *label; /* in sentences */
    int max;           /* what is more is taken for it */
} count_t;

static void read_count(int *pn, const apr_table_t *query, const count_t *count,
                       request_rec *r, llmq_result_t *why)
{
    const char *name = apr_table_get(query, count->name) ? count->name : count->alias;
    llmq_result_t wrong = {0};

    if (llmq_query_count(pn, query, name, count->max, &wrong) != APR_SUCCESS) {
        llmq_result_blame(why, name,
                          apr_pstrcat(r->pool, count->label, "必须是大于0的整数", NULL),
                          r->pool);
    }
}

apr_status_t llmq_app_call_page(llmq_app_page_t *page, request_rec *r, llmq_result_t *why)
{
    static const count_t pages = {"current_page", "page", "当前页数", MAX_PAGE};
    static const count_t sizes = {"page_size", "limit", "每页数据条数", PAGE_SIZE};
    apr_table_t *query;
    apr_status_t rv = llmq_query_parse(&query, r, why);

    page->page = 1;
    page->page_size = PAGE_SIZE;
    if (rv != APR_SUCCESS) {
        return rv;
    }
    read_count(&page->page, query, &pages, r, why);
    read_count(&page->page_size, query, &sizes, r, why);
    return why->errors ? LLMQ_EBODY : APR_SUCCESS;
}

void llmq_app_call_page_end(llmq_text_t *t, const llmq_app_page_t *page,
                            apr_int64_t total)
{
    LLMQ_TEXT_LIT(t, "]");
    llmq_json_key(t, "paginator");
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv_int(t, "current_page", page->page);
    llmq_json_kv_int(t, "page_size", page->page_size);
    llmq_json_kv_int(t, "total_page", (total + page->page_size - 1) / page->page_size);
    llmq_json_kv_int(t, "total_record", total);
    LLMQ_TEXT_LIT(t, "}}");
}

const char *llmq_app_call_new_id(request_rec *r)
{
    const char *id = llmq_idempotency_id(r, "", NULL);

    return llmq_id_uuid(id ? id : llmq_id_create("", r->pool), 0, r->pool);
}
