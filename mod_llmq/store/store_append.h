/**
 * @file store_append.h
 * Appending to the logs of sessions. Several appends, of any sessions, make one transaction:
 *
 *   1. the sessions' rows are locked, in the order of their ids, so that two transactions
 *      never wait for one another in a circle;
 *   2. what was appended under the same dedupe keys and what they reply to is looked up,
 *      after the locks are held, so that nobody can come in between;
 *   3. each append gets its outcome; the accepted ones get the next numbers of their sessions in
 *      the order of the appends;
 *   4. one statement inserts the messages, one brings the sessions up to date.
 *
 * So the numbers have neither gaps nor doubles, whoever appends at the same time.
 */
#ifndef LLMQ_STORE_APPEND_H
#define LLMQ_STORE_APPEND_H

#include "core/session.h"
#include "store/store_commit.h"
#include "store/store_sql.h"

/** What became of an append. */
typedef enum {
    LLMQ_APPEND_NONE = 0, /* not tried yet */
    LLMQ_APPEND_STORED,   /* seq is its number */
    LLMQ_APPEND_DUPLICATE, /* its dedupe key was there: nothing stored, seq is that one's */
    LLMQ_APPEND_NO_SESSION, /* no such session of this tenant and owner */
    LLMQ_APPEND_LOCKED,     /* the gate, see llmq_session_admits() */
    LLMQ_APPEND_CLOSED,     /* likewise */
    LLMQ_APPEND_NO_REPLY_TO /* the message that it replies to is not in the session */
} llmq_append_e;

/** One append. */
typedef struct llmq_append_t {
    llmq_session_message_t message; /* seq is filled in once it is STORED */
    const char *tenant;
    const char *owner;     /* whose session it must be; NULL: anybody's of the tenant */
    int force;             /* non-zero: the server's own word, the gate is open to it */
    llmq_append_e outcome; /* out */
    apr_int64_t seq;       /* out */
} llmq_append_t;

/**
 * Append; all in one transaction.
 * @param appends in/out: see llmq_append_t
 * @param n       their number
 * @param store   where to
 * @param p       scratch
 * @return APR_SUCCESS: each has its outcome; LLMQ_EROW a row is refused, nothing was
 *         written; LLMQ_ESTORE the database is away
 * @threads any; the store's
 */
apr_status_t llmq_store_append(llmq_append_t *appends, int n, llmq_store_t *store,
                               apr_pool_t *p);

/**
 * The same, and at the end of the transaction one more statement: what it writes is there if
 * and only if the messages are.
 * @param appends in/out: see llmq_append_t
 * @param n       their number, > 0
 * @param what    the statement; it runs whatever the outcomes are
 * @param args    its parameters
 * @param store   where to
 * @param p       scratch
 * @return as llmq_store_append()
 * @threads any; the store's
 */
apr_status_t llmq_store_append_and(llmq_append_t *appends, int n, llmq_store_sql_e what,
                                   const char **args, llmq_store_t *store, apr_pool_t *p);

/**
 * As llmq_store_append() through the group commit of a process: many callers, one transaction. `after` is
 * called by the committer once an append is durable and before its caller goes on.
 * @param append in/out
 * @param c      a committer made with llmq_store_append_writer()
 * @param p      scratch
 * @return as llmq_store_commit_write()
 * @threads any
 */
apr_status_t llmq_store_append_commit(llmq_append_t *append, llmq_commit_t *c,
                                      apr_pool_t *p);

/**
 * Hears of appends that are durable.
 * @param ctx    of llmq_store_append_writer()
 * @param tenant of the session
 * @param m      the message, with its seq; valid until the function returns
 * @threads the committer; under prefork the request
 */
typedef void llmq_append_after_fn_t(void *ctx, const char *tenant,
                                    const llmq_session_message_t *m);

/**
 * @param writer out: for llmq_store_commit_create()
 * @param after  see there; NULL: nobody wants to hear
 * @param ctx    for @a after
 * @param p      pool, as long as the committer
 * @phase child; @threads single
 */
void llmq_store_append_writer(llmq_commit_writer_t *writer, llmq_append_after_fn_t *after,
                              void *ctx, apr_pool_t *p);

#endif /* LLMQ_STORE_APPEND_H */
