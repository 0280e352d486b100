/* S2: the life of apps. Debug turns are api_app_debug.c. */
#include "http/api.h"

#include "base/clock.h"
#include "base/id.h"
#include "cfg/cfg.h"
#include "core/app_input.h"
#include "http/app_call.h"
#include "http/body.h"
#include "http/idempotency.h"
#include "http/reply.h"
#include "http/stored.h"

#include <apr_strings.h>

/* What the configurations of a request that comes again are called. */
#define CONFIG_ID 1

static int reply_id(request_rec *r, const char *id)
{
    return llmq_app_call_success(r, apr_pstrcat(r->pool, "{\"id\":\"", id, "\"}", NULL),
                                 "");
}

static const char *config_id(request_rec *r)
{
    const char *id = llmq_idempotency_id(r, "", NULL);

    return llmq_id_uuid(id ? id : llmq_id_create("", r->pool), CONFIG_ID, r->pool);
}

/* ---- POST /apps ---- */

static void begin(llmq_app_t *app, request_rec *r)
{
    memset(app, 0, sizeof(*app));
    app->id = llmq_app_call_new_id(r);
    app->tenant = llmq_cfg_tenant(llmq_cfg_dir(r));
    app->owner = llmq_app_call_user(r);
    app->created_at = app->updated_at = llmq_clock_now();
}

int llmq_api_app_create(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_app_patch_t patch;
    llmq_app_conf_t conf;
    llmq_result_t why = {0};
    struct json_object *body;
    llmq_app_t app;
    apr_status_t rv;

    (void)id;
    llmq_cfg_app(&conf, llmq_cfg_dir(r));
    if (llmq_body_json(&body, r, &why) != APR_SUCCESS
        || llmq_app_input_fields(&patch, body, &conf, 1, &why, r->pool) != APR_SUCCESS) {
        return llmq_reply_problem(r, &why);
    }
    begin(&app, r);
    app.name = patch.name;
    app.icon = patch.icon ? patch.icon : "";
    app.description = patch.description ? patch.description : "";
    rv = llmq_store_app_create(service->store, &app, r->pool);
    return rv == APR_SUCCESS ? reply_id(r, app.id) : llmq_app_call_fail(r, rv);
}

/* ---- GET /apps, GET /apps/{id} ---- */

int llmq_api_app_list(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_app_query_t query = {llmq_cfg_tenant(llmq_cfg_dir(r)), llmq_app_call_owner(r), 1,
                              1};
    llmq_app_page_t page;
    llmq_result_t why = {0};
    llmq_app_t *apps;
    apr_int64_t total = 0;
    apr_status_t rv;
    llmq_text_t t;
    int n = 0;
    int i;

    (void)id;
    if (llmq_app_call_page(&page, r, &why) != APR_SUCCESS) {
        return llmq_reply_problem(r, &why);
    }
    query.page = page.page;
    query.page_size = page.page_size;
    rv = llmq_store_app_list(&apps, &n, &total, service->store, &query, r->pool);
    if (rv != APR_SUCCESS) {
        return llmq_app_call_fail(r, rv);
    }
    llmq_text_init(&t, 4096, r->pool);
    LLMQ_TEXT_LIT(&t, "{\"list\":[");
    for (i = 0; i < n; i++) {
        llmq_stored_comma(&t);
        llmq_app_write(&t, &apps[i]);
    }
    llmq_app_call_page_end(&t, &page, total);
    return llmq_app_call_success(r, t.data, "");
}

int llmq_api_app_get(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_app_ref_t ref;
    llmq_app_t *app = NULL;
    llmq_text_t t;
    apr_status_t rv = llmq_app_call_find(&app, &ref, r, service, id);

    if (rv != APR_SUCCESS) {
        return llmq_app_call_fail(r, rv);
    }
    llmq_text_init(&t, 2048, r->pool);
    llmq_app_write(&t, app);
    return llmq_app_call_success(r, t.data, "");
}

/* ---- POST /apps/{id}, POST /apps/{id}/delete ---- */

int llmq_api_app_change(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_app_patch_t patch;
    llmq_app_call_t call;
    llmq_result_t why = {0};
    apr_status_t rv = llmq_app_call_begin(&call, r, service, id, &why);

    if (rv == APR_SUCCESS) {
        rv = llmq_app_input_fields(&patch, call.body, &call.conf, 0, &why, r->pool);
    }
    if (rv != APR_SUCCESS) {
        return llmq_app_call_reject(r, rv, &why);
    }
    rv = llmq_store_app_change(service->store, &call.ref, &patch, llmq_clock_now(),
                               r->pool);
    return llmq_app_call_done(r, rv, "更新AI应用成功");
}

int llmq_api_app_remove(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_app_ref_t ref;
    llmq_app_t *app = NULL;
    apr_status_t rv = llmq_app_call_find(&app, &ref, r, service, id);

    if (rv == APR_SUCCESS) {
        rv = llmq_store_app_remove(service->store, &ref, llmq_clock_now(), r->pool);
    }
    return llmq_app_call_done(r, rv, "删除AI应用成功");
}

/* ---- POST, PUT /apps/{id}/config ---- */

int llmq_api_app_configure(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_app_config_t config = {0};
    llmq_app_call_t call;
    llmq_result_t why = {0};
    apr_status_t rv = llmq_app_call_begin(&call, r, service, id, &why);

    if (rv == APR_SUCCESS) {
        rv = llmq_app_input_config(&config, call.body, &call.conf, &why, r->pool);
    }
    if (rv != APR_SUCCESS) {
        return llmq_app_call_reject(r, rv, &why);
    }
    config.id = config_id(r);
    config.updated_at = llmq_clock_now();
    rv = llmq_store_app_draft(service->store, &call.ref, &config, r->pool);
    return llmq_app_call_done(r, rv, "更新AI应用配置成功");
}

/* ---- POST /apps/{id}/publish, …/cancel-publish, GET …/published-config ---- */

static const char unpublished[] = "该应用尚未发布，请核实后重试";

int llmq_api_app_publish(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_app_ref_t ref;
    llmq_app_t *app = NULL;
    apr_status_t rv = llmq_app_call_find(&app, &ref, r, service, id);

    if (rv != APR_SUCCESS) {
        return llmq_app_call_fail(r, rv);
    }
    rv = llmq_store_app_publish(service->store, &ref, config_id(r), llmq_clock_now(),
                                r->pool);
    if (rv == APR_NOTFOUND) {
        return llmq_app_call_refuse(r, "该应用没有草稿配置，无法发布");
    }
    return llmq_app_call_done(r, rv, "发布AI应用成功");
}

int llmq_api_app_withdraw(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_app_ref_t ref;
    llmq_app_t *app = NULL;
    apr_status_t rv = llmq_app_call_find(&app, &ref, r, service, id);

    if (rv != APR_SUCCESS) {
        return llmq_app_call_fail(r, rv);
    }
    rv = llmq_store_app_withdraw(service->store, &ref, llmq_clock_now(), r->pool);
    if (rv == APR_NOTFOUND) {
        return llmq_app_call_refuse(r, unpublished);
    }
    return llmq_app_call_done(r, rv, "取消发布AI应用成功");
}

int llmq_api_app_published(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_app_ref_t ref;
    llmq_app_t *app = NULL;
    llmq_result_t why = {0};
    llmq_text_t t;
    apr_status_t rv = llmq_app_call_find(&app, &ref, r, service, id);

    if (rv != APR_SUCCESS) {
        return llmq_app_call_fail(r, rv);
    }
    if (!app->config[LLMQ_APP_PUBLISHED].id) {
        llmq_result_set(&why, LLMQ_PROBLEM_NO_APP, NULL, unpublished);
        return llmq_reply_problem(r, &why);
    }
    llmq_text_init(&t, 512, r->pool);
    llmq_app_config_write(&t, &app->config[LLMQ_APP_PUBLISHED], LLMQ_APP_PUBLISHED);
    return llmq_app_call_success(r, t.data, "");
}

/* ---- POST /apps/{id}/copy ---- */

int llmq_api_app_copy(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_app_ref_t ref;
    llmq_app_t *from = NULL;
    llmq_app_t app;
    apr_status_t rv = llmq_app_call_find(&from, &ref, r, service, id);

    if (rv != APR_SUCCESS) {
        return llmq_app_call_fail(r, rv);
    }
    begin(&app, r);
    app.name = from->name;
    app.icon = from->icon;
    app.description = from->description;
    rv = llmq_store_app_copy(service->store, &app, config_id(r), from->id, r->pool);
    return rv == APR_SUCCESS ? reply_id(r, app.id) : llmq_app_call_fail(r, rv);
}
