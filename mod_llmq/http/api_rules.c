/* Calls of administration: rules of the preprocessor. */
#include "http/api.h"

#include "base/clock.h"
#include "base/id.h"
#include "cfg/cfg_rules.h"
#include "core/priority.h"
#include "core/rule_record.h"
#include "http/reply.h"
#include "http/rules.h"
#include "http/stored.h"
#include "store/store_setting.h"

#include <apr_strings.h>

#include <json-c/json.h>

static apr_status_t read_pattern(const char **ppattern, struct json_object *body,
                                 llmq_result_t *why, apr_pool_t *p)
{
    struct json_object *value = NULL;
    const char *refusal;

    json_object_object_get_ex(body, "pattern", &value);
    if (!json_object_is_type(value, json_type_string)) {
        return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, "pattern",
                               "pattern must be a string");
    }
    *ppattern = json_object_get_string(value);
    refusal = llmq_ruleset_refusal(*ppattern);
    return refusal ? llmq_result_set(why, LLMQ_PROBLEM_REQUEST, "pattern",
                                     apr_pstrcat(p, "pattern ", refusal, NULL))
                   : APR_SUCCESS;
}

static void put_rule(llmq_text_t *t, const llmq_rule_t *rule)
{
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "id", rule->id);
    llmq_json_kv(t, "priority", llmq_priority_name(rule->level));
    llmq_json_kv(t, "pattern", rule->text);
    llmq_json_kv(t, "source", rule->id ? "admin" : "configuration");
    llmq_json_kv_time(t, "created_at", rule->created_at);
    LLMQ_TEXT_LIT(t, "}");
}

static void put_rules(llmq_text_t *t, const llmq_ruleset_t *set)
{
    int n;
    const llmq_rule_t *rules = llmq_ruleset_rules(&n, set);
    int i;

    for (i = 0; i < n; i++) {
        llmq_stored_comma(t);
        put_rule(t, &rules[i]);
    }
}

static void put_conditions(llmq_text_t *t, const llmq_cfg_rules_t *section)
{
    int i;

    for (i = 0; i < section->exprs->nelts; i++) {
        const llmq_cfg_rule_expr_t *rule =
            &APR_ARRAY_IDX(section->exprs, i, llmq_cfg_rule_expr_t);

        llmq_stored_comma(t);
        LLMQ_TEXT_LIT(t, "{\"id\":null");
        llmq_json_kv(t, "priority", llmq_priority_name(rule->level));
        llmq_json_kv(t, "expr", rule->text);
        LLMQ_TEXT_LIT(t, ",\"source\":\"configuration\",\"created_at\":null}");
    }
}

/* The built-in ones, by level; null where LLMQKeywords is Off. */
static void put_keywords(llmq_text_t *t, const llmq_cfg_dir_t *dir)
{
    int n;
    const llmq_rule_t *rules = llmq_ruleset_rules(&n, llmq_rules_keywords());
    llmq_level_e level = LLMQ_LEVEL_NONE;
    int i;

    if (!llmq_cfg_rules_keywords(dir)) {
        llmq_json_kv_raw(t, "keywords", NULL);
        return;
    }
    llmq_json_key(t, "keywords");
    LLMQ_TEXT_LIT(t, "{");
    for (i = 0; i < n; i++) { /* those of a level stand together */
        if (rules[i].level != level) {
            llmq_text_puts(t, i ? "]" : "");
            llmq_json_key(t, llmq_priority_name(rules[i].level));
            LLMQ_TEXT_LIT(t, "[");
        }
        level = rules[i].level;
        llmq_stored_comma(t);
        llmq_json_strz(t, rules[i].text);
    }
    LLMQ_TEXT_LIT(t, "]}");
}

int llmq_api_rules_list(request_rec *r, const llmq_service_t *service, const char *id)
{
    const llmq_cfg_dir_t *dir = llmq_cfg_dir(r);
    const apr_array_header_t *sections = llmq_cfg_rules_sections(dir);
    llmq_stored_t stored = {.name = LLMQ_SETTING_RULES};
    llmq_result_t why = {0};
    apr_status_t rv = llmq_stored_load(&stored, r, service, &why);
    llmq_text_t t;
    int i;

    (void)id;
    if (rv != APR_SUCCESS) {
        return llmq_stored_answer(r, rv, &why);
    }
    llmq_text_init(&t, 4096, r->pool);
    LLMQ_TEXT_LIT(&t, "{\"rules\":[");
    for (i = 0; i < sections->nelts; i++) {
        put_rules(&t, APR_ARRAY_IDX(sections, i, llmq_cfg_rules_t *)->set);
        put_conditions(&t, APR_ARRAY_IDX(sections, i, llmq_cfg_rules_t *));
    }
    put_rules(&t, stored.set);
    LLMQ_TEXT_LIT(&t, "]");
    put_keywords(&t, dir);
    LLMQ_TEXT_LIT(&t, "}");
    return llmq_reply_data(r, HTTP_OK, "success", t.data);
}

/* A rule of the same level and text is there already: which? */
static const llmq_rule_t *find_same(const llmq_ruleset_t *set, const llmq_rule_t *rule)
{
    int n;
    const llmq_rule_t *rules = llmq_ruleset_rules(&n, set);
    int i;

    for (i = 0; i < n; i++) {
        if (rules[i].level == rule->level && strcmp(rules[i].text, rule->text) == 0) {
            return &rules[i];
        }
    }
    return NULL;
}

static const char *rules_text(const llmq_ruleset_t *set, apr_pool_t *p)
{
    int n;
    const llmq_rule_t *rules = llmq_ruleset_rules(&n, set);
    llmq_text_t t;

    llmq_text_init(&t, 4096, p);
    llmq_rule_record_write_rules(&t, rules, n);
    return t.data;
}

/* @return APR_SUCCESS stored; APR_EEXIST it was there, *rule is that one; APR_EAGAIN;
 *         LLMQ_EBODY; LLMQ_ESTORE */
static apr_status_t add_rule(llmq_rule_t *rule, request_rec *r,
                             const llmq_service_t *service, llmq_result_t *why)
{
    llmq_stored_t stored = {.name = LLMQ_SETTING_RULES};
    apr_status_t rv = llmq_stored_load(&stored, r, service, why);
    const llmq_rule_t *same;
    int n;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    same = find_same(stored.set, rule);
    if (same) {
        *rule = *same;
        return APR_EEXIST;
    }
    llmq_ruleset_rules(&n, stored.set);
    if (n >= llmq_cfg_rules_max(llmq_cfg_dir(r))) {
        return llmq_stored_refuse_more(r, "pattern", why);
    }
    llmq_ruleset_add(stored.set, rule);
    return llmq_stored_save(&stored, rules_text(stored.set, r->pool), r, service);
}

int llmq_api_rules_create(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_rule_t rule = {0};
    llmq_result_t why = {0};
    struct json_object *body;
    llmq_text_t t;
    apr_status_t rv;
    int tries = LLMQ_STORED_TRIES;

    (void)id;
    if ((rv = llmq_stored_read_body(&body, r, &why)) != APR_SUCCESS
        || (rv = llmq_stored_read_level(&rule.level, body, &why)) != APR_SUCCESS
        || (rv = read_pattern(&rule.text, body, &why, r->pool)) != APR_SUCCESS) {
        return llmq_stored_answer(r, rv, &why);
    }
    rule.id = llmq_id_create("rule_", r->pool);
    rule.created_at = llmq_clock_now();
    do {
        rv = add_rule(&rule, r, service, &why);
    } while (rv == APR_EAGAIN && --tries > 0);
    if (rv != APR_SUCCESS && rv != APR_EEXIST) {
        return llmq_stored_answer(r, rv, &why);
    }
    llmq_text_init(&t, 512, r->pool);
    put_rule(&t, &rule);
    return rv == APR_EEXIST ? llmq_reply_data(r, HTTP_OK, "Rule exists already", t.data)
                            : llmq_reply_data(r, HTTP_CREATED, "Rule created", t.data);
}

static apr_status_t remove_rule(const char *id, request_rec *r,
                                const llmq_service_t *service, llmq_result_t *why)
{
    llmq_stored_t stored = {.name = LLMQ_SETTING_RULES};
    llmq_ruleset_t *left = llmq_ruleset_create(r->pool);
    apr_status_t rv = llmq_stored_load(&stored, r, service, why);
    const llmq_rule_t *rules;
    int n;
    int i;
    int kept = 0;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rules = llmq_ruleset_rules(&n, stored.set);
    for (i = 0; i < n; i++) {
        if (strcmp(rules[i].id, id) != 0) {
            llmq_ruleset_add(left, &rules[i]);
            kept++;
        }
    }
    if (kept == n) {
        return llmq_result_set(why, LLMQ_PROBLEM_NO_RULE, "id", "no such stored rule");
    }
    return llmq_stored_save(&stored, rules_text(left, r->pool), r, service);
}

int llmq_api_rules_remove(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_result_t why = {0};
    apr_status_t rv;
    int tries = LLMQ_STORED_TRIES;

    do {
        rv = remove_rule(id, r, service, &why);
    } while (rv == APR_EAGAIN && --tries > 0);
    if (rv != APR_SUCCESS) {
        return llmq_stored_answer(r, rv, &why);
    }
    return llmq_reply_data(r, HTTP_OK, "Rule deleted", NULL);
}
