/**
 * @file run.h
 * Runs: an *agent* is asked to answer a message of a session, the run's *trigger*. A run is
 * a job of kind RUN under the same id, so that what holds for jobs (the fence, retries,
 * time-outs, the deaths of dispatchers) holds for it; what only runs have is here.
 *
 *               conflict rule "enqueue"          job begins … job ends
 *   (POST) ──► QUEUED ─────────────► RUNNING ─────────────────────────► DONE
 *      │          └── cancel ──────────┼──────► CANCELED                FAILED
 *      └────────────────────────────►──┘
 *
 * RUNNING counts from the moment a run is accepted, and a session has one such run at most.
 *
 * Who decides. The end of a run is the end of its job, which is written once, under the
 * fence. What the log of the session says of it (core/run_log.h) follows from the stored
 * end and is written under keys that exist only once; the last word of it and the run's own
 * row are one transaction. So a process may die between any two of these steps, and another
 * one goes on; and what the log tells as ended is ended for whoever asks.
 */
#ifndef LLMQ_RUN_H
#define LLMQ_RUN_H

#include "core/job.h"
#include "core/session.h"

/** Stored. Everything from DONE on is final. */
typedef enum {
    LLMQ_RUN_RUNNING = 0,
    LLMQ_RUN_QUEUED = 1, /* waits for the end of those before it; has no job yet */
    LLMQ_RUN_DONE = 2,
    LLMQ_RUN_FAILED = 3,
    LLMQ_RUN_CANCELED = 4,
    LLMQ_RUN_STATUS_COUNT
} llmq_run_status_e;

/** What a new run does to one of its session that is RUNNING. */
typedef enum {
    LLMQ_RUN_REUSE = 0, /* there is no new run: the caller is told of the other one */
    LLMQ_RUN_ENQUEUE,   /* the new one waits */
    LLMQ_RUN_REJECT,    /* there is no new run: a conflict */
    LLMQ_RUN_INTERRUPT, /* the other one is canceled */
    LLMQ_RUN_ROLLBACK,  /* and its trigger is no part of the context of later runs */
    LLMQ_RUN_CONFLICT_COUNT
} llmq_run_conflict_e;

#define LLMQ_RUN_RETRIES 3 /* of an agent of which nothing is known */

/** What others than the dispatcher must know of an agent. */
typedef struct llmq_run_agent_t {
    const char *name;
    int max_retries;
} llmq_run_agent_t;

/** What holds for new runs at a location; filled by cfg/. */
typedef struct llmq_run_conf_t {
    const char *agent; /* who does them */
    llmq_run_conflict_e conflict;
} llmq_run_conf_t;

/** A run; strings in the pool of whoever filled it. */
typedef struct llmq_run_t {
    const char *id; /* UUIDv7; of its job, too */
    const char *tenant;
    const char *session;
    const char *trigger; /* id of a message of the session */
    const char *agent;   /* name of the agent that does it */
    const char *user;    /* the session's owner, who takes turns with others; may be "" */
    llmq_run_status_e status;
    int told;                 /* non-zero: its end is in the log */
    int rolled_back;          /* non-zero: its trigger is no context */
    int attempts;             /* that were begun */
    const char *error;        /* a sentence; NULL: none */
    apr_int64_t latency_msec; /* of the last attempt; -1: none was begun */
    apr_time_t created_at;
    apr_time_t finished_at; /* 0: not yet */
    const char *terms;      /* what its job counts on (core/run_terms.h); NULL: nothing */
} llmq_run_t;

/** How a run ended, as its job tells. */
typedef struct llmq_run_end_t {
    llmq_run_status_e status; /* DONE, FAILED or CANCELED */
    const char *content;      /* of DONE: the answer, or NULL */
    const char *payload; /* of DONE: what the agent adds, JSON object text, or NULL */
    const char *error;   /* of FAILED: a sentence */
    const char *raw;     /* of FAILED: what was seen of it, or NULL */
    int retryable;       /* of FAILED: another run may succeed; -1: unknown */
    int http_status;     /* of FAILED: what the agent answered; 0: nothing */
    int rolled_back;     /* of CANCELED */
    int attempts;
    apr_int64_t latency_msec; /* -1: no attempt was begun */
    apr_time_t finished_at;
} llmq_run_end_t;

/**
 * @param status a status
 * @return S4's word ("RUNNING"…); "QUEUED" is ours; static
 * @threads any
 */
const char *llmq_run_status_name(llmq_run_status_e status);

/**
 * @param status a status
 * @return non-zero if nothing can follow
 * @threads any
 */
int llmq_run_is_final(llmq_run_status_e status);

/**
 * @param pconflict out; untouched unless APR_SUCCESS
 * @param word      LangGraph's word, case-sensitive; "reuse" is ours
 * @return APR_SUCCESS; APR_EINVAL unknown
 * @threads any
 */
apr_status_t llmq_run_conflict_parse(llmq_run_conflict_e *pconflict, const char *word);

/**
 * @param m a message
 * @return non-zero if an agent can answer it: a user's prompt with content
 * @threads any
 */
int llmq_run_is_trigger(const llmq_session_message_t *m);

/**
 * What stands for a type of tasks in the jobs of an agent's runs, so that each agent has a
 * lane of its own in the queue of tasks. No type of tasks can have such a name.
 * @param agent name of the agent
 * @param p     pool of the text
 * @return the type
 * @threads any
 */
const char *llmq_run_type(const char *agent, apr_pool_t *p);

/**
 * Make the job of a run.
 * @param job         out; strings of @a run and of @a p
 * @param run         the run
 * @param max_retries how often a failed attempt is tried again, >= 0
 * @param now         the present
 * @param p           pool
 * @threads any
 */
void llmq_run_job(llmq_job_t *job, const llmq_run_t *run, int max_retries, apr_time_t now,
                  apr_pool_t *p);

/**
 * What a run's job tells of the run: id, tenant, session, trigger, agent and user.
 * @param run out
 * @param job of kind RUN
 * @param p   pool
 * @return APR_SUCCESS; APR_EGENERAL: not made by llmq_run_job()
 * @threads any
 */
apr_status_t llmq_run_of_job(llmq_run_t *run, const llmq_job_t *job, apr_pool_t *p);

/**
 * Of an agent over HTTP any JSON object comes through; is it an answer?
 * @param result JSON object text
 * @param p      scratch
 * @return non-zero if it has content, or a payload
 * @threads any
 */
int llmq_run_is_answer(const char *result, apr_pool_t *p);

/**
 * How a run ended.
 * @param end out; strings in @a p
 * @param job final: status, result, error, retry_count, started_at, finished_at are read
 * @param p   pool
 * @threads any
 */
void llmq_run_end_of_job(llmq_run_end_t *end, const llmq_job_t *job, apr_pool_t *p);

/**
 * A run as GET shows it.
 * @param t   where to
 * @param run the run
 * @threads any
 */
void llmq_run_write(llmq_text_t *t, const llmq_run_t *run);

#endif /* LLMQ_RUN_H */
