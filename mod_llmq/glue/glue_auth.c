/* The order of things for one request: check_access reads a token that was sent, wherever
 * mod_llmq answers or AuthType is Bearer, so that Require sees its user and claims; then
 * httpd evaluates Require and asks check_authn where a user is wanted and none is known;
 * check_closed has the last word at locations with LLMQAuth On. */
#include "glue/glue_auth.h"

#include "cfg/cfg.h"
#include "http/identity.h"

#include <apr_strings.h>
#include <http_config.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mod_auth.h>

#include <string.h>

static int is_bearer(const char *type)
{
    return type && ap_cstr_casecmp(type, "Bearer") == 0;
}

/* Another AuthType means that the Authorization header is not for us. */
static int is_concerned(request_rec *r)
{
    const llmq_mount_t *mount = llmq_cfg_dir(r)->mount;
    const char *type = ap_auth_type(r);

    return type ? is_bearer(type) : mount && mount->handler != LLMQ_HANDLER_NONE;
}

static int check_access(request_rec *r)
{
    llmq_result_t why;

    if (!is_concerned(r)) {
        return DECLINED;
    }
    switch (llmq_identity_read(r, &why)) {
    case APR_SUCCESS: return OK;
    case APR_NOTFOUND: return DECLINED;
    default: return llmq_identity_refuse(r, &why, 1);
    }
}

static int refuse_anonymous(request_rec *r)
{
    llmq_result_t why;

    llmq_result_set(&why, LLMQ_PROBLEM_UNAUTHORIZED, NULL,
                    "a token or key with the right to do this is needed");
    return llmq_identity_refuse(r, &why, 0);
}

static int check_authn(request_rec *r)
{
    if (!is_bearer(ap_auth_type(r))) {
        return DECLINED;
    }
    return r->user ? OK : refuse_anonymous(r);
}

/* Require was not content with the user, and httpd answers 401. */
static int note_failure(request_rec *r, const char *type)
{
    if (!is_bearer(type)) {
        return DECLINED;
    }
    refuse_anonymous(r);
    return OK;
}

static int check_closed(request_rec *r)
{
    return llmq_cfg_dir(r)->auth == 1 && !r->user ? refuse_anonymous(r) : DECLINED;
}

/* ---- AuthBasicProvider llmq: the password is a token or key ---- */

static authn_status check_password(request_rec *r, const char *user, const char *password)
{
    llmq_result_t why;

    if (llmq_identity_check_password(r, user, password, &why) == APR_SUCCESS) {
        return AUTH_GRANTED;
    }
    return why.problem == LLMQ_PROBLEM_UNAUTHORIZED ? AUTH_DENIED : AUTH_GENERAL_ERROR;
}

static const authn_provider basic_provider = {check_password, NULL};

/* ---- Require llmq-scope, Require llmq-admin ---- */

static int has_word(const char *words, const char *word)
{
    apr_size_t len = strlen(word);

    while (words && *words) {
        apr_size_t n = strcspn(words, " ");

        if (n == len && strncmp(words, word, len) == 0) {
            return 1;
        }
        words += n;
        words += *words == ' ';
    }
    return 0;
}

/* To ask for authentication where none is configured makes httpd answer 500. */
static authz_status denied_without_user(request_rec *r)
{
    return ap_auth_type(r) ? AUTHZ_DENIED_NO_USER : AUTHZ_DENIED;
}

static authz_status check_scope(request_rec *r, const char *line, const void *parsed)
{
    const char *scope = llmq_identity_get(r)->scope;
    const char *word;

    (void)parsed;
    if (!r->user) {
        return denied_without_user(r);
    }
    while (*(word = ap_getword_conf(r->pool, &line))) {
        if (has_word(scope, word)) {
            return AUTHZ_GRANTED;
        }
    }
    return AUTHZ_DENIED;
}

static const char *parse_scope(cmd_parms *cmd, const char *line, const void **parsed)
{
    (void)cmd;
    *parsed = NULL;
    return *line ? NULL : "Require llmq-scope: name one scope at least";
}

static authz_status check_admin(request_rec *r, const char *line, const void *parsed)
{
    (void)line;
    (void)parsed;
    if (!r->user) {
        return denied_without_user(r);
    }
    return llmq_identity_get(r)->admin ? AUTHZ_GRANTED : AUTHZ_DENIED;
}

static const char *parse_admin(cmd_parms *cmd, const char *line, const void **parsed)
{
    (void)cmd;
    *parsed = NULL;
    return *line ? "Require llmq-admin takes no arguments" : NULL;
}

static const authz_provider scope_provider = {check_scope, parse_scope};
static const authz_provider admin_provider = {check_admin, parse_admin};

void llmq_glue_auth_register(apr_pool_t *p)
{
    ap_hook_check_access(check_access, NULL, NULL, APR_HOOK_LAST,
                         AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_check_authn(check_authn, NULL, NULL, APR_HOOK_MIDDLE,
                        AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_note_auth_failure(note_failure, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_fixups(check_closed, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_register_auth_provider(p, AUTHN_PROVIDER_GROUP, "llmq", AUTHN_PROVIDER_VERSION,
                              &basic_provider, AP_AUTH_INTERNAL_PER_CONF);
    ap_register_auth_provider(p, AUTHZ_PROVIDER_GROUP, "llmq-scope",
                              AUTHZ_PROVIDER_VERSION, &scope_provider,
                              AP_AUTH_INTERNAL_PER_CONF);
    ap_register_auth_provider(p, AUTHZ_PROVIDER_GROUP, "llmq-admin",
                              AUTHZ_PROVIDER_VERSION, &admin_provider,
                              AP_AUTH_INTERNAL_PER_CONF);
}
