/**
 * @file bus_ring.h
 * The ring of the bus, private to bus/: where the events of all processes stand for as long as
 * there is room. Positions only ever rise; the word of position p is word[p modulo size].
 *
 *     head ─► the next free position
 *     word    [ lap, 31 bits | first, 1 bit | contents, 32 bits ]
 *
 * A writer gets the positions of its event by one addition to head and is then the only one
 * that ever writes them *in this lap*. As each word names its lap, a reader knows of every single
 * word that it is what it looks for: an older lap means not written yet, a later one that
 * the reader was overrun. So it does not matter in which order words become visible, nor
 * that a writer which slept for a whole lap writes over newer words: what is torn is never
 * taken for an event. Nobody ever waits for a lock, and nothing that a killed process leaves
 * behind needs to be repaired.
 *
 * The price is that half of the memory holds contents.
 */
#ifndef LLMQ_BUS_RING_H
#define LLMQ_BUS_RING_H

#include "bus/bus.h"

#include <stdatomic.h>

/** In shared memory, zero when new. */
typedef struct llmq_bus_ring_t {
    apr_uint64_t size; /* words, a power of two; 0: new */
    int shift;         /* its logarithm */
    _Alignas(64) _Atomic(apr_uint64_t) head;
    _Alignas(64) _Atomic(apr_uint64_t) word[];
} llmq_bus_ring_t;

/** Where a reader stands. */
typedef struct llmq_bus_cursor_t {
    llmq_bus_ring_t *ring;
    apr_uint64_t at;
    char data[LLMQ_EVENT_DATA_MAX + 4]; /* of the event read last */
} llmq_bus_cursor_t;

/** What a reader finds. */
typedef enum {
    LLMQ_BUS_EMPTY = 0, /* nothing */
    LLMQ_BUS_EVENT,     /* an event */
    LLMQ_BUS_LOST       /* that events are lost; read on */
} llmq_bus_found_e;

/**
 * @param bytes of contents that the ring shall hold, rounded up to a power of two
 * @return bytes of the ring
 * @threads any
 */
apr_size_t llmq_bus_ring_size(apr_size_t bytes);

/**
 * Make a new ring; one that is there stays as it is.
 * @param ring  in shared memory
 * @param bytes as for llmq_bus_ring_size()
 * @phase parent; @threads single
 */
void llmq_bus_ring_init(llmq_bus_ring_t *ring, apr_size_t bytes);

/**
 * The first half of a publication: positions.
 * @param ring  the ring
 * @param event its len counts
 * @return where llmq_bus_ring_fill() writes
 * @threads any, of any process
 */
apr_uint64_t llmq_bus_ring_reserve(llmq_bus_ring_t *ring, const llmq_event_t *event);

/**
 * The second half.
 * @param ring  the ring
 * @param at    from llmq_bus_ring_reserve()
 * @param event the same one
 * @threads any, of any process
 */
void llmq_bus_ring_fill(llmq_bus_ring_t *ring, apr_uint64_t at,
                        const llmq_event_t *event);

/**
 * Hear what comes from now on.
 * @param c the cursor, its ring set
 * @threads one at a time
 */
void llmq_bus_ring_follow(llmq_bus_cursor_t *c);

/**
 * @param c the cursor
 * @return non-zero if there is something to read
 * @threads one at a time
 */
int llmq_bus_ring_has_more(const llmq_bus_cursor_t *c);

/**
 * Read the next event. One that is just being written is waited for, for some milliseconds;
 * then its writer has died in the middle, or sleeps, and its event is lost.
 * @param event out: with LLMQ_BUS_EVENT; its data stands in the cursor
 * @param c     the cursor
 * @return see there
 * @threads one at a time
 */
llmq_bus_found_e llmq_bus_ring_next(llmq_event_t *event, llmq_bus_cursor_t *c);

#endif /* LLMQ_BUS_RING_H */
