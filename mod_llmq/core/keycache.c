#include "core/keycache.h"

#include "base/id.h"

#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include <openssl/crypto.h>
#include <string.h>

#define SLOT_COUNT    256
#define NEGATIVE_PART 10

/* Names that are too long for a slot are not remembered. */
typedef struct {
    apr_time_t until; /* 0: empty */
    int exists;
    int admin;
    apr_time_t expires_at;
    apr_time_t revoked_at;
    char hash[LLMQ_APIKEY_HASH_SIZE];
    char id[LLMQ_ID_MAX + 1];
    char tenant[LLMQ_NAME_MAX + 1];
    char subject[LLMQ_NAME_MAX + 1];
    char scope[LLMQ_APIKEY_SCOPE_MAX + 1];
} slot_t;

struct llmq_keycache_t {
    apr_thread_mutex_t *lock;
    apr_interval_time_t age;
    slot_t slots[SLOT_COUNT]; /* under lock */
};

apr_status_t llmq_keycache_create(llmq_keycache_t **pcache, apr_interval_time_t age,
                                  apr_pool_t *p)
{
    llmq_keycache_t *cache = apr_pcalloc(p, sizeof(*cache));
    apr_status_t rv = apr_thread_mutex_create(&cache->lock, APR_THREAD_MUTEX_DEFAULT, p);

    cache->age = age;
    if (rv == APR_SUCCESS)
        *pcache = cache;
    return rv;
}

static slot_t *slot_of(llmq_keycache_t *cache, const char *hash)
{
    return &cache->slots[llmq_id_hash(hash, strlen(hash), 0) % SLOT_COUNT];
}

/* In a time that does not tell how much of it is right. */
static int is_of(const slot_t *slot, const char *hash)
{
    return strlen(hash) == LLMQ_APIKEY_HASH_SIZE - 1
           && CRYPTO_memcmp(slot->hash, hash, LLMQ_APIKEY_HASH_SIZE) == 0;
}

static void copy_out(llmq_apikey_t *key, const slot_t *slot, apr_pool_t *p)
{
    memset(key, 0, sizeof(*key));
    key->hash = apr_pstrdup(p, slot->hash);
    key->id = apr_pstrdup(p, slot->id);
    key->tenant = apr_pstrdup(p, slot->tenant);
    key->subject = apr_pstrdup(p, slot->subject);
    key->scope = apr_pstrdup(p, slot->scope);
    key->admin = slot->admin;
    key->expires_at = slot->expires_at;
    key->revoked_at = slot->revoked_at;
}

apr_status_t llmq_keycache_find(llmq_apikey_t *key, llmq_keycache_t *cache,
                                const char *hash, apr_time_t now, apr_pool_t *p)
{
    slot_t *slot = slot_of(cache, hash);
    apr_status_t rv = APR_EINCOMPLETE;

    apr_thread_mutex_lock(cache->lock);
    if (now < slot->until && is_of(slot, hash)) {
        rv = slot->exists ? APR_SUCCESS : APR_NOTFOUND;
        if (slot->exists)
            copy_out(key, slot, p);
    }
    apr_thread_mutex_unlock(cache->lock);
    return rv;
}

static int fits(const llmq_apikey_t *key)
{
    return strlen(key->id) <= LLMQ_ID_MAX && strlen(key->tenant) <= LLMQ_NAME_MAX
           && strlen(key->subject) <= LLMQ_NAME_MAX
           && strlen(key->scope) <= LLMQ_APIKEY_SCOPE_MAX;
}

static void copy_in(slot_t *slot, const llmq_apikey_t *key)
{
    slot->admin = key->admin;
    slot->expires_at = key->expires_at;
    slot->revoked_at = key->revoked_at;
    apr_cpystrn(slot->id, key->id, sizeof(slot->id));
    apr_cpystrn(slot->tenant, key->tenant, sizeof(slot->tenant));
    apr_cpystrn(slot->subject, key->subject, sizeof(slot->subject));
    apr_cpystrn(slot->scope, key->scope, sizeof(slot->scope));
}

void llmq_keycache_put(llmq_keycache_t *cache, const char *hash, const llmq_apikey_t *key,
                       apr_time_t now)
{
    slot_t *slot = slot_of(cache, hash);

    if (key && !fits(key))
        return;
    apr_thread_mutex_lock(cache->lock);
    if (key || !slot->exists || now >= slot->until || is_of(slot, hash)) {
        apr_cpystrn(slot->hash, hash, sizeof(slot->hash));
        slot->exists = key != NULL;
        slot->until = now + (key ? cache->age : cache->age / NEGATIVE_PART);
        if (key)
            copy_in(slot, key);
    }
    apr_thread_mutex_unlock(cache->lock);
}
