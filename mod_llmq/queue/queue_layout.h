/**
 * @file queue_layout.h
 * The shared segment of the queue, private to queue/: what lies where and how to reach it.
 *
 *   0       header: lock mark, bell, levels with their counts and totals, list heads
 *   slots   one per entry, capacity of them
 *   tenants one record per tenant, with a lane in each level; the first is shared by all
 *           that have none of their own
 *   spans   parts of the lists of what is ready in a lane; see queue_age.h
 *   keys    records of keys of a lane that have something ready or running
 *   chains  records of chains that have entries
 *   ids     hash buckets: id → slot, chained through slot.hash_next
 *   turns   hash buckets: (lane, key) → key record
 *   orders  hash buckets: chain → chain record
 *   names   open hash table: tenant → tenant record, never removed
 *   heap    indexes of delayed slots, a binary heap by run_at
 *   ends    indexes of waiting slots with a deadline, a binary heap by it
 *   leases  indexes of running slots with a lease, a binary heap by its end
 *   ages    per level: indexes of tenants, a binary heap by the age of what is ready
 *   gone    marks of ids that left during a walk; see queue_gone.h
 *   cells   what became of the messages of each minute; see queue_cell.h
 *
 * Each area starts on a 64-byte boundary. The capacity is fixed by create(): all waiting
 * and running entries of the settings, and an eighth and 1,024 more for entries beyond the
 * limits (late places, sizes raised by a graceful restart). An entry needs at most one key
 * and one chain record, so those tables have the same capacity and never overflow first.
 *
 * References are 1-based 32-bit indexes, 0 is none: processes may map the segment at
 * different addresses. Everything is guarded by the queue's lock, except members declared
 * _Atomic. Those are C11 atomics rather than apr_atomic_*: 64-bit ones are needed, and
 * thread checkers cannot see into libapr.
 */
#ifndef LLMQ_QUEUE_LAYOUT_H
#define LLMQ_QUEUE_LAYOUT_H

#include "queue/queue.h"
#include "queue/queue_bell.h"
#include "queue/queue_cell.h"
#include "queue/queue_heap.h"

#include <stdatomic.h>

_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LLONG_LOCK_FREE == 2,
               "atomics in shared memory must not need a lock of one process");

/** An entry and its links. A slot is in at most one of: fifo, late heap, running list. */
typedef struct llmq_queue_slot_t {
    llmq_entry_t entry;
    apr_uint64_t hash;       /* of the id */
    apr_uint64_t seq;        /* place in the order of its key */
    apr_uint32_t hash_next;  /* same bucket; next free slot when free */
    apr_uint32_t next;       /* fifo, running list: neighbours; late heap: sibling */
    apr_uint32_t prev;       /* late heap: elder sibling, or parent of the eldest */
    apr_uint32_t child;      /* late heap: eldest child */
    apr_uint32_t key;        /* key record, while ready or counted as running */
    apr_uint32_t chain;      /* chain record, 0 when in none */
    apr_uint32_t chain_next; /* the one that waits behind this */
    apr_uint32_t chain_prev;
    apr_uint32_t heap_pos;  /* position in the delay heap, valid while DELAYED */
    apr_uint32_t ends_pos;  /* position in the heap of deadlines, while it waits */
    apr_uint32_t lease_pos; /* position in the heap of leases, while it has one */
    apr_uint32_t tenant;    /* tenant record */
    apr_uint32_t age_next;  /* ready: the one of its lane that became ready after it */
    apr_uint32_t age_prev;
    apr_uint32_t span;      /* ready: the part of that list */
    apr_uint64_t ready_no;  /* ready: grows with each that becomes ready */
    unsigned char late;     /* ready and in the late heap rather than the fifo */
    unsigned char tried;    /* was taken before */
    unsigned char held;     /* run_at is the end of its hold; see LLMQ_QUEUE_SETTLE */
    unsigned char expired;  /* running: taken because its deadline passed */
    apr_time_t ready_at;    /* ready: since then */
    apr_time_t answered_at; /* running: its call has ended then; 0 while it goes on */
} llmq_queue_slot_t;

/** A part of a lane's list of ages; see queue_age.h. */
typedef struct llmq_queue_span_t {
    apr_uint64_t first_no; /* no more than any ready_no of it, more than any before it */
    apr_uint32_t count;
    apr_uint32_t head; /* its first slot */
    apr_uint32_t next; /* of its lane; the next free one when free */
    apr_uint32_t prev;
} llmq_queue_span_t;

/** A key of a lane that has something ready or running; see queue_ready.h. */
typedef struct llmq_queue_key_t {
    apr_uint64_t key;
    apr_uint64_t newest; /* seq of the entry that weight and cap were told by */
    apr_uint32_t hash_next;
    apr_uint32_t tenant;
    apr_uint32_t level;
    apr_uint32_t weight;    /* takes in a turn */
    apr_uint32_t credit;    /* what is left of them */
    apr_uint32_t cap;       /* most that run, 0 = no cap */
    apr_uint32_t running;   /* without those that are answered */
    apr_uint32_t ring_next; /* 0 when not in the ring */
    apr_uint32_t ring_prev;
    apr_uint32_t fifo_head;
    apr_uint32_t fifo_tail;
    apr_uint32_t late_root;
    apr_uint32_t gate;      /* gate record, 0 none */
    apr_uint32_t gate_next; /* of the same gate; 0 at the end */
    apr_uint32_t gate_prev;
} llmq_queue_key_t;

/** A gate; see queue_gate.h. */
typedef struct llmq_queue_gate_t {
    apr_uint64_t hash;
    apr_uint32_t first; /* key record; 0: nobody needs it */
    apr_uint32_t closed;
    apr_int32_t room; /* takes until it closes */
} llmq_queue_gate_t;

/** A chain that has entries; see queue_chain.h. */
typedef struct llmq_queue_chain_t {
    apr_uint64_t chain;
    apr_uint32_t hash_next;
    apr_uint32_t head;
    apr_uint32_t tail;
} llmq_queue_chain_t;

/** Free records: a list of used ones given back, then those never used. */
typedef struct llmq_queue_free_t {
    apr_uint32_t list;  /* first given back */
    apr_uint32_t fresh; /* records 1…fresh have been used at least once */
} llmq_queue_free_t;

#define LLMQ_QUEUE_STATES (LLMQ_ENTRY_RUNNING + 1)

/** What happened in a level, or in a lane. Slot FREE of count stays 0. */
typedef struct llmq_queue_account_t {
    apr_uint32_t count[LLMQ_QUEUE_STATES];
    apr_uint32_t answered; /* of the running ones: their outcome is being stored */
    apr_uint64_t total_put;
    apr_uint64_t total_completed;
    apr_uint64_t total_failed;
    apr_uint64_t total_taken;
    apr_uint64_t total_runs; /* samples in run_ewma */
    apr_interval_time_t wait_sum;
    apr_interval_time_t wait_max;
    apr_interval_time_t wait_ewma;
    apr_interval_time_t run_ewma;
} llmq_queue_account_t;

/** The two rings of a level's lanes; see queue_turn.h. */
typedef enum {
    LLMQ_QUEUE_RING_OWN,    /* below what is reserved for them */
    LLMQ_QUEUE_RING_SHARED, /* the others */
    LLMQ_QUEUE_RINGS,
    LLMQ_QUEUE_RING_NONE = LLMQ_QUEUE_RINGS /* may not run anything, or has nothing */
} llmq_queue_ring_e;

/** A tenant's part of a level. On cache lines of its own, as admissions are hot. */
typedef struct llmq_queue_lane_t {
    _Alignas(64) _Atomic(apr_uint64_t) places; /* see queue_room.h */
    _Atomic(apr_int64_t) place_at;     /* when a place was last given or came back */
    _Atomic(apr_uint32_t) own_places;  /* reserved */
    _Atomic(apr_uint32_t) max_waiting; /* 0 = no limit but the level's */
    _Atomic(apr_uint32_t) paused;
    _Atomic(apr_uint32_t) missed; /* an entry did not fit since the last walk began */
    apr_uint32_t own_slots;       /* reserved, of what runs */
    apr_uint32_t max_running;     /* 0 = no limit but the level's */
    apr_uint32_t running;         /* without those that are answered */
    apr_uint32_t weight;          /* takes in a turn */
    apr_uint32_t credit;          /* what is left of them */
    _Atomic(apr_uint32_t) in;     /* llmq_queue_ring_e */
    apr_uint32_t ring_next;
    apr_uint32_t ring_prev;
    apr_uint64_t ticket; /* order in the rings */
    apr_uint32_t ring;   /* key record whose turn is next, of those without a gate */
    apr_uint32_t inner;  /* the same of those with one */
    apr_uint32_t inner_served;   /* the last take was one of them */
    _Atomic(apr_uint32_t) plain; /* a hint: ring is not 0 */
    apr_uint32_t age_head;       /* slot that has been ready for longest */
    apr_uint32_t age_tail;
    apr_uint32_t span_tail; /* last part of that list */
    apr_uint32_t age_pos;   /* position in the level's heap of ages, while in a ring */
    llmq_queue_account_t account;
} llmq_queue_lane_t;

/** A tenant; see queue_tenant.h. */
typedef struct llmq_queue_tenant_t {
    _Atomic(apr_uint64_t) hash; /* 0: the shared record */
    _Atomic(apr_uint32_t) flags;
    apr_uint32_t named;                       /* shares in what is reserved */
    apr_uint32_t max_running;                 /* in all levels together, 0 = no limit */
    apr_uint32_t running;                     /* without those that are answered */
    llmq_queue_lane_t lane[LLMQ_LEVEL_COUNT]; /* slot 0 unused */
} llmq_queue_tenant_t;

/** A level: limits, counts, totals. */
typedef struct llmq_queue_level_t {
    _Alignas(64) _Atomic(apr_int64_t) pool; /* shared places in use; queue_room.h */
    _Atomic(apr_uint32_t) pool_size;        /* max_size less what is reserved */
    _Atomic(apr_uint32_t) max_size;
    _Atomic(apr_uint32_t) missed; /* one of its lanes has missed an entry */
    _Atomic(apr_uint32_t) open; /* a lane of it has a slot free; without h->max_running */
    apr_uint32_t max_concurrent;
    apr_uint32_t concurrency;            /* what holds now */
    apr_uint32_t running;                /* without those that are answered */
    apr_uint32_t shared_slots;           /* concurrency less what is reserved */
    apr_uint32_t shared_running;         /* of those that run: beyond what is reserved */
    apr_uint32_t ring[LLMQ_QUEUE_RINGS]; /* tenant whose turn is next */
    apr_uint32_t age_count;
    apr_uint64_t ticket; /* last one given */
    apr_uint64_t served; /* header.turn when something was last taken */
    llmq_queue_account_t account;
    llmq_octaves_t waits; /* since the queue was made */
    llmq_octaves_t runs;
} llmq_queue_level_t;

/** With the dispatcher at work a few are open; the rest is for times without it. */
#define LLMQ_QUEUE_CELLS 512

/** Gates. All that find no record share the first one, which never closes. */
#define LLMQ_QUEUE_GATES 257

typedef struct llmq_queue_header_t {
    apr_uint32_t capacity;
    apr_uint32_t buckets;           /* of each hash table, a power of two */
    _Atomic(apr_uint32_t) holder;   /* pid inside the lock, 0 if none; queue_lock.h */
    _Atomic(apr_uint32_t) damaged;  /* somebody died inside the lock */
    _Atomic(apr_uint32_t) epoch;    /* counts what may wake a taker; queue_wake.h */
    _Atomic(apr_uint32_t) asleep;   /* a taker sleeps or is about to */
    _Atomic(apr_uint32_t) suspects; /* walks over the store asked for */
    _Atomic(apr_uint32_t) walked;   /* the last of them that a whole walk has answered */
    _Atomic(apr_uint32_t) walking;  /* the last of them for which a walk has begun */
    _Atomic(apr_uint32_t) used;     /* slots in use */
    _Atomic(apr_int64_t) due_at;    /* run_at of the first delayed entry, 0 if none */
    _Atomic(apr_int64_t) lease_at;  /* end of the first lease, 0 if none */
    _Atomic(apr_uint32_t) busy;     /* running in all levels, but for those answered */
    _Atomic(apr_uint32_t) max_busy; /* most of them, 0 = no bound but the levels' */
    apr_uint32_t no_figures;        /* cells are not filled */
    apr_uint32_t entered;           /* epoch when the holder entered */
    apr_uint32_t running;           /* first of the running list */
    apr_uint32_t heap_count;
    apr_uint32_t ends_count;
    apr_uint32_t lease_count;
    apr_uint32_t max_tenants;      /* records beside the shared one */
    apr_uint32_t name_buckets;     /* a power of two */
    _Atomic(apr_uint32_t) tenants; /* records in use, the shared one included */
    apr_uint32_t reserve;          /* percent */
    apr_uint32_t named;            /* tenants that share in it */
    _Atomic(apr_int64_t) ends_at;  /* first deadline of what waits, 0 if none */
    apr_interval_time_t ageing;    /* 0 = none */
    apr_uint64_t turn;             /* entries taken, for the order of levels */
    apr_uint64_t seq;              /* last one given */
    llmq_queue_free_t free_slots;
    apr_uint64_t ready_no; /* last one given */
    llmq_queue_free_t free_spans;
    llmq_queue_free_t free_keys;
    llmq_queue_free_t free_chains;
    llmq_queue_level_t level[LLMQ_LEVEL_COUNT]; /* slot 0 unused */
    _Atomic(apr_uint32_t) settings;             /* counts changes of settings */
    _Atomic(apr_uint32_t) gated;                /* keys that have a gate */
    apr_uint32_t gates_used;                    /* records that were ever used */
    llmq_queue_gate_t gate[LLMQ_QUEUE_GATES];
    _Alignas(64) llmq_bells_shared_t bells; /* queue_bell.h */
} llmq_queue_header_t;

/** What the order of a level's ages needs to know. */
typedef struct llmq_queue_ages_t {
    llmq_queue_t *q;
    apr_uint32_t level;
} llmq_queue_ages_t;

/** The queue as a process sees it. A copy lives on in each forked process. */
struct llmq_queue_t {
    llmq_queue_header_t *header;
    llmq_queue_slot_t *slots;
    llmq_queue_tenant_t *tenants;
    llmq_queue_span_t *spans;
    llmq_queue_key_t *keys;
    llmq_queue_chain_t *chains;
    apr_uint32_t *ids;
    apr_uint32_t *turns;
    apr_uint32_t *orders;
    apr_uint32_t *gone;
    llmq_queue_cells_t *cells;
    _Atomic(apr_uint32_t) *names;
    llmq_queue_heap_t heap;
    llmq_queue_heap_t ends;
    llmq_queue_heap_t leases;
    llmq_queue_heap_t age[LLMQ_LEVEL_COUNT]; /* slot 0 unused */
    llmq_queue_ages_t age_ctx[LLMQ_LEVEL_COUNT];
    apr_global_mutex_t *mutex;
    int wake_rd;
    int wake_wr;
    llmq_bells_t bells;         /* queue_bell.h */
    _Atomic(apr_uint32_t) seen; /* epoch up to which this process has looked */
    apr_uint32_t walk;          /* the walk that this process makes */
    apr_time_t told;            /* deadline that a wait of this process ended for */
};

static inline llmq_queue_slot_t *slot_at(const llmq_queue_t *q, apr_uint32_t i)
{
    return &q->slots[i - 1];
}

static inline llmq_queue_key_t *key_at(const llmq_queue_t *q, apr_uint32_t i)
{
    return &q->keys[i - 1];
}

static inline llmq_queue_chain_t *chain_at(const llmq_queue_t *q, apr_uint32_t i)
{
    return &q->chains[i - 1];
}

static inline llmq_queue_gate_t *gate_at(const llmq_queue_t *q, apr_uint32_t g)
{
    return &q->header->gate[g - 1];
}

static inline llmq_queue_level_t *level_of(const llmq_queue_t *q,
                                           const llmq_queue_slot_t *slot)
{
    return &q->header->level[slot->entry.level];
}

static inline llmq_queue_tenant_t *tenant_at(const llmq_queue_t *q, apr_uint32_t t)
{
    return &q->tenants[t - 1];
}

static inline llmq_queue_lane_t *lane_at(const llmq_queue_t *q, apr_uint32_t t,
                                         apr_uint32_t level)
{
    return &tenant_at(q, t)->lane[level];
}

static inline llmq_queue_lane_t *lane_of(const llmq_queue_t *q,
                                         const llmq_queue_slot_t *slot)
{
    return lane_at(q, slot->tenant, slot->entry.level);
}

/** All tenant records in use, as 1-based indexes. */
#define LLMQ_QUEUE_EACH_TENANT(q, t)                                                     \
    for ((t) = 1; (t) <= atomic_load(&(q)->header->tenants); (t)++)

/**
 * @param conf settings
 * @return how many entries the segment must hold; 0 if that is too many to index
 * @threads any
 */
apr_uint32_t llmq_queue_layout_capacity(const llmq_queue_conf_t *conf);

/**
 * @param conf settings
 * @return entries that the settings need at least: all waiting and all running ones
 * @threads any
 */
apr_uint64_t llmq_queue_layout_need(const llmq_queue_conf_t *conf);

/** What the sizes of the areas follow from. */
typedef struct llmq_queue_sizes_t {
    apr_uint32_t capacity; /* entries */
    apr_uint32_t tenants;  /* records beside the shared one */
} llmq_queue_sizes_t;

/**
 * @param sizes out: what the settings ask for
 * @param conf  settings
 * @threads any
 */
void llmq_queue_layout_measure(llmq_queue_sizes_t *sizes, const llmq_queue_conf_t *conf);

/**
 * @param sizes entries and tenants
 * @return bytes of the segment; 0 if that overflows or nothing fits
 * @threads any
 */
apr_size_t llmq_queue_layout_size(const llmq_queue_sizes_t *sizes);

/**
 * Lay out a zeroed segment and point @a q into it.
 * @param q       the process's view
 * @param segment zeroed shared memory of llmq_queue_layout_size(sizes) bytes
 * @param sizes   entries and tenants
 * @threads single
 */
void llmq_queue_layout_init(llmq_queue_t *q, void *segment,
                            const llmq_queue_sizes_t *sizes);

/**
 * Forget all entries; tenants, limits, totals, cells and places given out stay. Whatever
 * state the lists are in, they are not followed. An entry that goes is taken out of
 * total_put, as the rebuild will put it again.
 * @param q the queue
 * @threads locked
 */
void llmq_queue_layout_clear(llmq_queue_t *q);

#endif /* LLMQ_QUEUE_LAYOUT_H */
