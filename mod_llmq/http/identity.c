#include "http/identity.h"

#include "base/clock.h"
#include "cfg/cfg.h"
#include "core/token.h"
#include "http/query_token.h"
#include "http/reply.h"
#include "http/service.h"
#include "http/shield.h"
#include "store/store_key.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>

#include <string.h>

#define IDENTITY_KEY "mod_llmq identity"
#define REFUSAL_KEY  "mod_llmq refusal"
#define COOKIE       "access_token"

static const llmq_identity_t anonymous;

/* ---- what the request carries ---- */

static const char *skip_blanks(const char *s)
{
    while (*s == ' ' || *s == '\t') {
        s++;
    }
    return s;
}

/* @return what stands behind `Bearer`, NULL for another scheme */
static const char *from_header(request_rec *r)
{
    const char *value = apr_table_get(r->headers_in, "Authorization");

    if (!value || ap_cstr_casecmpn(value, "Bearer", 6) != 0
        || (value[6] != ' ' && value[6] != '\t' && value[6] != '\0')) {
        return NULL;
    }
    return skip_blanks(value + 6);
}

/* httpd's own ap_cookie_read() writes the cookie into the log when it is there twice. */
static const char *from_cookie(request_rec *r)
{
    const char *c = apr_table_get(r->headers_in, "Cookie");
    static const char name[] = COOKIE "=";

    while (c && *c) {
        apr_size_t len;

        c = skip_blanks(c);
        len = strcspn(c, ";");
        if (strncmp(c, name, sizeof(name) - 1) == 0) {
            c += sizeof(name) - 1;
            return apr_pstrmemdup(r->pool, c, strcspn(c, "; \t"));
        }
        c += len;
        c += *c == ';';
    }
    return NULL;
}

static const char *find_token(request_rec *r, const llmq_cfg_dir_t *dir)
{
    int sources = llmq_cfg_token_sources(dir);
    const char *token = sources & LLMQ_SOURCE_HEADER ? from_header(r) : NULL;

    if (!token && (sources & LLMQ_SOURCE_QUERY)) {
        llmq_query_token_take(r); /* the path was not decoded before */
        token = llmq_query_token_get(r);
    }
    return token || !(sources & LLMQ_SOURCE_COOKIE) ? token : from_cookie(r);
}

/* ---- identities ---- */

static void keep(request_rec *r, const llmq_identity_t *id)
{
    apr_pool_userdata_setn(id, IDENTITY_KEY, NULL, r->pool);
    apr_table_setn(r->subprocess_env, "LLMQ_SUB", id->user);
    if (id->tenant) {
        apr_table_setn(r->subprocess_env, "LLMQ_TENANT_CLAIM", id->tenant);
    }
    if (id->scope) {
        apr_table_setn(r->subprocess_env, "LLMQ_SCOPE", id->scope);
    }
    apr_table_setn(r->subprocess_env, "LLMQ_ADMIN", id->admin ? "1" : "0");
}

static const llmq_identity_t *kept(const request_rec *r)
{
    void *id = NULL;

    for (; r && !id; r = r->main ? r->main : r->prev) {
        apr_pool_userdata_get(&id, IDENTITY_KEY, r->pool);
    }
    return id;
}

/* A request within another one is not authenticated again, it inherits its user. */
const llmq_identity_t *llmq_identity_get(request_rec *r)
{
    const llmq_identity_t *id = kept(r);
    llmq_identity_t *other;

    if (!r->user) {
        return &anonymous;
    }
    if (id && strcmp(id->user, r->user) == 0) {
        return id;
    }
    other = apr_pcalloc(r->pool, sizeof(*other));
    other->how = LLMQ_IDENTITY_OTHER;
    other->user = r->user;
    return other;
}

static apr_status_t read_token(llmq_identity_t *id, const char *token,
                               const llmq_cfg_dir_t *dir, llmq_result_t *why,
                               apr_pool_t *p)
{
    llmq_token_conf_t conf;
    llmq_claims_t claims;
    apr_status_t rv;

    llmq_cfg_token(&conf, dir);
    rv = llmq_token_check(&claims, token, &conf, llmq_clock_now(), why, p);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    id->how = LLMQ_IDENTITY_TOKEN;
    id->user = claims.subject;
    id->tenant = claims.tenant;
    id->scope = claims.scope;
    id->admin = claims.admin;
    id->expires = claims.expires;
    return APR_SUCCESS;
}

/* ---- API keys ---- */

static apr_status_t look_up(llmq_apikey_t *key, const llmq_service_t *service,
                            const char *hash, apr_pool_t *p)
{
    apr_time_t now = llmq_clock_now();
    apr_status_t rv = llmq_keycache_find(key, service->keys, hash, now, p);

    if (rv != APR_EINCOMPLETE) {
        return rv;
    }
    llmq_shield_begin();
    rv = llmq_store_key_find(key, service->store, hash, p);
    llmq_shield_end();
    if (rv == APR_SUCCESS || rv == APR_NOTFOUND) {
        llmq_keycache_put(service->keys, hash, rv == APR_SUCCESS ? key : NULL, now);
    }
    return rv;
}

/* A database that is away says nothing about the key. */
static apr_status_t find_key(llmq_apikey_t *key, const char *text, llmq_result_t *why,
                             apr_pool_t *p)
{
    const llmq_service_t *service = llmq_service_get();
    char hash[LLMQ_APIKEY_HASH_SIZE];
    apr_status_t rv = llmq_apikey_hash(hash, text);

    if (rv == APR_SUCCESS && !service) {
        return llmq_result_set(why, LLMQ_PROBLEM_QUEUE, NULL,
                               "this process cannot look keys up");
    }
    if (rv == APR_SUCCESS) {
        rv = look_up(key, service, hash, p);
    }
    if (rv == APR_SUCCESS) {
        return rv;
    }
    return rv == APR_NOTFOUND || rv == APR_EINVAL
               ? llmq_result_set(why, LLMQ_PROBLEM_UNAUTHORIZED, NULL,
                                 "the key is not known")
               : llmq_result_set(why, LLMQ_PROBLEM_STORE, NULL,
                                 "the database that knows the key is not available");
}

static apr_status_t read_key(llmq_identity_t *id, const char *text,
                             const llmq_cfg_dir_t *dir, llmq_result_t *why, apr_pool_t *p)
{
    llmq_apikey_t key = {0};
    apr_status_t rv = find_key(&key, text, why, p);

    if (rv == APR_SUCCESS) {
        rv = llmq_apikey_check(&key, llmq_cfg_tenant(dir), llmq_clock_now(), why);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    id->how = LLMQ_IDENTITY_KEY;
    id->key = key.id;
    id->user = key.subject;
    id->tenant = key.tenant;
    id->scope = key.scope;
    id->admin = key.admin;
    id->expires = key.expires_at;
    return APR_SUCCESS;
}

/* @return APR_SUCCESS and the identity; LLMQ_EBODY */
static apr_status_t read_either(llmq_identity_t **pid, request_rec *r, const char *text,
                                llmq_result_t *why)
{
    const llmq_cfg_dir_t *dir = llmq_cfg_dir(r);

    *pid = apr_pcalloc(r->pool, sizeof(**pid));
    return llmq_apikey_is(text) ? read_key(*pid, text, dir, why, r->pool)
                                : read_token(*pid, text, dir, why, r->pool);
}

apr_status_t llmq_identity_read(request_rec *r, llmq_result_t *why)
{
    const char *text = find_token(r, llmq_cfg_dir(r));
    llmq_identity_t *id;
    apr_status_t rv = APR_NOTFOUND;

    if (text && (rv = read_either(&id, r, text, why)) == APR_SUCCESS) {
        keep(r, id);
        r->user = (char *)id->user;
        r->ap_auth_type = (char *)"Bearer";
    }
    return rv;
}

apr_status_t llmq_identity_check_password(request_rec *r, const char *user,
                                          const char *password, llmq_result_t *why)
{
    llmq_identity_t *id = NULL;
    apr_status_t rv = read_either(&id, r, password, why);

    if (rv == APR_SUCCESS && (!id || !id->user || strcmp(id->user, user) != 0)) {
        rv = llmq_result_set(why, LLMQ_PROBLEM_UNAUTHORIZED, NULL,
                             "the token or key is somebody else's");
    }
    if (rv == APR_SUCCESS) {
        keep(r, id);
    }
    return rv;
}

/* ---- refusals ---- */

/* Of our reasons none holds a quote; a realm is the administrator's text. */
static const char *challenge(request_rec *r, const llmq_result_t *why, int sent)
{
    const char *realm = ap_auth_name(r);

    realm = ap_escape_quotes(r->pool, realm ? realm : "llmq");
    if (!sent) {
        return apr_psprintf(r->pool, "Bearer realm=\"%s\"", realm);
    }
    return apr_psprintf(r->pool,
                        "Bearer realm=\"%s\", error=\"invalid_token\","
                        " error_description=\"%s\"",
                        realm, why->reason);
}

int llmq_identity_refuse(request_rec *r, const llmq_result_t *why, int sent)
{
    const llmq_result_t *copy = apr_pmemdup(r->pool, why, sizeof(*why));

    apr_pool_userdata_setn(copy, REFUSAL_KEY, NULL, r->pool);
    if (why->problem != LLMQ_PROBLEM_UNAUTHORIZED) {
        apr_table_setn(r->err_headers_out, "Retry-After",
                       apr_itoa(r->pool, llmq_cfg_retry_after_sec(llmq_cfg_dir(r))));
        return llmq_reply_problem_status(r, why->problem);
    }
    apr_table_setn(r->err_headers_out, "WWW-Authenticate", challenge(r, why, sent));
    return HTTP_UNAUTHORIZED;
}

const llmq_result_t *llmq_identity_refusal(request_rec *r)
{
    void *why = NULL;

    apr_pool_userdata_get(&why, REFUSAL_KEY, r->pool);
    return why;
}

apr_status_t llmq_identity_check_user(request_rec *r, const char *user,
                                      llmq_result_t *why)
{
    const llmq_identity_t *id = llmq_identity_get(r);

    if (!id->user || id->admin || (user && strcmp(user, id->user) == 0)) {
        return APR_SUCCESS;
    }
    return llmq_result_set(why, LLMQ_PROBLEM_USER, "user_id",
                           "user_id must be the one who is authenticated");
}
