/**
 * @file support_dispatch.h
 * A whole dispatcher inside a test: its threads, a queue in shared memory, a database of
 * SQLite's in a temporary file and one backend. The test is the process around it: it says
 * who lives, and when the server above is gone.
 *
 * The backend is echo, a way of support_http, or a *gate*: a listener of the test's own
 * thread, which takes each call and answers it when the test says so.
 */
#ifndef LLMQ_TEST_SUPPORT_DISPATCH_H
#define LLMQ_TEST_SUPPORT_DISPATCH_H

#include "base/clock.h"
#include "dispatch/dispatch_inner.h"

#include "store_support.h"
#include "support_http.h"
#include "support_queue.h"

#include <pthread.h>
#include <stdatomic.h>

#define DISPATCH_DEAD_OWNER  77 /* what queue_take_ids() takes as */
#define DISPATCH_OTHER_OWNER 78 /* lives as long as rig->other_lives says */

typedef struct dispatch_rig_t {
    queue_rig_t *queue;
    llmq_queue_t *q;
    llmq_queue_t *tasks;
    llmq_backend_conf_t backend;
    const llmq_backend_conf_t *backends[1];
    llmq_dispatch_conf_t conf;
    http_server_t *server; /* NULL unless dispatch_rig_http() */
    int gate;              /* listening socket, -1 unless dispatch_rig_gate() */
    apr_pool_t *pool;      /* the dispatcher's, with an allocator of its own */
    llmq_dispatch_t *d;    /* after create or start */
    pthread_t thread;
    _Atomic(int) ended; /* llmq_dispatch_work() has returned */
    _Atomic(int) other_lives;
    _Atomic(int) deaths;
    _Atomic(int) orphaned;
} dispatch_rig_t;

/** A rig with the echo backend: 8 places, batches of 8, quick retries. Change conf and
 *  backend before create or start. */
dispatch_rig_t *dispatch_rig(void);

/** Give a rig an agent "bot" for runs of tenant "default": an echo with two places. */
void dispatch_rig_agent(dispatch_rig_t *rig);

/** As dispatch_rig(), with an openai backend that behaves as @a way of support_http. */
dispatch_rig_t *dispatch_rig_http(const char *way);

/** As dispatch_rig(), with an openai backend behind a gate. */
dispatch_rig_t *dispatch_rig_gate(void);

/** Make the dispatcher without running it: no drain thread, no janitor. */
void dispatch_rig_create(dispatch_rig_t *rig);

/** Make it, if that was not done, and run it in a thread. */
void dispatch_rig_start(dispatch_rig_t *rig);

/** Wait for the end of llmq_dispatch_work(), which the test has asked for. */
void dispatch_rig_join(dispatch_rig_t *rig);

/** Stop what runs, check the queue, remove everything. */
void dispatch_rig_close(dispatch_rig_t *rig);

/** A job of no chain that may be changed before it is stored. */
llmq_job_t *dispatch_rig_job(const char *id, int level);

/** Store a job. */
void dispatch_rig_store(const llmq_job_t *job);

/** Put a job into the queue, as a child does after its commit. */
void dispatch_rig_enter(dispatch_rig_t *rig, const llmq_job_t *job);

/** Store and enter a job with default values. */
void dispatch_rig_put(dispatch_rig_t *rig, const char *id, int level);

/** The stored status of an id, -1 if there is no such row. */
int dispatch_rig_status(const char *id);

/** Let the database refuse everything about jobs, and take that back. */
void dispatch_rig_db_away(void);
void dispatch_rig_db_back(void);

/** How many lines with that tag ("LLMQ0706") were logged since the rig was made. */
int dispatch_rig_logged(const char *tag);

/** Leave the queue's lock as a process does that died inside. */
void dispatch_rig_damage(dispatch_rig_t *rig);

/** The sum over the levels. */
llmq_queue_stats_t dispatch_rig_sum(dispatch_rig_t *rig);

/** Take the next call at the gate. @param pid out: the job's id; may be NULL
 *  @return its connection */
int dispatch_rig_take_call(dispatch_rig_t *rig, const char **pid);

/** Answer a call that was taken and hang up. */
void dispatch_rig_answer(int connection, const char *status, const char *body);

/** Answer it with a completion whose content is "Hi". */
void dispatch_rig_complete(int connection);

/** Is no other call waiting at the gate? */
int dispatch_rig_gate_is_quiet(dispatch_rig_t *rig);

/** Has the other side hung up? */
int dispatch_rig_hung_up(int connection);

/** Wait until a condition holds; the test fails if it does not within two minutes. */
#define DISPATCH_WAIT(condition)                                                         \
    do {                                                                                 \
        apr_interval_time_t until_ = llmq_clock_steady() + apr_time_from_sec(120);       \
        while (!(condition)) {                                                           \
            ck_assert_msg(llmq_clock_steady() < until_, "in vain: %s", #condition);      \
            apr_sleep(2000);                                                             \
        }                                                                                \
    } while (0)

#endif /* LLMQ_TEST_SUPPORT_DISPATCH_H */
