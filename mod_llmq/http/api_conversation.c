/* S0 section 3: conversations. Their messages go the way of all others (api_message.c). */
#include "http/api.h"

#include "base/clock.h"
#include "base/id.h"
#include "bus/bus_tell.h"
#include "cfg/cfg.h"
#include "core/priority.h"
#include "http/body.h"
#include "http/converse.h"
#include "http/idempotency.h"
#include "http/identity.h"
#include "http/page.h"
#include "http/query.h"
#include "http/reply.h"
#include "http/route.h"
#include "queue/queue_figures.h"
#include "store/store_conversation.h"

#include <apr_strings.h>

#include <json-c/json.h>

#define MAX_TRIES 5 /* races with others who change the same conversation */

static llmq_conversation_ref_t ref_of(request_rec *r, const char *id)
{
    llmq_conversation_ref_t ref = {llmq_cfg_tenant(llmq_cfg_dir(r)), id,
                                   llmq_clock_now()};

    return ref;
}

static int reply_not_found(request_rec *r)
{
    llmq_result_t why;

    llmq_converse_unknown(&why);
    return llmq_reply_problem(r, &why);
}

static int reply_failure(request_rec *r, apr_status_t rv)
{
    return rv == APR_NOTFOUND ? reply_not_found(r) : llmq_reply_status(r, rv);
}

static int reply_conversation(request_rec *r, int status, const char *message,
                              const llmq_conversation_t *c)
{
    llmq_text_t t;

    llmq_text_init(&t, 1024, r->pool);
    llmq_conversation_to_json(&t, c);
    return llmq_reply_data(r, status, message, t.data);
}

static apr_status_t find(llmq_conversation_t **pc, request_rec *r,
                         const llmq_service_t *service, const char *id)
{
    llmq_conversation_ref_t ref = ref_of(r, id);

    return llmq_id_is_name(id)
               ? llmq_store_conversation_find(pc, service->store, &ref, r->pool)
               : APR_NOTFOUND;
}

/* ---- POST /conversations ---- */

static apr_status_t read_new(llmq_conversation_t **pc, request_rec *r, llmq_result_t *why)
{
    const llmq_cfg_dir_t *dir = llmq_cfg_dir(r);
    llmq_conversation_conf_t conf;
    struct json_object *body;
    apr_status_t rv;

    llmq_cfg_conversation(&conf, dir);
    conf.user = llmq_identity_get(r)->user;
    if ((rv = llmq_body_json(&body, r, why)) != APR_SUCCESS
        || (rv = llmq_conversation_from_json(pc, body, llmq_cfg_tenant(dir), &conf, why,
                                             r->pool))
               != APR_SUCCESS) {
        return rv;
    }
    if (!json_object_object_get(body, "id")) {
        (*pc)->id = llmq_idempotency_id(r, "conv_", (*pc)->id);
    }
    return llmq_identity_check_user(r, (*pc)->user, why);
}

int llmq_api_conversation_create(request_rec *r, const llmq_service_t *service,
                                 const char *id)
{
    llmq_result_t why = {0};
    llmq_conversation_t *c;
    apr_status_t rv;

    (void)id;
    if (read_new(&c, r, &why) != APR_SUCCESS) {
        return llmq_reply_problem(r, &why);
    }
    rv = llmq_store_conversation_create(service->store, c, r->pool);
    if (APR_STATUS_IS_EEXIST(rv) && llmq_idempotency_is_again(r)) {
        rv = find(&c, r, service, c->id); /* an earlier try has made it */
    }
    if (APR_STATUS_IS_EEXIST(rv)) {
        llmq_result_set(&why, LLMQ_PROBLEM_EXISTS, "id",
                        "a conversation of this id exists");
        return llmq_reply_problem(r, &why);
    }
    if (rv != APR_SUCCESS) {
        return llmq_reply_status(r, rv);
    }
    apr_table_setn(
        r->headers_out, "Location",
        apr_pstrcat(r->pool, llmq_route_base(r), "/conversations/", c->id, NULL));
    return reply_conversation(r, HTTP_CREATED, "Conversation created successfully", c);
}

/* ---- GET, PUT, DELETE /conversations/{id} ---- */

int llmq_api_conversation_get(request_rec *r, const llmq_service_t *service,
                              const char *id)
{
    llmq_conversation_t *c;
    apr_status_t rv = find(&c, r, service, id);

    return rv == APR_SUCCESS ? reply_conversation(r, HTTP_OK, "success", c)
                             : reply_failure(r, rv);
}

/* Read, merge, write on the condition that nothing changed in between. */
static apr_status_t change(request_rec *r, const llmq_service_t *service, const char *id,
                           const llmq_conversation_patch_t *patch)
{
    llmq_conversation_t *c;
    apr_status_t rv = LLMQ_ESTATE;
    int i;

    for (i = 0; i < MAX_TRIES && rv == LLMQ_ESTATE; i++) {
        rv = find(&c, r, service, id);
        if (rv == APR_SUCCESS) {
            rv = llmq_store_conversation_change(service->store, c, patch,
                                                llmq_clock_now(), r->pool);
        }
    }
    return rv;
}

static int is_empty(const llmq_conversation_patch_t *patch)
{
    return patch->state < 0 && !patch->title && !patch->context && !patch->metadata;
}

/* What both ways of changing one have in common. Answers by itself unless APR_SUCCESS. */
static apr_status_t put(int *preply, request_rec *r, const llmq_service_t *service,
                        const char *id, int state_only)
{
    llmq_conversation_conf_t conf;
    llmq_conversation_patch_t patch = {0};
    llmq_result_t why = {0};
    struct json_object *body;
    apr_status_t rv;

    llmq_cfg_conversation(&conf, llmq_cfg_dir(r));
    rv = llmq_body_json(&body, r, &why);
    if (rv == APR_SUCCESS) {
        rv = llmq_conversation_patch_from_json(&patch, body, &conf, &why, r->pool);
    }
    if (rv == APR_SUCCESS && state_only && patch.state < 0) {
        rv = llmq_result_set(&why, LLMQ_PROBLEM_REQUEST, "state",
                             "must be active, inactive, completed or archived");
    }
    if (rv != APR_SUCCESS) {
        *preply = llmq_reply_problem(r, &why);
        return rv;
    }
    if (!is_empty(&patch)) {
        rv = change(r, service, id, &patch);
    }
    if (rv != APR_SUCCESS) {
        *preply = reply_failure(r, rv);
    }
    return rv;
}

int llmq_api_conversation_set(request_rec *r, const llmq_service_t *service,
                              const char *id)
{
    llmq_conversation_t *c;
    int reply = OK;
    apr_status_t rv = put(&reply, r, service, id, 0);

    if (rv != APR_SUCCESS) {
        return reply;
    }
    rv = find(&c, r, service, id);
    return rv == APR_SUCCESS
               ? reply_conversation(r, HTTP_OK, "Conversation updated successfully", c)
               : reply_failure(r, rv);
}

int llmq_api_conversation_set_state(request_rec *r, const llmq_service_t *service,
                                    const char *id)
{
    int reply = OK;

    if (put(&reply, r, service, id, 1) != APR_SUCCESS) {
        return reply;
    }
    return llmq_reply_data(r, HTTP_OK, "Conversation updated successfully",
                           "{\"status\":\"updated\"}");
}

/* Whoever listens to it, or to one of its messages. */
static void tell_removal(const llmq_service_t *service,
                         const llmq_conversation_ref_t *ref,
                         const apr_array_header_t *messages)
{
    int i;

    for (i = 0; messages && i < messages->nelts; i++) {
        const char *id = APR_ARRAY_IDX(messages, i, const char *);

        llmq_queue_figures_withdraw(service->queue, id);
        llmq_bus_tell_job(service->bus, LLMQ_KIND_MESSAGE, ref->tenant, id, NULL);
    }
    llmq_bus_tell_conversation(service->bus, ref->tenant, ref->id);
}

int llmq_api_conversation_remove(request_rec *r, const llmq_service_t *service,
                                 const char *id)
{
    llmq_conversation_ref_t ref = ref_of(r, id);
    apr_array_header_t *ids = NULL;
    apr_status_t rv = APR_NOTFOUND;

    if (llmq_id_is_name(id)) {
        rv = llmq_store_conversation_remove(&ids, service->store, &ref, r->pool);
    }
    if (rv != APR_SUCCESS) {
        return reply_failure(r, rv);
    }
    tell_removal(service, &ref, ids);
    return llmq_reply_data(r, HTTP_OK, "Conversation deleted successfully", NULL);
}

/* ---- GET /conversations ---- */

static const char *const sort_words[] = {
    [LLMQ_CONVERSATION_SORT_CREATED] = "created_at",
    [LLMQ_CONVERSATION_SORT_UPDATED] = "updated_at",
    [LLMQ_CONVERSATION_SORT_ACTIVE] = "last_active_at",
    [LLMQ_CONVERSATION_SORT_LEVEL] = "priority",
    [LLMQ_CONVERSATION_SORT_COUNT] = NULL,
};

static const char *const order_words[] = {"asc", "desc", NULL};

static apr_status_t read_state(int *pstate, const apr_table_t *query, const char *name,
                               llmq_result_t *why)
{
    const char *word = apr_table_get(query, name);
    llmq_conversation_state_e state = LLMQ_CONVERSATION_ACTIVE;

    if (!word) {
        return APR_SUCCESS;
    }
    if (llmq_conversation_state_parse(&state, word) != APR_SUCCESS) {
        return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, name,
                               "must be active, inactive, completed or archived");
    }
    *pstate = state;
    return APR_SUCCESS;
}

static apr_status_t read_filters(llmq_conversation_query_t *q, const apr_table_t *query,
                                 llmq_result_t *why)
{
    const char *priority = apr_table_get(query, "priority");
    apr_status_t rv;

    q->user = apr_table_get(query, "user_id");
    q->state = -1;
    if ((rv = read_state(&q->state, query, "status", why)) != APR_SUCCESS
        || (rv = read_state(&q->state, query, "state", why)) != APR_SUCCESS) {
        return rv;
    }
    if (priority && llmq_priority_parse(&q->level, priority) != APR_SUCCESS) {
        return llmq_result_set(why, LLMQ_PROBLEM_PRIORITY, "priority",
                               "must be realtime, high, normal or low");
    }
    return APR_SUCCESS;
}

static apr_status_t read_query(llmq_conversation_query_t *q, request_rec *r,
                               llmq_result_t *why)
{
    apr_table_t *query;
    int sort = LLMQ_CONVERSATION_SORT_CREATED;
    apr_status_t rv = llmq_query_parse(&query, r, why);

    memset(q, 0, sizeof(*q));
    q->tenant = llmq_cfg_tenant(llmq_cfg_dir(r));
    q->now = llmq_clock_now();
    q->descending = 1;
    if (rv != APR_SUCCESS || (rv = read_filters(q, query, why)) != APR_SUCCESS
        || (rv = llmq_page_read(&q->page, &q->page_size, query, why)) != APR_SUCCESS
        || (rv = llmq_query_word(&sort, query, "sort", sort_words, why)) != APR_SUCCESS
        || (rv = llmq_query_word(&q->descending, query, "order", order_words, why))
               != APR_SUCCESS) {
        return rv;
    }
    q->sort = (llmq_conversation_sort_e)sort;
    return APR_SUCCESS;
}

int llmq_api_conversation_list(request_rec *r, const llmq_service_t *service,
                               const char *id)
{
    llmq_conversation_query_t q;
    llmq_conversation_t *items;
    llmq_result_t why = {0};
    llmq_text_t t;
    apr_int64_t total;
    apr_status_t rv;
    int n;
    int i;

    (void)id;
    if (read_query(&q, r, &why) != APR_SUCCESS) {
        return llmq_reply_problem(r, &why);
    }
    rv = llmq_store_conversation_list(&items, &n, &total, service->store, &q, r->pool);
    if (rv != APR_SUCCESS) {
        return llmq_reply_status(r, rv);
    }
    llmq_text_init(&t, 4096, r->pool);
    LLMQ_TEXT_LIT(&t, "{\"conversations\":[");
    for (i = 0; i < n; i++) {
        if (i) {
            LLMQ_TEXT_LIT(&t, ",");
        }
        llmq_conversation_to_json(&t, &items[i]);
    }
    LLMQ_TEXT_LIT(&t, "]");
    llmq_page_end(&t, q.page, q.page_size, total);
    return llmq_reply_data(r, HTTP_OK, "success", t.data);
}
