#include "queue/queue_job.h"

#include "base/id.h"
#include "queue/queue_gated.h"

#include <apr_strings.h>

#include <string.h>

/* The NUL between the names keeps ("ab", "c") and ("a", "bc") apart. */
static apr_uint64_t hash_in_tenant(const char *tenant, const char *name)
{
    apr_uint64_t h = llmq_id_hash(tenant, strlen(tenant) + 1, 0);

    return llmq_id_hash(name, strlen(name), h);
}

apr_uint64_t llmq_queue_job_tenant(const char *tenant)
{
    return llmq_id_hash(tenant, strlen(tenant), 0);
}

apr_uint64_t llmq_queue_job_lane(const char *tenant, const char *type)
{
    return type ? llmq_task_type_lane(tenant, type) : llmq_queue_job_tenant(tenant);
}

apr_uint64_t llmq_queue_job_tenant_of(const llmq_job_t *job)
{
    return llmq_queue_job_lane(
        job->tenant, llmq_job_line(job->kind) == LLMQ_KIND_TASK ? job->type : NULL);
}

apr_uint64_t llmq_queue_job_chain(const llmq_job_t *job)
{
    return job->chain ? hash_in_tenant(job->tenant, job->chain) : 0;
}

/* A key belongs to one tenant of the queue: the tasks of a user are other turns in each
 * type's lane. What of a key goes to one model may have to wait when what goes to another
 * need not, so these are keys of their own; and so are debug turns, which no worker gets. */
static apr_uint64_t key_of(const llmq_job_t *job)
{
    apr_uint64_t key = job->fair_key
                           ? job->fair_key
                           : hash_in_tenant(job->tenant, job->user ? job->user : "");

    if (job->kind == LLMQ_KIND_DEBUG) {
        return llmq_id_hash("debug", 5, key);
    }
    return job->type ? llmq_id_hash(job->type, strlen(job->type), key) : key;
}

apr_uint64_t llmq_queue_job_gate(const char *model)
{
    apr_uint64_t gate = llmq_id_hash(model, strlen(model), 0);

    return gate > LLMQ_QUEUE_GATE_ANY ? gate : LLMQ_QUEUE_GATE_ANY + 1;
}

static apr_uint64_t gate_of(const llmq_job_t *job)
{
    if (job->kind == LLMQ_KIND_COMPLETION) {
        return llmq_queue_job_gate(job->type ? job->type : "");
    }
    return job->kind == LLMQ_KIND_DEBUG || job->kind == LLMQ_KIND_MEMORY
               ? LLMQ_QUEUE_GATE_ANY
               : 0;
}

void llmq_queue_job_entry(llmq_entry_t *e, const llmq_job_t *job)
{
    memset(e, 0, sizeof(*e));
    apr_cpystrn(e->id, job->id, sizeof(e->id));
    e->tenant = llmq_queue_job_tenant_of(job);
    e->key = key_of(job);
    e->chain = job->parallel ? 0 : llmq_queue_job_chain(job);
    e->weight = job->weight > 0 ? (apr_uint32_t)job->weight : 1;
    e->key_cap = job->key_cap > 0 ? (apr_uint32_t)job->key_cap : 0;
    e->deadline = job->deadline;
    e->alone = job->alone != 0;
    e->put_at = job->created_at;
    e->run_at = job->run_at;
    e->attempt = (apr_uint32_t)job->attempt;
    e->gate = gate_of(job);
    e->level = (unsigned char)job->level;
    e->kind = (unsigned char)job->kind;
}

apr_status_t llmq_queue_job_tell(llmq_queue_t *q, const llmq_job_t *job,
                                 llmq_figure_e what)
{
    llmq_entry_t e;

    llmq_queue_job_entry(&e, job);
    e.taken_at = job->started_at;
    return llmq_queue_figures_tell(q, &e, what);
}

void llmq_queue_job_pause_tasks(llmq_queue_t *tasks, const llmq_task_types_t *types,
                                const char *tenant, llmq_level_e level, int on)
{
    int i;

    for (i = 0; i < types->n; i++) {
        llmq_queue_pause(tasks, llmq_queue_job_lane(tenant, types->type[i].name), level,
                         on);
    }
}
