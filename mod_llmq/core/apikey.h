/**
 * @file apikey.h
 * API keys: `llmq_` and 43 characters that stand for 32 bytes by chance. Only their SHA-256
 * is kept, which is enough: what has 256 bits of chance cannot be guessed from its hash.
 * What a key allows stands in its record (store/store_key.h).
 */
#ifndef LLMQ_APIKEY_H
#define LLMQ_APIKEY_H

#include "base/result.h"
#include "llmq.h"

#include <apr_pools.h>
#include <apr_time.h>

#define LLMQ_APIKEY_PREFIX "llmq_"

/** Length of a key, and room for a hash in hexadecimal digits with its NUL. */
#define LLMQ_APIKEY_LEN       (sizeof(LLMQ_APIKEY_PREFIX) - 1 + 43)
#define LLMQ_APIKEY_HASH_SIZE 65

/** The longest scope of a key in bytes. */
#define LLMQ_APIKEY_SCOPE_MAX 512

/** The record of a key. */
typedef struct llmq_apikey_t {
    const char *hash;      /* of the key, see llmq_apikey_hash() */
    const char *id;        /* by which it is revoked: "key_" and a ULID */
    const char *tenant;    /* where it is valid */
    const char *subject;   /* who speaks with it */
    const char *scope;     /* words with blanks between them, "" for none */
    int admin;             /* may administrate */
    apr_time_t created_at; /* usec since 1970, as the others */
    apr_time_t expires_at; /* 0: never */
    apr_time_t revoked_at; /* 0: not */
} llmq_apikey_t;

/**
 * Does a bearer's text claim to be a key of ours?
 * @param text NUL-terminated, from anybody
 * @return non-zero if it begins like one
 * @threads any
 */
int llmq_apikey_is(const char *text);

/**
 * Make a key.
 * @param p pool of the result
 * @return the key; NULL if there is no chance to be had
 * @threads any
 */
const char *llmq_apikey_create(apr_pool_t *p);

/**
 * The hash by which a key is found.
 * @param hash out: hexadecimal digits
 * @param key  the key
 * @return APR_SUCCESS; APR_EINVAL this cannot be a key
 * @threads any
 */
apr_status_t llmq_apikey_hash(char hash[LLMQ_APIKEY_HASH_SIZE], const char *key);

/**
 * Is the key of a record valid here and now?
 * @param key    the record
 * @param tenant tenant of the location
 * @param now    the present
 * @param why    out: LLMQ_PROBLEM_UNAUTHORIZED
 * @return APR_SUCCESS; LLMQ_EBODY it is not
 * @threads any
 */
apr_status_t llmq_apikey_check(const llmq_apikey_t *key, const char *tenant,
                               apr_time_t now, llmq_result_t *why);

#endif /* LLMQ_APIKEY_H */
