/**
 * @file usage.h
 * What was used, as it is told (store/store_usage.h).
 */
#ifndef LLMQ_USAGE_H
#define LLMQ_USAGE_H

#include "base/text.h"

/** Microseconds; usage is counted by days in UTC. */
#define LLMQ_USAGE_DAY apr_time_from_sec(86400)

/** Room for llmq_usage_day(). */
#define LLMQ_USAGE_DAY_SIZE LLMQ_RFC3339_SIZE

/** Sums. */
typedef struct llmq_usage_sum_t {
    apr_int64_t requests;
    apr_int64_t prompt_tokens;
    apr_int64_t completion_tokens;
    apr_int64_t cost; /* millionths of the money that prices are in */
} llmq_usage_sum_t;

/** Of a day, a tenant, a caller, a key of its and a model. */
typedef struct llmq_usage_t {
    int day; /* since 1970 */
    const char *tenant;
    const char *caller; /* the job's user; "": it had none */
    const char *model;
    const char *api_key; /* id of the key that was used; "": none */
    llmq_usage_sum_t sum;
} llmq_usage_t;

/**
 * @param buf out: "2026-11-21"
 * @param day since 1970
 * @threads any
 */
void llmq_usage_day(char buf[LLMQ_USAGE_DAY_SIZE], int day);

/**
 * Append sums as a JSON object.
 * @param t   where to
 * @param sum the sums
 * @threads any
 */
void llmq_usage_write_sum(llmq_text_t *t, const llmq_usage_sum_t *sum);

/**
 * Append a row as a JSON object: what it is of, and its sums.
 * @param t      where to
 * @param usage  the row
 * @param tenant non-zero: its tenant is a member, too
 * @threads any
 */
void llmq_usage_write(llmq_text_t *t, const llmq_usage_t *usage, int tenant);

#endif /* LLMQ_USAGE_H */
