#include "core/rule_record.h"

#include "base/id.h"
#include "base/json.h"
#include "core/message.h"
#include "core/priority.h"

#include <json-c/json.h>
#include <string.h>

#define DEPTH 4

static struct json_object *parse(const char *text, enum json_type type, apr_pool_t *p)
{
    struct json_object *obj = NULL;

    if (llmq_json_parse(&obj, text, strlen(text), DEPTH, NULL, p) != APR_SUCCESS
        || !json_object_is_type(obj, type))
        return NULL;
    return obj;
}

/* A member that is a string, NULL if there is none. */
static const char *string_of(struct json_object *obj, const char *key)
{
    struct json_object *value = llmq_json_member(obj, key);

    return json_object_is_type(value, json_type_string) ? json_object_get_string(value)
                                                        : NULL;
}

static apr_status_t read_rule(llmq_rule_t *rule, struct json_object *obj)
{
    struct json_object *created;
    const char *level;

    if (!json_object_is_type(obj, json_type_object))
        return APR_EINVAL;
    level = string_of(obj, "priority");
    rule->id = string_of(obj, "id");
    rule->text = string_of(obj, "pattern");
    created = llmq_json_member(obj, "created_at");
    rule->created_at = created ? json_object_get_int64(created) : 0;
    if (!level || !llmq_id_is_name(rule->id) || !rule->text
        || llmq_ruleset_refusal(rule->text))
        return APR_EINVAL;
    return llmq_priority_parse(&rule->level, level);
}

apr_status_t llmq_rule_record_read_rules(llmq_ruleset_t *set, const char *text,
                                         apr_pool_t *p)
{
    struct json_object *list = parse(text, json_type_array, p);
    apr_size_t n = list ? json_object_array_length(list) : 0;
    llmq_rule_t *rules = apr_pcalloc(p, sizeof(*rules) * (n + 1));
    apr_size_t i;

    if (!list)
        return APR_EINVAL;
    for (i = 0; i < n; i++) {
        if (read_rule(&rules[i], json_object_array_get_idx(list, i)) != APR_SUCCESS)
            return APR_EINVAL;
    }
    for (i = 0; i < n; i++)
        llmq_ruleset_add(set, &rules[i]);
    return APR_SUCCESS;
}

apr_status_t llmq_rule_record_read_users(llmq_ruleset_t *set, const char *text,
                                         apr_pool_t *p)
{
    struct json_object *obj = parse(text, json_type_object, p);
    llmq_level_e level = LLMQ_LEVEL_NONE;

    if (!obj)
        return APR_EINVAL;
    {json_object_object_foreach(obj, user, value){
        if (!*user
            || llmq_message_parse_level(&level, value) != APR_SUCCESS) return APR_EINVAL;
}
}
{
    json_object_object_foreach(obj, user, value)
    {
        llmq_message_parse_level(&level, value);
        llmq_ruleset_set_user(set, user, level);
    }
}
return APR_SUCCESS;
}

void llmq_rule_record_write_rules(llmq_text_t *t, const llmq_rule_t *rules, int n)
{
    int i;

    LLMQ_TEXT_LIT(t, "[");
    for (i = 0; i < n; i++) {
        if (i)
            LLMQ_TEXT_LIT(t, ",");
        LLMQ_TEXT_LIT(t, "{");
        llmq_json_kv(t, "id", rules[i].id);
        llmq_json_kv(t, "priority", llmq_priority_name(rules[i].level));
        llmq_json_kv(t, "pattern", rules[i].text);
        llmq_json_kv_int(t, "created_at", rules[i].created_at);
        LLMQ_TEXT_LIT(t, "}");
    }
    LLMQ_TEXT_LIT(t, "]");
}

void llmq_rule_record_write_users(llmq_text_t *t, const llmq_rule_user_t *users, int n)
{
    int i;

    LLMQ_TEXT_LIT(t, "{");
    for (i = 0; i < n; i++)
        llmq_json_kv(t, users[i].user, llmq_priority_name(users[i].level));
    LLMQ_TEXT_LIT(t, "}");
}
