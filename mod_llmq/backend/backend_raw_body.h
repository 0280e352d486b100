/**
 * @file backend_raw_body.h
 * What a raw call (llmq_raw_t) sends: the caller's body, byte for byte but for the name of
 * the model and the wish for the usage of a stream. No I/O.
 */
#ifndef LLMQ_BACKEND_RAW_BODY_H
#define LLMQ_BACKEND_RAW_BODY_H

#include "backend/backend.h"

/**
 * @param plen out: bytes of the text
 * @param call its body with the backend's name of the model; if it asks for a stream, for
 *             the usage as well
 * @return the text to send, in call->pool; NULL if the body is no JSON object
 * @threads any
 */
const char *llmq_backend_raw_body(apr_size_t *plen, const llmq_call_t *call);

/**
 * @param call whose body is looked at
 * @return non-zero if it asks for the usage of a stream itself
 * @threads any
 */
int llmq_backend_raw_body_wants_usage(const llmq_call_t *call);

#endif /* LLMQ_BACKEND_RAW_BODY_H */
