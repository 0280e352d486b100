/* The queue against a plain model of the same promises: arrays, scans and no
 * cleverness. A seed is the loop index of the test, which a failure names. */
#include "queue/queue_claim.h"

#include "base/clock.h"
#include "support_queue.h"

#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>

#define JOBS       150
#define TENANTS    3 /* the first two are named, the third is not */
#define KEYS       4 /* of each tenant */
#define CHAINS     9 /* 0 is none */
#define SIZE       24
#define CONCURRENT 8
#define RESERVE    50
#define AGEING     40
#define STEPS      6000
#define SEEDS      12

enum { OWN, SHARED, NONE }; /* rings */

static const llmq_queue_tenant_conf_t named[] = {{101, 2, 0, 0, 3}, {102, 1, 12, 3, 0}};

typedef struct mjob_t {
    llmq_entry_t e; /* state FREE: not in the queue */
    apr_uint64_t seq;
    apr_time_t ready_at;
    int tenant;
    int key;
    int tried;
    int answered; /* runs no more, waits for its ack */
} mjob_t;

typedef struct mkey_t {
    apr_uint64_t newest;
    apr_uint32_t weight;
    apr_uint32_t credit;
    apr_uint32_t cap;
} mkey_t;

typedef struct mlane_t {
    mkey_t key[KEYS];
    int ring[KEYS]; /* keys by turn */
    int ring_len;
    int in;
    int paused;
    int admitted;
    apr_uint32_t credit;
    apr_uint64_t ticket;
    llmq_queue_stats_t stats;
} mlane_t;

typedef struct mlevel_t {
    mlane_t lane[TENANTS];
    int concurrency;
    apr_uint64_t served;
    apr_uint64_t ticket;
} mlevel_t;

typedef struct model_t {
    llmq_queue_t *q;
    apr_time_t now;
    apr_uint64_t seq;
    apr_uint64_t turn;
    int most;          /* that run in all levels together */
    int most_of_first; /* likewise, of the first tenant */
    mjob_t job[JOBS];
    int chain[CHAINS][JOBS]; /* jobs in order */
    int chain_len[CHAINS];
    mlevel_t level[LLMQ_LEVEL_COUNT];
} model_t;

static int chance(int n)
{
    return (int)(random() % n);
}

static apr_uint64_t hash_of(int tenant)
{
    return (apr_uint64_t)(101 + tenant);
}

static apr_uint32_t weight_of(int tenant)
{
    return tenant < 2 ? named[tenant].weight : 1;
}

/* Of all tenants if @a tenant is negative. */
static int count_state(const model_t *m, int tenant, int level, int state)
{
    int i, n = 0;

    for (i = 0; i < JOBS; i++)
        n += m->job[i].e.state == state && m->job[i].e.level == level
             && (tenant < 0 || m->job[i].tenant == tenant);
    return n;
}

static int count_calls(const model_t *m, int tenant, int level)
{
    int i, n = count_state(m, tenant, level, LLMQ_ENTRY_RUNNING);

    for (i = 0; i < JOBS; i++)
        n -= m->job[i].answered && m->job[i].e.level == level
             && (tenant < 0 || m->job[i].tenant == tenant);
    return n;
}

/* ---- bounds ---- */

static int own_of(int tenant, int n)
{
    return tenant < 2 ? n * RESERVE / 100 / 2 : 0;
}

static int beyond(int n, int own)
{
    return n > own ? n - own : 0;
}

static int count_places(const model_t *m, int tenant, int level)
{
    return m->level[level].lane[tenant].admitted
           + count_state(m, tenant, level, LLMQ_ENTRY_READY)
           + count_state(m, tenant, level, LLMQ_ENTRY_BLOCKED)
           + count_state(m, tenant, level, LLMQ_ENTRY_DELAYED);
}

static int is_full(const model_t *m, int tenant, int level)
{
    int used = count_places(m, tenant, level), pool = 0, t;

    if (tenant == 1 && used >= (int)named[1].max_waiting)
        return 1;
    if (used < own_of(tenant, SIZE))
        return 0;
    for (t = 0; t < TENANTS; t++)
        pool += beyond(count_places(m, t, level), own_of(t, SIZE));
    return pool >= SIZE - 2 * own_of(0, SIZE);
}

static int is_shared_free(const model_t *m, int level)
{
    int all = m->level[level].concurrency, shared = 0, t;

    for (t = 0; t < TENANTS; t++)
        shared += beyond(count_calls(m, t, level), own_of(t, all));
    return shared < all - 2 * own_of(0, all);
}

/* ---- turns ---- */

static int is_of(const mjob_t *job, int tenant, int level, int key)
{
    return job->tenant == tenant && job->e.level == level && job->key == key;
}

/* The ready job of a key that was put first; -1 if none. */
static int first_ready(const model_t *m, int tenant, int level, int key)
{
    int i, best = -1;

    for (i = 0; i < JOBS; i++)
        if (m->job[i].e.state == LLMQ_ENTRY_READY && is_of(&m->job[i], tenant, level, key)
            && (best < 0 || m->job[i].seq < m->job[best].seq))
            best = i;
    return best;
}

static apr_uint32_t key_calls(const model_t *m, int tenant, int level, int key)
{
    apr_uint32_t n = 0;
    int i;

    for (i = 0; i < JOBS; i++)
        n += m->job[i].e.state == LLMQ_ENTRY_RUNNING && !m->job[i].answered
             && is_of(&m->job[i], tenant, level, key);
    return n;
}

static int ring_find(const mlane_t *lane, int key)
{
    int i;

    for (i = 0; i < lane->ring_len; i++)
        if (lane->ring[i] == key)
            return i;
    return -1;
}

static void ring_drop(mlane_t *lane, int key)
{
    int i, at = ring_find(lane, key);

    lane->ring_len--;
    for (i = at; i < lane->ring_len; i++)
        lane->ring[i] = lane->ring[i + 1];
}

static int count_all_calls(const model_t *m, int tenant)
{
    int l, n = 0;

    LLMQ_EACH_LEVEL (l)
        n += count_calls(m, tenant, l);
    return n;
}

static void lane_settle(model_t *m, int tenant, int level)
{
    mlane_t *lane = &m->level[level].lane[tenant];
    int calls = count_calls(m, tenant, level), in = SHARED;

    if (!lane->ring_len || lane->paused
        || (tenant == 0 && count_all_calls(m, 0) >= m->most_of_first)
        || (tenant == 1 && calls >= (int)named[1].max_running))
        in = NONE;
    else if (calls < own_of(tenant, m->level[level].concurrency))
        in = OWN;
    if (in == lane->in)
        return;
    if (lane->in == NONE)
        lane->credit = weight_of(tenant);
    if (in != NONE)
        lane->ticket = ++m->level[level].ticket;
    lane->in = in;
}

static void settle(model_t *m, int tenant, int level, int k)
{
    mlane_t *lane = &m->level[level].lane[tenant];
    mkey_t *key = &lane->key[k];
    apr_uint32_t calls = key_calls(m, tenant, level, k);
    int ready = first_ready(m, tenant, level, k) >= 0;
    int serves = ready && (!key->cap || calls < key->cap), l;

    if (serves && ring_find(lane, k) < 0) {
        lane->ring[lane->ring_len++] = k;
        key->credit = key->weight;
    }
    else if (!serves && ring_find(lane, k) >= 0)
        ring_drop(lane, k);
    if (!ready && !calls)
        key->newest = 0;
    LLMQ_EACH_LEVEL (l)
        lane_settle(m, tenant, l);
}

static void settle_job(model_t *m, int j)
{
    settle(m, m->job[j].tenant, m->job[j].e.level, m->job[j].key);
}

static void heed(model_t *m, int j)
{
    const mjob_t *job = &m->job[j];
    mkey_t *key = &m->level[job->e.level].lane[job->tenant].key[job->key];

    if (job->seq < key->newest)
        return;
    key->newest = job->seq;
    key->weight = job->e.weight ? job->e.weight : 1;
    key->cap = job->e.key_cap;
    if (key->credit > key->weight)
        key->credit = key->weight;
}

/* First out of where it counts, then in. */
static void set_state(model_t *m, int j, int state)
{
    mjob_t *job = &m->job[j];
    int before = job->e.state, called = before == LLMQ_ENTRY_RUNNING && !job->answered;

    job->answered = 0;
    job->e.state = LLMQ_ENTRY_FREE;
    if (before == LLMQ_ENTRY_READY || called)
        settle_job(m, j);
    job->e.state = (unsigned char)state;
    if (state == LLMQ_ENTRY_READY) {
        job->ready_at = m->now;
        heed(m, j);
        settle_job(m, j);
    }
}

static void activate(model_t *m, int j)
{
    set_state(m, j, m->job[j].e.run_at > m->now ? LLMQ_ENTRY_DELAYED : LLMQ_ENTRY_READY);
}

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
        set_state(m, m->chain[c][1], LLMQ_ENTRY_BLOCKED);
    return at;
}

/* Out of its chain and into a last state. */
static void leave(model_t *m, int j, int state)
{
    apr_uint64_t c = m->job[j].e.chain;
    int i, at = 0;

    set_state(m, j, state);
    m->job[j].answered = state == LLMQ_ENTRY_RUNNING;
    if (!c)
        return;
    while (m->chain[c][at] != j)
        at++;
    m->chain_len[c]--;
    for (i = at; i < m->chain_len[c]; i++)
        m->chain[c][i] = m->chain[c][i + 1];
    if (at == 0 && m->chain_len[c] > 0)
        activate(m, m->chain[c][0]);
}

static void make_due(model_t *m)
{
    for (;;) {
        int i, best = -1;

        for (i = 0; i < JOBS; i++) {
            const mjob_t *a = &m->job[i], *b = &m->job[best < 0 ? 0 : best];

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
        activate(m, best);
    }
}

static apr_time_t some_time(const model_t *m)
{
    return chance(4) ? 0 : m->now + chance(60) - 20;
}

static int chain_runs(const model_t *m, apr_uint64_t c)
{
    return c && m->chain_len[c] && m->job[m->chain[c][0]].e.state == LLMQ_ENTRY_RUNNING;
}

static void model_put(model_t *m, int j, const llmq_entry_t *e, int flags)
{
    int tenant = (int)(e->tenant - hash_of(0));
    mlane_t *lane = &m->level[e->level].lane[tenant];
    mjob_t *job = &m->job[j];

    if (flags & LLMQ_PUT_ADMITTED)
        lane->admitted--;
    if (job->e.state != LLMQ_ENTRY_FREE || (flags == 0 && is_full(m, tenant, e->level))
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
        set_state(m, j, LLMQ_ENTRY_BLOCKED);
    else if (flags & LLMQ_PUT_RUNNING) {
        set_state(m, j, LLMQ_ENTRY_RUNNING);
        heed(m, j);
        settle_job(m, j);
    }
    else
        activate(m, j);
}

static int is_waiting(const mjob_t *job)
{
    return job->e.state != LLMQ_ENTRY_FREE && job->e.state != LLMQ_ENTRY_RUNNING;
}

/* None that another waiting job has, as their order would not be defined. */
static apr_time_t some_deadline(const model_t *m)
{
    apr_time_t deadline = m->now + chance(400);
    int i;

    if (chance(3))
        return 0;
    for (i = 0; i < JOBS; i++)
        if (m->job[i].e.state != LLMQ_ENTRY_FREE && m->job[i].e.deadline == deadline)
            return 0;
    return deadline;
}

static void step_put(model_t *m, int j)
{
    int tenant = chance(TENANTS);
    llmq_entry_t e = queue_entry(apr_psprintf(test_pool, "m%d", j), 1 + chance(4),
                                 (apr_uint64_t)(10 * tenant + chance(KEYS)),
                                 (apr_uint64_t)chance(CHAINS));
    int flags = chance(2) ? LLMQ_PUT_ADMITTED : chance(8) ? 0 : LLMQ_PUT_RUNNING;
    apr_status_t rv;

    e.run_at = some_time(m);
    e.put_at = m->now - chance(50);
    e.alone = 1; /* holds have tests of their own */
    e.attempt = (apr_uint32_t)chance(3);
    e.tenant = hash_of(tenant);
    e.weight = (apr_uint32_t)chance(4);
    e.key_cap = chance(3) ? 0 : 1 + (apr_uint32_t)chance(3);
    e.deadline = some_deadline(m);
    if (flags & LLMQ_PUT_RUNNING) {
        e.owner = 5;
        e.taken_at = m->now - 3;
        e.lease_until = chance(2) ? m->now + chance(300) : 0;
    }
    if (flags & LLMQ_PUT_ADMITTED) {
        rv = llmq_queue_admit(m->q, e.tenant, e.level);
        ck_assert_int_eq(rv, is_full(m, tenant, e.level) ? LLMQ_EFULL : APR_SUCCESS);
        if (rv != APR_SUCCESS)
            return;
        m->level[e.level].lane[tenant].admitted++;
        if (chance(8) == 0) {
            llmq_queue_dismiss(m->q, e.tenant, e.level);
            m->level[e.level].lane[tenant].admitted--;
            return;
        }
    }
    ck_assert_int_eq(llmq_queue_put(m->q, &e, 1, flags), APR_SUCCESS);
    model_put(m, j, &e, flags);
}

/* ---- taking ---- */

/* What a take lets through, by bit. */
typedef struct mfilter_t {
    unsigned tenants;
    unsigned levels;
    int is_set; /* 0: everything is let through */
} mfilter_t;

static int is_listed(const mfilter_t *f, int tenant, int level)
{
    return !f->is_set
           || ((f->tenants >> tenant & 1) && (!f->levels || (f->levels >> level & 1)));
}

static int is_served(const model_t *m, int tenant, int level)
{
    int in = m->level[level].lane[tenant].in;

    return in == OWN || (in == SHARED && is_shared_free(m, level));
}

static int is_takeable(const model_t *m, int level, const mfilter_t *f)
{
    int t;

    if (count_calls(m, -1, level) >= m->level[level].concurrency
        || count_all_calls(m, -1) >= m->most)
        return 0;
    for (t = 0; t < TENANTS; t++)
        if (is_listed(f, t, level) && is_served(m, t, level))
            return 1;
    return 0;
}

static int counts_for_age(const model_t *m, const mjob_t *job, int level,
                          const mfilter_t *f)
{
    return job->e.state == LLMQ_ENTRY_READY && job->e.level == level
           && m->level[level].lane[job->tenant].in != NONE
           && is_listed(f, job->tenant, level)
           && (!f->is_set || is_served(m, job->tenant, level));
}

static int rank_of(const model_t *m, int level, const mfilter_t *f)
{
    apr_time_t oldest = m->now;
    int i, risen;

    for (i = 0; i < JOBS; i++)
        if (counts_for_age(m, &m->job[i], level, f) && m->job[i].ready_at < oldest)
            oldest = m->job[i].ready_at;
    risen = (int)((m->now - oldest) / AGEING);
    return risen < level ? level - risen : 1;
}

static int next_level(const model_t *m, const mfilter_t *f)
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

static int next_tenant(const model_t *m, int level, const mfilter_t *f)
{
    int t, best = -1;

    for (t = 0; t < TENANTS; t++)
        if (is_listed(f, t, level) && is_served(m, t, level)
            && (best < 0
                || m->level[level].lane[t].ticket < m->level[level].lane[best].ticket))
            best = t;
    return best;
}

static void pass_turns(model_t *m, int level, int tenant)
{
    mlane_t *lane = &m->level[level].lane[tenant];
    int k = lane->ring[0];

    m->level[level].served = ++m->turn;
    if (--lane->key[k].credit == 0) {
        lane->key[k].credit = lane->key[k].weight;
        ring_drop(lane, k);
        lane->ring[lane->ring_len++] = k;
    }
    if (--lane->credit == 0) {
        lane->credit = weight_of(tenant);
        lane->ticket = ++m->level[level].ticket;
    }
}

static void model_begin(model_t *m, int j, apr_time_t lease_until)
{
    mjob_t *job = &m->job[j];
    mlane_t *lane = &m->level[job->e.level].lane[job->tenant];
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

/* Take the next of a level; returns the job. */
static int model_take(model_t *m, int level, const mfilter_t *f, apr_time_t lease_until)
{
    int tenant = next_tenant(m, level, f);
    int j = first_ready(m, tenant, level, m->level[level].lane[tenant].ring[0]);

    pass_turns(m, level, tenant);
    m->job[j].e.state = LLMQ_ENTRY_RUNNING;
    settle_job(m, j);
    model_begin(m, j, lease_until);
    return j;
}

static apr_status_t take(llmq_entry_t *out, int *pn, const model_t *m, int max,
                         const mfilter_t *f, apr_time_t lease_until)
{
    apr_uint64_t tenants[TENANTS];
    llmq_queue_filter_t filter = {tenants, 0, f->levels};
    int t;

    if (!f->is_set)
        return llmq_queue_take(out, pn, m->q, max, 9);
    for (t = 0; t < TENANTS; t++)
        if (f->tenants >> t & 1)
            tenants[filter.n_tenants++] = hash_of(t);
    return llmq_queue_take_from(out, pn, m->q, max, 9, lease_until, &filter);
}

static void step_take(model_t *m)
{
    mfilter_t f = {(unsigned)chance(1 << TENANTS),
                   chance(2) ? 0 : (unsigned)chance(1 << LLMQ_LEVEL_COUNT) & ~1U,
                   chance(2)};
    apr_time_t lease_until = f.is_set && chance(3) ? m->now + chance(300) : 0;
    llmq_entry_t out[5];
    int n, i = 0, max = 1 + chance(5), level;

    ck_assert_int_eq(take(out, &n, m, max, &f, lease_until), APR_SUCCESS);
    make_due(m);
    while (i < max && (level = next_level(m, &f)) != 0) {
        int j = model_take(m, level, &f, lease_until);

        ck_assert_int_lt(i, n);
        ck_assert_str_eq(out[i].id, m->job[j].e.id);
        ck_assert_int_eq(memcmp(&out[i++], &m->job[j].e, sizeof(out[0])), 0);
    }
    ck_assert_int_eq(i, n);
}

static void step_take_id(model_t *m, int j)
{
    apr_time_t lease_until = chance(2) ? m->now + chance(300) : 0;
    llmq_entry_t out;
    apr_status_t rv =
        llmq_queue_take_id(&out, m->q, apr_psprintf(test_pool, "m%d", j), 9, lease_until);

    make_due(m);
    switch (m->job[j].e.state) {
    case LLMQ_ENTRY_FREE: ck_assert_int_eq(rv, APR_NOTFOUND); return;
    case LLMQ_ENTRY_RUNNING: ck_assert_int_eq(rv, LLMQ_EBUSY); return;
    case LLMQ_ENTRY_BLOCKED: ck_assert_int_eq(rv, LLMQ_ESTATE); return;
    default: break;
    }
    ck_assert_int_eq(rv, APR_SUCCESS);
    set_state(m, j, LLMQ_ENTRY_RUNNING);
    heed(m, j);
    settle_job(m, j);
    model_begin(m, j, lease_until);
    ck_assert_int_eq(memcmp(&out, &m->job[j].e, sizeof(out)), 0);
}

/* ---- leases ---- */

static void step_lease(model_t *m, int j)
{
    mjob_t *job = &m->job[j];
    apr_uint32_t attempt = job->e.attempt + (chance(4) == 0);
    apr_uint32_t next = attempt + (apr_uint32_t)chance(2);
    apr_time_t until = chance(4) ? m->now + chance(300) : 0;
    apr_status_t rv =
        llmq_queue_lease(m->q, apr_psprintf(test_pool, "m%d", j), attempt, next, until);

    if (job->e.state != LLMQ_ENTRY_RUNNING || attempt != job->e.attempt) {
        ck_assert_int_eq(rv, APR_NOTFOUND);
        return;
    }
    ck_assert_int_eq(rv, APR_SUCCESS);
    job->e.attempt = next;
    job->e.lease_until = until;
}

static void compare_leases(const model_t *m)
{
    llmq_entry_t *due = NULL;
    int n, j, ended = 0;

    ck_assert_int_eq(llmq_queue_lease_due(&due, &n, m->q, m->now, test_pool), 0);
    for (j = 0; j < JOBS; j++)
        ended += m->job[j].e.state != LLMQ_ENTRY_FREE && m->job[j].e.lease_until
                 && m->job[j].e.lease_until <= m->now;
    ck_assert_int_eq(n, ended);
    for (j = 0; j < n; j++) {
        const mjob_t *job = &m->job[atoi(due[j].id + 1)];

        ck_assert_int_eq(memcmp(&due[j], &job->e, sizeof(job->e)), 0);
        ck_assert(j == 0 || due[j - 1].lease_until <= due[j].lease_until);
    }
}

/* ---- deadlines ---- */

static int first_expired(const model_t *m)
{
    int i, best = -1;

    for (i = 0; i < JOBS; i++)
        if (is_waiting(&m->job[i]) && m->job[i].e.deadline
            && m->job[i].e.deadline <= m->now
            && (best < 0 || m->job[i].e.deadline < m->job[best].e.deadline))
            best = i;
    return best;
}

static void model_expire(model_t *m, int j)
{
    mjob_t *job = &m->job[j];

    leave(m, j, LLMQ_ENTRY_RUNNING);
    job->answered = 1;
    job->tried = 1;
    job->e.chain = 0;
    job->e.owner = 9;
    job->e.taken_at = m->now;
}

static void step_expire(model_t *m)
{
    llmq_entry_t out[3];
    int n, i = 0, max = 1 + chance(3), j;

    ck_assert_int_eq(llmq_queue_take_expired(out, &n, m->q, max, 9), APR_SUCCESS);
    while (i < max && (j = first_expired(m)) >= 0) {
        model_expire(m, j);
        ck_assert_int_lt(i, n);
        ck_assert_int_eq(memcmp(&out[i++], &m->job[j].e, sizeof(out[0])), 0);
    }
    ck_assert_int_eq(i, n);
}

static void step_ack(model_t *m, int j)
{
    mjob_t *job = &m->job[j];
    llmq_queue_ack_t ack;

    ack.id = apr_psprintf(test_pool, "m%d", j);
    ack.attempt = job->e.attempt + (apr_uint32_t)chance(3) - 1;
    ack.how = (llmq_ack_e)chance(3);
    ck_assert_int_eq(llmq_queue_ack(m->q, &ack, 1), APR_SUCCESS);
    if (job->e.state != LLMQ_ENTRY_RUNNING || ack.attempt < job->e.attempt)
        return;
    if (!job->e.canceled && ack.how == LLMQ_ACK_COMPLETED)
        m->level[job->e.level].lane[job->tenant].stats.total_completed++;
    if (!job->e.canceled && ack.how == LLMQ_ACK_FAILED)
        m->level[job->e.level].lane[job->tenant].stats.total_failed++;
    leave(m, j, LLMQ_ENTRY_FREE);
}

static void step_requeue(model_t *m, int j)
{
    mjob_t *job = &m->job[j];
    apr_uint32_t attempt = job->e.attempt + (chance(4) == 0);
    apr_time_t run_at = some_time(m);
    apr_status_t rv = llmq_queue_requeue(m->q, apr_psprintf(test_pool, "m%d", j), attempt,
                                         attempt + 1, run_at);

    if (job->e.state != LLMQ_ENTRY_RUNNING || attempt != job->e.attempt) {
        ck_assert_int_eq(rv, APR_NOTFOUND);
        return;
    }
    if (job->e.canceled) {
        ck_assert_int_eq(rv, APR_NOTFOUND);
        leave(m, j, LLMQ_ENTRY_FREE);
        return;
    }
    ck_assert_int_eq(rv, APR_SUCCESS);
    job->e.attempt = attempt + 1;
    job->e.run_at = run_at;
    job->e.owner = 0;
    job->e.taken_at = 0;
    job->e.lease_until = 0;
    activate(m, j);
}

static void step_answered(model_t *m, int j)
{
    mjob_t *job = &m->job[j];
    apr_uint32_t attempt = job->e.attempt + (chance(4) == 0);
    apr_status_t rv =
        llmq_queue_answered(m->q, apr_psprintf(test_pool, "m%d", j), attempt);

    if (job->e.state != LLMQ_ENTRY_RUNNING || attempt != job->e.attempt)
        ck_assert_int_eq(rv, APR_NOTFOUND);
    else {
        ck_assert_int_eq(rv, APR_SUCCESS);
        if (job->answered)
            return;
        job->answered = 1;
        settle_job(m, j);
    }
}

static void step_cancel(model_t *m, int j)
{
    apr_status_t rv = llmq_queue_cancel(m->q, apr_psprintf(test_pool, "m%d", j));

    switch (m->job[j].e.state) {
    case LLMQ_ENTRY_FREE: ck_assert_int_eq(rv, APR_NOTFOUND); break;
    case LLMQ_ENTRY_RUNNING:
        ck_assert_int_eq(rv, LLMQ_EBUSY);
        m->job[j].e.canceled = 1;
        break;
    default: ck_assert_int_eq(rv, APR_SUCCESS); leave(m, j, LLMQ_ENTRY_FREE);
    }
}

static void step_reprioritise(model_t *m, int j)
{
    int level = 1 + chance(4), state = m->job[j].e.state;
    apr_status_t rv =
        llmq_queue_reprioritise(m->q, apr_psprintf(test_pool, "m%d", j), level);

    if (state == LLMQ_ENTRY_FREE)
        ck_assert_int_eq(rv, APR_NOTFOUND);
    else if (state == LLMQ_ENTRY_RUNNING)
        ck_assert_int_eq(rv, LLMQ_EBUSY);
    else if (m->job[j].e.level == level)
        ck_assert_int_eq(rv, APR_SUCCESS);
    else if (is_full(m, m->job[j].tenant, level))
        ck_assert_int_eq(rv, LLMQ_EFULL);
    else {
        ck_assert_int_eq(rv, APR_SUCCESS);
        set_state(m, j, LLMQ_ENTRY_FREE);
        m->job[j].e.level = (unsigned char)level;
        m->job[j].seq = ++m->seq;
        if (state == LLMQ_ENTRY_BLOCKED)
            set_state(m, j, LLMQ_ENTRY_BLOCKED);
        else
            activate(m, j);
    }
}

static void compare_jobs(const model_t *m)
{
    int j;

    for (j = 0; j < JOBS; j++) {
        llmq_entry_t e;
        apr_status_t rv = llmq_queue_find(&e, m->q, apr_psprintf(test_pool, "m%d", j));

        if (m->job[j].e.state == LLMQ_ENTRY_FREE)
            ck_assert_int_eq(rv, APR_NOTFOUND);
        else {
            ck_assert_int_eq(rv, APR_SUCCESS);
            ck_assert_int_eq(memcmp(&e, &m->job[j].e, sizeof(e)), 0);
        }
    }
}

static void step_pause(model_t *m)
{
    int tenant = chance(TENANTS), level = 1 + chance(4), on = chance(3) == 0;

    ck_assert_int_eq(llmq_queue_pause(m->q, hash_of(tenant), (llmq_level_e)level, on),
                     APR_SUCCESS);
    m->level[level].lane[tenant].paused = on;
    lane_settle(m, tenant, level);
    ck_assert_int_eq(
        llmq_queue_is_paused(m->q, hash_of(tenant), (llmq_level_e)level) != 0, on);
}

static void step_concurrency(model_t *m)
{
    int level = 1 + chance(4), n = 1 + chance(CONCURRENT), t;

    ck_assert_int_eq(
        llmq_queue_set_concurrency(m->q, (llmq_level_e)level, (apr_uint32_t)n),
        APR_SUCCESS);
    m->level[level].concurrency = n;
    for (t = 0; t < TENANTS; t++)
        lane_settle(m, t, level);
}

static void compare_lane(const model_t *m, int tenant, int l, const llmq_queue_stats_t *s)
{
    const llmq_queue_stats_t *mine = &m->level[l].lane[tenant].stats;

    ck_assert_uint_eq(s->ready, count_state(m, tenant, l, LLMQ_ENTRY_READY));
    ck_assert_uint_eq(s->blocked, count_state(m, tenant, l, LLMQ_ENTRY_BLOCKED));
    ck_assert_uint_eq(s->delayed, count_state(m, tenant, l, LLMQ_ENTRY_DELAYED));
    ck_assert_uint_eq(s->running, count_calls(m, tenant, l));
    ck_assert_uint_eq(s->concurrency, m->level[l].concurrency);
    ck_assert_uint_eq(s->total_put, mine->total_put);
    ck_assert_uint_eq(s->total_taken, mine->total_taken);
    ck_assert_uint_eq(s->total_completed, mine->total_completed);
    ck_assert_uint_eq(s->total_failed, mine->total_failed);
    ck_assert_int_eq(s->wait_sum, mine->wait_sum);
    ck_assert_int_eq(s->wait_max, mine->wait_max);
}

static void compare_stats(const model_t *m)
{
    llmq_queue_stats_t all[LLMQ_LEVEL_COUNT], own[LLMQ_LEVEL_COUNT];
    apr_uint64_t put[LLMQ_LEVEL_COUNT] = {0}, running[LLMQ_LEVEL_COUNT] = {0};
    int l, t;

    for (t = 0; t < TENANTS; t++) {
        ck_assert_int_eq(llmq_queue_tenant_stats(own, m->q, hash_of(t)), APR_SUCCESS);
        LLMQ_EACH_LEVEL (l) {
            compare_lane(m, t, l, &own[l]);
            put[l] += own[l].total_put;
            running[l] += own[l].running;
        }
    }
    ck_assert_int_eq(llmq_queue_stats(all, m->q), APR_SUCCESS);
    LLMQ_EACH_LEVEL (l) {
        ck_assert_uint_eq(all[l].total_put, put[l]);
        ck_assert_uint_eq(all[l].running, running[l]);
    }
}

static void one_step(model_t *m)
{
    int j = chance(JOBS), what = chance(100);
    if (what < 36)
        step_put(m, j);
    else if (what < 57)
        step_take(m);
    else if (what < 67)
        step_ack(m, j);
    else if (what < 74)
        step_requeue(m, j);
    else if (what < 78)
        step_answered(m, j);
    else if (what < 81)
        step_cancel(m, j);
    else if (what < 87)
        step_reprioritise(m, j);
    else if (what < 90)
        step_expire(m);
    else if (what < 92)
        step_pause(m);
    else if (what < 94)
        step_concurrency(m);
    else if (what < 96)
        step_take_id(m, j);
    else if (what < 98)
        step_lease(m, j);
    else
        llmq_clock_set(m->now += chance(60));
}

/* Bounds over all levels in every other run, as they keep others from being reached. */
static llmq_queue_t *create_queue(model_t *m, int bounded)
{
    llmq_queue_tenant_conf_t tenants[] = {named[0], named[1]};
    llmq_queue_conf_t conf = {.ageing = AGEING,
                              .reserve = RESERVE,
                              .max_running = bounded ? 8 : 0,
                              .max_tenants = TENANTS,
                              .tenants = tenants,
                              .n_tenants = 2};
    int l, t;

    if (!bounded)
        tenants[0].max_running_total = 0;
    m->most = bounded ? 8 : JOBS;
    m->most_of_first = bounded ? (int)named[0].max_running_total : JOBS;
    LLMQ_EACH_LEVEL (l) {
        conf.level[l].max_size = SIZE;
        conf.level[l].max_concurrent = CONCURRENT;
        m->level[l].concurrency = CONCURRENT;
        for (t = 0; t < TENANTS; t++)
            m->level[l].lane[t].in = NONE;
    }
    return queue_rig_conf(&conf)->q;
}

START_TEST(thousands_of_random_calls_do_what_the_model_does)
{
    model_t *m = apr_pcalloc(test_pool, sizeof(*m));
    int step;

    srandom((unsigned)_i);
    m->now = QUEUE_NOW;
    llmq_clock_set(m->now);
    m->q = create_queue(m, _i % 2);
    for (step = 0; step < STEPS; step++) {
        const char *bad;

        one_step(m);
        bad = queue_check(m->q);
        ck_assert_msg(!bad, "seed %d, step %d: %s", _i, step, bad);
        if (step % 20 == 0) {
            compare_jobs(m);
            compare_stats(m);
            compare_leases(m);
        }
    }
}
END_TEST

TCase *case_queue_model(void)
{
    TCase *tc = test_case("queue_model");

    tcase_add_loop_test(tc, thousands_of_random_calls_do_what_the_model_does, 1,
                        SEEDS + 1);
    return tc;
}
