/**
 * @file session_page.h
 * Parameters and pages of S4's lists. All parameters that are wrong are told at once, in
 * Laravel's sentences; numbers above their maximum are clamped. Pages are Laravel's: `data`,
 * `links` with absolute URLs that keep the filters, `meta`.
 * @threads request
 */
#ifndef LLMQ_SESSION_PAGE_H
#define LLMQ_SESSION_PAGE_H

#include "base/text.h"
#include "base/result.h"

#include <apr_tables.h>
#include <httpd.h>

/** A parameter that is a whole number. */
typedef struct llmq_session_number_t {
    const char *name;
    const char *label; /* in sentences */
    apr_int64_t usual; /* where it is absent */
    apr_int64_t min;
    apr_int64_t max;
} llmq_session_number_t;

/**
 * @param query what llmq_query_parse() gave
 * @param spec  the parameter
 * @param why   begun as {0}; out: INVALID with one more field
 * @param p     pool of the sentence
 * @return the number, clamped to the maximum
 */
apr_int64_t llmq_session_page_number(const apr_table_t *query,
                                     const llmq_session_number_t *spec,
                                     llmq_result_t *why, apr_pool_t *p);

/** Which page of what. */
typedef struct llmq_session_page_t {
    const apr_table_t *query; /* as it came: what links keep */
    const char *path;         /* of the list, decoded, from the root of the host */
    int page;                 /* from 1 */
    int per_page;             /* > 0 */
    int n;                    /* items on this page */
    apr_int64_t total;
} llmq_session_page_t;

/**
 * The members `links` and `meta`.
 * @param t    where to, within an object
 * @param page which page
 * @param r    the request, whose scheme and host URLs have
 */
void llmq_session_page_write(llmq_text_t *t, const llmq_session_page_t *page,
                             request_rec *r);

#endif /* LLMQ_SESSION_PAGE_H */
