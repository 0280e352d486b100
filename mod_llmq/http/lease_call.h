/**
 * @file lease_call.h
 * What the calls of workers share: reading their bodies, and saying why a change was not
 * accepted.
 * @threads request
 */
#ifndef LLMQ_LEASE_CALL_H
#define LLMQ_LEASE_CALL_H

#include "base/json.h"
#include "http/service.h"

#include <httpd.h>

/**
 * The body of a call: a JSON object; no body at all is an empty one.
 * @param pbody out
 * @param r     the request
 * @param why   out: REQUEST, or as from llmq_body_json()
 * @return APR_SUCCESS; LLMQ_EBODY see @a why
 */
apr_status_t llmq_lease_call_body(struct json_object **pbody, request_rec *r,
                                  llmq_result_t *why);

/** A number of seconds that a member may hold. */
typedef struct llmq_lease_call_range_t {
    const char *field;
    apr_interval_time_t min;
    apr_interval_time_t max;
} llmq_lease_call_range_t;

/**
 * @param pt    in: the default; out: what the body says
 * @param body  an object
 * @param range which member, and its bounds
 * @param why   out: REQUEST with the field
 * @param p     pool of the sentence
 * @return APR_SUCCESS, also without the member; LLMQ_EBODY see @a why
 */
apr_status_t llmq_lease_call_seconds(apr_interval_time_t *pt, struct json_object *body,
                                     const llmq_lease_call_range_t *range,
                                     llmq_result_t *why, apr_pool_t *p);

/**
 * A member that is a string.
 * @param ptext in: the default; out: what the body says; lives as long as @a body
 * @param body  an object
 * @param field which member
 * @param why   out: REQUEST with the field
 * @return APR_SUCCESS, also without the member; LLMQ_EBODY see @a why
 */
apr_status_t llmq_lease_call_text(const char **ptext, struct json_object *body,
                                  const char *field, llmq_result_t *why);

/**
 * The member `lease_token`, which must be there.
 * @param ptoken out; lives as long as @a body
 * @param body   an object
 * @param why    out: REQUEST with the field
 * @return APR_SUCCESS; LLMQ_EBODY see @a why
 */
apr_status_t llmq_lease_call_token(const char **ptoken, struct json_object *body,
                                   llmq_result_t *why);

/**
 * The member `result`. A task's may be anything; a message's is an object, or a string,
 * which is its content.
 * @param presult out: JSON text, NULL without the member; lives as long as @a p
 * @param body    an object
 * @param kind    of the job
 * @param why     out: REQUEST with the field
 * @param p       pool
 * @return APR_SUCCESS; LLMQ_EBODY see @a why
 */
apr_status_t llmq_lease_call_result(const char **presult, struct json_object *body,
                                    llmq_kind_e kind, llmq_result_t *why, apr_pool_t *p);

/**
 * May this be the name of a worker?
 * @param name what a caller says
 * @param why  out: REQUEST with the field worker_id
 * @return APR_SUCCESS; LLMQ_EBODY see @a why
 */
apr_status_t llmq_lease_call_worker(const char *name, llmq_result_t *why);

/**
 * Look at a job that a call is about.
 * @param pjob     out: as it is stored, whoever has it; may have been removed
 * @param premoved out: non-zero if so
 * @param r        the request
 * @param service  the service of this process
 * @param kind     of the job
 * @param id       the job
 * @return APR_SUCCESS; APR_NOTFOUND no such job of this tenant and kind; LLMQ_ESTORE
 */
apr_status_t llmq_lease_call_look(llmq_job_t **pjob, int *premoved, request_rec *r,
                                  const llmq_service_t *service, llmq_kind_e kind,
                                  const char *id);

/**
 * Answer that there is no such job.
 * @param r    the request
 * @param kind of the job
 * @param id   what was asked for
 * @return OK
 */
int llmq_lease_call_unknown(request_rec *r, llmq_kind_e kind, const char *id);

/**
 * Answer why a change was not accepted: 404, or 409 with STALE_LEASE, TASK_FINISHED or
 * `cancel`. If nobody wants the job any more, its place in the queue becomes free.
 * @param r       the request
 * @param service the service of this process
 * @param kind    of the job
 * @param id      the job
 * @param token   what the caller has; NULL: nothing
 * @return OK
 */
int llmq_lease_call_refuse(request_rec *r, const llmq_service_t *service,
                           llmq_kind_e kind, const char *id, const char *token);

#endif /* LLMQ_LEASE_CALL_H */
