#include "http/task_view.h"

#include "base/clock.h"
#include "cfg/cfg.h"
#include "http/reply.h"
#include "queue/queue_job.h"
#include "queue/queue_outlook.h"

struct llmq_task_view_look_t {
    const llmq_task_types_t *types;
    llmq_queue_t *queue;
    apr_time_t now;
    apr_uint64_t lanes[LLMQ_TASK_TYPES_MAX];
    llmq_queue_outlook_t outlook;
};

_Static_assert(LLMQ_TASK_TYPES_MAX <= LLMQ_QUEUE_FILTER_MAX,
               "the lanes of all types are looked at together");

const llmq_task_view_look_t *llmq_task_view_look(request_rec *r,
                                                 const llmq_service_t *service)
{
    return llmq_task_view_look_at(service, llmq_cfg_tenant(llmq_cfg_dir(r)), r->pool);
}

const llmq_task_view_look_t *llmq_task_view_look_at(const llmq_service_t *service,
                                                    const char *tenant, apr_pool_t *p)
{
    llmq_task_view_look_t *look = apr_pcalloc(p, sizeof(*look));
    int i;

    look->types = service->task_types;
    look->queue = service->tasks;
    look->now = llmq_clock_now();
    for (i = 0; i < look->types->n; i++) {
        look->lanes[i] = llmq_queue_job_lane(tenant, look->types->type[i].name);
    }
    llmq_queue_outlook(&look->outlook, service->tasks, look->lanes, look->types->n);
    return look;
}

/* Which of the lanes is the task's; -1 if its type is not configured any more. */
static int lane_of(const llmq_task_view_look_t *look, const llmq_job_t *job)
{
    const llmq_task_type_t *type = llmq_task_type_find(look->types, job->type);

    return type ? (int)(type - look->types->type) : -1;
}

static apr_interval_time_t duration_of(const llmq_task_view_look_t *look,
                                       const llmq_job_t *job, int lane)
{
    apr_interval_time_t mean = lane >= 0 ? look->outlook.mean_of[lane] : 0;

    return mean > 0 ? mean : job->timeout;
}

/* When it will have ended: its start and what its type takes on the average. */
static apr_time_t estimate(const llmq_task_view_look_t *look, const llmq_job_t *job,
                           apr_uint32_t position)
{
    int lane = lane_of(look, job);
    apr_time_t start = look->now;
    apr_time_t end;

    if (llmq_job_is_final(job->status)) {
        return job->finished_at;
    }
    if (job->status == LLMQ_STATUS_PROCESSING) {
        end = job->started_at + duration_of(look, job, lane);
        return end > look->now ? end : look->now;
    }
    start += llmq_queue_outlook_wait(&look->outlook, lane, job->level, position);
    start = job->run_at > start ? job->run_at : start;
    return start + duration_of(look, job, lane);
}

static apr_uint32_t position_of(const llmq_task_view_look_t *look, const llmq_job_t *job)
{
    llmq_queue_filter_t scope = {look->lanes, look->types->n, 0};

    if (job->status != LLMQ_STATUS_PENDING || job->run_at > look->now) {
        return 0;
    }
    return llmq_queue_position(look->queue, job->id, &scope);
}

void llmq_task_view_add(llmq_text_t *t, const llmq_job_t *job,
                        const llmq_task_view_look_t *look)
{
    llmq_task_view_t view = {look->now, position_of(look, job), 0};

    view.estimate = estimate(look, job, view.position);
    llmq_task_to_json(t, job, &view);
}

void llmq_task_view_ended(llmq_text_t *t, const llmq_job_t *job)
{
    const llmq_task_view_t view = {llmq_clock_now(), 0, job->finished_at};

    llmq_task_to_json(t, job, &view);
    LLMQ_TEXT_LIT(t, "\n");
}

int llmq_task_view_reply(request_rec *r, const llmq_service_t *service, int status,
                         const llmq_job_t *job)
{
    llmq_text_t t;

    llmq_text_init(&t, job->payload_len + 1024, r->pool);
    llmq_task_view_add(&t, job, llmq_task_view_look(r, service));
    LLMQ_TEXT_LIT(&t, "\n");
    return llmq_reply_json(r, status, t.data, t.len);
}
