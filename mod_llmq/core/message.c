#include "core/message.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/utf8.h"
#include "core/option.h"
#include "core/priority.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <json-c/json.h>
#include <string.h>

#define NO_METADATA "{}"

#define KEY_PROCESSING_TIME "processing_time"
#define KEY_DEAD_LETTER     "dead_letter"

/* Text of ours was bounded when it came in; reading it again needs no bound. */
#define OWN_DEPTH 1024

/* Everything the field readers need. */
typedef struct {
    llmq_job_t *job;
    json_object *body;
    const llmq_message_conf_t *conf;
    llmq_result_t *why;
    apr_pool_t *pool;
} reader_t;

static apr_status_t read_content(reader_t *r)
{
    json_object *value = llmq_json_member(r->body, "content");
    const char *text;
    apr_size_t len;

    if (value && !json_object_is_type(value, json_type_string))
        return llmq_result_set(r->why, LLMQ_PROBLEM_REQUEST, "content",
                               "content must be a string");
    text = value ? json_object_get_string(value) : "";
    len = value ? (apr_size_t)json_object_get_string_len(value) : 0;
    if (llmq_utf8_is_blank(text))
        return llmq_result_set(r->why, LLMQ_PROBLEM_CONTENT_EMPTY, "content",
                               "content cannot be empty");
    if (len > r->conf->max_content_bytes)
        return llmq_result_set(
            r->why, LLMQ_PROBLEM_CONTENT_LONG, "content",
            apr_psprintf(r->pool, "content is longer than %" APR_SIZE_T_FMT " bytes",
                         r->conf->max_content_bytes));
    r->job->payload = text;
    r->job->payload_len = len;
    return APR_SUCCESS;
}

apr_status_t llmq_message_parse_level(llmq_level_e *plevel, struct json_object *value)
{
    apr_int64_t n;

    if (json_object_is_type(value, json_type_string))
        return llmq_priority_parse(plevel, json_object_get_string(value));
    if (!json_object_is_type(value, json_type_int))
        return APR_EINVAL;
    n = json_object_get_int64(value);
    if (n < LLMQ_LEVEL_REALTIME || n >= LLMQ_LEVEL_COUNT)
        return APR_EINVAL;
    *plevel = (llmq_level_e)n;
    return APR_SUCCESS;
}

static apr_status_t read_priority(reader_t *r)
{
    json_object *value = llmq_json_member(r->body, "priority");

    r->job->level = r->conf->level ? r->conf->level : LLMQ_LEVEL_NORMAL;
    if (value && llmq_message_parse_level(&r->job->level, value) != APR_SUCCESS)
        return llmq_result_set(r->why, LLMQ_PROBLEM_PRIORITY, "priority",
                               "priority must be realtime, high, normal or low");
    return APR_SUCCESS;
}

/* Control characters of both ranges: U+0000 to U+001F with U+007F, U+0080 to U+009F. */
static int has_control(const char *s, apr_size_t len)
{
    apr_size_t i;

    for (i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];

        if (c < 0x20 || c == 0x7F)
            return 1;
        if (c == 0xC2 && i + 1 < len && (unsigned char)s[i + 1] < 0xA0)
            return 1;
    }
    return 0;
}

apr_status_t llmq_message_parse_user(const char **puser, struct json_object *value,
                                     llmq_result_t *why)
{
    const char *reason = NULL;
    apr_size_t len = 0;

    if (json_object_is_type(value, json_type_string))
        len = (apr_size_t)json_object_get_string_len(value);
    if (!value)
        reason = "user_id is required";
    else if (len == 0 || llmq_utf8_is_blank(json_object_get_string(value)))
        reason = "user_id must be a non-empty string";
    else if (len > LLMQ_NAME_MAX)
        reason = "user_id is longer than " APR_STRINGIFY(LLMQ_NAME_MAX) " bytes";
    else if (has_control(json_object_get_string(value), len))
        reason = "user_id must not contain control characters";
    if (reason)
        return llmq_result_set(why, LLMQ_PROBLEM_USER, "user_id", reason);
    *puser = json_object_get_string(value);
    return APR_SUCCESS;
}

static apr_status_t read_user(reader_t *r)
{
    json_object *value = llmq_json_member(r->body, "user_id");

    if (!value && r->conf->user) {
        r->job->user = r->conf->user;
        return APR_SUCCESS;
    }
    return llmq_message_parse_user(&r->job->user, value, r->why);
}

static apr_status_t read_conversation(reader_t *r)
{
    json_object *value = llmq_json_member(r->body, "conversation_id");
    const char *chain = "";

    if (value && !json_object_is_type(value, json_type_string))
        return llmq_result_set(r->why, LLMQ_PROBLEM_REQUEST, "conversation_id",
                               "conversation_id must be a string");
    if (value)
        chain = json_object_get_string(value);
    r->job->alone = *chain == '\0';
    if (r->job->alone)
        chain = llmq_id_create("conv_", r->pool);
    else if (!llmq_id_is_name(chain))
        return llmq_result_set(
            r->why, LLMQ_PROBLEM_REQUEST, "conversation_id",
            "conversation_id must be 1 to " APR_STRINGIFY(
                LLMQ_NAME_MAX) " of the characters A-Z a-z 0-9 _ . : -");
    r->job->chain = chain;
    return APR_SUCCESS;
}

static apr_status_t read_metadata(reader_t *r)
{
    json_object *value = llmq_json_member(r->body, "metadata");

    if (value && !json_object_is_type(value, json_type_object))
        return llmq_result_set(r->why, LLMQ_PROBLEM_REQUEST, "metadata",
                               "metadata must be an object");
    r->job->metadata = value ? llmq_json_format(value) : NO_METADATA;
    return APR_SUCCESS;
}

static apr_status_t read_fields(reader_t *r)
{
    apr_status_t rv;

    if ((rv = read_content(r)) != APR_SUCCESS || (rv = read_priority(r)) != APR_SUCCESS
        || (rv = read_user(r)) != APR_SUCCESS
        || (rv = read_conversation(r)) != APR_SUCCESS)
        return rv;
    return read_metadata(r);
}

apr_status_t llmq_message_from_json(llmq_job_t **pjob, struct json_object *body,
                                    const char *tenant, const llmq_message_conf_t *conf,
                                    llmq_result_t *why, apr_pool_t *p)
{
    llmq_job_t *job;
    reader_t r = {NULL, body, conf, why, p};
    apr_status_t rv;

    if (!json_object_is_type(body, json_type_object))
        return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, NULL,
                               "the body must be a JSON object");
    r.job = job = apr_pcalloc(p, sizeof(*job));
    rv = read_fields(&r);
    if (rv != APR_SUCCESS)
        return rv;
    job->id = llmq_id_create("msg_", p);
    job->tenant = tenant;
    job->kind = LLMQ_KIND_MESSAGE;
    job->status = LLMQ_STATUS_PENDING;
    job->created_at = job->updated_at = llmq_clock_now();
    job->timeout = conf->timeout;
    job->max_retries = conf->max_retries;
    rv = llmq_option_read(job, body, conf, why, p);
    if (rv == APR_SUCCESS)
        *pjob = job;
    return rv;
}

/* When the attempt began, or when the next may; 0 if neither is known. */
static apr_time_t scheduled_at(const llmq_job_t *job)
{
    return job->status == LLMQ_STATUS_PENDING ? job->run_at : job->started_at;
}

/* What the service itself adds to the metadata, as members of an object. */
static void put_own_metadata(llmq_text_t *t, const llmq_job_t *job)
{
    if (job->status == LLMQ_STATUS_COMPLETED)
        llmq_json_kv_duration(
            t, KEY_PROCESSING_TIME,
            job->finished_at - (job->started_at ? job->started_at : job->created_at));
    if (job->dead_letter)
        llmq_json_kv_raw(t, KEY_DEAD_LETTER, "true");
}

/* Might the caller's metadata have a member that the service adds? The name may also stand
 * deeper or in a value; then the slow way is merely slow. */
static int may_collide(const llmq_job_t *job)
{
    return (job->status == LLMQ_STATUS_COMPLETED
            && strstr(job->metadata, "\"" KEY_PROCESSING_TIME "\""))
           || (job->dead_letter && strstr(job->metadata, "\"" KEY_DEAD_LETTER "\""));
}

/* Parse an object; anything else becomes an empty one. Ends with the pool. */
static json_object *parse_object(const char *text, apr_pool_t *p)
{
    json_object *obj = NULL;

    if (text)
        llmq_json_parse(&obj, text, strlen(text), OWN_DEPTH, NULL, p);
    if (!json_object_is_type(obj, json_type_object))
        llmq_json_parse(&obj, NO_METADATA, strlen(NO_METADATA), 1, NULL, p);
    return obj;
}

/* Length of an object's text without its last brace and the blanks before it; 0 if it does
 * not end with one. */
static apr_size_t open_len(const char *text)
{
    apr_size_t len = strlen(text);

    while (len > 0 && apr_isspace(text[len - 1]))
        len--;
    if (len < 2 || text[len - 1] != '}')
        return 0;
    len--;
    while (len > 0 && apr_isspace(text[len - 1]))
        len--;
    return len;
}

/* The metadata is text in the store: our members go before its last brace unparsed. */
static void put_metadata(llmq_text_t *t, const llmq_job_t *job)
{
    const char *text = job->metadata ? job->metadata : NO_METADATA;
    apr_size_t len = open_len(text);

    llmq_json_key(t, "metadata");
    if (len == 0)
        LLMQ_TEXT_LIT(t, "{");
    else
        llmq_text_add(t, text, len);
    put_own_metadata(t, job);
    LLMQ_TEXT_LIT(t, "}");
}

/* As put_metadata(), when the caller's metadata has members of the same names. */
static void put_merged_metadata(llmq_text_t *t, const llmq_job_t *job)
{
    llmq_text_t own;
    json_object *patch;

    llmq_text_init(&own, 128, t->pool);
    LLMQ_TEXT_LIT(&own, "{");
    put_own_metadata(&own, job);
    LLMQ_TEXT_LIT(&own, "}");
    patch = parse_object(own.data, t->pool);
    llmq_json_kv_raw(t, "metadata", llmq_message_merge(job->metadata, patch, t->pool));
}

static void put_identity(llmq_text_t *t, const llmq_job_t *job)
{
    llmq_json_kv(t, "id", job->id);
    llmq_json_kv(t, "conversation_id", job->chain);
    llmq_json_kv(t, "user_id", job->user);
    llmq_json_key(t, "content");
    llmq_json_string(t, job->payload, job->payload_len);
}

static void put_state(llmq_text_t *t, const llmq_job_t *job)
{
    llmq_json_kv(t, "priority", llmq_priority_name(job->level));
    llmq_json_kv(t, "status", llmq_job_status_name(job->status));
    llmq_json_kv(t, "queue_name", llmq_priority_queue_name(job->level));
    llmq_json_kv_int(t, "retry_count", job->retry_count);
    llmq_json_kv_int(t, "max_retries", job->max_retries);
    llmq_json_kv_duration(t, "timeout", job->timeout);
}

static void put_times(llmq_text_t *t, const llmq_job_t *job)
{
    llmq_json_kv_time(t, "created_at", job->created_at);
    llmq_json_kv_time(t, "updated_at", job->updated_at);
    if (scheduled_at(job))
        llmq_json_kv_time(t, "scheduled_at", scheduled_at(job));
    if (job->deadline)
        llmq_json_kv_time(t, "deadline", job->deadline);
    if (job->finished_at)
        llmq_json_kv_time(t, "completed_at", job->finished_at);
}

static void put_outcome(llmq_text_t *t, const llmq_job_t *job)
{
    llmq_json_kv_raw(t, "result", job->result);
    if (!job->error)
        return;
    /* The dispatcher stores objects; a plain sentence must not break the answer. */
    if (*job->error == '{')
        llmq_json_kv_raw(t, "error", job->error);
    else
        llmq_json_kv(t, "error", job->error);
}

void llmq_message_to_json(llmq_text_t *t, const llmq_job_t *job, const char *more)
{
    LLMQ_TEXT_LIT(t, "{");
    put_identity(t, job);
    put_state(t, job);
    put_times(t, job);
    put_outcome(t, job);
    if (job->metadata && may_collide(job))
        put_merged_metadata(t, job);
    else
        put_metadata(t, job);
    if (more)
        llmq_text_puts(t, more);
    LLMQ_TEXT_LIT(t, "}");
}

const char *llmq_message_merge(const char *base, struct json_object *patch, apr_pool_t *p)
{
    json_object *merged = parse_object(base, p);

    if (json_object_is_type(patch, json_type_object)) {
        json_object_object_foreach(patch, key, value)
        {
            json_object_object_add(merged, key, json_object_get(value));
        }
    }
    return apr_pstrdup(p, llmq_json_format(merged));
}
