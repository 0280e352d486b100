/**
 * @file app_turn.h
 * Debug turns of apps: a *turn* is a job of kind DEBUG in the queue of messages, at
 * realtime, whose chain is the debug conversation of its app, so that turns are answered one
 * after another. What it is sent with, so many turns before it and maybe the long-term
 * memory, is decided when it is accepted.
 *
 * After a turn with memory a job of kind MEMORY, at low and on a chain of its own, has a
 * backend make the memory anew of the former memory and of what was said since. Its id is
 * made of the turn's, so a turn has one, however often somebody tries to begin it.
 */
#ifndef LLMQ_APP_TURN_H
#define LLMQ_APP_TURN_H

#include "base/text.h"
#include "core/app.h"
#include "core/chat.h"
#include "core/job.h"

/** What a turn is asked with. */
typedef struct llmq_app_turn_t {
    const char *id; /* UUIDv7 */
    const llmq_app_t *app;
    const char *conversation; /* the app's debug conversation */
    const char *user;         /* who asks */
    const char *query;
    apr_time_t now;
    apr_interval_time_t timeout; /* of an attempt, and to be begun within */
    int max_retries;
} llmq_app_turn_t;

/** What a job of kind DEBUG or MEMORY says of its app. */
typedef struct llmq_app_mark_t {
    const char *app; /* its id */
    int rounds;      /* turns of context */
    int memory;      /* non-zero: with long-term memory */
} llmq_app_mark_t;

/**
 * @param conversation a debug conversation
 * @param p            pool
 * @return the chain of its turns, which no conversation of S0 can have
 * @threads any
 */
const char *llmq_app_turn_chain(const char *conversation, apr_pool_t *p);

/**
 * @param job  out; strings of @a turn are borrowed
 * @param turn the turn
 * @param p    pool of what is made
 * @threads any
 */
void llmq_app_turn_job(llmq_job_t *job, const llmq_app_turn_t *turn, apr_pool_t *p);

/**
 * The job that keeps the memory after a turn.
 * @param job         out
 * @param turn        the turn as it ended: id, tenant, chain, user and finished_at are read
 * @param app         id of its app
 * @param max_retries how often it is tried again
 * @param p           pool of what is made
 * @threads any
 */
void llmq_app_turn_memory_job(llmq_job_t *job, const llmq_job_t *turn, const char *app,
                              int max_retries, apr_pool_t *p);

/**
 * @param mark out; "" for an app that it does not name
 * @param job  of kind DEBUG or MEMORY: metadata are read
 * @param p    pool
 * @threads any
 */
void llmq_app_turn_mark(llmq_app_mark_t *mark, const llmq_job_t *job, apr_pool_t *p);

/**
 * Append a turn as S2 shows it.
 * @param t   where to
 * @param job a turn; one that has not ended has an empty answer
 * @param p   scratch
 * @threads any
 */
void llmq_app_turn_write(llmq_text_t *t, const llmq_job_t *job, apr_pool_t *p);

/**
 * What a model is told of the past of a conversation.
 * @param summary the memory
 * @param p       pool
 * @return text for a `system` message; NULL where nothing is remembered
 * @threads any
 */
const char *llmq_app_turn_recall(const char *summary, apr_pool_t *p);

/**
 * What a model is asked to make a memory of.
 * @param summary the memory so far; "" if none
 * @param turns   what was said since, oldest first
 * @param n       their number, > 0
 * @param p       pool
 * @return JSON array of messages
 * @threads any
 */
const char *llmq_app_turn_ask_memory(const char *summary, const llmq_chat_turn_t *turns,
                                     int n, apr_pool_t *p);

#endif /* LLMQ_APP_TURN_H */
