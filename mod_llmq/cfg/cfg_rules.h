/**
 * @file cfg_rules.h
 * The preprocessor in httpd.conf. Each section that has rules holds one llmq_cfg_rules_t,
 * and the merged settings of a location list those of all sections around it, outermost
 * first: inner sections add rules, and their defaults of users win. What httpd merges for a
 * request is thus a list of pointers; the automata are built once, when the configuration
 * has been read.
 */
#ifndef LLMQ_CFG_RULES_H
#define LLMQ_CFG_RULES_H

#include "cfg/cfg.h"
#include "core/ruleset.h"

#include <ap_expr.h>

/** `LLMQRule LEVEL expr=…` */
typedef struct llmq_cfg_rule_expr_t {
    const ap_expr_info_t *expr;
    const char *text; /* as it was written */
    llmq_level_e level;
} llmq_cfg_rule_expr_t;

/** The rules of one section. */
struct llmq_cfg_rules_t {
    llmq_ruleset_t *set;       /* texts, and defaults of users */
    apr_array_header_t *exprs; /* llmq_cfg_rule_expr_t */
};

/**
 * Build the automata of all sections.
 * @param s the main server
 * @return OK; HTTP_INTERNAL_SERVER_ERROR after logging what is wrong
 * @phase check_config
 */
int llmq_cfg_rules_build(server_rec *s);

/**
 * @param dir settings of a location
 * @return non-zero unless LLMQPreprocess is Off
 * @threads any
 */
int llmq_cfg_rules_is_on(const llmq_cfg_dir_t *dir);

/**
 * @param dir settings of a location
 * @return non-zero unless LLMQKeywords is Off
 * @threads any
 */
int llmq_cfg_rules_keywords(const llmq_cfg_dir_t *dir);

/**
 * @param dir settings of a location
 * @param len bytes of a content
 * @return non-zero if it is longer than LLMQLongContent
 * @threads any
 */
int llmq_cfg_rules_is_long(const llmq_cfg_dir_t *dir, apr_size_t len);

/**
 * @param dir settings of a location
 * @return LLMQMaxRules
 * @threads any
 */
int llmq_cfg_rules_max(const llmq_cfg_dir_t *dir);

/**
 * @param dir settings of a location
 * @return its sections with rules, llmq_cfg_rules_t *, outermost first; may be empty
 * @threads any
 */
const apr_array_header_t *llmq_cfg_rules_sections(const llmq_cfg_dir_t *dir);

#endif /* LLMQ_CFG_RULES_H */
