/**
 * @file gateway_story.h
 * What a client is told, step by step, of a call of the gateway: the same words whichever
 * way they are written. Private to http/gateway*.c.
 * @threads whoever writes the call: its request's thread, or that of the streams
 */
#ifndef LLMQ_GATEWAY_STORY_H
#define LLMQ_GATEWAY_STORY_H

#include "base/result.h"
#include "http/gateway_call.h"

/**
 * The relay has said something.
 * @param call the call; afterwards said is LLMQ_GATEWAY_DONE if that was the end
 * @param type what
 * @param data what came with it
 * @param len  its bytes
 */
void llmq_gateway_story_go_on(llmq_gateway_call_t *call, llmq_relay_type_e type,
                              const char *data, apr_size_t len);

/**
 * A look at the clock: a sign of life where one is due; the end, if it has waited for too
 * long in the queue.
 * @param call the call
 * @param now  the time
 */
void llmq_gateway_story_tick(llmq_gateway_call_t *call, apr_time_t now);

/**
 * @param call the call
 * @param now  the time
 * @return non-zero if llmq_gateway_story_tick() has something to do
 */
int llmq_gateway_story_is_due(const llmq_gateway_call_t *call, apr_time_t now);

/**
 * End it with a problem.
 * @param call    the call
 * @param problem which
 * @param reason  a sentence; static
 */
void llmq_gateway_story_fail(llmq_gateway_call_t *call, llmq_problem_e problem,
                             const char *reason);

#endif /* LLMQ_GATEWAY_STORY_H */
