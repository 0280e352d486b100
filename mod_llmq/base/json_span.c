#include "base/json_span.h"

#include <string.h>

typedef llmq_json_walk_t walk_t;

static int is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_blank(walk_t *w)
{
    while (w->at < w->end && is_blank(*w->at)) {
        w->at++;
    }
}

static int take(walk_t *w, char c)
{
    skip_blank(w);
    if (w->at == w->end || *w->at != c) {
        return 0;
    }
    w->at++;
    return 1;
}

/* From the quote that opens it to behind the one that closes it. */
static void skip_string(walk_t *w)
{
    for (w->at++; w->at < w->end && *w->at != '"'; w->at++) {
        if (*w->at == '\\' && w->at + 1 < w->end) {
            w->at++;
        }
    }
    if (w->at < w->end) {
        w->at++;
    }
}

static void skip_container(walk_t *w)
{
    int depth = 0;

    while (w->at < w->end) {
        char c = *w->at;

        if (c == '"') {
            skip_string(w);
            continue;
        }
        w->at++;
        if (c == '{' || c == '[') {
            depth++;
        }
        else if ((c == '}' || c == ']') && --depth == 0) {
            return;
        }
    }
}

static void skip_word(walk_t *w)
{
    while (w->at < w->end && !is_blank(*w->at) && *w->at != ',' && *w->at != '}') {
        w->at++;
    }
}

static void skip_value(walk_t *w)
{
    if (w->at == w->end) {
        return;
    }
    if (*w->at == '"') {
        skip_string(w);
    }
    else if (*w->at == '{' || *w->at == '[') {
        skip_container(w);
    }
    else {
        skip_word(w);
    }
}

/* Reads `"name": value`; returns 0 where there is none. */
static int take_member(llmq_json_span_t *name, llmq_json_span_t *value, walk_t *w)
{
    skip_blank(w);
    if (w->at == w->end || *w->at != '"') {
        return 0;
    }
    name->at = w->at + 1;
    skip_string(w);
    name->len = (apr_size_t)(w->at - name->at) - 1;
    if (!take(w, ':')) {
        return 0;
    }
    skip_blank(w);
    value->at = w->at;
    skip_value(w);
    value->len = (apr_size_t)(w->at - value->at);
    return value->len > 0;
}

int llmq_json_span_walk(llmq_json_walk_t *w, const char *text, apr_size_t len)
{
    *w = (llmq_json_walk_t){text, text + len};
    return take(w, '{');
}

int llmq_json_span_next(llmq_json_span_t *name, llmq_json_span_t *value,
                        llmq_json_walk_t *w)
{
    if (!take_member(name, value, w)) {
        return 0;
    }
    if (!take(w, ',')) {
        w->at = w->end;
    }
    return 1;
}

/* ---- names ---- */

static int digit_of(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The character at the beginning of a part of a name; -1: none that a key has.
 * @param pused out: bytes of it */
static int character(apr_size_t *pused, const char *at, apr_size_t len)
{
    int code = 0;
    int i;

    *pused = 1;
    if (*at != '\\') {
        return (unsigned char)*at;
    }
    if (len < 6 || at[1] != 'u') {
        return -1;
    }
    for (i = 2; i < 6; i++) {
        int digit = digit_of(at[i]);

        if (digit < 0) {
            return -1;
        }
        code = code * 16 + digit;
    }
    *pused = 6;
    return code;
}

static int is_key(const llmq_json_span_t *name, const char *key)
{
    apr_size_t done = 0;
    apr_size_t used;

    for (; *key && done < name->len; key++, done += used) {
        if (character(&used, name->at + done, name->len - done) != *key) {
            return 0;
        }
    }
    return !*key && done == name->len;
}

int llmq_json_span_is(const llmq_json_span_t *name, const char *key)
{
    apr_size_t len = strlen(key);

    return name->len == len ? memcmp(name->at, key, len) == 0
                            : name->len > len && is_key(name, key);
}

int llmq_json_span(llmq_json_span_t *value, const char *text, apr_size_t len,
                   const char *key)
{
    llmq_json_walk_t w;
    llmq_json_span_t name, this;
    int found = 0;

    if (!llmq_json_span_walk(&w, text, len)) {
        return 0;
    }
    while (llmq_json_span_next(&name, &this, &w)) {
        if (llmq_json_span_is(&name, key)) {
            *value = this;
            found = 1;
        }
    }
    return found;
}
