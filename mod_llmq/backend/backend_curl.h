/**
 * @file backend_curl.h
 * The call engine: one thread with one curl multi handle, any number of calls in flight.
 * A *transfer* is a call on its way. Other threads only append *commands* (begin a call,
 * abort one) to a queue and wake the engine, so that an abort never hits a call that
 * was started after it.
 *
 * Lock: engine->lock guards the command queue and the stopping flag; no callback, curl
 * transfer or log runs under it. Everything else belongs to the engine's thread.
 *
 * Memory: a transfer lives in call->pool. The caller builds it there before the engine
 * sees it, the engine uses the pool until just before done() and never after it, so
 * done() may destroy it. call->pool must not share an allocator with other threads.
 *
 * The rules of a request: HTTP/1.1, one call per connection, so that closing it stops
 * the model's work; connections are reused; only http and https; redirects are not
 * followed; TLS is verified; no proxy, and proxy variables of the environment are
 * ignored, because prompts and keys must not go where the configuration does not say. A
 * time-out of 0 is none.
 */
#ifndef LLMQ_BACKEND_CURL_H
#define LLMQ_BACKEND_CURL_H

#include "backend/backend.h"

/**
 * Create the engine and start its thread.
 * @param pengine out: the engine; untouched unless APR_SUCCESS
 * @param p       pool, as long as the engine; destroying it stops the engine first
 * @return APR_SUCCESS; APR_EGENERAL curl has no handle; other as from APR
 * @threads single
 * @phase   dispatcher, before it has other threads, as curl's global state is made here
 */
apr_status_t llmq_backend_curl_create(llmq_engine_t **pengine, apr_pool_t *p);

/**
 * Begin a call to an OpenAI-compatible server. Total time is the shorter of the
 * backend's and the call's. done() comes on the engine's thread; inside this function
 * only when the request cannot be built (LLMQ_FAILURE_REQUEST: key or id with control
 * characters, no url) or the engine is stopping (LLMQ_FAILURE_CONNECT).
 * @param engine the engine
 * @param call   the call; borrowed until done()
 * @threads any; never blocks
 */
void llmq_backend_curl_start(llmq_engine_t *engine, llmq_call_t *call);

/**
 * Abort a call that was started before: done() follows on the engine's thread with ok = 0
 * and LLMQ_FAILURE_CONNECT, since the work may be tried again.
 * @param engine the engine, NULL allowed
 * @param call   which; its address only. Commands are obeyed in order, so a record that
 *               takes the same place later is not hit
 * @threads any; never blocks
 */
void llmq_backend_curl_abort(llmq_engine_t *engine, const llmq_call_t *call);

/**
 * Abort all calls, wait for their done() and end the thread. A second time does nothing.
 * @param engine the engine
 * @threads single; not from within done()
 */
void llmq_backend_curl_stop(llmq_engine_t *engine);

#endif /* LLMQ_BACKEND_CURL_H */
