#include "bus/bus_wire.h"

#include "base/id.h"
#include "base/json_scan.h"
#include "base/text.h"

#include <apr_strings.h>

#include <string.h>

#define VERSION    1
#define HEAD_BYTES 2  /* version and length of the name */
#define FIXED      19 /* of an event, before its data */
#define MAX_DEPTH  64

static void put_number(unsigned char *to, apr_uint64_t n, int bytes)
{
    while (bytes-- > 0) {
        to[bytes] = (unsigned char)n;
        n >>= 8;
    }
}

static apr_uint64_t get_number(const unsigned char *from, int bytes)
{
    apr_uint64_t n = 0;
    int i;

    for (i = 0; i < bytes; i++)
        n = n << 8 | from[i];
    return n;
}

/* ---- making ---- */

void llmq_bus_wire_begin(llmq_bus_wire_t *w, const char *node)
{
    apr_size_t len = strnlen(node, LLMQ_NAME_MAX);

    w->data[0] = VERSION;
    w->data[1] = (unsigned char)len;
    memcpy(w->data + HEAD_BYTES, node, len);
    w->head = w->len = HEAD_BYTES + len;
}

int llmq_bus_wire_add(llmq_bus_wire_t *w, const llmq_event_t *event)
{
    unsigned char *to = w->data + w->len;

    if (event->len > LLMQ_EVENT_DATA_MAX || w->len + FIXED + event->len > sizeof(w->data))
        return 0;
    to[0] = (unsigned char)event->what;
    put_number(to + 1, event->topic, 8);
    put_number(to + 9, (apr_uint64_t)event->seq, 8);
    put_number(to + 17, event->len, 2);
    if (event->len)
        memcpy(to + FIXED, event->data, event->len);
    w->len += FIXED + event->len;
    return 1;
}

/* ---- reading ---- */

apr_status_t llmq_bus_wire_open(llmq_bus_frame_t *frame, const void *data, apr_size_t len)
{
    const unsigned char *bytes = data;
    char name[LLMQ_NAME_MAX + 1];

    if (len < 1)
        return APR_EINVAL;
    if (bytes[0] != VERSION)
        return APR_ENOTIMPL;
    if (len < HEAD_BYTES || len > LLMQ_BUS_WIRE_MAX || bytes[1] > LLMQ_NAME_MAX
        || (apr_size_t)HEAD_BYTES + bytes[1] > len)
        return APR_EINVAL;
    frame->node = (const char *)bytes + HEAD_BYTES;
    frame->node_len = bytes[1];
    frame->at = bytes + HEAD_BYTES + frame->node_len;
    frame->end = bytes + len;
    memcpy(name, frame->node, frame->node_len);
    name[frame->node_len] = '\0';
    return strlen(name) == frame->node_len && llmq_id_is_name(name) ? APR_SUCCESS
                                                                    : APR_EINVAL;
}

int llmq_bus_wire_is_of(const llmq_bus_frame_t *frame, const char *node)
{
    return strlen(node) == frame->node_len
           && memcmp(frame->node, node, frame->node_len) == 0;
}

int llmq_bus_wire_next(llmq_event_t *event, llmq_bus_frame_t *frame)
{
    if (frame->end - frame->at < FIXED)
        return 0;
    event->what = (llmq_event_e)frame->at[0];
    event->topic = get_number(frame->at + 1, 8);
    event->seq = (apr_int64_t)get_number(frame->at + 9, 8);
    event->len = (apr_size_t)get_number(frame->at + 17, 2);
    event->foreign = 1;
    event->data = event->len ? (const char *)frame->at + FIXED : NULL;
    if ((apr_size_t)(frame->end - frame->at) < FIXED + event->len)
        return 0;
    frame->at += FIXED + event->len;
    return 1;
}

/* ---- judging ---- */

/* One line, whatever client it is sent to later: no control characters at all, of which
 * JSON itself would allow line breaks between its parts. */
static int is_line_of_json(const llmq_event_t *e, apr_pool_t *p)
{
    llmq_json_scan_t scan;
    apr_size_t i;

    if (!e->data)
        return 0;
    for (i = 0; i < e->len; i++) {
        if ((unsigned char)e->data[i] < ' ')
            return 0;
    }
    return e->data[0] == '{' && llmq_text_is_utf8(e->data, e->len)
           && llmq_json_scan(&scan, e->data, e->len, MAX_DEPTH, p);
}

static int is_sound(const llmq_event_t *e, apr_pool_t *p)
{
    if (e->len > LLMQ_EVENT_DATA_MAX)
        return 0;
    switch ((int)e->what) {
    case LLMQ_BUS_WIRE_LOOK: return e->topic == 0 && e->seq == 0 && e->len == 0;
    case LLMQ_EVENT_CHANGED: return e->topic != 0 && e->seq == 0 && e->len == 0;
    case LLMQ_EVENT_GROWN:
        return e->topic != 0 && e->seq > 0 && (e->len == 0 || is_line_of_json(e, p));
    case LLMQ_EVENT_DELTA:
        return e->topic != 0 && e->seq > 0 && e->len > 0 && is_line_of_json(e, p);
    default: return 0;
    }
}

apr_status_t llmq_bus_wire_check(const llmq_bus_frame_t *frame, apr_pool_t *p)
{
    llmq_bus_frame_t f = *frame;
    llmq_event_t event;

    while (llmq_bus_wire_next(&event, &f)) {
        if (!is_sound(&event, p))
            return APR_EINVAL;
    }
    return f.at == f.end ? APR_SUCCESS : APR_EINVAL;
}
