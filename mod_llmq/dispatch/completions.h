/**
 * @file completions.h
 * Completions (core/completion.h) in the dispatcher: what a backend is asked, how its answer
 * gets to whoever listens, and who goes away. How such a job ends is in completions_end.h.
 *
 *   taken ─► does anybody listen? ─► BEGUN ─► call ─► PIECE … ─► END ─► the row ends
 *              │ not yet: back for a moment       │
 *              │ no                               └─ failed, nothing was passed on,
 *              └──────► CANCELED                     somebody listens: tried again
 *
 * Who goes away ends its job at once, wherever that is: in the queue, or in a call, which is
 * aborted.
 */
#ifndef LLMQ_COMPLETIONS_H
#define LLMQ_COMPLETIONS_H

#include "dispatch/way.h"

/**
 * Hear of listeners from now on.
 * @param d the dispatcher, its threads' things made
 * @param p pool, as long as the dispatcher
 * @return APR_SUCCESS; else as from the relay
 * @phase dispatcher; @threads single
 */
apr_status_t llmq_completions_open(llmq_dispatch_t *d, apr_pool_t *p);

/**
 * May a completion that was taken be begun? If not, it has been given back or ended.
 * @param d     the dispatcher
 * @param entry as taken
 * @param what  as loaded; out: its model
 * @return non-zero if it may; 0: it is not ours any more
 * @threads the drain thread
 */
int llmq_completions_admit(llmq_dispatch_t *d, const llmq_entry_t *entry,
                           llmq_loaded_t *what);

/**
 * Fill the call of an attempt that has a place.
 * @param a    the attempt
 * @param what as it was admitted
 * @return APR_SUCCESS
 * @threads the drain thread
 */
apr_status_t llmq_completions_request(llmq_attempt_t *a, const llmq_loaded_t *what);

/**
 * Say that an attempt begins. Comes after it was launched, so that from now on nobody leaves
 * unnoticed.
 * @param a the attempt
 * @return non-zero if its call is to be started; 0: nobody listens, and it is not ours any
 *         more
 * @threads the drain thread
 */
int llmq_completions_begin(llmq_attempt_t *a);

/**
 * Nobody listens to a job any more: end it.
 * @param dispatch the dispatcher
 * @param id       of the job, of this server or of another
 * @threads any but the dispatcher's own
 */
void llmq_completions_left(void *dispatch, const char *id);

#endif /* LLMQ_COMPLETIONS_H */
