#include "http/rules.h"

#include "base/clock.h"
#include "base/log.h"
#include "core/rule_record.h"
#include "store/store_setting.h"

#include <apr_hash.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>

#define RETRY_AFTER apr_time_from_sec(1)

struct llmq_rules_t {
    apr_pool_t *pool; /* holds the set and this record */
    llmq_ruleset_t *set;
    int holders; /* and one while it is the tenant's present set; under lock */
};

/* What the process knows of a tenant. Never freed: configurations name few. */
typedef struct {
    const char *name;
    llmq_rules_t *rules;  /* NULL until read */
    apr_uint32_t version; /* of the settings they were read under */
    apr_time_t retry_at;  /* after a failure: not before */
} tenant_t;

static apr_pool_t *own_pool;
static apr_hash_t *tenants;
static llmq_ruleset_t *keywords;
static apr_thread_mutex_t *lock; /* guards all of the above; never held while waiting */
static apr_thread_mutex_t *reading; /* one thread reads, others wait for it */

void llmq_rules_child_init(apr_pool_t *p)
{
    own_pool = p;
    tenants = apr_hash_make(p);
    apr_thread_mutex_create(&lock, APR_THREAD_MUTEX_DEFAULT, p);
    apr_thread_mutex_create(&reading, APR_THREAD_MUTEX_DEFAULT, p);
    keywords = llmq_ruleset_create(p);
    llmq_ruleset_add_keywords(keywords);
    llmq_ruleset_build(keywords);
}

const llmq_ruleset_t *llmq_rules_keywords(void)
{
    return keywords;
}

const llmq_ruleset_t *llmq_rules_set(const llmq_rules_t *rules)
{
    return rules->set;
}

/* ---- reading ---- */

typedef apr_status_t read_fn_t(llmq_ruleset_t *set, const char *text, apr_pool_t *p);

static apr_status_t read_setting(llmq_ruleset_t *set, const llmq_service_t *service,
                                 const char *tenant, const char *name, read_fn_t *fn,
                                 apr_pool_t *p)
{
    llmq_setting_t stored;
    apr_status_t rv = llmq_store_setting_get(&stored, service->store, tenant, name, p);

    if (rv == APR_NOTFOUND) {
        return APR_SUCCESS;
    }
    if (rv == APR_SUCCESS && fn(set, stored.value, p) != APR_SUCCESS) {
        LLMQ_LOG(LLMQ_LOG_ERR, 0,
                 LLMQ_NO(0220) "the stored %s of tenant %s cannot be read and are left"
                               " out; delete or mend that row of llmq_settings",
                 name, tenant);
    }
    return rv;
}

static apr_status_t read_rules(llmq_rules_t **prules, const llmq_service_t *service,
                               const char *tenant)
{
    llmq_rules_t *rules;
    apr_pool_t *scratch;
    apr_pool_t *p;
    apr_status_t rv = apr_pool_create_unmanaged_ex(&p, NULL, NULL);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_pool_create(&scratch, p);
    rules = apr_pcalloc(p, sizeof(*rules));
    rules->pool = p;
    rules->holders = 1;
    rules->set = llmq_ruleset_create(p);
    rv = read_setting(rules->set, service, tenant, LLMQ_SETTING_RULES,
                      llmq_rule_record_read_rules, scratch);
    if (rv == APR_SUCCESS) {
        rv = read_setting(rules->set, service, tenant, LLMQ_SETTING_USER_PRIORITIES,
                          llmq_rule_record_read_users, scratch);
    }
    if (rv == APR_SUCCESS) {
        rv = llmq_ruleset_build(rules->set);
    }
    apr_pool_destroy(scratch);
    if (rv != APR_SUCCESS) {
        apr_pool_destroy(p);
        return rv;
    }
    *prules = rules;
    return APR_SUCCESS;
}

/* ---- holding ---- */

/* Is what is there good enough, as it is fresh or there is no hope for better? */
static int is_usable_locked(const tenant_t *t, apr_uint32_t version)
{
    return (t->rules && t->version == version) || llmq_clock_now() < t->retry_at;
}

static llmq_rules_t *hold_locked(tenant_t *t)
{
    if (t->rules) {
        t->rules->holders++;
    }
    return t->rules;
}

static tenant_t *tenant_locked(const char *name)
{
    tenant_t *t = apr_hash_get(tenants, name, APR_HASH_KEY_STRING);

    if (!t) {
        t = apr_pcalloc(own_pool, sizeof(*t));
        t->name = apr_pstrdup(own_pool, name);
        apr_hash_set(tenants, t->name, APR_HASH_KEY_STRING, t);
    }
    return t;
}

/* Whoever comes first reads; the lock is not held meanwhile. */
static llmq_rules_t *renew(tenant_t *t, const llmq_service_t *service)
{
    llmq_rules_t *old = NULL;
    llmq_rules_t *rules = NULL;
    apr_uint32_t version;
    apr_status_t rv;

    apr_thread_mutex_lock(reading);
    /* Before the rows: a change that comes between is seen by the next message. */
    version = llmq_queue_settings_version(service->queue);
    apr_thread_mutex_lock(lock);
    if (!is_usable_locked(t, version)) {
        apr_thread_mutex_unlock(lock);
        rv = read_rules(&rules, service, t->name);
        apr_thread_mutex_lock(lock);
        if (rv == APR_SUCCESS) {
            old = t->rules;
            t->rules = rules;
            t->version = version;
        }
        t->retry_at = rv == APR_SUCCESS ? 0 : llmq_clock_now() + RETRY_AFTER;
    }
    rules = hold_locked(t);
    apr_thread_mutex_unlock(lock);
    apr_thread_mutex_unlock(reading);
    llmq_rules_release(old);
    return rules;
}

llmq_rules_t *llmq_rules_hold(const llmq_service_t *service, const char *tenant)
{
    llmq_rules_t *rules = NULL;
    tenant_t *t;
    int usable;

    apr_thread_mutex_lock(lock);
    t = tenant_locked(tenant);
    usable = is_usable_locked(t, llmq_queue_settings_version(service->queue));
    if (usable) {
        rules = hold_locked(t);
    }
    apr_thread_mutex_unlock(lock);
    return usable ? rules : renew(t, service);
}

void llmq_rules_release(llmq_rules_t *rules)
{
    int holders = 1;

    if (rules) {
        apr_thread_mutex_lock(lock);
        holders = --rules->holders;
        apr_thread_mutex_unlock(lock);
    }
    if (holders == 0) {
        apr_pool_destroy(rules->pool);
    }
}
