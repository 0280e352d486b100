#include "support_queue.h"

#include "base/clock.h"
#include "queue/queue_room.h"
#include "queue/queue_table.h"
#include "queue/queue_tenant.h"

#include <apr_file_io.h>
#include <apr_strings.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static queue_rig_t *create_rig(const llmq_queue_conf_t *conf, apr_lockmech_e mech)
{
    queue_rig_t *rig = apr_pcalloc(test_pool, sizeof(*rig));
    apr_size_t size = llmq_queue_segment_size(conf);
    const char *dir;
    void *segment;

    rig->conf = *conf;
    segment = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert(segment != MAP_FAILED);
    ck_assert_int_eq(apr_temp_dir_get(&dir, test_pool), 0);
    rig->lock_name = apr_psprintf(test_pool, "%s/llmq-test-%d.lock", dir, (int)getpid());
    ck_assert_int_eq(
        apr_global_mutex_create(&rig->mutex, rig->lock_name, mech, test_pool), 0);
    ck_assert_int_eq(pipe2(rig->wake, O_NONBLOCK | O_CLOEXEC), 0);
    ck_assert_int_eq(llmq_queue_create(&rig->q, segment, rig->mutex, rig->wake[0],
                                       rig->wake[1], &rig->conf, test_pool),
                     0);
    llmq_queue_rebuild_begin(rig->q);
    llmq_queue_rebuild_end(rig->q, 1);
    return rig;
}

static llmq_queue_conf_t conf_of(apr_uint32_t max_size, apr_uint32_t max_concurrent,
                                 apr_uint32_t tenants)
{
    llmq_queue_conf_t conf = {.max_tenants = tenants};
    int l;

    LLMQ_EACH_LEVEL (l) {
        conf.level[l].max_size = max_size;
        conf.level[l].max_concurrent = max_concurrent;
    }
    return conf;
}

queue_rig_t *queue_rig_conf(const llmq_queue_conf_t *conf)
{
    return create_rig(conf, APR_LOCK_DEFAULT);
}

queue_rig_t *queue_rig_tenants(apr_uint32_t max_size, apr_uint32_t max_concurrent,
                               apr_uint32_t n)
{
    llmq_queue_conf_t conf = conf_of(max_size, max_concurrent, n);

    return queue_rig_conf(&conf);
}

queue_rig_t *queue_rig_with(apr_uint32_t max_size, apr_uint32_t max_concurrent,
                            apr_lockmech_e mech)
{
    llmq_queue_conf_t conf = conf_of(max_size, max_concurrent, 0);

    return create_rig(&conf, mech);
}

queue_rig_t *queue_rig(apr_uint32_t max_size, apr_uint32_t max_concurrent)
{
    return queue_rig_with(max_size, max_concurrent, APR_LOCK_DEFAULT);
}

void queue_rig_child(queue_rig_t *rig)
{
    if (apr_global_mutex_child_init(&rig->mutex, rig->lock_name, test_pool) != 0)
        _exit(90);
}

llmq_entry_t queue_entry(const char *id, int level, apr_uint64_t key, apr_uint64_t chain)
{
    llmq_entry_t e;

    memset(&e, 0, sizeof(e));
    apr_cpystrn(e.id, id, sizeof(e.id));
    e.level = (unsigned char)level;
    e.kind = LLMQ_KIND_MESSAGE;
    e.key = key;
    e.chain = chain;
    e.put_at = llmq_clock_now();
    return e;
}

void queue_put(llmq_queue_t *q, const char *id, int level, apr_uint64_t key,
               apr_uint64_t chain)
{
    llmq_entry_t e = queue_entry(id, level, key, chain);

    ck_assert_int_eq(llmq_queue_put(q, &e, 1, 0), APR_SUCCESS);
    ck_assert_int_ne(queue_state(q, id), LLMQ_ENTRY_FREE);
}

void queue_put_at(llmq_queue_t *q, const char *id, int level, apr_time_t run_at)
{
    llmq_entry_t e = queue_entry(id, level, 1, 0);

    e.run_at = run_at;
    ck_assert_int_eq(llmq_queue_put(q, &e, 1, 0), APR_SUCCESS);
}

const llmq_entry_t *queue_found(llmq_queue_t *q, const char *id)
{
    llmq_entry_t *e = apr_palloc(test_pool, sizeof(*e));

    ck_assert_int_eq(llmq_queue_find(e, q, id), APR_SUCCESS);
    return e;
}

const char *queue_take_ids(llmq_queue_t *q, int max)
{
    llmq_entry_t *out = apr_pcalloc(test_pool, sizeof(*out) * (apr_size_t)max);
    const char *ids = "";
    int i, n;

    ck_assert_int_eq(llmq_queue_take(out, &n, q, max, 77), APR_SUCCESS);
    for (i = 0; i < n; i++)
        ids = apr_pstrcat(test_pool, ids, i ? " " : "", out[i].id, NULL);
    return ids;
}

void queue_ack(llmq_queue_t *q, const char *id, llmq_ack_e how)
{
    llmq_queue_ack_t ack = {.id = id, .attempt = 0, .how = how};

    ck_assert_int_eq(llmq_queue_ack(q, &ack, 1), APR_SUCCESS);
}

int queue_state(llmq_queue_t *q, const char *id)
{
    llmq_entry_t e;

    return llmq_queue_find(&e, q, id) == APR_SUCCESS ? e.state : LLMQ_ENTRY_FREE;
}

/* ---- the checker ---- */

#define CENSUS_TENANTS 64

typedef struct lane_census_t {
    apr_uint32_t answered;
    apr_uint32_t count[LLMQ_QUEUE_STATES];
    apr_uint32_t ready; /* as found in the keys */
} lane_census_t;

typedef struct census_t {
    apr_uint32_t used;
    apr_uint32_t chained;
    apr_uint32_t deadlines;
    apr_uint32_t leases;
    apr_uint32_t *key_running; /* by key record */
    apr_uint32_t count[LLMQ_LEVEL_COUNT][LLMQ_QUEUE_STATES];
    lane_census_t lane[CENSUS_TENANTS][LLMQ_LEVEL_COUNT];
} census_t;

#define EXPECT(what)                                                                     \
    do {                                                                                 \
        if (!(what))                                                                     \
            return #what;                                                                \
    } while (0)

static int is_waiting(const llmq_queue_slot_t *s)
{
    return s->entry.state != LLMQ_ENTRY_FREE && s->entry.state != LLMQ_ENTRY_RUNNING;
}

static const char *check_slot(llmq_queue_t *q, apr_uint32_t i)
{
    const llmq_queue_slot_t *s = slot_at(q, i);
    int counts = s->entry.state == LLMQ_ENTRY_RUNNING && !s->answered_at;

    EXPECT(s->entry.level >= 1 && s->entry.level < LLMQ_LEVEL_COUNT);
    EXPECT(s->tenant >= 1 && s->tenant <= atomic_load(&q->header->tenants));
    EXPECT(s->tenant == llmq_queue_tenant_find(q, s->entry.tenant));
    EXPECT(llmq_queue_table_find(q, s->entry.id) == i);
    EXPECT(!s->chain == !s->entry.chain);
    EXPECT((s->key != 0) == (s->entry.state == LLMQ_ENTRY_READY || counts));
    EXPECT(!s->key || key_at(q, s->key)->key == s->entry.key);
    EXPECT(!s->key || key_at(q, s->key)->tenant == s->tenant);
    EXPECT((s->entry.owner || s->entry.lease_until)
           == (s->entry.state == LLMQ_ENTRY_RUNNING));
    EXPECT(s->entry.state != LLMQ_ENTRY_BLOCKED || s->chain_prev);
    EXPECT(s->entry.state == LLMQ_ENTRY_BLOCKED || !s->chain_prev);
    EXPECT(!s->answered_at || s->entry.state == LLMQ_ENTRY_RUNNING);
    EXPECT(!s->expired || s->answered_at);
    return NULL;
}

static const char *check_slots(llmq_queue_t *q, census_t *c)
{
    apr_uint32_t i;

    for (i = 1; i <= q->header->free_slots.fresh; i++) {
        const llmq_queue_slot_t *s = slot_at(q, i);
        const char *bad;
        lane_census_t *lane;

        if (s->entry.state == LLMQ_ENTRY_FREE)
            continue;
        bad = check_slot(q, i);
        if (bad)
            return bad;
        lane = &c->lane[s->tenant][s->entry.level];
        lane->answered += s->answered_at != 0;
        lane->count[s->entry.state]++;
        c->used++;
        c->chained += s->chain != 0;
        c->deadlines += is_waiting(s) && s->entry.deadline;
        c->count[s->entry.level][s->entry.state]++;
        c->leases += s->entry.lease_until != 0;
        EXPECT(!s->entry.lease_until || s->entry.state == LLMQ_ENTRY_RUNNING);
        if (s->entry.state == LLMQ_ENTRY_RUNNING && s->key)
            c->key_running[s->key]++;
    }
    EXPECT(c->used == atomic_load(&q->header->used));
    return NULL;
}

static const char *check_late(llmq_queue_t *q, apr_uint32_t i, apr_uint32_t k,
                              apr_uint32_t *n)
{
    apr_uint32_t child, before = i;

    EXPECT(slot_at(q, i)->key == k && slot_at(q, i)->late);
    ++*n;
    for (child = slot_at(q, i)->child; child; child = slot_at(q, child)->next) {
        const char *bad;

        EXPECT(slot_at(q, child)->prev == before);
        EXPECT(slot_at(q, child)->seq > slot_at(q, i)->seq);
        bad = check_late(q, child, k, n);
        if (bad)
            return bad;
        before = child;
    }
    return NULL;
}

static const char *check_key(llmq_queue_t *q, apr_uint32_t k, census_t *c)
{
    const llmq_queue_key_t *key = key_at(q, k);
    apr_uint32_t i, before = 0, *n = &c->lane[key->tenant][key->level].ready;
    int empty = !key->fifo_head && !key->late_root;

    EXPECT(!empty || key->running);
    EXPECT(key->running == c->key_running[k]);
    EXPECT(!key->ring_next
           == (empty || (key->cap && key->running >= key->cap)
               || (key->gate && gate_at(q, key->gate)->closed)));
    EXPECT(!key->ring_next || (key->credit >= 1 && key->credit <= key->weight));
    for (i = key->fifo_head; i; i = slot_at(q, i)->next) {
        EXPECT(slot_at(q, i)->prev == before);
        EXPECT(!before || slot_at(q, before)->seq < slot_at(q, i)->seq);
        EXPECT(slot_at(q, i)->key == k && !slot_at(q, i)->late);
        before = i;
        ++*n;
    }
    EXPECT(key->fifo_tail == before);
    if (key->late_root) {
        EXPECT(!slot_at(q, key->late_root)->prev && !slot_at(q, key->late_root)->next);
        return check_late(q, key->late_root, k, n);
    }
    return NULL;
}

static const char *check_keys(llmq_queue_t *q, census_t *c, apr_uint32_t *keys)
{
    apr_uint32_t b, k;

    for (b = 0; b < q->header->buckets; b++) {
        for (k = q->turns[b]; k; k = key_at(q, k)->hash_next) {
            const char *bad = check_key(q, k, c);

            if (bad)
                return bad;
            ++*keys;
        }
    }
    return NULL;
}

static const char *walk_ring(llmq_queue_t *q, apr_uint32_t first, apr_uint32_t t, int l,
                             int *pn)
{
    apr_uint32_t k = first;
    int inner = lane_at(q, t, (apr_uint32_t)l)->inner == first;

    while (k) {
        EXPECT(key_at(q, k)->tenant == t && key_at(q, k)->level == (apr_uint32_t)l);
        EXPECT((key_at(q, k)->gate != 0) == inner);
        EXPECT(key_at(q, key_at(q, k)->ring_next)->ring_prev == k);
        ++*pn;
        k = key_at(q, k)->ring_next != first ? key_at(q, k)->ring_next : 0;
    }
    return NULL;
}

/* The keys in the rings are those that say so. */
static const char *check_ring(llmq_queue_t *q, apr_uint32_t t, int l)
{
    const llmq_queue_lane_t *lane = lane_at(q, t, (apr_uint32_t)l);
    const char *bad;
    apr_uint32_t k, b;
    int n = 0;

    bad = walk_ring(q, lane->ring, t, l, &n);
    bad = bad ? bad : walk_ring(q, lane->inner, t, l, &n);
    if (bad)
        return bad;
    EXPECT(atomic_load(&lane->plain) == (lane->ring != 0));
    for (b = 0; b < q->header->buckets; b++)
        for (k = q->turns[b]; k; k = key_at(q, k)->hash_next)
            n -= key_at(q, k)->tenant == t && key_at(q, k)->level == (apr_uint32_t)l
                 && key_at(q, k)->ring_next;
    EXPECT(n == 0);
    return NULL;
}

/* Each gate lists the keys that have it. */
static const char *check_gates(llmq_queue_t *q, apr_uint32_t *pn)
{
    apr_uint32_t g, k, before;

    *pn = 0;
    for (g = 1; g <= q->header->gates_used; g++) {
        for (k = gate_at(q, g)->first, before = 0; k; k = key_at(q, k)->gate_next) {
            EXPECT(key_at(q, k)->gate == g && key_at(q, k)->gate_prev == before);
            before = k;
            ++*pn;
        }
    }
    return NULL;
}

/* Each span's slots are neighbours, and neighbouring spans are not both small. */
static const char *check_spans(llmq_queue_t *q, const llmq_queue_lane_t *lane)
{
    apr_uint32_t s, i = lane->age_tail, later = 0;

    for (s = lane->span_tail; s; s = q->spans[s - 1].prev) {
        const llmq_queue_span_t *span = &q->spans[s - 1];
        apr_uint32_t n, first = 0;

        EXPECT(span->next == later && span->count >= 1 && span->count <= 64);
        for (n = 0; i && slot_at(q, i)->span == s; i = slot_at(q, i)->age_prev) {
            EXPECT(slot_at(q, i)->ready_no >= span->first_no);
            first = i;
            n++;
        }
        EXPECT(n == span->count && first == span->head);
        EXPECT(!i || slot_at(q, i)->ready_no < span->first_no);
        later = s;
    }
    EXPECT(i == 0);
    return NULL;
}

static const char *check_ages(llmq_queue_t *q, const llmq_queue_lane_t *lane, int l,
                              const lane_census_t *c)
{
    apr_uint32_t i, n = 0, before = 0;

    for (i = lane->age_head; i; i = slot_at(q, i)->age_next) {
        EXPECT(slot_at(q, i)->entry.state == LLMQ_ENTRY_READY);
        EXPECT(lane_of(q, slot_at(q, i)) == lane && slot_at(q, i)->entry.level == l);
        EXPECT(slot_at(q, i)->age_prev == before);
        EXPECT(!before || slot_at(q, before)->ready_no < slot_at(q, i)->ready_no);
        before = i;
        n++;
    }
    EXPECT(lane->age_tail == before);
    EXPECT(n == c->count[LLMQ_ENTRY_READY]);
    return check_spans(q, lane);
}

static const char *check_lane(llmq_queue_t *q, apr_uint32_t t, int l, census_t *all)
{
    llmq_queue_lane_t *lane = lane_at(q, t, (apr_uint32_t)l);
    const lane_census_t *c = &all->lane[t][l];
    apr_uint64_t waiting = (apr_uint64_t)c->count[LLMQ_ENTRY_READY]
                           + c->count[LLMQ_ENTRY_BLOCKED] + c->count[LLMQ_ENTRY_DELAYED];
    int stopped = (!lane->ring && !lane->inner) || atomic_load(&lane->paused)
                  || (lane->max_running && lane->running >= lane->max_running)
                  || (tenant_at(q, t)->max_running
                      && tenant_at(q, t)->running >= tenant_at(q, t)->max_running);
    const char *bad;
    int s;

    for (s = LLMQ_ENTRY_READY; s < LLMQ_QUEUE_STATES; s++)
        EXPECT(lane->account.count[s] == c->count[s]);
    EXPECT((atomic_load(&lane->places) & 0xffffffff) == waiting);
    EXPECT(lane->account.answered == c->answered);
    EXPECT(lane->running == c->count[LLMQ_ENTRY_RUNNING] - c->answered);
    EXPECT(c->ready == c->count[LLMQ_ENTRY_READY]);
    EXPECT(lane->in
           == (stopped                           ? LLMQ_QUEUE_RING_NONE
               : lane->running < lane->own_slots ? LLMQ_QUEUE_RING_OWN
                                                 : LLMQ_QUEUE_RING_SHARED));
    bad = check_ring(q, t, l);
    return bad ? bad : check_ages(q, lane, l, c);
}

static const char *check_lane_ring(llmq_queue_t *q, int l, apr_uint32_t ring,
                                   apr_uint32_t *n)
{
    apr_uint32_t first = q->header->level[l].ring[ring], t = first;

    while (t) {
        const llmq_queue_lane_t *lane = lane_at(q, t, (apr_uint32_t)l);
        apr_uint32_t next = lane->ring_next;

        EXPECT(lane->in == ring);
        EXPECT(lane->credit >= 1 && lane->credit <= lane->weight);
        EXPECT(lane_at(q, next, (apr_uint32_t)l)->ring_prev == t);
        EXPECT(next == first || lane->ticket < lane_at(q, next, (apr_uint32_t)l)->ticket);
        ++*n;
        t = next != first ? next : 0;
    }
    return NULL;
}

static const char *check_age_heap(llmq_queue_t *q, int l, apr_uint32_t lanes)
{
    llmq_queue_heap_t *heap = &q->age[l];
    apr_uint32_t i;

    EXPECT(*heap->pcount == lanes);
    for (i = 0; i < lanes; i++) {
        EXPECT(lane_at(q, heap->item[i], (apr_uint32_t)l)->age_pos == i);
        EXPECT(lane_at(q, heap->item[i], (apr_uint32_t)l)->in != LLMQ_QUEUE_RING_NONE);
        EXPECT(i == 0 || !heap->less(heap->ctx, heap->item[i], heap->item[(i - 1) / 2]));
    }
    return NULL;
}

static const char *check_level(llmq_queue_t *q, int l, census_t *c)
{
    llmq_queue_level_t *level = &q->header->level[l];
    apr_uint32_t t, lanes = 0, running = 0, shared = 0, answered = 0;
    apr_int64_t pool = 0;
    const char *bad;
    int s;

    for (s = LLMQ_ENTRY_READY; s < LLMQ_QUEUE_STATES; s++)
        EXPECT(level->account.count[s] == c->count[l][s]);
    LLMQ_QUEUE_EACH_TENANT(q, t)
    {
        llmq_queue_lane_t *lane = lane_at(q, t, (apr_uint32_t)l);
        apr_int64_t beyond =
            (apr_int64_t)llmq_queue_room_used(lane) - atomic_load(&lane->own_places);

        bad = check_lane(q, t, l, c);
        if (bad)
            return bad;
        running += lane->running;
        answered += lane->account.answered;
        shared += lane->running > lane->own_slots ? lane->running - lane->own_slots : 0;
        pool += beyond > 0 ? beyond : 0;
    }
    EXPECT(level->running == running && level->account.answered == answered);
    EXPECT(level->shared_running == shared);
    EXPECT(atomic_load(&level->pool) == pool);
    EXPECT(!!level->open
           == (level->running < level->concurrency
               && (level->ring[LLMQ_QUEUE_RING_OWN]
                   || (level->ring[LLMQ_QUEUE_RING_SHARED]
                       && level->shared_running < level->shared_slots))));
    bad = check_lane_ring(q, l, LLMQ_QUEUE_RING_OWN, &lanes);
    if (!bad)
        bad = check_lane_ring(q, l, LLMQ_QUEUE_RING_SHARED, &lanes);
    return bad ? bad : check_age_heap(q, l, lanes);
}

static const char *check_ends(llmq_queue_t *q, const census_t *c)
{
    apr_uint32_t i, n = q->header->ends_count;

    EXPECT(n == c->deadlines);
    for (i = 0; i < n; i++) {
        const llmq_queue_slot_t *slot = slot_at(q, q->ends.item[i]);

        EXPECT(slot->ends_pos == i && is_waiting(slot) && slot->entry.deadline);
        EXPECT(i == 0
               || !q->ends.less(q->ends.ctx, q->ends.item[i], q->ends.item[(i - 1) / 2]));
    }
    EXPECT(atomic_load(&q->header->ends_at)
           == (n ? slot_at(q, q->ends.item[0])->entry.deadline : 0));
    return NULL;
}

/* What runs in all levels together, of each tenant and of all. */
static const char *check_busy(llmq_queue_t *q)
{
    apr_uint32_t t, all = 0;
    int l;

    LLMQ_QUEUE_EACH_TENANT(q, t)
    {
        apr_uint32_t running = 0;

        LLMQ_EACH_LEVEL (l)
            running += lane_at(q, t, (apr_uint32_t)l)->running;
        EXPECT(tenant_at(q, t)->running == running);
        all += running;
    }
    EXPECT(q->header->busy == all);
    return NULL;
}

static const char *check_leases(llmq_queue_t *q, const census_t *c)
{
    llmq_queue_heap_t *heap = &q->leases;
    apr_uint32_t i, n = q->header->lease_count;

    EXPECT(n == c->leases);
    for (i = 0; i < n; i++) {
        EXPECT(slot_at(q, heap->item[i])->lease_pos == i);
        EXPECT(slot_at(q, heap->item[i])->entry.lease_until);
        EXPECT(i == 0 || !heap->less(heap->ctx, heap->item[i], heap->item[(i - 1) / 2]));
    }
    EXPECT(atomic_load(&q->header->lease_at)
           == (n ? slot_at(q, heap->item[0])->entry.lease_until : 0));
    return NULL;
}

static const char *check_heap(llmq_queue_t *q, const census_t *c)
{
    apr_uint32_t i, n = q->header->heap_count, delayed = 0;
    int l;

    LLMQ_EACH_LEVEL (l)
        delayed += c->count[l][LLMQ_ENTRY_DELAYED];
    EXPECT(n == delayed);
    for (i = 0; i < n; i++) {
        EXPECT(slot_at(q, q->heap.item[i])->heap_pos == i);
        EXPECT(slot_at(q, q->heap.item[i])->entry.state == LLMQ_ENTRY_DELAYED);
        EXPECT(i == 0
               || !q->heap.less(q->heap.ctx, q->heap.item[i], q->heap.item[(i - 1) / 2]));
    }
    EXPECT(atomic_load(&q->header->due_at)
           == (n ? slot_at(q, q->heap.item[0])->entry.run_at : 0));
    return NULL;
}

static const char *check_running(llmq_queue_t *q, const census_t *c)
{
    apr_uint32_t i, n = 0, before = 0, running = 0;
    int l;

    LLMQ_EACH_LEVEL (l)
        running += c->count[l][LLMQ_ENTRY_RUNNING];
    for (i = q->header->running; i; i = slot_at(q, i)->next) {
        EXPECT(slot_at(q, i)->entry.state == LLMQ_ENTRY_RUNNING);
        EXPECT(slot_at(q, i)->prev == before);
        before = i;
        n++;
    }
    EXPECT(n == running);
    return NULL;
}

static const char *check_chains(llmq_queue_t *q, const census_t *c, apr_uint32_t *chains)
{
    apr_uint32_t b, k, i, n = 0;

    for (b = 0; b < q->header->buckets; b++) {
        for (k = q->orders[b]; k; k = chain_at(q, k)->hash_next) {
            apr_uint32_t before = 0;

            EXPECT(chain_at(q, k)->head);
            for (i = chain_at(q, k)->head; i; i = slot_at(q, i)->chain_next) {
                EXPECT(slot_at(q, i)->chain == k && slot_at(q, i)->chain_prev == before);
                EXPECT(slot_at(q, i)->entry.chain == chain_at(q, k)->chain);
                before = i;
                n++;
            }
            EXPECT(chain_at(q, k)->tail == before);
            ++*chains;
        }
    }
    EXPECT(n == c->chained);
    return NULL;
}

static const char *check_free(llmq_queue_t *q, const census_t *c, apr_uint32_t keys,
                              apr_uint32_t chains)
{
    apr_uint32_t i, n;

    for (n = 0, i = q->header->free_slots.list; i; i = slot_at(q, i)->hash_next)
        n++;
    EXPECT(n + c->used == q->header->free_slots.fresh);
    for (n = 0, i = q->header->free_keys.list; i; i = key_at(q, i)->hash_next)
        n++;
    EXPECT(n + keys == q->header->free_keys.fresh);
    for (n = 0, i = q->header->free_chains.list; i; i = chain_at(q, i)->hash_next)
        n++;
    EXPECT(n + chains == q->header->free_chains.fresh);
    return NULL;
}

const char *queue_check(llmq_queue_t *q)
{
    census_t *c = calloc(1, sizeof(*c));
    apr_uint32_t keys = 0, chains = 0, gated = 0;
    const char *bad;
    int l;

    ck_assert_uint_lt(atomic_load(&q->header->tenants), CENSUS_TENANTS);
    c->key_running = calloc(q->header->capacity + 1, sizeof(*c->key_running));
    bad = check_slots(q, c);
    if (!bad)
        bad = check_keys(q, c, &keys);
    if (!bad)
        bad = check_gates(q, &gated);
    if (!bad && gated != atomic_load(&q->header->gated))
        bad = "gated";
    for (l = 1; !bad && l < LLMQ_LEVEL_COUNT; l++)
        bad = check_level(q, l, c);
    if (!bad)
        bad = check_heap(q, c);
    if (!bad)
        bad = check_ends(q, c);
    if (!bad)
        bad = check_leases(q, c);
    if (!bad)
        bad = check_busy(q);
    if (!bad)
        bad = check_running(q, c);
    if (!bad)
        bad = check_chains(q, c, &chains);
    if (!bad)
        bad = check_free(q, c, keys, chains);
    free(c->key_running);
    free(c);
    return bad;
}
