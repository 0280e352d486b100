#include "backend/endpoint_choice.h"

#include "backend/endpoint_memo.h"

#include <apr_general.h>

#include <string.h>

/* Jobs in their retries whose backends are remembered. */
#define TRIED_MAX 4096

struct llmq_endpoint_choice_t {
    llmq_balance_e algorithm;
    llmq_balance_state_t balance;
    llmq_endpoint_memo_t *homes; /* conversation → 1 + index; NULL: no affinity */
    llmq_endpoint_memo_t *tried; /* job → 1 + index of the last eight, a byte each */
    apr_uint64_t seed;
};

llmq_endpoint_choice_t *llmq_endpoint_choice_create(const llmq_balance_conf_t *conf,
                                                    apr_pool_t *p)
{
    llmq_endpoint_choice_t *c = apr_pcalloc(p, sizeof(*c));

    c->algorithm = conf->algorithm;
    c->tried = llmq_endpoint_memo_create(TRIED_MAX, p);
    if (conf->affinity && conf->conversations > 0) {
        c->homes = llmq_endpoint_memo_create(conf->conversations, p);
    }
    apr_generate_random_bytes((unsigned char *)&c->seed, sizeof(c->seed));
    return c;
}

/* The generator "splitmix64" (S. Vigna, public domain; after G. Steele, D. Lea and C.
 * Flood, OOPSLA 2014). */
static apr_uint64_t next_chance(llmq_endpoint_choice_t *c)
{
    apr_uint64_t z = (c->seed += APR_UINT64_C(0x9E3779B97F4A7C15));

    z = (z ^ z >> 30) * APR_UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * APR_UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

/* Leave out what is in the list, unless nothing would be left. */
static int leave_out(llmq_endpoint_group_t *g, apr_uint64_t list)
{
    llmq_balance_candidate_t before[LLMQ_BALANCE_MAX];
    int i;

    memcpy(before, g->c, sizeof(before));
    for (; list; list >>= 8) {
        g->c[(list & 0xFF) - 1].usable = 0;
    }
    for (i = 0; i < LLMQ_BALANCE_MAX; i++) {
        if (g->c[i].usable) {
            return 1;
        }
    }
    memcpy(g->c, before, sizeof(before));
    return 0;
}

int llmq_endpoint_choice_make(llmq_endpoint_choice_t *c, llmq_endpoint_group_t *g, int n,
                              apr_uint64_t job, apr_uint64_t chain)
{
    apr_uint64_t tried = llmq_endpoint_memo_find(c->tried, job);
    int home = (int)llmq_endpoint_memo_find(c->homes, chain) - 1;
    int i;

    /* Those that were tried, or at least the last one. */
    if (tried && !leave_out(g, tried)) {
        leave_out(g, tried & 0xFF);
    }
    i = home >= 0 && llmq_balance_eligible(&g->c[home])
            ? home
            : llmq_balance_pick(&c->balance, c->algorithm, g->c, n, next_chance(c));
    if (i >= 0) {
        llmq_endpoint_memo_put(c->homes, chain, (apr_uint64_t)i + 1);
    }
    return i;
}

void llmq_endpoint_choice_learn(llmq_endpoint_choice_t *c, apr_uint64_t job, int index,
                                int ok)
{
    apr_uint64_t tried = ok ? 0 : llmq_endpoint_memo_find(c->tried, job);

    if (!ok) {
        tried = tried << 8 | (apr_uint64_t)(index + 1);
    }
    llmq_endpoint_memo_put(c->tried, job, tried);
}
