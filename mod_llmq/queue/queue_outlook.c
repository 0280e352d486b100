#include "queue/queue_outlook.h"

#include "queue/queue_lock.h"
#include "queue/queue_tenant.h"

#include <string.h>

static apr_uint32_t lesser(apr_uint32_t bound, apr_uint32_t n)
{
    return bound && bound < n ? bound : n;
}

/* The mean of all levels, each with the weight of its samples. */
static apr_interval_time_t mean_of(const llmq_queue_t *q, apr_uint32_t t)
{
    double sum = 0, samples = 0;
    int l;

    LLMQ_EACH_LEVEL (l) {
        const llmq_queue_account_t *account = &lane_at(q, t, (apr_uint32_t)l)->account;

        sum += (double)account->run_ewma * (double)account->total_runs;
        samples += (double)account->total_runs;
    }
    return samples > 0 ? (apr_interval_time_t)(sum / samples + 0.5) : 0;
}

static void look_at(llmq_queue_outlook_t *o, int i, const llmq_queue_t *q, apr_uint32_t t,
                    apr_uint32_t *running)
{
    int l;

    LLMQ_EACH_LEVEL (l) {
        const llmq_queue_account_t *account = &lane_at(q, t, (apr_uint32_t)l)->account;

        o->ready_of[i][l] = account->count[LLMQ_ENTRY_READY];
        o->ready[l] += account->count[LLMQ_ENTRY_READY];
        *running += account->count[LLMQ_ENTRY_RUNNING] - account->answered;
    }
    o->slots_of[i] = tenant_at(q, t)->max_running;
    o->mean_of[i] = mean_of(q, t);
}

/* While something waits, who runs is who there is to run it. */
static void set_slots(llmq_queue_outlook_t *o, const llmq_queue_t *q,
                      apr_uint32_t running)
{
    apr_uint32_t bound = atomic_load(&q->header->max_busy);
    int l;

    LLMQ_EACH_LEVEL (l) {
        apr_uint32_t slots = lesser(bound, q->header->level[l].concurrency);

        o->slots[l] = o->ready[l] ? lesser(running, slots) : slots;
    }
}

apr_status_t llmq_queue_outlook(llmq_queue_outlook_t *o, llmq_queue_t *q,
                                const apr_uint64_t *tenants, int n)
{
    apr_uint32_t running = 0;
    apr_status_t rv;
    int i;

    memset(o, 0, sizeof(*o));
    if (n < 0 || n > LLMQ_QUEUE_FILTER_MAX)
        return APR_EINVAL;
    rv = llmq_queue_lock_enter(q);
    if (rv != APR_SUCCESS)
        return rv;
    o->n_tenants = n;
    for (i = 0; i < n; i++) {
        apr_uint32_t t = llmq_queue_tenant_find(q, tenants[i]);

        if (t)
            look_at(o, i, q, t, &running);
    }
    set_slots(o, q, running);
    llmq_queue_lock_leave(q);
    return APR_SUCCESS;
}

/* What is ready of a tenant in all more urgent levels. */
static apr_uint32_t more_urgent(const llmq_queue_outlook_t *o, int i, llmq_level_e level)
{
    apr_uint32_t sum = 0;
    int l;

    LLMQ_EACH_LEVEL (l) {
        if (l < (int)level)
            sum += o->ready_of[i][l];
    }
    return sum;
}

/* Work before an entry: that of all more urgent levels, and of its own level as much as its
 * place says, of each tenant as large a part as it has of what is ready there. */
static double work_before(const llmq_queue_outlook_t *o, llmq_level_e level,
                          apr_uint32_t place)
{
    double before = 0, beside = 0;
    apr_uint32_t ready = o->ready[level];
    int i;

    for (i = 0; i < o->n_tenants; i++) {
        before += (double)more_urgent(o, i, level) * (double)o->mean_of[i];
        beside += (double)o->ready_of[i][level] * (double)o->mean_of[i];
    }
    return ready ? before + beside * (double)(place - 1) / (double)ready : before;
}

/* The same of one tenant, which may have a narrower bound. */
static double own_before(const llmq_queue_outlook_t *o, int at, llmq_level_e level,
                         apr_uint32_t place)
{
    double share = o->ready[level] ? (double)o->ready_of[at][level] / o->ready[level] : 0;

    return ((double)more_urgent(o, at, level) + share * (double)(place - 1))
           * (double)o->mean_of[at];
}

apr_interval_time_t llmq_queue_outlook_wait(const llmq_queue_outlook_t *o, int at,
                                            llmq_level_e level, apr_uint32_t place)
{
    double wait, own;

    if (at < 0 || at >= o->n_tenants || !place)
        return 0;
    wait = work_before(o, level, place) / (o->slots[level] ? o->slots[level] : 1);
    own = o->slots_of[at] ? own_before(o, at, level, place) / o->slots_of[at] : 0;
    return (apr_interval_time_t)(wait > own ? wait : own);
}
