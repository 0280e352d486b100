/**
 * @file body.h
 * Request bodies: read whole and bounded, then parsed as JSON.
 */
#ifndef LLMQ_BODY_H
#define LLMQ_BODY_H

#include "base/result.h"

#include <httpd.h>
#include <json-c/json_types.h>

/** Cap where LimitRequestBody says nothing: httpd's own default is a gigabyte. */
#define LLMQ_BODY_DEFAULT_LIMIT (10 * 1024 * 1024)

/**
 * Read a request's body, once: later calls get the same bytes.
 * @param pdata out: the bytes, with a NUL behind them
 * @param plen  out: their number
 * @param r     the request
 * @param why   out: BODY_SIZE (beyond LimitRequestBody) or BODY_READ
 * @return APR_SUCCESS; LLMQ_EBODY see @a why
 * @threads request; waits for the client as httpd's Timeout and mod_reqtimeout allow
 */
apr_status_t llmq_body_read(const char **pdata, apr_size_t *plen, request_rec *r,
                            llmq_result_t *why);

/**
 * Parse what stands in a body.
 * @param pvalue out: the value
 * @param text   JSON, or not
 * @param len    its bytes
 * @param r      the request
 * @param why    out: BODY_SIZE (beyond LLMQMaxTree) or JSON
 * @return APR_SUCCESS; LLMQ_EBODY see @a why
 * @threads request
 */
apr_status_t llmq_body_parse(struct json_object **pvalue, const char *text,
                             apr_size_t len, request_rec *r, llmq_result_t *why);

/**
 * Read a request's body and parse it.
 * @param pbody out: the value
 * @param r     the request; Content-Type must be application/json or absent, and name no
 *              charset but utf-8; no Content-Encoding that an input filter has not undone
 * @param why   out: MEDIA_TYPE, BODY_SIZE (beyond LimitRequestBody or LLMQMaxTree),
 *              BODY_READ or JSON
 * @return APR_SUCCESS; LLMQ_EBODY see @a why
 * @threads request; waits for the client as httpd's Timeout and mod_reqtimeout allow
 */
apr_status_t llmq_body_json(struct json_object **pbody, request_rec *r,
                            llmq_result_t *why);

/**
 * As llmq_body_json() for a call that may come without a body.
 * @param pbody out: the value; NULL where the body is empty, whatever its Content-Type
 * @param r     the request
 * @param why   out: as llmq_body_json()
 * @return APR_SUCCESS; LLMQ_EBODY see @a why
 * @threads request; waits for the client as httpd's Timeout and mod_reqtimeout allow
 */
apr_status_t llmq_body_json_or_none(struct json_object **pbody, request_rec *r,
                                    llmq_result_t *why);

#endif /* LLMQ_BODY_H */
