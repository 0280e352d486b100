/**
 * @file stored.h
 * What the calls of administration on the preprocessor share: reading what a tenant has
 * stored, writing it back if nobody else has changed it meanwhile, and telling why not.
 * @threads request
 */
#ifndef LLMQ_STORED_H
#define LLMQ_STORED_H

#include "base/json.h"
#include "core/ruleset.h"
#include "http/service.h"

#include <httpd.h>

/** So many administrators may be faster before a call gives up. */
#define LLMQ_STORED_TRIES 8

/** What a tenant has stored under one name. */
typedef struct llmq_stored_t {
    const char *tenant;
    const char *name; /* LLMQ_SETTING_RULES or LLMQ_SETTING_USER_PRIORITIES */
    llmq_ruleset_t *set;
    apr_time_t changed_at; /* 0: nothing is stored */
} llmq_stored_t;

/**
 * Read a list from the store.
 * @param s       name is given; out: the rest
 * @param r       the request
 * @param service the service of this process
 * @param why     out: CONFIG
 * @return APR_SUCCESS; LLMQ_EBODY see @a why; LLMQ_ESTORE
 */
apr_status_t llmq_stored_load(llmq_stored_t *s, request_rec *r,
                              const llmq_service_t *service, llmq_result_t *why);

/**
 * Store a changed list and tell all processes.
 * @param s       what was read
 * @param value   the list as it shall be, JSON text
 * @param r       the request
 * @param service the service of this process
 * @return APR_SUCCESS; APR_EAGAIN somebody was faster: read it again; LLMQ_ESTORE
 */
apr_status_t llmq_stored_save(const llmq_stored_t *s, const char *value, request_rec *r,
                              const llmq_service_t *service);

/**
 * Read the body of a call, a JSON object.
 * @param pbody out
 * @param r     the request
 * @param why   out: REQUEST, or as from llmq_body_json()
 * @return APR_SUCCESS; LLMQ_EBODY see @a why
 */
apr_status_t llmq_stored_read_body(struct json_object **pbody, request_rec *r,
                                   llmq_result_t *why);

/**
 * @param plevel out: the body's `priority`
 * @param body   an object
 * @param why    out: PRIORITY
 * @return APR_SUCCESS; LLMQ_EBODY see @a why
 */
apr_status_t llmq_stored_read_level(llmq_level_e *plevel, struct json_object *body,
                                    llmq_result_t *why);

/**
 * LLMQMaxRules is reached.
 * @param r     the request
 * @param field the field to blame
 * @param why   out: REQUEST
 * @return LLMQ_EBODY
 */
apr_status_t llmq_stored_refuse_more(request_rec *r, const char *field,
                                     llmq_result_t *why);

/**
 * Answer a call that has failed.
 * @param r   the request
 * @param rv  how; APR_EAGAIN as if the database had not answered
 * @param why why, with LLMQ_EBODY
 * @return OK
 */
int llmq_stored_answer(request_rec *r, apr_status_t rv, const llmq_result_t *why);

/**
 * A comma, unless the list has only begun.
 * @param t text that ends within a JSON list
 */
void llmq_stored_comma(llmq_text_t *t);

#endif /* LLMQ_STORED_H */
