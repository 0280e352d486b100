/**
 * @file job.h
 * The job record as it travels between the layers, and the states it moves through.
 *
 *            put            take                result
 *   (POST) ───────► PENDING ─────► PROCESSING ─────────► COMPLETED
 *                     ▲  ▲             │ │ └───────────► FAILED ──┐ requeue
 *                     │  └─────────────┘ └─────────────► TIMEOUT ─┤
 *                     │  release, retry with back-off             │
 *                     └───────────────────────────────────────────┘
 *
 * A task may be canceled besides, from PENDING or PROCESSING; that is final.
 *
 * Times of a job: created_at accepted; run_at not before this (back-off, delays);
 * started_at the present or last attempt began; finished_at it became final; updated_at
 * the last of any change. All are microseconds since 1970, 0 is "not yet".
 */
#ifndef LLMQ_JOB_H
#define LLMQ_JOB_H

#include "llmq.h"

#include <apr_pools.h>
#include <apr_time.h>

/** All strings are NUL-terminated UTF-8 and live in the pool of whoever filled the record. */
typedef struct llmq_job_t {
    apr_int64_t seq; /* order of acceptance, given by the store; 0 before */
    const char *id;
    const char *tenant;
    const char *node;  /* who drains it */
    const char *owner; /* outside processor that claimed it, NULL when ours */
    const char *chain; /* conversation id, NULL if none */
    const char *user;  /* user id, also the fairness key by default */
    const char *payload;
    apr_size_t payload_len; /* bytes */
    const char *metadata;   /* JSON object text, never NULL once stored */
    const char *result;     /* JSON object text or NULL */
    const char *error;      /* problem name and sentence of the last failure, or NULL */
    apr_time_t created_at;
    apr_time_t updated_at;
    apr_time_t run_at;
    apr_time_t started_at;
    apr_time_t finished_at;
    apr_interval_time_t timeout; /* longest time of one attempt */
    int attempt;                 /* the fence */
    int retry_count;
    int max_retries;
    llmq_kind_e kind;
    llmq_level_e level;
    llmq_status_e status;
    int dead_letter; /* non-zero: final and given up on */
    /* How it takes turns. */
    apr_uint64_t fair_key; /* hash of tenant and fairness key; 0: the user is the key */
    int weight;            /* turns of its key beside others, 1 to 1000; 0 counts as 1 */
    int key_cap;           /* most of its key that run at once in its level, 0 = no cap */
    apr_time_t deadline;   /* to be begun before this, 0 = none */
    int parallel;          /* non-zero: need not wait for its conversation */
    int alone;             /* non-zero: its conversation was made for it; not stored */
    apr_time_t expires_at; /* keeps its conversation, 0 = for ever; only written */
    /* What it counts on. */
    const char *charges; /* llmq_charge_format(): what is to be settled; NULL: nothing */
    const char *booked;  /* the same, with what needs no settling; not stored */
    apr_uint64_t gauge;  /* whose unfinished jobs are counted; 0: nobody's */
    apr_time_t gauge_since; /* core/coming.h, until it is committed; not stored */
    const char *api_key; /* id of the key that it came with; NULL: none; only written */
    /* Of tasks, and of what outside workers do. */
    const char *type;        /* the task's type; NULL for a message */
    const char *note;        /* what the worker says of its progress; NULL: nothing */
    const char *lease_token; /* who holds it may say what becomes of it; NULL: nobody */
    const char *callback;    /* JSON array of URLs that hear of its end; NULL: none */
    apr_time_t lease_until;  /* end of the lease, 0 = none */
    int progress;            /* percent */
    int deliveries;          /* how often a worker was given it */
} llmq_job_t;

/** A state change somebody asks for from outside (PUT …/status). */
typedef enum {
    LLMQ_MOVE_REFUSED = 0, /* not a legal transition */
    LLMQ_MOVE_SAME,        /* already there: nothing to do, answer as if done */
    LLMQ_MOVE_CLAIM,       /* pending → processing */
    LLMQ_MOVE_RELEASE,     /* processing → pending */
    LLMQ_MOVE_FINISH,      /* → completed, failed or timeout */
    LLMQ_MOVE_REQUEUE      /* failed, timeout → pending */
} llmq_move_e;

/**
 * The transition table of the contract (section 8, S0).
 * @param from the present state
 * @param to   the wanted one
 * @return what kind of move it is
 * @threads any
 */
llmq_move_e llmq_job_move(llmq_status_e from, llmq_status_e to);

/**
 * Ids tell what they name: those of tasks look like UUIDs.
 * @param id an id, or something else that a caller sent
 * @return the only kind that it may be of; MESSAGE for what is no id at all
 * @threads any
 */
llmq_kind_e llmq_job_kind_of(const char *id);

/**
 * @param kind of a job
 * @return which of the two queues holds it: MESSAGE or TASK
 * @threads any
 */
llmq_kind_e llmq_job_line(llmq_kind_e kind);

/**
 * @param status a state
 * @return non-zero if nothing but a requeue can follow
 * @threads any
 */
int llmq_job_is_final(llmq_status_e status);

/**
 * @param status a state
 * @return S0's word for it ("pending" …); static
 * @threads any
 */
const char *llmq_job_status_name(llmq_status_e status);

/**
 * @param pstatus out: the state of S0's word; untouched unless APR_SUCCESS
 * @param word    the word, case-sensitive
 * @return APR_SUCCESS; APR_EINVAL unknown
 * @threads any
 */
apr_status_t llmq_job_status_parse(llmq_status_e *pstatus, const char *word);

#endif /* LLMQ_JOB_H */
