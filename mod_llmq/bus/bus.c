#include "bus/bus.h"

#include "base/bells.h"
#include "base/id.h"
#include "bus/bus_ring.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* What lies in shared memory; the ring follows. */
typedef struct {
    llmq_bells_shared_t bells;
    _Alignas(64) _Atomic(apr_uint64_t) published;
    _Atomic(apr_uint64_t) foreign;
    _Alignas(64) _Atomic(apr_uint64_t) wants[LLMQ_BELLS_WORDS]; /* by bell */
    _Atomic(apr_uint64_t) overruns;
    _Atomic(apr_uint32_t) missed; /* counts what all readers have missed */
    _Atomic(apr_uint32_t) linked; /* pid of who has the link to other nodes, or 0 */
} shared_t;

struct llmq_bus_t {
    shared_t *shared;
    llmq_bus_ring_t *ring;
    llmq_bells_t bells;
};

struct llmq_bus_reader_t {
    llmq_bus_t *bus;
    int bell;
    int wants;
    int deaf;            /* what happened while it was deaf is not told yet */
    apr_uint32_t missed; /* of shared_t, as it was told */
    llmq_bus_cursor_t cursor;
};

#define RING_AT APR_ALIGN(sizeof(shared_t), 64)

apr_uint64_t llmq_bus_topic(llmq_topic_e what, const char *tenant, const char *id)
{
    const char kind = (char)what;
    apr_uint64_t hash = llmq_id_hash(&kind, 1, 0);

    hash = llmq_id_hash(tenant, strlen(tenant) + 1, hash);
    return llmq_id_hash(id, strlen(id), hash);
}

apr_size_t llmq_bus_size(apr_size_t ring)
{
    return RING_AT + llmq_bus_ring_size(ring);
}

apr_status_t llmq_bus_create(llmq_bus_t **pbus, void *memory, apr_size_t ring,
                             int readers, apr_pool_t *p)
{
    llmq_bus_t *bus = apr_pcalloc(p, sizeof(*bus));
    apr_status_t rv;

    bus->shared = memory;
    bus->ring = (llmq_bus_ring_t *)(void *)((char *)memory + RING_AT);
    llmq_bus_ring_init(bus->ring, ring);
    rv = llmq_bells_create(&bus->bells, &bus->shared->bells, readers, p);
    if (rv == APR_SUCCESS)
        *pbus = bus;
    return rv;
}

/* ---- who wants to hear ---- */

static _Atomic(apr_uint64_t) *word_of(const llmq_bus_t *bus, int bell)
{
    return &bus->shared->wants[bell / 64];
}

static apr_uint64_t bit_of(int bell)
{
    return (apr_uint64_t)1 << (bell % 64);
}

int llmq_bus_is_wanted(const llmq_bus_t *bus)
{
    int w;

    for (w = 0; bus && w < LLMQ_BELLS_WORDS; w++) {
        if (atomic_load(&bus->shared->wants[w]) != 0)
            return 1;
    }
    return 0;
}

static void hang_up(llmq_bus_t *bus, int bell)
{
    atomic_fetch_and(word_of(bus, bell), ~bit_of(bell));
    llmq_bells_give_back(&bus->bells, bell);
}

/* For processes that died, nothing needs to be told any more. */
static void forget_the_dead(llmq_bus_t *bus)
{
    int bell;

    while (llmq_bells_take_dead(&bell, &bus->bells) == APR_SUCCESS)
        hang_up(bus, bell);
}

static apr_status_t detach(void *data)
{
    llmq_bus_reader_t *r = data;

    hang_up(r->bus, r->bell);
    return APR_SUCCESS;
}

apr_status_t llmq_bus_attach(llmq_bus_reader_t **pr, llmq_bus_t *bus, apr_pool_t *p)
{
    llmq_bus_reader_t *r;
    int bell;
    apr_status_t rv;

    forget_the_dead(bus);
    rv = llmq_bells_take(&bell, &bus->bells);
    if (rv != APR_SUCCESS)
        return rv;
    r = apr_pcalloc(p, sizeof(*r));
    r->bus = bus;
    r->bell = bell;
    r->cursor.ring = bus->ring;
    apr_pool_cleanup_register(p, r, detach, apr_pool_cleanup_null);
    *pr = r;
    return APR_SUCCESS;
}

/* The place is taken after the wish is known: what is told in between is read, too. The
 * bell is rung for the reader to hear at once that it was deaf. */
void llmq_bus_want(llmq_bus_reader_t *r, int want)
{
    if (!want == !r->wants)
        return;
    r->wants = want != 0;
    if (!want) {
        atomic_fetch_and(word_of(r->bus, r->bell), ~bit_of(r->bell));
        llmq_bells_hush(&r->bus->bells, r->bell);
        return;
    }
    atomic_fetch_or(word_of(r->bus, r->bell), bit_of(r->bell));
    r->deaf = 1;
    llmq_bus_ring_follow(&r->cursor);
    llmq_bells_ring(&r->bus->bells, r->bell);
}

/* ---- telling ---- */

static void put(llmq_bus_t *bus, llmq_event_t event, int foreign)
{
    if (event.len > LLMQ_EVENT_DATA_MAX) {
        event.len = 0;
    }
    event.foreign = foreign;
    llmq_bus_ring_fill(bus->ring, llmq_bus_ring_reserve(bus->ring, &event), &event);
}

static void tell(llmq_bus_t *bus, const llmq_event_t *events, int n, int foreign)
{
    int i;

    for (i = 0; i < n; i++)
        put(bus, events[i], foreign);
    llmq_bells_ring_all(&bus->bells);
}

void llmq_bus_publish(llmq_bus_t *bus, const llmq_event_t *events, int n)
{
    if (n < 1 || !llmq_bus_is_wanted(bus))
        return;
    tell(bus, events, n, 0);
    atomic_fetch_add(&bus->shared->published, (apr_uint64_t)n);
}

void llmq_bus_relay(llmq_bus_t *bus, const llmq_event_t *events, int n)
{
    if (n < 1 || !llmq_bus_is_wanted(bus))
        return;
    tell(bus, events, n, 1);
    atomic_fetch_add(&bus->shared->foreign, (apr_uint64_t)n);
}

void llmq_bus_shake(llmq_bus_t *bus)
{
    atomic_fetch_add(&bus->shared->missed, 1);
    llmq_bells_ring_all(&bus->bells);
}

/* ---- hearing ---- */

int llmq_bus_fd(const llmq_bus_reader_t *r)
{
    return llmq_bells_fd(&r->bus->bells, r->bell);
}

static int has_missed(llmq_bus_reader_t *r)
{
    apr_uint32_t missed = atomic_load(&r->bus->shared->missed);
    int news = r->deaf || missed != r->missed;

    r->deaf = 0;
    r->missed = missed;
    return news;
}

static int read_some(int *pmissed, llmq_bus_reader_t *r, llmq_bus_event_fn_t *fn,
                     void *ctx, int max)
{
    llmq_event_t event;
    llmq_bus_found_e found;
    int n = 0;

    while (n < max
           && (found = llmq_bus_ring_next(&event, &r->cursor)) != LLMQ_BUS_EMPTY) {
        if (found == LLMQ_BUS_EVENT) {
            fn(ctx, &event);
            n++;
        }
        else {
            atomic_fetch_add(&r->bus->shared->overruns, 1);
            *pmissed |= LLMQ_BUS_BEHIND;
        }
    }
    return n;
}

int llmq_bus_read(int *pmissed, llmq_bus_reader_t *r, llmq_bus_event_fn_t *fn, void *ctx,
                  int max)
{
    int n = 0;

    llmq_bells_hush(&r->bus->bells, r->bell);
    while (r->wants) {
        if (has_missed(r))
            *pmissed |= LLMQ_BUS_TOLD;
        n += read_some(pmissed, r, fn, ctx, max - n);
        if (n == max)
            break;
        /* Armed first, then looked once more: nothing comes unheard in between. */
        llmq_bells_arm(&r->bus->bells, r->bell);
        if (!llmq_bus_ring_has_more(&r->cursor)
            && atomic_load(&r->bus->shared->missed) == r->missed)
            break;
    }
    return n;
}

/* ---- figures ---- */

static int is_alive(apr_uint32_t pid)
{
    return pid != 0 && (kill((pid_t)pid, 0) == 0 || errno == EPERM);
}

void llmq_bus_stats(llmq_bus_stats_t *stats, const llmq_bus_t *bus)
{
    const shared_t *s = bus->shared;
    int w;

    stats->published = atomic_load(&s->published);
    stats->foreign = atomic_load(&s->foreign);
    stats->overruns = atomic_load(&s->overruns);
    stats->linked = is_alive(atomic_load(&s->linked));
    stats->listening = 0;
    for (w = 0; w < LLMQ_BELLS_WORDS; w++)
        stats->listening += __builtin_popcountll(atomic_load(&s->wants[w]));
}

/* Two dispatchers live side by side for a while; the one that ends must not take away what
 * the other has. */
void llmq_bus_set_linked(llmq_bus_t *bus, int linked)
{
    apr_uint32_t me = (apr_uint32_t)getpid();
    apr_uint32_t before = me;
    int changed;

    if (linked)
        changed = atomic_exchange(&bus->shared->linked, me) != me;
    else
        changed = atomic_compare_exchange_strong(&bus->shared->linked, &before, 0);
    if (changed)
        llmq_bus_shake(bus);
}
