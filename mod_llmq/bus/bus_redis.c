#include "bus/bus_redis.h"

#include "base/clock.h"
#include "base/log.h"
#include "bus/bus_wire.h"
#include "bus/redis_pipe.h"

#include <apr_strings.h>

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BATCH      256                     /* events read at once */
#define SHAKES     apr_time_from_msec(100) /* between two, if others ask for them */
#define ONE_MINUTE apr_time_from_sec(60)

struct llmq_bus_redis_t {
    llmq_bus_t *bus;
    llmq_bus_reader_t *reader;
    const llmq_redis_conf_t *conf;
    const char *node;
    const char *channel;
    apr_pool_t *scratch;
    llmq_redis_pipe_t out; /* publishes */
    llmq_redis_pipe_t in;  /* has subscribed; both or none are open */
    int wake_fd;
    int hungry; /* the ring holds more */
    int shake;  /* others have missed something */
    apr_time_t shaken_at;
    apr_interval_time_t pause; /* after the failure before; 0 while it is well */
    apr_time_t next_try;
    llmq_bus_wire_t frame; /* that is being filled */
};

/* ---- beginning and end ---- */

static apr_status_t close_wake(void *data)
{
    close(((llmq_bus_redis_t *)data)->wake_fd);
    return APR_SUCCESS;
}

static apr_status_t cleanup(void *data)
{
    llmq_bus_redis_close(data);
    return APR_SUCCESS;
}

static apr_status_t complain(apr_status_t rv)
{
    LLMQ_LOG(LLMQ_LOG_WARNING, rv,
             LLMQ_NO(0606) "no events to and from other nodes: no place on the bus");
    return rv;
}

apr_status_t llmq_bus_redis_create(llmq_bus_redis_t **pb, llmq_bus_t *bus,
                                   const llmq_redis_conf_t *conf, const char *node,
                                   apr_pool_t *p)
{
    llmq_bus_redis_t *b = apr_pcalloc(p, sizeof(*b));
    apr_status_t rv = llmq_bus_attach(&b->reader, bus, p);

    if (rv != APR_SUCCESS) {
        return complain(rv);
    }
    b->bus = bus;
    b->conf = conf;
    b->node = node;
    b->channel = apr_pstrcat(p, conf->prefix, ":events", NULL);
    apr_pool_create(&b->scratch, p);
    b->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (b->wake_fd < 0) {
        return complain(errno);
    }
    apr_pool_cleanup_register(p, b, close_wake, apr_pool_cleanup_null);
    apr_pool_pre_cleanup_register(p, b, cleanup);
    *pb = b;
    return APR_SUCCESS;
}

void llmq_bus_redis_close(llmq_bus_redis_t *b)
{
    llmq_redis_link_close(&b->out.link);
    llmq_redis_link_close(&b->in.link);
    llmq_bus_want(b->reader, 0);
    llmq_bus_set_linked(b->bus, 0);
    b->hungry = 0;
}

static void fail(llmq_bus_redis_t *b, const char *why)
{
    static apr_uint64_t last;

    if (llmq_log_once_per(&last, ONE_MINUTE)) {
        LLMQ_LOG(LLMQ_LOG_WARNING, 0,
                 LLMQ_NO(0603) "no events to and from other nodes, Redis: %s", why);
    }
    llmq_bus_redis_close(b);
    b->pause = llmq_redis_link_pause(b->pause);
    b->next_try = llmq_clock_now() + b->pause;
}

/* ---- to other nodes ---- */

static void publish(llmq_bus_redis_t *b)
{
    if (b->frame.len > b->frame.head) {
        redisAppendCommand(b->out.link, "PUBLISH %s %b", b->channel, b->frame.data,
                           b->frame.len);
        llmq_redis_pipe_owe(&b->out);
    }
    llmq_bus_wire_begin(&b->frame, b->node);
}

static void add(llmq_bus_redis_t *b, const llmq_event_t *event)
{
    if (!llmq_bus_wire_add(&b->frame, event)) {
        publish(b);
        llmq_bus_wire_add(&b->frame, event);
    }
}

static void add_local(void *ctx, const llmq_event_t *event)
{
    if (!event->foreign) {
        add(ctx, event);
    }
}

/* Others need not know what was told here as missed: that was because of them. */
static void tell_others(llmq_bus_redis_t *b, int look)
{
    static const llmq_event_t missed_it = {.what = (llmq_event_e)LLMQ_BUS_WIRE_LOOK};
    llmq_redis_why_t why;
    int missed = 0;

    llmq_bus_wire_begin(&b->frame, b->node);
    b->hungry = llmq_bus_read(&missed, b->reader, add_local, b, BATCH) == BATCH;
    if (look || missed & LLMQ_BUS_BEHIND) {
        add(b, &missed_it);
    }
    publish(b);
    if (!llmq_redis_pipe_flush(why, &b->out)) {
        fail(b, why);
    }
}

/* ---- from other nodes ---- */

static void refuse(const llmq_bus_redis_t *b, apr_size_t len)
{
    static apr_uint64_t last;

    if (llmq_log_once_per(&last, ONE_MINUTE)) {
        LLMQ_LOG(LLMQ_LOG_WARNING, 0,
                 LLMQ_NO(0605) "%" APR_SIZE_T_FMT " bytes on %s are no events, dropped",
                 len, b->channel);
    }
}

static void relay(llmq_bus_redis_t *b, llmq_bus_frame_t *frame)
{
    llmq_event_t event;

    while (llmq_bus_wire_next(&event, frame)) {
        if ((int)event.what == LLMQ_BUS_WIRE_LOOK) {
            b->shake = 1;
        }
        else {
            llmq_bus_relay(b->bus, &event, 1);
        }
    }
}

/* Another version tells at least that something has happened. */
static void hear(void *ctx, const char *data, apr_size_t len)
{
    llmq_bus_redis_t *b = ctx;
    llmq_bus_frame_t frame;
    apr_status_t rv = llmq_bus_wire_open(&frame, data, len);

    if (rv == APR_ENOTIMPL) {
        b->shake = 1;
        return;
    }
    if (rv == APR_SUCCESS && llmq_bus_wire_is_of(&frame, b->node)) {
        return;
    }
    if (rv == APR_SUCCESS) {
        rv = llmq_bus_wire_check(&frame, b->scratch);
        apr_pool_clear(b->scratch);
    }
    if (rv == APR_SUCCESS) {
        relay(b, &frame);
    }
    else {
        refuse(b, len);
    }
}

static void shake(llmq_bus_redis_t *b)
{
    apr_time_t now = llmq_clock_now();

    if (b->shake && now - b->shaken_at >= SHAKES) {
        b->shake = 0;
        b->shaken_at = now;
        llmq_bus_shake(b->bus);
    }
}

/* ---- the link ---- */

static int subscribe(llmq_redis_why_t why, redisContext *link, const char *channel)
{
    redisReply *reply = llmq_redis_link_ask(why, link, "SUBSCRIBE", channel);

    if (reply) {
        freeReplyObject(reply);
    }
    return reply != NULL;
}

static int open_both(llmq_redis_why_t why, llmq_bus_redis_t *b)
{
    return llmq_redis_pipe_open(why, &b->in, b->conf)
           && subscribe(why, b->in.link, b->channel)
           && llmq_redis_pipe_open(why, &b->out, b->conf);
}

/* It listens before it says that it does. What came along with the answer to SUBSCRIBE has
 * been read already. */
static void make_link(llmq_bus_redis_t *b)
{
    llmq_redis_why_t why;

    if (!open_both(why, b)) {
        fail(b, why);
        return;
    }
    b->pause = 0;
    llmq_bus_want(b->reader, 1);
    llmq_bus_set_linked(b->bus, 1);
    LLMQ_LOG(LLMQ_LOG_NOTICE, 0,
             LLMQ_NO(0604) "events go to and come from other nodes, on %s", b->channel);
    tell_others(b, 1);
    if (b->in.link && !llmq_redis_pipe_take(why, &b->in, hear, b)) {
        fail(b, why);
    }
}

static void listen_to(llmq_bus_redis_t *b, llmq_redis_pipe_t *pipe)
{
    llmq_redis_why_t why;

    if (pipe->link && !llmq_redis_pipe_read(why, pipe, hear, b)) {
        fail(b, why);
    }
}

static void tend(llmq_bus_redis_t *b, llmq_redis_pipe_t *pipe)
{
    llmq_redis_why_t why;

    if (pipe->link && !llmq_redis_pipe_tend(why, pipe, b->conf->timeout)) {
        fail(b, why);
    }
}

enum { WAKE, BELL, OUT, IN, FDS };

static void sleep_on(struct pollfd *fds, const llmq_bus_redis_t *b,
                     apr_interval_time_t limit)
{
    int linked = b->in.link != NULL;
    struct timespec ts;

    fds[WAKE].fd = b->wake_fd;
    fds[BELL].fd = linked ? llmq_bus_fd(b->reader) : -1;
    fds[OUT].fd = linked ? b->out.link->fd : -1;
    fds[IN].fd = linked ? b->in.link->fd : -1;
    if (b->shake && limit > SHAKES) {
        limit = SHAKES;
    }
    if (b->hungry || limit < 0) {
        limit = 0;
    }
    ts.tv_sec = apr_time_sec(limit);
    ts.tv_nsec = apr_time_usec(limit) * 1000;
    if (ppoll(fds, FDS, &ts, NULL) < 0) {
        fds[WAKE].revents = fds[BELL].revents = fds[OUT].revents = fds[IN].revents = 0;
    }
}

static void work(llmq_bus_redis_t *b, const struct pollfd *fds)
{
    apr_uint64_t count;

    if (fds[WAKE].revents && read(b->wake_fd, &count, sizeof(count)) < 0) {
        return; /* somebody else has read it: come again */
    }
    if (fds[IN].revents) {
        listen_to(b, &b->in);
    }
    if (fds[OUT].revents) {
        listen_to(b, &b->out);
    }
    if (b->out.link && (b->hungry || fds[BELL].revents)) {
        tell_others(b, 0);
    }
    tend(b, &b->in);
    tend(b, &b->out);
    shake(b);
}

void llmq_bus_redis_step(llmq_bus_redis_t *b, apr_interval_time_t limit)
{
    struct pollfd fds[FDS] = {
        {.events = POLLIN}, {.events = POLLIN}, {.events = POLLIN}, {.events = POLLIN}};
    apr_interval_time_t pause;

    if (!b->in.link && llmq_clock_now() >= b->next_try) {
        make_link(b);
    }
    pause = b->next_try - llmq_clock_now();
    if (!b->in.link && pause < limit) {
        limit = pause;
    }
    sleep_on(fds, b, limit);
    work(b, fds);
}

void llmq_bus_redis_wake(llmq_bus_redis_t *b)
{
    eventfd_write(b->wake_fd, 1);
}
