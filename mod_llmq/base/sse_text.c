#include "base/sse_text.h"

#include <apr_strings.h>

#include <string.h>

#define HEAD_SIZE 128 /* room for the lines before the data */
#define MAX_NAME  32

static const char data_field[] = "data: ";
static const char end[] = "\n\n";

/* @return length of the lines before the data */
static apr_size_t write_head(char *head, const llmq_sse_event_t *event)
{
    int n = 0;

    if (event->id >= 0) {
        n = apr_snprintf(head, HEAD_SIZE, "id: %" APR_INT64_T_FMT "\n", event->id);
    }
    n += apr_snprintf(head + n, HEAD_SIZE - (apr_size_t)n, "event: %.*s\n%s", MAX_NAME,
                      event->name, data_field);
    return (apr_size_t)n;
}

static void join_lines(char *data, apr_size_t len)
{
    apr_size_t i;

    for (i = 0; i < len; i++) {
        if (data[i] == '\n' || data[i] == '\r') {
            data[i] = ' ';
        }
    }
}

void llmq_sse_text_add(llmq_text_t *t, const llmq_sse_event_t *event)
{
    char head[HEAD_SIZE];
    apr_size_t at;

    llmq_text_add(t, head, write_head(head, event));
    at = t->len;
    llmq_text_add(t, event->data, event->len);
    join_lines(t->data + at, event->len);
    llmq_text_add(t, end, sizeof(end) - 1);
}

llmq_frame_t *llmq_sse_text_frame(const llmq_sse_event_t *event)
{
    char head[HEAD_SIZE];
    apr_size_t len = write_head(head, event);
    struct iovec parts[3] = {{head, len},
                             {(void *)(apr_size_t)event->data, event->len},
                             {(void *)(apr_size_t)end, sizeof(end) - 1}};
    llmq_frame_t *frame = llmq_frame_make(parts, 3);

    if (frame) {
        join_lines(frame->data + frame->head + len, event->len);
    }
    return frame;
}

static llmq_frame_t *make(const char *text, int len)
{
    struct iovec part = {(void *)(apr_size_t)text, (size_t)len};

    return llmq_frame_make(&part, 1);
}

llmq_frame_t *llmq_sse_text_hello(apr_interval_time_t retry)
{
    char text[64];

    return make(text, apr_snprintf(text, sizeof(text),
                                   "retry: %" APR_TIME_T_FMT "\n: connected\n\n",
                                   apr_time_as_msec(retry)));
}

llmq_frame_t *llmq_sse_text_ping(void)
{
    static const char ping[] = ": ping\n\n";

    return make(ping, sizeof(ping) - 1);
}
