/**
 * @file support_trial.h
 * What the tests of calls share: an engine, a server of support_http, and trials, calls that
 * a test starts and waits for.
 */
#ifndef LLMQ_TEST_SUPPORT_TRIAL_H
#define LLMQ_TEST_SUPPORT_TRIAL_H

#include "backend/backend.h"

#include "support.h"
#include "support_http.h"

#include <pthread.h>

#define TRIAL_KEY "sk-secret-0123456789"

extern http_server_t *trial_server;
extern llmq_engine_t *trial_engine;

/** A call of the test, in a pool and allocator of its own as the dispatcher has it. */
typedef struct {
    llmq_call_t call;
    llmq_backend_conf_t conf;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    int ended; /* under lock */
} trial_t;

/** The fixture: server and engine. */
void trial_open(void);
void trial_close(void);

/** A pool with an allocator of its own. */
apr_pool_t *trial_pool(void);

/** A call to a way of the server; what it has may be changed before it is started. */
trial_t *trial_create(const char *way);

/** What a call does at its end. */
void trial_done(llmq_call_t *call);

void trial_start(trial_t *trial);

/** Wait until it has ended. */
void trial_wait(trial_t *trial);

/** Create, start and wait. */
trial_t *trial_run(const char *way);

/** How often it has ended. */
int trial_ended(trial_t *trial);

/** It must have ended once; its pool goes. */
void trial_end(trial_t *trial);

/** The answer is that of the server's streams. */
void trial_expect_answer(trial_t *trial, const char *content);

/** It failed so, and its error holds neither the key nor an address. */
void trial_expect_failure(trial_t *trial, llmq_failure_e kind, int http_status);

#endif /* LLMQ_TEST_SUPPORT_TRIAL_H */
