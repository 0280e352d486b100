/**
 * @file store_job.h
 * Jobs in the store. Every change of state is conditional on the state and the attempt it
 * was decided upon, so a late writer changes nothing and hears so.
 * @threads any
 */
#ifndef LLMQ_STORE_JOB_H
#define LLMQ_STORE_JOB_H

#include "base/text.h"
#include "core/job.h"
#include "store/store.h"

/**
 * Append the row of a new job, as one element of the JSON array that
 * llmq_store_job_insert() takes. Pure.
 * @param t   where to
 * @param job the job; what it is accepted with is read, nothing of its progress
 */
void llmq_store_job_row(llmq_text_t *t, const llmq_job_t *job);

/**
 * Insert rows: one statement, one transaction. The rows belong to this node.
 * @param rows JSON array of llmq_store_job_row() elements
 * @return APR_SUCCESS all are durable; LLMQ_EROW at least one row is refused, none was
 *         stored; LLMQ_ESTORE unknown: the database went away
 * @threads any
 */
apr_status_t llmq_store_job_insert(llmq_store_t *store, const char *rows, apr_pool_t *p);

/**
 * Insert rows that are of no use to anybody once the database has crashed, as who waits for
 * them has gone by then: completions. The commit does not wait for the disk; all else sees
 * the rows, and no other crash than the database's or the machine's loses them.
 * @param rows JSON array of llmq_store_job_row() elements, of kinds without conversations
 * @return as llmq_store_job_insert(), but that APR_SUCCESS is not yet durable
 * @threads any
 */
apr_status_t llmq_store_job_insert_light(llmq_store_t *store, const char *rows,
                                         apr_pool_t *p);

/**
 * Load jobs for processing.
 * @param pjobs out: array of pointers, in the order of @a ids; NULL where the job is gone,
 *              removed or claimed from outside. One that is final already has its status:
 *              its dispatcher died between storing the outcome and telling the queue
 * @param ids   ids
 * @param n     their number
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_job_load(llmq_job_t ***pjobs, llmq_store_t *store,
                                 const char *const *ids, int n, apr_pool_t *p);

/** What an attempt has used (store/store_usage.h). */
typedef struct llmq_used_t {
    const char *model;     /* NULL: nothing is counted */
    int prompt_tokens;     /* -1 unknown */
    int completion_tokens; /* -1 unknown */
    apr_int64_t cost;      /* millionths of the money that prices are in */
} llmq_used_t;

/** What became of an attempt. */
typedef struct llmq_outcome_t {
    const char *id;
    int attempt;          /* the fence under which it ran */
    int next_attempt;     /* fence from now on; > attempt when it goes back to PENDING */
    llmq_status_e status; /* COMPLETED, FAILED, TIMEOUT, or PENDING for a retry;
                             PROCESSING writes the start of a long attempt */
    int retry_count;
    int dead_letter;
    apr_time_t started_at;
    apr_time_t finished_at; /* 0 unless final */
    apr_time_t run_at;      /* of a retry, else 0 */
    const char *result;     /* JSON object text or NULL */
    const char *error;      /* JSON object text or NULL */
    llmq_used_t used;
    int settles;  /* non-zero: who writes this settles what the job was charged with */
    int accepted; /* out: non-zero if the row was still ours and is changed */
} llmq_outcome_t;

/**
 * Write outcomes and what was used: one transaction. Accepted are rows that are PENDING or
 * PROCESSING, not removed, not claimed from outside, and at the same attempt.
 * @param outcomes in and out (accepted)
 * @param n        their number (> 0)
 * @return APR_SUCCESS; LLMQ_EROW one of them cannot be written, none was; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_job_finish(llmq_store_t *store, llmq_outcome_t *outcomes, int n,
                                   apr_pool_t *p);

/**
 * Take the fence away from whoever ran these jobs: attempt + 1 for each that is not final,
 * and back to PENDING.
 * @param ids ids
 * @param n   their number
 * @return APR_SUCCESS; LLMQ_ESTORE
 */
apr_status_t llmq_store_job_fence(llmq_store_t *store, const char *const *ids, int n,
                                  apr_pool_t *p);

/** The narrow row of unfinished work, for rebuilding the queue. */
typedef struct llmq_backlog_t {
    apr_int64_t seq;
    const char *id;
    const char *tenant;
    const char *chain; /* NULL if none */
    const char *user;
    apr_time_t created_at;
    apr_time_t run_at;
    int attempt;
    llmq_kind_e kind;
    llmq_level_e level;
    llmq_status_e status; /* PENDING or PROCESSING */
    apr_uint64_t fair_key;
    int weight;
    int key_cap;
    apr_time_t deadline;
    int parallel;
    const char *type;       /* of a task, else NULL */
    apr_time_t lease_until; /* a worker has it until then; 0: none */
    apr_time_t started_at;
} llmq_backlog_t;

/** A page of the walk over the backlog. */
typedef struct llmq_backlog_page_t {
    llmq_kind_e kind;  /* MESSAGE, or TASK: of which queue */
    apr_int64_t after; /* seq of the last row of the page before, 0 at first */
    int limit;         /* rows a page */
} llmq_backlog_page_t;

/**
 * Walk this node's unfinished jobs of a queue (PENDING and PROCESSING, without those claimed
 * from outside but for those under a lease) in the order of acceptance, a page at a time.
 * @param prows out: rows, in @a p
 * @param pn    out: their number; less than page->limit means the end
 * @param page  which page
 * @return APR_SUCCESS; LLMQ_ESTORE
 */
apr_status_t llmq_store_job_backlog(llmq_backlog_t **prows, int *pn, llmq_store_t *store,
                                    const llmq_backlog_page_t *page, apr_pool_t *p);

/** A tenant's final messages by level, for counters that outlive the queue's segment. */
typedef struct llmq_totals_t {
    const char *tenant;
    apr_uint64_t completed[LLMQ_LEVEL_COUNT];
    apr_uint64_t failed[LLMQ_LEVEL_COUNT]; /* FAILED and TIMEOUT */
} llmq_totals_t;

/**
 * Count this node's.
 * @param ptotals out: one record per tenant, in @a p
 * @param pn      out: their number
 * @param store   the store
 * @param p       pool of the records
 * @return APR_SUCCESS; LLMQ_ESTORE
 */
apr_status_t llmq_store_job_totals(llmq_totals_t **ptotals, int *pn, llmq_store_t *store,
                                   apr_pool_t *p);

/**
 * Read one job, whole.
 * @param pjob out
 * @return APR_SUCCESS; APR_NOTFOUND no such job of this tenant and kind (or removed);
 *         LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_job_find(llmq_job_t **pjob, llmq_store_t *store,
                                 const char *tenant, llmq_kind_e kind, const char *id,
                                 apr_pool_t *p);

typedef enum {
    LLMQ_SORT_CREATED = 0,
    LLMQ_SORT_UPDATED,
    LLMQ_SORT_LEVEL, /* ascending = most urgent first */
    LLMQ_SORT_COUNT
} llmq_sort_e;

/** A question to the list of jobs. NULL and 0 filters do not filter. */
typedef struct llmq_job_query_t {
    const char *tenant;
    llmq_kind_e kind;
    const char *chain;
    apr_int64_t since; /* with chain: the lowest seq */
    const char *user;
    int status; /* llmq_status_e, or -1 */
    llmq_level_e level;
    llmq_sort_e sort;
    int descending;
    int page;      /* >= 1 */
    int page_size; /* >= 1 */
} llmq_job_query_t;

/**
 * @param pjobs  out: array of the page's jobs, whole records
 * @param pn     out: their number
 * @param ptotal out: how many match in all
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_job_list(llmq_job_t **pjobs, int *pn, apr_int64_t *ptotal,
                                 llmq_store_t *store, const llmq_job_query_t *query,
                                 apr_pool_t *p);

/** A change of state asked for from outside. */
typedef struct llmq_job_change_t {
    const char *tenant;
    llmq_kind_e kind;
    const char *id;
    llmq_status_e from; /* the state the decision was made upon, as stored */
    int attempt;        /* the fence at that moment */
    llmq_status_e to;
    const char *owner;    /* CLAIM: who processes it ("" if unnamed); else NULL */
    const char *metadata; /* the merged metadata, JSON object text */
    const char *result;   /* JSON object text, or NULL to keep */
    apr_time_t now;
    int reset_retries; /* non-zero for a requeue: retry_count 0, run_at now */
} llmq_job_change_t;

/**
 * Apply it: raises the fence, sets updated_at, started_at (to PROCESSING), finished_at (to
 * a final state; cleared when leaving one).
 * @return APR_SUCCESS; LLMQ_ESTATE somebody was faster, look again; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_job_change(llmq_store_t *store, const llmq_job_change_t *change,
                                   apr_pool_t *p);

/**
 * Remove softly: nobody sees it any more, nothing runs it (the fence is raised).
 * @return APR_SUCCESS; APR_NOTFOUND; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_job_remove(llmq_store_t *store, const char *tenant,
                                   llmq_kind_e kind, const char *id, apr_time_t now,
                                   apr_pool_t *p);

#endif /* LLMQ_STORE_JOB_H */
