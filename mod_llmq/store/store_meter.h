/**
 * @file store_meter.h
 * What all processes of a server do with the database: connections, statements, how long
 * they take. A shared area with a slot for each process, which it alone changes; a slot of
 * a process that has died is given to another, and what it had counted goes on.
 * @threads any; lock-free
 */
#ifndef LLMQ_STORE_METER_H
#define LLMQ_STORE_METER_H

#include <apr.h>
#include <apr_time.h>

#include <stdatomic.h>

#define LLMQ_STORE_METER_SLOTS 512 /* processes; further ones are not counted */

typedef struct llmq_store_slot_t {
    _Alignas(64) _Atomic(apr_uint32_t) pid; /* 0: free */
    _Atomic(apr_int32_t) open;              /* connections */
    _Atomic(apr_int32_t) active;            /* statements under way */
    _Atomic(apr_uint64_t) statements;
    _Atomic(apr_uint64_t) usec; /* of those */
    _Atomic(apr_uint64_t) slow; /* of those */
} llmq_store_slot_t;

typedef struct llmq_store_meter_t {
    llmq_store_slot_t slot[LLMQ_STORE_METER_SLOTS];
} llmq_store_meter_t;

/** Sums over all processes. */
typedef struct llmq_store_use_t {
    apr_int64_t open; /* of processes that live */
    apr_int64_t active;
    apr_uint64_t statements; /* since the server was started */
    apr_interval_time_t time;
    apr_uint64_t slow;
} llmq_store_use_t;

/**
 * @param meter zeroed shared memory; NULL: nothing is counted
 * @return the slot of this process; NULL if there is none
 * @phase child, dispatcher
 */
llmq_store_slot_t *llmq_store_meter_join(llmq_store_meter_t *meter);

/**
 * A statement begins.
 * @param slot of this process; NULL: nothing is counted
 */
void llmq_store_meter_begin(llmq_store_slot_t *slot);

/**
 * It has ended.
 * @param slot as with begin
 * @param took microseconds
 * @param slow non-zero if that is long
 */
void llmq_store_meter_end(llmq_store_slot_t *slot, apr_interval_time_t took, int slow);

/**
 * A connection was opened (1) or closed (-1).
 * @param slot as with begin
 * @param n    the change
 */
void llmq_store_meter_open(llmq_store_slot_t *slot, int n);

/**
 * @param use   out
 * @param meter the meter; NULL gives zeros
 */
void llmq_store_meter_read(llmq_store_use_t *use, llmq_store_meter_t *meter);

#endif /* LLMQ_STORE_METER_H */
