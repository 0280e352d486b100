#include "core/task.h"

#include "base/clock.h"
#include "base/duration.h"
#include "base/utf8.h"
#include "core/callback.h"

#include <apr_strings.h>

#include <json-c/json.h>
#include <string.h>

#define KEY_SCHEDULE "schedule_for" /* of the metadata, as it was given */
#define OWN_DEPTH    1024           /* text of ours was bounded when it came in */

static const char *const level_names[LLMQ_LEVEL_COUNT] = {
    [LLMQ_LEVEL_NONE] = "none", [LLMQ_LEVEL_REALTIME] = "critical",
    [LLMQ_LEVEL_HIGH] = "high", [LLMQ_LEVEL_NORMAL] = "normal",
    [LLMQ_LEVEL_LOW] = "low",
};

const char *const llmq_task_state_words[] = {
    [LLMQ_TASK_QUEUED] = "queued",
    [LLMQ_TASK_PROCESSING] = "processing",
    [LLMQ_TASK_COMPLETED] = "completed",
    [LLMQ_TASK_FAILED] = "failed",
    [LLMQ_TASK_CANCELED] = "canceled",
    [LLMQ_TASK_RETRYING] = "retrying",
    [LLMQ_TASK_COUNT] = NULL,
};

const char *llmq_task_level_name(llmq_level_e level)
{
    return level_names[(unsigned)level < LLMQ_LEVEL_COUNT ? level : LLMQ_LEVEL_NONE];
}

apr_status_t llmq_task_parse_level(llmq_level_e *plevel, const char *word)
{
    int l;

    LLMQ_EACH_LEVEL (l) {
        if (word && strcmp(word, level_names[l]) == 0) {
            *plevel = (llmq_level_e)l;
            return APR_SUCCESS;
        }
    }
    return APR_EINVAL;
}

const char *llmq_task_state_name(llmq_task_state_e state)
{
    return (unsigned)state < LLMQ_TASK_COUNT ? llmq_task_state_words[state] : "";
}

llmq_task_state_e llmq_task_state(const llmq_job_t *job, apr_time_t now)
{
    switch (job->status) {
    case LLMQ_STATUS_PENDING:
        return job->retry_count > 0 && job->run_at > now ? LLMQ_TASK_RETRYING
                                                         : LLMQ_TASK_QUEUED;
    case LLMQ_STATUS_PROCESSING: return LLMQ_TASK_PROCESSING;
    case LLMQ_STATUS_COMPLETED: return LLMQ_TASK_COMPLETED;
    case LLMQ_STATUS_CANCELED: return LLMQ_TASK_CANCELED;
    case LLMQ_STATUS_FAILED:
    case LLMQ_STATUS_TIMEOUT:
    case LLMQ_STATUS_COUNT:
    default: return LLMQ_TASK_FAILED;
    }
}

/* ---- from JSON ---- */

/* Everything the field readers need. */
typedef struct {
    llmq_job_t *job;
    json_object *body;
    const llmq_task_type_t *type;
    const llmq_task_conf_t *conf;
    llmq_result_t *why;
    apr_pool_t *pool;
} reader_t;

static apr_status_t refuse(const reader_t *r, const char *field, const char *reason)
{
    return llmq_result_set(r->why, LLMQ_PROBLEM_REQUEST, field, reason);
}

/* @return the text of a member that must be a string; NULL if it is none, or has a NUL */
static const char *text_of(const reader_t *r, const char *field)
{
    json_object *value = llmq_json_member(r->body, field);
    const char *text;

    if (!value || !json_object_is_type(value, json_type_string))
        return NULL;
    text = json_object_get_string(value);
    return strlen(text) == (size_t)json_object_get_string_len(value) ? text : NULL;
}

static apr_status_t read_type(reader_t *r)
{
    const char *name = text_of(r, "task_type");
    const llmq_task_type_t *type;

    if (!name)
        return refuse(r, "task_type", "task_type is required and must be a string");
    type = llmq_task_type_find(r->conf->types, name);
    if (!type)
        return refuse(r, "task_type", "no such task type");
    r->type = type;
    r->job->type = type->name;
    return APR_SUCCESS;
}

/* Control characters of both ranges: U+0000 to U+001F with U+007F, U+0080 to U+009F. */
static int has_control(const char *s)
{
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;

        if (c < 0x20 || c == 0x7F)
            return 1;
        if (c == 0xC2 && (unsigned char)s[1] >= 0x80 && (unsigned char)s[1] < 0xA0)
            return 1;
    }
    return 0;
}

static apr_status_t read_kb(reader_t *r)
{
    const char *kb = text_of(r, "kb_id");

    if (!kb || llmq_utf8_is_blank(kb))
        return refuse(r, "kb_id", "kb_id is required and must be a non-empty string");
    if (strlen(kb) > LLMQ_NAME_MAX)
        return refuse(r, "kb_id",
                      "kb_id is longer than " APR_STRINGIFY(LLMQ_NAME_MAX) " bytes");
    if (has_control(kb))
        return refuse(r, "kb_id", "kb_id must not contain control characters");
    r->job->user = kb;
    return APR_SUCCESS;
}

static apr_status_t read_priority(reader_t *r)
{
    r->job->level = LLMQ_LEVEL_NORMAL;
    if (llmq_json_member(r->body, "priority")
        && llmq_task_parse_level(&r->job->level, text_of(r, "priority")) != APR_SUCCESS)
        return refuse(r, "priority", "priority must be low, normal, high or critical");
    return APR_SUCCESS;
}

static apr_status_t read_payload(reader_t *r)
{
    json_object *value = llmq_json_member(r->body, "payload");
    apr_size_t max = r->conf->max_payload;

    if (!json_object_is_type(value, json_type_object))
        return refuse(r, "payload", "payload is required and must be an object");
    r->job->payload = llmq_json_format(value);
    r->job->payload_len = strlen(r->job->payload);
    if (r->type->max_payload && r->type->max_payload < max)
        max = r->type->max_payload;
    if (r->job->payload_len > max)
        return llmq_result_set(
            r->why, LLMQ_PROBLEM_BODY_SIZE, "payload",
            apr_psprintf(r->pool, "payload is longer than %" APR_SIZE_T_FMT " bytes",
                         max));
    return APR_SUCCESS;
}

static apr_status_t read_retries(reader_t *r)
{
    json_object *value = llmq_json_member(r->body, "max_retries");
    apr_int64_t n;

    r->job->max_retries =
        r->type->max_retries >= 0 ? r->type->max_retries : r->conf->max_retries;
    if (!value)
        return APR_SUCCESS;
    n = llmq_json_whole(value, -1);
    if (n < 0 || n > r->conf->most_retries)
        return refuse(r, "max_retries",
                      apr_psprintf(r->pool,
                                   "max_retries must be a whole number from 0 to %d",
                                   r->conf->most_retries));
    r->job->max_retries = (int)n;
    return APR_SUCCESS;
}

static apr_status_t read_timeout(reader_t *r)
{
    json_object *value = llmq_json_member(r->body, "timeout");
    apr_interval_time_t d = 0;
    apr_status_t rv = APR_EINVAL;
    char longest[LLMQ_DURATION_SIZE];

    r->job->timeout = r->type->timeout ? r->type->timeout : r->conf->timeout;
    if (!value)
        return APR_SUCCESS;
    if (json_object_is_type(value, json_type_int)
        || json_object_is_type(value, json_type_double))
        rv = llmq_duration_of_seconds(&d, json_object_get_double(value));
    if (rv != APR_SUCCESS || d < LLMQ_TASK_MIN_TIMEOUT || d > r->conf->max_timeout) {
        llmq_text_duration(longest, r->conf->max_timeout);
        return refuse(r, "timeout",
                      apr_psprintf(r->pool, "timeout must be seconds above 0, at most %s",
                                   longest));
    }
    r->job->timeout = d;
    return APR_SUCCESS;
}

static apr_status_t read_schedule(reader_t *r)
{
    const char *text = text_of(r, KEY_SCHEDULE);
    apr_time_t when = 0;
    llmq_text_t t;
    char longest[LLMQ_DURATION_SIZE];

    r->job->metadata = "{}";
    if (!llmq_json_member(r->body, KEY_SCHEDULE))
        return APR_SUCCESS;
    if (!text || llmq_text_parse_rfc3339(&when, text) != APR_SUCCESS)
        return refuse(r, KEY_SCHEDULE, "must be a time as RFC 3339 has it");
    if (when > r->job->created_at + r->conf->max_delay) {
        llmq_text_duration(longest, r->conf->max_delay);
        return refuse(r, KEY_SCHEDULE,
                      apr_psprintf(r->pool, "is more than %s ahead", longest));
    }
    if (when > r->job->created_at)
        r->job->run_at = when;
    llmq_text_init(&t, 64, r->pool);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv(&t, KEY_SCHEDULE, text);
    LLMQ_TEXT_LIT(&t, "}");
    r->job->metadata = t.data;
    return APR_SUCCESS;
}

/* The URL is not shown again: it may hold what only its owner should know. */
static apr_status_t read_callback(reader_t *r)
{
    const char *text = text_of(r, "callback_url");
    const char *url = NULL;
    const char *why = "a string";

    if (llmq_json_member(r->body, "callback_url")
        && (!text || llmq_callback_parse(&url, &why, text, r->pool) != APR_SUCCESS))
        return refuse(r, "callback_url",
                      apr_pstrcat(r->pool, "callback_url must be ", why, NULL));
    r->job->callback =
        llmq_callback_list(url, r->conf->callbacks, r->conf->n_callbacks, r->pool);
    return APR_SUCCESS;
}

static apr_status_t read_members(reader_t *r)
{
    typedef apr_status_t step_t(reader_t *);
    static step_t *const steps[] = {read_type,     read_kb,      read_priority,
                                    read_payload,  read_retries, read_timeout,
                                    read_schedule, read_callback};
    apr_status_t rv = APR_SUCCESS;
    size_t i;

    for (i = 0; i < sizeof(steps) / sizeof(steps[0]) && rv == APR_SUCCESS; i++)
        rv = steps[i](r);
    return rv;
}

apr_status_t llmq_task_from_json(llmq_job_t **pjob, struct json_object *body,
                                 const char *tenant, const llmq_task_conf_t *conf,
                                 llmq_result_t *why, apr_pool_t *p)
{
    static const llmq_task_type_t none = {.max_retries = -1};
    reader_t r = {NULL, body, &none, conf, why, p};
    llmq_job_t *job;
    apr_status_t rv;

    if (!json_object_is_type(body, json_type_object))
        return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, NULL,
                               "a task must be a JSON object");
    r.job = job = apr_pcalloc(p, sizeof(*job));
    job->tenant = tenant;
    job->kind = LLMQ_KIND_TASK;
    job->status = LLMQ_STATUS_PENDING;
    job->created_at = job->updated_at = llmq_clock_now();
    rv = read_members(&r);
    if (rv == APR_SUCCESS)
        *pjob = job;
    return rv;
}

/* ---- to JSON ---- */

static json_object *parse_object(const char *text, apr_pool_t *p)
{
    json_object *obj = NULL;

    if (text && *text == '{')
        llmq_json_parse(&obj, text, strlen(text), OWN_DEPTH, NULL, p);
    return obj;
}

static const char *member_text(json_object *obj, const char *name)
{
    json_object *value = obj ? llmq_json_member(obj, name) : NULL;

    return value && json_object_is_type(value, json_type_string)
               ? json_object_get_string(value)
               : NULL;
}

const char *llmq_task_error(const llmq_job_t *job, apr_pool_t *p)
{
    json_object *error = parse_object(job->error, p);
    const char *message = member_text(error, "message");

    if (!job->error)
        return "";
    if (message)
        return message;
    return error ? "failed" : job->error;
}

/* A time of an attempt in seconds; most are whole. */
static void put_seconds(llmq_text_t *t, const char *key, apr_interval_time_t d)
{
    if (d % APR_USEC_PER_SEC == 0)
        llmq_json_kv_int(t, key, apr_time_sec(d));
    else
        llmq_json_kv_double(t, key, (double)d / APR_USEC_PER_SEC);
}

static void put_identity(llmq_text_t *t, const llmq_job_t *job, apr_time_t now)
{
    llmq_json_kv(t, "id", job->id);
    llmq_json_kv(t, "task_type", job->type);
    llmq_json_kv(t, "status", llmq_task_state_name(llmq_task_state(job, now)));
    llmq_json_kv(t, "priority", llmq_task_level_name(job->level));
    llmq_json_kv(t, "kb_id", job->user);
    llmq_json_kv_raw(t, "payload", job->payload);
}

static void put_work(llmq_text_t *t, const llmq_job_t *job)
{
    llmq_json_kv_raw(t, "result", job->result);
    llmq_json_kv_int(t, "progress", job->progress);
    llmq_json_kv(t, "progress_message", job->note ? job->note : "");
    llmq_json_kv_int(t, "retry_count", job->retry_count);
    llmq_json_kv_int(t, "max_retries", job->max_retries);
    put_seconds(t, "timeout", job->timeout);
    llmq_json_kv_int(t, "deliveries", job->deliveries);
    llmq_json_kv(t, "error_message", llmq_task_error(job, t->pool));
    llmq_json_kv(t, "worker_id", job->owner ? job->owner : "");
}

/* The moment that the body named, as it did and as all other times are written. */
static void put_schedule(llmq_text_t *t, const llmq_job_t *job)
{
    const char *text = NULL;
    apr_time_t when = 0;

    if (job->metadata && strstr(job->metadata, KEY_SCHEDULE))
        text = member_text(parse_object(job->metadata, t->pool), KEY_SCHEDULE);
    if (text)
        llmq_text_parse_rfc3339(&when, text);
    llmq_json_kv(t, KEY_SCHEDULE, text);
    llmq_json_kv_time(t, "scheduled_for", when);
}

static void put_times(llmq_text_t *t, const llmq_job_t *job)
{
    llmq_json_kv_time(t, "created_at", job->created_at);
    llmq_json_kv_time(t, "updated_at", job->updated_at);
    llmq_json_kv_time(t, "started_at", job->started_at);
    llmq_json_kv_time(t, "completed_at", job->finished_at);
    put_schedule(t, job);
}

void llmq_task_to_json(llmq_text_t *t, const llmq_job_t *job,
                       const llmq_task_view_t *view)
{
    LLMQ_TEXT_LIT(t, "{");
    put_identity(t, job, view->now);
    put_work(t, job);
    put_times(t, job);
    llmq_json_kv_time(t, "estimated_completion", view->estimate);
    llmq_json_kv_int(t, "queue_position", view->position);
    LLMQ_TEXT_LIT(t, "}");
}
