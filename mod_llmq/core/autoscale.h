/**
 * @file autoscale.h
 * How many of a level may run at once: a controller that finds the knee of what stands
 * behind the level, the load beyond which more calls at once only make each call slower.
 * Pure: it is told what was measured and says what to allow.
 *
 * It is a gradient controller, as the limits of congestion control and of Netflix's
 * concurrency-limits library (Gradient2Limit) are: the latency now is compared with the
 * latency when little was asked (the *base*).
 *   - latency above 1.5 × base: the limit shrinks in that proportion, at most by half;
 *   - half of the calls of a round refused for overload or timed out: by three tenths;
 *   - latency below 1.3 × base while the limit is in the way: it grows by its square root;
 *   - in between, or while the limit is not in the way: it stays. So an idle level keeps
 *     the limit that it has, which at first is the maximum.
 * A *round* is as many calls as the limit: only then has a change shown its effect, so no
 * change comes sooner.
 *
 * The base is the mean latency of the fastest round; rounds as quiet as that one raise it
 * again, so that longer answers of another day are not taken for overload for ever. A level
 * that was full from the start has seen no quiet round; it may not know that it is beyond
 * the knee. Hence the *probe*: when the base was measured under more than half of the
 * limit, one round runs at a quarter of it. Otherwise the base is probed once in a thousand
 * rounds that the limit was in the way.
 */
#ifndef LLMQ_AUTOSCALE_H
#define LLMQ_AUTOSCALE_H

#include "llmq.h"

#include <apr_time.h>

/** Bounds of one level. */
typedef struct llmq_autoscale_conf_t {
    int min; /* 1 to max */
    int max;
} llmq_autoscale_conf_t;

/** What was measured since the last step. */
typedef struct llmq_autoscale_sample_t {
    int ended;                /* calls that were answered, well or badly */
    int overloads;            /* of those: refused for overload, or timed out */
    apr_interval_time_t usec; /* sum of the times of those that were answered well */
    int good;                 /* their number */
    int waiting;              /* entries that might run now but for the limit */
    int running;              /* calls in flight */
} llmq_autoscale_sample_t;

/** The state of one level; zero it and call llmq_autoscale_init(). */
typedef struct llmq_autoscale_t {
    int limit;
    apr_interval_time_t base; /* latency when little was asked; 0 = not known */
    int base_load;            /* calls in flight when it was measured */
    int probing;              /* limit to go back to after the probe, 0 = none */
    int rounds;               /* since the last probe */
    llmq_autoscale_sample_t round;
} llmq_autoscale_t;

/**
 * @param a    the state
 * @param conf bounds; the limit begins at the maximum
 * @threads any, one at a time
 */
void llmq_autoscale_init(llmq_autoscale_t *a, const llmq_autoscale_conf_t *conf);

/**
 * One step of the controller, about once a second.
 * @param a      the state
 * @param conf   bounds
 * @param sample what was measured since the last step
 * @return the limit from now on, within the bounds
 * @threads any, one at a time
 */
int llmq_autoscale_step(llmq_autoscale_t *a, const llmq_autoscale_conf_t *conf,
                        const llmq_autoscale_sample_t *sample);

#endif /* LLMQ_AUTOSCALE_H */
