/**
 * @file backend_raw_pieces.h
 * The answer of a backend that knows no streams, for a client that has asked for one: the
 * same answer as chunks, in OpenAI's form. Of a chat: what was said, how it ended, and the
 * usage where the body asks for it; of a completion: the answer, and the usage.
 */
#ifndef LLMQ_BACKEND_RAW_PIECES_H
#define LLMQ_BACKEND_RAW_PIECES_H

#include "backend/backend_raw.h"

struct json_object;

/** Takes the data of an event; anything but APR_SUCCESS ends it. */
typedef apr_status_t llmq_backend_raw_piece_fn_t(void *ctx, const char *data,
                                                 apr_size_t len);

/** Whose answer it is. */
typedef struct llmq_backend_raw_pieces_t {
    int is_chat;     /* 0: of /completions */
    int wants_usage; /* the client gets a chunk of usage */
    llmq_backend_raw_piece_fn_t *fn;
    void *ctx;
} llmq_backend_raw_pieces_t;

/**
 * @param how    for whom
 * @param answer the answer, an object; it is changed
 * @return APR_SUCCESS; other: as fn() has returned
 * @threads any
 */
apr_status_t llmq_backend_raw_pieces_tell(const llmq_backend_raw_pieces_t *how,
                                          struct json_object *answer);

#endif /* LLMQ_BACKEND_RAW_PIECES_H */
