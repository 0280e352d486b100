/**
 * @file stream_loop.h
 * The thread behind base/stream.h. Private to base/stream*.c.
 */
#ifndef LLMQ_STREAM_LOOP_H
#define LLMQ_STREAM_LOOP_H

#include "base/stream_record.h"

#include <apr_thread_proc.h>

/**
 * The thread.
 * @param thread itself
 * @param data   the llmq_streams_t
 * @return NULL, when it was told to stop and all is closed
 * @threads single
 */
void *APR_THREAD_FUNC llmq_stream_loop_run(apr_thread_t *thread, void *data);

/**
 * @param all the streams
 * @return non-zero if the caller is their thread
 * @threads any
 */
int llmq_stream_loop_is_here(const llmq_streams_t *all);

/**
 * Readiness of the wake-up.
 * @param source the streams'
 * @param events of epoll
 * @threads the streams' own
 */
void llmq_stream_loop_wakes(llmq_stream_source_t *source, apr_uint32_t events);

#endif /* LLMQ_STREAM_LOOP_H */
