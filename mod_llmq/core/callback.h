/**
 * @file callback.h
 * A URL that somebody wants to be told at (callback_url, LLMQWebhook): which ones are
 * accepted, and the one spelling in which they are kept. The spelling leaves nothing to
 * interpretation, so that whoever reads the URL later finds the same host in it:
 * `scheme://host[:port]/path[?query]`, scheme and host in lower case, no user name, no
 * fragment, ASCII only.
 */
#ifndef LLMQ_CALLBACK_H
#define LLMQ_CALLBACK_H

#include <apr_pools.h>

/** Longest URL in bytes. */
#define LLMQ_CALLBACK_MAX 2048

/**
 * Accept a URL.
 * @param purl out: its kept spelling, in @a p; untouched unless APR_SUCCESS
 * @param pwhy out: unless APR_SUCCESS, what it must be, for "callback_url must be …"; static
 * @param text the URL as it was given
 * @param p    pool
 * @return APR_SUCCESS; APR_EINVAL
 * @threads any
 */
apr_status_t llmq_callback_parse(const char **purl, const char **pwhy, const char *text,
                                 apr_pool_t *p);

/**
 * @param url a kept spelling
 * @param p   pool of the result
 * @return its host, without the brackets of an IPv6 address
 * @threads any
 */
const char *llmq_callback_host(const char *url, apr_pool_t *p);

/**
 * What a job carries: the list of those who want to be told of its end, each once.
 * @param own    URL of the job itself, kept spelling, or NULL
 * @param common list of the location's, kept spellings
 * @param n      their number
 * @param p      pool of the text
 * @return JSON array of texts; NULL if there is nobody
 * @threads any
 */
const char *llmq_callback_list(const char *own, const char *const *common, int n,
                               apr_pool_t *p);

#endif /* LLMQ_CALLBACK_H */
