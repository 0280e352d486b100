/**
 * @file lifesign.h
 * Does the dispatcher live? One that ends is back within a moment; who waits for messages is
 * told only when it stays away, or dies again and again.
 */
#ifndef LLMQ_LIFESIGN_H
#define LLMQ_LIFESIGN_H

#include "core/job.h"
#include "http/service.h"

/** What one watcher has seen; zeroed before the first look. */
typedef struct llmq_lifesign_t {
    int begun;
    apr_uint32_t deaths;   /* seen so far */
    apr_time_t dead_since; /* 0: it lives well */
    apr_time_t dead_at;    /* when it was last seen dead, or another one */
} llmq_lifesign_t;

/**
 * Look; to be called at least once a second.
 * @param sign    what was seen so far
 * @param service the service of this process
 * @param now     the present
 * @return non-zero if it should run here and has been dead for seconds
 * @threads one at a time
 */
int llmq_lifesign_is_missing(llmq_lifesign_t *sign, const llmq_service_t *service,
                             apr_time_t now);

/**
 * Tasks are done by workers, and runs go on by themselves, whoever else lives.
 * @param kind of a job
 * @return non-zero if it stands still while there is no dispatcher
 * @threads any
 */
int llmq_lifesign_matters(llmq_kind_e kind);

#endif /* LLMQ_LIFESIGN_H */
