#include "http/detach.h"

#include "base/log.h"
#include "http/link.h"
#include "http/shield.h"
#include "http/tls.h"

#include <apr_portable.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <util_filter.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

APLOG_USE_MODULE(llmq);

/* Filters that touch headers at most, or that step aside for "no-gzip" and "no-brotli".
 * All others want to see the body. */
static const char *const harmless[] = {
    "http_header", "http_outerror",     "byterange",   "content_length",
    "old_write",   "fixup_headers_out", "mod_expires", "fixup_headers_err",
    "deflate",     "brotli_compress",   "reqtimeout",
};

/* mod_ssl's, which are left behind without harm where http/tls.h has its connection. */
static const char *const of_tls[] = {"ssl/tls filter", "ssl/tls coalescing filter"};

static int is_among(const char *name, const char *const *names, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (ap_cstr_casecmp(name, names[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

static int is_harmless(const char *name)
{
    /* As AddOutputFilterByType names them. */
    if (ap_cstr_casecmpn(name, "bytype:", 7) == 0) {
        name += 7;
    }
    return is_among(name, harmless, sizeof(harmless) / sizeof(harmless[0]));
}

static int is_of_tls(const char *name)
{
    return is_among(name, of_tls, sizeof(of_tls) / sizeof(of_tls[0]));
}

int llmq_detach_is_possible(request_rec *r)
{
    const ap_filter_t *f;
    int tls = 0;

    if (r->main || r->assbackwards || r->connection->master || r->connection->aborted
        || !ap_get_conn_socket(r->connection)) {
        return 0;
    }
    for (f = r->output_filters; f; f = f->next) {
        if (is_of_tls(f->frec->name)) {
            tls = 1;
        }
        else if (f->frec != ap_core_output_filter_handle && !is_harmless(f->frec->name)) {
            ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r,
                          LLMQ_NO(0270) "the filter %s keeps its thread here",
                          f->frec->name);
            return 0;
        }
    }
    if (tls && !llmq_tls_is_possible(r->connection)) {
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r,
                      LLMQ_NO(0280) "TLS keeps its thread here");
        return 0;
    }
    return 1;
}

static apr_status_t send_headers(request_rec *r)
{
    apr_bucket_alloc_t *list = r->connection->bucket_alloc;
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, list);
    apr_status_t rv;

    apr_table_setn(r->subprocess_env, "no-gzip", "1");
    apr_table_setn(r->subprocess_env, "no-brotli", "1");
    /* In this order ap_set_keepalive() says "close" and leaves the framing to us. */
    r->connection->keepalive = AP_CONN_CLOSE;
    r->chunked = r->proto_num >= HTTP_VERSION(1, 1);
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_flush_create(list));
    rv = ap_pass_brigade(r->output_filters, bb);
    return rv == APR_SUCCESS && r->connection->aborted ? APR_ECONNABORTED : rv;
}

/* A duplicate of the socket, and of TLS the ciphers; nothing is sent yet, so that another
 * way can be taken. */
static apr_status_t take(int *pfd, conn_rec *c)
{
    const llmq_link_t *link = llmq_link_find(c);
    apr_os_sock_t theirs;
    apr_status_t rv = apr_os_sock_get(&theirs, ap_get_conn_socket(c));

    if (rv != APR_SUCCESS) {
        return rv;
    }
    *pfd = fcntl(theirs, F_DUPFD_CLOEXEC, 0);
    if (*pfd < 0) {
        return errno;
    }
    rv = link && link->tls ? llmq_tls_hold(c, *pfd) : APR_SUCCESS;
    if (rv != APR_SUCCESS) {
        close(*pfd);
    }
    return rv;
}

/* @return APR_SUCCESS; other: the socket is closed */
static apr_status_t hand_over(llmq_stream_t **ps, request_rec *r, llmq_streams_t *streams,
                              int fd, llmq_stream_conf_t *conf)
{
    int shield = llmq_shield_pause();
    apr_status_t rv = send_headers(r);

    llmq_shield_resume(shield);
    if (rv != APR_SUCCESS) {
        close(fd);
        return rv;
    }
    conf->chunked = r->chunked;
    return llmq_stream_open(ps, streams, fd, conf);
}

static void let_go(request_rec *r, llmq_link_t *link)
{
    r->eos_sent = 1; /* httpd would end the body */
    link->taken = 1;
}

apr_status_t llmq_detach_begin(llmq_stream_t **ps, request_rec *r,
                               llmq_streams_t *streams, llmq_stream_conf_t *conf)
{
    conn_rec *c = r->connection;
    llmq_link_t *link = llmq_link_get(c);
    int fd;
    apr_status_t rv = take(&fd, c);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    conf->later = link->tls != NULL;
    rv = hand_over(ps, r, streams, fd, conf);
    if (rv == APR_SUCCESS && link->tls) {
        llmq_tls_join(c, *ps);
    }
    if (rv != APR_SUCCESS) {
        if (link->tls) {
            llmq_tls_leave(c);
        }
        c->aborted = 1; /* as its headers are sent */
        return APR_ECONNABORTED;
    }
    let_go(r, link);
    return APR_SUCCESS;
}

/* What earlier requests of the connection were answered may still wait in the core's filter. */
static apr_status_t flush(conn_rec *c)
{
    apr_bucket_brigade *bb = apr_brigade_create(c->pool, c->bucket_alloc);
    int shield = llmq_shield_pause();
    apr_status_t rv;

    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_flush_create(c->bucket_alloc));
    rv = ap_pass_brigade(c->output_filters, bb);
    llmq_shield_resume(shield);
    apr_brigade_destroy(bb);
    return rv == APR_SUCCESS && c->aborted ? APR_ECONNABORTED : rv;
}

apr_status_t llmq_detach_unanswered(llmq_stream_t **ps, request_rec *r,
                                    llmq_streams_t *streams, llmq_stream_conf_t *conf)
{
    conn_rec *c = r->connection;
    llmq_link_t *link = llmq_link_get(c);
    apr_status_t rv = flush(c);
    int fd = -1;

    if (rv == APR_SUCCESS) {
        rv = take(&fd, c);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    conf->later = link->tls != NULL;
    rv = llmq_stream_open(ps, streams, fd, conf);
    if (rv == APR_SUCCESS && link->tls) {
        llmq_tls_join(c, *ps);
    }
    else if (link->tls) {
        llmq_tls_leave(c);
    }
    if (rv == APR_SUCCESS) {
        c->keepalive = AP_CONN_CLOSE;
        let_go(r, link);
    }
    return rv;
}

int llmq_detach_pre_close(conn_rec *c)
{
    const llmq_link_t *link = llmq_link_find(c);

    if (link && link->taken) {
        c->aborted = 1;
    }
    return OK;
}
