/**
 * @file store_key.h
 * Records of API keys (core/apikey.h): their hashes and what they allow. The keys
 * themselves are nowhere.
 */
#ifndef LLMQ_STORE_KEY_H
#define LLMQ_STORE_KEY_H

#include "core/apikey.h"
#include "store/store.h"

/**
 * Keep a new key.
 * @param store the store
 * @param key   its record, revoked_at is not regarded
 * @param p     scratch
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_key_save(llmq_store_t *store, const llmq_apikey_t *key,
                                 apr_pool_t *p);

/**
 * Find the record of a key, revoked or not.
 * @param key   out: the record, in @a p; untouched unless APR_SUCCESS
 * @param store the store
 * @param hash  llmq_apikey_hash() of the key
 * @param p     pool of the record
 * @return APR_SUCCESS; APR_NOTFOUND; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_key_find(llmq_apikey_t *key, llmq_store_t *store,
                                 const char *hash, apr_pool_t *p);

/**
 * @param pkeys  out: records, oldest first
 * @param pn     out: their number
 * @param store  the store
 * @param tenant of which tenant; NULL: of all
 * @param p      pool of the records
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_key_list(llmq_apikey_t **pkeys, int *pn, llmq_store_t *store,
                                 const char *tenant, apr_pool_t *p);

/**
 * Revoke a key; one that is revoked stays so since when it was.
 * @param store the store
 * @param id    its id
 * @param now   the present
 * @param p     scratch
 * @return APR_SUCCESS; APR_NOTFOUND no such key; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_key_revoke(llmq_store_t *store, const char *id, apr_time_t now,
                                   apr_pool_t *p);

#endif /* LLMQ_STORE_KEY_H */
