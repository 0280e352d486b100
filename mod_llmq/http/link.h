/**
 * @file link.h
 * What the module keeps for a connection of httpd's while that lives.
 */
#ifndef LLMQ_LINK_H
#define LLMQ_LINK_H

#include "base/stream.h"
#include "base/wire.h"

#include <httpd.h>

typedef struct llmq_link_t {
    int taken;             /* the socket is ours: httpd closes it without a word */
    struct ssl_st *tls;    /* mod_ssl's; NULL: none that could be taken over */
    llmq_wire_t *wire;     /* over that, held for a stream */
    llmq_stream_t *stream; /* begins when httpd has let go; NULL: none */
} llmq_link_t;

/**
 * @param c a connection
 * @return its link; NULL: there is none
 * @threads request
 */
llmq_link_t *llmq_link_find(const conn_rec *c);

/**
 * @param c a connection
 * @return its link, made if there was none
 * @threads request
 */
llmq_link_t *llmq_link_get(conn_rec *c);

#endif /* LLMQ_LINK_H */
