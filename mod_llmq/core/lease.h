/**
 * @file lease.h
 * What becomes of a job that a worker outside had. Decisions only: store/store_lease.h
 * makes them durable, http/api_lease.c and dispatch/lease_keeper.c carry them out.
 *
 * Terms. A *delivery* is one time that a job was given to a worker; a *lease* is how long
 * the worker has it without saying anything. The *token* proves that a call comes from
 * whoever has the lease. A lease is *implicit* when nobody asked for it: a client that knows
 * only S3 reports progress of a task, and so becomes its worker; the task's time-out is
 * then how long it may be silent.
 *
 *            claim                complete
 *   PENDING ───────► PROCESSING ───────────► COMPLETED
 *      ▲                 │ │ └─ fail, time-out, too many deliveries ─► FAILED (dead letter)
 *      └── release, end ─┘ └─ fail or time-out with retries left ─► PENDING, after a delay
 *          of the lease
 *
 * A delivery that ends without a word is not a retry: the worker may have died of anything.
 * But a job that workers die of must not go round for ever: after max_deliveries that were
 * not failures it is a dead letter.
 */
#ifndef LLMQ_LEASE_H
#define LLMQ_LEASE_H

#include "core/retry.h"

/** Settings of the whole server; filled by cfg/. */
typedef struct llmq_lease_conf_t {
    int max_deliveries;      /* deliveries that may end without a word, > 0 */
    llmq_retry_conf_t retry; /* delays after failures */
} llmq_lease_conf_t;

/** How a delivery ends. */
typedef enum {
    LLMQ_LEASE_RELEASED, /* the worker gives it back unharmed */
    LLMQ_LEASE_FAILED,   /* the worker has failed */
    LLMQ_LEASE_EXPIRED,  /* nothing was heard in time */
    LLMQ_LEASE_TIMED_OUT /* the worker had it for longer than the task allows */
} llmq_lease_end_e;

/** An end of a delivery. */
typedef struct llmq_lease_end_t {
    llmq_lease_end_e how;
    int final; /* of FAILED: no retry helps */
    apr_interval_time_t
        retry_after; /* of FAILED: what the worker asks for, 0 = nothing */
} llmq_lease_end_t;

/** What becomes of the job. */
typedef struct llmq_lease_verdict_t {
    llmq_status_e status; /* PENDING or FAILED */
    apr_time_t run_at;    /* when PENDING: not before this */
    int retry_count;      /* from now on */
    int deliveries;       /* from now on */
    int poison;           /* FAILED, because too many deliveries ended without a word */
} llmq_lease_verdict_t;

/**
 * @param verdict out
 * @param conf    settings
 * @param end     how the delivery ended
 * @param job     retry_count, max_retries and deliveries are read
 * @param now     the present
 * @param chance  a random number, for the jitter of delays
 * @threads any
 */
void llmq_lease_decide(llmq_lease_verdict_t *verdict, const llmq_lease_conf_t *conf,
                       const llmq_lease_end_t *end, const llmq_job_t *job, apr_time_t now,
                       unsigned int chance);

/**
 * How has a lease ended that nobody has renewed?
 * @param job a job whose lease_until has passed
 * @param now the present
 * @return EXPIRED; TIMED_OUT if the worker had all the time there is
 * @threads any
 */
llmq_lease_end_e llmq_lease_silence(const llmq_job_t *job, apr_time_t now);

/**
 * Until when does a lease reach that is given or renewed now? A task's never reaches beyond
 * the time-out of its attempt, except that an implicit one starts that time anew.
 * @param job   kind, started_at, timeout and lease_token are read
 * @param lease how long, > 0
 * @param now   the present
 * @return the moment; at or before @a now if the time is over
 * @threads any
 */
apr_time_t llmq_lease_until(const llmq_job_t *job, apr_interval_time_t lease,
                            apr_time_t now);

#define LLMQ_LEASE_TOKEN_MAX 40 /* bytes of a token, without the final NUL */

/**
 * Make a token of 128 random bits, in base 32 behind a prefix.
 * @param implicit non-zero: of a lease that nobody asked for; such a token is told to nobody
 * @param p        pool of the token
 * @return the token; NULL: there is no chance to be had
 * @threads any
 */
const char *llmq_lease_token(int implicit, apr_pool_t *p);

/**
 * @param token a token, or NULL
 * @return non-zero if it is that of an implicit lease
 * @threads any
 */
int llmq_lease_is_implicit(const char *token);

/**
 * @param job a job
 * @return non-zero if a worker has it under a lease, ended or not
 * @threads any
 */
int llmq_lease_is_held(const llmq_job_t *job);

#endif /* LLMQ_LEASE_H */
