/**
 * @file rules.h
 * The rules that administrators have stored, ready to be asked. Each process keeps those of
 * each tenant as one set that does not change, with the version of the settings
 * (llmq_queue_settings_version()) that it was read under. The first message that finds the
 * version changed reads them again; messages that use the old set meanwhile keep it until
 * they let go, then it is freed.
 *
 * When the database does not answer, the set that is there goes on to be used, and nobody
 * asks again for a second. What is stored but cannot be read is left out, with a log line.
 */
#ifndef LLMQ_RULES_H
#define LLMQ_RULES_H

#include "core/ruleset.h"
#include "http/service.h"

typedef struct llmq_rules_t llmq_rules_t;

/**
 * @param p pool of the process
 * @phase child; @threads single
 */
void llmq_rules_child_init(apr_pool_t *p);

/**
 * Hold the rules of a tenant.
 * @param service the service of this process
 * @param tenant  the tenant
 * @return what to hand to llmq_rules_release(); NULL if they could not be read so far
 * @threads request; waits for the database when the settings have changed
 */
llmq_rules_t *llmq_rules_hold(const llmq_service_t *service, const char *tenant);

/**
 * @param rules held rules
 * @return the built set; valid until they are released
 * @threads request
 */
const llmq_ruleset_t *llmq_rules_set(const llmq_rules_t *rules);

/**
 * Let go.
 * @param rules held rules; NULL is allowed
 * @threads request
 */
void llmq_rules_release(llmq_rules_t *rules);

/**
 * @return the built-in keywords as a built set
 * @threads any
 */
const llmq_ruleset_t *llmq_rules_keywords(void);

#endif /* LLMQ_RULES_H */
