/**
 * @file price.h
 * What tokens cost. Money is a number without a name; sums of it are whole millionths.
 */
#ifndef LLMQ_PRICE_H
#define LLMQ_PRICE_H

#include <apr.h>

/** Of a model; "*" is for all that have none of their own. */
typedef struct llmq_price_conf_t {
    const char *model;
    double prompt;     /* of a million tokens, >= 0 */
    double completion; /* likewise */
} llmq_price_conf_t;

/**
 * @param prices the prices
 * @param n      their number
 * @param model  NULL: none
 * @return its price; NULL: it has none of its own
 * @threads any
 */
const llmq_price_conf_t *llmq_price_find(const llmq_price_conf_t *prices, int n,
                                         const char *model);

/**
 * @param price      NULL: it costs nothing
 * @param prompt     tokens; below 0 as none
 * @param completion likewise
 * @return millionths
 * @threads any
 */
apr_int64_t llmq_price_cost(const llmq_price_conf_t *price, int prompt, int completion);

#endif /* LLMQ_PRICE_H */
