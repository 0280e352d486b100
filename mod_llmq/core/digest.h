/**
 * @file digest.h
 * SHA-256 of texts that must not be confused with one another (FIPS 180-4, by libcrypto).
 */
#ifndef LLMQ_DIGEST_H
#define LLMQ_DIGEST_H

#include <apr_pools.h>

/** A text of the digest in hexadecimal digits, with its NUL. */
#define LLMQ_DIGEST_SIZE 65

/** A piece of what is digested. */
typedef struct llmq_digest_part_t {
    const void *data;
    apr_size_t len;
} llmq_digest_part_t;

/** A piece from a NUL-terminated text; NULL counts as empty. */
#define LLMQ_DIGEST_TEXT(s)                                                              \
    {                                                                                    \
        (s) ? (s) : "", (s) ? strlen(s) : 0                                              \
    }

/**
 * SHA-256 over pieces, each with its length before it, so that no two different lists of
 * pieces look the same.
 * @param parts the pieces
 * @param n     their number
 * @param p     pool of the result
 * @return 64 hexadecimal digits; NULL if libcrypto refuses
 * @threads any
 */
const char *llmq_digest_hex(const llmq_digest_part_t *parts, int n, apr_pool_t *p);

#endif /* LLMQ_DIGEST_H */
