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
 * translate_name hook: our paths stand for no file name, however long they are.
 * @return OK on our paths; DECLINED elsewhere
 * @threads request
 */
int llmq_route_translate_name(request_rec *r);

/**
 * map_to_storage hook: what we answer is no file, so httpd need not look for one. Saves
 * six system calls a request, and an id cannot run into limits of file names.
 * @return OK on our paths; DECLINED elsewhere
 * @threads request
 */
int llmq_route_map_to_storage(request_rec *r);

/**
 * @param r a request for one of our handlers
 * @return the path of its mount, before which nothing stands in URLs; "" for the root
 * @threads request
 */
const char *llmq_route_base(request_rec *r);

#endif /* LLMQ_ROUTE_H */
