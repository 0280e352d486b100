/**
 * @file session_input.h
 * The bodies of S4's calls, read field by field. All fields that are wrong are told, in
 * Laravel's sentences, because clients of S4 show them to people. A body that is no object
 * has no fields.
 */
#ifndef LLMQ_SESSION_INPUT_H
#define LLMQ_SESSION_INPUT_H

#include "core/session.h"

/** Bounds of S4's document, in characters. */
#define LLMQ_SESSION_NAME_MAX   255
#define LLMQ_SESSION_TYPE_MAX   64
#define LLMQ_SESSION_DEDUPE_MAX 128

/**
 * The body of a new session.
 * @param pname out: its name; NULL: none
 * @param body  JSON; NULL: none
 * @param why   begun as {0}; out: INVALID with each field
 * @param p     pool of the sentences
 * @return APR_SUCCESS; LLMQ_EBODY
 * @threads any
 */
apr_status_t llmq_session_input_create(const char **pname, struct json_object *body,
                                       llmq_result_t *why, apr_pool_t *p);

/**
 * The body of a change.
 * @param pname   out: the new name; NULL: stays
 * @param pstatus out: llmq_session_status_e; -1: stays
 * @param body    JSON; NULL: none
 * @param why     begun as {0}; out: INVALID with each field
 * @param p       pool of the sentences
 * @return APR_SUCCESS; LLMQ_EBODY
 * @threads any
 */
apr_status_t llmq_session_input_change(const char **pname, int *pstatus,
                                       struct json_object *body, llmq_result_t *why,
                                       apr_pool_t *p);

/**
 * The body of a new message.
 * @param m           in/out: what the body says; id, session, seq and created_at stay.
 *                    Strings live as long as @a body
 * @param body        JSON; NULL: none
 * @param max_content bytes of its content, > 0
 * @param why         begun as {0}; out: INVALID with each field
 * @param p           pool of the sentences and of reply_to
 * @return APR_SUCCESS; LLMQ_EBODY
 * @threads any
 */
apr_status_t llmq_session_input_message(llmq_session_message_t *m,
                                        struct json_object *body, apr_size_t max_content,
                                        llmq_result_t *why, apr_pool_t *p);

#endif /* LLMQ_SESSION_INPUT_H */
