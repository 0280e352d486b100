#include "glue/glue_shm.h"

#include "base/log.h"
#include "queue/queue_bell.h"

#include <apr_file_io.h>
#include <apr_portable.h>
#include <apr_strings.h>
#include <ap_mpm.h>
#include <http_log.h>
#include <util_mutex.h>

#define MOST_EARS    256 /* as many as a bus can have */
#define RETAINED_KEY "mod_llmq"
#define ALIGNMENT    64
#define HEADER_BYTES APR_ALIGN(sizeof(llmq_shared_t), ALIGNMENT)

apr_status_t llmq_glue_shm_pre_config(apr_pool_t *pconf)
{
    static const char *const types[] = {LLMQ_QUEUE_MUTEX, LLMQ_TASKS_MUTEX,
                                        LLMQ_STORE_MUTEX};
    apr_status_t rv = APR_SUCCESS;
    apr_size_t i;

    for (i = 0; i < sizeof(types) / sizeof(types[0]) && rv == APR_SUCCESS; i++) {
        rv = ap_mutex_register(pconf, types[i], NULL, APR_LOCK_DEFAULT, 0);
    }
    return rv;
}

static apr_status_t complain(apr_status_t rv, const char *what)
{
    LLMQ_LOG(LLMQ_LOG_CRIT, rv, LLMQ_NO(0801) "cannot create %s", what);
    return rv;
}

/* One for each process that can be there: the children of this generation and of the one
 * before a graceful restart, and the dispatchers of both. */
static int bell_count(void)
{
    int daemons = 0;

    if (ap_mpm_query(AP_MPMQ_HARD_LIMIT_DAEMONS, &daemons) != APR_SUCCESS
        || daemons > LLMQ_QUEUE_BELLS / 2 - 2) {
        return LLMQ_QUEUE_BELLS;
    }
    return 2 * daemons + 4;
}

/* A segment of its own for a queue, with room before it for what its server shares besides;
 * of that the present one's content is kept. The one before, if any, is unmapped here only;
 * old children keep theirs until they end. */
static apr_status_t create_segment(llmq_glue_segment_t *segment, apr_size_t head,
                                   const llmq_queue_conf_t *conf, apr_pool_t *p)
{
    apr_pool_t *pool;
    apr_shm_t *shm;
    apr_os_file_t rd;
    apr_os_file_t wr;
    char *base;
    apr_status_t rv;

    apr_pool_create(&pool, p);
    apr_pool_tag(pool, "llmq_segment");
    rv = apr_shm_create(&shm, ALIGNMENT + head + llmq_queue_segment_size(conf), NULL,
                        pool);
    if (rv != APR_SUCCESS) {
        apr_pool_destroy(pool);
        return complain(rv, "the shared memory segment");
    }
    base = apr_shm_baseaddr_get(shm); /* zero: fresh pages, touched when needed */
    base = (char *)APR_ALIGN((apr_uintptr_t)base,
                             ALIGNMENT); /* APR keeps a size before it */
    if (segment->base) {
        memcpy(base, segment->base, head);
    }
    apr_os_file_get(&rd, segment->wake_rd);
    apr_os_file_get(&wr, segment->wake_wr);
    rv = llmq_queue_create(&segment->queue, base + head, segment->mutex, rd, wr, conf,
                           pool);
    if (rv == APR_SUCCESS) {
        rv = llmq_queue_bell_create(segment->queue, bell_count(), pool);
    }
    if (rv != APR_SUCCESS) {
        return complain(rv, "the queue");
    }
    segment->base = base;
    if (segment->pool) {
        apr_pool_destroy(segment->pool);
    }
    segment->pool = pool;
    return APR_SUCCESS;
}

/* Limits that fit what is there are applied to it. */
static apr_status_t configure(llmq_glue_segment_t *segment, apr_size_t head,
                              const llmq_queue_conf_t *conf, apr_pool_t *p)
{
    return segment->queue && llmq_queue_configure(segment->queue, conf) == APR_SUCCESS
               ? APR_SUCCESS
               : create_segment(segment, head, conf, p);
}

static apr_status_t create_mutex(apr_global_mutex_t **pmutex, const char *type,
                                 server_rec *s, apr_pool_t *p)
{
    return ap_global_mutex_create(pmutex, NULL, type, NULL, s, p, 0); /* logs by itself */
}

static apr_status_t prepare(llmq_glue_segment_t *segment, const char *mutex,
                            server_rec *s, apr_pool_t *p)
{
    apr_status_t rv = create_mutex(&segment->mutex, mutex, s, p);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = apr_file_pipe_create_ex(&segment->wake_rd, &segment->wake_wr, APR_FULL_NONBLOCK,
                                 p);
    return rv == APR_SUCCESS ? rv : complain(rv, "the wake-up pipe");
}

static apr_status_t create_first(llmq_glue_shm_t *g, server_rec *s)
{
    apr_status_t rv;

    g->pool = s->process->pool;
    g->areas = apr_hash_make(g->pool);
    g->started_at = apr_time_now();
    if ((rv = prepare(&g->messages, LLMQ_QUEUE_MUTEX, s, g->pool)) == APR_SUCCESS
        && (rv = prepare(&g->tasks, LLMQ_TASKS_MUTEX, s, g->pool)) == APR_SUCCESS) {
        rv = create_mutex(&g->store_mutex, LLMQ_STORE_MUTEX, s, g->pool);
    }
    return rv;
}

apr_status_t llmq_glue_shm_post_config(llmq_glue_shm_t **pg,
                                       const llmq_queue_conf_t *messages,
                                       const llmq_queue_conf_t *tasks, server_rec *s)
{
    llmq_glue_shm_t *g = ap_retained_data_get(RETAINED_KEY);
    apr_status_t rv = APR_SUCCESS;

    if (!g) {
        g = ap_retained_data_create(RETAINED_KEY, sizeof(*g));
        rv = create_first(g, s);
    }
    if (rv == APR_SUCCESS
        && (rv = configure(&g->messages, HEADER_BYTES, messages, g->pool))
               == APR_SUCCESS) {
        rv = configure(&g->tasks, 0, tasks, g->pool);
    }
    if (rv == APR_SUCCESS) {
        g->shared = g->messages.base;
        *pg = g;
    }
    return rv;
}

/* What the hash of areas holds. */
typedef struct {
    apr_pool_t *pool;
    void *base;
    apr_size_t size;
} area_t;

static apr_status_t create_area(area_t *area, apr_size_t size)
{
    apr_pool_t *pool;
    apr_shm_t *shm;
    apr_status_t rv;

    apr_pool_create(&pool, apr_pool_parent_get(area->pool));
    apr_pool_tag(pool, "llmq_area");
    rv = apr_shm_create(&shm, ALIGNMENT + size, NULL, pool);
    if (rv != APR_SUCCESS) {
        apr_pool_destroy(pool);
        return complain(rv, "shared memory");
    }
    apr_pool_destroy(area->pool);
    area->pool = pool;
    area->base = (void *)APR_ALIGN((apr_uintptr_t)apr_shm_baseaddr_get(shm), ALIGNMENT);
    area->size = size;
    return APR_SUCCESS;
}

apr_status_t llmq_glue_shm_area(void **parea, llmq_glue_shm_t *g, const char *name,
                                apr_size_t size)
{
    area_t *area = apr_hash_get(g->areas, name, APR_HASH_KEY_STRING);
    apr_status_t rv = APR_SUCCESS;

    if (!area) {
        area = apr_pcalloc(g->pool, sizeof(*area));
        apr_pool_create(&area->pool, g->pool);
        /* The name must outlive the module's text, which a restart loads anew. */
        apr_hash_set(g->areas, apr_pstrdup(g->pool, name), APR_HASH_KEY_STRING, area);
    }
    if (area->size != size) {
        rv = create_area(area, size);
    }
    *parea = area->base;
    return rv;
}

/* A child has two: for its streams, and for those who wait. */
static int ear_count(void)
{
    int n = 2 * bell_count();

    return n < MOST_EARS ? n : MOST_EARS;
}

/* The descriptors must be those that the processes of the old generation ring, so the bus
 * itself stays, not only its memory. */
apr_status_t llmq_glue_shm_bus(llmq_glue_shm_t *g, apr_size_t ring)
{
    apr_pool_t *pool;
    llmq_bus_t *bus;
    void *area = NULL;
    apr_status_t rv;

    if (g->bus && g->bus_ring == ring) {
        return APR_SUCCESS;
    }
    rv = llmq_glue_shm_area(&area, g, "bus", llmq_bus_size(ring));
    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_pool_create(&pool, g->pool);
    apr_pool_tag(pool, "llmq_bus");
    rv = llmq_bus_create(&bus, area, ring, ear_count(), pool);
    if (rv != APR_SUCCESS) {
        apr_pool_destroy(pool);
        return complain(rv, "the bus");
    }
    if (g->bus_pool) {
        apr_pool_destroy(g->bus_pool);
    }
    g->bus = bus;
    g->bus_pool = pool;
    g->bus_ring = ring;
    return APR_SUCCESS;
}

static apr_status_t attach_mutex(apr_global_mutex_t **pm, apr_pool_t *p)
{
    apr_status_t rv = apr_global_mutex_child_init(pm, apr_global_mutex_lockfile(*pm), p);

    return rv == APR_SUCCESS ? rv : complain(rv, "access to a mutex in a new process");
}

apr_status_t llmq_glue_shm_attach(llmq_glue_shm_t *g, apr_pool_t *p)
{
    apr_status_t rv = attach_mutex(&g->messages.mutex, p);

    if (rv == APR_SUCCESS) {
        rv = attach_mutex(&g->tasks.mutex, p);
    }
    return rv == APR_SUCCESS ? attach_mutex(&g->store_mutex, p) : rv;
}

void llmq_glue_shm_suspect(llmq_glue_shm_t *g)
{
    llmq_queue_suspect(g->messages.queue);
    llmq_queue_suspect(g->tasks.queue);
}
