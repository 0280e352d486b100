/* Streams that begin and end. What they are sent comes from hub_bus.c and hub_read.c. */
#include "http/hub.h"

#include "base/log.h"
#include "base/sse_text.h"
#include "http/hub_bus.h"
#include "http/hub_read.h"
#include "http/outlet.h"

#include <stdlib.h>
#include <string.h>

#define TICK apr_time_from_msec(500)

/* Why a stream has ended, for the log. */
static const char by_client[] = "the client left or was cut";
static const char by_child[] = "the child ends";
static const char by_age[] = "its time was over";
static const char by_end[] = "all was said";

/* One stream. Freed by whoever comes last: its owner, with llmq_outlet_end(), or `over`. */
typedef struct {
    llmq_listener_t l; /* first: the audience knows no other part */
    llmq_hub_t *hub;
    llmq_outlet_t *outlet; /* under the hub's lock; NULL: not listed yet, or ended */
    llmq_date_t due;       /* likewise: the next sign of life, or the end */
    apr_interval_time_t beat;
    apr_time_t until;
    apr_time_t since;
    const char *why; /* under the hub's lock */
    apr_byte_t what; /* llmq_topic_e */
    apr_byte_t over; /* likewise: the client has no connection any more */
    char id[];
} stream_t;

/* ---- the audience's view ---- */

static apr_status_t send_to(llmq_listener_t *l, llmq_frame_t *frame)
{
    return llmq_outlet_send(((stream_t *)l)->outlet, frame);
}

static apr_size_t pending_of(llmq_listener_t *l)
{
    return llmq_outlet_pending(((stream_t *)l)->outlet);
}

/* It listens to nothing any more; `over` frees it. */
static void end_locked(stream_t *s, const char *why)
{
    llmq_outlet_t *outlet = s->outlet;

    s->why = why;
    s->outlet = NULL;
    llmq_agenda_remove(&s->hub->agenda, &s->due);
    llmq_outlet_end(outlet);
}

static void on_leave(llmq_listener_t *l, int whole)
{
    end_locked((stream_t *)l, whole ? by_end : by_client);
}

/* ---- signs of life and ends, by the streams' thread ---- */

static apr_time_t next_due(const stream_t *s, apr_time_t now)
{
    apr_time_t beat = s->beat ? now + s->beat : APR_INT64_MAX;

    return s->until && s->until < beat ? s->until : beat;
}

/* Without a date it would never end: rather now. */
static void schedule_locked(stream_t *s, apr_time_t now)
{
    apr_time_t at = next_due(s, now);

    if (at != APR_INT64_MAX
        && llmq_agenda_put(&s->hub->agenda, &s->due, at) != APR_SUCCESS) {
        llmq_audience_leave(s->hub->audience, &s->l);
        end_locked(s, by_age);
    }
}

/* What waits for a client is sign enough. */
static void attend_locked(stream_t *s, apr_time_t now)
{
    llmq_hub_t *hub = s->hub;
    int is_over = s->until && s->until <= now;

    if (is_over
        || (llmq_outlet_pending(s->outlet) == 0
            && llmq_outlet_send(s->outlet, hub->ping) != APR_SUCCESS)) {
        llmq_audience_leave(hub->audience, &s->l);
        end_locked(s, is_over ? by_age : by_client);
        return;
    }
    schedule_locked(s, now);
}

/* @return non-zero: there may be more */
static int attend_some(llmq_hub_t *hub)
{
    apr_time_t now = apr_time_now();
    llmq_date_t *date = NULL;
    int i;

    llmq_hub_room_lock(hub);
    for (i = 0; i < LLMQ_HUB_TURN; i++) {
        date = llmq_agenda_first(&hub->agenda);
        if (!date || date->at > now) {
            break;
        }
        attend_locked(LLMQ_AGENDA_OF(date, stream_t, due), now);
    }
    llmq_hub_room_unlock(hub);
    return i == LLMQ_HUB_TURN;
}

static void tick(void *ctx)
{
    while (attend_some(ctx)) {
    }
    llmq_hub_bus_rest(ctx);
}

/* ---- the end of a stream ---- */

static const char *noun(const stream_t *s)
{
    static const char *const nouns[] = {[LLMQ_TOPIC_SESSION] = "session",
                                        [LLMQ_TOPIC_MESSAGE] = "msg",
                                        [LLMQ_TOPIC_CONVERSATION] = "conv",
                                        [LLMQ_TOPIC_TASK] = "task",
                                        [LLMQ_TOPIC_DEBUG] = "turn"};

    return nouns[(int)s->what];
}

static void finish(stream_t *s)
{
    LLMQ_LOG(LLMQ_LOG_INFO, 0, LLMQ_NO(0286) "%s[%s] stream: %u events in %d s, %s",
             noun(s), s->id, s->l.events, (int)apr_time_sec(apr_time_now() - s->since),
             s->why);
    atomic_fetch_sub(&s->hub->meter->open, 1);
    free(s);
}

/* For llmq_outlet_open(). */
static void on_over(void *ctx, int whole)
{
    stream_t *s = ctx;
    llmq_hub_t *hub = s->hub;
    int is_listed;

    llmq_hub_room_lock(hub);
    s->over = 1;
    is_listed = s->outlet != NULL;
    if (is_listed) {
        if (!whole && s->l.state == LLMQ_LISTENER_BEHIND) {
            atomic_fetch_add(&hub->meter->cut, 1);
        }
        llmq_audience_leave(hub->audience, &s->l);
        end_locked(s, whole ? by_child : by_client);
    }
    /* One that is about to be listed is ended and freed by its request. */
    is_listed = s->why != NULL;
    llmq_hub_room_unlock(hub);
    if (is_listed) {
        finish(s);
    }
}

/* ---- the begin of a stream ---- */

static stream_t *make(llmq_hub_t *hub, const llmq_hub_call_t *call)
{
    size_t len = strlen(call->id) + 1;
    stream_t *s = calloc(1, sizeof(*s) + len);

    if (s) {
        s->hub = hub;
        s->what = (char)call->what;
        s->l.cursor = call->cursor;
        s->l.limit = (apr_uint16_t)call->limit;
        s->beat = call->beat;
        s->until = call->until;
        s->since = apr_time_now();
        memcpy(s->id, call->id, len);
    }
    return s;
}

static void greet(llmq_outlet_t *outlet, apr_interval_time_t retry)
{
    llmq_frame_t *hello = llmq_sse_text_hello(retry);

    if (hello) {
        llmq_outlet_send(outlet, hello);
        llmq_frame_drop(hello);
    }
}

static apr_status_t enter_locked(stream_t *s, const llmq_hub_call_t *call)
{
    llmq_hub_t *hub = s->hub;
    const llmq_audience_key_t key = {llmq_bus_topic(call->what, call->tenant, call->id),
                                     (int)call->what, call->what == LLMQ_TOPIC_SESSION,
                                     call->tenant, call->id};
    apr_status_t rv = llmq_hub_read_start(hub);

    if (rv == APR_SUCCESS) {
        rv = llmq_audience_enter(hub->audience, &s->l, &key);
    }
    if (rv == APR_SUCCESS) {
        schedule_locked(s, s->since);
        apr_thread_cond_signal(hub->news);
    }
    return rv;
}

/* Listed, or ended at once: the headers are sent, nothing else can be said. */
static void list(stream_t *s, llmq_outlet_t *outlet, const llmq_hub_call_t *call)
{
    llmq_hub_t *hub = s->hub;
    int is_over;

    llmq_hub_bus_want(hub);
    llmq_hub_room_lock(hub);
    s->outlet = outlet;
    is_over = s->over;
    if (is_over) {
        end_locked(s, by_client);
    }
    else if (hub->closing || enter_locked(s, call) != APR_SUCCESS) {
        end_locked(s, by_child);
    }
    hub->comers--;
    llmq_hub_room_unlock(hub);
    if (is_over) {
        finish(s);
    }
}

static void expect(llmq_hub_t *hub, int n)
{
    llmq_hub_room_lock(hub);
    hub->comers += n;
    llmq_hub_room_unlock(hub);
}

apr_status_t llmq_hub_open(int *pstay, llmq_hub_t *hub, request_rec *r,
                           const llmq_hub_call_t *call)
{
    stream_t *s = make(hub, call);
    llmq_outlet_conf_t conf = {hub->conf.buffer, r->server->timeout, on_over, s};
    llmq_outlet_t *outlet = NULL;
    apr_status_t rv;

    if (!s) {
        return APR_ENOMEM;
    }
    atomic_fetch_add(&hub->meter->open, 1);
    rv = llmq_outlet_open(&outlet, r, hub->service, &conf);
    if (rv != APR_SUCCESS) {
        atomic_fetch_sub(&hub->meter->open, 1);
        free(s);
        return rv;
    }
    atomic_fetch_add(&hub->meter->begun, 1);
    greet(outlet, call->retry);
    expect(hub, 1);
    list(s, outlet, call);
    *pstay = llmq_outlet_stay(outlet);
    return APR_SUCCESS;
}

/* ---- life ---- */

apr_status_t llmq_hub_create(llmq_hub_t **phub, const llmq_service_t *service,
                             const llmq_hub_conf_t *conf, apr_pool_t *p)
{
    const llmq_audience_conf_t audience = {conf->buffer, send_to, pending_of, on_leave};
    llmq_hub_t *hub = apr_pcalloc(p, sizeof(*hub));
    apr_status_t rv = llmq_audience_create(&hub->audience, &audience, p);

    hub->service = service;
    hub->conf = *conf;
    hub->meter = llmq_hub_meter_take();
    hub->ping = llmq_sse_text_ping();
    *phub = hub;
    if (rv == APR_SUCCESS) {
        rv = hub->ping ? apr_thread_mutex_create(&hub->lock, APR_THREAD_MUTEX_DEFAULT, p)
                       : APR_ENOMEM;
    }
    if (rv == APR_SUCCESS) {
        rv = apr_thread_mutex_create(&hub->bus_lock, APR_THREAD_MUTEX_DEFAULT, p);
    }
    if (rv == APR_SUCCESS) {
        rv = apr_thread_cond_create(&hub->news, p);
    }
    if (rv == APR_SUCCESS) {
        llmq_stream_every(service->streams, TICK, tick, hub);
        rv = llmq_hub_bus_init(hub, p);
    }
    return rv;
}

/* @return non-zero: there may be more */
static int end_next(llmq_hub_t *hub)
{
    llmq_subject_t *subjects[1];
    int n;

    llmq_hub_room_lock(hub);
    n = llmq_audience_patrol(subjects, hub->audience, 1);
    if (n) {
        while (!APR_RING_EMPTY(&subjects[0]->row, llmq_listener_t, link)) {
            stream_t *s = (stream_t *)APR_RING_FIRST(&subjects[0]->row);

            llmq_audience_leave(hub->audience, &s->l);
            end_locked(s, by_child);
        }
        llmq_audience_release(hub->audience, subjects[0]);
    }
    llmq_hub_room_unlock(hub);
    return n;
}

void llmq_hub_close(llmq_hub_t *hub)
{
    llmq_hub_room_lock(hub);
    hub->closing = 1;
    llmq_audience_begin_patrol(hub->audience);
    llmq_hub_room_unlock(hub);
    while (end_next(hub)) {
    }
}

void llmq_hub_stop(llmq_hub_t *hub)
{
    llmq_hub_close(hub);
    llmq_hub_room_lock(hub);
    hub->stopping = 1;
    apr_thread_cond_signal(hub->news);
    llmq_hub_room_unlock(hub);
    llmq_hub_read_join(hub);
    llmq_hub_room_lock(hub);
    llmq_agenda_cleanup(&hub->agenda);
    llmq_hub_room_unlock(hub);
}
