/**
 * @file support_http.h
 * A small HTTP server inside a test, on a free loopback port. The first segment of the
 * path says how it behaves, for instance POST /stall/v1/chat/completions:
 *
 *   echo      JSON answer whose content is the request it got, headers included
 *   slow      as stream, a byte at a time
 *   stream    a stream in a few pieces, kept alive
 *   linger    a whole stream with [DONE], then nothing, the connection stays open
 *   held      as linger, but the first piece alone until http_server_go_on()
 *   stall     never answers
 *   head      status line and headers, then nothing
 *   half      headers, half a body, then nothing
 *   drop      closes at once
 *   cut       closes in the middle of a body with Content-Length
 *   cutstream closes in the middle of a stream
 *   noise     bytes that are not HTTP
 *   garbage   200 and a body that is not JSON
 *   endless   200 and a JSON string that never ends
 *   busy      429, Retry-After: 7, error.message
 *   date      503, Retry-After as a date one hour ahead
 *   forever   429, Retry-After: 99999999999
 *   leak      401 whose error.message repeats the Authorization header and the Host
 *   cuterror  500, closes in the middle of the body
 *   redirect  307 to /echo
 *
 * One thread accepts, one serves each connection; connections are kept alive.
 */
#ifndef LLMQ_TEST_SUPPORT_HTTP_H
#define LLMQ_TEST_SUPPORT_HTTP_H

#include <apr_pools.h>

typedef struct http_server_t http_server_t;

http_server_t *http_server_start(apr_pool_t *p);

/** Ends every connection and thread. */
void http_server_stop(http_server_t *server);

int http_server_port(const http_server_t *server);

/** Connections accepted and requests read since the start. */
int http_server_connections(http_server_t *server);
int http_server_requests(http_server_t *server);

/** Wait until so many requests have been read. */
void http_server_await(http_server_t *server, int requests);

/** Wait for a connection of "held", let it and all later ones go on, and wait until the
 *  client's system has what it sent. */
void http_server_go_on(http_server_t *server);

#endif /* LLMQ_TEST_SUPPORT_HTTP_H */
