/**
 * @file backend_handle.h
 * How connections to backends are made: what all curl handles have in common.
 */
#ifndef LLMQ_BACKEND_HANDLE_H
#define LLMQ_BACKEND_HANDLE_H

#include "backend/backend.h"

#include <curl/curl.h>

/** Bytes of the headers and trailers of an answer, all together. */
#define LLMQ_BACKEND_HANDLE_HEADERS (512 * 1024)

/**
 * End a transfer whose headers or trailers have no end: it is as one that broke off.
 * @param easy  the handle
 * @param bytes where they are counted; must live as long as the handle
 * @return non-zero if curl took it
 * @threads the engine's
 */
int llmq_backend_handle_bound(CURL *easy, apr_size_t *bytes);

/**
 * HTTP/1.1 over http or https, TLS verified, no proxies, no redirects (backend_curl.h). A
 * call that times out while its name is being looked up leaves the look-up to its thread;
 * curl would otherwise hold up all calls until that thread ends.
 * @param easy the handle
 * @param conf the backend; its time-out for connecting is read
 * @return non-zero if curl took it all
 * @threads the engine's
 */
int llmq_backend_handle_set(CURL *easy, const llmq_backend_conf_t *conf);

#endif /* LLMQ_BACKEND_HANDLE_H */
