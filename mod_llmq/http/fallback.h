/**
 * @file fallback.h
 * Errors that httpd itself finds on a mounted path (a forbidden address, a missing login,
 * a bad escape, a method it does not know) are answered in the dialect of that path
 * instead of HTML.
 */
#ifndef LLMQ_FALLBACK_H
#define LLMQ_FALLBACK_H

#include <httpd.h>

/** Register the filter. @phase register_hooks */
void llmq_fallback_register(void);

/**
 * insert_error_filter hook: puts the filter in front of errors on our paths.
 * @threads request
 */
void llmq_fallback_insert(request_rec *r);

#endif /* LLMQ_FALLBACK_H */
