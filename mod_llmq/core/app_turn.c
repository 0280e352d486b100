#include "core/app_turn.h"

#include "base/json.h"

#include <apr_strings.h>

#include <json-c/json.h>
#include <string.h>

#define DEPTH 1024 /* results are ours or were checked when they came in */

/* A conversation of S0 cannot have a slash in its name. */
static const char turn_chain[] = "debug/";
static const char memory_chain[] = "memory/";
static const char memory_mark[] = "mem_"; /* and a UUID: LLMQ_ID_MAX characters */

/* The queue tells turns by it: they are for no worker outside. */
static const char memory_type[] = "@memory";

/* ---- jobs ---- */

const char *llmq_app_turn_chain(const char *conversation, apr_pool_t *p)
{
    return apr_pstrcat(p, turn_chain, conversation, NULL);
}

static const char *metadata_of(const char *app, const llmq_app_config_t *config,
                               apr_pool_t *p)
{
    llmq_text_t t;

    llmq_text_init(&t, 128, p);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv(&t, "app_id", app);
    if (config) {
        llmq_json_kv_int(&t, "dialog_round", config->rounds);
        llmq_json_kv_raw(&t, "memory",
                         config->memory == LLMQ_APP_MEMORY_LONG_TERM ? "true" : "false");
    }
    LLMQ_TEXT_LIT(&t, "}");
    return t.data;
}

void llmq_app_turn_job(llmq_job_t *job, const llmq_app_turn_t *turn, apr_pool_t *p)
{
    memset(job, 0, sizeof(*job));
    job->id = turn->id;
    job->tenant = turn->app->tenant;
    job->kind = LLMQ_KIND_DEBUG;
    job->chain = llmq_app_turn_chain(turn->conversation, p);
    job->user = turn->user;
    job->level = LLMQ_LEVEL_REALTIME;
    job->payload = turn->query;
    job->payload_len = strlen(turn->query);
    job->metadata = metadata_of(turn->app->id, llmq_app_effective(turn->app), p);
    job->created_at = job->updated_at = job->run_at = turn->now;
    job->timeout = turn->timeout;
    job->deadline = turn->now + turn->timeout;
    job->max_retries = turn->max_retries;
    job->weight = 1;
}

void llmq_app_turn_memory_job(llmq_job_t *job, const llmq_job_t *turn, const char *app,
                              int max_retries, apr_pool_t *p)
{
    memset(job, 0, sizeof(*job));
    job->id = apr_pstrcat(p, memory_mark, turn->id, NULL);
    job->tenant = turn->tenant;
    job->kind = LLMQ_KIND_MEMORY;
    job->type = memory_type;
    job->chain = apr_pstrcat(p, memory_chain, app, NULL);
    job->user = turn->user;
    job->level = LLMQ_LEVEL_LOW;
    job->payload = turn->chain;
    job->payload_len = turn->chain ? strlen(turn->chain) : 0;
    job->metadata = metadata_of(app, NULL, p);
    job->created_at = job->updated_at = job->run_at = turn->finished_at;
    job->max_retries = max_retries;
    job->weight = 1;
}

/* The parsed text goes with the pool; NULL if it is no object. */
static json_object *object_of(const char *text, apr_pool_t *p)
{
    json_object *obj = NULL;

    if (!text || llmq_json_parse(&obj, text, strlen(text), DEPTH, NULL, p) != APR_SUCCESS
        || !json_object_is_type(obj, json_type_object)) {
        return NULL;
    }
    return obj;
}

void llmq_app_turn_mark(llmq_app_mark_t *mark, const llmq_job_t *job, apr_pool_t *p)
{
    json_object *metadata = object_of(job->metadata, p);
    json_object *app = llmq_json_member(metadata, "app_id");

    mark->app = json_object_is_type(app, json_type_string)
                    ? apr_pstrdup(p, json_object_get_string(app))
                    : "";
    mark->rounds = json_object_get_int(llmq_json_member(metadata, "dialog_round"));
    mark->memory = json_object_get_boolean(llmq_json_member(metadata, "memory"));
}

/* ---- as S2 shows it ---- */

static const char *conversation_of(const llmq_job_t *job)
{
    apr_size_t len = sizeof(turn_chain) - 1;

    return job->chain && strncmp(job->chain, turn_chain, len) == 0 ? job->chain + len
                                                                   : NULL;
}

static apr_int64_t tokens_of(json_object *result)
{
    json_object *usage = llmq_json_member(result, "usage");
    json_object *tokens = llmq_json_member(usage, "completion_tokens");

    return json_object_is_type(tokens, json_type_int) ? json_object_get_int64(tokens) : 0;
}

static double latency_of(const llmq_job_t *job)
{
    return job->finished_at > job->created_at
               ? (double)(job->finished_at - job->created_at) / 1000.0
               : 0.0;
}

void llmq_app_turn_write(llmq_text_t *t, const llmq_job_t *job, apr_pool_t *p)
{
    json_object *result = object_of(job->result, p);
    json_object *content = llmq_json_member(result, "content");

    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "id", job->id);
    llmq_json_kv(t, "conversation_id", conversation_of(job));
    llmq_json_key(t, "query");
    llmq_json_string(t, job->payload ? job->payload : "", job->payload_len);
    llmq_json_kv(t, "answer",
                 json_object_is_type(content, json_type_string)
                     ? json_object_get_string(content)
                     : "");
    llmq_json_kv_int(t, "answer_tokens", tokens_of(result));
    llmq_json_kv_double(t, "response_latency", latency_of(job));
    llmq_json_kv_int(t, "updated_at", apr_time_sec(job->updated_at));
    llmq_json_kv_int(t, "created_at", apr_time_sec(job->created_at));
    LLMQ_TEXT_LIT(t, "}");
}

/* ---- what models are told ---- */

const char *llmq_app_turn_recall(const char *summary, apr_pool_t *p)
{
    return summary && *summary
               ? apr_pstrcat(p, "What was said earlier, in short:\n", summary, NULL)
               : NULL;
}

static const char instruction[] =
    "You keep the long-term memory of a conversation between a human and an AI. You are "
    "given the memory so far and what was said since then. Write the memory anew, so "
    "that "
    "it holds all that matters of both, as short as possible, in the language of the "
    "conversation. Answer with the memory alone.";

static void put(llmq_text_t *t, const char *role, const char *text)
{
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "role", role);
    llmq_json_kv(t, "content", text);
    LLMQ_TEXT_LIT(t, "}");
}

const char *llmq_app_turn_ask_memory(const char *summary, const llmq_chat_turn_t *turns,
                                     int n, apr_pool_t *p)
{
    llmq_text_t said;
    llmq_text_t t;
    int i;

    llmq_text_init(&said, 1024, p);
    LLMQ_TEXT_LIT(&said, "Memory so far:\n");
    llmq_text_puts(&said, summary && *summary ? summary : "(none)");
    LLMQ_TEXT_LIT(&said, "\n\nWhat was said since then:\n");
    for (i = 0; i < n; i++) {
        LLMQ_TEXT_LIT(&said, "Human: ");
        llmq_text_puts(&said, turns[i].prompt);
        LLMQ_TEXT_LIT(&said, "\nAI: ");
        llmq_text_puts(&said, turns[i].answer);
        LLMQ_TEXT_LIT(&said, "\n");
    }
    llmq_text_init(&t, said.len + 1024, p);
    LLMQ_TEXT_LIT(&t, "[");
    put(&t, "system", instruction);
    LLMQ_TEXT_LIT(&t, ",");
    put(&t, "user", said.data);
    LLMQ_TEXT_LIT(&t, "]");
    return t.data;
}
