#include "core/roster_table.h"

#include "base/id.h"

#include <apr_strings.h>

#include <string.h>

#define NONE  0 /* places count from 1 */
#define TRIES 3 /* to find a place whose worker does not come back meanwhile */

apr_uint32_t llmq_roster_table_buckets(int max)
{
    apr_uint32_t n = 16;

    while (n < (apr_uint32_t)max * 2) {
        n *= 2;
    }
    return n;
}

/* ---- chains ---- */

static llmq_roster_place_t *place_at(llmq_roster_t *r, apr_uint32_t number)
{
    return &r->place[number - 1];
}

static _Atomic(apr_uint32_t) *head_of(llmq_roster_t *r, apr_uint64_t hash)
{
    _Atomic(apr_uint32_t) *heads = (_Atomic(apr_uint32_t) *)(void *)&r->place[r->max];

    /* FNV mixes the high bits best. */
    return &heads[(hash >> 24 ^ hash) & (r->buckets - 1)];
}

static void link_place(llmq_roster_t *r, apr_uint32_t number)
{
    llmq_roster_place_t *pl = place_at(r, number);
    _Atomic(apr_uint32_t) *head = head_of(r, atomic_load(&pl->hash));

    atomic_store(&pl->next, atomic_load(head));
    atomic_store(head, number);
}

static void unlink_place(llmq_roster_t *r, apr_uint32_t number)
{
    llmq_roster_place_t *pl = place_at(r, number);
    _Atomic(apr_uint32_t) *from = head_of(r, atomic_load(&pl->hash));
    apr_uint32_t steps;

    for (steps = 0; steps < r->max && atomic_load(from) != number; steps++) {
        if (atomic_load(from) == NONE) {
            return;
        }
        from = &place_at(r, atomic_load(from))->next;
    }
    if (atomic_load(from) == number) {
        atomic_store(from, atomic_load(&pl->next));
    }
}

/* Whoever held the lock died, perhaps between two links. Who walks meanwhile may miss a
 * worker; then it takes the lock, which waits for this. */
static void link_anew(llmq_roster_t *r)
{
    _Atomic(apr_uint32_t) *heads = (_Atomic(apr_uint32_t) *)(void *)&r->place[r->max];
    apr_uint32_t i;

    for (i = 0; i < r->buckets; i++) {
        atomic_store(&heads[i], NONE);
    }
    for (i = 1; i <= atomic_load(&r->used); i++) {
        if (atomic_load(&place_at(r, i)->hash)) {
            link_place(r, i);
        }
    }
}

static void lock_table(llmq_roster_t *r)
{
    if (llmq_spin_lock(&r->lock)) {
        link_anew(r);
    }
}

/* ---- finding ---- */

static apr_uint64_t hash_of(const char *tenant, const char *worker)
{
    return llmq_id_hash(worker, strlen(worker),
                        llmq_id_hash(tenant, strlen(tenant) + 1, 0));
}

static int is_his(const llmq_roster_place_t *pl, apr_uint64_t hash, const char *tenant,
                  const char *worker)
{
    return atomic_load(&pl->hash) == hash && strcmp(pl->worker.id, worker) == 0
           && strcmp(pl->worker.tenant, tenant) == 0;
}

/* His place, locked; NULL if it was not found. One that changes hands while somebody walks
 * leads him into another chain, at worst past what he looks for: callers who must know look
 * again under the table's lock. */
llmq_roster_place_t *llmq_roster_table_find(llmq_roster_t *r, const char *tenant,
                                            const char *worker)
{
    apr_uint64_t hash = hash_of(tenant, worker);
    apr_uint32_t number = atomic_load(head_of(r, hash));
    apr_uint32_t steps;

    for (steps = 0; number != NONE && steps < r->max; steps++) {
        llmq_roster_place_t *pl = place_at(r, number);

        if (atomic_load(&pl->hash) == hash) {
            llmq_spin_lock(&pl->lock);
            if (is_his(pl, hash, tenant, worker)) {
                return pl;
            }
            llmq_spin_unlock(&pl->lock);
        }
        number = atomic_load(&pl->next);
    }
    return NULL;
}

/* ---- making known ---- */

/* The one silent for the longest; of those whose sums are not stored, only if there is no
 * other. */
static apr_uint32_t find_stopped(llmq_roster_t *r, apr_time_t now)
{
    apr_interval_time_t timeout = atomic_load(&r->timeout);
    apr_time_t oldest[2] = {now + 1, now + 1};
    apr_uint32_t found[2] = {NONE, NONE};
    apr_uint32_t i;

    for (i = 1; i <= r->max; i++) {
        llmq_roster_place_t *pl = place_at(r, i);
        int unsaved;

        llmq_spin_lock(&pl->lock);
        unsaved = pl->version != pl->stored;
        if (llmq_worker_has_stopped(&pl->worker, now, timeout)
            && llmq_worker_sign(&pl->worker, now) < oldest[unsaved]) {
            oldest[unsaved] = llmq_worker_sign(&pl->worker, now);
            found[unsaved] = i;
        }
        llmq_spin_unlock(&pl->lock);
    }
    return found[0] != NONE ? found[0] : found[1];
}

/* Both locks held. */
static void empty_place(llmq_roster_t *r, apr_uint32_t number)
{
    llmq_roster_place_t *pl = place_at(r, number);

    if (atomic_load(&pl->hash)) {
        unlink_place(r, number);
    }
    atomic_store(&pl->hash, 0);
    memset(&pl->worker, 0, sizeof(pl->worker));
    pl->version = pl->stored = 0;
    pl->restored = 0;
}

/* An empty place, locked; NULL if nobody can be displaced. */
static llmq_roster_place_t *recycle(llmq_roster_t *r, apr_uint32_t *pnumber,
                                    apr_time_t now)
{
    int tries;

    for (tries = 0; tries < TRIES; tries++) {
        llmq_roster_place_t *pl;

        *pnumber = find_stopped(r, now);
        if (*pnumber == NONE) {
            return NULL;
        }
        pl = place_at(r, *pnumber);
        llmq_spin_lock(&pl->lock);
        if (llmq_worker_has_stopped(&pl->worker, now, atomic_load(&r->timeout))) {
            empty_place(r, *pnumber);
            return pl;
        }
        llmq_spin_unlock(&pl->lock);
    }
    return NULL;
}

/* A place that nobody has, locked. */
static llmq_roster_place_t *take_place(llmq_roster_t *r, apr_uint32_t number)
{
    llmq_roster_place_t *pl = place_at(r, number);

    llmq_spin_lock(&pl->lock);
    empty_place(r, number);
    return pl;
}

static llmq_roster_place_t *free_place(llmq_roster_t *r, apr_uint32_t *pnumber)
{
    apr_uint32_t used = atomic_load(&r->used);

    if (used < r->max) {
        atomic_store(&r->used, used + 1);
        *pnumber = used + 1;
        return take_place(r, *pnumber);
    }
    for (*pnumber = 1; *pnumber <= r->max; ++*pnumber) {
        if (!atomic_load(&place_at(r, *pnumber)->hash)) {
            return take_place(r, *pnumber);
        }
    }
    return NULL;
}

/* As llmq_roster_table_find(); @a now 0: nobody is displaced. */
llmq_roster_place_t *llmq_roster_table_make(llmq_roster_t *r, const char *tenant,
                                            const char *worker, apr_time_t now)
{
    apr_uint32_t number = NONE;
    llmq_roster_place_t *pl;

    lock_table(r);
    pl = llmq_roster_table_find(r, tenant, worker);
    if (!pl) {
        pl = free_place(r, &number);
        pl = !pl && now ? recycle(r, &number, now) : pl;
        if (pl) {
            apr_cpystrn(pl->worker.tenant, tenant, sizeof(pl->worker.tenant));
            apr_cpystrn(pl->worker.id, worker, sizeof(pl->worker.id));
            atomic_store(&pl->hash, hash_of(tenant, worker));
            link_place(r, number);
        }
    }
    llmq_spin_unlock(&r->lock);
    return pl;
}

/* ---- forgetting ---- */

void llmq_roster_table_forget(llmq_roster_t *r, apr_time_t before)
{
    apr_uint32_t i;

    lock_table(r);
    for (i = 1; i <= atomic_load(&r->used); i++) {
        llmq_roster_place_t *pl = place_at(r, i);

        llmq_spin_lock(&pl->lock);
        if (atomic_load(&pl->hash) && pl->version == pl->stored
            && llmq_worker_sign(&pl->worker, before) < before) {
            empty_place(r, i);
        }
        llmq_spin_unlock(&pl->lock);
    }
    llmq_spin_unlock(&r->lock);
}
