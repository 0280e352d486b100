/**
 * @file converse.h
 * A new message and its conversation: what the message takes from it, and whether it may
 * join it.
 * @threads request
 */
#ifndef LLMQ_CONVERSE_H
#define LLMQ_CONVERSE_H

#include "core/message.h"
#include "http/service.h"

#include <httpd.h>

/**
 * Before the body is read: let what the body may leave out come from the conversation that
 * the path names, its user and its priority.
 * @param conf    in and out: user and level
 * @param r       the request
 * @param service the service of this process
 * @param id      the conversation; NULL: the path names none
 * @param why     out: NO_CONVERSATION
 * @return APR_SUCCESS; LLMQ_EBODY see @a why; LLMQ_ESTORE
 */
apr_status_t llmq_converse_begin(llmq_message_conf_t *conf, request_rec *r,
                                 const llmq_service_t *service, const char *id,
                                 llmq_result_t *why);

/**
 * After it is read: may the message join its conversation, how long does it keep it, and does
 * it wait for the messages before it?
 * @param job     in and out: the message
 * @param r       the request
 * @param service the service of this process
 * @param named   non-zero: path or body name the conversation
 * @param why     out: NO_CONVERSATION where conversations must have been created before, USER
 *                where it is somebody else's
 * @return APR_SUCCESS; LLMQ_EBODY see @a why; LLMQ_ESTORE
 */
apr_status_t llmq_converse_join(llmq_job_t *job, request_rec *r,
                                const llmq_service_t *service, int named,
                                llmq_result_t *why);

/**
 * @param why out: NO_CONVERSATION
 * @return LLMQ_EBODY
 */
apr_status_t llmq_converse_unknown(llmq_result_t *why);

#endif /* LLMQ_CONVERSE_H */
