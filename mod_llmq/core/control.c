#include "core/control.h"

#include "base/json.h"
#include "core/priority.h"

#include <apr_strings.h>

#include <json-c/json.h>
#include <string.h>

#define DEPTH 4

static struct json_object *object_of(const char *json, apr_pool_t *p)
{
    struct json_object *obj = NULL;

    if (!json || llmq_json_parse(&obj, json, strlen(json), DEPTH, NULL, p) != APR_SUCCESS)
        return NULL;
    return json_object_is_type(obj, json_type_object) ? obj : NULL;
}

static int is_true(struct json_object *obj, const char *name)
{
    struct json_object *value = llmq_json_member(obj, name);

    return json_object_is_type(value, json_type_boolean)
           && json_object_get_boolean(value);
}

unsigned int llmq_control_paused_parse(const char *json, apr_pool_t *p)
{
    struct json_object *obj = object_of(json, p);
    unsigned int levels = 0;
    int l;

    LLMQ_EACH_LEVEL (l)
        if (obj && is_true(obj, llmq_priority_name((llmq_level_e)l)))
            levels |= 1U << l;
    return levels;
}

const char *llmq_control_paused_format(unsigned int levels, apr_pool_t *p)
{
    llmq_text_t t;
    int l;

    llmq_text_init(&t, 80, p);
    LLMQ_TEXT_LIT(&t, "{");
    LLMQ_EACH_LEVEL (l)
        if (levels & 1U << l)
            llmq_json_kv_raw(&t, llmq_priority_name((llmq_level_e)l), "true");
    LLMQ_TEXT_LIT(&t, "}");
    return t.data;
}

void llmq_control_maintenance_parse(llmq_control_maintenance_t *m, const char *json,
                                    apr_pool_t *p)
{
    struct json_object *obj = object_of(json, p);
    struct json_object *value = NULL;

    m->on = obj && is_true(obj, "on");
    m->message = "";
    if (obj && json_object_object_get_ex(obj, "message", &value)
        && json_object_is_type(value, json_type_string))
        m->message = apr_pstrdup(p, json_object_get_string(value));
}

const char *llmq_control_maintenance_format(const llmq_control_maintenance_t *m,
                                            apr_pool_t *p)
{
    llmq_text_t t;

    llmq_text_init(&t, 80 + strlen(m->message), p);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv_raw(&t, "on", m->on ? "true" : "false");
    llmq_json_kv(&t, "message", m->message);
    LLMQ_TEXT_LIT(&t, "}");
    return t.data;
}
