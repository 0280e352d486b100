/**
 * @file usage_meter.h
 * What was used and what was limited since the server started, for /metrics: counters in memory
 * that all processes of a server share. What is billed stands in the database
 * (store/store_usage.h); this is what a monitor reads every few seconds.
 *
 * Models are told apart up to LLMQ_USAGE_METER_MODELS; a backend may call itself
 * anything, so what comes later counts as "other".
 */
#ifndef LLMQ_USAGE_METER_H
#define LLMQ_USAGE_METER_H

#include <apr.h>

#define LLMQ_USAGE_METER_MODELS 100
#define LLMQ_USAGE_METER_NAME   128 /* bytes of a name with its NUL; longer is "other" */

typedef struct llmq_usage_meter_t llmq_usage_meter_t; /* lies in shared memory */

/** Of a model. */
typedef struct llmq_usage_figures_t {
    char model[LLMQ_USAGE_METER_NAME]; /* only read */
    apr_uint64_t requests;
    apr_uint64_t prompt_tokens;
    apr_uint64_t completion_tokens;
    apr_uint64_t cost; /* millionths */
} llmq_usage_figures_t;

/** Why somebody was limited. */
typedef enum {
    LLMQ_LIMITED_REQUESTS = 0,
    LLMQ_LIMITED_TOKENS,
    LLMQ_LIMITED_CONCURRENCY,
    LLMQ_LIMITED_BUDGET,
    LLMQ_LIMITED_RATE, /* LLMQRateLimit */
    LLMQ_LIMITED_COUNT
} llmq_limited_e;

/**
 * @return bytes that llmq_usage_meter_init() needs
 * @threads any
 */
apr_size_t llmq_usage_meter_size(void);

/**
 * @param memory 64-byte aligned, at first zero, of llmq_usage_meter_size() bytes; what was counted
 *               there stays
 * @return the meter, at the address of @a memory
 * @phase parent, tests; @threads single
 */
llmq_usage_meter_t *llmq_usage_meter_init(void *memory);

/**
 * Something was used.
 * @param m     the meter; NULL: nothing is counted
 * @param model its name
 * @param used  how much more
 * @threads any, of any process
 */
void llmq_usage_meter_add(llmq_usage_meter_t *m, const char *model,
                          const llmq_usage_figures_t *used);

/**
 * Somebody was limited.
 * @param m      the meter; NULL: nothing is counted
 * @param why    by what
 * @param queued non-zero: it waits; 0: it was refused
 * @threads any, of any process
 */
void llmq_usage_meter_limit(llmq_usage_meter_t *m, llmq_limited_e why, int queued);

/**
 * @param figures out: room for LLMQ_USAGE_METER_MODELS + 1
 * @param m       the meter
 * @return how many models
 * @threads any, of any process
 */
int llmq_usage_meter_read(llmq_usage_figures_t *figures, llmq_usage_meter_t *m);

/**
 * @param m      the meter
 * @param why    by what
 * @param queued non-zero: those that wait; 0: that were refused
 * @return how many were limited
 * @threads any, of any process
 */
apr_uint64_t llmq_usage_meter_limited(llmq_usage_meter_t *m, llmq_limited_e why,
                                      int queued);

/**
 * @param why by what
 * @return a word for a label; static
 * @threads any
 */
const char *llmq_usage_meter_reason(llmq_limited_e why);

#endif /* LLMQ_USAGE_METER_H */
