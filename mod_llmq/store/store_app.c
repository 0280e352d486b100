#include "store/store_app.h"

#include "store/store_page.h"
#include "store/store_run.h"

/* Columns in the order of APP_COLUMNS. */
typedef enum {
    COLUMN_ID = 0,
    COLUMN_TENANT,
    COLUMN_OWNER,
    COLUMN_NAME,
    COLUMN_ICON,
    COLUMN_DESCRIPTION,
    COLUMN_CONVERSATION,
    COLUMN_SUMMARY,
    COLUMN_CREATED_AT,
    COLUMN_UPDATED_AT,
    COLUMN_CONFIGS /* of each: id, model, rounds, memory, created_at, updated_at */
} column_e;

#define CONFIG_COLUMNS 6

static void read_config(llmq_app_config_t *config, const llmq_store_rows_t *rows,
                        int first)
{
    config->id = llmq_store_run_text(rows, first);
    config->model = llmq_store_run_text(rows, first + 1);
    config->rounds = (int)llmq_store_run_int(rows, first + 2);
    config->memory = (llmq_app_memory_e)llmq_store_run_int(rows, first + 3);
    config->created_at = llmq_store_run_int(rows, first + 4);
    config->updated_at = llmq_store_run_int(rows, first + 5);
}

static void read_app(llmq_app_t *app, const llmq_store_rows_t *rows)
{
    int i;

    app->id = llmq_store_run_text(rows, COLUMN_ID);
    app->tenant = llmq_store_run_text(rows, COLUMN_TENANT);
    app->owner = llmq_store_run_text(rows, COLUMN_OWNER);
    app->name = llmq_store_run_text(rows, COLUMN_NAME);
    app->icon = llmq_store_run_text(rows, COLUMN_ICON);
    app->description = llmq_store_run_text(rows, COLUMN_DESCRIPTION);
    app->conversation = llmq_store_run_text(rows, COLUMN_CONVERSATION);
    app->summary = llmq_store_run_text(rows, COLUMN_SUMMARY);
    app->created_at = llmq_store_run_int(rows, COLUMN_CREATED_AT);
    app->updated_at = llmq_store_run_int(rows, COLUMN_UPDATED_AT);
    for (i = 0; i < LLMQ_APP_CONFIG_COUNT; i++)
        read_config(&app->config[i], rows, COLUMN_CONFIGS + i * CONFIG_COLUMNS);
}

/* ------------------------------------------------------------------------------- apps */

static void create_args(const char *args[8], const llmq_app_t *app, apr_pool_t *p)
{
    args[0] = app->id;
    args[1] = app->tenant;
    args[2] = app->owner;
    args[3] = app->name;
    args[4] = app->icon;
    args[5] = app->description;
    args[6] = args[7] = number(app->created_at, p);
}

apr_status_t llmq_store_app_create(llmq_store_t *store, const llmq_app_t *app,
                                   apr_pool_t *p)
{
    const char *args[8];
    llmq_store_rows_t rows;

    create_args(args, app, p);
    return llmq_store_run(&rows, store, LLMQ_SQL_APP_CREATE, args, p);
}

apr_status_t llmq_store_app_find(llmq_app_t **papp, llmq_store_t *store,
                                 const llmq_app_ref_t *ref, apr_pool_t *p)
{
    const char *args[] = {ref->id, ref->tenant};
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_APP_FIND, args, p);

    if (rv != APR_SUCCESS)
        return rv;
    if (!llmq_store_run_next(&rows))
        return APR_NOTFOUND;
    *papp = apr_palloc(p, sizeof(**papp));
    read_app(*papp, &rows);
    return APR_SUCCESS;
}

apr_status_t llmq_store_app_list(llmq_app_t **papps, int *pn, apr_int64_t *ptotal,
                                 llmq_store_t *store, const llmq_app_query_t *query,
                                 apr_pool_t *p)
{
    int all = !query->owner;
    const char *args[] = {query->tenant, query->owner, NULL, NULL};
    int n = all ? 1 : 2;
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_page_count(
        ptotal, store, all ? LLMQ_SQL_APP_TALLY_ALL : LLMQ_SQL_APP_TALLY, args, p);

    if (rv != APR_SUCCESS)
        return rv;
    llmq_store_page_args(&args[n], query->page, query->page_size, p);
    rv = llmq_store_run(&rows, store, all ? LLMQ_SQL_APP_LIST_ALL : LLMQ_SQL_APP_LIST,
                        args, p);
    if (rv != APR_SUCCESS)
        return rv;
    *papps = apr_palloc(p, sizeof(**papps) * ((apr_size_t)rows.n + 1));
    for (n = 0; llmq_store_run_next(&rows); n++)
        read_app(&(*papps)[n], &rows);
    *pn = n;
    return APR_SUCCESS;
}

apr_status_t llmq_store_app_change(llmq_store_t *store, const llmq_app_ref_t *ref,
                                   const llmq_app_patch_t *patch, apr_time_t now,
                                   apr_pool_t *p)
{
    const char *args[] = {patch->name,    patch->icon, patch->description,
                          number(now, p), ref->id,     ref->tenant};

    return llmq_store_run_change(store, LLMQ_SQL_APP_CHANGE, args, APR_NOTFOUND, p);
}

apr_status_t llmq_store_app_remove(llmq_store_t *store, const llmq_app_ref_t *ref,
                                   apr_time_t now, apr_pool_t *p)
{
    const char *args[] = {number(now, p), ref->id, ref->tenant};

    return llmq_store_run_change(store, LLMQ_SQL_APP_REMOVE, args, APR_NOTFOUND, p);
}

/* --------------------------------------------------------------------- configurations */

apr_status_t llmq_store_app_draft(llmq_store_t *store, const llmq_app_ref_t *ref,
                                  const llmq_app_config_t *config, apr_pool_t *p)
{
    const char *now = number(config->updated_at, p);
    const char *args[] = {config->id,
                          number(config->rounds, p),
                          number(config->memory, p),
                          config->model,
                          now,
                          now,
                          ref->id,
                          ref->tenant};

    return llmq_store_run_change(store, LLMQ_SQL_APP_DRAFT, args, APR_NOTFOUND, p);
}

apr_status_t llmq_store_app_publish(llmq_store_t *store, const llmq_app_ref_t *ref,
                                    const char *id, apr_time_t now, apr_pool_t *p)
{
    const char *when = number(now, p);
    const char *args[] = {id, when, when, ref->id, ref->tenant};

    return llmq_store_run_change(store, LLMQ_SQL_APP_PUBLISH, args, APR_NOTFOUND, p);
}

typedef struct {
    const llmq_app_ref_t *ref;
    apr_time_t now;
    int found; /* something was published */
} withdraw_t;

/* When it changed last cannot be told any more by a configuration that is gone. */
static apr_status_t withdraw_in(void *ctx, llmq_store_txn_t *txn, int again,
                                apr_pool_t *p)
{
    withdraw_t *w = ctx;
    const char *which[] = {w->ref->id, w->ref->tenant};
    const char *touch[] = {NULL,       NULL,          NULL, number(w->now, p),
                           w->ref->id, w->ref->tenant};
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run_in(&rows, txn, LLMQ_SQL_APP_WITHDRAW, which);

    if (rv != APR_SUCCESS)
        return rv;
    /* The second time what the first one removed is gone. */
    w->found = llmq_store_run_next(&rows) || (again && w->found);
    return w->found ? llmq_store_run_in(&rows, txn, LLMQ_SQL_APP_CHANGE, touch)
                    : APR_SUCCESS;
}

apr_status_t llmq_store_app_withdraw(llmq_store_t *store, const llmq_app_ref_t *ref,
                                     apr_time_t now, apr_pool_t *p)
{
    withdraw_t w = {ref, now, 0};
    apr_status_t rv =
        llmq_store_run_all(store, LLMQ_SQL_APP_WITHDRAW, withdraw_in, &w, p);

    return rv == APR_SUCCESS && !w.found ? APR_NOTFOUND : rv;
}

/* ------------------------------------------------------------------------------- copy */

typedef struct {
    const llmq_app_t *app;
    const char *config;
    const char *from;
} copy_t;

static apr_status_t copy_in(void *ctx, llmq_store_txn_t *txn, int again, apr_pool_t *p)
{
    const copy_t *copy = ctx;
    const char *now = number(copy->app->created_at, p);
    const char *config[] = {copy->app->id, copy->config, now, now, copy->from};
    const char *create[8];
    llmq_store_rows_t rows;
    apr_status_t rv;

    (void)again; /* what is there already is not made twice */
    create_args(create, copy->app, p);
    rv = llmq_store_run_in(&rows, txn, LLMQ_SQL_APP_CREATE, create);
    return rv == APR_SUCCESS
               ? llmq_store_run_in(&rows, txn, LLMQ_SQL_APP_COPY_CONFIG, config)
               : rv;
}

apr_status_t llmq_store_app_copy(llmq_store_t *store, const llmq_app_t *app,
                                 const char *config, const char *from, apr_pool_t *p)
{
    copy_t copy = {app, config, from};

    return llmq_store_run_all(store, LLMQ_SQL_APP_CREATE, copy_in, &copy, p);
}
