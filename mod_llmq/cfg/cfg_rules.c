/* Directives of the preprocessor and of fairness keys. */
#include "cfg/cfg_rules.h"

#include "base/log.h"
#include "base/utf8.h"
#include "cfg/cfg_parse.h"
#include "cfg/cfg_set.h"

#include <apr_strings.h>
#include <http_log.h>

#include <string.h>

APLOG_USE_MODULE(llmq);

#define EXPR_PREFIX      "expr="
#define LONG_CONTENT     10000
#define MAX_LONG_CONTENT (64 * 1024 * 1024)
#define MAX_RULES        1000
#define MOST_MAX_RULES   100000

/* The rules of the section that is being read. */
static llmq_cfg_rules_t *rules_of(cmd_parms *cmd, llmq_cfg_dir_t *dir)
{
    llmq_cfg_rules_t *rules;

    if (dir->rules) {
        return APR_ARRAY_IDX(dir->rules, 0, llmq_cfg_rules_t *);
    }
    rules = apr_pcalloc(cmd->pool, sizeof(*rules));
    rules->set = llmq_ruleset_create(cmd->pool);
    rules->exprs = apr_array_make(cmd->pool, 1, sizeof(llmq_cfg_rule_expr_t));
    dir->rules = apr_array_make(cmd->pool, 1, sizeof(rules));
    APR_ARRAY_PUSH(dir->rules, llmq_cfg_rules_t *) = rules;
    APR_ARRAY_PUSH(llmq_cfg_parse_server(cmd)->rules, llmq_cfg_rules_t *) = rules;
    return rules;
}

static const char *parse_expr(const ap_expr_info_t **pexpr, cmd_parms *cmd,
                              const char *text, unsigned flags)
{
    const char *err = NULL;

    *pexpr = ap_expr_parse_cmd(cmd, text, flags, &err, NULL);
    return err ? llmq_cfg_parse_complain(cmd, text, err) : NULL;
}

static const char *add_expr(cmd_parms *cmd, llmq_cfg_dir_t *dir, llmq_level_e level,
                            const char *text)
{
    const ap_expr_info_t *expr;
    const char *err = parse_expr(&expr, cmd, text, 0);
    llmq_cfg_rule_expr_t *rule;

    if (!err) {
        rule = apr_array_push(rules_of(cmd, dir)->exprs);
        rule->expr = expr;
        rule->text = text;
        rule->level = level;
    }
    return err;
}

const char *llmq_cfg_rules_add(cmd_parms *cmd, void *dir, const char *level,
                               const char *arg)
{
    llmq_rule_t rule = {NULL, arg, LLMQ_LEVEL_NONE, 0};
    const char *err = llmq_cfg_parse_level(&rule.level, cmd, level);
    const char *refusal;

    if (err) {
        return err;
    }
    if (strncmp(arg, EXPR_PREFIX, sizeof(EXPR_PREFIX) - 1) == 0) {
        return add_expr(cmd, dir, rule.level, arg + sizeof(EXPR_PREFIX) - 1);
    }
    refusal = llmq_ruleset_refusal(arg);
    if (refusal) {
        return llmq_cfg_parse_complain(cmd, arg, refusal);
    }
    llmq_ruleset_add(rules_of(cmd, dir)->set, &rule);
    return NULL;
}

const char *llmq_cfg_rules_set_user(cmd_parms *cmd, void *dir, const char *user,
                                    const char *arg)
{
    llmq_level_e level = LLMQ_LEVEL_NONE;
    const char *err = llmq_cfg_parse_level(&level, cmd, arg);

    if (!err
        && (strlen(user) > LLMQ_NAME_MAX || llmq_utf8_is_blank(user)
            || !llmq_text_is_utf8(user, strlen(user)))) {
        err = llmq_cfg_parse_complain(cmd, user,
                                      "must be a user of 1 to 128 bytes of UTF-8");
    }
    if (!err) {
        llmq_ruleset_set_user(rules_of(cmd, dir)->set, user, level);
    }
    return err;
}

const char *llmq_cfg_rules_set_on(cmd_parms *cmd, void *dir, int on)
{
    *LLMQ_CFG_AT(int, dir, cmd) = on;
    return NULL;
}

const char *llmq_cfg_rules_set_long(cmd_parms *cmd, void *dir, const char *arg)
{
    return llmq_cfg_parse_number(&((llmq_cfg_dir_t *)dir)->long_content, cmd, arg, 0,
                                 MAX_LONG_CONTENT);
}

const char *llmq_cfg_rules_set_max(cmd_parms *cmd, void *dir, const char *arg)
{
    apr_int64_t n = 0;
    const char *err = llmq_cfg_parse_number(&n, cmd, arg, 0, MOST_MAX_RULES);

    if (!err) {
        ((llmq_cfg_dir_t *)dir)->max_rules = (int)n;
    }
    return err;
}

const char *llmq_cfg_rules_set_fairness_key(cmd_parms *cmd, void *dir, const char *arg)
{
    return parse_expr(&((llmq_cfg_dir_t *)dir)->fairness_key, cmd, arg,
                      AP_EXPR_FLAG_STRING_RESULT);
}

/* ---- what holds at a location ---- */

int llmq_cfg_rules_build(server_rec *s)
{
    for (; s; s = s->next) {
        const apr_array_header_t *all = llmq_cfg_server(s)->rules;
        int i;

        for (i = 0; i < all->nelts; i++) {
            if (llmq_ruleset_build(APR_ARRAY_IDX(all, i, llmq_cfg_rules_t *)->set)
                != APR_SUCCESS) {
                ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, s,
                             LLMQ_NO(0120) "LLMQRule: a section has too many rules");
                return HTTP_INTERNAL_SERVER_ERROR;
            }
        }
    }
    return OK;
}

int llmq_cfg_rules_is_on(const llmq_cfg_dir_t *dir)
{
    return dir->preprocess != 0;
}

int llmq_cfg_rules_keywords(const llmq_cfg_dir_t *dir)
{
    return dir->keywords != 0;
}

int llmq_cfg_rules_is_long(const llmq_cfg_dir_t *dir, apr_size_t len)
{
    apr_int64_t limit = dir->long_content >= 0 ? dir->long_content : LONG_CONTENT;

    return limit > 0 && (apr_int64_t)len > limit;
}

int llmq_cfg_rules_max(const llmq_cfg_dir_t *dir)
{
    return dir->max_rules >= 0 ? dir->max_rules : MAX_RULES;
}

const apr_array_header_t *llmq_cfg_rules_sections(const llmq_cfg_dir_t *dir)
{
    static const apr_array_header_t none;

    return dir->rules ? dir->rules : &none;
}
