/**
 * @file ruleset.h
 * Rules of the preprocessor: texts that speak for a level, and levels that users have by
 * default. A set is filled, built once, and read only from then on. There are three sorts:
 * the built-in keywords, those of httpd.conf (one set for each section that has any), and
 * those that administrators store for a tenant.
 */
#ifndef LLMQ_RULESET_H
#define LLMQ_RULESET_H

#include "llmq.h"

#include <apr_errno.h>
#include <apr_pools.h>

/** Bytes of a rule's text. */
#define LLMQ_RULE_MAX 256

/** A rule as it was given; texts live in the set's pool. */
typedef struct llmq_rule_t {
    const char *id; /* NULL: not one that is stored */
    const char *text;
    llmq_level_e level;
    apr_time_t created_at; /* 0: not known */
} llmq_rule_t;

/** A user's default. */
typedef struct llmq_rule_user_t {
    const char *user;
    llmq_level_e level;
} llmq_rule_user_t;

typedef struct llmq_ruleset_t llmq_ruleset_t;

/**
 * @param p pool of the set and all it holds
 * @return an empty set, not built yet
 * @threads single
 */
llmq_ruleset_t *llmq_ruleset_create(apr_pool_t *p);

/**
 * May this be the text of a rule: 1 to LLMQ_RULE_MAX bytes of UTF-8, not blank?
 * @param text NUL-terminated
 * @return NULL if so, else why not; static
 * @threads any
 */
const char *llmq_ruleset_refusal(const char *text);

/**
 * Add a rule.
 * @param set  a set that is not built yet
 * @param rule copied; its text must not be refused
 * @threads single
 */
void llmq_ruleset_add(llmq_ruleset_t *set, const llmq_rule_t *rule);

/**
 * Give a user a default, in place of an earlier one.
 * @param set   a set that is not built yet
 * @param user  the user; copied
 * @param level the level
 * @threads single
 */
void llmq_ruleset_set_user(llmq_ruleset_t *set, const char *user, llmq_level_e level);

/**
 * Make the set ready to be asked.
 * @param set a set; one that is built stays as it is
 * @return APR_SUCCESS; APR_EINVAL more text than a matcher takes
 * @threads single
 */
apr_status_t llmq_ruleset_build(llmq_ruleset_t *set);

/**
 * Count for each level how many different texts of rules a content holds.
 * @param hits   LLMQ_MATCHER_LABELS counters, by level; what is found is added
 * @param set    a built set
 * @param folded the content, folded (llmq_utf8_fold())
 * @param len    its bytes
 * @param p      scratch
 * @threads any
 */
void llmq_ruleset_count(int *hits, const llmq_ruleset_t *set, const char *folded,
                        apr_size_t len, apr_pool_t *p);

/**
 * @param set  a set
 * @param user a user
 * @return the user's default, LLMQ_LEVEL_NONE without one
 * @threads any, once the set is built
 */
llmq_level_e llmq_ruleset_user(const llmq_ruleset_t *set, const char *user);

/**
 * @param pn  out: number of rules
 * @param set a set
 * @return its rules in the order they were added
 * @threads any, once the set is built
 */
const llmq_rule_t *llmq_ruleset_rules(int *pn, const llmq_ruleset_t *set);

/**
 * @param pn  out: number of users
 * @param set a set
 * @param p   pool of the result
 * @return users with a default, sorted by name
 * @threads any, once the set is built
 */
const llmq_rule_user_t *llmq_ruleset_users(int *pn, const llmq_ruleset_t *set,
                                           apr_pool_t *p);

/**
 * Add the built-in keywords.
 * @param set a set that is not built yet
 * @threads single
 */
void llmq_ruleset_add_keywords(llmq_ruleset_t *set);

#endif /* LLMQ_RULESET_H */
