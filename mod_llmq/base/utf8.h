/**
 * @file utf8.h
 * UTF-8 by the code point, and case folded, so that texts compare without regard to case.
 * Folding is Unicode's simple mapping, one code point to one, as the C library has it for
 * the locale C.UTF-8, whatever the locale of the process: to upper and then to lower case,
 * so that the two forms of sigma, or ſ and s, become one. Scripts without case stay as they
 * are. Where the C library lacks that locale, only ASCII is folded.
 * @threads any
 */
#ifndef LLMQ_UTF8_H
#define LLMQ_UTF8_H

#include "base/text.h"

/** The most bytes of one code point. */
#define LLMQ_UTF8_MAX 4

/**
 * Read one code point and go on behind it. Text that is not UTF-8 is read byte by byte.
 * @param ps  in and out: where to read; less than @a end
 * @param end the end of the text
 * @return the code point; for a byte that begins none, 0xDC00 and the byte, which no text
 *         has otherwise
 */
apr_uint32_t llmq_utf8_next(const char **ps, const char *end);

/**
 * @param to   LLMQ_UTF8_MAX bytes
 * @param code what llmq_utf8_next() returned
 * @return bytes written, 1 to 4; a byte that began no code point is written as it was
 */
apr_size_t llmq_utf8_put(char *to, apr_uint32_t code);

/**
 * @param code a code point
 * @return the one that stands for it and its other cases
 */
apr_uint32_t llmq_utf8_fold_code(apr_uint32_t code);

/**
 * @param code a code point
 * @return non-zero if it has Unicode's property White_Space
 */
int llmq_utf8_is_space(apr_uint32_t code);

/**
 * @param s NUL-terminated
 * @return non-zero if there is nothing but white space, or nothing at all
 */
int llmq_utf8_is_blank(const char *s);

/**
 * Append a text with each code point folded.
 * @param t   where to
 * @param s   UTF-8
 * @param len its bytes
 */
void llmq_utf8_fold(llmq_text_t *t, const char *s, apr_size_t len);

#endif /* LLMQ_UTF8_H */
