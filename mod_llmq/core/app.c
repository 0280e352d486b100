#include "core/app.h"

#include "llmq.h"

#include <string.h>

static const char *const memory_names[] = {
    [LLMQ_APP_MEMORY_NONE] = "none",
    [LLMQ_APP_MEMORY_LONG_TERM] = "long_term_memory",
};
_Static_assert(sizeof(memory_names) / sizeof(memory_names[0]) == LLMQ_APP_MEMORY_COUNT,
               "each mode has a word");

/* The table of S2 and its sibling say "drafted", only an example says "draft". */
static const char *const status_names[] = {
    [LLMQ_APP_DRAFTED] = "drafted",
    [LLMQ_APP_PUBLISHED] = "published",
};
_Static_assert(sizeof(status_names) / sizeof(status_names[0]) == LLMQ_APP_CONFIG_COUNT,
               "each status has a word");

const llmq_app_config_t *llmq_app_effective(const llmq_app_t *app)
{
    static const llmq_app_config_t usual = {.model = "{\"dialog_round\":3}",
                                            .rounds = LLMQ_APP_ROUNDS,
                                            .memory = LLMQ_APP_MEMORY_NONE};

    if (app->config[LLMQ_APP_DRAFTED].id) {
        return &app->config[LLMQ_APP_DRAFTED];
    }
    return app->config[LLMQ_APP_PUBLISHED].id ? &app->config[LLMQ_APP_PUBLISHED] : &usual;
}

const char *llmq_app_memory_name(llmq_app_memory_e memory)
{
    return (unsigned)memory < LLMQ_APP_MEMORY_COUNT ? memory_names[memory] : "unknown";
}

apr_status_t llmq_app_memory_parse(llmq_app_memory_e *pmemory, const char *word)
{
    int i;

    for (i = 0; word && i < LLMQ_APP_MEMORY_COUNT; i++) {
        if (strcmp(word, memory_names[i]) == 0) {
            *pmemory = (llmq_app_memory_e)i;
            return APR_SUCCESS;
        }
    }
    return APR_EINVAL;
}

void llmq_app_config_write(llmq_text_t *t, const llmq_app_config_t *config,
                           llmq_app_status_e status)
{
    if (!config->id) {
        LLMQ_TEXT_LIT(t, "null");
        return;
    }
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "id", config->id);
    llmq_json_kv_raw(t, "model_config", config->model);
    /* The document shows it inside and lists it beside: readers of either find it. */
    llmq_json_kv_int(t, "dialog_round", config->rounds);
    llmq_json_kv(t, "memory_mode", llmq_app_memory_name(config->memory));
    llmq_json_kv(t, "status", status_names[status]);
    llmq_json_kv_int(t, "updated_at", apr_time_sec(config->updated_at));
    llmq_json_kv_int(t, "created_at", apr_time_sec(config->created_at));
    LLMQ_TEXT_LIT(t, "}");
}

static void put_config(llmq_text_t *t, const char *name, const llmq_app_t *app,
                       llmq_app_status_e status)
{
    llmq_json_key(t, name);
    llmq_app_config_write(t, &app->config[status], status);
}

/* Whoever writes a configuration changes the app. */
static apr_time_t changed_at(const llmq_app_t *app)
{
    apr_time_t last = app->updated_at;
    int i;

    for (i = 0; i < LLMQ_APP_CONFIG_COUNT; i++) {
        if (app->config[i].id && app->config[i].updated_at > last) {
            last = app->config[i].updated_at;
        }
    }
    return last;
}

void llmq_app_write(llmq_text_t *t, const llmq_app_t *app)
{
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "id", app->id);
    llmq_json_kv(t, "name", app->name);
    llmq_json_kv(t, "icon", app->icon);
    llmq_json_kv(t, "description", app->description);
    llmq_json_kv(t, "published_app_config_id", app->config[LLMQ_APP_PUBLISHED].id);
    llmq_json_kv(t, "drafted_app_config_id", app->config[LLMQ_APP_DRAFTED].id);
    llmq_json_kv(t, "debug_conversation_id", app->conversation);
    put_config(t, "published_app_config", app, LLMQ_APP_PUBLISHED);
    put_config(t, "drafted_app_config", app, LLMQ_APP_DRAFTED);
    llmq_json_kv_int(t, "updated_at", apr_time_sec(changed_at(app)));
    llmq_json_kv_int(t, "created_at", apr_time_sec(app->created_at));
    LLMQ_TEXT_LIT(t, "}");
}
