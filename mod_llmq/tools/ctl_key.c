/* llmqctl key create, list, revoke. */
#include "base/id.h"
#include "base/json.h"
#include "store/store_key.h"
#include "tools/ctl_args.h"
#include "tools/ctl_store.h"

#include <apr_strings.h>

#include <stdio.h>
#include <string.h>

static const char *time_text(apr_time_t when, apr_pool_t *p)
{
    char *buf = apr_palloc(p, LLMQ_RFC3339_SIZE);

    if (when == 0) {
        return "-";
    }
    llmq_text_rfc3339(buf, when);
    return buf;
}

/* The members of a record; the hash is nobody's business. */
static void add_members(llmq_text_t *t, const llmq_apikey_t *key)
{
    llmq_json_kv(t, "id", key->id);
    llmq_json_kv(t, "tenant", key->tenant);
    llmq_json_kv(t, "sub", key->subject);
    llmq_json_kv(t, "scope", key->scope);
    llmq_json_kv_raw(t, "admin", key->admin ? "true" : "false");
    llmq_json_kv_time(t, "created_at", key->created_at);
    llmq_json_kv_time(t, "expires_at", key->expires_at);
    llmq_json_kv_time(t, "revoked_at", key->revoked_at);
}

/* ---- create ---- */

static int fill(llmq_apikey_t *key, const char **ptext, llmq_ctl_t *ctl)
{
    char *hash = apr_palloc(ctl->pool, LLMQ_APIKEY_HASH_SIZE);
    const char *tenant = ctl->options[LLMQ_CTL_TENANT];
    const char *scope = ctl->options[LLMQ_CTL_SCOPE];

    memset(key, 0, sizeof(*key));
    key->hash = hash;
    key->id = llmq_id_create("key_", ctl->pool);
    key->tenant = tenant ? tenant : "default";
    key->subject = ctl->options[LLMQ_CTL_SUB];
    key->scope = scope ? scope : "";
    key->admin = ctl->options[LLMQ_CTL_ADMIN] != NULL;
    key->created_at = apr_time_now();
    *ptext = llmq_apikey_create(ctl->pool);
    if (!*ptext || llmq_apikey_hash(hash, *ptext) != APR_SUCCESS) {
        return llmq_ctl_args_complain(LLMQ_CTL_FAILED, "there is no chance to be had");
    }
    if (ctl->options[LLMQ_CTL_EXP]
        && llmq_ctl_args_end(&key->expires_at, ctl->options[LLMQ_CTL_EXP],
                             key->created_at)
               != APR_SUCCESS) {
        return LLMQ_CTL_USAGE;
    }
    return LLMQ_CTL_OK;
}

/* The key alone goes to stdout, so that a script can catch it. */
static void show_new(const llmq_apikey_t *key, const char *text, llmq_ctl_t *ctl)
{
    llmq_text_t t;

    if (!ctl->options[LLMQ_CTL_JSON]) {
        fprintf(stderr, "%s for %s, tenant %s; the key is shown this once:\n", key->id,
                key->subject, key->tenant);
        puts(text);
        return;
    }
    llmq_text_init(&t, 512, ctl->pool);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv(&t, "key", text);
    add_members(&t, key);
    LLMQ_TEXT_LIT(&t, "}");
    puts(t.data);
}

int llmq_ctl_key_create(llmq_ctl_t *ctl)
{
    llmq_ctl_store_t db;
    llmq_apikey_t key;
    const char *text;
    apr_status_t rv;
    int code = llmq_ctl_args_check_names(ctl);

    if (code || (code = fill(&key, &text, ctl))
        || (code = llmq_ctl_store_open(&db, ctl))) {
        return code;
    }
    rv = llmq_store_key_save(db.store, &key, ctl->pool);
    if (rv != APR_SUCCESS) {
        return llmq_ctl_store_failed(rv);
    }
    show_new(&key, text, ctl);
    return LLMQ_CTL_OK;
}

/* ---- list, revoke ---- */

static void show_json(const llmq_apikey_t *keys, int n, apr_pool_t *p)
{
    llmq_text_t t;
    int i;

    llmq_text_init(&t, 4096, p);
    LLMQ_TEXT_LIT(&t, "[");
    for (i = 0; i < n; i++) {
        llmq_text_puts(&t, i ? ",{" : "{");
        add_members(&t, &keys[i]);
        LLMQ_TEXT_LIT(&t, "}");
    }
    LLMQ_TEXT_LIT(&t, "]");
    puts(t.data);
}

int llmq_ctl_key_list(llmq_ctl_t *ctl)
{
    llmq_ctl_store_t db;
    llmq_apikey_t *keys;
    apr_status_t rv;
    int code = llmq_ctl_store_open(&db, ctl);
    int n, i;

    if (code) {
        return code;
    }
    rv = llmq_store_key_list(&keys, &n, db.store, ctl->options[LLMQ_CTL_TENANT],
                             ctl->pool);
    if (rv != APR_SUCCESS) {
        return llmq_ctl_store_failed(rv);
    }
    if (ctl->options[LLMQ_CTL_JSON]) {
        show_json(keys, n, ctl->pool);
        return LLMQ_CTL_OK;
    }
    printf("%-30s  %-12s  %-16s  %-5s  %-20s  %-20s  %s\n", "ID", "TENANT", "SUB",
           "ADMIN", "EXPIRES", "REVOKED", "SCOPE");
    for (i = 0; i < n; i++) {
        printf("%-30s  %-12s  %-16s  %-5s  %-20s  %-20s  %s\n", keys[i].id,
               keys[i].tenant, keys[i].subject, keys[i].admin ? "yes" : "no",
               time_text(keys[i].expires_at, ctl->pool),
               time_text(keys[i].revoked_at, ctl->pool), keys[i].scope);
    }
    return LLMQ_CTL_OK;
}

int llmq_ctl_key_revoke(llmq_ctl_t *ctl)
{
    llmq_ctl_store_t db;
    int code = llmq_ctl_store_open(&db, ctl);
    apr_status_t rv;

    if (code) {
        return code;
    }
    rv = llmq_store_key_revoke(db.store, ctl->operands[0], apr_time_now(), ctl->pool);
    if (rv == APR_NOTFOUND) {
        return llmq_ctl_args_complain(LLMQ_CTL_FAILED, "there is no key %s",
                                      ctl->operands[0]);
    }
    return rv == APR_SUCCESS ? LLMQ_CTL_OK : llmq_ctl_store_failed(rv);
}
