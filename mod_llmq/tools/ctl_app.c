/* llmqctl app create, list, token. */
#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "base/utf8.h"
#include "core/token.h"
#include "store/store_app.h"
#include "tools/ctl_args.h"
#include "tools/ctl_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NAME 512   /* bytes, as LLMQMaxTitle has it by default */
#define MAX_TEXT 65536 /* as LLMQMaxContext */
#define USUAL    20    /* lines of a list */

static const char *or_usual(const char *text, const char *usual)
{
    return text ? text : usual;
}

static const char *tenant_of(const llmq_ctl_t *ctl)
{
    return or_usual(ctl->options[LLMQ_CTL_TENANT], "default");
}

/* ---- create ---- */

static int is_text(const char *s, apr_size_t max)
{
    return strlen(s) <= max && llmq_text_is_utf8(s, strlen(s));
}

static int fill(llmq_app_t *app, llmq_ctl_t *ctl)
{
    memset(app, 0, sizeof(*app));
    app->id = llmq_id_uuid(llmq_id_create("", ctl->pool), 0, ctl->pool);
    app->tenant = tenant_of(ctl);
    app->owner = ctl->options[LLMQ_CTL_SUB];
    app->name = ctl->options[LLMQ_CTL_NAME];
    app->icon = or_usual(ctl->options[LLMQ_CTL_ICON], "");
    app->description = or_usual(ctl->options[LLMQ_CTL_DESCRIPTION], "");
    app->created_at = apr_time_now();
    if (!app->name || llmq_utf8_is_blank(app->name) || !is_text(app->name, MAX_NAME)) {
        return llmq_ctl_args_complain(LLMQ_CTL_USAGE,
                                      "--name must be a text of 1 to %d bytes", MAX_NAME);
    }
    if (!is_text(app->icon, MAX_TEXT) || !is_text(app->description, MAX_TEXT)) {
        return llmq_ctl_args_complain(LLMQ_CTL_USAGE,
                                      "--icon and --description must be texts of at most "
                                      "%d bytes",
                                      MAX_TEXT);
    }
    return LLMQ_CTL_OK;
}

int llmq_ctl_app_create(llmq_ctl_t *ctl)
{
    llmq_ctl_store_t db;
    llmq_app_t app;
    apr_status_t rv;
    int code = llmq_ctl_args_check_names(ctl);

    if (code || (code = fill(&app, ctl)) || (code = llmq_ctl_store_open(&db, ctl))) {
        return code;
    }
    rv = llmq_store_app_create(db.store, &app, ctl->pool);
    if (rv != APR_SUCCESS) {
        return llmq_ctl_store_failed(rv);
    }
    puts(app.id);
    return LLMQ_CTL_OK;
}

/* ---- list ---- */

/* @return 0 if the option is no such number */
static int limit_of(const llmq_ctl_t *ctl)
{
    const char *text = ctl->options[LLMQ_CTL_LIMIT];
    char *end = NULL;
    long n = text ? strtol(text, &end, 10) : USUAL;

    return text && (end == text || *end) ? 0 : n >= 1 && n <= 10000 ? (int)n : 0;
}

static void show_json(const llmq_app_t *apps, int n, apr_pool_t *p)
{
    llmq_text_t t;
    int i;

    llmq_text_init(&t, 4096, p);
    LLMQ_TEXT_LIT(&t, "[");
    for (i = 0; i < n; i++) {
        llmq_text_puts(&t, i ? "," : "");
        llmq_app_write(&t, &apps[i]);
        t.data[--t.len] = '\0'; /* whose it is stands in it, too */
        llmq_json_kv(&t, "tenant", apps[i].tenant);
        llmq_json_kv(&t, "sub", apps[i].owner);
        LLMQ_TEXT_LIT(&t, "}");
    }
    LLMQ_TEXT_LIT(&t, "]");
    puts(t.data);
}

static void show(const llmq_app_t *apps, int n)
{
    char created[LLMQ_RFC3339_SIZE];
    int i;

    printf("%-36s  %-16s  %-5s  %-9s  %-20s  %s\n", "ID", "SUB", "DRAFT", "PUBLISHED",
           "CREATED", "NAME");
    for (i = 0; i < n; i++) {
        llmq_text_rfc3339(created, apps[i].created_at);
        printf("%-36s  %-16s  %-5s  %-9s  %-20s  %s\n", apps[i].id, apps[i].owner,
               apps[i].config[LLMQ_APP_DRAFTED].id ? "yes" : "no",
               apps[i].config[LLMQ_APP_PUBLISHED].id ? "yes" : "no", created,
               apps[i].name);
    }
}

int llmq_ctl_app_list(llmq_ctl_t *ctl)
{
    llmq_app_query_t query = {tenant_of(ctl), ctl->options[LLMQ_CTL_SUB], 1,
                              limit_of(ctl)};
    llmq_ctl_store_t db;
    llmq_app_t *apps = NULL;
    apr_int64_t total = 0;
    apr_status_t rv;
    int code;
    int n = 0;

    if (query.page_size == 0) {
        return llmq_ctl_args_complain(LLMQ_CTL_USAGE, "--limit must be 1 to 10000");
    }
    if ((code = llmq_ctl_store_open(&db, ctl))) {
        return code;
    }
    rv = llmq_store_app_list(&apps, &n, &total, db.store, &query, ctl->pool);
    if (rv != APR_SUCCESS) {
        return llmq_ctl_store_failed(rv);
    }
    if (ctl->options[LLMQ_CTL_JSON]) {
        show_json(apps, n, ctl->pool);
    }
    else {
        show(apps, n);
    }
    return LLMQ_CTL_OK;
}

/* ---- token ---- */

int llmq_ctl_app_token(llmq_ctl_t *ctl)
{
    const llmq_app_ref_t ref = {tenant_of(ctl), ctl->operands[0]};
    llmq_ctl_store_t db;
    llmq_app_t *app = NULL;
    int code = llmq_ctl_store_open(&db, ctl);
    apr_status_t rv;

    if (code) {
        return code;
    }
    rv = llmq_store_app_find(&app, db.store, &ref, ctl->pool);
    if (rv == APR_NOTFOUND) {
        return llmq_ctl_args_complain(LLMQ_CTL_FAILED, "there is no app %s", ref.id);
    }
    if (rv != APR_SUCCESS) {
        return llmq_ctl_store_failed(rv);
    }
    /* What its owner would be given. */
    ctl->options[LLMQ_CTL_SUB] = app->owner;
    ctl->options[LLMQ_CTL_TENANT] = app->tenant;
    return llmq_ctl_token_run(ctl);
}
