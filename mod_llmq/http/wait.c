#include "http/wait.h"

#include "cfg/cfg.h"
#include "http/held.h"
#include "http/idempotency.h"
#include "http/query.h"
#include "http/shield.h"

#include <apr_lib.h>

/* Most waits are short or long: look often at first, seldom later. */
#define STEP_FIRST  apr_time_from_msec(10)
#define STEP_LATER  apr_time_from_msec(50)
#define FIRST_SPAN  apr_time_from_sec(2)
#define LOOK_EVERY  apr_time_from_sec(1) /* at the store, whatever the word says */
#define LIVES_WELL  apr_time_from_sec(6) /* more than the longest pause between starts */
#define DEAD_LONG   apr_time_from_sec(5) /* a dispatcher is back much sooner */
#define MAX_SECONDS 1000000.0

/* ---- ?wait= ---- */

/* Seconds, with decimals or without; nothing else that a number could look like. */
static apr_status_t parse_seconds(apr_interval_time_t *plimit, const char *text,
                                  llmq_result_t *why)
{
    double seconds = 0;
    double unit = 1;
    const char *c = text;

    for (; apr_isdigit(*c); c++) {
        seconds = seconds > MAX_SECONDS ? seconds : seconds * 10 + (*c - '0');
    }
    if (c != text && *c == '.' && apr_isdigit(c[1])) {
        for (c++; apr_isdigit(*c); c++) {
            unit /= 10;
            seconds += unit * (*c - '0');
        }
    }
    if (c == text || *c) {
        return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, "wait",
                               "must be a number of seconds from 0 up");
    }
    *plimit = (apr_interval_time_t)(seconds * APR_USEC_PER_SEC);
    return APR_SUCCESS;
}

static apr_status_t read_limit(apr_interval_time_t *plimit, request_rec *r,
                               llmq_result_t *why)
{
    apr_interval_time_t most = llmq_cfg_max_wait(llmq_cfg_dir(r));
    apr_table_t *query;
    const char *text;
    apr_status_t rv;

    *plimit = 0;
    if (!r->args || (rv = llmq_query_parse(&query, r, why)) == APR_SUCCESS) {
        text = r->args ? apr_table_get(query, "wait") : NULL;
        rv = text ? parse_seconds(plimit, text, why) : APR_SUCCESS;
    }
    *plimit = *plimit > most ? most : *plimit;
    return rv;
}

apr_status_t llmq_wait_begin(llmq_wait_t *wait, request_rec *r,
                             const llmq_service_t *service, llmq_result_t *why)
{
    apr_status_t rv;

    wait->place = NULL;
    rv = read_limit(&wait->limit, r, why);
    if (rv != APR_SUCCESS || wait->limit == 0) {
        return rv;
    }
    wait->place = llmq_held_take(service);
    if (!wait->place) {
        return llmq_result_set(why, LLMQ_PROBLEM_QUEUE, "wait",
                               "too many requests wait already, nothing was stored");
    }
    return APR_SUCCESS;
}

void llmq_wait_end(llmq_wait_t *wait)
{
    llmq_held_give(wait->place);
    wait->place = NULL;
}

/* ---- waiting ---- */

/* One wait under way. */
typedef struct {
    request_rec *r;
    const llmq_service_t *service;
    const char *id;
    llmq_kind_e kind;
    llmq_queue_t *queue; /* of that kind */
    apr_time_t begun_at;
    apr_time_t looked_at;  /* at the store */
    apr_time_t dead_since; /* the dispatcher; 0: it lives well */
    apr_time_t dead_at;    /* when it was last seen dead, or another one */
    apr_uint32_t deaths;   /* seen so far */
    apr_uint32_t word;     /* before the last look */
    apr_pool_t *scratch;
} vigil_t;

/* It is gone, or it dies again and again. Workers do tasks without it. */
static int is_dispatcher_dead(vigil_t *v, apr_time_t now)
{
    apr_uint32_t deaths = v->service->dispatcher_deaths();

    if (!v->service->has_dispatcher || v->kind == LLMQ_KIND_TASK) {
        return 0;
    }
    if (!v->service->dispatcher_alive() || deaths != v->deaths) {
        v->dead_at = now;
        v->dead_since = v->dead_since ? v->dead_since : now;
        v->deaths = deaths;
    }
    else if (now - v->dead_at > LIVES_WELL) {
        v->dead_since = 0;
    }
    return v->dead_since && v->dead_at - v->dead_since > DEAD_LONG;
}

static void sleep_a_step(vigil_t *v, apr_time_t now, apr_time_t until)
{
    apr_interval_time_t step = now - v->begun_at < FIRST_SPAN ? STEP_FIRST : STEP_LATER;
    int shield = llmq_shield_pause();

    apr_sleep(until - now < step ? until - now : step);
    llmq_shield_resume(shield);
}

/* Is there reason to read the store? The word is read first: what ends later changes it. */
static int is_time_to_look(vigil_t *v, apr_time_t now)
{
    apr_uint32_t word = llmq_queue_ended(v->queue, v->id);

    if (v->looked_at && word == v->word && now - v->looked_at < LOOK_EVERY) {
        return 0;
    }
    v->word = word;
    v->looked_at = now;
    return 1;
}

/* @return APR_SUCCESS it has ended; APR_NOTFOUND deleted; APR_EAGAIN not yet, or the store
 *         does not tell now */
static apr_status_t look(llmq_job_t **pjob, vigil_t *v)
{
    const char *tenant = llmq_cfg_tenant(llmq_cfg_dir(v->r));
    llmq_job_t *job;
    apr_status_t rv;

    apr_pool_clear(v->scratch);
    rv = llmq_store_job_find(&job, v->service->store, tenant, v->kind, v->id, v->scratch);
    if (rv == APR_NOTFOUND) {
        return rv;
    }
    if (rv != APR_SUCCESS || !llmq_job_is_final(job->status)) {
        return APR_EAGAIN;
    }
    *pjob = job;
    return APR_SUCCESS;
}

static apr_status_t give_up(llmq_result_t *why, llmq_problem_e problem, const char *id,
                            const char *reason)
{
    llmq_result_set(why, problem, NULL, reason);
    why->id = id;
    return LLMQ_EBODY;
}

static llmq_problem_e missing(llmq_kind_e kind)
{
    return kind == LLMQ_KIND_TASK ? LLMQ_PROBLEM_NO_TASK : LLMQ_PROBLEM_NO_MESSAGE;
}

static apr_status_t keep_vigil(llmq_job_t **pjob, vigil_t *v, apr_time_t until,
                               llmq_result_t *why)
{
    apr_time_t now;

    for (;;) {
        apr_status_t rv = APR_EAGAIN;

        now = apr_time_now();
        sleep_a_step(v, now, until);
        now = apr_time_now();
        if (now >= until || is_time_to_look(v, now)) {
            rv = look(pjob, v);
        }
        if (rv == APR_SUCCESS) {
            return rv;
        }
        if (rv == APR_NOTFOUND) {
            return give_up(why, missing(v->kind), v->id,
                           "it was deleted while the request waited");
        }
        if (is_dispatcher_dead(v, now)) {
            return give_up(why, LLMQ_PROBLEM_SCHEDULER, v->id,
                           "the dispatcher does not run; the work is kept");
        }
        if (now >= until || llmq_held_is_gone(v->r) || llmq_held_is_ending()) {
            return give_up(why, LLMQ_PROBLEM_WAIT, v->id, "it is still being worked on");
        }
        llmq_idempotency_renew(v->r);
    }
}

apr_status_t llmq_wait_for(llmq_job_t **pjob, const llmq_wait_t *wait, request_rec *r,
                           const llmq_service_t *service, llmq_result_t *why)
{
    vigil_t v = {0};

    if (wait->limit == 0 || llmq_job_is_final((*pjob)->status)) {
        return APR_SUCCESS;
    }
    v.r = r;
    v.service = service;
    v.id = (*pjob)->id;
    v.kind = (*pjob)->kind;
    v.queue = llmq_service_queue(service, v.kind);
    v.deaths = service->dispatcher_deaths();
    v.begun_at = apr_time_now();
    apr_pool_create(&v.scratch, r->pool);
    return keep_vigil(pjob, &v, v.begun_at + wait->limit, why);
}
