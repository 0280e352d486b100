#include "core/session_input.h"

#include "base/id.h"
#include "base/utf8.h"
#include "llmq.h"

#include <apr_strings.h>

#include <json-c/json.h>
#include <string.h>

/* Everything the field readers need. */
typedef struct {
    json_object *body;
    llmq_result_t *why;
    apr_pool_t *pool;
} reader_t;

/* What a field must be. */
typedef struct {
    const char *name;
    const char *label; /* in sentences */
    int required;      /* non-zero: absent, null and "" are refused */
    int max;           /* characters; 0: any number */
} field_t;

static const field_t name_of_new = {"session_name", "session name", 0,
                                    LLMQ_SESSION_NAME_MAX};
static const field_t type_field = {"type", "type", 1, LLMQ_SESSION_TYPE_MAX};
static const field_t content_field = {"content", "content", 0, 0};
static const field_t reply_field = {"reply_to", "reply to", 0, 0};
static const field_t dedupe_field = {"dedupe_key", "dedupe key", 0,
                                     LLMQ_SESSION_DEDUPE_MAX};

/* ---- sentences ---- */

static void blame(const reader_t *r, const field_t *f, const char *what)
{
    llmq_result_blame(r->why, f->name,
                      apr_psprintf(r->pool, "The %s field %s", f->label, what), r->pool);
}

static void blame_max(const reader_t *r, const field_t *f, apr_int64_t max,
                      const char *unit)
{
    blame(r, f,
          apr_psprintf(r->pool, "must not be greater than %" APR_INT64_T_FMT " %s.", max,
                       unit));
}

static void blame_choice(const reader_t *r, const char *name, const char *label)
{
    llmq_result_blame(r->why, name,
                      apr_psprintf(r->pool, "The selected %s is invalid.", label),
                      r->pool);
}

/* ---- values ---- */

static apr_int64_t characters(const char *s)
{
    const char *end = s + strlen(s);
    apr_int64_t n;

    for (n = 0; s < end; n++)
        llmq_utf8_next(&s, end);
    return n;
}

/* @return the text of a field; NULL if it is absent, null or wrong, which is told */
static const char *read_text(const reader_t *r, const field_t *f)
{
    json_object *value = llmq_json_member(r->body, f->name);
    const char *text;

    if (value && !json_object_is_type(value, json_type_string)) {
        blame(r, f, "must be a string.");
        return NULL;
    }
    text = value ? json_object_get_string(value) : NULL;
    if (f->required && (!text || llmq_utf8_is_blank(text))) {
        blame(r, f, "is required.");
        return NULL;
    }
    if (text && f->max && characters(text) > f->max) {
        blame_max(r, f, f->max, "characters");
        return NULL;
    }
    return text;
}

static apr_status_t finish(const reader_t *r)
{
    return r->why->errors ? LLMQ_EBODY : APR_SUCCESS;
}

/* ---- sessions ---- */

/* An empty array is what PHP makes of an object without members. */
static void read_shape(const reader_t *r)
{
    static const field_t body_field = {"body", "body", 0, 0};

    if (r->body && !json_object_is_type(r->body, json_type_object)
        && !(json_object_is_type(r->body, json_type_array)
             && json_object_array_length(r->body) == 0))
        blame(r, &body_field, "must be an object.");
}

apr_status_t llmq_session_input_create(const char **pname, struct json_object *body,
                                       llmq_result_t *why, apr_pool_t *p)
{
    const reader_t r = {body, why, p};

    read_shape(&r);
    *pname = read_text(&r, &name_of_new);
    if (*pname && **pname == '\0')
        *pname = NULL;
    return finish(&r);
}

/* Unlike a new session's it may not be taken away. */
static const char *read_new_name(const reader_t *r)
{
    const char *name;

    if (!json_object_object_get_ex(r->body, name_of_new.name, NULL))
        return NULL;
    if (!llmq_json_member(r->body, name_of_new.name)) {
        blame(r, &name_of_new, "must be a string.");
        return NULL;
    }
    name = read_text(r, &name_of_new);
    if (name && *name == '\0')
        blame(r, &name_of_new, "must be at least 1 characters.");
    return name;
}

static int read_status(const reader_t *r)
{
    json_object *value = llmq_json_member(r->body, "status");
    llmq_session_status_e status;

    if (!json_object_object_get_ex(r->body, "status", NULL))
        return -1;
    if (json_object_is_type(value, json_type_string)
        && llmq_session_status_parse(&status, json_object_get_string(value))
               == APR_SUCCESS)
        return (int)status;
    blame_choice(r, "status", "status");
    return -1;
}

apr_status_t llmq_session_input_change(const char **pname, int *pstatus,
                                       struct json_object *body, llmq_result_t *why,
                                       apr_pool_t *p)
{
    const reader_t r = {body, why, p};

    *pname = NULL;
    *pstatus = -1;
    read_shape(&r);
    if (json_object_is_type(body, json_type_object)) {
        *pname = read_new_name(&r);
        *pstatus = read_status(&r);
    }
    return finish(&r);
}

/* ---- messages ---- */

static int is_empty(json_object *value)
{
    return json_object_is_type(value, json_type_string)
           && llmq_utf8_is_blank(json_object_get_string(value));
}

static void read_role(const reader_t *r, llmq_session_message_t *m)
{
    static const field_t role_field = {"role", "role", 1, 0};
    json_object *value = llmq_json_member(r->body, "role");

    if (!value || is_empty(value))
        blame(r, &role_field, "is required.");
    else if (!json_object_is_type(value, json_type_string)
             || llmq_session_role_parse(&m->role, json_object_get_string(value))
                    != APR_SUCCESS)
        blame_choice(r, "role", "role");
}

static void read_content(const reader_t *r, llmq_session_message_t *m, apr_size_t max)
{
    m->content = read_text(r, &content_field);
    if (m->content && strlen(m->content) > max)
        blame_max(r, &content_field, (apr_int64_t)max, "bytes");
}

static void read_payload(const reader_t *r, llmq_session_message_t *m)
{
    static const field_t payload_field = {"payload", "payload", 0, 0};
    json_object *value = llmq_json_member(r->body, "payload");

    if (value && !json_object_is_type(value, json_type_object))
        blame(r, &payload_field, "must be an object.");
    else
        m->payload = value ? llmq_json_format(value) : NULL;
}

static void read_reply_to(const reader_t *r, llmq_session_message_t *m)
{
    const char *text = read_text(r, &reply_field);
    char *c;

    if (!text)
        return;
    if (!llmq_id_is_uuid(text)) {
        blame(r, &reply_field, "must be a valid UUID.");
        return;
    }
    m->reply_to = c = apr_pstrdup(r->pool, text);
    for (; *c; c++)
        *c = *c >= 'A' && *c <= 'F' ? (char)(*c - 'A' + 'a') : *c;
}

apr_status_t llmq_session_input_message(llmq_session_message_t *m,
                                        struct json_object *body, apr_size_t max_content,
                                        llmq_result_t *why, apr_pool_t *p)
{
    const reader_t r = {body, why, p};

    m->payload = m->reply_to = NULL;
    read_role(&r, m);
    m->type = read_text(&r, &type_field);
    read_content(&r, m, max_content);
    read_payload(&r, m);
    read_reply_to(&r, m);
    m->dedupe_key = read_text(&r, &dedupe_field);
    if (m->dedupe_key && *m->dedupe_key == '\0')
        m->dedupe_key = NULL; /* else all who mean none would have the same one */
    return finish(&r);
}
