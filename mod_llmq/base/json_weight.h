/**
 * @file json_weight.h
 * What a JSON text will take once it is parsed. json-c's tree of ten megabytes of `{},` is
 * 350 times as long as they are, so who takes texts from strangers weighs them first.
 *
 * The *weight* is an estimate, on the safe side, of the memory of the tree's nodes. The bytes
 * of strings are not counted: those are bounded by the length of the text.
 */
#ifndef LLMQ_JSON_WEIGHT_H
#define LLMQ_JSON_WEIGHT_H

#include <apr.h>

/** No byte of a text that can be parsed weighs more, taken over the whole of it. */
#define LLMQ_JSON_WEIGHT_MOST 512

/**
 * @param text bytes; they need not be JSON, of other texts the weight says nothing
 * @param len  their number
 * @return bytes
 * @threads any
 */
apr_uint64_t llmq_json_weight(const char *text, apr_size_t len);

/**
 * @param text  as above
 * @param len   as above
 * @param limit bytes
 * @return non-zero if it weighs more than that; short texts are not even looked at
 * @threads any
 */
int llmq_json_weight_is_over(const char *text, apr_size_t len, apr_uint64_t limit);

#endif /* LLMQ_JSON_WEIGHT_H */
