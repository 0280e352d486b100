/**
 * @file outlet_way.h
 * Behind http/outlet.h: what the ways of writing an outlet have in common. Private to
 * http/outlet*.c.
 *
 * A way is a constant of functions, its outlets are records that begin with llmq_outlet_t.
 * A record is held by its owner until llmq_outlet_end() and by its handler until
 * llmq_outlet_stay(); a way adds a holder if it needs it for longer.
 */
#ifndef LLMQ_OUTLET_WAY_H
#define LLMQ_OUTLET_WAY_H

#include "http/outlet.h"

#include <stdatomic.h>

typedef struct llmq_outlet_way_t {
    const char *name;

    /**
     * @param r       the request; its handler is about to answer
     * @param service the service of this process
     * @return non-zero if open() may be called
     * @threads request
     */
    int (*fits)(request_rec *r, const llmq_service_t *service);

    /**
     * As llmq_outlet_open(). A place for events (base/stream.h) has been taken: after
     * APR_SUCCESS it is the way's, which gives it back when the outlet is over. One whose
     * base/stream.h stream has it leaves that to the stream.
     * APR_ENOTIMPL: nothing was sent, the next way is tried.
     */
    apr_status_t (*open)(llmq_outlet_t **po, request_rec *r,
                         const llmq_service_t *service, const llmq_outlet_conf_t *conf);

    /** As llmq_outlet_send(). */
    apr_status_t (*send)(llmq_outlet_t *o, llmq_frame_t *frame);

    /** As llmq_outlet_pending(). */
    apr_size_t (*pending)(llmq_outlet_t *o);

    /** The owner lets go; its hold is dropped by the caller afterwards. */
    void (*end)(llmq_outlet_t *o);

    /** As llmq_outlet_stay(); the handler's hold is dropped by the caller afterwards. */
    int (*stay)(llmq_outlet_t *o);

    /** Before the record is freed; NULL: nothing to do. */
    void (*destroy)(llmq_outlet_t *o);
} llmq_outlet_way_t;

/** First member of each way's record. */
struct llmq_outlet_t {
    const llmq_outlet_way_t *way;
    _Atomic(int) holders;
};

extern const llmq_outlet_way_t llmq_outlet_detached;
extern const llmq_outlet_way_t llmq_outlet_held;

/**
 * @param size bytes of the record
 * @param way  its way
 * @return zeroed, held by its owner and its handler; NULL: no memory
 * @threads any
 */
llmq_outlet_t *llmq_outlet_way_make(apr_size_t size, const llmq_outlet_way_t *way);

/**
 * Drop a hold; the last one frees the record.
 * @param o the outlet
 * @threads any
 */
void llmq_outlet_way_let(llmq_outlet_t *o);

#endif /* LLMQ_OUTLET_WAY_H */
