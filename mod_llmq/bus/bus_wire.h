/**
 * @file bus_wire.h
 * Events as they travel between nodes: a *frame* of several events of one node.
 *
 *     version, 1 | length of the node's name, 1 | name
 *     then for each event:  what, 1 | topic, 8 | seq, 8 | length, 2 | data
 *
 * Numbers are big-endian. Whoever may publish in Redis can say what he likes, so a frame is
 * believed as far as its form goes and no further: every length, kind and number is checked,
 * and data is one line of strict JSON, an object. A frame with a single fault is dropped
 * whole.
 */
#ifndef LLMQ_BUS_WIRE_H
#define LLMQ_BUS_WIRE_H

#include "bus/bus.h"

/** Most bytes of a frame. */
#define LLMQ_BUS_WIRE_MAX ((apr_size_t)64 * 1024)

/** In the place of an llmq_event_e: events of this node were lost, look at the store. */
#define LLMQ_BUS_WIRE_LOOK 0

/** A frame that is being made. */
typedef struct llmq_bus_wire_t {
    apr_size_t head; /* bytes before the first event */
    apr_size_t len;
    unsigned char data[LLMQ_BUS_WIRE_MAX];
} llmq_bus_wire_t;

/** A frame that is being read; borrows the bytes. */
typedef struct llmq_bus_frame_t {
    const char *node; /* not NUL-terminated */
    apr_size_t node_len;
    const unsigned char *at; /* of the next event */
    const unsigned char *end;
} llmq_bus_frame_t;

/**
 * @param w    out: without events
 * @param node our name, at most LLMQ_NAME_MAX bytes
 * @threads one at a time
 */
void llmq_bus_wire_begin(llmq_bus_wire_t *w, const char *node);

/**
 * @param w     the frame
 * @param event what; LLMQ_BUS_WIRE_LOOK goes without the rest
 * @return non-zero if it was added; 0: no room, an empty frame has room for any
 * @threads one at a time
 */
int llmq_bus_wire_add(llmq_bus_wire_t *w, const llmq_event_t *event);

/**
 * Look at the head of a frame.
 * @param frame out: ready for llmq_bus_wire_next() once llmq_bus_wire_check() is content
 * @param data  bytes
 * @param len   their number
 * @return APR_SUCCESS; APR_ENOTIMPL another version; APR_EINVAL no frame
 * @threads any
 */
apr_status_t llmq_bus_wire_open(llmq_bus_frame_t *frame, const void *data,
                                apr_size_t len);

/**
 * @param frame an open frame
 * @param node  a name
 * @return non-zero if the frame is of this node
 * @threads any
 */
int llmq_bus_wire_is_of(const llmq_bus_frame_t *frame, const char *node);

/**
 * Look at all events.
 * @param frame an open frame
 * @param p     scratch
 * @return APR_SUCCESS; APR_EINVAL there is a fault
 * @threads any
 */
apr_status_t llmq_bus_wire_check(const llmq_bus_frame_t *frame, apr_pool_t *p);

/**
 * @param event out: its data is borrowed from the frame
 * @param frame a checked frame
 * @return non-zero; 0: there are no more
 * @threads one at a time
 */
int llmq_bus_wire_next(llmq_event_t *event, llmq_bus_frame_t *frame);

#endif /* LLMQ_BUS_WIRE_H */
