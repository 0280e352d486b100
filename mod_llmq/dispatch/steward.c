#include "dispatch/steward.h"

#include "base/clock.h"
#include "base/log.h"
#include "core/control.h"
#include "queue/queue_job.h"
#include "store/store_setting.h"

struct llmq_steward_t {
    llmq_queue_t *queue;
    llmq_queue_t *tasks;            /* NULL: none */
    const llmq_task_types_t *types; /* of them */
    llmq_store_t *store;
    apr_interval_time_t interval;
    apr_pool_t *scratch;
    apr_uint32_t version; /* of the settings that were applied */
    apr_time_t newest;    /* changed_at of the newest of them */
    apr_time_t next_look;
    int applied; /* non-zero after the first time */
};

llmq_steward_t *llmq_steward_create(llmq_queue_t *queue, llmq_store_t *store,
                                    apr_interval_time_t interval, apr_pool_t *p)
{
    llmq_steward_t *s = apr_pcalloc(p, sizeof(*s));

    s->queue = queue;
    s->store = store;
    s->interval = interval;
    apr_pool_create(&s->scratch, p);
    return s;
}

void llmq_steward_add_tasks(llmq_steward_t *s, llmq_queue_t *tasks,
                            const llmq_task_types_t *types)
{
    s->tasks = tasks;
    s->types = types;
}

static void apply_paused(const llmq_steward_t *s, const llmq_setting_t *setting)
{
    apr_uint64_t tenant = llmq_queue_job_tenant(setting->tenant);
    unsigned int levels = llmq_control_paused_parse(setting->value, s->scratch);
    int l;

    LLMQ_EACH_LEVEL (l) {
        int on = (levels >> l) & 1;

        llmq_queue_pause(s->queue, tenant, (llmq_level_e)l, on);
        if (s->tasks)
            llmq_queue_job_pause_tasks(s->tasks, s->types, setting->tenant,
                                       (llmq_level_e)l, on);
    }
}

static void apply_maintenance(llmq_queue_t *q, const llmq_setting_t *setting,
                              apr_pool_t *p)
{
    llmq_control_maintenance_t m;

    llmq_control_maintenance_parse(&m, setting->value, p);
    llmq_queue_set_flags(q, llmq_queue_job_tenant(setting->tenant),
                         m.on ? LLMQ_TENANT_MAINTENANCE : 0);
}

static apr_status_t apply(llmq_steward_t *s)
{
    llmq_setting_t *settings;
    apr_status_t rv;
    int n = 0;
    int i;

    rv =
        llmq_store_setting_list(&settings, &n, s->store, LLMQ_SETTING_PAUSED, s->scratch);
    for (i = 0; rv == APR_SUCCESS && i < n; i++)
        apply_paused(s, &settings[i]);
    if (rv == APR_SUCCESS)
        rv = llmq_store_setting_list(&settings, &n, s->store, LLMQ_SETTING_MAINTENANCE,
                                     s->scratch);
    for (i = 0; rv == APR_SUCCESS && i < n; i++)
        apply_maintenance(s->queue, &settings[i], s->scratch);
    return rv;
}

/* A change that this server has not been told of is another node's. */
static void hear(llmq_steward_t *s, apr_time_t newest, apr_uint32_t version)
{
    if (s->applied && newest != s->newest && version == s->version) {
        LLMQ_LOG(LLMQ_LOG_DEBUG, 0, LLMQ_NO(0735) "another node has changed a setting");
        llmq_queue_settings_changed(s->queue);
        version = llmq_queue_settings_version(s->queue);
    }
    s->newest = newest;
    s->version = version;
}

apr_status_t llmq_steward_tick(llmq_steward_t *s)
{
    apr_uint32_t version = llmq_queue_settings_version(s->queue);
    apr_time_t now = llmq_clock_now();
    apr_time_t newest = 0;
    apr_status_t rv;

    if (s->applied && version == s->version && now < s->next_look)
        return APR_SUCCESS;
    apr_pool_clear(s->scratch);
    rv = llmq_store_setting_newest(&newest, s->store, s->scratch);
    if (rv == APR_SUCCESS)
        rv = apply(s);
    if (rv != APR_SUCCESS)
        return rv;
    hear(s, newest, version);
    s->applied = 1;
    s->next_look = now + s->interval;
    return APR_SUCCESS;
}
