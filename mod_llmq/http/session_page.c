#include "http/session_page.h"

#include "base/json.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <http_core.h>

#include <string.h>

/* ---- parameters ---- */

/* Digits with a sign; what is beyond all maxima stays so. */
static apr_status_t parse(apr_int64_t *pn, const char *text)
{
    const char *c = text + (*text == '-');
    apr_int64_t n = 0;

    if (!apr_isdigit(*c)) {
        return APR_EINVAL;
    }
    for (; apr_isdigit(*c); c++) {
        n = n > APR_INT64_MAX / 100 ? n : n * 10 + (*c - '0');
    }
    *pn = *text == '-' ? -n : n;
    return *c ? APR_EINVAL : APR_SUCCESS;
}

static void blame(llmq_result_t *why, const llmq_session_number_t *spec, const char *what,
                  apr_pool_t *p)
{
    llmq_result_blame(why, spec->name,
                      apr_psprintf(p, "The %s field must be %s.", spec->label, what), p);
}

apr_int64_t llmq_session_page_number(const apr_table_t *query,
                                     const llmq_session_number_t *spec,
                                     llmq_result_t *why, apr_pool_t *p)
{
    const char *text = apr_table_get(query, spec->name);
    apr_int64_t n = spec->usual;

    if (!text) {
        return n;
    }
    if (parse(&n, text) != APR_SUCCESS) {
        blame(why, spec, "an integer", p);
    }
    else if (n < spec->min) {
        blame(why, spec, apr_psprintf(p, "at least %" APR_INT64_T_FMT, spec->min), p);
    }
    return n > spec->max ? spec->max : n;
}

/* ---- links ---- */

static void add_encoded(llmq_text_t *t, const char *s)
{
    for (; *s; s++) {
        if (apr_isalnum(*s) || strchr("-._~", *s)) {
            llmq_text_add(t, s, 1);
        }
        else {
            llmq_text_printf(t, "%%%02X", (unsigned char)*s);
        }
    }
}

/* A token must not travel on in links. */
static int is_kept(const char *name)
{
    return strcmp(name, "page") != 0 && strcmp(name, "access_token") != 0;
}

static const char *filters_of(const apr_table_t *query, apr_pool_t *p)
{
    const apr_array_header_t *pairs = apr_table_elts(query);
    llmq_text_t t;
    int i;

    llmq_text_init(&t, 128, p);
    for (i = 0; i < pairs->nelts; i++) {
        const apr_table_entry_t *e = &APR_ARRAY_IDX(pairs, i, apr_table_entry_t);

        if (is_kept(e->key)) {
            add_encoded(&t, e->key);
            LLMQ_TEXT_LIT(&t, "=");
            add_encoded(&t, e->val);
            LLMQ_TEXT_LIT(&t, "&");
        }
    }
    return t.data;
}

/* What all links of a page have in common. */
typedef struct {
    const char *url;
    const char *filters;
    apr_pool_t *pool;
} link_t;

static void add_link(llmq_text_t *t, const char *name, const link_t *link,
                     apr_int64_t page)
{
    llmq_json_kv(t, name,
                 page ? apr_psprintf(link->pool, "%s?%spage=%" APR_INT64_T_FMT, link->url,
                                     link->filters, page)
                      : NULL);
}

static apr_int64_t last_of(const llmq_session_page_t *page)
{
    apr_int64_t last = (page->total + page->per_page - 1) / page->per_page;

    return last > 0 ? last : 1;
}

static void add_links(llmq_text_t *t, const llmq_session_page_t *page, const link_t *link)
{
    apr_int64_t last = last_of(page);

    llmq_json_key(t, "links");
    LLMQ_TEXT_LIT(t, "{");
    add_link(t, "first", link, 1);
    add_link(t, "last", link, last);
    add_link(t, "prev", link, page->page - 1);
    add_link(t, "next", link, page->page < last ? page->page + 1 : 0);
    LLMQ_TEXT_LIT(t, "}");
}

static void add_place(llmq_text_t *t, const char *name, const llmq_session_page_t *page,
                      apr_int64_t place)
{
    if (page->n > 0) {
        llmq_json_kv_int(t, name, place);
    }
    else {
        llmq_json_kv_raw(t, name, NULL);
    }
}

static void add_meta(llmq_text_t *t, const llmq_session_page_t *page, const char *url)
{
    apr_int64_t before = (apr_int64_t)(page->page - 1) * page->per_page;

    llmq_json_key(t, "meta");
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv_int(t, "current_page", page->page);
    add_place(t, "from", page, before + 1);
    llmq_json_kv_int(t, "last_page", last_of(page));
    llmq_json_kv(t, "path", url);
    llmq_json_kv_int(t, "per_page", page->per_page);
    add_place(t, "to", page, before + page->n);
    llmq_json_kv_int(t, "total", page->total);
    LLMQ_TEXT_LIT(t, "}");
}

void llmq_session_page_write(llmq_text_t *t, const llmq_session_page_t *page,
                             request_rec *r)
{
    link_t link;

    link.url = ap_construct_url(r->pool, ap_os_escape_path(r->pool, page->path, 1), r);
    link.filters = filters_of(page->query, r->pool);
    link.pool = r->pool;
    add_links(t, page, &link);
    add_meta(t, page, link.url);
}
