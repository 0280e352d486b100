#include "backend/backend_sse.h"

#include "llmq.h"

#include <string.h>

#define BYTE_ORDER_MARK "\xEF\xBB\xBF"

void llmq_backend_sse_init(llmq_backend_sse_t *s, llmq_backend_sse_event_fn_t *event,
                           void *ctx, apr_size_t max, apr_pool_t *p)
{
    memset(s, 0, sizeof(*s));
    s->event = event;
    s->ctx = ctx;
    s->max = max;
    llmq_text_init(&s->line, 1024, p);
    llmq_text_init(&s->data, 1024, p);
}

static apr_status_t take_event(llmq_backend_sse_t *s)
{
    apr_size_t len = s->data.len;

    s->data.len = 0;
    return len > 0 ? s->event(s->ctx, s->data.data, len) : APR_SUCCESS;
}

static apr_status_t take_data(llmq_backend_sse_t *s, const char *value, apr_size_t len)
{
    apr_size_t feed = s->data.len > 0;

    if (len + feed > s->max - s->data.len) {
        return LLMQ_EFULL;
    }
    if (feed) {
        LLMQ_TEXT_LIT(&s->data, "\n");
    }
    llmq_text_add(&s->data, value, len);
    return APR_SUCCESS;
}

/* The buffer is reset before it is read, so that every way out leaves it empty. */
static apr_status_t take_line(llmq_backend_sse_t *s)
{
    const char *line = s->line.data;
    apr_size_t len = s->line.len;

    s->line.len = 0;
    if (!s->after_start && len >= 3 && memcmp(line, BYTE_ORDER_MARK, 3) == 0) {
        line += 3;
        len -= 3;
    }
    s->after_start = 1;
    if (len == 0) {
        return take_event(s);
    }
    if (len < 5 || memcmp(line, "data:", 5) != 0) {
        return APR_SUCCESS;
    }
    line += 5;
    len -= 5;
    if (len > 0 && *line == ' ') {
        line++;
        len--;
    }
    return take_data(s, line, len);
}

static apr_size_t length_to_end(const char *data, apr_size_t len)
{
    apr_size_t n = 0;

    while (n < len && data[n] != '\n' && data[n] != '\r') {
        n++;
    }
    return n;
}

/* Takes the bytes up to a line's end, or all there are; returns how many. */
static apr_size_t take_piece(llmq_backend_sse_t *s, const char *data, apr_size_t len,
                             apr_status_t *prv)
{
    apr_size_t n;

    if (s->after_cr && *data == '\n') {
        s->after_cr = 0;
        return 1;
    }
    s->after_cr = 0;
    n = length_to_end(data, len);
    if (n > s->max - s->line.len) {
        *prv = LLMQ_EFULL;
        return n;
    }
    llmq_text_add(&s->line, data, n);
    if (n == len) {
        return n;
    }
    s->after_cr = data[n] == '\r';
    *prv = take_line(s);
    return n + 1;
}

apr_status_t llmq_backend_sse_feed(llmq_backend_sse_t *s, const char *data,
                                   apr_size_t len)
{
    apr_status_t rv = APR_SUCCESS;

    while (rv == APR_SUCCESS && len > 0) {
        apr_size_t n = take_piece(s, data, len, &rv);

        data += n;
        len -= n;
    }
    return rv;
}

apr_status_t llmq_backend_sse_end(llmq_backend_sse_t *s)
{
    apr_status_t rv = s->line.len > 0 ? take_line(s) : APR_SUCCESS;

    return rv == APR_SUCCESS ? take_event(s) : rv;
}
