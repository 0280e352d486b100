#include "store/store_setting.h"

#include "base/clock.h"
#include "store/store_run.h"

#include <apr_strings.h>

/* So many others may be faster before a change gives up. */
#define CHANGE_TRIES 8

static void read_setting(llmq_setting_t *s, const llmq_store_rows_t *rows)
{
    s->tenant = llmq_store_run_text(rows, 0);
    s->name = llmq_store_run_text(rows, 1);
    s->value = llmq_store_run_text(rows, 2);
    s->changed_at = llmq_store_run_int(rows, 3);
}

apr_status_t llmq_store_setting_put(llmq_store_t *store, const char *tenant,
                                    const char *name, const char *value, apr_pool_t *p)
{
    const char *now = apr_psprintf(p, "%" APR_TIME_T_FMT, llmq_clock_now());
    const char *args[] = {tenant, name, value, now};
    llmq_store_rows_t none;

    return llmq_store_run(&none, store, LLMQ_SQL_SETTING_PUT, args, p);
}

apr_status_t llmq_store_setting_swap(llmq_store_t *store, const llmq_setting_t *s,
                                     apr_pool_t *p)
{
    const char *now = apr_psprintf(p, "%" APR_TIME_T_FMT, llmq_clock_now());
    const char *seen = apr_psprintf(p, "%" APR_TIME_T_FMT, s->changed_at);
    const char *args[] = {s->tenant, s->name, s->value, now, seen};
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_SETTING_SWAP, args, p);

    if (rv != APR_SUCCESS)
        return rv;
    return llmq_store_run_next(&rows) ? APR_SUCCESS : APR_EAGAIN;
}

apr_status_t llmq_store_setting_get(llmq_setting_t *psetting, llmq_store_t *store,
                                    const char *tenant, const char *name, apr_pool_t *p)
{
    const char *args[] = {tenant, name};
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_SETTING_GET, args, p);

    if (rv != APR_SUCCESS)
        return rv;
    if (!llmq_store_run_next(&rows))
        return APR_NOTFOUND;
    read_setting(psetting, &rows);
    return APR_SUCCESS;
}

apr_status_t llmq_store_setting_list(llmq_setting_t **psettings, int *pn,
                                     llmq_store_t *store, const char *name, apr_pool_t *p)
{
    const char *args[] = {name};
    llmq_store_rows_t rows;
    llmq_setting_t *list;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_SETTING_LIST, args, p);
    int n = 0;

    if (rv != APR_SUCCESS)
        return rv;
    list = apr_palloc(p, sizeof(*list) * ((apr_size_t)rows.n + 1));
    while (llmq_store_run_next(&rows))
        read_setting(&list[n++], &rows);
    *psettings = list;
    *pn = n;
    return APR_SUCCESS;
}

apr_status_t llmq_store_setting_newest(apr_time_t *pwhen, llmq_store_t *store,
                                       apr_pool_t *p)
{
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_SETTING_NEWEST, NULL, p);

    if (rv != APR_SUCCESS)
        return rv;
    *pwhen = llmq_store_run_next(&rows) ? llmq_store_run_int(&rows, 0) : 0;
    return APR_SUCCESS;
}

static apr_status_t try_change(llmq_store_t *store, llmq_setting_t *s,
                               llmq_setting_change_fn_t *change, void *ctx, apr_pool_t *p)
{
    llmq_setting_t old = {0};
    apr_status_t rv = llmq_store_setting_get(&old, store, s->tenant, s->name, p);

    if (rv != APR_SUCCESS && rv != APR_NOTFOUND)
        return rv;
    s->changed_at = old.changed_at;
    s->value = change(ctx, old.value, p);
    return s->value ? llmq_store_setting_swap(store, s, p) : APR_SUCCESS;
}

apr_status_t llmq_store_setting_change(llmq_store_t *store, const char *tenant,
                                       const char *name, llmq_setting_change_fn_t *change,
                                       void *ctx, apr_pool_t *p)
{
    llmq_setting_t s = {.tenant = tenant, .name = name};
    apr_status_t rv = APR_EAGAIN;
    int i;

    for (i = 0; i < CHANGE_TRIES && rv == APR_EAGAIN; i++)
        rv = try_change(store, &s, change, ctx, p);
    return rv == APR_EAGAIN ? LLMQ_ESTORE : rv;
}
