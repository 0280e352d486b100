#include "http/gateway_head.h"

#include "http/reply.h"
#include "http/reply_openai.h"

#include <apr_strings.h>
#include <http_protocol.h>

void llmq_gateway_head_stream(request_rec *r)
{
    r->status = HTTP_OK;
    ap_set_content_type(r, LLMQ_REPLY_STREAM);
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    apr_table_setn(r->headers_out, "X-Accel-Buffering", "no");
    llmq_reply_openai_headers(r);
}

void llmq_gateway_head_status(char *words, apr_size_t size, int status)
{
    const char *known = ap_get_status_line(status);

    if (apr_atoi64(known) == status) {
        apr_cpystrn(words, known, size);
    }
    else {
        apr_snprintf(words, size, "%d Status %d", status, status);
    }
}
