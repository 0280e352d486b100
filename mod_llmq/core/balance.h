/**
 * @file balance.h
 * Which of several backends comes next: pure functions over a list of candidates. The
 * caller says what each candidate is like at this moment, keeps the state between picks
 * and supplies chance, so that every pick can be repeated.
 *
 * A candidate is *eligible* while it is usable and below its max_concurrent. Whatever the
 * algorithm, only eligible ones are picked.
 *
 * round_robin           in turn, whatever the weights.
 * weighted_round_robin  by weight and spread evenly: each eligible candidate is credited
 *                       its weight, the richest is picked and pays the sum. This is the
 *                       "smooth" variant that nginx describes (M. Dounin, "Upstream: smooth
 *                       weighted round-robin balancing", nginx change 52327e0627f4, 2012).
 * least_connections     the fewest calls under way for its weight; among equals by
 *                       weighted_round_robin, as nginx's least_conn.
 * weighted_random       by chance, in proportion to weight.
 * adaptive_load         of two drawn by weight the cheaper one: the power of two choices
 *                       (M. Mitzenmacher, IEEE TPDS 12(10), 2001). Cost is the moving mean
 *                       of latency times the calls it would then have, as the "Peak EWMA"
 *                       balancer of Twitter's Finagle; per weight. A candidate without a
 *                       latency counts as fast as the fastest and goes before an equal,
 *                       so that it is tried.
 */
#ifndef LLMQ_BALANCE_H
#define LLMQ_BALANCE_H

#include <apr.h>
#include <apr_errno.h>
#include <apr_time.h>

#define LLMQ_BALANCE_MAX        64 /* candidates */
#define LLMQ_BALANCE_WEIGHT_MAX 1000

typedef enum {
    LLMQ_BALANCE_ROUND_ROBIN = 0,
    LLMQ_BALANCE_WEIGHTED_ROUND_ROBIN,
    LLMQ_BALANCE_LEAST_CONNECTIONS,
    LLMQ_BALANCE_WEIGHTED_RANDOM,
    LLMQ_BALANCE_ADAPTIVE_LOAD,
    LLMQ_BALANCE_COUNT
} llmq_balance_e;

typedef struct llmq_balance_candidate_t {
    int usable; /* non-zero: may be picked at all */
    int weight; /* 1 to LLMQ_BALANCE_WEIGHT_MAX; less counts as 1 */
    int in_flight;
    int max_concurrent;
    apr_interval_time_t latency; /* moving mean in microseconds, 0 unknown */
} llmq_balance_candidate_t;

/** What lies between two picks; begins zeroed. The same place must stay the same backend. */
typedef struct llmq_balance_state_t {
    int next;                             /* round_robin */
    apr_int64_t credit[LLMQ_BALANCE_MAX]; /* weighted_round_robin, ties */
} llmq_balance_state_t;

/** Settings; filled by cfg/. */
typedef struct llmq_balance_conf_t {
    llmq_balance_e algorithm;
    int affinity;      /* non-zero: a conversation stays with its backend */
    int conversations; /* how many are remembered for that */
} llmq_balance_conf_t;

/**
 * @param algorithm an algorithm
 * @return its word, as LLMQBalance takes it; static; "unknown" for another number
 * @threads any
 */
const char *llmq_balance_name(llmq_balance_e algorithm);

/**
 * @param palgorithm out: the algorithm; untouched unless APR_SUCCESS
 * @param word       its word
 * @return APR_SUCCESS; APR_EINVAL unknown word
 * @threads any
 */
apr_status_t llmq_balance_parse(llmq_balance_e *palgorithm, const char *word);

/**
 * @param candidate a candidate
 * @return non-zero if it is usable and not full
 * @threads any
 */
int llmq_balance_eligible(const llmq_balance_candidate_t *candidate);

/**
 * Choose.
 * @param state      of this list of candidates; changed
 * @param algorithm  how
 * @param candidates the list
 * @param n          its length, 0 to LLMQ_BALANCE_MAX
 * @param chance     a random number, all 64 bits of it
 * @return index of an eligible candidate; -1 if there is none
 * @threads any; whoever shares a state guards it
 */
int llmq_balance_pick(llmq_balance_state_t *state, llmq_balance_e algorithm,
                      const llmq_balance_candidate_t *candidates, int n,
                      apr_uint64_t chance);

/**
 * The moving mean after another sample: it rises by half of what the sample is above it
 * and falls by an eighth of what it is below, since slowness must be noticed at once.
 * @param latency the mean, 0 before the first sample
 * @param sample  microseconds; less than 1 counts as 1
 * @return the new mean, > 0
 * @threads any
 */
apr_interval_time_t llmq_balance_latency(apr_interval_time_t latency,
                                         apr_interval_time_t sample);

/**
 * What a mean is worth after a time without samples: half for each ten seconds, so that a
 * backend that was slow once is tried again.
 * @param latency the mean
 * @param age     since the last sample, microseconds; negative counts as 0
 * @return at least 1 if there is a mean, else 0
 * @threads any
 */
apr_interval_time_t llmq_balance_fade(apr_interval_time_t latency,
                                      apr_interval_time_t age);

#endif /* LLMQ_BALANCE_H */
