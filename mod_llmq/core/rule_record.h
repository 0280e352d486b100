/**
 * @file rule_record.h
 * Rules and users' levels as they are stored: the values of the settings `rules` and
 * `user_priorities` of a tenant.
 *
 *     rules            [{"id":"rule_…","priority":"high","pattern":"…","created_at":usec}]
 *     user_priorities  {"user":"high"}
 *
 * What is read has been written by a server, but perhaps by another version, or by hand: any
 * other shape is refused as a whole.
 */
#ifndef LLMQ_RULE_RECORD_H
#define LLMQ_RULE_RECORD_H

#include "base/text.h"
#include "core/ruleset.h"

/**
 * Add stored rules to a set.
 * @param set  a set that is not built yet; untouched unless APR_SUCCESS
 * @param text JSON text
 * @param p    scratch
 * @return APR_SUCCESS; APR_EINVAL not of the shape
 * @threads any
 */
apr_status_t llmq_rule_record_read_rules(llmq_ruleset_t *set, const char *text,
                                         apr_pool_t *p);

/**
 * Add stored levels of users to a set.
 * @param set  a set that is not built yet; untouched unless APR_SUCCESS
 * @param text JSON text
 * @param p    scratch
 * @return APR_SUCCESS; APR_EINVAL not of the shape
 * @threads any
 */
apr_status_t llmq_rule_record_read_users(llmq_ruleset_t *set, const char *text,
                                         apr_pool_t *p);

/**
 * Append rules as they are stored.
 * @param t     where to
 * @param rules those that have an id
 * @param n     their number
 * @threads any
 */
void llmq_rule_record_write_rules(llmq_text_t *t, const llmq_rule_t *rules, int n);

/**
 * Append levels of users as they are stored.
 * @param t     where to
 * @param users the users
 * @param n     their number
 * @threads any
 */
void llmq_rule_record_write_users(llmq_text_t *t, const llmq_rule_user_t *users, int n);

#endif /* LLMQ_RULE_RECORD_H */
