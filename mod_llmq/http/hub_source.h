/**
 * @file hub_source.h
 * Where the entries of event streams come from: for each kind of thing how it is read, and
 * how its entries look. Private to http/hub*.c.
 */
#ifndef LLMQ_HUB_SOURCE_H
#define LLMQ_HUB_SOURCE_H

#include "bus/bus.h"
#include "core/audience_page.h"
#include "http/service.h"

/** A question to many things at once. */
typedef struct llmq_hub_mark_t {
    llmq_subject_t *subject;
    apr_int64_t seq; /* in: known so far; out: where it is now */
} llmq_hub_mark_t;

typedef struct llmq_hub_source_t {
    /**
     * Read what follows a cursor.
     * @param page    out: begun with the cursor; its news and pieces
     * @param service the service of this process
     * @param s       what to read, pinned
     * @param what    how much
     * @param p       pool
     * @return APR_SUCCESS; LLMQ_ESTORE
     * @threads the hub's
     */
    apr_status_t (*read)(llmq_audience_page_t *page, const llmq_service_t *service,
                         const llmq_subject_t *s, const llmq_audience_read_t *what,
                         apr_pool_t *p);
    /**
     * Which have grown? One statement.
     * @param marks   in/out: those that have grown come first
     * @param pn      in/out: their number
     * @param service the service of this process
     * @param p       scratch
     * @return APR_SUCCESS; LLMQ_ESTORE
     * @threads the hub's
     */
    apr_status_t (*grown)(llmq_hub_mark_t *marks, int *pn, const llmq_service_t *service,
                          apr_pool_t *p);
    int numbered; /* non-zero: whatever happens to the thing has a number */
} llmq_hub_source_t;

/**
 * @param what a kind of thing
 * @return its source
 * @threads any
 */
const llmq_hub_source_t *llmq_hub_source_of(int what);

/* hub_source.c */
extern const llmq_hub_source_t llmq_hub_source_session;

/* hub_job.c */
extern const llmq_hub_source_t llmq_hub_job_message;
extern const llmq_hub_source_t llmq_hub_job_conversation;
extern const llmq_hub_source_t llmq_hub_job_task;
extern const llmq_hub_source_t llmq_hub_job_debug;

#endif /* LLMQ_HUB_SOURCE_H */
