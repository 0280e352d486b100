#include "core/option.h"

#include "base/duration.h"

#include <apr_strings.h>

#include <json-c/json.h>

/* Everything the readers of members need. */
typedef struct {
    llmq_job_t job; /* a copy, so that a late error leaves the caller's as it was */
    json_object *body;
    const llmq_message_conf_t *conf;
    llmq_result_t *why;
    apr_pool_t *pool;
} reader_t;

static apr_status_t refuse(const reader_t *r, const char *field, const char *reason)
{
    return llmq_result_set(r->why, LLMQ_PROBLEM_REQUEST, field, reason);
}

static apr_status_t refuse_range(const reader_t *r, const char *field,
                                 apr_interval_time_t min, apr_interval_time_t max)
{
    char from[LLMQ_DURATION_SIZE];
    char to[LLMQ_DURATION_SIZE];

    llmq_text_duration(from, min);
    llmq_text_duration(to, max);
    return refuse(r, field,
                  apr_psprintf(r->pool, "%s must be from %s to %s", field, from, to));
}

static apr_status_t read_time(apr_time_t *pwhen, const reader_t *r, const char *field,
                              json_object *value)
{
    if (!json_object_is_type(value, json_type_string)
        || llmq_text_parse_rfc3339(pwhen, json_object_get_string(value)) != APR_SUCCESS)
        return refuse(r, field, "must be a time as RFC 3339 has it");
    return APR_SUCCESS;
}

static apr_status_t read_duration(apr_interval_time_t *pd, const reader_t *r,
                                  const char *field, json_object *value,
                                  apr_interval_time_t min, apr_interval_time_t max)
{
    apr_status_t rv = APR_EINVAL;

    if (json_object_is_type(value, json_type_string))
        rv = llmq_duration_parse(pd, json_object_get_string(value));
    else if (json_object_is_type(value, json_type_int)
             || json_object_is_type(value, json_type_double))
        rv = llmq_duration_of_seconds(pd, json_object_get_double(value));
    if (rv == APR_EINVAL)
        return refuse(r, field, "must be seconds or a duration such as \"1m30s\"");
    if (rv != APR_SUCCESS || *pd < min || *pd > max)
        return refuse_range(r, field, min, max);
    return APR_SUCCESS;
}

/* When it may begin: a moment or a distance from now. */
static apr_status_t read_start(reader_t *r)
{
    json_object *at = llmq_json_member(r->body, "scheduled_at");
    json_object *delay = llmq_json_member(r->body, "delay");
    apr_time_t now = r->job.created_at;
    apr_interval_time_t d = 0;
    apr_time_t when = now;
    apr_status_t rv = APR_SUCCESS;

    if (at && delay)
        return refuse(r, "delay", "scheduled_at and delay exclude one another");
    if (delay) {
        rv = read_duration(&d, r, "delay", delay, 0, r->conf->max_delay);
        when = now + d;
    }
    else if (at && (rv = read_time(&when, r, "scheduled_at", at)) == APR_SUCCESS
             && when > now + r->conf->max_delay) {
        char longest[LLMQ_DURATION_SIZE];

        llmq_text_duration(longest, r->conf->max_delay);
        return refuse(
            r, "scheduled_at",
            apr_psprintf(r->pool, "scheduled_at is more than %s ahead", longest));
    }
    if (rv == APR_SUCCESS && when > now)
        r->job.run_at = when;
    return rv;
}

static apr_status_t read_deadline(reader_t *r)
{
    json_object *value = llmq_json_member(r->body, "deadline");
    apr_time_t when = 0;
    apr_status_t rv;

    if (!value)
        return APR_SUCCESS;
    if ((rv = read_time(&when, r, "deadline", value)) != APR_SUCCESS)
        return rv;
    if (when <= r->job.created_at)
        return refuse(r, "deadline", "deadline has passed");
    if (when <= r->job.run_at)
        return refuse(r, "deadline", "deadline is before the scheduled start");
    r->job.deadline = when;
    return APR_SUCCESS;
}

static apr_status_t read_timeout(reader_t *r)
{
    json_object *value = llmq_json_member(r->body, "timeout");

    return value ? read_duration(&r->job.timeout, r, "timeout", value,
                                 LLMQ_OPTION_MIN_TIMEOUT, r->conf->max_timeout)
                 : APR_SUCCESS;
}

static apr_status_t read_retries(reader_t *r)
{
    json_object *value = llmq_json_member(r->body, "max_retries");
    apr_int64_t n;

    if (!value)
        return APR_SUCCESS;
    n = llmq_json_whole(value, -1);
    if (n < 0 || n > LLMQ_OPTION_MAX_RETRIES)
        return refuse(r, "max_retries",
                      "max_retries must be a whole number from 0 to " APR_STRINGIFY(
                          LLMQ_OPTION_MAX_RETRIES));
    r->job.max_retries = (int)n;
    return APR_SUCCESS;
}

apr_status_t llmq_option_read(llmq_job_t *job, struct json_object *body,
                              const llmq_message_conf_t *conf, llmq_result_t *why,
                              apr_pool_t *p)
{
    reader_t r = {*job, body, conf, why, p};
    apr_status_t rv;

    if ((rv = read_start(&r)) != APR_SUCCESS || (rv = read_deadline(&r)) != APR_SUCCESS
        || (rv = read_timeout(&r)) != APR_SUCCESS
        || (rv = read_retries(&r)) != APR_SUCCESS)
        return rv;
    *job = r.job;
    return APR_SUCCESS;
}
