/**
 * @file bus_tell.h
 * What is told on the bus, in the words of those who tell it. Each of these returns at once
 * while nobody listens, and none of them can fail: what happened lies in the store.
 */
#ifndef LLMQ_BUS_TELL_H
#define LLMQ_BUS_TELL_H

#include "bus/bus.h"
#include "core/session.h"

/**
 * A session has grown. The message travels along, as clients see it, unless it is too long.
 * @param bus    the bus; NULL: nobody is told
 * @param tenant of the session
 * @param m      the message, stored, with its seq
 * @threads any
 */
void llmq_bus_tell_message(llmq_bus_t *bus, const char *tenant,
                           const llmq_session_message_t *m);

/**
 * A job has changed in the store.
 * @param bus    the bus; NULL: nobody is told
 * @param kind   of the job; without a topic of its own: only its conversation hears
 * @param tenant of the job
 * @param id     its id
 * @param chain  its conversation; NULL or "": none
 * @threads any
 */
void llmq_bus_tell_job(llmq_bus_t *bus, llmq_kind_e kind, const char *tenant,
                       const char *id, const char *chain);

/**
 * A conversation has changed in the store, be it that it is gone.
 * @param bus    the bus; NULL: nobody is told
 * @param tenant of the conversation
 * @param id     its id
 * @threads any
 */
void llmq_bus_tell_conversation(llmq_bus_t *bus, const char *tenant, const char *id);

/**
 * A part of an answer that is being given.
 * @param bus   the bus; NULL: nobody is told
 * @param topic llmq_bus_topic()
 * @param seq   which part, from 1
 * @param json  one line; parts that are longer than LLMQ_EVENT_DATA_MAX are not told
 * @param len   its bytes
 * @threads any
 */
void llmq_bus_tell_delta(llmq_bus_t *bus, apr_uint64_t topic, apr_int64_t seq,
                         const char *json, apr_size_t len);

#endif /* LLMQ_BUS_TELL_H */
