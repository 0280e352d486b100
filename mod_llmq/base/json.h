/**
 * @file json.h
 * JSON in and out. Reading is json-c behind a strict door: RFC 8259 and nothing else (no
 * NaN, comments, single quotes, trailing commas or text, raw control characters, invalid
 * UTF-8, lone surrogates, NUL as a byte or escaped, which PostgreSQL cannot hold). Writing
 * goes straight into an llmq_text_t, without a tree, because the hot path writes far more
 * than it reads.
 * @threads any; a value and a buffer belong to one thread at a time
 */
#ifndef LLMQ_JSON_H
#define LLMQ_JSON_H

#include "base/result.h"
#include "base/text.h"

#include <json-c/json_types.h>

/**
 * Parse one JSON text.
 * @param pobj      out: the value (NULL for JSON null); freed with the pool
 * @param text      bytes
 * @param len       their number
 * @param max_depth deepest nesting allowed (> 0)
 * @param why       out: the problem, LLMQ_PROBLEM_JSON with a reason; may be NULL
 * @param p         pool that owns the value
 * @return APR_SUCCESS; LLMQ_EBODY not acceptable, *pobj untouched
 * @threads any
 */
apr_status_t llmq_json_parse(struct json_object **pobj, const char *text, apr_size_t len,
                             int max_depth, llmq_result_t *why, apr_pool_t *p);

/**
 * @param obj  a value, NULL allowed
 * @return its compact JSON text; lives as long as @a obj is not touched
 * @threads any
 */
const char *llmq_json_format(struct json_object *obj);

/**
 * @param obj an object; anything else has no members
 * @param key name of a member
 * @return the member; NULL where it is absent or null; lives as long as @a obj
 */
struct json_object *llmq_json_member(struct json_object *obj, const char *key);

/**
 * A whole number, though it may be written as 3.0 or 3e0: to JSON that is the same.
 * @param value anything, NULL too
 * @param other what is returned for all that is no whole number of 53 bits
 * @return the number, or @a other
 */
apr_int64_t llmq_json_whole(struct json_object *value, apr_int64_t other);

/**
 * Append a string in quotes, escaped. Bytes below 0x20 are written in the short form where
 * JSON has one, else by number.
 * @param t   where to
 * @param s   UTF-8
 * @param len its bytes
 */
void llmq_json_string(llmq_text_t *t, const char *s, apr_size_t len);

/** As llmq_json_string() for a NUL-terminated text; NULL becomes null. */
void llmq_json_strz(llmq_text_t *t, const char *s);

/** Append a list of strings, each as llmq_json_strz(). */
void llmq_json_strings(llmq_text_t *t, const char *const *strings, int n);

/** Append `"key":`, with a comma before it unless the last byte is `{` or `[`. */
void llmq_json_key(llmq_text_t *t, const char *key);

/** Append `"key":"value"`; NULL becomes null. Comma as llmq_json_key(). */
void llmq_json_kv(llmq_text_t *t, const char *key, const char *value);

/** Append `"key":n`. */
void llmq_json_kv_int(llmq_text_t *t, const char *key, apr_int64_t n);

/** Append `"key":x` with at most four decimals, locale-free. */
void llmq_json_kv_double(llmq_text_t *t, const char *key, double x);

/** Append `"key":` and @a raw as it is; @a raw must be JSON; NULL becomes null. */
void llmq_json_kv_raw(llmq_text_t *t, const char *key, const char *raw);

/** Append `"key":"2025-01-01T10:30:00Z"`; 0 becomes null. */
void llmq_json_kv_time(llmq_text_t *t, const char *key, apr_time_t when);

/** Append `"key":"2025-01-01T10:30:00.000000Z"`; 0 becomes null. */
void llmq_json_kv_instant(llmq_text_t *t, const char *key, apr_time_t when);

/** Append `"key":"30s"` (llmq_text_duration()). */
void llmq_json_kv_duration(llmq_text_t *t, const char *key, apr_interval_time_t d);

#endif /* LLMQ_JSON_H */
