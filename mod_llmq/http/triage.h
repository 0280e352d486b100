/**
 * @file triage.h
 * Two steps of a new message's way (http/intake.c): how urgent is it, and with whom does it
 * take turns? The decisions are core/preprocess.h's; here they get what they need from the
 * configuration, the stored rules and the request.
 * @threads request
 */
#ifndef LLMQ_TRIAGE_H
#define LLMQ_TRIAGE_H

#include "core/job.h"
#include "http/service.h"

#include <httpd.h>
#include <json-c/json_types.h>

/**
 * Choose the level of a message whose sender has chosen none, and mark what was found in
 * its metadata; nothing of both where LLMQPreprocess is Off. It never fails: what cannot be
 * asked is left out.
 * @param job     the message; level and metadata may change
 * @param body    the parsed body that it was made of; its metadata may change
 * @param r       the request
 * @param service the service of this process
 */
void llmq_triage_level(llmq_job_t *job, struct json_object *body, request_rec *r,
                       const llmq_service_t *service);

/**
 * Let LLMQFairnessKey say with whom a message takes turns, if the location has one. An
 * empty answer leaves it to the user.
 * @param job the message; fair_key, weight and key_cap are set
 * @param r   the request
 */
void llmq_triage_turn(llmq_job_t *job, request_rec *r);

#endif /* LLMQ_TRIAGE_H */
