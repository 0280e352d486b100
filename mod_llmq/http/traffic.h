/**
 * @file traffic.h
 * Requests to our mounts, counted in memory that all children share, and rates: of those
 * and of what the machine does. A rate needs two readings: every few seconds whoever comes
 * by leaves one in a ring, and who asks compares the present with the last that is at least
 * a second old.
 * @threads any; lock-free
 */
#ifndef LLMQ_TRAFFIC_H
#define LLMQ_TRAFFIC_H

#include "base/histogram.h"

#include <httpd.h>

#define LLMQ_TRAFFIC_CLASSES 6 /* by the first digit of the status; 0: other numbers */

typedef struct llmq_traffic_t {
    apr_uint64_t requests[LLMQ_TRAFFIC_CLASSES]; /* since the server was started */
    llmq_octaves_t durations;                    /* from the request's first line on */
    /* Between the last reading and now: */
    double requests_per_second;
    double error_rate; /* share of 5xx; since the start if there was none */
    apr_interval_time_t mean_duration; /* likewise */
    double cpu_percent;                /* of all processors */
    double net_in;                     /* bytes per second */
    double net_out;
    apr_uint64_t net_in_total; /* bytes since the machine was started */
    apr_uint64_t net_out_total;
} llmq_traffic_t;

/**
 * @return bytes of the shared memory
 */
apr_size_t llmq_traffic_size(void);

/**
 * Count in this memory from now on; leaves the first reading in it.
 * @param area zeroed, or what a generation before counted in
 * @phase post_config; @threads single
 */
void llmq_traffic_attach(void *area);

/**
 * Count a request if it was for us.
 * @param r the request
 * @return OK for ours, DECLINED
 * @phase log_transaction
 */
int llmq_traffic_log(request_rec *r);

/**
 * @param traffic out
 */
void llmq_traffic_read(llmq_traffic_t *traffic);

#endif /* LLMQ_TRAFFIC_H */
