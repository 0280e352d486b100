#include "http/tls.h"

#include "base/wire_tls.h"
#include "http/link.h"

#include <apr_buckets.h>
#include <apr_optional_hooks.h>
#include <http_config.h>
#include <util_filter.h>

#include <openssl/ssl.h>

/* As in mod_ssl_openssl.h, which not every distribution ships. */
typedef int ssl_HOOK_pre_handshake_t(conn_rec *c, SSL *ssl, int is_proxy);

/* mod_ssl has let go: the last that httpd does with the connection. */
static apr_status_t let_go(void *data)
{
    llmq_link_t *link = data;

    if (link->stream) {
        llmq_wire_tls_take(link->wire);
        llmq_stream_begin(link->stream, link->wire);
    }
    link->stream = NULL;
    link->wire = NULL;
    return APR_SUCCESS;
}

static int pre_handshake(conn_rec *c, SSL *ssl, int is_proxy)
{
    llmq_link_t *link;

    if (is_proxy || c->outgoing || c->master || !llmq_wire_tls_knows(ssl)) {
        return DECLINED;
    }
    link = llmq_link_get(c);
    if (!link->tls) {
        link->tls = ssl;
        apr_pool_cleanup_register(c->pool, link, let_go, apr_pool_cleanup_null);
    }
    return OK;
}

void llmq_tls_register(void)
{
    APR_OPTIONAL_HOOK(ssl, pre_handshake, pre_handshake, NULL, NULL, APR_HOOK_MIDDLE);
}

/* Having looked for a byte in vain, the filters have handed all that came to OpenSSL. */
static int is_read_empty(conn_rec *c)
{
    apr_bucket_brigade *bb = apr_brigade_create(c->pool, c->bucket_alloc);
    apr_status_t rv =
        ap_get_brigade(c->input_filters, bb, AP_MODE_SPECULATIVE, APR_NONBLOCK_READ, 1);
    int empty = APR_STATUS_IS_EAGAIN(rv) || (rv == APR_SUCCESS && APR_BRIGADE_EMPTY(bb));

    apr_brigade_destroy(bb);
    return empty;
}

int llmq_tls_is_possible(conn_rec *c)
{
    const llmq_link_t *link = llmq_link_find(c);

    return link && link->tls && SSL_is_init_finished(link->tls) && is_read_empty(c);
}

apr_status_t llmq_tls_hold(conn_rec *c, int fd)
{
    llmq_link_t *link = llmq_link_get(c);
    apr_status_t rv = llmq_wire_tls_create(&link->wire, link->tls, fd);

    if (rv == APR_SUCCESS) {
        SSL_set_quiet_shutdown(link->tls, 1); /* whatever mod_ssl thinks of its end */
    }
    return rv;
}

void llmq_tls_join(conn_rec *c, llmq_stream_t *s)
{
    llmq_link_get(c)->stream = s;
}

void llmq_tls_leave(conn_rec *c)
{
    llmq_link_t *link = llmq_link_get(c);

    link->wire->ops->close(link->wire);
    link->wire = NULL;
}
