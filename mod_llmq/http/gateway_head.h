/**
 * @file gateway_head.h
 * How an answer of the gateway begins, whichever way it is written. Private to
 * http/gateway*.c.
 */
#ifndef LLMQ_GATEWAY_HEAD_H
#define LLMQ_GATEWAY_HEAD_H

#include <httpd.h>

/**
 * Set the headers of a stream.
 * @param r a request that is answered now
 * @threads request
 */
void llmq_gateway_head_stream(request_rec *r);

/** Room for what llmq_gateway_head_status() writes. */
#define LLMQ_GATEWAY_HEAD_SIZE 80

/**
 * The status line of an answer: a backend may have a status that httpd has no words for,
 * such as 529.
 * @param words  out: "404 Not Found"
 * @param size   its bytes, LLMQ_GATEWAY_HEAD_SIZE
 * @param status of HTTP
 * @threads any
 */
void llmq_gateway_head_status(char *words, apr_size_t size, int status);

#endif /* LLMQ_GATEWAY_HEAD_H */
