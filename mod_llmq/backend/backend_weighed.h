/**
 * @file backend_weighed.h
 * What a backend says as JSON, read with its limit in mind: LLMQBackendMaxAnswer bounds the
 * text, and a tree may take as many times that as makes no difference to honest answers.
 */
#ifndef LLMQ_BACKEND_WEIGHED_H
#define LLMQ_BACKEND_WEIGHED_H

#include "llmq.h"

#include <apr_pools.h>
#include <json-c/json_types.h>

/** So many times LLMQBackendMaxAnswer. */
#define LLMQ_BACKEND_WEIGHED_TREE 32

/** Or so much, where that is little: bytes. */
#define LLMQ_BACKEND_WEIGHED_LEAST (1024 * 1024)

/**
 * @param pvalue out: the value, owned by @a p; left alone if there is none
 * @param text   JSON, or not
 * @param len    its bytes
 * @param max    the longest answer of this backend in bytes
 * @param p      the pool
 * @return APR_SUCCESS; LLMQ_EBODY: no JSON, or of too many values
 * @threads any
 */
apr_status_t llmq_backend_weighed_parse(struct json_object **pvalue, const char *text,
                                        apr_size_t len, apr_size_t max, apr_pool_t *p);

#endif /* LLMQ_BACKEND_WEIGHED_H */
