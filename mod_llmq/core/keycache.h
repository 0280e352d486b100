/**
 * @file keycache.h
 * What a process remembers of API keys it has looked up, so that a caller of many requests
 * costs the database one look each few seconds. A table of fixed size: each hash has one
 * place in it. Keys that do not exist are remembered too, for a tenth of the time and never
 * in the place of one that does, so that guessing neither fills the table nor hides a new
 * key for long. One lock, held for a comparison and a copy.
 */
#ifndef LLMQ_KEYCACHE_H
#define LLMQ_KEYCACHE_H

#include "core/apikey.h"

typedef struct llmq_keycache_t llmq_keycache_t;

/**
 * @param pcache out
 * @param age    how long a record is believed, usec
 * @param p      pool of the cache
 * @return APR_SUCCESS; others: no lock could be made
 * @phase child_init; @threads single
 */
apr_status_t llmq_keycache_create(llmq_keycache_t **pcache, apr_interval_time_t age,
                                  apr_pool_t *p);

/**
 * @param key   out: a copy in @a p; untouched unless APR_SUCCESS
 * @param cache the cache
 * @param hash  what is looked for
 * @param now   the present
 * @param p     pool of the copy
 * @return APR_SUCCESS; APR_NOTFOUND there is no such key; APR_EINCOMPLETE ask the store
 * @threads any
 */
apr_status_t llmq_keycache_find(llmq_apikey_t *key, llmq_keycache_t *cache,
                                const char *hash, apr_time_t now, apr_pool_t *p);

/**
 * Remember what the store has said.
 * @param cache the cache
 * @param hash  what was looked for
 * @param key   its record; NULL: there is none
 * @param now   the present
 * @threads any
 */
void llmq_keycache_put(llmq_keycache_t *cache, const char *hash, const llmq_apikey_t *key,
                       apr_time_t now);

#endif /* LLMQ_KEYCACHE_H */
