/* Workers outside ask for work. What they say of it afterwards is api_lease.c's. */
#include "http/api.h"

#include "cfg/cfg.h"
#include "http/claim_wait.h"
#include "http/lease_call.h"
#include "http/muster.h"
#include "http/reply.h"
#include "queue/queue_job.h"

#include <apr_strings.h>
#include <json-c/json.h>

#define MAX_WAIT_SEC 60
#define MIN_LEASE    apr_time_from_msec(100)

static apr_status_t refuse(llmq_result_t *why, const char *field, const char *reason)
{
    return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, field, reason);
}

/* The words of an array that must have some. @return 0: it has none, or something else */
static int word_at(const char **pword, struct json_object *list, size_t i)
{
    struct json_object *value = json_object_array_get_idx(list, i);

    if (!json_object_is_type(value, json_type_string)) {
        return 0;
    }
    *pword = json_object_get_string(value);
    return 1;
}

static apr_status_t read_kinds(llmq_claim_t *claim, struct json_object *body,
                               llmq_result_t *why)
{
    struct json_object *list = llmq_json_member(body, "kinds");
    const char *word = "";
    size_t i;

    claim->kinds = list ? 0 : LLMQ_CLAIM_KIND(LLMQ_KIND_TASK);
    if (list && !json_object_is_type(list, json_type_array)) {
        return refuse(why, "kinds", "must be an array of \"task\" and \"message\"");
    }
    for (i = 0; list && i < json_object_array_length(list); i++) {
        if (!word_at(&word, list, i)
            || (strcmp(word, "task") != 0 && strcmp(word, "message") != 0)) {
            return refuse(why, "kinds", "must be an array of \"task\" and \"message\"");
        }
        claim->kinds |=
            LLMQ_CLAIM_KIND(*word == 't' ? LLMQ_KIND_TASK : LLMQ_KIND_MESSAGE);
    }
    return claim->kinds ? APR_SUCCESS
                        : refuse(why, "kinds", "a claim must be for something");
}

static int has_lane(const apr_uint64_t *lanes, int n, apr_uint64_t lane)
{
    int i;

    for (i = 0; i < n; i++) {
        if (lanes[i] == lane) {
            return 1;
        }
    }
    return 0;
}

static void add_lane(apr_uint64_t *lanes, int *pn, const char *tenant, const char *type)
{
    apr_uint64_t lane = llmq_queue_job_lane(tenant, type);

    if (!has_lane(lanes, *pn, lane)) {
        lanes[(*pn)++] = lane;
    }
}

_Static_assert(LLMQ_TASK_TYPES_MAX <= LLMQ_QUEUE_FILTER_MAX, "a claim may be for all");

static apr_status_t read_types(llmq_claim_t *claim, struct json_object *body,
                               request_rec *r, llmq_result_t *why)
{
    const llmq_task_types_t *types = llmq_cfg_task_types(r->server);
    struct json_object *list = llmq_json_member(body, "task_types");
    apr_uint64_t *lanes = apr_palloc(r->pool, sizeof(*lanes) * LLMQ_TASK_TYPES_MAX);
    const char *word = "";
    int n = 0;
    size_t i;

    claim->lanes = lanes;
    for (i = 0; !list && i < (size_t)types->n; i++) {
        add_lane(lanes, &n, claim->tenant, types->type[i].name);
    }
    if (list && !json_object_is_type(list, json_type_array)) {
        return refuse(why, "task_types", "must be an array of types of tasks");
    }
    for (i = 0; list && i < json_object_array_length(list); i++) {
        if (!word_at(&word, list, i) || !llmq_task_type_find(types, word)) {
            return refuse(why, "task_types", "names a type of tasks that there is not");
        }
        add_lane(lanes, &n, claim->tenant, word);
    }
    claim->n_lanes = n;
    return n ? APR_SUCCESS
             : refuse(why, "task_types", "a claim must be for one type at least");
}

static apr_status_t read_limit(llmq_claim_t *claim, struct json_object *body,
                               const llmq_cfg_dir_t *dir, llmq_result_t *why,
                               apr_pool_t *p)
{
    struct json_object *value = llmq_json_member(body, "limit");
    int most = llmq_cfg_lease_claim_limit(dir);
    apr_int64_t n = value ? llmq_json_whole(value, 0) : 1;

    if (n < 1 || n > most) {
        return refuse(why, "limit",
                      apr_psprintf(p, "must be a whole number from 1 to %d", most));
    }
    claim->limit = (int)n;
    return APR_SUCCESS;
}

static apr_status_t read_times(llmq_claim_t *claim, struct json_object *body,
                               const llmq_cfg_dir_t *dir, llmq_result_t *why,
                               apr_pool_t *p)
{
    llmq_lease_call_range_t wait = {"wait", 0, apr_time_from_sec(MAX_WAIT_SEC)};
    llmq_lease_call_range_t lease = {"lease", MIN_LEASE, llmq_cfg_lease_max(dir)};
    apr_status_t rv = llmq_lease_call_seconds(&claim->wait, body, &wait, why, p);

    if (claim->wait > llmq_cfg_max_wait(dir)) {
        claim->wait = llmq_cfg_max_wait(dir);
    }
    claim->lease = llmq_cfg_lease_usual(dir);
    return rv == APR_SUCCESS
               ? llmq_lease_call_seconds(&claim->lease, body, &lease, why, p)
               : rv;
}

static apr_status_t read_claim(llmq_claim_t *claim, request_rec *r, const char *worker,
                               llmq_result_t *why)
{
    const llmq_cfg_dir_t *dir = llmq_cfg_dir(r);
    struct json_object *body;
    apr_status_t rv;

    memset(claim, 0, sizeof(*claim));
    claim->tenant = llmq_cfg_tenant(dir);
    claim->of_tenant = llmq_queue_job_tenant(claim->tenant);
    claim->worker = worker;
    if ((rv = llmq_lease_call_worker(worker, why)) != APR_SUCCESS
        || (rv = llmq_lease_call_body(&body, r, why)) != APR_SUCCESS
        || (rv = read_kinds(claim, body, why)) != APR_SUCCESS
        || (rv = read_types(claim, body, r, why)) != APR_SUCCESS
        || (rv = read_limit(claim, body, dir, why, r->pool)) != APR_SUCCESS) {
        return rv;
    }
    return read_times(claim, body, dir, why, r->pool);
}

int llmq_api_worker_claim(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_claim_answer_t answer = {0};
    llmq_result_t why = {0};
    llmq_claim_t claim;
    apr_status_t rv = read_claim(&claim, r, id, &why);

    if (rv != APR_SUCCESS) {
        return llmq_reply_problem(r, &why);
    }
    llmq_muster_asks(service, &claim);
    rv = llmq_claim_try(&answer, &claim, 1, service, r->pool);
    if (rv != APR_SUCCESS) {
        return llmq_reply_status(r, rv);
    }
    if (answer.n == 0 && claim.wait > 0) {
        return llmq_claim_wait(r, service, &claim);
    }
    return llmq_reply_json(r, HTTP_OK, answer.body, answer.len);
}
