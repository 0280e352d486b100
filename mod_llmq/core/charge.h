/**
 * @file charge.h
 * What a job has been charged with when it was accepted: units on accounts of the ledger.
 * It is stored with the job, so that whoever sees its end can settle what it has used
 * really.
 *
 * A text that begins with LLMQ_CHARGE_SETTLED has been settled; that mark is set where the
 * row is, in the statement that decides who settles. Where such a job is let run once more,
 * LLMQ_CHARGE_AGAIN takes the place of the mark: it is to be settled again, and nothing is
 * booked any more that could be given back.
 */
#ifndef LLMQ_CHARGE_H
#define LLMQ_CHARGE_H

#include "core/ledger.h"

#include <apr_pools.h>
#include <apr_time.h>

#define LLMQ_CHARGES_MAX LLMQ_LEDGER_RULES /* of a job */

#define LLMQ_CHARGE_BYTES_A_TOKEN 4 /* where a backend does not tell; a rule of thumb */

#define LLMQ_CHARGE_SETTLED '!'
#define LLMQ_CHARGE_AGAIN   '+'

/** What is counted; the letter stands in the text. */
typedef enum {
    LLMQ_CHARGE_REQUESTS = 'r',
    LLMQ_CHARGE_TOKENS = 't',
    LLMQ_CHARGE_COST = 'c'
} llmq_charge_e;

typedef struct llmq_charge_t {
    llmq_charge_e what;
    apr_uint64_t account;
    apr_int64_t n; /* units that were booked */
    apr_time_t window;
    llmq_ledger_conf_t rule; /* what the account is allowed */
} llmq_charge_t;

/**
 * @param charges the charges
 * @param n       their number
 * @param p       pool of the text
 * @return text for llmq_charge_parse(); NULL of none
 * @threads any
 */
const char *llmq_charge_format(const llmq_charge_t *charges, int n, apr_pool_t *p);

/**
 * @param charges out: room for LLMQ_CHARGES_MAX; n is 0 of those that run again
 * @param text    of llmq_charge_format(), with or without marks; NULL: none
 * @return how many; what is no such text ends the list
 * @threads any
 */
int llmq_charge_parse(llmq_charge_t *charges, const char *text);

/**
 * @param result of a job, as it is stored
 * @param p      scratch
 * @return tokens that its `usage` tells, -1 if it tells none
 * @threads any
 */
apr_int64_t llmq_charge_tokens(const char *result, apr_pool_t *p);

#endif /* LLMQ_CHARGE_H */
