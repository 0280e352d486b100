#include "core/price.h"

#include <string.h>

const llmq_price_conf_t *llmq_price_find(const llmq_price_conf_t *prices, int n,
                                         const char *model)
{
    int i;

    for (i = 0; model && i < n; i++) {
        if (strcmp(prices[i].model, model) == 0) {
            return &prices[i];
        }
    }
    return NULL;
}

/* A price of a million in money is that of one in millionths. */
apr_int64_t llmq_price_cost(const llmq_price_conf_t *price, int prompt, int completion)
{
    double cost = 0;

    if (price && prompt > 0) {
        cost += prompt * price->prompt;
    }
    if (price && completion > 0) {
        cost += completion * price->completion;
    }
    return (apr_int64_t)(cost + 0.5);
}
