#include "glue/glue_shm.h"

#include "base/log.h"

#include <apr_file_io.h>
#include <apr_portable.h>
#include <apr_strings.h>
#include <http_log.h>
#include <util_mutex.h>

#define RETAINED_KEY "mod_llmq"
#define ALIGNMENT    64
#define HEADER_BYTES APR_ALIGN(sizeof(llmq_shared_t), ALIGNMENT)

apr_status_t llmq_glue_shm_pre_config(apr_pool_t *pconf)
{
    apr_status_t rv =
        ap_mutex_register(pconf, LLMQ_QUEUE_MUTEX, NULL, APR_LOCK_DEFAULT, 0);

    return rv != APR_SUCCESS
               ? rv
               : ap_mutex_register(pconf, LLMQ_STORE_MUTEX, NULL, APR_LOCK_DEFAULT, 0);
}

static apr_status_t complain(apr_status_t rv, const char *what)
{
    LLMQ_LOG(LLMQ_LOG_CRIT, rv, LLMQ_NO(0801) "cannot create %s", what);
    return rv;
}

/* A segment of its own for the queue. The one before, if any, is unmapped here only; old
 * children keep theirs until they end. */
static apr_status_t create_segment(llmq_glue_shm_t *g, const llmq_queue_conf_t *conf)
{
    apr_pool_t *pool;
    apr_os_file_t rd;
    apr_os_file_t wr;
    char *base;
    apr_status_t rv;

    apr_pool_create(&pool, g->pool);
    apr_pool_tag(pool, "llmq_segment");
    rv = apr_shm_create(&g->shm, ALIGNMENT + HEADER_BYTES + llmq_queue_segment_size(conf),
                        NULL, pool);
    if (rv != APR_SUCCESS) {
        apr_pool_destroy(pool);
        return complain(rv, "the shared memory segment");
    }
    base = apr_shm_baseaddr_get(g->shm); /* zero: fresh pages, touched when needed */
    base = (char *)APR_ALIGN((apr_uintptr_t)base,
                             ALIGNMENT); /* APR keeps a size before it */
    if (g->shared) {
        memcpy(base, g->shared, sizeof(llmq_shared_t));
    }
    apr_os_file_get(&rd, g->wake_rd);
    apr_os_file_get(&wr, g->wake_wr);
    rv = llmq_queue_create(&g->queue, base + HEADER_BYTES, g->queue_mutex, rd, wr, conf,
                           pool);
    if (rv != APR_SUCCESS) {
        return complain(rv, "the queue");
    }
    g->shared = (llmq_shared_t *)(void *)base;
    if (g->segment_pool) {
        apr_pool_destroy(g->segment_pool);
    }
    g->segment_pool = pool;
    return APR_SUCCESS;
}

static apr_status_t create_first(llmq_glue_shm_t *g, server_rec *s)
{
    apr_status_t rv;

    g->pool = s->process->pool;
    g->areas = apr_hash_make(g->pool);
    g->started_at = apr_time_now();
    rv = ap_global_mutex_create(&g->queue_mutex, NULL, LLMQ_QUEUE_MUTEX, NULL, s, g->pool,
                                0);
    if (rv == APR_SUCCESS) {
        rv = ap_global_mutex_create(&g->store_mutex, NULL, LLMQ_STORE_MUTEX, NULL, s,
                                    g->pool, 0);
    }
    if (rv != APR_SUCCESS) {
        return rv; /* logged by util_mutex */
    }
    rv = apr_file_pipe_create_ex(&g->wake_rd, &g->wake_wr, APR_FULL_NONBLOCK, g->pool);
    return rv == APR_SUCCESS ? rv : complain(rv, "the wake-up pipe");
}

apr_status_t llmq_glue_shm_post_config(llmq_glue_shm_t **pg,
                                       const llmq_queue_conf_t *conf, server_rec *s)
{
    llmq_glue_shm_t *g = ap_retained_data_get(RETAINED_KEY);
    apr_status_t rv = APR_SUCCESS;

    if (!g) {
        g = ap_retained_data_create(RETAINED_KEY, sizeof(*g));
        rv = create_first(g, s);
    }
    if (rv == APR_SUCCESS
        && (!g->queue || llmq_queue_configure(g->queue, conf) != APR_SUCCESS)) {
        rv = create_segment(g, conf);
    }
    if (rv == APR_SUCCESS) {
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

static apr_status_t attach_mutex(apr_global_mutex_t **pm, apr_pool_t *p)
{
    apr_status_t rv = apr_global_mutex_child_init(pm, apr_global_mutex_lockfile(*pm), p);

    return rv == APR_SUCCESS ? rv : complain(rv, "access to a mutex in a new process");
}

apr_status_t llmq_glue_shm_attach(llmq_glue_shm_t *g, apr_pool_t *p)
{
    apr_status_t rv = attach_mutex(&g->queue_mutex, p);

    return rv == APR_SUCCESS ? attach_mutex(&g->store_mutex, p) : rv;
}
