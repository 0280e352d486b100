/**
 * @file backend_raw.h
 * A reader (backend_answer.h) of the answers of raw calls (llmq_raw_t): it passes on the data
 * of a stream's events and keeps a JSON answer as it came. It reads just as much of them as
 * statistics need. No I/O. What is sent is made by backend_raw_body.h.
 *
 * A backend that was asked for a stream may answer in one piece of JSON, which is passed on
 * in pieces then (backend_raw_pieces.h); one that was not asked for a stream may not send
 * one. When raw->chunk() refuses a piece, the reader is refused.
 */
#ifndef LLMQ_BACKEND_RAW_H
#define LLMQ_BACKEND_RAW_H

#include "backend/backend_answer.h"

/**
 * @param call the call whose outcome will be filled, raw->http_status and raw->body among it;
 *             must outlive the reader
 * @return a reader in call->pool
 * @threads any
 */
llmq_backend_answer_t *llmq_backend_raw_create(llmq_call_t *call);

#endif /* LLMQ_BACKEND_RAW_H */
