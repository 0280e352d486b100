#include "http/query_token.h"

#include "http/tongue.h"

#include <apr_strings.h>

#include <string.h>

#define KEY "mod_llmq query token"

static const char name[] = "access_token=";

/* Where streams are, by the last segment of their paths. */
static const char *const streams[] = {"/sse", "/events"};

/* @return where the next pair of this name begins; NULL: there is none */
static char *find_pair(char *text, char *from)
{
    char *at = from;

    while ((at = strstr(at, name))) {
        if (at == text || at[-1] == '?' || at[-1] == '&') {
            return at;
        }
        at++;
    }
    return NULL;
}

/* Remove each pair of this name from a query, alone or within a URL or a request line; the
 * first value is kept. Nothing else changes. */
static char *without(const char *text, const char **pvalue, apr_pool_t *p)
{
    char *copy = apr_pstrdup(p, text);
    char *at = copy;

    while ((at = find_pair(copy, at))) {
        char *value = at + sizeof(name) - 1;
        char *end = value + strcspn(value, "& \t#");

        if (pvalue && !*pvalue) {
            *pvalue = apr_pstrmemdup(p, value, (apr_size_t)(end - value));
        }
        if (*end == '&') {
            end++;
        }
        else if (at > copy) {
            at--; /* the last pair goes with the sign before it */
        }
        memmove(at, end, strlen(end) + 1);
    }
    return copy;
}

static int holds_one(const char *text)
{
    return text && strstr(text, name);
}

static void keep(request_rec *r, const char *value)
{
    char *token = value && *value ? apr_pstrdup(r->pool, value) : NULL;

    if (token && ap_unescape_urlencoded(token) == OK) {
        apr_pool_userdata_setn(token, KEY, NULL, r->pool);
    }
}

/* Whoever has opened a stream as a page, and goes on from there. */
static void clean_referer(request_rec *r)
{
    const char *from = apr_table_get(r->headers_in, "Referer");

    if (holds_one(from)) {
        apr_table_setn(r->headers_in, "Referer", without(from, NULL, r->pool));
    }
}

static int may_hold_one(const request_rec *r)
{
    return holds_one(r->the_request) || holds_one(r->args)
           || holds_one(apr_table_get(r->headers_in, "Referer"));
}

int llmq_query_token_take(request_rec *r)
{
    const char *value = NULL;

    if (!may_hold_one(r) || !llmq_tongue_mount(r)) {
        return DECLINED;
    }
    clean_referer(r);
    if (holds_one(r->args)) {
        r->args = without(r->args, &value, r->pool);
        r->args = *r->args ? r->args : NULL;
        r->parsed_uri.query = r->args;
        keep(r, value);
    }
    if (holds_one(r->the_request)) {
        r->the_request = without(r->the_request, NULL, r->pool);
    }
    if (holds_one(r->unparsed_uri)) {
        r->unparsed_uri = without(r->unparsed_uri, NULL, r->pool);
    }
    return DECLINED;
}

static int is_stream(request_rec *r)
{
    const char *path = llmq_tongue_path(r);
    size_t len = strlen(path);
    size_t i;

    len -= len > 0 && path[len - 1] == '/';
    for (i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
        size_t n = strlen(streams[i]);

        if (len > n && memcmp(path + len - n, streams[i], n) == 0) {
            return 1;
        }
    }
    return 0;
}

const char *llmq_query_token_get(request_rec *r)
{
    void *token = NULL;

    apr_pool_userdata_get(&token, KEY, r->pool);
    return token && is_stream(r) ? token : NULL;
}
