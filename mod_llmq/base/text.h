/**
 * @file text.h
 * A growing byte buffer in a pool, and the small formats of the dialects: RFC 3339 times,
 * Go durations, UTF-8 checks.
 * @threads any; one buffer belongs to one thread at a time
 */
#ifndef LLMQ_TEXT_H
#define LLMQ_TEXT_H

#include <apr.h>
#include <apr_pools.h>
#include <apr_time.h>

/** A buffer that doubles when full. data is always NUL-terminated; len excludes it. */
typedef struct {
    char *data;
    apr_size_t len;
    apr_size_t size; /* bytes allocated */
    apr_pool_t *pool;
} llmq_text_t;

/**
 * @param t    the buffer to begin
 * @param size first allocation in bytes (> 0); growth leaves the old piece to the pool
 * @param p    pool of the bytes
 */
void llmq_text_init(llmq_text_t *t, apr_size_t size, apr_pool_t *p);

/**
 * Make room for @a extra more bytes and the NUL.
 * @return where the next byte goes; the caller writes and then adds to t->len
 */
char *llmq_text_reserve(llmq_text_t *t, apr_size_t extra);

/** Append @a len bytes. */
void llmq_text_add(llmq_text_t *t, const char *data, apr_size_t len);

/** Append a NUL-terminated text. */
void llmq_text_puts(llmq_text_t *t, const char *s);

/** Append a decimal number. */
void llmq_text_int(llmq_text_t *t, apr_int64_t n);

/** Append formatted text (apr_snprintf formats); at most 1,000 bytes a call. */
void llmq_text_printf(llmq_text_t *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/** Literal append without strlen(). */
#define LLMQ_TEXT_LIT(t, s) llmq_text_add((t), "" s, sizeof(s) - 1)

/** Room for any result of llmq_text_rfc3339() with its NUL. */
#define LLMQ_RFC3339_SIZE 32

/**
 * RFC 3339 in UTC with whole seconds: 2025-01-01T10:30:00Z.
 * @param buf  LLMQ_RFC3339_SIZE bytes
 * @param when microseconds since 1970
 * @return length of the text
 */
apr_size_t llmq_text_rfc3339(char *buf, apr_time_t when);

/**
 * The same with microseconds: 2025-01-01T10:30:00.000000Z.
 * @param buf  LLMQ_RFC3339_SIZE bytes
 * @param when microseconds since 1970
 * @return length of the text
 */
apr_size_t llmq_text_rfc3339_usec(char *buf, apr_time_t when);

/**
 * Read an RFC 3339 time with any offset and an optional fraction.
 * @return APR_SUCCESS; APR_EINVAL not such a time
 */
apr_status_t llmq_text_parse_rfc3339(apr_time_t *pwhen, const char *s);

/** Room for any result of llmq_text_duration() with its NUL. */
#define LLMQ_DURATION_SIZE 40

/**
 * A duration as Go prints it: "0s", "50ms", "1.5s", "30s", "14s", "2m0s", "72h35m20s";
 * below a second in ms, µs as "ms" with a fraction ("0.25ms").
 * @param buf  LLMQ_DURATION_SIZE bytes
 * @param d    microseconds, negative counts as 0
 * @return length of the text
 */
apr_size_t llmq_text_duration(char *buf, apr_interval_time_t d);

/**
 * @return non-zero if the bytes are UTF-8 as RFC 3629 has it: no overlong forms, no
 *         surrogates, nothing above U+10FFFF
 */
int llmq_text_is_utf8(const char *s, apr_size_t len);

#endif /* LLMQ_TEXT_H */
