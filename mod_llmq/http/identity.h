/**
 * @file identity.h
 * Who makes a request. Three ways lead to an *identity*: a token (core/token.h) or an API
 * key (core/apikey.h) that mod_llmq has checked, or a user whom another module has
 * authenticated (Basic, OpenID Connect, client certificates); of the latter only the name
 * is known. Without any of them the request is anonymous.
 *
 * A token or key may come in the Authorization header, on event streams in the address
 * (http/query_token.h), or in the cookie `access_token` (LLMQTokenSource); the first of these
 * counts. The hooks of glue/glue_auth.c read it once a request,
 * before any handler runs.
 * @threads request
 */
#ifndef LLMQ_IDENTITY_H
#define LLMQ_IDENTITY_H

#include "base/result.h"

#include <httpd.h>

/** How the caller has proved who it is. */
typedef enum {
    LLMQ_IDENTITY_NONE = 0, /* not at all */
    LLMQ_IDENTITY_TOKEN,    /* a token of ours */
    LLMQ_IDENTITY_KEY,      /* an API key */
    LLMQ_IDENTITY_OTHER     /* another module has authenticated it */
} llmq_identity_how_e;

typedef struct llmq_identity_t {
    llmq_identity_how_e how;
    const char *user;   /* NULL when anonymous */
    const char *tenant; /* the claim; NULL: none. Never another than the location's */
    const char *scope;  /* words with blanks between them; NULL: none */
    const char *key;    /* id of the API key; NULL: it was none */
    int admin;          /* the admin claim */
    apr_time_t expires; /* end of the token or key; 0: never, or not known */
} llmq_identity_t;

/**
 * @param r a request, once httpd's authentication has run
 * @return who makes it, never NULL; lives as long as the request
 */
const llmq_identity_t *llmq_identity_get(request_rec *r);

/**
 * Look for a token or key and check it: for the hooks of authentication. A valid one sets
 * r->user, r->ap_auth_type and the variables LLMQ_SUB, LLMQ_TENANT_CLAIM, LLMQ_SCOPE and
 * LLMQ_ADMIN of the request's environment.
 * @param r   the request
 * @param why out: LLMQ_PROBLEM_UNAUTHORIZED, or LLMQ_PROBLEM_STORE or _QUEUE where a key cannot
 *            be looked up
 * @return APR_SUCCESS it is valid; APR_NOTFOUND none was sent; LLMQ_EBODY see @a why
 */
apr_status_t llmq_identity_read(request_rec *r, llmq_result_t *why);

/**
 * Is a password of Basic authentication a token or key of this user? For the provider
 * behind `AuthBasicProvider llmq`; a valid one sets the same variables.
 * @param r        the request
 * @param user     who it claims to be
 * @param password the token or key
 * @param why      out: as llmq_identity_read()
 * @return APR_SUCCESS; LLMQ_EBODY see @a why
 */
apr_status_t llmq_identity_check_password(request_rec *r, const char *user,
                                          const char *password, llmq_result_t *why);

/**
 * Refuse a request in a hook: keeps @a why for the body (llmq_identity_refusal()) and sets
 * WWW-Authenticate or Retry-After.
 * @param r    the request
 * @param why  why
 * @param sent non-zero if a token was sent (RFC 6750: then the challenge names the error)
 * @return the HTTP status to return from the hook
 */
int llmq_identity_refuse(request_rec *r, const llmq_result_t *why, int sent);

/**
 * @param r a request that httpd answers with an error
 * @return why a hook of ours has refused it; NULL if none has
 */
const llmq_result_t *llmq_identity_refusal(request_rec *r);

/**
 * May the caller act for a user (X9)? Everybody may when anonymous, who is authenticated
 * for itself only, an admin for all.
 * @param r    the request
 * @param user the user that the call names
 * @param why  out: LLMQ_PROBLEM_USER
 * @return APR_SUCCESS; LLMQ_EBODY it may not
 */
apr_status_t llmq_identity_check_user(request_rec *r, const char *user,
                                      llmq_result_t *why);

#endif /* LLMQ_IDENTITY_H */
