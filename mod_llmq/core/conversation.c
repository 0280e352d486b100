#include "core/conversation.h"

#include "base/clock.h"
#include "base/id.h"
#include "core/message.h"
#include "core/priority.h"

#include <apr_strings.h>

#include <json-c/json.h>
#include <string.h>

#define KEY_TOTAL_TIME "total_processing_time"

static const char *const state_names[] = {
    [LLMQ_CONVERSATION_ACTIVE] = "active",
    [LLMQ_CONVERSATION_INACTIVE] = "inactive",
    [LLMQ_CONVERSATION_COMPLETED] = "completed",
    [LLMQ_CONVERSATION_ARCHIVED] = "archived",
};
_Static_assert(sizeof(state_names) / sizeof(state_names[0]) == LLMQ_CONVERSATION_COUNT,
               "each state has a word");

/* Everything the field readers need. */
typedef struct {
    json_object *body;
    llmq_result_t *why;
    apr_pool_t *pool;
} reader_t;

const char *llmq_conversation_state_name(llmq_conversation_state_e state)
{
    return (unsigned)state < LLMQ_CONVERSATION_COUNT ? state_names[state] : "unknown";
}

apr_status_t llmq_conversation_state_parse(llmq_conversation_state_e *pstate,
                                           const char *word)
{
    int i;

    for (i = 0; i < LLMQ_CONVERSATION_COUNT; i++) {
        if (strcmp(state_names[i], word) == 0) {
            *pstate = (llmq_conversation_state_e)i;
            return APR_SUCCESS;
        }
    }
    return APR_EINVAL;
}

/* ------------------------------------------------------------------------------------- fields */

static apr_status_t check_object(const reader_t *r)
{
    if (json_object_is_type(r->body, json_type_object))
        return APR_SUCCESS;
    return llmq_result_set(r->why, LLMQ_PROBLEM_REQUEST, NULL,
                           "the body must be a JSON object");
}

/* A text of at most @a max bytes; *ptext stays as it is when the member is absent. */
static apr_status_t read_text(const char **ptext, const reader_t *r, const char *key,
                              apr_size_t max)
{
    json_object *value = llmq_json_member(r->body, key);

    if (!value)
        return APR_SUCCESS;
    if (!json_object_is_type(value, json_type_string))
        return llmq_result_set(r->why, LLMQ_PROBLEM_REQUEST, key,
                               apr_pstrcat(r->pool, key, " must be a string", NULL));
    if ((apr_size_t)json_object_get_string_len(value) > max)
        return llmq_result_set(r->why, LLMQ_PROBLEM_REQUEST, key,
                               apr_psprintf(r->pool,
                                            "%s is longer than %" APR_SIZE_T_FMT " bytes",
                                            key, max));
    *ptext = json_object_get_string(value);
    return APR_SUCCESS;
}

static apr_status_t read_metadata(json_object **pmetadata, const reader_t *r)
{
    json_object *value = llmq_json_member(r->body, "metadata");

    if (value && !json_object_is_type(value, json_type_object))
        return llmq_result_set(r->why, LLMQ_PROBLEM_REQUEST, "metadata",
                               "metadata must be an object");
    *pmetadata = value;
    return APR_SUCCESS;
}

static apr_status_t read_state(int *pstate, const reader_t *r, const char *key)
{
    json_object *value = llmq_json_member(r->body, key);
    llmq_conversation_state_e state = LLMQ_CONVERSATION_ACTIVE;

    if (!value)
        return APR_SUCCESS;
    if (!json_object_is_type(value, json_type_string)
        || llmq_conversation_state_parse(&state, json_object_get_string(value))
               != APR_SUCCESS)
        return llmq_result_set(r->why, LLMQ_PROBLEM_REQUEST, key,
                               "must be active, inactive, completed or archived");
    if (*pstate >= 0 && *pstate != (int)state)
        return llmq_result_set(r->why, LLMQ_PROBLEM_REQUEST, key,
                               "state and status are the same thing and contradict");
    *pstate = state;
    return APR_SUCCESS;
}

static apr_status_t read_user(llmq_conversation_t *c, const reader_t *r,
                              const llmq_conversation_conf_t *conf)
{
    json_object *value = llmq_json_member(r->body, "user_id");

    if (!value && conf->user) {
        c->user = conf->user;
        return APR_SUCCESS;
    }
    return llmq_message_parse_user(&c->user, value, r->why);
}

static apr_status_t read_level(llmq_conversation_t *c, const reader_t *r)
{
    json_object *value = llmq_json_member(r->body, "priority");

    if (!value || llmq_message_parse_level(&c->level, value) == APR_SUCCESS)
        return APR_SUCCESS;
    return llmq_result_set(r->why, LLMQ_PROBLEM_PRIORITY, "priority",
                           "priority must be realtime, high, normal or low");
}

static apr_status_t read_id(llmq_conversation_t *c, const reader_t *r)
{
    json_object *value = llmq_json_member(r->body, "id");

    if (!value) {
        c->id = llmq_id_create("conv_", r->pool);
        return APR_SUCCESS;
    }
    c->id = json_object_get_string(value);
    if (!json_object_is_type(value, json_type_string) || !llmq_id_is_name(c->id))
        return llmq_result_set(
            r->why, LLMQ_PROBLEM_REQUEST, "id",
            "id must be 1 to " APR_STRINGIFY(
                LLMQ_NAME_MAX) " of the characters A-Z a-z 0-9 _ . : -");
    return APR_SUCCESS;
}

/* ------------------------------------------------------------------------------------- bodies */

static apr_status_t read_new(llmq_conversation_t *c, const reader_t *r,
                             const llmq_conversation_conf_t *conf)
{
    json_object *metadata = NULL;
    apr_status_t rv;

    if ((rv = read_level(c, r)) != APR_SUCCESS
        || (rv = read_user(c, r, conf)) != APR_SUCCESS
        || (rv = read_text(&c->title, r, "title", conf->max_title_bytes)) != APR_SUCCESS
        || (rv = read_text(&c->context, r, "context", conf->max_context_bytes))
               != APR_SUCCESS
        || (rv = read_metadata(&metadata, r)) != APR_SUCCESS)
        return rv;
    c->metadata = metadata ? llmq_json_format(metadata) : "{}";
    return read_id(c, r);
}

apr_status_t llmq_conversation_from_json(llmq_conversation_t **pc,
                                         struct json_object *body, const char *tenant,
                                         const llmq_conversation_conf_t *conf,
                                         llmq_result_t *why, apr_pool_t *p)
{
    reader_t r = {body, why, p};
    llmq_conversation_t *c;
    apr_status_t rv = check_object(&r);

    if (rv != APR_SUCCESS)
        return rv;
    c = apr_pcalloc(p, sizeof(*c));
    c->title = c->context = "";
    c->level = LLMQ_LEVEL_NORMAL;
    rv = read_new(c, &r, conf);
    if (rv != APR_SUCCESS)
        return rv;
    c->tenant = tenant;
    c->state = LLMQ_CONVERSATION_ACTIVE;
    c->created_at = c->updated_at = c->last_active_at = llmq_clock_now();
    c->expires_at = c->created_at + conf->ttl;
    *pc = c;
    return APR_SUCCESS;
}

apr_status_t llmq_conversation_patch_from_json(llmq_conversation_patch_t *patch,
                                               struct json_object *body,
                                               const llmq_conversation_conf_t *conf,
                                               llmq_result_t *why, apr_pool_t *p)
{
    reader_t r = {body, why, p};
    apr_status_t rv;

    memset(patch, 0, sizeof(*patch));
    patch->state = -1;
    if ((rv = check_object(&r)) != APR_SUCCESS
        || (rv = read_state(&patch->state, &r, "state")) != APR_SUCCESS
        || (rv = read_state(&patch->state, &r, "status")) != APR_SUCCESS
        || (rv = read_text(&patch->title, &r, "title", conf->max_title_bytes))
               != APR_SUCCESS
        || (rv = read_text(&patch->context, &r, "context", conf->max_context_bytes))
               != APR_SUCCESS)
        return rv;
    return read_metadata(&patch->metadata, &r);
}

/* ------------------------------------------------------------------------------------- answer */

static void put_metadata(llmq_text_t *t, const llmq_conversation_t *c)
{
    char buf[LLMQ_DURATION_SIZE];
    json_object *own;

    if (c->completed == 0) {
        llmq_json_kv_raw(t, "metadata", c->metadata);
        return;
    }
    llmq_text_duration(buf, c->processing);
    own = json_object_new_object();
    json_object_object_add(own, KEY_TOTAL_TIME, json_object_new_string(buf));
    llmq_json_kv_raw(t, "metadata", llmq_message_merge(c->metadata, own, t->pool));
    json_object_put(own);
}

void llmq_conversation_to_json(llmq_text_t *t, const llmq_conversation_t *c)
{
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "id", c->id);
    llmq_json_kv(t, "user_id", c->user);
    llmq_json_kv(t, "title", c->title);
    llmq_json_kv(t, "context", c->context);
    llmq_json_kv(t, "status", llmq_conversation_state_name(c->state));
    llmq_json_kv(t, "state", llmq_conversation_state_name(c->state));
    llmq_json_kv(t, "priority", llmq_priority_name(c->level));
    llmq_json_kv_time(t, "created_at", c->created_at);
    llmq_json_kv_time(t, "updated_at", c->updated_at);
    llmq_json_kv_time(t, "last_active_at", c->last_active_at);
    /* The end of the calendar stands for never. */
    llmq_json_kv_time(t, "expires_at",
                      c->expires_at == APR_INT64_MAX ? 0 : c->expires_at);
    llmq_json_kv_int(t, "message_count", c->messages);
    put_metadata(t, c);
    LLMQ_TEXT_LIT(t, "}");
}
