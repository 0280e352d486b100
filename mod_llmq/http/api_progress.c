/* S3's PUT /tasks/{id}/progress, all that a worker knows who knows only S3: the first one
 * claims the task (an implicit lease), each renews the claim, 100 completes it. */
#include "http/api.h"

#include "base/clock.h"
#include "cfg/cfg.h"
#include "http/body.h"
#include "http/lease_call.h"
#include "http/lease_tell.h"
#include "http/muster.h"
#include "http/query.h"
#include "http/reply.h"
#include "queue/queue_claim.h"
#include "queue/queue_job.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <json-c/json.h>

#include <unistd.h>

#define MAX_TRIES 5 /* races with workers and with the end of leases */
#define FORM      "application/x-www-form-urlencoded"
#define FOR_EVER  apr_time_from_sec(86400 * 365) /* the task's time-out ends it sooner */

/* What the caller reports. */
typedef struct {
    int progress; /* 0 to 100; -1 while not read */
    const char *note;
    const char *result; /* JSON text */
    const char *worker; /* "" if unnamed */
    const char *token;  /* of a worker that has claimed in the other way, else NULL */
} report_t;

/* ---- reading ---- */

static apr_status_t refuse_progress(llmq_result_t *why)
{
    return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, "progress",
                           "must be a whole number from 0 to 100");
}

/* A whole number, though it may be written as 50.0. */
static apr_status_t check_progress(report_t *report, double n, llmq_result_t *why)
{
    if (!(n >= 0 && n <= 100) || n - (int)n > 0) {
        return refuse_progress(why);
    }
    report->progress = (int)n;
    return APR_SUCCESS;
}

static apr_status_t read_number(report_t *report, struct json_object *body,
                                llmq_result_t *why)
{
    struct json_object *value = llmq_json_member(body, "progress");

    if (!json_object_is_type(value, json_type_int)
        && !json_object_is_type(value, json_type_double)) {
        return refuse_progress(why);
    }
    return check_progress(report, json_object_get_double(value), why);
}

static apr_status_t read_json(report_t *report, request_rec *r, llmq_result_t *why)
{
    struct json_object *body;
    apr_status_t rv;

    if ((rv = llmq_lease_call_body(&body, r, why)) != APR_SUCCESS
        || (rv = read_number(report, body, why)) != APR_SUCCESS
        || (rv = llmq_lease_call_text(&report->note, body, "message", why)) != APR_SUCCESS
        || (rv = llmq_lease_call_text(&report->worker, body, "worker_id", why))
               != APR_SUCCESS
        || (rv = llmq_lease_call_text(&report->token, body, "lease_token", why))
               != APR_SUCCESS) {
        return rv;
    }
    return llmq_lease_call_result(&report->result, body, LLMQ_KIND_TASK, why, r->pool);
}

/* A form has text only: a result is JSON if it can be read so, else a string. */
static apr_status_t result_of_form(const char **presult, const char *text, request_rec *r,
                                   llmq_result_t *why)
{
    struct json_object *value = NULL;
    apr_status_t rv = APR_SUCCESS;
    llmq_text_t t;

    *presult = text;
    if (text) {
        rv = llmq_body_parse(&value, text, strlen(text), r, why);
    }
    if (rv == APR_SUCCESS || why->problem == LLMQ_PROBLEM_BODY_SIZE) {
        return rv;
    }
    llmq_text_init(&t, strlen(text) + 16, r->pool);
    llmq_json_strz(&t, text);
    *presult = t.data;
    return APR_SUCCESS;
}

static apr_status_t read_form(report_t *report, request_rec *r, llmq_result_t *why)
{
    apr_table_t *form;
    const char *data;
    const char *number;
    apr_size_t len;
    apr_status_t rv;

    if ((rv = llmq_body_read(&data, &len, r, why)) != APR_SUCCESS
        || (rv = llmq_query_parse_text(&form, data, r->pool, why)) != APR_SUCCESS) {
        return rv;
    }
    rv = result_of_form(&report->result, apr_table_get(form, "result"), r, why);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    number = apr_table_get(form, "progress");
    report->note = apr_table_get(form, "message");
    report->worker = apr_table_get(form, "worker_id");
    report->token = apr_table_get(form, "lease_token");
    if (!number || strspn(number, "0123456789") != strlen(number)
        || strlen(number) > sizeof("100") - 1) {
        return refuse_progress(why);
    }
    return check_progress(report, (double)apr_atoi64(number), why);
}

static int is_form(request_rec *r)
{
    const char *type = apr_table_get(r->headers_in, "Content-Type");
    size_t len = sizeof(FORM) - 1;

    return type && ap_cstr_casecmpn(type, FORM, len) == 0
           && (!type[len] || type[len] == ';' || apr_isspace(type[len]));
}

static apr_status_t read_report(report_t *report, request_rec *r, llmq_result_t *why)
{
    apr_status_t rv;

    memset(report, 0, sizeof(*report));
    rv = is_form(r) ? read_form(report, r, why) : read_json(report, r, why);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!report->worker) {
        report->worker = apr_table_get(r->headers_in, "X-Worker-ID");
    }
    if (report->worker && *report->worker) {
        return llmq_lease_call_worker(report->worker, why);
    }
    report->worker = "";
    return APR_SUCCESS;
}

/* ---- claiming ---- */

/* A task that waits at another node is in no queue of ours: it becomes ours as it is. */
static void put_running(llmq_queue_t *q, const llmq_job_t *job)
{
    llmq_entry_t entry;

    llmq_queue_job_entry(&entry, job);
    entry.taken_at = job->started_at;
    entry.lease_until = job->lease_until;
    llmq_queue_put(q, &entry, 1, LLMQ_PUT_RUNNING);
}

static void tell_claim(llmq_queue_t *q, const llmq_job_t *job)
{
    if (llmq_queue_lease(q, job->id, (apr_uint32_t)job->attempt,
                         (apr_uint32_t)job->attempt, job->lease_until)
        == APR_NOTFOUND) {
        put_running(q, job);
    }
}

/* Make a waiting task the caller's. @return APR_SUCCESS; LLMQ_ESTATE somebody was faster, look
 * again; LLMQ_ESTORE */
static apr_status_t claim(llmq_job_t **pjob, const llmq_service_t *service,
                          const report_t *report, apr_pool_t *p)
{
    llmq_queue_t *q = llmq_service_queue(service, LLMQ_KIND_TASK);
    apr_time_t now = llmq_clock_now();
    llmq_lease_claim_t claim = {(*pjob)->id,
                                (*pjob)->tenant,
                                (*pjob)->attempt,
                                report->worker,
                                llmq_lease_token(1, p),
                                now + FOR_EVER,
                                now};
    apr_time_t until =
        now + llmq_store_conf(service->store)->timeout + apr_time_from_sec(1);
    llmq_entry_t entry;
    llmq_job_t **jobs = NULL;
    apr_status_t taken =
        llmq_queue_take_id(&entry, q, claim.id, (apr_uint32_t)getpid(), until);
    apr_status_t rv;

    if (!claim.token) {
        return APR_ENOMEM;
    }
    if (taken == LLMQ_EBUSY) {
        return LLMQ_ESTATE;
    }
    rv = llmq_store_lease_claim(&jobs, service->claims, &claim, 1, p);
    if (rv == APR_SUCCESS && jobs[0]) {
        *pjob = jobs[0];
        tell_claim(q, jobs[0]);
        llmq_muster_gets(service, jobs[0], 1);
        llmq_service_tell(service, jobs[0]);
        return APR_SUCCESS;
    }
    if (taken == APR_SUCCESS) {
        /* The lease keeper looks what the store says. */
        llmq_queue_lease(q, claim.id, entry.attempt, entry.attempt, now);
    }
    return rv == APR_SUCCESS ? LLMQ_ESTATE : rv;
}

/* ---- reporting ---- */

/* An implicit lease that nobody has put a name to is anybody's. */
static int is_callers(const llmq_job_t *job, const report_t *report)
{
    const char *owner = job->owner ? job->owner : "";

    if (!llmq_lease_is_held(job)) {
        return 0;
    }
    if (report->token) {
        return strcmp(report->token, job->lease_token) == 0;
    }
    return llmq_lease_is_implicit(job->lease_token)
               ? !*owner || strcmp(owner, report->worker) == 0
               : *report->worker && strcmp(owner, report->worker) == 0;
}

/* A report is a sign of life; it never makes a lease shorter. */
static apr_time_t renewed(const llmq_job_t *job, const llmq_cfg_dir_t *dir,
                          apr_time_t now)
{
    apr_time_t until = llmq_lease_until(job, llmq_cfg_lease_usual(dir), now);

    return until > job->lease_until ? until : job->lease_until;
}

static apr_status_t write_report(const llmq_job_t *job, const report_t *report,
                                 request_rec *r, const llmq_service_t *service)
{
    llmq_lease_change_t change;
    apr_status_t rv;

    llmq_store_lease_init(&change, llmq_clock_now());
    change.tenant = job->tenant;
    change.kind = LLMQ_KIND_TASK;
    change.id = job->id;
    change.token = job->lease_token;
    change.progress = report->progress;
    change.note = report->note;
    change.implicit = llmq_lease_is_implicit(job->lease_token);
    change.until = renewed(job, llmq_cfg_dir(r), change.now);
    if (report->progress == 100) {
        change.to = LLMQ_STATUS_COMPLETED;
        change.result = report->result;
    }
    rv = llmq_store_lease_change(&change, service->store, service->changes, r->pool);
    if (rv == APR_SUCCESS && change.accepted) {
        llmq_lease_tell(service, &change, NULL);
    }
    return rv == APR_SUCCESS && !change.accepted ? LLMQ_ESTATE : rv;
}

/* @return APR_SUCCESS; LLMQ_ESTATE the job is not the caller's as it is now; APR_EAGAIN somebody
 * was faster; APR_NOTFOUND; LLMQ_EROW; LLMQ_ESTORE */
static apr_status_t try_report(const report_t *report, request_rec *r,
                               const llmq_service_t *service, const char *id)
{
    llmq_job_t *job = NULL;
    int removed = 0;
    apr_status_t rv =
        llmq_lease_call_look(&job, &removed, r, service, LLMQ_KIND_TASK, id);

    if (rv != APR_SUCCESS || removed) {
        return rv == APR_SUCCESS ? APR_NOTFOUND : rv;
    }
    if (job->status == LLMQ_STATUS_PENDING && !report->token) {
        rv = claim(&job, service, report, r->pool);
        if (rv != APR_SUCCESS) {
            return rv == LLMQ_ESTATE ? APR_EAGAIN : rv;
        }
    }
    return is_callers(job, report) ? write_report(job, report, r, service) : LLMQ_ESTATE;
}

static int reply_reported(request_rec *r, const report_t *report, const char *id)
{
    llmq_text_t t;

    llmq_text_init(&t, 256, r->pool);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv(&t, "message", "Task progress updated successfully");
    llmq_json_kv(&t, "task_id", id);
    llmq_json_kv_int(&t, "progress", report->progress);
    LLMQ_TEXT_LIT(&t, "}\n");
    return llmq_reply_json(r, HTTP_OK, t.data, t.len);
}

int llmq_api_progress_set(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_result_t why = {0};
    report_t report;
    apr_status_t rv;
    int tries = 0;

    if (read_report(&report, r, &why) != APR_SUCCESS) {
        return llmq_reply_problem(r, &why);
    }
    do {
        rv = try_report(&report, r, service, id);
    } while (rv == APR_EAGAIN && ++tries < MAX_TRIES);
    if (rv == APR_SUCCESS) {
        return reply_reported(r, &report, id);
    }
    if (rv == LLMQ_EROW) {
        llmq_result_set(&why, LLMQ_PROBLEM_REQUEST, NULL,
                        "the database refuses this as it is");
        return llmq_reply_problem(r, &why);
    }
    return rv == LLMQ_ESTATE || rv == APR_EAGAIN || rv == APR_NOTFOUND
               ? llmq_lease_call_refuse(r, service, LLMQ_KIND_TASK, id, report.token)
               : llmq_reply_status(r, rv);
}
