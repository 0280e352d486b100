#include "store/store_key.h"

#include "store/store_run.h"

static void read_key(llmq_apikey_t *key, const llmq_store_rows_t *rows)
{
    key->hash = llmq_store_run_text(rows, 0);
    key->id = llmq_store_run_text(rows, 1);
    key->tenant = llmq_store_run_text(rows, 2);
    key->subject = llmq_store_run_text(rows, 3);
    key->scope = llmq_store_run_text(rows, 4);
    key->admin = (int)llmq_store_run_int(rows, 5);
    key->created_at = llmq_store_run_int(rows, 6);
    key->expires_at = llmq_store_run_int(rows, 7);
    key->revoked_at = llmq_store_run_int(rows, 8);
}

apr_status_t llmq_store_key_save(llmq_store_t *store, const llmq_apikey_t *key,
                                 apr_pool_t *p)
{
    const char *args[] = {key->hash,
                          key->id,
                          key->tenant,
                          key->subject,
                          key->scope ? key->scope : "",
                          key->admin ? "1" : "0",
                          number(key->created_at, p),
                          number(key->expires_at, p)};
    llmq_store_rows_t none;

    return llmq_store_run(&none, store, LLMQ_SQL_KEY_SAVE, args, p);
}

apr_status_t llmq_store_key_find(llmq_apikey_t *key, llmq_store_t *store,
                                 const char *hash, apr_pool_t *p)
{
    const char *args[] = {hash};
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_KEY_FIND, args, p);

    if (rv != APR_SUCCESS)
        return rv;
    if (!llmq_store_run_next(&rows))
        return APR_NOTFOUND;
    read_key(key, &rows);
    return APR_SUCCESS;
}

apr_status_t llmq_store_key_list(llmq_apikey_t **pkeys, int *pn, llmq_store_t *store,
                                 const char *tenant, apr_pool_t *p)
{
    const char *args[] = {tenant ? tenant : "", tenant ? tenant : ""};
    llmq_store_rows_t rows;
    llmq_apikey_t *keys;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_KEY_LIST, args, p);
    int n = 0;

    if (rv != APR_SUCCESS)
        return rv;
    keys = apr_palloc(p, sizeof(*keys) * ((apr_size_t)rows.n + 1));
    while (llmq_store_run_next(&rows))
        read_key(&keys[n++], &rows);
    *pkeys = keys;
    *pn = n;
    return APR_SUCCESS;
}

apr_status_t llmq_store_key_revoke(llmq_store_t *store, const char *id, apr_time_t now,
                                   apr_pool_t *p)
{
    const char *args[] = {number(now, p), id};

    return llmq_store_run_change(store, LLMQ_SQL_KEY_REVOKE, args, APR_NOTFOUND, p);
}
