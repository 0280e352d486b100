#include "http/detach.h"

#include "base/log.h"

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

extern module AP_MODULE_DECLARE_DATA llmq_module;
APLOG_USE_MODULE(llmq);

/* Filters that touch headers at most, or that step aside for "no-gzip" and "no-brotli".
 * All others want to see the body. */
static const char *const harmless[] = {
    "http_header", "http_outerror",     "byterange",   "content_length",
    "old_write",   "fixup_headers_out", "mod_expires", "fixup_headers_err",
    "deflate",     "brotli_compress",   "reqtimeout",
};

static int is_harmless(const char *name)
{
    size_t i;

    /* As AddOutputFilterByType names them. */
    if (ap_cstr_casecmpn(name, "bytype:", 7) == 0) {
        name += 7;
    }
    for (i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
        if (ap_cstr_casecmp(name, harmless[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

/* A mark in the connection; what matters is that it is there. */
static int is_marked(const conn_rec *c)
{
    return ap_get_module_config(c->conn_config, &llmq_module) != NULL;
}

int llmq_detach_is_possible(request_rec *r)
{
    const ap_filter_t *f;

    if (r->main || r->assbackwards || r->connection->master || r->connection->aborted
        || !ap_get_conn_socket(r->connection)) {
        return 0;
    }
    for (f = r->output_filters; f; f = f->next) {
        if (f->frec != ap_core_output_filter_handle && !is_harmless(f->frec->name)) {
            ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r,
                          LLMQ_NO(0270) "the filter %s keeps its thread here",
                          f->frec->name);
            return 0;
        }
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

apr_status_t llmq_detach_begin(int *pfd, request_rec *r)
{
    apr_socket_t *socket = ap_get_conn_socket(r->connection);
    apr_os_sock_t theirs;
    apr_status_t rv = apr_os_sock_get(&theirs, socket);
    int ours;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    /* While nothing is sent yet another way can be taken. */
    ours = fcntl(theirs, F_DUPFD_CLOEXEC, 0);
    if (ours < 0) {
        return errno;
    }
    rv = send_headers(r);
    if (rv != APR_SUCCESS) {
        close(ours);
        r->connection->aborted = 1;
        return APR_ECONNABORTED;
    }
    r->eos_sent = 1; /* httpd would end the body */
    ap_set_module_config(r->connection->conn_config, &llmq_module, &llmq_module);
    *pfd = ours;
    return APR_SUCCESS;
}

int llmq_detach_pre_close(conn_rec *c)
{
    if (is_marked(c)) {
        c->aborted = 1;
    }
    return OK;
}
