/**
 * @file backend_scrub.h
 * What a backend says about its failure, made fit to be stored and shown: short, on one
 * line, without the key and the url of the backend, which some servers repeat.
 */
#ifndef LLMQ_BACKEND_SCRUB_H
#define LLMQ_BACKEND_SCRUB_H

#include "backend/backend.h"

/** Longest result in bytes. */
#define LLMQ_BACKEND_SCRUB_MAX 300

/**
 * @param text UTF-8, NUL-terminated
 * @param conf its key, its url and the url's host are replaced by "***"
 * @param p    pool of the result
 * @return at most LLMQ_BACKEND_SCRUB_MAX bytes, cut between characters; control
 *         characters have become spaces
 * @threads any
 */
const char *llmq_backend_scrub(const char *text, const llmq_backend_conf_t *conf,
                               apr_pool_t *p);

/**
 * As llmq_backend_scrub(), for callers of the gateway, who know nothing of the backends:
 * everything that looks like a URL or like a key ("sk-…", "Bearer …") is struck out too.
 * @param text UTF-8, NUL-terminated
 * @param conf as for llmq_backend_scrub()
 * @param p    pool of the result
 * @return as llmq_backend_scrub()
 * @threads any
 */
const char *llmq_backend_scrub_all(const char *text, const llmq_backend_conf_t *conf,
                                   apr_pool_t *p);

#endif /* LLMQ_BACKEND_SCRUB_H */
