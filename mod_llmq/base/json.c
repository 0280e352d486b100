#include "base/json.h"

#include "base/json_scan.h"

#include <apr_strings.h>

#include <json-c/json.h>
#include <json-c/json_visit.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define FORMAT_FLAGS (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

/* What marks a wide integer on its way through json-c, which keeps the text of doubles. */
#define WIDE_MARK     "e0"
#define WIDE_MARK_LEN (sizeof(WIDE_MARK) - 1)

static apr_status_t put_object(void *obj)
{
    json_object_put(obj);
    return APR_SUCCESS;
}

static apr_status_t refuse(llmq_result_t *why, const llmq_json_scan_t *scan,
                           apr_pool_t *p)
{
    const char *reason = NULL;

    if (why)
        reason =
            apr_psprintf(p, "%s (at byte %" APR_SIZE_T_FMT ")", scan->reason, scan->at);
    return llmq_result_set(why, LLMQ_PROBLEM_JSON, NULL, reason);
}

/* The text with the mark behind each wide integer. */
static void mark_wide(llmq_text_t *t, const char *text, apr_size_t len,
                      const apr_array_header_t *wide, apr_pool_t *p)
{
    apr_size_t from = 0;
    int i;

    llmq_text_init(t, len + (apr_size_t)wide->nelts * WIDE_MARK_LEN + 1, p);
    for (i = 0; i < wide->nelts; i++) {
        apr_size_t to = APR_ARRAY_IDX(wide, i, apr_size_t);

        llmq_text_add(t, text + from, to - from);
        LLMQ_TEXT_LIT(t, WIDE_MARK);
        from = to;
    }
    llmq_text_add(t, text + from, len - from);
}

/* The text of a number that carries our mark, NULL for any other value. */
static const char *marked_text(json_object *obj)
{
    const char *text = NULL;
    apr_size_t len;

    if (json_object_is_type(obj, json_type_double))
        text = json_object_get_userdata(obj);
    len = text ? strlen(text) : 0;
    if (len <= WIDE_MARK_LEN || strcmp(text + len - WIDE_MARK_LEN, WIDE_MARK) != 0)
        return NULL;
    return llmq_json_scan_is_wide(text, len - WIDE_MARK_LEN) ? text : NULL;
}

/* Take the mark off again. A wide number that its author wrote in the same form loses it
 * too, which does not change its value. */
static int unmark_wide(json_object *obj, int flags, json_object *parent, const char *key,
                       size_t *index, void *arg)
{
    const char *text = marked_text(obj);
    char *bare = text ? strndup(text, strlen(text) - WIDE_MARK_LEN) : NULL;

    (void)flags;
    (void)parent;
    (void)key;
    (void)index;
    (void)arg;
    if (bare)
        json_object_set_serializer(obj, json_object_userdata_to_json_string, bare,
                                   json_object_free_userdata);
    return JSON_C_VISIT_RETURN_CONTINUE;
}

/* Build the tree of a text that the scan has accepted; only memory can fail it. */
static int build(json_object **pobj, const char *text, int len, int max_depth)
{
    json_tokener *tokener = json_tokener_new_ex(max_depth + 2);
    json_object *obj;
    int ok;

    if (!tokener)
        return 0;
    obj = json_tokener_parse_ex(tokener, text, len);
    /* Nothing behind a number says that it has ended. */
    if (json_tokener_get_error(tokener) == json_tokener_continue)
        obj = json_tokener_parse_ex(tokener, "", 1);
    ok = json_tokener_get_error(tokener) == json_tokener_success;
    json_tokener_free(tokener);
    if (ok)
        *pobj = obj;
    return ok;
}

static int build_wide(json_object **pobj, const char *text, apr_size_t len, int max_depth,
                      const apr_array_header_t *wide, apr_pool_t *p)
{
    llmq_text_t marked;

    mark_wide(&marked, text, len, wide, p);
    if (marked.len > INT_MAX || !build(pobj, marked.data, (int)marked.len, max_depth))
        return 0;
    json_c_visit(*pobj, 0, unmark_wide, NULL);
    return 1;
}

apr_status_t llmq_json_parse(struct json_object **pobj, const char *text, apr_size_t len,
                             int max_depth, llmq_result_t *why, apr_pool_t *p)
{
    llmq_json_scan_t scan;
    json_object *obj = NULL;
    int ok;

    if (len > INT_MAX)
        return llmq_result_set(why, LLMQ_PROBLEM_JSON, NULL, "the text is too long");
    if (!llmq_json_scan(&scan, text, len, max_depth, p))
        return refuse(why, &scan, p);
    if (scan.wide)
        ok = build_wide(&obj, text, len, max_depth, scan.wide, p);
    else
        ok = build(&obj, text, (int)len, max_depth);
    if (!ok)
        return llmq_result_set(why, LLMQ_PROBLEM_JSON, NULL, "the text cannot be parsed");
    if (obj)
        apr_pool_cleanup_register(p, obj, put_object, apr_pool_cleanup_null);
    *pobj = obj;
    return APR_SUCCESS;
}

const char *llmq_json_format(struct json_object *obj)
{
    return obj ? json_object_to_json_string_ext(obj, FORMAT_FLAGS) : "null";
}

struct json_object *llmq_json_member(struct json_object *obj, const char *key)
{
    struct json_object *value = NULL;

    if (json_object_is_type(obj, json_type_object))
        json_object_object_get_ex(obj, key, &value);
    return value;
}

apr_int64_t llmq_json_whole(struct json_object *value, apr_int64_t other)
{
    const double most = 9007199254740992.0; /* beyond, a double has no units any more */
    apr_int64_t whole;
    double n;

    if (json_object_is_type(value, json_type_int))
        return json_object_get_int64(value);
    n = json_object_is_type(value, json_type_double) ? json_object_get_double(value)
                                                     : 0.5;
    if (!(n >= -most && n <= most))
        return other;
    whole = (apr_int64_t)n;
    return (double)whole < n || (double)whole > n ? other : whole;
}

/* The letter of a short escape, 'u' for the long form, 0 for bytes that stand as they are. */
static char escape_of(unsigned char c)
{
    switch (c) {
    case '"': return '"';
    case '\\': return '\\';
    case '\b': return 'b';
    case '\f': return 'f';
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    default: return c < 0x20 ? 'u' : 0;
    }
}

static void put_escape(llmq_text_t *t, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    char escape[6] = {'\\', escape_of(c), '0', '0', hex[c >> 4], hex[c & 15]};

    llmq_text_add(t, escape, escape[1] == 'u' ? 6 : 2);
}

static apr_size_t plain_len(const char *s, apr_size_t len)
{
    apr_size_t n = 0;

    while (n < len && (unsigned char)s[n] >= 0x20 && s[n] != '"' && s[n] != '\\')
        n++;
    return n;
}

void llmq_json_string(llmq_text_t *t, const char *s, apr_size_t len)
{
    apr_size_t n;

    LLMQ_TEXT_LIT(t, "\"");
    for (;;) {
        n = plain_len(s, len);
        llmq_text_add(t, s, n);
        if (n == len)
            break;
        put_escape(t, (unsigned char)s[n]);
        s += n + 1;
        len -= n + 1;
    }
    LLMQ_TEXT_LIT(t, "\"");
}

void llmq_json_strz(llmq_text_t *t, const char *s)
{
    if (s)
        llmq_json_string(t, s, strlen(s));
    else
        LLMQ_TEXT_LIT(t, "null");
}

void llmq_json_strings(llmq_text_t *t, const char *const *strings, int n)
{
    int i;

    LLMQ_TEXT_LIT(t, "[");
    for (i = 0; i < n; i++) {
        if (i)
            LLMQ_TEXT_LIT(t, ",");
        llmq_json_strz(t, strings[i]);
    }
    LLMQ_TEXT_LIT(t, "]");
}

void llmq_json_key(llmq_text_t *t, const char *key)
{
    const char *last = t->len > 0 ? t->data + t->len - 1 : NULL;

    if (last && *last != '{' && *last != '[')
        LLMQ_TEXT_LIT(t, ",");
    llmq_json_string(t, key, strlen(key));
    LLMQ_TEXT_LIT(t, ":");
}

void llmq_json_kv(llmq_text_t *t, const char *key, const char *value)
{
    llmq_json_key(t, key);
    llmq_json_strz(t, value);
}

void llmq_json_kv_int(llmq_text_t *t, const char *key, apr_int64_t n)
{
    llmq_json_key(t, key);
    llmq_text_int(t, n);
}

/* Only the part behind the point is scaled: the whole of a large number would lose digits. */
static void put_decimals(llmq_text_t *t, double x)
{
    double whole = trunc(fabs(x));
    int fraction = (int)lround((fabs(x) - whole) * 10000);
    int unit;

    if (fraction == 10000) {
        whole += 1;
        fraction = 0;
    }
    if (x < 0 && (whole > 0 || fraction > 0))
        LLMQ_TEXT_LIT(t, "-");
    llmq_text_int(t, (apr_int64_t)whole);
    if (fraction)
        LLMQ_TEXT_LIT(t, ".");
    for (unit = 1000; fraction; unit /= 10) {
        llmq_text_int(t, fraction / unit);
        fraction %= unit;
    }
}

void llmq_json_kv_double(llmq_text_t *t, const char *key, double x)
{
    char big[320]; /* the largest double has 309 digits */

    llmq_json_key(t, key);
    if (!isfinite(x)) {
        LLMQ_TEXT_LIT(t, "null"); /* JSON has no word for these */
    }
    else if (fabs(x) < 1e14) {
        put_decimals(t, x);
    }
    else {
        /* Without decimals there is no decimal point for the locale to choose. */
        snprintf(big, sizeof(big), "%.0f", x);
        llmq_text_puts(t, big);
    }
}

void llmq_json_kv_raw(llmq_text_t *t, const char *key, const char *raw)
{
    llmq_json_key(t, key);
    llmq_text_puts(t, raw ? raw : "null");
}

static void put_time(llmq_text_t *t, const char *key, apr_time_t when,
                     apr_size_t (*format)(char *, apr_time_t))
{
    char buf[LLMQ_RFC3339_SIZE + 2];
    apr_size_t len;

    llmq_json_key(t, key);
    if (when == 0) {
        LLMQ_TEXT_LIT(t, "null");
        return;
    }
    len = format(buf + 1, when);
    buf[0] = buf[len + 1] = '"';
    llmq_text_add(t, buf, len + 2);
}

void llmq_json_kv_time(llmq_text_t *t, const char *key, apr_time_t when)
{
    put_time(t, key, when, llmq_text_rfc3339);
}

void llmq_json_kv_instant(llmq_text_t *t, const char *key, apr_time_t when)
{
    put_time(t, key, when, llmq_text_rfc3339_usec);
}

void llmq_json_kv_duration(llmq_text_t *t, const char *key, apr_interval_time_t d)
{
    char buf[LLMQ_DURATION_SIZE];

    llmq_text_duration(buf, d);
    llmq_json_kv(t, key, buf);
}
