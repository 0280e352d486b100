/**
 * @file ears.h
 * Those who listen to completions, as the dispatcher speaks to them: its side of the relay
 * (llmq_dispatch_ears_t). Where there is no relay nobody listens.
 */
#ifndef LLMQ_EARS_H
#define LLMQ_EARS_H

#include "dispatch/attempt.h"

/**
 * Begin; the first call.
 * @param d    the dispatcher
 * @param left is called with @a d whenever somebody went away
 * @param p    pool, as long as the dispatcher
 * @return APR_SUCCESS; else as from the relay
 * @phase dispatcher; @threads single
 */
apr_status_t llmq_ears_open(llmq_dispatch_t *d, llmq_dispatch_left_fn_t *left,
                            apr_pool_t *p);

/**
 * @param d  the dispatcher
 * @param id of a job
 * @return as llmq_relay_listens(); APR_NOTFOUND: nobody
 * @threads any of the dispatcher
 */
apr_status_t llmq_ears_listens(llmq_dispatch_t *d, const char *id);

/**
 * @param d    the dispatcher
 * @param id   of a job
 * @param type LLMQ_RELAY_BEGUN, _PIECE or _LISTEN
 * @param data what is said
 * @param len  its bytes
 * @return as llmq_relay_send(); APR_NOTFOUND: nobody listens
 * @threads any of the dispatcher
 */
apr_status_t llmq_ears_send(llmq_dispatch_t *d, const char *id, llmq_relay_type_e type,
                            const char *data, apr_size_t len);

/**
 * @param d  the dispatcher
 * @param id of a job
 * @return non-zero while its listener is behind
 * @threads the engine's
 */
int llmq_ears_is_full(llmq_dispatch_t *d, const char *id);

/**
 * Say how a call has ended: the backend's answer, or its failure as OpenAI tells such.
 * @param a an attempt of a completion, its call ended
 * @threads whoever has the attempt
 */
void llmq_ears_end(const llmq_attempt_t *a);

/**
 * Say that a job has ended without a call.
 * @param d      the dispatcher
 * @param id     of the job
 * @param status of HTTP
 * @param error  what is told
 * @param p      scratch
 * @threads any of the dispatcher
 */
void llmq_ears_error(llmq_dispatch_t *d, const char *id, int status,
                     const llmq_completion_error_t *error, apr_pool_t *p);

/**
 * Whoever comes from now on goes to the next dispatcher.
 * @param d the dispatcher
 * @threads the first thread
 */
void llmq_ears_leave(llmq_dispatch_t *d);

/**
 * End; the last call.
 * @param d the dispatcher
 * @threads the first thread
 */
void llmq_ears_close(llmq_dispatch_t *d);

#endif /* LLMQ_EARS_H */
