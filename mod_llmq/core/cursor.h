/**
 * @file cursor.h
 * Where a listener stands in a log: the number of the last entry that it has, 0 before the
 * first. It comes from outside, as `Last-Event-ID` when a browser comes back by itself, or
 * as a parameter.
 */
#ifndef LLMQ_CURSOR_H
#define LLMQ_CURSOR_H

#include <apr.h>
#include <apr_errno.h>

/**
 * @param pcursor out: >= 0; what does not fit is the highest there is; untouched unless
 *                APR_SUCCESS
 * @param text    decimal digits, nothing else
 * @return APR_SUCCESS; APR_EINVAL
 * @threads any
 */
apr_status_t llmq_cursor_parse(apr_int64_t *pcursor, const char *text);

/**
 * Where to begin (D12, D13): a Last-Event-ID comes first if it is a number, the parameter
 * else.
 * @param pcursor out: untouched unless APR_SUCCESS
 * @param last_id the header; NULL: none
 * @param after   the parameter; NULL: from the first entry on
 * @return APR_SUCCESS; APR_EINVAL the parameter is not a number from 0 up, whether it is
 *         needed or not
 * @threads any
 */
apr_status_t llmq_cursor_choose(apr_int64_t *pcursor, const char *last_id,
                                const char *after);

#endif /* LLMQ_CURSOR_H */
