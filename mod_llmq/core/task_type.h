/**
 * @file task_type.h
 * The types of tasks that a server knows. Six are built in, as S3 has them; the
 * configuration refines those and adds others. A type says what holds for its tasks where
 * their bodies say nothing, and how many of them may run at once. Types are the whole
 * server's: a name means the same to all tenants.
 */
#ifndef LLMQ_TASK_TYPE_H
#define LLMQ_TASK_TYPE_H

#include "llmq.h"

#include <apr_time.h>

#define LLMQ_TASK_TYPES_MAX        64
#define LLMQ_TASK_TYPE_MAX_RETRIES 1000 /* of what anybody may name */

/** A type. Fresh ones leave all to the location. */
typedef struct llmq_task_type_t {
    const char *name;            /* as llmq_id_is_name() has it */
    apr_interval_time_t timeout; /* of one attempt; 0: the location's */
    apr_size_t max_payload;      /* bytes of JSON; 0: the location's bound alone */
    int max_retries;             /* -1: the location's */
    apr_uint32_t concurrency;    /* most that run at once in each tenant; 0 = no bound */
} llmq_task_type_t;

/** All of them, in the order in which they came. */
typedef struct llmq_task_types_t {
    int n;
    llmq_task_type_t type[LLMQ_TASK_TYPES_MAX];
} llmq_task_types_t;

/** Limits and defaults of new tasks at a location; filled by cfg/. */
typedef struct llmq_task_conf_t {
    const llmq_task_types_t *types;
    apr_size_t max_payload;          /* bytes of JSON; a type's own may be smaller */
    int max_batch;                   /* tasks of one request */
    int max_retries;                 /* where neither body nor type say */
    int most_retries;                /* that a body may ask for */
    apr_interval_time_t timeout;     /* where neither body nor type say */
    apr_interval_time_t max_timeout; /* longest that a body may ask for */
    apr_interval_time_t max_delay;   /* farthest start that a body may ask for */
    int max_depth;                   /* of JSON */
    const char *const *callbacks;    /* who hears of the end of each; core/callback */
    int n_callbacks;
} llmq_task_conf_t;

/**
 * @param types out: the built-in ones
 * @threads single
 */
void llmq_task_type_init(llmq_task_types_t *types);

/**
 * @param types all
 * @param name  a name; NULL finds nothing
 * @return the type, owned by @a types; NULL if there is none of this name
 * @threads any
 */
const llmq_task_type_t *llmq_task_type_find(const llmq_task_types_t *types,
                                            const char *name);

/**
 * Find a type, or begin one.
 * @param types all
 * @param name  as llmq_id_is_name() has it; borrowed as long as @a types lives
 * @return the type, to be changed; NULL if there are LLMQ_TASK_TYPES_MAX others already
 * @threads single
 */
llmq_task_type_t *llmq_task_type_add(llmq_task_types_t *types, const char *name);

/**
 * What the queue of tasks knows the tasks of a type of a tenant by.
 * @param tenant a tenant's name
 * @param type   a type's name
 * @return a hash of both
 * @threads any
 */
apr_uint64_t llmq_task_type_lane(const char *tenant, const char *type);

#endif /* LLMQ_TASK_TYPE_H */
