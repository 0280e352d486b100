/**
 * @file backend_raw_peek.h
 * A look at a JSON text without reading it: is there something in it that is worth the
 * while? Most chunks of a stream carry a word and nothing else.
 */
#ifndef LLMQ_BACKEND_RAW_PEEK_H
#define LLMQ_BACKEND_RAW_PEEK_H

#include <apr.h>

/**
 * Does a member of this name, at any depth, have a value other than null? Inside of strings
 * quotes are escaped, so that no text of theirs looks like a member; a string that is the
 * name itself may, which costs a reading for nothing.
 * @param data        JSON
 * @param len         its bytes
 * @param quoted_name the name with its quotes
 * @return non-zero if so
 * @threads any
 */
int llmq_backend_raw_peek(const char *data, apr_size_t len, const char *quoted_name);

#endif /* LLMQ_BACKEND_RAW_PEEK_H */
