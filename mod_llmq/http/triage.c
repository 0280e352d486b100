#include "http/triage.h"

#include "base/id.h"
#include "base/json.h"
#include "base/log.h"
#include "base/utf8.h"
#include "cfg/cfg_rules.h"
#include "core/matcher.h"
#include "core/preprocess.h"
#include "http/expr.h"
#include "http/rules.h"

#include <ap_expr.h>
#include <http_log.h>

#include <json-c/json.h>

APLOG_USE_MODULE(llmq);

static void complain(request_rec *r, const char *directive, const char *err)
{
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                  LLMQ_NO(0221) "an expression of %s cannot be evaluated: %s", directive,
                  err);
}

/* Conditions of one section that hold. */
static void ask_conditions(int *hits, const llmq_cfg_rules_t *section, request_rec *r)
{
    int i;

    for (i = 0; i < section->exprs->nelts; i++) {
        const llmq_cfg_rule_expr_t *rule =
            &APR_ARRAY_IDX(section->exprs, i, llmq_cfg_rule_expr_t);
        const char *err = NULL;
        int holds = ap_expr_exec(r, rule->expr, &err);

        if (err) {
            complain(r, "LLMQRule", err);
        }
        hits[rule->level] += holds > 0;
    }
}

/* Everything that looks for texts: the keywords, httpd.conf, the stored rules. */
static void ask_rules(int *hits, const llmq_text_t *folded, const llmq_ruleset_t *stored,
                      request_rec *r)
{
    const llmq_cfg_dir_t *dir = llmq_cfg_dir(r);
    const apr_array_header_t *sections = llmq_cfg_rules_sections(dir);
    int i;

    if (llmq_cfg_rules_keywords(dir)) {
        llmq_ruleset_count(hits, llmq_rules_keywords(), folded->data, folded->len,
                           r->pool);
    }
    for (i = 0; i < sections->nelts; i++) {
        const llmq_cfg_rules_t *section =
            APR_ARRAY_IDX(sections, i, const llmq_cfg_rules_t *);

        llmq_ruleset_count(hits, section->set, folded->data, folded->len, r->pool);
        ask_conditions(hits, section, r);
    }
    if (stored) {
        llmq_ruleset_count(hits, stored, folded->data, folded->len, r->pool);
    }
}

/* What an administrator has stored wins, then the innermost section. */
static llmq_level_e default_of(const char *user, const llmq_ruleset_t *stored,
                               request_rec *r)
{
    const apr_array_header_t *sections = llmq_cfg_rules_sections(llmq_cfg_dir(r));
    llmq_level_e level = stored ? llmq_ruleset_user(stored, user) : LLMQ_LEVEL_NONE;
    int i;

    for (i = sections->nelts; i > 0 && level == LLMQ_LEVEL_NONE; i--) {
        level = llmq_ruleset_user(
            APR_ARRAY_IDX(sections, i - 1, const llmq_cfg_rules_t *)->set, user);
    }
    return level;
}

/* The rules are asked only when nothing before them has an answer. */
static llmq_reason_e choose(llmq_job_t *job, llmq_urgency_t *u, const llmq_text_t *folded,
                            request_rec *r, const llmq_service_t *service)
{
    int hits[LLMQ_MATCHER_LABELS] = {0};
    llmq_rules_t *held;
    const llmq_ruleset_t *stored;
    llmq_reason_e reason;

    u->hits = hits;
    if (u->asked == LLMQ_LEVEL_NORMAL && u->override == LLMQ_LEVEL_NONE) {
        held = llmq_rules_hold(service, job->tenant);
        stored = held ? llmq_rules_set(held) : NULL;
        u->user_default = default_of(job->user, stored, r);
        if (u->user_default == LLMQ_LEVEL_NONE) {
            ask_rules(hits, folded, stored, r);
        }
        llmq_rules_release(held);
    }
    reason = llmq_preprocess_level(&job->level, u);
    u->hits = NULL;
    return reason;
}

void llmq_triage_level(llmq_job_t *job, struct json_object *body, request_rec *r,
                       const llmq_service_t *service)
{
    const llmq_cfg_dir_t *dir = llmq_cfg_dir(r);
    struct json_object *metadata = llmq_json_member(body, "metadata");
    llmq_urgency_t u = {0};
    llmq_reason_e reason;
    llmq_analysis_t a;
    llmq_text_t folded;

    llmq_expr_show(r, job, metadata);
    if (!llmq_cfg_rules_is_on(dir)) {
        return;
    }
    llmq_text_init(&folded, job->payload_len + 1, r->pool);
    llmq_utf8_fold(&folded, job->payload, job->payload_len);
    llmq_analysis_read(&a, folded.data, folded.len);
    u.asked = job->level;
    u.is_long = llmq_cfg_rules_is_long(dir, job->payload_len);
    llmq_preprocess_metadata(&u, metadata);
    reason = choose(job, &u, &folded, r, service);
    job->metadata = llmq_preprocess_marks(job, metadata, &a, reason, r->pool);
}

/* The NUL between the names keeps ("ab", "c") and ("a", "bc") apart. */
static apr_uint64_t hash_in_tenant(const char *tenant, const char *text)
{
    return llmq_id_hash(text, strlen(text), llmq_id_hash(tenant, strlen(tenant) + 1, 0));
}

/* What the location's expression makes of the request; NULL if it has none, or nothing. */
static const char *fairness_key(request_rec *r, const llmq_cfg_dir_t *dir)
{
    const char *err = NULL;
    const char *text;

    if (!dir->fairness_key) {
        return NULL;
    }
    text = ap_expr_str_exec(r, dir->fairness_key, &err);
    if (err) {
        complain(r, "LLMQFairnessKey", err);
    }
    return text && *text ? text : NULL;
}

void llmq_triage_turn(llmq_job_t *job, request_rec *r)
{
    const llmq_cfg_dir_t *dir = llmq_cfg_dir(r);
    const char *key = fairness_key(r, dir);

    if (key) {
        job->fair_key = hash_in_tenant(job->tenant, key);
    }
    job->weight = llmq_cfg_fairness_weight(dir, key ? key : job->user);
    job->key_cap = llmq_cfg_fairness_cap(dir);
}
