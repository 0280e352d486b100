/**
 * @file webhook_sign.h
 * Signatures of what is sent to other servers, as Standard Webhooks 1.0 has them: the
 * HMAC-SHA256 (FIPS 198-1, by libcrypto) of `id.timestamp.body`, in base64 behind "v1,".
 * While a key is being replaced there are several, and as many signatures stand beside
 * one another, separated by blanks; a receiver needs to know one of the keys.
 *
 * A *key* is a line of a file: `whsec_` and base64, which stands for the bytes, or any
 * other text, which stands for itself.
 */
#ifndef LLMQ_WEBHOOK_SIGN_H
#define LLMQ_WEBHOOK_SIGN_H

#include <apr_pools.h>
#include <apr_time.h>

/** Most keys of a set, and the most bytes of one. */
#define LLMQ_WEBHOOK_SIGN_KEYS_MAX 8
#define LLMQ_WEBHOOK_SIGN_KEY_MAX  512

typedef struct llmq_webhook_key_t {
    const unsigned char *data;
    int len; /* bytes, > 0 */
} llmq_webhook_key_t;

/** Keys of one sender, the newest first; filled by cfg/, never logged. */
typedef struct llmq_webhook_keys_t {
    llmq_webhook_key_t key[LLMQ_WEBHOOK_SIGN_KEYS_MAX];
    int n;
} llmq_webhook_keys_t;

/**
 * Read a key's text.
 * @param key  out: the key, in @a p; untouched unless APR_SUCCESS
 * @param text without its line break
 * @param p    pool of the bytes
 * @return APR_SUCCESS; APR_EINVAL empty, too long, or no base64 behind whsec_
 * @threads any
 */
apr_status_t llmq_webhook_sign_parse(llmq_webhook_key_t *key, const char *text,
                                     apr_pool_t *p);

/**
 * Add the keys of a file, one a line; empty lines are passed over.
 * @param keys the set
 * @param path of the file
 * @param p    pool of the keys
 * @return APR_SUCCESS; APR_EINVAL no key in it or a bad one; LLMQ_EFULL more than the set
 *         holds; else the file cannot be read
 * @threads any
 */
apr_status_t llmq_webhook_sign_load(llmq_webhook_keys_t *keys, const char *path,
                                    apr_pool_t *p);

/** What is signed. */
typedef struct llmq_webhook_said_t {
    const char *id;       /* webhook-id: the same for each try, no dot in it */
    apr_int64_t sent_sec; /* webhook-timestamp: seconds since 1970 */
    const char *body;
    apr_size_t body_len; /* bytes */
} llmq_webhook_said_t;

/**
 * @param keys the keys
 * @param said what is sent
 * @param p    pool of the text
 * @return the value of webhook-signature, "v1,… v1,…"; NULL without keys, or if libcrypto
 *         refuses
 * @threads any
 */
const char *llmq_webhook_sign(const llmq_webhook_keys_t *keys,
                              const llmq_webhook_said_t *said, apr_pool_t *p);

#endif /* LLMQ_WEBHOOK_SIGN_H */
