/**
 * @file store_commit_waiter.h
 * What the caller of a group commit sleeps on until it hears what became of its rows. Only
 * store_commit.c includes this.
 *
 * Records are never freed, only used again, because the committer may still be inside
 * sem_post() when the thread that it woke has gone on. A caller that gives up leaves its
 * record behind; one atomic exchange decides who of the two is the last to hold it, and
 * the last one gives it back.
 */
#ifndef LLMQ_STORE_COMMIT_WAITER_H
#define LLMQ_STORE_COMMIT_WAITER_H

#include <apr_errno.h>
#include <apr_time.h>

#include <semaphore.h>

/** Most bytes of a thing. */
#define LLMQ_STORE_COMMIT_THING_MAX 384

typedef struct llmq_store_commit_waiter_t {
    struct llmq_store_commit_waiter_t *next; /* the owner's list of free ones */
    sem_t wake;
    int state; /* atomic */
    apr_status_t rv;
    apr_size_t size; /* bytes of the thing */
    union {
        char bytes[LLMQ_STORE_COMMIT_THING_MAX];
        apr_int64_t align;
    } thing;
} llmq_store_commit_waiter_t;

/**
 * Once in the life of a record.
 * @param w the record
 * @threads single
 */
void llmq_store_commit_waiter_init(llmq_store_commit_waiter_t *w);

/**
 * Before each use.
 * @param w     the record
 * @param thing copied
 * @param size  its bytes, at most LLMQ_STORE_COMMIT_THING_MAX
 * @threads the caller of the commit
 */
void llmq_store_commit_waiter_begin(llmq_store_commit_waiter_t *w, const void *thing,
                                    apr_size_t size);

/**
 * Sleep until the outcome is there.
 * @param w       the record
 * @param timeout microseconds
 * @return non-zero: it is, the record is the caller's to give back; 0: too late, the
 *         record belongs to the committer now
 * @threads the caller of the commit
 */
int llmq_store_commit_waiter_wait(llmq_store_commit_waiter_t *w,
                                  apr_interval_time_t timeout);

/**
 * Tell the outcome.
 * @param w  the record
 * @param rv the outcome
 * @return non-zero: the caller hears it; 0: nobody waits any more, the record is the
 *         committer's to give back
 * @threads the committer
 */
int llmq_store_commit_waiter_wake(llmq_store_commit_waiter_t *w, apr_status_t rv);

/**
 * @param w the record
 * @return non-zero once its caller has given up
 * @threads the committer
 */
int llmq_store_commit_waiter_is_alone(llmq_store_commit_waiter_t *w);

/**
 * Wait for a semaphore.
 * @param sem   the semaphore
 * @param delay microseconds at most; 0 = for ever
 * @return non-zero if it was posted in time
 * @threads any
 */
int llmq_store_commit_waiter_sleep(sem_t *sem, apr_interval_time_t delay);

#endif /* LLMQ_STORE_COMMIT_WAITER_H */
