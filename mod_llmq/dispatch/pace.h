/**
 * @file pace.h
 * Autoscaling: measures how long the calls of each level take, and once a second lets
 * core/autoscale say how many of the level may run at once.
 */
#ifndef LLMQ_PACE_H
#define LLMQ_PACE_H

#include "backend/backend.h"
#include "queue/queue.h"

typedef struct llmq_pace_t llmq_pace_t;

/** Settings; filled by cfg/. The maxima are the queue's max_concurrent. */
typedef struct llmq_pace_conf_t {
    int on;
    int min[LLMQ_LEVEL_COUNT]; /* by level, slot 0 unused; 0 counts as 1 */
} llmq_pace_conf_t;

/**
 * @param queue the shared queue
 * @param conf  settings; borrowed
 * @param p     pool, as long as the pace
 * @return the pace; nothing is limited yet
 * @phase dispatcher; @threads the first
 */
llmq_pace_t *llmq_pace_create(llmq_queue_t *queue, const llmq_pace_conf_t *conf,
                              apr_pool_t *p);

/**
 * A call has ended. One that could not be sent, or that we ended
 * ourselves, says nothing about the load.
 * @param pace     the pace
 * @param level    of its job
 * @param call     what came of it
 * @param begun_at when it began
 * @threads any; lock-free
 */
void llmq_pace_note(llmq_pace_t *pace, llmq_level_e level, const llmq_call_t *call,
                    apr_time_t begun_at);

/**
 * Apply what was measured, if a second has passed since the last time.
 * @param pace the pace
 * @threads the dispatcher's first
 */
void llmq_pace_tick(llmq_pace_t *pace);

#endif /* LLMQ_PACE_H */
