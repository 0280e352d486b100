/* Calls of administration: the levels that users have by default. */
#include "http/api.h"

#include "cfg/cfg_rules.h"
#include "core/message.h"
#include "core/priority.h"
#include "core/rule_record.h"
#include "http/reply.h"
#include "http/stored.h"
#include "store/store_setting.h"

#include <json-c/json.h>

static void put_user(llmq_text_t *t, const char *user, llmq_level_e level,
                     const char *source)
{
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "user_id", user);
    llmq_json_kv(t, "priority", level ? llmq_priority_name(level) : NULL);
    llmq_json_kv(t, "source", source);
    LLMQ_TEXT_LIT(t, "}");
}

static void put_users(llmq_text_t *t, const llmq_ruleset_t *set, const char *source,
                      apr_pool_t *p)
{
    int n;
    const llmq_rule_user_t *users = llmq_ruleset_users(&n, set, p);
    int i;

    for (i = 0; i < n; i++) {
        llmq_stored_comma(t);
        put_user(t, users[i].user, users[i].level, source);
    }
}

int llmq_api_user_levels_list(request_rec *r, const llmq_service_t *service,
                              const char *id)
{
    const apr_array_header_t *sections = llmq_cfg_rules_sections(llmq_cfg_dir(r));
    llmq_stored_t stored = {.name = LLMQ_SETTING_USER_PRIORITIES};
    llmq_result_t why = {0};
    apr_status_t rv = llmq_stored_load(&stored, r, service, &why);
    llmq_text_t t;
    int i;

    (void)id;
    if (rv != APR_SUCCESS) {
        return llmq_stored_answer(r, rv, &why);
    }
    llmq_text_init(&t, 4096, r->pool);
    LLMQ_TEXT_LIT(&t, "{\"user_priorities\":[");
    for (i = 0; i < sections->nelts; i++) {
        put_users(&t, APR_ARRAY_IDX(sections, i, llmq_cfg_rules_t *)->set,
                  "configuration", r->pool);
    }
    put_users(&t, stored.set, "admin", r->pool);
    LLMQ_TEXT_LIT(&t, "]}");
    return llmq_reply_data(r, HTTP_OK, "success", t.data);
}

/* The stored users with one changed, or without it where the level is NONE. */
static const char *users_text(const llmq_ruleset_t *set, const llmq_rule_user_t *change,
                              int *pn, apr_pool_t *p)
{
    llmq_ruleset_t *next = llmq_ruleset_create(p);
    int n;
    const llmq_rule_user_t *users = llmq_ruleset_users(&n, set, p);
    llmq_text_t t;
    int i;

    for (i = 0; i < n; i++) {
        if (strcmp(users[i].user, change->user) != 0) {
            llmq_ruleset_set_user(next, users[i].user, users[i].level);
        }
    }
    if (change->level != LLMQ_LEVEL_NONE) {
        llmq_ruleset_set_user(next, change->user, change->level);
    }
    users = llmq_ruleset_users(pn, next, p);
    llmq_text_init(&t, 4096, p);
    llmq_rule_record_write_users(&t, users, *pn);
    return t.data;
}

static apr_status_t change_user(const llmq_rule_user_t *change, request_rec *r,
                                const llmq_service_t *service, llmq_result_t *why)
{
    llmq_stored_t stored = {.name = LLMQ_SETTING_USER_PRIORITIES};
    apr_status_t rv = llmq_stored_load(&stored, r, service, why);
    const char *value;
    int before;
    int after;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (llmq_ruleset_user(stored.set, change->user) == change->level) {
        return APR_SUCCESS;
    }
    llmq_ruleset_users(&before, stored.set, r->pool);
    value = users_text(stored.set, change, &after, r->pool);
    if (after > before && after > llmq_cfg_rules_max(llmq_cfg_dir(r))) {
        return llmq_stored_refuse_more(r, "user_id", why);
    }
    return llmq_stored_save(&stored, value, r, service);
}

/* A priority of null takes the user's level away; one that is missing is a mistake. */
static apr_status_t read_change(llmq_rule_user_t *change, struct json_object *body,
                                llmq_result_t *why)
{
    struct json_object *user = NULL;
    struct json_object *level = NULL;
    apr_status_t rv;

    json_object_object_get_ex(body, "user_id", &user);
    rv = llmq_message_parse_user(&change->user, user, why);
    if (rv != APR_SUCCESS
        || (json_object_object_get_ex(body, "priority", &level) && !level)) {
        return rv;
    }
    return llmq_stored_read_level(&change->level, body, why);
}

int llmq_api_user_levels_set(request_rec *r, const llmq_service_t *service,
                             const char *id)
{
    llmq_rule_user_t change = {NULL, LLMQ_LEVEL_NONE};
    llmq_result_t why = {0};
    struct json_object *body;
    llmq_text_t t;
    apr_status_t rv;
    int tries = LLMQ_STORED_TRIES;

    (void)id;
    if ((rv = llmq_stored_read_body(&body, r, &why)) != APR_SUCCESS
        || (rv = read_change(&change, body, &why)) != APR_SUCCESS) {
        return llmq_stored_answer(r, rv, &why);
    }
    do {
        rv = change_user(&change, r, service, &why);
    } while (rv == APR_EAGAIN && --tries > 0);
    if (rv != APR_SUCCESS) {
        return llmq_stored_answer(r, rv, &why);
    }
    llmq_text_init(&t, 256, r->pool);
    put_user(&t, change.user, change.level, "admin");
    return llmq_reply_data(r, HTTP_OK, "User priority set", t.data);
}
