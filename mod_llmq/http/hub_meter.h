/**
 * @file hub_meter.h
 * Figures of event streams, of all children: each child counts in a place of its own, in
 * shared memory. What a child has counted stays when it ends, for whoever takes its place;
 * the streams that it had open are those of a living child only.
 * @threads any; lock-free
 */
#ifndef LLMQ_HUB_METER_H
#define LLMQ_HUB_METER_H

#include <apr.h>

#include <stdatomic.h>

/** Children that can count at once; others do not. */
#define LLMQ_HUB_METER_PLACES 512

/** A place. */
typedef struct llmq_hub_meter_t {
    _Atomic(apr_uint32_t) pid; /* 0: free */
    _Atomic(apr_uint32_t) open;
    _Atomic(apr_uint64_t) begun;
    _Atomic(apr_uint64_t) events;
    _Atomic(apr_uint64_t) cut;
} llmq_hub_meter_t;

/** All together. */
typedef struct llmq_hub_figures_t {
    apr_uint64_t open;   /* now */
    apr_uint64_t begun;  /* since the server was started */
    apr_uint64_t events; /* sent */
    apr_uint64_t cut;    /* streams that broke off while the client was behind */
} llmq_hub_figures_t;

/**
 * @return bytes of shared memory
 */
apr_size_t llmq_hub_meter_size(void);

/**
 * @param area llmq_hub_meter_size() bytes, zeroed, or what a generation before has counted in
 * @phase post_config; @threads single
 */
void llmq_hub_meter_attach(void *area);

/**
 * @return this child's place, never NULL: without one left, memory of its own
 * @phase child_init; @threads single
 */
llmq_hub_meter_t *llmq_hub_meter_take(void);

/**
 * @param figures out
 */
void llmq_hub_meter_read(llmq_hub_figures_t *figures);

#endif /* LLMQ_HUB_METER_H */
