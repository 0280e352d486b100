/* What httpd itself can do on this machine: a handler that reads a JSON body, parses it,
 * adds four fields and answers 201 with the result. No queue, no database. The benchmark
 * divides by it. Built by scripts/bench.sh only. */
#include <httpd.h>
#include <http_config.h>
#include <http_protocol.h>

#include <json-c/json.h>

#define MAX_BODY 65536

static char *read_body(request_rec *r)
{
    char *body = apr_palloc(r->pool, MAX_BODY + 1);
    apr_size_t len = 0;
    long n;

    if (ap_setup_client_block(r, REQUEST_CHUNKED_DECHUNK) != OK
        || !ap_should_client_block(r)) {
        return NULL;
    }
    while ((n = ap_get_client_block(r, body + len, MAX_BODY - len)) > 0) {
        len += (apr_size_t)n;
    }
    body[len] = '\0';
    return n < 0 ? NULL : body;
}

static int ceiling_handler(request_rec *r)
{
    struct json_object *obj;
    const char *text;
    char *body;
    size_t len;

    if (!r->handler || strcmp(r->handler, "bench-ceiling") != 0) {
        return DECLINED;
    }
    body = read_body(r);
    obj = body ? json_tokener_parse(body) : NULL;
    if (!json_object_is_type(obj, json_type_object)) {
        json_object_put(obj);
        return HTTP_BAD_REQUEST;
    }
    json_object_object_add(obj, "id",
                           json_object_new_string("msg_01ARZ3NDEKTSV4RRFFQ69G5FAV"));
    json_object_object_add(obj, "status", json_object_new_string("pending"));
    json_object_object_add(obj, "created_at",
                           json_object_new_string("2025-01-01T10:30:00Z"));
    json_object_object_add(obj, "retry_count", json_object_new_int(0));
    text = json_object_to_json_string_length(obj, JSON_C_TO_STRING_PLAIN, &len);
    r->status = HTTP_CREATED;
    ap_set_content_type(r, "application/json");
    ap_set_content_length(r, (apr_off_t)len);
    ap_rwrite(text, (int)len, r);
    json_object_put(obj);
    return OK;
}

static void register_hooks(apr_pool_t *p)
{
    (void)p;
    ap_hook_handler(ceiling_handler, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(bench_ceiling) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks,
    AP_MODULE_FLAG_NONE};
