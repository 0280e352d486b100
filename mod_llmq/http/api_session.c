/* S4: chat sessions. */
#include "http/api.h"

#include "base/clock.h"
#include "base/id.h"
#include "cfg/cfg.h"
#include "core/session_input.h"
#include "core/session_view.h"
#include "http/body.h"
#include "http/idempotency.h"
#include "http/query.h"
#include "http/reply.h"
#include "http/route.h"
#include "http/session_call.h"
#include "http/session_page.h"

#include <apr_strings.h>

#define PER_PAGE     15
#define MAX_PER_PAGE 100
#define MAX_PAGE     1000000

int llmq_api_session_test(request_rec *r, const llmq_service_t *service, const char *id)
{
    static const char body[] = "{\"message\":\"ok\"}\n";

    (void)service;
    (void)id;
    return llmq_reply_json(r, HTTP_OK, body, sizeof(body) - 1);
}

static int reply_session(request_rec *r, int status, const llmq_session_t *s)
{
    llmq_text_t t;

    llmq_text_init(&t, 1024, r->pool);
    llmq_session_view_write(&t, s);
    LLMQ_TEXT_LIT(&t, "\n");
    return llmq_reply_json(r, status, t.data, t.len);
}

/* ---- POST /sessions ---- */

/* A request that comes again makes the same session. */
static const char *new_id(request_rec *r)
{
    const char *id = llmq_idempotency_id(r, "", NULL);

    return llmq_id_uuid(id ? id : llmq_id_create("", r->pool), 0, r->pool);
}

static void begin(llmq_session_t *s, request_rec *r, const char *name)
{
    memset(s, 0, sizeof(*s));
    s->id = new_id(r);
    s->tenant = llmq_cfg_tenant(llmq_cfg_dir(r));
    s->owner = llmq_session_call_user(r);
    s->name = name;
    s->created_at = s->updated_at = llmq_clock_now();
    s->last_message_role = -1;
}

/* As it is by now, where an earlier try of the same request has made it. */
static apr_status_t create(llmq_session_t **ps, request_rec *r,
                           const llmq_service_t *service)
{
    llmq_session_ref_t ref;
    apr_status_t rv = APR_NOTFOUND;

    if (llmq_idempotency_is_again(r)) {
        rv = llmq_session_call_find(ps, &ref, r, service, (*ps)->id);
    }
    return rv == APR_NOTFOUND ? llmq_store_session_create(service->store, *ps, r->pool)
                              : rv;
}

int llmq_api_session_create(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_session_t made;
    llmq_session_t *s = &made;
    llmq_result_t why = {0};
    struct json_object *body;
    const char *name;
    apr_status_t rv;

    (void)id;
    if (llmq_body_json_or_none(&body, r, &why) != APR_SUCCESS
        || llmq_session_input_create(&name, body, &why, r->pool) != APR_SUCCESS) {
        return llmq_reply_problem(r, &why);
    }
    begin(&made, r, name);
    rv = create(&s, r, service);
    if (rv != APR_SUCCESS) {
        return llmq_session_call_fail(r, rv);
    }
    apr_table_setn(r->headers_out, "Location",
                   apr_pstrcat(r->pool, llmq_route_base(r), "/sessions/", s->id, NULL));
    return reply_session(r, HTTP_CREATED, s);
}

/* ---- GET /sessions ---- */

static void read_status(int *pstatus, const apr_table_t *query, llmq_result_t *why,
                        apr_pool_t *p)
{
    const char *word = apr_table_get(query, "status");
    llmq_session_status_e status;

    *pstatus = -1;
    if (word && llmq_session_status_parse(&status, word) == APR_SUCCESS) {
        *pstatus = (int)status;
    }
    else if (word) {
        llmq_result_blame(why, "status", "The selected status is invalid.", p);
    }
}

static apr_status_t read_query(llmq_session_query_t *q, const apr_table_t *query,
                               request_rec *r, llmq_result_t *why)
{
    static const llmq_session_number_t page = {"page", "page", 1, 1, MAX_PAGE};
    static const llmq_session_number_t per_page = {"per_page", "per page", PER_PAGE, 1,
                                                   MAX_PER_PAGE};

    q->tenant = llmq_cfg_tenant(llmq_cfg_dir(r));
    q->owner = llmq_session_call_user(r);
    q->q = apr_table_get(query, "q");
    q->page = (int)llmq_session_page_number(query, &page, why, r->pool);
    q->per_page = (int)llmq_session_page_number(query, &per_page, why, r->pool);
    read_status(&q->status, query, why, r->pool);
    return why->errors ? LLMQ_EBODY : APR_SUCCESS;
}

static int reply_list(request_rec *r, const llmq_session_page_t *page,
                      const llmq_session_t *items)
{
    llmq_text_t t;
    int i;

    llmq_text_init(&t, 4096, r->pool);
    LLMQ_TEXT_LIT(&t, "{\"data\":[");
    for (i = 0; i < page->n; i++) {
        if (i) {
            LLMQ_TEXT_LIT(&t, ",");
        }
        llmq_session_view_write(&t, &items[i]);
    }
    LLMQ_TEXT_LIT(&t, "]");
    llmq_session_page_write(&t, page, r);
    LLMQ_TEXT_LIT(&t, "}\n");
    return llmq_reply_json(r, HTTP_OK, t.data, t.len);
}

int llmq_api_session_list(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_session_page_t page = {0};
    llmq_session_query_t q = {0};
    llmq_result_t why = {0};
    llmq_session_t *items;
    apr_table_t *query;
    apr_status_t rv;

    (void)id;
    if (llmq_query_parse(&query, r, &why) != APR_SUCCESS
        || read_query(&q, query, r, &why) != APR_SUCCESS) {
        return llmq_reply_problem(r, &why);
    }
    page.query = query;
    page.path = apr_pstrcat(r->pool, llmq_route_base(r), "/sessions", NULL);
    page.page = q.page;
    page.per_page = q.per_page;
    rv = llmq_store_session_list(&items, &page.n, &page.total, service->store, &q,
                                 r->pool);
    return rv == APR_SUCCESS ? reply_list(r, &page, items) : llmq_reply_status(r, rv);
}

/* ---- GET, PATCH /sessions/{id}, POST …/archive ---- */

int llmq_api_session_get(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_session_ref_t ref;
    llmq_session_t *s = NULL;
    apr_status_t rv = llmq_session_call_find(&s, &ref, r, service, id);

    return rv == APR_SUCCESS ? reply_session(r, HTTP_OK, s)
                             : llmq_session_call_fail(r, rv);
}

static int change(request_rec *r, const llmq_service_t *service, const char *id,
                  const llmq_session_patch_t *patch)
{
    llmq_session_ref_t ref;
    llmq_session_t *s = NULL;
    apr_status_t rv = llmq_session_call_ref(&ref, r, id);

    if (rv == APR_SUCCESS) {
        rv = llmq_store_session_change(&s, service->store, &ref, patch, llmq_clock_now(),
                                       r->pool);
    }
    return rv == APR_SUCCESS ? reply_session(r, HTTP_OK, s)
                             : llmq_session_call_fail(r, rv);
}

int llmq_api_session_change(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_session_patch_t patch = {NULL, -1};
    llmq_result_t why = {0};
    struct json_object *body;

    if (llmq_body_json_or_none(&body, r, &why) != APR_SUCCESS
        || llmq_session_input_change(&patch.name, &patch.status, body, &why, r->pool)
               != APR_SUCCESS) {
        return llmq_session_call_refuse(r, service, id, &why);
    }
    return patch.name || patch.status >= 0 ? change(r, service, id, &patch)
                                           : llmq_api_session_get(r, service, id);
}

int llmq_api_session_archive(request_rec *r, const llmq_service_t *service,
                             const char *id)
{
    static const llmq_session_patch_t patch = {NULL, LLMQ_SESSION_CLOSED};

    return change(r, service, id, &patch);
}
