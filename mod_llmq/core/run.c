#include "core/run.h"

#include "core/run_terms.h"

#include <apr_strings.h>

#include <json-c/json.h>
#include <string.h>

/* No name of a type holds this. */
#define TYPE_MARK "!run:"

/* Results are ours or were checked when they came in. */
#define DEPTH 1024

static const char *const status_names[] = {
    [LLMQ_RUN_RUNNING] = "RUNNING",   [LLMQ_RUN_QUEUED] = "QUEUED",
    [LLMQ_RUN_DONE] = "DONE",         [LLMQ_RUN_FAILED] = "FAILED",
    [LLMQ_RUN_CANCELED] = "CANCELED",
};
_Static_assert(sizeof(status_names) / sizeof(status_names[0]) == LLMQ_RUN_STATUS_COUNT,
               "each status has a word");

static const char *const conflict_names[] = {
    [LLMQ_RUN_REUSE] = "reuse",       [LLMQ_RUN_ENQUEUE] = "enqueue",
    [LLMQ_RUN_REJECT] = "reject",     [LLMQ_RUN_INTERRUPT] = "interrupt",
    [LLMQ_RUN_ROLLBACK] = "rollback",
};
_Static_assert(sizeof(conflict_names) / sizeof(conflict_names[0])
                   == LLMQ_RUN_CONFLICT_COUNT,
               "each rule has a word");

const char *llmq_run_status_name(llmq_run_status_e status)
{
    return (unsigned)status < LLMQ_RUN_STATUS_COUNT ? status_names[status] : "UNKNOWN";
}

int llmq_run_is_final(llmq_run_status_e status)
{
    return status >= LLMQ_RUN_DONE;
}

apr_status_t llmq_run_conflict_parse(llmq_run_conflict_e *pconflict, const char *word)
{
    int i;

    for (i = 0; i < LLMQ_RUN_CONFLICT_COUNT; i++) {
        if (strcmp(word, conflict_names[i]) == 0) {
            *pconflict = (llmq_run_conflict_e)i;
            return APR_SUCCESS;
        }
    }
    return APR_EINVAL;
}

int llmq_run_is_trigger(const llmq_session_message_t *m)
{
    return m->role == LLMQ_ROLE_USER && strcmp(m->type, "user.prompt") == 0 && m->content
           && *m->content;
}

const char *llmq_run_type(const char *agent, apr_pool_t *p)
{
    return apr_pstrcat(p, TYPE_MARK, agent, NULL);
}

/* ---- a run and its job ---- */

void llmq_run_job(llmq_job_t *job, const llmq_run_t *run, int max_retries, apr_time_t now,
                  apr_pool_t *p)
{
    llmq_text_t t;

    llmq_text_init(&t, 160, p);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv(&t, "session_id", run->session);
    llmq_json_kv(&t, "trigger_message_id", run->trigger);
    LLMQ_TEXT_LIT(&t, "}");
    memset(job, 0, sizeof(*job));
    job->id = run->id;
    job->tenant = run->tenant;
    job->kind = LLMQ_KIND_RUN;
    job->type = llmq_run_type(run->agent, p);
    job->user = run->user;
    job->level = LLMQ_LEVEL_NORMAL;
    job->payload = t.data;
    job->payload_len = t.len;
    job->metadata = "{}";
    job->created_at = job->updated_at = job->run_at = now;
    job->max_retries = max_retries;
    job->weight = 1;
    llmq_run_terms_apply(job, run->terms, p);
}

static const char *text_of(struct json_object *obj, const char *name, apr_pool_t *p)
{
    struct json_object *value = llmq_json_member(obj, name);

    return json_object_is_type(value, json_type_string)
               ? apr_pstrdup(p, json_object_get_string(value))
               : NULL;
}

/* The parsed text goes with the pool; NULL if it is no object. */
static struct json_object *object_of(const char *text, apr_pool_t *p)
{
    struct json_object *obj = NULL;

    if (!text || llmq_json_parse(&obj, text, strlen(text), DEPTH, NULL, p) != APR_SUCCESS
        || !json_object_is_type(obj, json_type_object)) {
        return NULL;
    }
    return obj;
}

apr_status_t llmq_run_of_job(llmq_run_t *run, const llmq_job_t *job, apr_pool_t *p)
{
    struct json_object *payload = object_of(job->payload, p);
    apr_size_t mark = sizeof(TYPE_MARK) - 1;

    memset(run, 0, sizeof(*run));
    run->id = job->id;
    run->tenant = job->tenant;
    run->user = job->user ? job->user : "";
    run->session = text_of(payload, "session_id", p);
    run->trigger = text_of(payload, "trigger_message_id", p);
    run->agent =
        job->type && strncmp(job->type, TYPE_MARK, mark) == 0 ? job->type + mark : NULL;
    run->latency_msec = -1;
    run->created_at = job->created_at;
    return run->session && run->trigger && run->agent ? APR_SUCCESS : APR_EGENERAL;
}

/* ---- the end ---- */

/* What people are told, by the type of a stored error; others tell it themselves. */
static const char *sentence_of(const char *type, int http_status, const char *message,
                               apr_pool_t *p)
{
    static const struct {
        const char *type;
        const char *sentence;
    } known[] = {
        {"unreachable", "The agent cannot be reached"},
        {"connect", "The agent cannot be reached, or its connection broke"},
        {"timeout", "The agent did not answer in time"},
        {"protocol", "The agent's answer cannot be used"},
    };
    unsigned i;

    if (type && strcmp(type, "status") == 0) {
        return apr_psprintf(p, "The agent answered HTTP %d", http_status);
    }
    for (i = 0; type && i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(type, known[i].type) == 0) {
            return known[i].sentence;
        }
    }
    return message ? message : "The run failed";
}

static void read_failure(llmq_run_end_t *end, const char *error, apr_pool_t *p)
{
    struct json_object *obj = object_of(error, p);
    struct json_object *status = llmq_json_member(obj, "http_status");
    struct json_object *retryable = llmq_json_member(obj, "retryable");

    end->status = LLMQ_RUN_FAILED;
    end->http_status =
        json_object_is_type(status, json_type_int) ? json_object_get_int(status) : 0;
    end->retryable = json_object_is_type(retryable, json_type_boolean)
                         ? json_object_get_boolean(retryable)
                         : -1;
    end->raw = text_of(obj, "message", p);
    end->error = sentence_of(text_of(obj, "type", p), end->http_status, end->raw, p);
}

static void read_answer(llmq_run_end_t *end, const char *result, apr_pool_t *p)
{
    struct json_object *obj = object_of(result, p);
    struct json_object *payload = llmq_json_member(obj, "payload");

    end->status = LLMQ_RUN_DONE;
    end->content = text_of(obj, "content", p);
    if (json_object_is_type(payload, json_type_object)) {
        end->payload = apr_pstrdup(p, llmq_json_format(payload));
    }
}

int llmq_run_is_answer(const char *result, apr_pool_t *p)
{
    struct json_object *obj = object_of(result, p);

    return json_object_is_type(llmq_json_member(obj, "content"), json_type_string)
           || json_object_is_type(llmq_json_member(obj, "payload"), json_type_object);
}

void llmq_run_end_of_job(llmq_run_end_t *end, const llmq_job_t *job, apr_pool_t *p)
{
    memset(end, 0, sizeof(*end));
    end->finished_at = job->finished_at;
    end->retryable = -1;
    end->latency_msec = -1;
    if (job->started_at > 0) {
        end->attempts = job->retry_count + 1;
        end->latency_msec = job->finished_at > job->started_at
                                ? (job->finished_at - job->started_at) / 1000
                                : 0;
    }
    if (job->status == LLMQ_STATUS_COMPLETED) {
        read_answer(end, job->result, p);
    }
    else if (job->status == LLMQ_STATUS_CANCELED) {
        end->status = LLMQ_RUN_CANCELED;
    }
    else {
        read_failure(end, job->error, p);
    }
}

/* ---- shown ---- */

void llmq_run_write(llmq_text_t *t, const llmq_run_t *run)
{
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "run_id", run->id);
    llmq_json_kv(t, "session_id", run->session);
    llmq_json_kv(t, "trigger_message_id", run->trigger);
    llmq_json_kv(t, "status", llmq_run_status_name(run->status));
    llmq_json_kv(t, "error", run->error);
    llmq_json_kv(t, "provider", run->agent);
    if (run->latency_msec >= 0) {
        llmq_json_kv_int(t, "latency_ms", run->latency_msec);
    }
    else {
        llmq_json_kv_raw(t, "latency_ms", NULL);
    }
    llmq_json_kv_int(t, "attempts", run->attempts);
    llmq_json_kv_instant(t, "created_at", run->created_at);
    llmq_json_kv_instant(t, "finished_at", run->finished_at);
    LLMQ_TEXT_LIT(t, "}");
}
