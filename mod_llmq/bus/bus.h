/**
 * @file bus.h
 * The bus: how one process tells all others of its server that something happened, without
 * knowing whether anybody listens. It is a *hint*: what happened lies in the store. An
 * event that is lost (a ring that was overrun, a process that died between its commit and
 * its word, a network that broke) costs a listener a later look at the store, never an event.
 *
 *     publish ──► ring in shared memory ──► each reader, at its own pace
 *                   │              ▲
 *                   ▼ (dispatcher) │
 *                 Redis pub/sub of the other nodes (bus/bus_redis.h)
 *
 * A *topic* is a 64-bit hash of what the event is about; whoever listens compares it and, where
 * it matters, the names in the data. An event of a *log* (a session) carries the number that the
 * log has reached: a listener that knows the number before it takes the data as it is, any
 * other reads the store from where it stands. So neither order nor completeness is the
 * bus's business, and doubled events do no harm.
 *
 * Writers never wait for readers. A reader that falls behind by more than the ring holds
 * hears that it has missed something.
 */
#ifndef LLMQ_BUS_H
#define LLMQ_BUS_H

#include "llmq.h"

#include <apr_pools.h>
#include <apr_time.h>

typedef struct llmq_bus_t llmq_bus_t;               /* one per server */
typedef struct llmq_bus_reader_t llmq_bus_reader_t; /* one per process that listens */

/** What is logged or watched; part of a topic. */
typedef enum {
    LLMQ_TOPIC_SESSION = 1,  /* id: of the session */
    LLMQ_TOPIC_MESSAGE,      /* id: of the message (S0) */
    LLMQ_TOPIC_CONVERSATION, /* id: of the conversation */
    LLMQ_TOPIC_TASK,         /* id: of the task */
    LLMQ_TOPIC_DEBUG         /* id: of a debug turn of an app */
} llmq_topic_e;

typedef enum {
    LLMQ_EVENT_GROWN = 1, /* a log has reached seq; data: the row that has this number, as
                             clients see it, or nothing */
    LLMQ_EVENT_CHANGED,   /* a job has changed; look at the store. seq: 0; no data */
    LLMQ_EVENT_DELTA      /* a part of an answer that is being given; only in data, JSON.
                             seq counts the deltas of one answer from 1 */
} llmq_event_e;

/** An event. */
typedef struct llmq_event_t {
    apr_uint64_t topic; /* llmq_bus_topic() */
    apr_int64_t seq;
    const char *data; /* NULL with len 0 */
    apr_size_t len;   /* at most LLMQ_EVENT_DATA_MAX; what is longer travels without */
    llmq_event_e what;
    int foreign; /* out: non-zero: of another node; whoever tells need not set it */
} llmq_event_t;

/** Most bytes of data that travel; readers look at the store for more. */
#define LLMQ_EVENT_DATA_MAX (16 * 1024)

/**
 * @param what   kind of thing
 * @param tenant its tenant
 * @param id     its id
 * @return the topic, never 0; the same on all nodes of all versions
 * @threads any
 */
apr_uint64_t llmq_bus_topic(llmq_topic_e what, const char *tenant, const char *id);

/**
 * @param ring bytes that events may take, rounded up to a power of two of at least 64 KiB;
 *             the ring takes twice of that in memory (bus_ring.h)
 * @return bytes of shared memory for llmq_bus_create()
 * @threads any
 */
apr_size_t llmq_bus_size(apr_size_t ring);

/**
 * Make the bus, or find it as it was before a graceful restart.
 * @param pbus    out: lives in @a p
 * @param memory  llmq_bus_size() bytes, shared, zero when new
 * @param ring    as for llmq_bus_size()
 * @param readers most readers at once, 1 to 256; each has a descriptor, made here
 * @param p       its end closes the descriptors
 * @return APR_SUCCESS; other: no descriptors left
 * @phase parent; @threads single. Processes forked later share it.
 */
apr_status_t llmq_bus_create(llmq_bus_t **pbus, void *memory, apr_size_t ring,
                             int readers, apr_pool_t *p);

/**
 * Tell. Costs about a microsecond; rings those readers who sleep. Nothing is done while
 * nobody wants to hear.
 * @param bus    the bus
 * @param events copied
 * @param n      their number
 * @threads any, of any process
 */
void llmq_bus_publish(llmq_bus_t *bus, const llmq_event_t *events, int n);

/**
 * Tell what other nodes have told: as llmq_bus_publish(), with the mark `foreign`.
 * @param bus    the bus
 * @param events copied
 * @param n      their number
 * @threads any, of any process
 */
void llmq_bus_relay(llmq_bus_t *bus, const llmq_event_t *events, int n);

/**
 * Let all readers hear that they have missed something.
 * @param bus the bus
 * @threads any, of any process
 */
void llmq_bus_shake(llmq_bus_t *bus);

/**
 * Does anybody listen? For whoever would have to make data first.
 * @param bus the bus; NULL: nobody
 * @return non-zero if so
 * @threads any; lock-free
 */
int llmq_bus_is_wanted(const llmq_bus_t *bus);

/**
 * Listen from now on.
 * @param pr  out: lives in @a p, whose end gives it back
 * @param bus the bus
 * @param p   pool
 * @return APR_SUCCESS; LLMQ_EFULL: too many listen
 * @phase child, dispatcher; @threads single
 */
apr_status_t llmq_bus_attach(llmq_bus_reader_t **pr, llmq_bus_t *bus, apr_pool_t *p);

/**
 * While nobody is interested, a reader can stay deaf: nothing is told for its sake, and
 * what happens meanwhile counts as missed: the first read afterwards says so, and the
 * descriptor is readable for that. A reader begins deaf.
 * @param r    the reader
 * @param want non-zero: wants to hear
 * @threads one at a time
 */
void llmq_bus_want(llmq_bus_reader_t *r, int want);

/**
 * @param r the reader
 * @return a descriptor that becomes readable when there is something to read and the
 *         reader is armed
 * @threads any
 */
int llmq_bus_fd(const llmq_bus_reader_t *r);

/**
 * What a reader is told.
 * @param ctx   of llmq_bus_read()
 * @param event its data lives until the function returns
 * @threads that of llmq_bus_read()
 */
typedef void llmq_bus_event_fn_t(void *ctx, const llmq_event_t *event);

/** What a reader has missed. */
enum {
    LLMQ_BUS_TOLD = 1,  /* it was deaf, or somebody says so: llmq_bus_shake() */
    LLMQ_BUS_BEHIND = 2 /* it was overrun, or a teller died half way */
};

/**
 * Read what there is, at most @a max events, and arm the descriptor when all was read.
 * @param pmissed out: bits LLMQ_BUS_TOLD… are added when something was lost: look at the
 *                store; else untouched
 * @param r       the reader
 * @param fn      called for each event, in order
 * @param ctx     for @a fn
 * @param max     most events, > 0
 * @return their number, 0 while the reader is deaf; fewer than @a max: nothing is left and the descriptor is armed
 * @threads one at a time
 */
int llmq_bus_read(int *pmissed, llmq_bus_reader_t *r, llmq_bus_event_fn_t *fn, void *ctx,
                  int max);

/** Figures since the server was started; all processes. */
typedef struct llmq_bus_stats_t {
    apr_uint64_t published; /* events told here */
    apr_uint64_t foreign;   /* events of other nodes */
    apr_uint64_t overruns;  /* times that a reader missed something */
    int listening;          /* readers that want to hear */
    int linked;             /* non-zero: events of other nodes arrive (Redis); not while
                               the process that said so has ended */
} llmq_bus_stats_t;

/**
 * @param stats out
 * @param bus   the bus
 * @threads any; lock-free
 */
void llmq_bus_stats(llmq_bus_stats_t *stats, const llmq_bus_t *bus);

/**
 * Whether events of other nodes arrive at present: set by whoever has the link to them.
 * All readers hear of a change as of something missed. The mark goes with the process.
 * @param bus    the bus
 * @param linked non-zero if so
 * @phase dispatcher; @threads one
 */
void llmq_bus_set_linked(llmq_bus_t *bus, int linked);

#endif /* LLMQ_BUS_H */
