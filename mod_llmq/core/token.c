#include "core/token.h"

#include "base/json.h"

#include <apr_encode.h>
#include <apr_file_io.h>
#include <apr_strings.h>

#include <errno.h>
#include <json-c/json.h>
#include <jwt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#define CLAIMS_DEPTH 32

/* A token may hold for ever, but not longer than times can be counted: year 9999. */
#define LATEST_SEC 253402300799.0

static apr_status_t refuse(llmq_result_t *why, const char *reason)
{
    return llmq_result_set(why, LLMQ_PROBLEM_UNAUTHORIZED, NULL, reason);
}

static int is_base64url(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
           || c == '-' || c == '_';
}

/* Three segments of base64url, none of them empty: libjwt's decoder stops at what it does
 * not know and calls that the end. */
static int is_well_formed(const char *token)
{
    int segments = 0;

    if (strnlen(token, LLMQ_TOKEN_MAX + 1) > LLMQ_TOKEN_MAX)
        return 0;
    for (;;) {
        int len = 0;

        while (is_base64url(token[len]))
            len++;
        if (len == 0 || len % 4 == 1)
            return 0;
        segments++;
        token += len;
        if (*token == '\0')
            return segments == 3;
        if (*token++ != '.')
            return 0;
    }
}

int llmq_token_is_subject(const char *name)
{
    apr_size_t i, len = name ? strlen(name) : 0;

    if (len == 0 || len > LLMQ_NAME_MAX || !llmq_text_is_utf8(name, len))
        return 0;
    for (i = 0; i < len; i++) {
        unsigned char c = (unsigned char)name[i];

        if (c < 0x20 || c == 0x7F)
            return 0;
        if (c == 0xC2 && (unsigned char)name[i + 1] < 0xA0)
            return 0;
    }
    return 1;
}

/* ---- claims ---- */

static apr_status_t read_string(const char **pvalue, json_object *claims, const char *key,
                                apr_pool_t *p)
{
    json_object *value;

    *pvalue = NULL;
    if (!json_object_object_get_ex(claims, key, &value))
        return APR_SUCCESS;
    if (!json_object_is_type(value, json_type_string))
        return APR_EINVAL;
    *pvalue = apr_pstrdup(p, json_object_get_string(value));
    return APR_SUCCESS;
}

/* Seconds since 1970, perhaps with a fraction (RFC 7519, NumericDate). */
static apr_status_t read_time(apr_time_t *pwhen, json_object *claims, const char *key)
{
    json_object *value;
    double sec;

    if (!json_object_object_get_ex(claims, key, &value))
        return APR_NOTFOUND;
    if (!json_object_is_type(value, json_type_int)
        && !json_object_is_type(value, json_type_double))
        return APR_EINVAL;
    sec = json_object_get_double(value);
    if (!(sec > 0))
        sec = 0;
    *pwhen = (apr_time_t)((sec < LATEST_SEC ? sec : LATEST_SEC) * APR_USEC_PER_SEC);
    return APR_SUCCESS;
}

static apr_status_t read_claims(llmq_claims_t *c, json_object *claims, llmq_result_t *why,
                                apr_pool_t *p)
{
    json_object *admin;

    if (read_time(&c->expires, claims, "exp") != APR_SUCCESS)
        return refuse(why, "the token does not say when it expires");
    if (read_string(&c->subject, claims, "sub", p) != APR_SUCCESS
        || !llmq_token_is_subject(c->subject))
        return refuse(why, "the token does not name its user");
    if (read_string(&c->issuer, claims, "iss", p) != APR_SUCCESS
        || read_string(&c->tenant, claims, "tenant", p) != APR_SUCCESS
        || read_string(&c->scope, claims, "scope", p) != APR_SUCCESS)
        return refuse(why, "iss, tenant and scope of a token must be strings");
    c->admin = json_object_object_get_ex(claims, "admin", &admin)
               && json_object_is_type(admin, json_type_boolean)
               && json_object_get_boolean(admin);
    return APR_SUCCESS;
}

static apr_status_t check_claims(const llmq_claims_t *c, json_object *claims,
                                 const llmq_token_conf_t *conf, apr_time_t now,
                                 llmq_result_t *why)
{
    apr_time_t not_before = 0;
    apr_status_t rv = read_time(&not_before, claims, "nbf");

    if (now - conf->leeway >= c->expires)
        return refuse(why, "the token has expired");
    if (rv == APR_EINVAL || not_before > now + conf->leeway)
        return refuse(why, "the token is not valid yet");
    if (conf->issuer && (!c->issuer || strcmp(c->issuer, conf->issuer)))
        return refuse(why, "the token has another issuer");
    if (c->tenant && strcmp(c->tenant, conf->tenant))
        return refuse(why, "the token belongs to another tenant");
    return APR_SUCCESS;
}

/* ---- signature ---- */

/* Not every algorithm that libjwt verifies is ours, and it ignores "crit", by which a token
 * asks not to be accepted by who does not know an extension. */
static int has_our_header(jwt_t *jwt)
{
    const char *alg = jwt_get_header(jwt, "alg");
    char *crit = jwt_get_headers_json(jwt, "crit");

    free(crit);
    return !crit && jwt_get_alg(jwt) == JWT_ALG_HS256 && alg && !strcmp(alg, "HS256");
}

/* libjwt compares signatures up to the first byte that differs, so the time that it takes
 * would tell how much of a forged one is right. It gets to see only what is right. */
static int is_signed(const char *token, const llmq_token_secret_t *secret)
{
    const char *signature = strrchr(token, '.') + 1;
    apr_size_t signed_len = (apr_size_t)(signature - 1 - token);
    unsigned char mac[EVP_MAX_MD_SIZE];
    char wanted[2 * EVP_MAX_MD_SIZE]; /* of which a byte takes at most 4/3 */
    unsigned int n = 0;

    if (!HMAC(EVP_sha256(), secret->bytes, secret->len, (const unsigned char *)token,
              signed_len, mac, &n)
        || apr_encode_base64_binary(wanted, mac, n, APR_ENCODE_BASE64URL, NULL))
        return 0;
    return strlen(signature) == strlen(wanted)
           && CRYPTO_memcmp(signature, wanted, strlen(wanted)) == 0;
}

/* @return the claims' JSON, NULL unless one of the secrets signed the token */
static char *verify(const char *token, const llmq_token_conf_t *conf)
{
    char *text = NULL;
    int i;

    for (i = 0; i < conf->n_secrets && !text; i++) {
        jwt_t *jwt = NULL;

        if (!is_signed(token, &conf->secrets[i])
            || jwt_decode(&jwt, token, conf->secrets[i].bytes, conf->secrets[i].len))
            continue;
        if (has_our_header(jwt))
            text = jwt_get_grants_json(jwt, NULL);
        jwt_free(jwt);
    }
    return text;
}

apr_status_t llmq_token_check(llmq_claims_t *claims, const char *token,
                              const llmq_token_conf_t *conf, apr_time_t now,
                              llmq_result_t *why, apr_pool_t *p)
{
    llmq_claims_t found = {0};
    json_object *object = NULL;
    char *text = is_well_formed(token) ? verify(token, conf) : NULL;
    apr_status_t rv = LLMQ_EBODY;

    if (text)
        rv = llmq_json_parse(&object, text, strlen(text), CLAIMS_DEPTH, NULL, p);
    free(text);
    if (rv != APR_SUCCESS || !json_object_is_type(object, json_type_object))
        return refuse(why, "the token is not valid");
    if ((rv = read_claims(&found, object, why, p)) != APR_SUCCESS
        || (rv = check_claims(&found, object, conf, now, why)) != APR_SUCCESS)
        return rv;
    *claims = found;
    return APR_SUCCESS;
}

/* ---- making one ---- */

static int without_line_break(const char *buf, int len)
{
    if (len > 0 && buf[len - 1] == '\n')
        len -= len > 1 && buf[len - 2] == '\r' ? 2 : 1;
    return len;
}

apr_status_t llmq_token_secret_load(llmq_token_secret_t *secret, const char *path,
                                    apr_pool_t *p)
{
    char buf[LLMQ_TOKEN_SECRET_MAX + 3]; /* and a line break, and one too many */
    apr_size_t size = sizeof(buf);
    apr_file_t *f;
    apr_status_t rv = apr_file_open(&f, path, APR_FOPEN_READ | APR_FOPEN_BINARY, 0, p);
    int len;

    if (rv != APR_SUCCESS)
        return rv;
    rv = apr_file_read_full(f, buf, size, &size);
    apr_file_close(f);
    if (rv != APR_SUCCESS && rv != APR_EOF)
        return rv;
    len = without_line_break(buf, (int)size);
    if (len < 1 || len > LLMQ_TOKEN_SECRET_MAX)
        return APR_EINVAL;
    secret->bytes = apr_pmemdup(p, buf, (apr_size_t)len);
    secret->len = len;
    return APR_SUCCESS;
}

static int add_claims(jwt_t *jwt, const llmq_claims_t *claims, apr_time_t now)
{
    return jwt_add_grant(jwt, "sub", claims->subject)
           || (claims->issuer && jwt_add_grant(jwt, "iss", claims->issuer))
           || (claims->tenant && jwt_add_grant(jwt, "tenant", claims->tenant))
           || (claims->scope && jwt_add_grant(jwt, "scope", claims->scope))
           || (claims->admin && jwt_add_grant_bool(jwt, "admin", 1))
           || jwt_add_grant_int(jwt, "iat", (long)apr_time_sec(now))
           || jwt_add_grant_int(jwt, "exp", (long)apr_time_sec(claims->expires));
}

apr_status_t llmq_token_create(const char **ptoken, const llmq_claims_t *claims,
                               const llmq_token_secret_t *secret, apr_time_t now,
                               apr_pool_t *p)
{
    jwt_t *jwt = NULL;
    char *text = NULL;

    if (jwt_new(&jwt))
        return APR_EGENERAL;
    if (!add_claims(jwt, claims, now)
        && !jwt_set_alg(jwt, JWT_ALG_HS256, secret->bytes, secret->len))
        text = jwt_encode_str(jwt);
    jwt_free(jwt);
    if (!text)
        return APR_EGENERAL;
    *ptoken = apr_pstrdup(p, text);
    free(text);
    return APR_SUCCESS;
}
