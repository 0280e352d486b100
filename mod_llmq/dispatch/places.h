/**
 * @file places.h
 * What may be begun: as many jobs as the backends have places for, and of each model as many
 * as those have that know it. What needs a model whose backends are full keeps its turn in
 * the queue and stands in nobody's way (queue/queue_gated.h).
 */
#ifndef LLMQ_PLACES_H
#define LLMQ_PLACES_H

#include "backend/endpoint.h"
#include "core/model.h"
#include "queue/queue_gated.h"

typedef struct llmq_places_t llmq_places_t;

/**
 * @param models    of completions; NULL: none
 * @param endpoints where the places are
 * @param p         pool, as long as the places
 * @return the places
 * @phase dispatcher; @threads single
 */
llmq_places_t *llmq_places_create(const llmq_models_t *models,
                                  llmq_endpoints_t *endpoints, apr_pool_t *p);

/**
 * Count what is free.
 * @param places the places
 * @param q      the queue that is going to be taken from
 * @return how many jobs may be begun
 * @threads the taker
 */
int llmq_places_count(llmq_places_t *places, llmq_queue_t *q);

/**
 * Take the most urgent jobs for which there was a place when llmq_places_count() was asked.
 * @param out    at least @a max entries
 * @param pn     out: how many were taken
 * @param places the places
 * @param q      the same queue
 * @param max    most to take (> 0)
 * @param owner  the taker's pid
 * @return as llmq_queue_take()
 * @threads the taker
 */
apr_status_t llmq_places_take(llmq_entry_t *out, int *pn, llmq_places_t *places,
                              llmq_queue_t *q, int max, apr_uint32_t owner);

#endif /* LLMQ_PLACES_H */
