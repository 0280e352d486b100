/**
 * @file token.h
 * Bearer tokens: JSON Web Tokens (RFC 7519) signed with HS256, and no other kind. What a
 * valid token says are its *claims*: `sub` who speaks, `exp` until when it holds, and
 * optionally `nbf`, `iss`, `tenant`, `scope` and `admin`. libjwt does the encoding and the
 * signature; what it takes too lightly is checked here before it sees a byte: the
 * alphabet, the number of segments, the algorithm.
 */
#ifndef LLMQ_TOKEN_H
#define LLMQ_TOKEN_H

#include "base/result.h"
#include "llmq.h"

#include <apr_pools.h>
#include <apr_time.h>

/** The longest token that is looked at, in bytes. */
#define LLMQ_TOKEN_MAX 8192

/** A shared secret; any bytes. */
typedef struct llmq_token_secret_t {
    const unsigned char *bytes;
    int len; /* > 0 */
} llmq_token_secret_t;

/** The longest secret in bytes. */
#define LLMQ_TOKEN_SECRET_MAX 4096

/** What a token is checked against; filled by cfg/. */
typedef struct llmq_token_conf_t {
    const llmq_token_secret_t *secrets; /* any of them may have signed it */
    int n_secrets;                      /* 0: no token is valid */
    const char *issuer;                 /* what `iss` must be; NULL: anything or absent */
    const char *tenant;                 /* what `tenant` must be if it is there */
    apr_interval_time_t leeway;         /* how far clocks may differ, usec */
} llmq_token_conf_t;

/** What a token says. */
typedef struct llmq_claims_t {
    const char *subject; /* 1 to LLMQ_NAME_MAX bytes, no control characters */
    const char *issuer;  /* NULL: absent */
    const char *tenant;  /* NULL: absent */
    const char *scope;   /* words with blanks between them; NULL: absent */
    int admin;           /* `"admin": true` */
    apr_time_t expires;  /* end of its validity */
} llmq_claims_t;

/**
 * Is this a valid token, and what does it say?
 * @param claims out: what it says, in @a p; untouched unless APR_SUCCESS
 * @param token  NUL-terminated, from anybody
 * @param conf   what it is checked against
 * @param now    the present
 * @param why    out: LLMQ_PROBLEM_UNAUTHORIZED with a reason that may be shown
 * @param p      pool of the claims
 * @return APR_SUCCESS; LLMQ_EBODY it is not valid
 * @threads any
 */
apr_status_t llmq_token_check(llmq_claims_t *claims, const char *token,
                              const llmq_token_conf_t *conf, apr_time_t now,
                              llmq_result_t *why, apr_pool_t *p);

/**
 * Read a secret from a file; a line break at its end, which editors put there, is not part
 * of it.
 * @param secret out: in @a p; untouched unless APR_SUCCESS
 * @param path   the file
 * @param p      pool of the secret
 * @return APR_SUCCESS; APR_EINVAL it is empty or longer than LLMQ_TOKEN_SECRET_MAX; others:
 *         it cannot be read
 * @threads any
 */
apr_status_t llmq_token_secret_load(llmq_token_secret_t *secret, const char *path,
                                    apr_pool_t *p);

/**
 * Make a token.
 * @param ptoken out: the token
 * @param claims what it says; `iat` is the present
 * @param secret what it is signed with
 * @param now    the present
 * @param p      pool of the token
 * @return APR_SUCCESS; APR_EGENERAL libjwt could not
 * @threads any
 */
apr_status_t llmq_token_create(const char **ptoken, const llmq_claims_t *claims,
                               const llmq_token_secret_t *secret, apr_time_t now,
                               apr_pool_t *p);

/**
 * May a name be that of a user: 1 to LLMQ_NAME_MAX bytes of UTF-8 without control
 * characters?
 * @param name the name, NULL allowed
 * @return non-zero if so
 * @threads any
 */
int llmq_token_is_subject(const char *name);

#endif /* LLMQ_TOKEN_H */
