#include "core/run_log.h"

#include "base/id.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <json-c/json.h>
#include <string.h>

#define DEPTH 1024 /* of what was checked when it came in */

/* Clients see these keys; theirs cannot begin so. */
#define KEY_MARK  "llmq:run:"
#define KEY_BEGIN "begin"
#define KEY_WORD  "word"
#define KEY_END   "end"

static void message_of(llmq_session_message_t *m, const llmq_run_t *run, const char *key,
                       apr_time_t now, apr_pool_t *p)
{
    memset(m, 0, sizeof(*m));
    m->id = llmq_id_uuid(llmq_id_create("", p), 0, p);
    m->session = run->session;
    m->role = LLMQ_ROLE_SYSTEM;
    m->dedupe_key = apr_pstrcat(p, KEY_MARK, run->id, ":", key, NULL);
    m->created_at = now;
}

int llmq_run_log_owns(const char *dedupe_key)
{
    return strncmp(dedupe_key, KEY_MARK, sizeof(KEY_MARK) - 1) == 0;
}

static const char *status_payload(const llmq_run_t *run, llmq_run_status_e status,
                                  const char *error, int rolled_back, apr_pool_t *p)
{
    llmq_text_t t;

    llmq_text_init(&t, 256, p);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv(&t, "run_id", run->id);
    llmq_json_kv(&t, "status", llmq_run_status_name(status));
    llmq_json_kv(&t, "trigger_message_id", run->trigger);
    llmq_json_kv(&t, "error", error);
    if (rolled_back) {
        llmq_json_kv_raw(&t, "rolled_back", "true");
    }
    LLMQ_TEXT_LIT(&t, "}");
    return t.data;
}

void llmq_run_log_begin(llmq_session_message_t *m, const llmq_run_t *run, apr_time_t now,
                        apr_pool_t *p)
{
    message_of(m, run, KEY_BEGIN, now, p);
    m->type = "run.status";
    m->payload = status_payload(run, LLMQ_RUN_RUNNING, NULL, 0, p);
}

void llmq_run_log_end(llmq_session_message_t *m, const llmq_run_t *run,
                      const llmq_run_end_t *end, apr_time_t now, apr_pool_t *p)
{
    message_of(m, run, KEY_END, now, p);
    m->type = "run.status";
    m->payload = status_payload(run, end->status, end->error, end->rolled_back, p);
}

/* ---- what the agent says ---- */

/* Whose run it is and who did it is for us to say; the rest of the payload is the agent's. */
static const char *answer_payload(const llmq_run_t *run, const llmq_run_end_t *end,
                                  apr_pool_t *p)
{
    struct json_object *own = NULL;
    llmq_text_t t;

    llmq_text_init(&t, 128 + (end->payload ? strlen(end->payload) : 0), p);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv(&t, "run_id", run->id);
    llmq_json_kv(&t, "provider", run->agent);
    if (end->payload
        && llmq_json_parse(&own, end->payload, strlen(end->payload), DEPTH, NULL, p)
               == APR_SUCCESS
        && json_object_is_type(own, json_type_object)) {
        json_object_object_foreach(own, key, value)
        {
            if (strcmp(key, "run_id") != 0 && strcmp(key, "provider") != 0) {
                llmq_json_kv_raw(&t, key, value ? llmq_json_format(value) : NULL);
            }
        }
    }
    LLMQ_TEXT_LIT(&t, "}");
    return t.data;
}

static void kv_number(llmq_text_t *t, const char *key, apr_int64_t n, int is_known)
{
    if (is_known) {
        llmq_json_kv_int(t, key, n);
    }
    else {
        llmq_json_kv_raw(t, key, NULL);
    }
}

static const char *error_payload(const llmq_run_t *run, const llmq_run_end_t *end,
                                 apr_pool_t *p)
{
    llmq_text_t t;

    llmq_text_init(&t, 512, p);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv(&t, "run_id", run->id);
    llmq_json_kv(&t, "message", end->error);
    llmq_json_kv_raw(&t, "retryable",
                     end->retryable < 0 ? NULL
                     : end->retryable   ? "true"
                                        : "false");
    kv_number(&t, "http_status", end->http_status, end->http_status > 0);
    llmq_json_kv(&t, "provider", run->agent);
    kv_number(&t, "latency_ms", end->latency_msec, end->latency_msec >= 0);
    llmq_json_kv(&t, "raw_message", end->raw);
    LLMQ_TEXT_LIT(&t, "}");
    return t.data;
}

int llmq_run_log_word(llmq_session_message_t *m, const llmq_run_t *run,
                      const llmq_run_end_t *end, apr_time_t now, apr_pool_t *p)
{
    if (end->status == LLMQ_RUN_CANCELED) {
        return 0;
    }
    message_of(m, run, KEY_WORD, now, p);
    if (end->status == LLMQ_RUN_DONE) {
        m->role = LLMQ_ROLE_AGENT;
        m->type = "agent.message";
        m->content = end->content;
        m->payload = answer_payload(run, end, p);
        m->reply_to = run->trigger;
        return 1;
    }
    m->type = "run.error";
    m->content = end->error;
    m->payload = error_payload(run, end, p);
    m->reply_to = run->trigger;
    return 1;
}

/* ---- what clients say ---- */

/* As ids of runs are stored. */
static const char *in_lower_case(const char *id, apr_pool_t *p)
{
    char *text = apr_pstrdup(p, id);
    char *c;

    for (c = text; *c; c++) {
        *c = apr_tolower(*c);
    }
    return text;
}

const char *llmq_run_log_cancels(const llmq_session_message_t *m, apr_pool_t *p)
{
    struct json_object *payload = NULL;
    struct json_object *id;

    if (strcmp(m->type, "run.cancel") != 0 || !m->payload
        || (m->role != LLMQ_ROLE_USER && m->role != LLMQ_ROLE_SYSTEM)
        || llmq_json_parse(&payload, m->payload, strlen(m->payload), DEPTH, NULL, p)
               != APR_SUCCESS) {
        return NULL;
    }
    id = llmq_json_member(payload, "run_id");
    return json_object_is_type(id, json_type_string)
               ? in_lower_case(json_object_get_string(id), p)
               : NULL;
}
