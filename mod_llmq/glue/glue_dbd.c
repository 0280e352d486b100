#include "glue/glue_dbd.h"

#include <apr_atomic.h>
#include <apr_optional.h>
#include <mod_dbd.h>

#define STATE_KEY "mod_llmq"
#define PAUSE_SEC 1

static APR_OPTIONAL_FN_TYPE(ap_dbd_open) * dbd_open;
static APR_OPTIONAL_FN_TYPE(ap_dbd_close) * dbd_close;

static apr_uint32_t down_until_sec; /* atomic; do not try to connect before */

static apr_uint32_t now_sec(void)
{
    return (apr_uint32_t)apr_time_sec(apr_time_now());
}

/* What the store remembers about a connection lives as long as the connection. */
static llmq_dbd_t *state_of(ap_dbd_t *rec)
{
    void *data = NULL;
    llmq_dbd_t *db;

    apr_pool_userdata_get(&data, STATE_KEY, rec->pool);
    if (data) {
        return data;
    }
    db = apr_pcalloc(rec->pool, sizeof(*db));
    db->driver = rec->driver;
    db->handle = rec->handle;
    db->pool = rec->pool;
    db->statements = apr_hash_make(rec->pool);
    db->ctx = rec;
    apr_pool_userdata_setn(db, STATE_KEY, NULL, rec->pool);
    return db;
}

static apr_status_t acquire(llmq_dbd_t **pdb, void *ctx, apr_pool_t *p)
{
    ap_dbd_t *rec;

    if (now_sec() < apr_atomic_read32(&down_until_sec)) {
        return LLMQ_ESTORE;
    }
    rec = dbd_open(p, ctx);
    if (!rec) {
        apr_atomic_set32(&down_until_sec, now_sec() + PAUSE_SEC);
        return LLMQ_ESTORE; /* mod_dbd has logged why */
    }
    *pdb = state_of(rec);
    return APR_SUCCESS;
}

/* mod_dbd resets a broken connection when it is borrowed next; the new session knows
 * nothing of the statements and settings of the old one. */
static void release(void *ctx, llmq_dbd_t *db, int broken)
{
    if (broken) {
        apr_hash_clear(db->statements);
        db->attached = 0;
    }
    dbd_close(ctx, db->ctx);
}

apr_status_t llmq_glue_dbd_source(llmq_store_source_t *source, server_rec *s)
{
    dbd_open = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_open);
    dbd_close = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_close);
    source->acquire = acquire;
    source->release = release;
    source->ctx = s;
    return dbd_open && dbd_close ? APR_SUCCESS : APR_ENOTIMPL;
}
