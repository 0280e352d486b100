/* S4: the messages of a session. */
#include "http/api.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "cfg/cfg.h"
#include "core/run_log.h"
#include "core/session_input.h"
#include "http/body.h"
#include "http/query.h"
#include "http/reply.h"
#include "http/route.h"
#include "http/runs_end.h"
#include "http/session_call.h"
#include "http/session_page.h"
#include "store/store_append.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <http_log.h>

APLOG_USE_MODULE(llmq);

#define KEY       "Idempotency-Key"
#define LIMIT     50
#define MAX_LIMIT 200

/* ---- answers ---- */

static int reply_message(request_rec *r, int status, const llmq_session_message_t *m)
{
    llmq_text_t t;

    llmq_text_init(&t, 512 + (m->content ? strlen(m->content) : 0), r->pool);
    llmq_session_message_write(&t, m);
    LLMQ_TEXT_LIT(&t, "\n");
    return llmq_reply_json(r, status, t.data, t.len);
}

static int reply_created(request_rec *r, const llmq_session_message_t *m)
{
    apr_table_setn(r->headers_out, "Location",
                   apr_pstrcat(r->pool, llmq_route_base(r), "/sessions/", m->session,
                               "/messages/", m->id, NULL));
    return reply_message(r, HTTP_CREATED, m);
}

static int reply_problem(request_rec *r, llmq_problem_e problem, const char *reason)
{
    llmq_result_t why = {0};

    llmq_result_set(&why, problem, NULL, reason);
    return llmq_reply_problem(r, &why);
}

static int reply_no_reply_to(request_rec *r)
{
    llmq_result_t why = {0};

    llmq_result_blame(&why, "reply_to", "The selected reply to is invalid.", r->pool);
    return llmq_reply_problem(r, &why);
}

/* ---- POST /sessions/{id}/messages ---- */

/* The header is another place for dedupe_key; the body wins. */
static apr_status_t read_key(llmq_session_message_t *m, request_rec *r,
                             llmq_result_t *why)
{
    const char *key = apr_table_get(r->headers_in, KEY);
    apr_size_t len = 0;

    if (!key || m->dedupe_key) {
        return APR_SUCCESS;
    }
    while (key[len] > ' ' && key[len] <= '~') {
        len++;
    }
    if (len == 0 || len > LLMQ_SESSION_DEDUPE_MAX || key[len]) {
        return llmq_result_blame(why, KEY,
                                 "The " KEY " header must be 1 to " APR_STRINGIFY(
                                     LLMQ_SESSION_DEDUPE_MAX) " visible characters.",
                                 r->pool);
    }
    m->dedupe_key = key;
    return APR_SUCCESS;
}

static apr_status_t read_message(llmq_session_message_t *m, request_rec *r,
                                 llmq_result_t *why)
{
    llmq_message_conf_t conf;
    struct json_object *body;
    apr_status_t rv = llmq_body_json_or_none(&body, r, why);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    llmq_cfg_message(&conf, llmq_cfg_dir(r));
    rv = llmq_session_input_message(m, body, (apr_size_t)conf.max_content_bytes, why,
                                    r->pool);
    if (read_key(m, r, why) != APR_SUCCESS) {
        rv = LLMQ_EBODY;
    }
    if (m->dedupe_key && llmq_run_log_owns(m->dedupe_key)) {
        rv = llmq_result_blame(why, "dedupe_key",
                               "The dedupe key field format is invalid.", r->pool);
    }
    m->id = llmq_id_uuid(llmq_id_create("", r->pool), 0, r->pool);
    m->created_at = llmq_clock_now();
    return rv;
}

static int differs(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) != 0 : a != b;
}

static int says_the_same(const llmq_session_message_t *a, const llmq_session_message_t *b)
{
    return a->role == b->role && !differs(a->type, b->type)
           && !differs(a->content, b->content) && !differs(a->payload, b->payload)
           && !differs(a->reply_to, b->reply_to);
}

/* The message that its dedupe key has led to, to the letter as it was answered then. */
static int replay(request_rec *r, const llmq_service_t *service,
                  const llmq_session_ref_t *ref, const llmq_append_t *append)
{
    llmq_session_message_t *found;
    int n = 0;
    apr_status_t rv = llmq_store_session_messages(&found, &n, service->store, ref,
                                                  append->seq - 1, 1, r->pool);

    if (rv != APR_SUCCESS || n == 0) {
        return llmq_session_call_fail(r, rv == APR_SUCCESS ? APR_NOTFOUND : rv);
    }
    if (!says_the_same(found, &append->message)) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                      LLMQ_NO(0216) "session[%s] a dedupe key came again with another"
                                    " message; the first one, %s, is answered",
                      ref->id, found->id);
    }
    /* Whoever stored it may have died before. */
    llmq_runs_end_hear(found, append->tenant, service, r->pool);
    apr_table_setn(r->headers_out, "Idempotent-Replayed", "true");
    return reply_created(r, found);
}

static int reply_outcome(request_rec *r, const llmq_service_t *service,
                         const llmq_session_ref_t *ref, const llmq_append_t *append)
{
    switch (append->outcome) {
    case LLMQ_APPEND_STORED:
        llmq_runs_end_hear(&append->message, append->tenant, service, r->pool);
        return reply_created(r, &append->message);
    case LLMQ_APPEND_DUPLICATE: return replay(r, service, ref, append);
    case LLMQ_APPEND_NO_SESSION: return llmq_session_call_fail(r, APR_NOTFOUND);
    case LLMQ_APPEND_LOCKED: return reply_problem(r, LLMQ_PROBLEM_SESSION_LOCKED, NULL);
    case LLMQ_APPEND_CLOSED: return reply_problem(r, LLMQ_PROBLEM_SESSION_CLOSED, NULL);
    case LLMQ_APPEND_NO_REPLY_TO: return reply_no_reply_to(r);
    case LLMQ_APPEND_NONE:
    default: return llmq_reply_status(r, APR_EGENERAL);
    }
}

int llmq_api_session_message_append(request_rec *r, const llmq_service_t *service,
                                    const char *id)
{
    llmq_append_t append = {0};
    llmq_session_ref_t ref;
    llmq_result_t why = {0};
    apr_status_t rv = llmq_session_call_ref(&ref, r, id);

    if (rv != APR_SUCCESS) {
        return llmq_session_call_fail(r, rv);
    }
    if (read_message(&append.message, r, &why) != APR_SUCCESS) {
        return llmq_session_call_refuse(r, service, id, &why);
    }
    append.message.session = ref.id;
    append.tenant = ref.tenant;
    append.owner = ref.owner;
    rv = llmq_store_append_commit(&append, service->appends, r->pool);
    if (rv == LLMQ_EROW) {
        return reply_problem(r, LLMQ_PROBLEM_REQUEST,
                             "The database refuses the message as it is.");
    }
    return rv == APR_SUCCESS ? reply_outcome(r, service, &ref, &append)
                             : llmq_reply_status(r, rv);
}

/* ---- GET /sessions/{id}/messages ---- */

static int reply_list(request_rec *r, const llmq_session_message_t *items, int n)
{
    llmq_text_t t;
    int i;

    llmq_text_init(&t, 4096, r->pool);
    LLMQ_TEXT_LIT(&t, "{\"data\":[");
    for (i = 0; i < n; i++) {
        if (i) {
            LLMQ_TEXT_LIT(&t, ",");
        }
        llmq_session_message_write(&t, &items[i]);
    }
    LLMQ_TEXT_LIT(&t, "]}\n");
    return llmq_reply_json(r, HTTP_OK, t.data, t.len);
}

static apr_status_t read_range(apr_int64_t *pafter, int *plimit, request_rec *r,
                               llmq_result_t *why)
{
    static const llmq_session_number_t after = {"after_seq", "after seq", 0, 0,
                                                APR_INT64_MAX};
    static const llmq_session_number_t limit = {"limit", "limit", LIMIT, 1, MAX_LIMIT};
    apr_table_t *query;
    apr_status_t rv = llmq_query_parse(&query, r, why);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    *pafter = llmq_session_page_number(query, &after, why, r->pool);
    *plimit = (int)llmq_session_page_number(query, &limit, why, r->pool);
    return why->errors ? LLMQ_EBODY : APR_SUCCESS;
}

int llmq_api_session_message_list(request_rec *r, const llmq_service_t *service,
                                  const char *id)
{
    llmq_session_message_t *items;
    llmq_session_ref_t ref;
    llmq_session_t *s;
    llmq_result_t why = {0};
    apr_int64_t after = 0;
    apr_status_t rv;
    int limit = LIMIT;
    int n = 0;

    rv = llmq_session_call_find(&s, &ref, r, service, id);
    if (rv == APR_SUCCESS && read_range(&after, &limit, r, &why) != APR_SUCCESS) {
        return llmq_reply_problem(r, &why);
    }
    if (rv == APR_SUCCESS) {
        rv = llmq_store_session_messages(&items, &n, service->store, &ref, after, limit,
                                         r->pool);
    }
    return rv == APR_SUCCESS ? reply_list(r, items, n) : llmq_session_call_fail(r, rv);
}

/* ---- GET /sessions/{id}/messages/{id} ---- */

int llmq_api_session_message_get(request_rec *r, const llmq_service_t *service,
                                 const char *id)
{
    llmq_session_message_t *m;
    llmq_session_ref_t inner;
    llmq_session_ref_t ref;
    llmq_session_t *s;
    apr_status_t rv = llmq_session_call_find(&s, &ref, r, service, id);

    if (rv == APR_SUCCESS) {
        rv = llmq_session_call_ref(&inner, r, llmq_route_id(r));
    }
    if (rv == APR_SUCCESS) {
        rv = llmq_store_session_message(&m, service->store, &ref, inner.id, r->pool);
    }
    return rv == APR_SUCCESS ? reply_message(r, HTTP_OK, m)
                             : llmq_session_call_fail(r, rv);
}
