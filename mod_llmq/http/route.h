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

#endif /* LLMQ_ROUTE_H */
