/**
 * @file json_span.h
 * Where in the text of a JSON object the value of a member stands: for who wants one member
 * of a long text without a tree of all of it, or wants to change one and leave every other
 * byte as it is.
 */
#ifndef LLMQ_JSON_SPAN_H
#define LLMQ_JSON_SPAN_H

#include <apr.h>

/** A part of a text. */
typedef struct llmq_json_span_t {
    const char *at;
    apr_size_t len; /* bytes */
} llmq_json_span_t;

/** A walk over the members of the outermost object of a text that llmq_json_scan() accepts;
 * over others it ends somewhere. */
typedef struct llmq_json_walk_t {
    const char *at;
    const char *end;
} llmq_json_walk_t;

/**
 * @param w    out: a walk that stands before the first member
 * @param text the text
 * @param len  its bytes
 * @return non-zero if it is an object
 * @threads any
 */
int llmq_json_span_walk(llmq_json_walk_t *w, const char *text, apr_size_t len);

/**
 * @param name  out: as it is written, without its quotes
 * @param value out: its value
 * @param w     the walk, which goes on
 * @return non-zero; 0: there are no more
 * @threads any
 */
int llmq_json_span_next(llmq_json_span_t *name, llmq_json_span_t *value,
                        llmq_json_walk_t *w);

/**
 * Is this a member's name? One that is written with escapes is the same name to whoever
 * parses the text, so it is to us.
 * @param name a name, as a walk tells it
 * @param key  in ASCII, without characters that JSON must escape
 * @return non-zero if so
 * @threads any
 */
int llmq_json_span_is(const llmq_json_span_t *name, const char *key);

/**
 * Find a member of the outermost object: the last one of that name, as parsers do.
 * @param value out: its value; untouched unless found
 * @param text  a text that llmq_json_scan() accepts; of others the answer means nothing
 * @param len   its bytes
 * @param key   the name, as for llmq_json_span_is()
 * @return non-zero if there is one
 * @threads any
 */
int llmq_json_span(llmq_json_span_t *value, const char *text, apr_size_t len,
                   const char *key);

#endif /* LLMQ_JSON_SPAN_H */
