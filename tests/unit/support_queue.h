/**
 * @file support_queue.h
 * What the tests of the queue share: a queue in shared memory with a mutex of any
 * mechanism and a pipe, short ways to put and ack, and a checker that walks every list.
 */
#ifndef LLMQ_TEST_SUPPORT_QUEUE_H
#define LLMQ_TEST_SUPPORT_QUEUE_H

#include "queue/queue_layout.h"

#include "support.h"

/** A moment for tests whose clock stands still. */
#define QUEUE_NOW ((apr_time_t)1700000000 * APR_USEC_PER_SEC)

typedef struct queue_rig_t {
    llmq_queue_t *q;
    llmq_queue_conf_t conf;
    apr_global_mutex_t *mutex;
    const char *lock_name;
    int wake[2];
} queue_rig_t;

/** Every level gets these limits; the rebuild that create asks for is done. */
queue_rig_t *queue_rig(apr_uint32_t max_size, apr_uint32_t max_concurrent);

/** As queue_rig(), with a mutex of that mechanism. */
queue_rig_t *queue_rig_with(apr_uint32_t max_size, apr_uint32_t max_concurrent,
                            apr_lockmech_e mech);

/** As queue_rig(), with records for @a n tenants beside the shared one. */
queue_rig_t *queue_rig_tenants(apr_uint32_t max_size, apr_uint32_t max_concurrent,
                               apr_uint32_t n);

/** As queue_rig(), with these settings. */
queue_rig_t *queue_rig_conf(const llmq_queue_conf_t *conf);

/** In a forked child: attach to the mutex. */
void queue_rig_child(queue_rig_t *rig);

/** An entry put now, ready at once; chain 0 is none. */
llmq_entry_t queue_entry(const char *id, int level, apr_uint64_t key, apr_uint64_t chain);

/** Put one without a place; it must succeed. */
void queue_put(llmq_queue_t *q, const char *id, int level, apr_uint64_t key,
               apr_uint64_t chain);

/** Put one of key 1 without a place, not before @a run_at. */
void queue_put_at(llmq_queue_t *q, const char *id, int level, apr_time_t run_at);

/** A copy of an entry that must be there, in test_pool. */
const llmq_entry_t *queue_found(llmq_queue_t *q, const char *id);

/** Take up to @a max; the ids, separated by blanks, in test_pool; "" if none. */
const char *queue_take_ids(llmq_queue_t *q, int max);

/** Ack attempt 0 of one id. */
void queue_ack(llmq_queue_t *q, const char *id, llmq_ack_e how);

/** The state of an id, LLMQ_ENTRY_FREE if it is not there. */
int queue_state(llmq_queue_t *q, const char *id);

/** Walk all lists. @return NULL if all is consistent, else what is not */
const char *queue_check(llmq_queue_t *q);

#define ck_queue(q)                                                                      \
    do {                                                                                 \
        const char *bad_ = queue_check(q);                                               \
        ck_assert_msg(!bad_, "%s", bad_ ? bad_ : "");                                    \
    } while (0)

#endif /* LLMQ_TEST_SUPPORT_QUEUE_H */
