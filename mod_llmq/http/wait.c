#include "http/wait.h"

#include "cfg/cfg.h"
#include "http/body.h"
#include "http/capture.h"
#include "http/detach.h"
#include "http/held.h"
#include "http/idempotency.h"
#include "http/lifesign.h"
#include "http/query.h"
#include "http/reply.h"
#include "http/shield.h"

#include <apr_lib.h>

#include <string.h>

#define STEP        apr_time_from_msec(200) /* of held threads: is the client still there? */
#define LOOK_EVERY  apr_time_from_sec(1)    /* at the store, whatever was heard */
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

/* May it be parked, and is there room? Only once the body is read can be seen whether bytes of
 * the client's wait in a filter of TLS. */
static apr_status_t admit(llmq_wait_t *wait, request_rec *r, llmq_result_t *why)
{
    const char *body;
    apr_size_t len;
    apr_status_t rv;

    if (apr_table_get(r->headers_in, "Idempotency-Key")) {
        return APR_SUCCESS;
    }
    rv = llmq_body_read(&body, &len, r, why);
    if (rv == APR_SUCCESS) {
        wait->admitted = llmq_detach_is_possible(r)
                         && llmq_stream_admit(wait->service->streams, LLMQ_STREAM_ANSWER)
                                == APR_SUCCESS;
    }
    return rv;
}

static const char no_place[] = "too many requests wait already, nothing was stored";

apr_status_t llmq_wait_begin_for(llmq_wait_t *wait, apr_interval_time_t limit,
                                 const llmq_wait_how_t *how, request_rec *r,
                                 const llmq_service_t *service, llmq_result_t *why)
{
    apr_status_t rv;

    memset(wait, 0, sizeof(*wait));
    wait->limit = limit;
    wait->how = how;
    wait->service = service;
    if (limit == 0) {
        return APR_SUCCESS;
    }
    rv = admit(wait, r, why);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!wait->admitted) {
        wait->place = llmq_held_take(service);
    }
    return wait->admitted || wait->place
               ? APR_SUCCESS
               : llmq_result_set(why, LLMQ_PROBLEM_QUEUE, NULL, no_place);
}

apr_status_t llmq_wait_begin(llmq_wait_t *wait, const llmq_wait_how_t *how,
                             request_rec *r, const llmq_service_t *service,
                             llmq_result_t *why)
{
    apr_interval_time_t limit = 0;
    apr_status_t rv = read_limit(&limit, r, why);

    memset(wait, 0, sizeof(*wait)); /* there is something to end even then */
    if (rv == APR_SUCCESS) {
        rv = llmq_wait_begin_for(wait, limit, how, r, service, why);
    }
    if (rv != APR_SUCCESS && why->problem == LLMQ_PROBLEM_QUEUE) {
        why->field = "wait";
    }
    return rv;
}

void llmq_wait_end(llmq_wait_t *wait)
{
    llmq_held_give(wait->place);
    wait->place = NULL;
    if (wait->admitted) {
        llmq_stream_dismiss(wait->service->streams, LLMQ_STREAM_ANSWER);
        wait->admitted = 0;
    }
}

/* ---- how a wait can end ---- */

static apr_status_t give_up(llmq_result_t *why, llmq_problem_e problem, const char *id,
                            const char *reason)
{
    llmq_result_set(why, problem, NULL, reason);
    why->id = id;
    return LLMQ_EBODY;
}

/* @return LLMQ_EBODY */
static apr_status_t end_as(llmq_result_t *why, const llmq_wait_t *wait,
                           llmq_waited_e which, const llmq_job_t *job)
{
    switch (which) {
    case LLMQ_WAITED_GONE:
        return give_up(why,
                       job->kind == LLMQ_KIND_TASK ? LLMQ_PROBLEM_NO_TASK
                                                   : LLMQ_PROBLEM_NO_MESSAGE,
                       job->id, "it was deleted while the request waited");
    case LLMQ_WAITED_DEAD:
        return give_up(why, LLMQ_PROBLEM_SCHEDULER, job->id,
                       "the dispatcher does not run; the work is kept");
    case LLMQ_WAITED_FAILED: return give_up(why, wait->how->failed, job->id, NULL);
    case LLMQ_WAITED_TIME:
    case LLMQ_WAITED_COUNT:
    default:
        return give_up(why, LLMQ_PROBLEM_WAIT, job->id, "it is still being worked on");
    }
}

/* ---- parked ---- */

typedef struct {
    const llmq_wait_t *wait;
    const llmq_job_t *job;
    llmq_waited_e which;
} answer_t;

static void reply_usual(request_rec *r, void *ctx)
{
    const answer_t *a = ctx;

    a->wait->how->reply(r, a->wait->service, a->job);
}

static void reply_other(request_rec *r, void *ctx)
{
    const answer_t *a = ctx;
    llmq_result_t why = {0};

    end_as(&why, a->wait, a->which, a->job);
    llmq_reply_problem_quietly(r, &why);
}

/* Whichever way it ends: nobody can ask httpd for headers then. */
static apr_status_t prepare(llmq_waiter_conf_t *conf, const llmq_wait_t *wait,
                            const llmq_job_t *job, request_rec *r)
{
    answer_t answer = {wait, job, LLMQ_WAITED_TIME};
    int i;

    conf->job = job;
    conf->until = apr_time_now() + wait->limit;
    conf->way = &wait->how->way;
    llmq_text_init(&conf->head, 1024, r->pool);
    llmq_capture_answer(&conf->head, r, reply_usual, &answer);
    for (i = 0; i < LLMQ_WAITED_COUNT; i++) {
        answer.which = (llmq_waited_e)i;
        if (i == LLMQ_WAITED_FAILED && wait->how->failed == LLMQ_PROBLEM_NONE) {
            continue;
        }
        llmq_text_init(&conf->others[i], 1024, r->pool);
        llmq_capture_answer(&conf->others[i], r, reply_other, &answer);
    }
    return llmq_capture_cut(&conf->head);
}

/* @return non-zero if the request is out of our hands */
static int park(llmq_wait_t *wait, const llmq_job_t *job, request_rec *r)
{
    llmq_waiter_conf_t conf = {0};
    apr_status_t rv = prepare(&conf, wait, job, r);

    if (rv == APR_SUCCESS) {
        rv = llmq_waiters_park(wait->service->waiters, r, &conf);
    }
    if (rv != APR_SUCCESS) {
        return 0;
    }
    wait->admitted = 0;        /* the stream has the place */
    r->status = HTTP_ACCEPTED; /* for the access log: what follows is not known yet */
    return 1;
}

/* ---- held ---- */

/* One wait under way. */
typedef struct {
    request_rec *r;
    const llmq_wait_t *wait;
    const llmq_service_t *service;
    const llmq_job_t *job;
    llmq_waiter_t *waiter; /* NULL: nobody wakes us */
    llmq_lifesign_t sign;
    apr_time_t looked_at; /* at the store */
    apr_pool_t *scratch;
} vigil_t;

/* @return non-zero if there is reason to read the store */
static int sleep_a_step(vigil_t *v, apr_time_t now, apr_time_t until)
{
    apr_interval_time_t step = until - now < STEP ? until - now : STEP;
    int shield = llmq_shield_pause();
    int woken = 0;

    if (step > 0 && v->waiter) {
        woken = llmq_waiters_sleep(v->waiter, step);
    }
    else if (step > 0) {
        apr_sleep(step);
    }
    llmq_shield_resume(shield);
    return woken || apr_time_now() - v->looked_at >= LOOK_EVERY;
}

/* @return APR_SUCCESS it has ended; APR_NOTFOUND deleted; APR_EAGAIN not yet, or the store
 *         does not tell now */
static apr_status_t look(llmq_job_t **pjob, vigil_t *v)
{
    llmq_job_t **jobs = NULL;
    int *removed = NULL;
    apr_status_t rv;

    v->looked_at = apr_time_now();
    apr_pool_clear(v->scratch);
    rv = llmq_waiters_way_look(&jobs, &removed, &v->wait->how->way, v->service->store,
                               &v->job->id, 1, v->scratch);
    if (rv == APR_SUCCESS && (!jobs[0] || removed[0])) {
        return APR_NOTFOUND;
    }
    if (rv != APR_SUCCESS || !llmq_job_is_final(jobs[0]->status)) {
        return APR_EAGAIN;
    }
    *pjob = jobs[0];
    return APR_SUCCESS;
}

static int is_deserted(vigil_t *v, apr_time_t now)
{
    return llmq_lifesign_matters(v->job->kind)
           && llmq_lifesign_is_missing(&v->sign, v->service, now);
}

/* What shall not go on without a listener is ended, and has perhaps just been answered. */
static apr_status_t look_for_the_last_time(llmq_job_t **pjob, vigil_t *v)
{
    const llmq_waiter_way_t *way = &v->wait->how->way;

    if (!way->late) {
        return APR_EAGAIN;
    }
    way->late(v->service, &v->job->id, 1, v->scratch);
    return look(pjob, v);
}

static apr_status_t keep_vigil(llmq_job_t **pjob, vigil_t *v, apr_time_t until,
                               llmq_result_t *why)
{
    for (;;) {
        apr_status_t rv = APR_EAGAIN;
        int reason = sleep_a_step(v, apr_time_now(), until);
        apr_time_t now = apr_time_now();

        if (reason || now >= until) {
            rv = look(pjob, v);
        }
        if (rv == APR_EAGAIN && now >= until) {
            rv = look_for_the_last_time(pjob, v);
        }
        if (rv == APR_SUCCESS) {
            return rv;
        }
        if (rv == APR_NOTFOUND) {
            return end_as(why, v->wait, LLMQ_WAITED_GONE, v->job);
        }
        if (is_deserted(v, now)) {
            return end_as(why, v->wait, LLMQ_WAITED_DEAD, v->job);
        }
        if (now >= until || llmq_held_is_gone(v->r) || llmq_held_is_ending()) {
            return end_as(why, v->wait, LLMQ_WAITED_TIME, v->job);
        }
        llmq_idempotency_renew(v->r);
    }
}

static apr_status_t hold(llmq_job_t **pjob, const llmq_wait_t *wait, request_rec *r,
                         llmq_result_t *why)
{
    vigil_t v = {.r = r, .wait = wait, .service = wait->service, .job = *pjob};
    apr_time_t until = apr_time_now() + wait->limit;
    apr_status_t rv;

    apr_pool_create(&v.scratch, r->pool);
    llmq_waiters_enter(&v.waiter, wait->service->waiters, *pjob, &wait->how->way, until);
    rv = keep_vigil(pjob, &v, until, why);
    if (v.waiter) {
        llmq_waiters_leave(v.waiter);
    }
    return rv;
}

apr_status_t llmq_wait_for(llmq_job_t **pjob, llmq_wait_t *wait, request_rec *r,
                           const llmq_service_t *service, llmq_result_t *why)
{
    if (wait->limit == 0 || llmq_job_is_final((*pjob)->status)) {
        return APR_SUCCESS;
    }
    if (wait->admitted && llmq_detach_is_possible(r) && park(wait, *pjob, r)) {
        return APR_EINPROGRESS;
    }
    if (!wait->place && !(wait->place = llmq_held_take(service))) {
        return end_as(why, wait, LLMQ_WAITED_TIME, *pjob);
    }
    return hold(pjob, wait, r, why);
}
