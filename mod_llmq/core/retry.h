/**
 * @file retry.h
 * The only place that decides whether a failed attempt is tried again, and when.
 * Exponential back-off with "equal jitter" (half fixed, half random; M. Brooker,
 * "Exponential Backoff and Jitter", AWS Architecture Blog, 2015): base × 2^n, at most max.
 * A backend's Retry-After is a lower bound, a day at most; it keeps the job from that
 * backend only: where another can be used, the job goes there without any delay.
 */
#ifndef LLMQ_RETRY_H
#define LLMQ_RETRY_H

#include "core/job.h"

/** Settings; filled by cfg/. */
typedef struct llmq_retry_conf_t {
    apr_interval_time_t base; /* first delay, > 0 */
    apr_interval_time_t max;  /* longest delay, >= base */
} llmq_retry_conf_t;

/** How an attempt failed. */
typedef enum {
    LLMQ_FAILURE_UNREACHABLE, /* no connection could be made: the call was never sent */
    LLMQ_FAILURE_CONNECT,     /* the connection broke before the first byte */
    LLMQ_FAILURE_TIMEOUT,     /* first token or total time-out */
    LLMQ_FAILURE_STATUS,      /* an HTTP status above 399 */
    LLMQ_FAILURE_PROTOCOL,    /* 3xx, or 2xx whose body makes no sense or broke off */
    LLMQ_FAILURE_REQUEST      /* our own request could not be built: final */
} llmq_failure_e;

typedef struct llmq_failure_t {
    llmq_failure_e kind;
    int http_status;                 /* of STATUS and PROTOCOL, 0: there was none */
    apr_interval_time_t retry_after; /* what the backend asked for, 0 = nothing */
    int ours;      /* we ended the call ourselves: it says nothing about the backend */
    int elsewhere; /* with retry_after: another backend can take the job at once */
} llmq_failure_t;

typedef struct llmq_verdict_t {
    llmq_status_e status; /* PENDING: again at run_at; FAILED or TIMEOUT: given up */
    apr_time_t run_at;    /* when PENDING */
    int counts;           /* non-zero: one of max_retries is used up */
} llmq_verdict_t;

/**
 * @param failure how an attempt failed
 * @return non-zero if the same would fail again
 * @threads any
 */
int llmq_retry_is_final(const llmq_failure_t *failure);

/**
 * Decide after a failed attempt. 4xx other than 408, 409, 425 and 429 are final, as is
 * LLMQ_FAILURE_REQUEST; everything else is tried until retry_count reaches max_retries.
 * An unreachable backend says nothing about the job: it is ready again at once, however
 * often that happens, and waits until a backend can be reached (backend/endpoint).
 * Given up after a time-out is TIMEOUT, otherwise FAILED.
 * @param verdict out: what becomes of the job
 * @param conf    delays
 * @param failure how the attempt failed
 * @param job     retry_count and max_retries are read
 * @param now     the present
 * @param chance  a random number; its low 16 bits are the jitter
 * @threads any
 */
void llmq_retry_decide(llmq_verdict_t *verdict, const llmq_retry_conf_t *conf,
                       const llmq_failure_t *failure, const llmq_job_t *job,
                       apr_time_t now, unsigned int chance);

/** Notices (webhooks): how often, and how long between. */
typedef struct llmq_retry_notice_t {
    llmq_retry_conf_t delay;
    int max; /* tries after the first */
} llmq_retry_notice_t;

/**
 * Decide after a notice could not be delivered. A receiver is told again whatever it
 * answered, since what is wrong with it will be mended; only 410 (Gone), a URL that cannot
 * be used and an address that is not allowed end it at once.
 * @param verdict out: PENDING: again at run_at; FAILED: given up
 * @param conf    how often
 * @param failure how the try failed
 * @param tries   how many have failed, this one included
 * @param now     the present
 * @param chance  as llmq_retry_decide()
 * @threads any
 */
void llmq_retry_notice(llmq_verdict_t *verdict, const llmq_retry_notice_t *conf,
                       const llmq_failure_t *failure, int tries, apr_time_t now,
                       unsigned int chance);

#endif /* LLMQ_RETRY_H */
