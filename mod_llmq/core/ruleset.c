#include "core/ruleset.h"

#include "base/utf8.h"
#include "core/matcher.h"

#include <apr_hash.h>
#include <apr_strings.h>
#include <apr_tables.h>

#include <stdlib.h>
#include <string.h>

_Static_assert(LLMQ_LEVEL_COUNT <= LLMQ_MATCHER_LABELS, "levels are the labels");

struct llmq_ruleset_t {
    apr_pool_t *pool;
    apr_array_header_t *rules; /* llmq_rule_t */
    apr_hash_t *users;         /* name to llmq_rule_user_t * */
    llmq_matcher_t *matcher;   /* NULL until built */
};

/* The contract's list (section 8). */
static const struct {
    llmq_level_e level;
    const char *text;
} keywords[] = {
    {LLMQ_LEVEL_REALTIME, "immediate"}, {LLMQ_LEVEL_REALTIME, "emergency"},
    {LLMQ_LEVEL_REALTIME, "asap"},      {LLMQ_LEVEL_REALTIME, "right now"},
    {LLMQ_LEVEL_REALTIME, "立即"},      {LLMQ_LEVEL_REALTIME, "马上"},
    {LLMQ_LEVEL_REALTIME, "紧急"},      {LLMQ_LEVEL_HIGH, "urgent"},
    {LLMQ_LEVEL_HIGH, "important"},     {LLMQ_LEVEL_HIGH, "priority"},
    {LLMQ_LEVEL_HIGH, "critical"},      {LLMQ_LEVEL_HIGH, "soon"},
    {LLMQ_LEVEL_HIGH, "重要"},          {LLMQ_LEVEL_HIGH, "尽快"},
    {LLMQ_LEVEL_HIGH, "优先"},
};

llmq_ruleset_t *llmq_ruleset_create(apr_pool_t *p)
{
    llmq_ruleset_t *set = apr_pcalloc(p, sizeof(*set));

    set->pool = p;
    set->rules = apr_array_make(p, 8, sizeof(llmq_rule_t));
    set->users = apr_hash_make(p);
    return set;
}

const char *llmq_ruleset_refusal(const char *text)
{
    apr_size_t len = strlen(text);

    if (len > LLMQ_RULE_MAX)
        return "is longer than " APR_STRINGIFY(LLMQ_RULE_MAX) " bytes";
    if (!llmq_text_is_utf8(text, len))
        return "is not UTF-8";
    return llmq_utf8_is_blank(text) ? "must not be empty or blank" : NULL;
}

void llmq_ruleset_add(llmq_ruleset_t *set, const llmq_rule_t *rule)
{
    llmq_rule_t *copy = apr_array_push(set->rules);

    *copy = *rule;
    copy->id = rule->id ? apr_pstrdup(set->pool, rule->id) : NULL;
    copy->text = apr_pstrdup(set->pool, rule->text);
}

void llmq_ruleset_set_user(llmq_ruleset_t *set, const char *user, llmq_level_e level)
{
    llmq_rule_user_t *entry = apr_palloc(set->pool, sizeof(*entry));

    entry->user = apr_pstrdup(set->pool, user);
    entry->level = level;
    apr_hash_set(set->users, entry->user, APR_HASH_KEY_STRING, entry);
}

apr_status_t llmq_ruleset_build(llmq_ruleset_t *set)
{
    int n = set->rules->nelts;
    llmq_pattern_t *patterns;
    apr_pool_t *scratch;
    apr_status_t rv;
    int i;

    if (set->matcher)
        return APR_SUCCESS;
    apr_pool_create(&scratch, set->pool);
    patterns = apr_palloc(scratch, sizeof(*patterns) * ((apr_size_t)n + 1));
    for (i = 0; i < n; i++) {
        const llmq_rule_t *rule = &APR_ARRAY_IDX(set->rules, i, llmq_rule_t);
        llmq_text_t folded;

        llmq_text_init(&folded, strlen(rule->text) + 1, scratch);
        llmq_utf8_fold(&folded, rule->text, strlen(rule->text));
        patterns[i].text = folded.data;
        patterns[i].len = folded.len;
        patterns[i].label = rule->level;
    }
    rv = llmq_matcher_create(&set->matcher, patterns, n, set->pool);
    apr_pool_destroy(scratch);
    return rv;
}

void llmq_ruleset_count(int *hits, const llmq_ruleset_t *set, const char *folded,
                        apr_size_t len, apr_pool_t *p)
{
    llmq_matcher_count(hits, set->matcher, folded, len, p);
}

llmq_level_e llmq_ruleset_user(const llmq_ruleset_t *set, const char *user)
{
    const llmq_rule_user_t *entry = apr_hash_get(set->users, user, APR_HASH_KEY_STRING);

    return entry ? entry->level : LLMQ_LEVEL_NONE;
}

const llmq_rule_t *llmq_ruleset_rules(int *pn, const llmq_ruleset_t *set)
{
    *pn = set->rules->nelts;
    return (const llmq_rule_t *)(void *)set->rules->elts;
}

static int compare_users(const void *va, const void *vb)
{
    const llmq_rule_user_t *a = va;
    const llmq_rule_user_t *b = vb;

    return strcmp(a->user, b->user);
}

const llmq_rule_user_t *llmq_ruleset_users(int *pn, const llmq_ruleset_t *set,
                                           apr_pool_t *p)
{
    unsigned n = apr_hash_count(set->users);
    llmq_rule_user_t *list = apr_palloc(p, sizeof(*list) * (n + 1));
    apr_hash_index_t *hi;
    int i = 0;

    for (hi = apr_hash_first(p, set->users); hi; hi = apr_hash_next(hi)) {
        const llmq_rule_user_t *entry = apr_hash_this_val(hi);

        list[i++] = *entry;
    }
    qsort(list, n, sizeof(*list), compare_users);
    *pn = (int)n;
    return list;
}

void llmq_ruleset_add_keywords(llmq_ruleset_t *set)
{
    apr_size_t i;

    for (i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
        llmq_rule_t rule = {NULL, keywords[i].text, keywords[i].level, 0};

        llmq_ruleset_add(set, &rule);
    }
}
