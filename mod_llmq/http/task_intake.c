/* The way of new tasks. Read take_in() from top to bottom. */
#include "http/task_intake.h"

#include "base/id.h"
#include "cfg/cfg.h"
#include "core/task.h"
#include "http/body.h"
#include "http/expr.h"
#include "http/idempotency.h"
#include "http/quota.h"
#include "http/triage.h"
#include "queue/queue_job.h"
#include "store/store_job.h"

#include <apr_strings.h>

#include <json-c/json.h>
#include <stdlib.h>

/* What all steps need. */
typedef struct {
    llmq_task_intake_t *in;
    request_rec *r;
    const llmq_service_t *service;
    llmq_task_conf_t conf;
    llmq_result_t *why;
    int batch; /* a list was sent, so that errors name their item */
} intake_t;

/* ---- 1. what the body says ---- */

static apr_status_t read_item(intake_t *t, int i, struct json_object *item)
{
    llmq_job_t *job;
    apr_status_t rv = llmq_task_from_json(&job, item, llmq_cfg_tenant(llmq_cfg_dir(t->r)),
                                          &t->conf, t->why, t->r->pool);

    if (rv != APR_SUCCESS) {
        t->why->item = t->batch ? i + 1 : 0;
        return rv;
    }
    llmq_expr_show(t->r, job, llmq_json_member(item, "payload"));
    llmq_triage_turn(job, t->r);
    t->in->jobs[i] = job;
    return APR_SUCCESS;
}

static apr_status_t read_list(intake_t *t, struct json_object *body)
{
    apr_status_t rv = APR_SUCCESS;
    size_t n =
        json_object_is_type(body, json_type_array) ? json_object_array_length(body) : 0;
    int i;

    if (n < 1 || n > (size_t)t->conf.max_batch) {
        return llmq_result_set(t->why, LLMQ_PROBLEM_REQUEST, NULL,
                               apr_psprintf(t->r->pool,
                                            "the body must be a list of 1 to %d tasks",
                                            t->conf.max_batch));
    }
    t->in->n = (int)n;
    t->in->jobs = apr_pcalloc(t->r->pool, sizeof(llmq_job_t *) * n);
    for (i = 0; i < t->in->n && rv == APR_SUCCESS; i++) {
        rv = read_item(t, i, json_object_array_get_idx(body, (size_t)i));
    }
    return rv;
}

static apr_status_t read_body(intake_t *t)
{
    struct json_object *body;
    apr_status_t rv;

    llmq_cfg_task(&t->conf, llmq_cfg_dir(t->r), t->r->server);
    rv = llmq_body_json(&body, t->r, t->why);
    if (rv != APR_SUCCESS || t->batch) {
        return rv == APR_SUCCESS ? read_list(t, body) : rv;
    }
    t->in->n = 1;
    t->in->jobs = apr_palloc(t->r->pool, sizeof(llmq_job_t *));
    return read_item(t, 0, body);
}

/* ---- 2. ids ---- */

/* A request that comes again makes the same ids. */
static void name_all(intake_t *t)
{
    const char *one = llmq_idempotency_id(t->r, "", NULL);
    int i;

    for (i = 0; i < t->in->n; i++) {
        t->in->jobs[i]->id =
            one ? llmq_id_uuid(one, i, t->r->pool)
                : llmq_id_uuid(llmq_id_create("", t->r->pool), 0, t->r->pool);
    }
}

/* @return APR_SUCCESS an earlier try has stored them, here they are; APR_NOTFOUND */
static apr_status_t find_stored(intake_t *t)
{
    apr_status_t rv = APR_NOTFOUND;
    int i;

    if (!llmq_idempotency_is_again(t->r)) {
        return rv;
    }
    for (i = 0; i < t->in->n; i++) {
        rv = llmq_store_job_find(&t->in->jobs[i], t->service->store,
                                 t->in->jobs[i]->tenant, LLMQ_KIND_TASK,
                                 t->in->jobs[i]->id, t->r->pool);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    return rv;
}

/* ---- 3. places ---- */

static void dismiss(const intake_t *t, int n)
{
    int i;

    for (i = 0; i < n; i++) {
        llmq_queue_dismiss(t->service->tasks, llmq_queue_job_tenant_of(t->in->jobs[i]),
                           t->in->jobs[i]->level);
    }
}

static apr_status_t admit(intake_t *t)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < t->in->n && rv == APR_SUCCESS; i++) {
        rv = llmq_queue_admit(t->service->tasks, llmq_queue_job_tenant_of(t->in->jobs[i]),
                              t->in->jobs[i]->level);
    }
    if (rv == APR_SUCCESS) {
        return rv;
    }
    dismiss(t, i - 1);
    if (rv == LLMQ_EFULL && t->batch) {
        llmq_result_set(t->why, LLMQ_PROBLEM_QUEUE_FULL, NULL,
                        "this level takes no more for now, nothing was stored");
        t->why->item = i;
        return LLMQ_EBODY;
    }
    return rv;
}

/* ---- 4. the store, and with it the queue ---- */

static void write_rows(llmq_text_t *rows, const intake_t *t)
{
    apr_size_t size = 0;
    int i;

    for (i = 0; i < t->in->n; i++) {
        size += t->in->jobs[i]->payload_len + 512;
    }
    llmq_text_init(rows, size, t->r->pool);
    for (i = 0; i < t->in->n; i++) {
        if (i) {
            LLMQ_TEXT_LIT(rows, ",");
        }
        llmq_store_job_row(rows, t->in->jobs[i]);
    }
}

static void tell_all(const intake_t *t)
{
    int i;

    for (i = 0; i < t->in->n; i++) {
        llmq_service_tell(t->service, t->in->jobs[i]);
    }
}

static apr_status_t commit(intake_t *t)
{
    llmq_service_new_t news;
    llmq_text_t rows;
    apr_status_t rv = llmq_service_new_init(&news, t->in->jobs, t->in->n);

    if (rv == APR_SUCCESS) {
        write_rows(&rows, t);
        rv = llmq_store_commit_write(t->service->commit, rows.data, rows.len, &news,
                                     sizeof(news));
    }
    if (rv == APR_SUCCESS) {
        free(news.many);
        tell_all(t);
        return rv;
    }
    dismiss(t, t->in->n);
    if (rv == LLMQ_EROW) {
        return llmq_result_set(t->why, LLMQ_PROBLEM_REQUEST, NULL,
                               "the database refuses this as it is");
    }
    return rv;
}

static apr_status_t take_in(intake_t *t)
{
    apr_status_t rv = read_body(t);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    name_all(t);
    rv = find_stored(t);
    if (rv != APR_NOTFOUND) {
        return rv;
    }
    rv = llmq_quota_ask(t->r, t->service, t->in->jobs, t->in->n, t->why);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = admit(t);
    if (rv == APR_SUCCESS) {
        rv = commit(t);
    }
    llmq_quota_end(t->service, t->in->jobs, t->in->n, rv == APR_SUCCESS);
    return rv;
}

apr_status_t llmq_task_intake_one(llmq_task_intake_t *in, request_rec *r,
                                  const llmq_service_t *service, llmq_result_t *why)
{
    intake_t t = {.in = in, .r = r, .service = service, .why = why, .batch = 0};

    return take_in(&t);
}

apr_status_t llmq_task_intake_batch(llmq_task_intake_t *in, request_rec *r,
                                    const llmq_service_t *service, llmq_result_t *why)
{
    intake_t t = {.in = in, .r = r, .service = service, .why = why, .batch = 1};

    return take_in(&t);
}
