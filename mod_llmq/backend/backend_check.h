/**
 * @file backend_check.h
 * Can a backend be reached from here, now? A connection is made, with TLS where the URL says
 * so, and closed again; nothing is sent. For operators: it blocks, needs no engine and
 * changes nothing that the dispatcher knows.
 */
#ifndef LLMQ_BACKEND_CHECK_H
#define LLMQ_BACKEND_CHECK_H

#include "backend/backend.h"

/**
 * Try to connect.
 * @param ptook   out: how long it took in microseconds; untouched unless APR_SUCCESS
 * @param preason out: why not, a sentence without addresses, static; untouched on success
 * @param conf    the backend; one of kind echo can always be reached
 * @return APR_SUCCESS; LLMQ_EBACKEND it cannot be reached; APR_ENOMEM
 * @threads any; blocks for the backend's connect_timeout at most (5 s where that is 0)
 */
apr_status_t llmq_backend_check(apr_interval_time_t *ptook, const char **preason,
                                const llmq_backend_conf_t *conf);

#endif /* LLMQ_BACKEND_CHECK_H */
