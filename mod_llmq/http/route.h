/**
 * @file route.h
 * From a request to the function that answers it: the handler's table of routes.
 */
#ifndef LLMQ_ROUTE_H
#define LLMQ_ROUTE_H

#include <httpd.h>

/**
 * The content handler for all our handler names.
 * @return DECLINED when r->handler is not ours; OK once answered
 * @threads request
 */
int llmq_route_handler(request_rec *r);

/**
 * translate_name hook: our paths stand for no file below the document root, however long
 * they are. httpd still walks along the path itself, as it merges <Directory> sections then.
 * @return OK on our paths; DECLINED elsewhere
 * @threads request
 */
int llmq_route_translate_name(request_rec *r);

/**
 * @param r a request for one of our handlers
 * @return the path of its mount, before which nothing stands in URLs; "" for the root
 * @threads request
 */
const char *llmq_route_base(request_rec *r);

/**
 * The methods that a path takes, for the header Allow.
 * @param r a request on one of our paths that no handler was called for
 * @return a list with commas ("OPTIONS" where nothing is served); NULL if r is not on a path
 *         of ours
 * @threads request
 */
const char *llmq_route_allow(request_rec *r);

/**
 * The second id of a path such as /sessions/{id}/messages/{id}; handlers are called with the
 * first.
 * @param r a request that a handler of ours is called for
 * @return the id, decoded; NULL where the route has but one
 * @threads request
 */
const char *llmq_route_id(request_rec *r);

#endif /* LLMQ_ROUTE_H */
