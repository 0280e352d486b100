#include "support_queue.h"

#include "base/clock.h"
#include "queue/queue_table.h"

#include <apr_file_io.h>
#include <apr_strings.h>

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

queue_rig_t *queue_rig_with(apr_uint32_t max_size, apr_uint32_t max_concurrent,
                            apr_lockmech_e mech)
{
    queue_rig_t *rig = apr_pcalloc(test_pool, sizeof(*rig));
    const char *dir;
    apr_size_t size;
    void *segment;
    int l;

    LLMQ_EACH_LEVEL (l) {
        rig->conf.level[l].max_size = max_size;
        rig->conf.level[l].max_concurrent = max_concurrent;
    }
    size = llmq_queue_segment_size(&rig->conf);
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

typedef struct census_t {
    apr_uint32_t used;
    apr_uint32_t chained;
    apr_uint32_t answered[LLMQ_LEVEL_COUNT];
    apr_uint32_t count[LLMQ_LEVEL_COUNT][LLMQ_QUEUE_STATES];
} census_t;

#define EXPECT(what)                                                                     \
    do {                                                                                 \
        if (!(what))                                                                     \
            return #what;                                                                \
    } while (0)

static const char *check_slots(llmq_queue_t *q, census_t *c)
{
    apr_uint32_t i;

    for (i = 1; i <= q->header->free_slots.fresh; i++) {
        const llmq_queue_slot_t *s = slot_at(q, i);

        if (s->entry.state == LLMQ_ENTRY_FREE)
            continue;
        EXPECT(s->entry.level >= 1 && s->entry.level < LLMQ_LEVEL_COUNT);
        EXPECT(llmq_queue_table_find(q, s->entry.id) == i);
        EXPECT(!s->chain == !s->entry.chain);
        EXPECT((s->key != 0) == (s->entry.state == LLMQ_ENTRY_READY));
        EXPECT((s->entry.owner != 0) == (s->entry.state == LLMQ_ENTRY_RUNNING));
        EXPECT(s->entry.state != LLMQ_ENTRY_BLOCKED || s->chain_prev);
        EXPECT(s->entry.state == LLMQ_ENTRY_BLOCKED || !s->chain_prev);
        EXPECT(!s->answered_at || s->entry.state == LLMQ_ENTRY_RUNNING);
        c->used++;
        c->answered[s->entry.level] += s->answered_at != 0;
        c->chained += s->chain != 0;
        c->count[s->entry.level][s->entry.state]++;
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

static const char *check_key(llmq_queue_t *q, apr_uint32_t k, apr_uint32_t *n)
{
    const llmq_queue_key_t *key = key_at(q, k);
    apr_uint32_t i, before = 0;

    EXPECT(key->fifo_head || key->late_root);
    EXPECT(llmq_queue_table_get_key(q, key->level, key->key) == k);
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

static const char *check_level(llmq_queue_t *q, int l, const census_t *c,
                               apr_uint32_t *keys)
{
    const llmq_queue_level_t *level = &q->header->level[l];
    apr_uint32_t k = level->ring, ready = 0;
    apr_uint64_t waiting = (apr_uint64_t)c->count[l][LLMQ_ENTRY_READY]
                           + c->count[l][LLMQ_ENTRY_BLOCKED]
                           + c->count[l][LLMQ_ENTRY_DELAYED];
    int s;

    for (s = LLMQ_ENTRY_READY; s < LLMQ_QUEUE_STATES; s++)
        EXPECT(level->count[s] == c->count[l][s]);
    EXPECT((atomic_load(&level->places) & 0xffffffff) == waiting);
    EXPECT(level->answered == c->answered[l]);
    while (k) {
        const char *bad = check_key(q, k, &ready);

        if (bad)
            return bad;
        EXPECT(key_at(q, k)->level == (apr_uint32_t)l);
        EXPECT(key_at(q, key_at(q, k)->ring_next)->ring_prev == k);
        ++*keys;
        k = key_at(q, k)->ring_next;
        if (k == level->ring)
            break;
    }
    EXPECT(ready == c->count[l][LLMQ_ENTRY_READY]);
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
    census_t *c = apr_pcalloc(test_pool, sizeof(*c));
    apr_uint32_t keys = 0, chains = 0;
    const char *bad = check_slots(q, c);
    int l;

    for (l = 1; !bad && l < LLMQ_LEVEL_COUNT; l++)
        bad = check_level(q, l, c, &keys);
    if (!bad)
        bad = check_heap(q, c);
    if (!bad)
        bad = check_running(q, c);
    if (!bad)
        bad = check_chains(q, c, &chains);
    return bad ? bad : check_free(q, c, keys, chains);
}
