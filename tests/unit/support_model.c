#include "support_model.h"

#include <stdlib.h>
#include <string.h>

const llmq_queue_tenant_conf_t model_named[2] = {{101, 2, 0, 0, 3}, {102, 1, 12, 3, 0}};

int model_chance(int n)
{
    return (int)(random() % n);
}

apr_uint64_t model_hash_of(int tenant)
{
    return (apr_uint64_t)(101 + tenant);
}

apr_uint32_t model_weight_of(int tenant)
{
    return tenant < 2 ? model_named[tenant].weight : 1;
}

/* Of all tenants if @a tenant is negative. */
int model_count(const model_t *m, int tenant, int level, int state)
{
    int i, n = 0;

    for (i = 0; i < MODEL_JOBS; i++)
        n += m->job[i].e.state == state && m->job[i].e.level == level
             && (tenant < 0 || m->job[i].tenant == tenant);
    return n;
}

int model_calls(const model_t *m, int tenant, int level)
{
    int i, n = model_count(m, tenant, level, LLMQ_ENTRY_RUNNING);

    for (i = 0; i < MODEL_JOBS; i++)
        n -= m->job[i].answered && m->job[i].e.level == level
             && (tenant < 0 || m->job[i].tenant == tenant);
    return n;
}

/* ---- bounds ---- */

static int own_of(int tenant, int n)
{
    return tenant < 2 ? n * MODEL_RESERVE / 100 / 2 : 0;
}

static int beyond(int n, int own)
{
    return n > own ? n - own : 0;
}

static int count_places(const model_t *m, int tenant, int level)
{
    return m->level[level].lane[tenant].admitted
           + model_count(m, tenant, level, LLMQ_ENTRY_READY)
           + model_count(m, tenant, level, LLMQ_ENTRY_BLOCKED)
           + model_count(m, tenant, level, LLMQ_ENTRY_DELAYED);
}

int model_is_full(const model_t *m, int tenant, int level)
{
    int used = count_places(m, tenant, level), pool = 0, t;

    if (tenant == 1 && used >= (int)model_named[1].max_waiting)
        return 1;
    if (used < own_of(tenant, MODEL_SIZE))
        return 0;
    for (t = 0; t < MODEL_TENANTS; t++)
        pool += beyond(count_places(m, t, level), own_of(t, MODEL_SIZE));
    return pool >= MODEL_SIZE - 2 * own_of(0, MODEL_SIZE);
}

int model_is_shared_free(const model_t *m, int level)
{
    int all = m->level[level].concurrency, shared = 0, t;

    for (t = 0; t < MODEL_TENANTS; t++)
        shared += beyond(model_calls(m, t, level), own_of(t, all));
    return shared < all - 2 * own_of(0, all);
}

/* ---- turns ---- */

static int is_of(const model_job_t *job, int tenant, int level, int key)
{
    return job->tenant == tenant && job->e.level == level && job->key == key;
}

/* The ready job of a key that was put first; -1 if none. */
int model_first_ready(const model_t *m, int tenant, int level, int key)
{
    int i, best = -1;

    for (i = 0; i < MODEL_JOBS; i++)
        if (m->job[i].e.state == LLMQ_ENTRY_READY && is_of(&m->job[i], tenant, level, key)
            && (best < 0 || m->job[i].seq < m->job[best].seq))
            best = i;
    return best;
}

static apr_uint32_t key_calls(const model_t *m, int tenant, int level, int key)
{
    apr_uint32_t n = 0;
    int i;

    for (i = 0; i < MODEL_JOBS; i++)
        n += m->job[i].e.state == LLMQ_ENTRY_RUNNING && !m->job[i].answered
             && is_of(&m->job[i], tenant, level, key);
    return n;
}

static int ring_find(const model_lane_t *lane, int key)
{
    int i;

    for (i = 0; i < lane->ring_len; i++)
        if (lane->ring[i] == key)
            return i;
    return -1;
}

void model_ring_drop(model_lane_t *lane, int key)
{
    int i, at = ring_find(lane, key);

    lane->ring_len--;
    for (i = at; i < lane->ring_len; i++)
        lane->ring[i] = lane->ring[i + 1];
}

int model_all_calls(const model_t *m, int tenant)
{
    int l, n = 0;

    LLMQ_EACH_LEVEL (l)
        n += model_calls(m, tenant, l);
    return n;
}

void model_settle_lane(model_t *m, int tenant, int level)
{
    model_lane_t *lane = &m->level[level].lane[tenant];
    int calls = model_calls(m, tenant, level), in = MODEL_SHARED;

    if (!lane->ring_len || lane->paused
        || (tenant == 0 && model_all_calls(m, 0) >= m->most_of_first)
        || (tenant == 1 && calls >= (int)model_named[1].max_running))
        in = MODEL_NONE;
    else if (calls < own_of(tenant, m->level[level].concurrency))
        in = MODEL_OWN;
    if (in == lane->in)
        return;
    if (lane->in == MODEL_NONE)
        lane->credit = model_weight_of(tenant);
    if (in != MODEL_NONE)
        lane->ticket = ++m->level[level].ticket;
    lane->in = in;
}

static void settle(model_t *m, int tenant, int level, int k)
{
    model_lane_t *lane = &m->level[level].lane[tenant];
    model_key_t *key = &lane->key[k];
    apr_uint32_t calls = key_calls(m, tenant, level, k);
    int ready = model_first_ready(m, tenant, level, k) >= 0;
    int serves = ready && (!key->cap || calls < key->cap), l;

    if (serves && ring_find(lane, k) < 0) {
        lane->ring[lane->ring_len++] = k;
        key->credit = key->weight;
    }
    else if (!serves && ring_find(lane, k) >= 0)
        model_ring_drop(lane, k);
    if (!ready && !calls)
        key->newest = 0;
    LLMQ_EACH_LEVEL (l)
        model_settle_lane(m, tenant, l);
}

void model_settle_job(model_t *m, int j)
{
    settle(m, m->job[j].tenant, m->job[j].e.level, m->job[j].key);
}

/* ---- states ---- */

void model_heed(model_t *m, int j)
{
    const model_job_t *job = &m->job[j];
    model_key_t *key = &m->level[job->e.level].lane[job->tenant].key[job->key];

    if (job->seq < key->newest)
        return;
    key->newest = job->seq;
    key->weight = job->e.weight ? job->e.weight : 1;
    key->cap = job->e.key_cap;
    if (key->credit > key->weight)
        key->credit = key->weight;
}

/* First out of where it counts, then in. */
void model_set_state(model_t *m, int j, int state)
{
    model_job_t *job = &m->job[j];
    int before = job->e.state, called = before == LLMQ_ENTRY_RUNNING && !job->answered;

    job->answered = 0;
    job->e.state = LLMQ_ENTRY_FREE;
    if (before == LLMQ_ENTRY_READY || called)
        model_settle_job(m, j);
    job->e.state = (unsigned char)state;
    if (state == LLMQ_ENTRY_READY) {
        job->ready_at = m->now;
        model_heed(m, j);
        model_settle_job(m, j);
    }
}

void model_activate(model_t *m, int j)
{
    model_set_state(m, j,
                    m->job[j].e.run_at > m->now ? LLMQ_ENTRY_DELAYED : LLMQ_ENTRY_READY);
}

/* ---- chains ---- */

static void chain_insert(model_t *m, int j, int at)
{
    apr_uint64_t c = m->job[j].e.chain;

    memmove(&m->chain[c][at + 1], &m->chain[c][at],
            sizeof(int) * (size_t)(m->chain_len[c] - at));
    m->chain[c][at] = j;
    m->chain_len[c]++;
}

/* Hang into the chain; returns its position. */
static int enchain(model_t *m, int j, int flags)
{
    apr_uint64_t c = m->job[j].e.chain;
    int at = m->chain_len[c];

    if (!c)
        return 0;
    while (at > 0 && !(flags & LLMQ_PUT_RUNNING) && !m->job[m->chain[c][at - 1]].tried
           && m->job[j].e.put_at < m->job[m->chain[c][at - 1]].e.put_at)
        at--;
    if (flags & LLMQ_PUT_RUNNING)
        at = 0;
    chain_insert(m, j, at);
    if (at == 0 && m->chain_len[c] > 1
        && m->job[m->chain[c][1]].e.state != LLMQ_ENTRY_BLOCKED)
        model_set_state(m, m->chain[c][1], LLMQ_ENTRY_BLOCKED);
    return at;
}

/* Out of its chain and into a last state. */
void model_leave(model_t *m, int j, int state)
{
    apr_uint64_t c = m->job[j].e.chain;
    int i, at = 0;

    model_set_state(m, j, state);
    m->job[j].answered = state == LLMQ_ENTRY_RUNNING;
    if (!c)
        return;
    while (m->chain[c][at] != j)
        at++;
    m->chain_len[c]--;
    for (i = at; i < m->chain_len[c]; i++)
        m->chain[c][i] = m->chain[c][i + 1];
    if (at == 0 && m->chain_len[c] > 0)
        model_activate(m, m->chain[c][0]);
}

void model_make_due(model_t *m)
{
    for (;;) {
        int i, best = -1;

        for (i = 0; i < MODEL_JOBS; i++) {
            const model_job_t *a = &m->job[i], *b = &m->job[best < 0 ? 0 : best];

            if (a->e.state != LLMQ_ENTRY_DELAYED || a->e.run_at > m->now)
                continue;
            if (best < 0 || a->e.run_at < b->e.run_at
                || (a->e.run_at == b->e.run_at && a->seq < b->seq))
                best = i;
        }
        if (best < 0)
            return;
        if (!m->job[best].tried)
            m->job[best].seq = ++m->seq;
        model_activate(m, best);
    }
}

/* ---- coming and going ---- */

static int chain_runs(const model_t *m, apr_uint64_t c)
{
    return c && m->chain_len[c] && m->job[m->chain[c][0]].e.state == LLMQ_ENTRY_RUNNING;
}

void model_put(model_t *m, int j, const llmq_entry_t *e, int flags)
{
    int tenant = (int)(e->tenant - model_hash_of(0));
    model_lane_t *lane = &m->level[e->level].lane[tenant];
    model_job_t *job = &m->job[j];

    if (flags & LLMQ_PUT_ADMITTED)
        lane->admitted--;
    if (job->e.state != LLMQ_ENTRY_FREE
        || (flags == 0 && model_is_full(m, tenant, e->level))
        || ((flags & LLMQ_PUT_RUNNING) && chain_runs(m, e->chain)))
        return;
    job->e = *e;
    job->e.state = LLMQ_ENTRY_FREE;
    job->tenant = tenant;
    job->key = (int)e->key % 10;
    job->seq = ++m->seq;
    job->tried = (flags & LLMQ_PUT_RUNNING) != 0;
    lane->stats.total_put++;
    if (enchain(m, j, flags) > 0)
        model_set_state(m, j, LLMQ_ENTRY_BLOCKED);
    else if (flags & LLMQ_PUT_RUNNING) {
        model_set_state(m, j, LLMQ_ENTRY_RUNNING);
        model_heed(m, j);
        model_settle_job(m, j);
    }
    else
        model_activate(m, j);
}

static int is_waiting(const model_job_t *job)
{
    return job->e.state != LLMQ_ENTRY_FREE && job->e.state != LLMQ_ENTRY_RUNNING;
}

void model_begin(model_t *m, int j, apr_time_t lease_until)
{
    model_job_t *job = &m->job[j];
    model_lane_t *lane = &m->level[job->e.level].lane[job->tenant];
    apr_time_t from = job->e.put_at > job->e.run_at ? job->e.put_at : job->e.run_at;
    apr_interval_time_t wait = m->now > from ? m->now - from : 0;

    job->e.owner = 9;
    job->e.taken_at = m->now;
    job->e.lease_until = lease_until;
    if (!job->tried) {
        lane->stats.total_taken++;
        lane->stats.wait_sum += wait;
        if (wait > lane->stats.wait_max)
            lane->stats.wait_max = wait;
    }
    job->tried = 1;
}

int model_first_expired(const model_t *m)
{
    int i, best = -1;

    for (i = 0; i < MODEL_JOBS; i++)
        if (is_waiting(&m->job[i]) && m->job[i].e.deadline
            && m->job[i].e.deadline <= m->now
            && (best < 0 || m->job[i].e.deadline < m->job[best].e.deadline))
            best = i;
    return best;
}

void model_expire(model_t *m, int j)
{
    model_job_t *job = &m->job[j];

    model_leave(m, j, LLMQ_ENTRY_RUNNING);
    job->answered = 1;
    job->tried = 1;
    job->e.chain = 0;
    job->e.owner = 9;
    job->e.taken_at = m->now;
}
