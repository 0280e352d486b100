/* Whose turn it is, in the model. */
#include "support_model.h"

static int is_listed(const model_filter_t *f, int tenant, int level)
{
    return !f->is_set
           || ((f->tenants >> tenant & 1) && (!f->levels || (f->levels >> level & 1)));
}

static int is_served(const model_t *m, int tenant, int level)
{
    int in = m->level[level].lane[tenant].in;

    return in == MODEL_OWN || (in == MODEL_SHARED && model_is_shared_free(m, level));
}

static int is_takeable(const model_t *m, int level, const model_filter_t *f)
{
    int t;

    if (model_calls(m, -1, level) >= m->level[level].concurrency
        || model_all_calls(m, -1) >= m->most)
        return 0;
    for (t = 0; t < MODEL_TENANTS; t++)
        if (is_listed(f, t, level) && is_served(m, t, level))
            return 1;
    return 0;
}

static int counts_for_age(const model_t *m, const model_job_t *job, int level,
                          const model_filter_t *f)
{
    return job->e.state == LLMQ_ENTRY_READY && job->e.level == level
           && m->level[level].lane[job->tenant].in != MODEL_NONE
           && is_listed(f, job->tenant, level)
           && (!f->is_set || is_served(m, job->tenant, level));
}

static int rank_of(const model_t *m, int level, const model_filter_t *f)
{
    apr_time_t oldest = m->now;
    int i, risen;

    for (i = 0; i < MODEL_JOBS; i++)
        if (counts_for_age(m, &m->job[i], level, f) && m->job[i].ready_at < oldest)
            oldest = m->job[i].ready_at;
    risen = (int)((m->now - oldest) / MODEL_AGEING);
    return risen < level ? level - risen : 1;
}

int model_next_level(const model_t *m, const model_filter_t *f)
{
    int l, best = 0;

    LLMQ_EACH_LEVEL (l) {
        if (!is_takeable(m, l, f))
            continue;
        if (!best || rank_of(m, l, f) < rank_of(m, best, f)
            || (rank_of(m, l, f) == rank_of(m, best, f)
                && m->level[l].served < m->level[best].served))
            best = l;
    }
    return best;
}

static int next_tenant(const model_t *m, int level, const model_filter_t *f)
{
    int t, best = -1;

    for (t = 0; t < MODEL_TENANTS; t++)
        if (is_listed(f, t, level) && is_served(m, t, level)
            && (best < 0
                || m->level[level].lane[t].ticket < m->level[level].lane[best].ticket))
            best = t;
    return best;
}

static void pass_turns(model_t *m, int level, int tenant)
{
    model_lane_t *lane = &m->level[level].lane[tenant];
    int k = lane->ring[0];

    m->level[level].served = ++m->turn;
    if (--lane->key[k].credit == 0) {
        lane->key[k].credit = lane->key[k].weight;
        model_ring_drop(lane, k);
        lane->ring[lane->ring_len++] = k;
    }
    if (--lane->credit == 0) {
        lane->credit = model_weight_of(tenant);
        lane->ticket = ++m->level[level].ticket;
    }
}

/* Take the next of a level; returns the job. */
int model_take(model_t *m, int level, const model_filter_t *f, apr_time_t lease_until)
{
    int tenant = next_tenant(m, level, f);
    int j = model_first_ready(m, tenant, level, m->level[level].lane[tenant].ring[0]);

    pass_turns(m, level, tenant);
    m->job[j].e.state = LLMQ_ENTRY_RUNNING;
    model_settle_job(m, j);
    model_begin(m, j, lease_until);
    return j;
}
