/* What the bus tells, handed to those who listen; by the streams' thread. */
#include "http/hub_bus.h"

#include "base/log.h"

#include <string.h>

#define AT_ONCE 64 /* events of one call of the bus */

/* Two things may have the same topic, as that is only a hash, and then one would see the
 * data of the other: the thing's id must stand in it. In a JSON text a quoted word cannot be
 * part of another string. */
static int names(const llmq_event_t *event, const llmq_subject_t *s)
{
    size_t len = strlen(s->id);
    const char *at = event->data;
    const char *end = event->data ? event->data + event->len : NULL;

    while (at && (size_t)(end - at) >= len + 2) {
        at = memmem(at, (size_t)(end - at), s->id, len);
        if (!at || at == event->data || at + len >= end) {
            return 0;
        }
        if (at[-1] == '"' && at[len] == '"') {
            return 1;
        }
        at++;
    }
    return 0;
}

static int has_live(llmq_hub_t *hub, const llmq_subject_t *s)
{
    int n;

    llmq_hub_room_lock(hub);
    n = s->n - s->behind;
    llmq_hub_room_unlock(hub);
    return n;
}

static void offer(llmq_hub_t *hub, llmq_subject_t *s, llmq_audience_offer_e whom,
                  const llmq_audience_piece_t *piece)
{
    llmq_audience_round_t round = {
        .whom = whom, .pieces = piece, .n = piece && piece->frame ? 1 : 0};

    llmq_hub_room_offer(hub, s, &round);
}

static void grown(llmq_hub_t *hub, llmq_subject_t *s, const llmq_event_t *event)
{
    llmq_audience_piece_t piece = {NULL, event->seq - 1, event->seq - 1, event->seq, 0,
                                   1};
    const llmq_sse_event_t text = {event->seq, "message", event->data, event->len};
    int is_news;

    llmq_hub_room_lock(hub);
    is_news = llmq_audience_grow(s, event->seq);
    llmq_hub_room_unlock(hub);
    if (!is_news || !has_live(hub, s)) {
        return;
    }
    if (names(event, s)) {
        piece.frame = llmq_sse_text_frame(&text);
    }
    offer(hub, s, LLMQ_OFFER_LIVE, &piece);
    llmq_frame_drop(piece.frame);
}

static void delta(llmq_hub_t *hub, llmq_subject_t *s, const llmq_event_t *event)
{
    llmq_audience_piece_t piece = {NULL, 0, APR_INT64_MAX, -1, 0, 1};
    const llmq_sse_event_t text = {-1, "delta", event->data, event->len};

    if (names(event, s)) {
        piece.frame = llmq_sse_text_frame(&text);
        offer(hub, s, LLMQ_OFFER_BEGUN, &piece);
        llmq_frame_drop(piece.frame);
    }
}

static void tell(llmq_hub_t *hub, llmq_subject_t *s, const llmq_event_t *event)
{
    switch (event->what) {
    case LLMQ_EVENT_GROWN: grown(hub, s, event); break;
    case LLMQ_EVENT_DELTA: delta(hub, s, event); break;
    case LLMQ_EVENT_CHANGED:
        llmq_hub_room_lock(hub);
        llmq_audience_stir(hub->audience, s);
        llmq_hub_room_unlock(hub);
        break;
    }
}

static llmq_subject_t *next(llmq_hub_t *hub, apr_uint64_t topic, llmq_subject_t *before)
{
    llmq_subject_t *s;

    llmq_hub_room_lock(hub);
    s = llmq_audience_find(hub->audience, topic, before);
    if (before) {
        llmq_audience_release(hub->audience, before);
        if (llmq_audience_has_todo(hub->audience)) {
            apr_thread_cond_signal(hub->news);
        }
    }
    llmq_hub_room_unlock(hub);
    return s;
}

static void hear(void *ctx, const llmq_event_t *event)
{
    llmq_hub_t *hub = ctx;
    llmq_subject_t *s;

    for (s = next(hub, event->topic, NULL); s; s = next(hub, event->topic, s)) {
        tell(hub, s, event);
    }
}

static void on_ring(void *ctx)
{
    llmq_hub_t *hub = ctx;
    int missed = 0;
    int n;

    do {
        apr_thread_mutex_lock(hub->bus_lock);
        n = llmq_bus_read(&missed, hub->reader, hear, hub, AT_ONCE);
        apr_thread_mutex_unlock(hub->bus_lock);
    } while (n == AT_ONCE);
    if (missed) {
        llmq_hub_room_lock(hub);
        hub->missed = 1;
        apr_thread_cond_signal(hub->news);
        llmq_hub_room_unlock(hub);
    }
}

apr_status_t llmq_hub_bus_init(llmq_hub_t *hub, apr_pool_t *p)
{
    apr_status_t rv = llmq_bus_attach(&hub->reader, hub->service->bus, p);

    if (rv != APR_SUCCESS) {
        hub->reader = NULL;
        LLMQ_LOG(LLMQ_LOG_INFO, rv,
                 LLMQ_NO(0287) "no place is left at the bus: event streams of this child"
                               " ask the database what happens");
        return APR_SUCCESS;
    }
    return llmq_stream_watch(hub->service->streams, llmq_bus_fd(hub->reader), on_ring,
                             hub);
}

void llmq_hub_bus_want(llmq_hub_t *hub)
{
    if (hub->reader) {
        apr_thread_mutex_lock(hub->bus_lock);
        llmq_bus_want(hub->reader, 1);
        apr_thread_mutex_unlock(hub->bus_lock);
    }
}

void llmq_hub_bus_rest(llmq_hub_t *hub)
{
    int is_idle;

    if (!hub->reader) {
        return;
    }
    apr_thread_mutex_lock(hub->bus_lock);
    llmq_hub_room_lock(hub);
    is_idle = llmq_audience_count(hub->audience) == 0 && hub->comers == 0;
    llmq_hub_room_unlock(hub);
    if (is_idle) {
        llmq_bus_want(hub->reader, 0);
    }
    apr_thread_mutex_unlock(hub->bus_lock);
}
