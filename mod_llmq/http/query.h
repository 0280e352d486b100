/**
 * @file query.h
 * The parameters behind the question mark.
 * @threads request
 */
#ifndef LLMQ_QUERY_H
#define LLMQ_QUERY_H

#include "base/result.h"
#include "llmq.h"

#include <apr_tables.h>
#include <apr_time.h>
#include <httpd.h>

/**
 * Take the query string apart. The last of equal names wins; an empty value counts as
 * absent; broken escapes, NUL and bytes that are no UTF-8 are refused.
 * @param ptable out: name → decoded value
 * @param r      the request
 * @param why    out: REQUEST
 * @return APR_SUCCESS; LLMQ_EBODY
 */
apr_status_t llmq_query_parse(apr_table_t **ptable, request_rec *r, llmq_result_t *why);

/**
 * The same of a text that is encoded alike: the body of a form.
 * @param ptable out: name → decoded value
 * @param text   the text
 * @param p      pool of the table
 * @param why    out: REQUEST
 * @return APR_SUCCESS; LLMQ_EBODY
 */
apr_status_t llmq_query_parse_text(apr_table_t **ptable, const char *text, apr_pool_t *p,
                                   llmq_result_t *why);

/**
 * A whole number from 1 up.
 * @param pn    in: the default; out: the number, at most @a max (larger is clamped)
 * @param query what llmq_query_parse() gave
 * @param name  the parameter
 * @param max   clamp
 * @param why   out: REQUEST with the field
 * @return APR_SUCCESS; LLMQ_EBODY not a number, or below 1
 */
apr_status_t llmq_query_count(int *pn, const apr_table_t *query, const char *name,
                              int max, llmq_result_t *why);

/**
 * One word of a list.
 * @param pi    in: the default; out: index of the word in @a words
 * @param query what llmq_query_parse() gave
 * @param name  the parameter
 * @param words words, ended by NULL
 * @param why   out: REQUEST with the field
 * @return APR_SUCCESS; LLMQ_EBODY another word
 */
apr_status_t llmq_query_word(int *pi, const apr_table_t *query, const char *name,
                             const char *const *words, llmq_result_t *why);

/**
 * The parameter `kind`: message or task.
 * @param pkind in: the default; out: what it says
 * @param query what llmq_query_parse() gave
 * @param why   out: REQUEST with the field
 * @return APR_SUCCESS; LLMQ_EBODY another word
 */
apr_status_t llmq_query_kind(llmq_kind_e *pkind, const apr_table_t *query,
                             llmq_result_t *why);

/**
 * Refuse parameters that the call does not know: a misspelt filter must not match all.
 * @param query what llmq_query_parse() gave
 * @param words the known ones, ended by NULL
 * @param why   out: REQUEST with the field
 * @return APR_SUCCESS; LLMQ_EBODY
 */
apr_status_t llmq_query_known(const apr_table_t *query, const char *const *words,
                              llmq_result_t *why);

/**
 * The level that `priority` names.
 * @param plevel in: the default; out: the level
 * @param query  what llmq_query_parse() gave
 * @param name   the parameter
 * @param why    out: PRIORITY with the field
 * @return APR_SUCCESS; LLMQ_EBODY
 */
apr_status_t llmq_query_level(llmq_level_e *plevel, const apr_table_t *query,
                              const char *name, llmq_result_t *why);

/**
 * A moment: a time as RFC 3339 has it, or a distance from now such as "1h30m".
 * @param pwhen  in: the default; out: the moment
 * @param query  what llmq_query_parse() gave
 * @param name   the parameter
 * @param now    the present
 * @param ahead  non-zero: a distance leads forward, else back
 * @param why    out: REQUEST with the field
 * @return APR_SUCCESS; LLMQ_EBODY
 */
apr_status_t llmq_query_moment(apr_time_t *pwhen, const apr_table_t *query,
                               const char *name, apr_time_t now, int ahead,
                               llmq_result_t *why);

#endif /* LLMQ_QUERY_H */
