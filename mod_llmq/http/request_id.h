/**
 * @file request_id.h
 * The id of a request, which its answer carries as `x-request-id` where OpenAI's interface is
 * spoken. A completion's job has the same.
 * @threads request
 */
#ifndef LLMQ_REQUEST_ID_H
#define LLMQ_REQUEST_ID_H

#include <httpd.h>

/**
 * @param r a request; the first time the header of its answer is set, whatever that will be,
 *          and beside it the version of the interface
 * @return its id, `req_` and 26 characters
 */
const char *llmq_request_id_get(request_rec *r);

#endif /* LLMQ_REQUEST_ID_H */
