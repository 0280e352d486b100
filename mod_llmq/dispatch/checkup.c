#include "dispatch/checkup.h"

#include "dispatch/dispatch_inner.h"
#include "store/store_setting.h"

struct llmq_checkup_t {
    llmq_dispatch_t *d;
    apr_pool_t *scratch;
    apr_uint32_t settings_seen; /* version that was read last */
    int has_read;
};

/* One check under way; lives in the pool of its call. */
typedef struct {
    llmq_call_t call;
    llmq_endpoint_place_t place;
    llmq_dispatch_t *d;
} check_t;

llmq_checkup_t *llmq_checkup_create(llmq_dispatch_t *d, apr_pool_t *p)
{
    llmq_checkup_t *c = apr_pcalloc(p, sizeof(*c));

    c->d = d;
    c->scratch = llmq_dispatch_inner_pool(p);
    return c;
}

/* A backend that has come back gets its work at once. */
static void on_checked(llmq_call_t *call)
{
    check_t *check = call->ctx;

    llmq_endpoint_checked(check->d->endpoints, &check->place,
                          call->ok ? NULL : &call->failure);
    llmq_queue_wake(check->d->queue);
    apr_pool_destroy(call->pool);
}

static void begin(llmq_dispatch_t *d, const llmq_endpoint_place_t *place)
{
    llmq_failure_t nothing = {.ours = 1};
    apr_pool_t *p;
    check_t *check;

    if (apr_pool_create_unmanaged_ex(&p, NULL, NULL) != APR_SUCCESS) {
        llmq_endpoint_checked(d->endpoints, place, &nothing);
        return;
    }
    check = apr_pcalloc(p, sizeof(*check));
    check->d = d;
    check->place = *place;
    check->call.backend = place->backend;
    check->call.check = place->backend->check_path;
    check->call.timeout = place->backend->connect_timeout;
    check->call.done = on_checked;
    check->call.ctx = check;
    check->call.pool = p;
    llmq_backend_start(d->engine, &check->call);
}

/* Until the database answers the setting is looked for again with each tick, as the other
 * work of the janitor is. */
static void read_drained(llmq_checkup_t *c)
{
    llmq_dispatch_t *d = c->d;
    apr_uint32_t version = llmq_queue_settings_version(d->queue);
    llmq_setting_t setting = {0};
    apr_status_t rv;

    if (c->has_read && version == c->settings_seen) {
        return;
    }
    rv = llmq_store_setting_get(&setting, d->janitor_store, "", LLMQ_SETTING_DRAINED,
                                c->scratch);
    if (rv == APR_SUCCESS || rv == APR_NOTFOUND) {
        llmq_endpoint_drain_only(d->endpoints, setting.value, c->scratch);
        llmq_queue_wake(d->queue);
        c->has_read = 1;
        c->settings_seen = version;
    }
    apr_pool_clear(c->scratch);
}

void llmq_checkup_tick(llmq_checkup_t *c)
{
    llmq_endpoint_place_t place;

    read_drained(c);
    llmq_endpoint_check(&place, c->d->endpoints);
    while (place.backend) {
        begin(c->d, &place);
        llmq_endpoint_check(&place, c->d->endpoints);
    }
}
