/**
 * @file dead_call.h
 * What the calls about dead letters have in common: the filters that choose some, the way
 * to a single one, and the answer of those that do something with many.
 * @threads request
 */
#ifndef LLMQ_DEAD_CALL_H
#define LLMQ_DEAD_CALL_H

#include "base/result.h"
#include "http/service.h"
#include "store/store_dead.h"

#include <apr_tables.h>
#include <httpd.h>

#define LLMQ_DEAD_CALL_PAGE 500   /* jobs of one step of a call about many */
#define LLMQ_DEAD_CALL_MOST 10000 /* jobs of one call about many */

/** The parameters that llmq_dead_call_filters() reads, for lists of the known ones. */
#define LLMQ_DEAD_CALL_FILTERS                                                           \
    "kind", "priority", "since", "error", "user_id", "conversation_id", "kb_id",         \
        "task_type"

/** What a call of these says. */
typedef struct llmq_dead_call_t {
    llmq_dead_query_t query; /* which ones; its strings live as long as the request */
    apr_table_t *params;     /* as llmq_query_parse() gave them */
    int rate;                /* how many a second come back; only of requeue-all */
} llmq_dead_call_t;

/** What a call about many has done so far. */
typedef struct llmq_dead_sum_t {
    apr_int64_t done;
    apr_int64_t total; /* that matched when it began */
    apr_time_t last;   /* when the last one may run; 0 nothing to tell */
} llmq_dead_sum_t;

/**
 * Read the parameters of the query string; none but the known ones are accepted.
 * @param call  out: params
 * @param r     the request
 * @param known names, ended by NULL
 * @param why   out: REQUEST with the field
 * @return APR_SUCCESS; LLMQ_EBODY
 */
apr_status_t llmq_dead_call_params(llmq_dead_call_t *call, request_rec *r,
                                   const char *const *known, llmq_result_t *why);

/**
 * Read the body, if there is one: it may say the same as the query string, and its members
 * win.
 * @param call  in, out: params
 * @param r     the request
 * @param known names, ended by NULL
 * @param why   out: REQUEST with the field
 * @return APR_SUCCESS; LLMQ_EBODY
 */
apr_status_t llmq_dead_call_body(llmq_dead_call_t *call, request_rec *r,
                                 const char *const *known, llmq_result_t *why);

/**
 * Which dead letters of the request's tenant the parameters choose.
 * @param call in: params; out: query
 * @param r    the request
 * @param why  out: REQUEST or PRIORITY with the field
 * @return APR_SUCCESS; LLMQ_EBODY
 */
apr_status_t llmq_dead_call_filters(llmq_dead_call_t *call, request_rec *r,
                                    llmq_result_t *why);

/**
 * The dead letter of an id.
 * @param preply  out: what to return if there is none; the answer is sent then
 * @param r       the request
 * @param service the service of this process
 * @param id      of the path
 * @return the job, in the request's pool; NULL: see @a preply
 */
llmq_job_t *llmq_dead_call_find(int *preply, request_rec *r,
                                const llmq_service_t *service, const char *id);

/**
 * Answer that there is no such message or task.
 * @param r  the request
 * @param id what was asked for
 * @return what the handler returns
 */
int llmq_dead_call_unknown(request_rec *r, const char *id);

/**
 * Answer that somebody else was faster.
 * @param r the request
 * @return what the handler returns
 */
int llmq_dead_call_no_longer(request_rec *r);

/**
 * Answer what was done with many.
 * @param r       the request
 * @param done    name of the count: "requeued" or "deleted"
 * @param message of the answer
 * @param sum     what was done
 * @param rate    a second, 0: none to tell
 * @return what the handler returns
 */
int llmq_dead_call_sum(request_rec *r, const char *done, const char *message,
                       const llmq_dead_sum_t *sum, int rate);

#endif /* LLMQ_DEAD_CALL_H */
