/**
 * @file session_call.h
 * What the calls of sessions (S4) have in common: whose session it is, which one, and how
 * they say that there is none. Somebody else's session is answered as one that does not
 * exist (D10).
 * @threads request
 */
#ifndef LLMQ_SESSION_CALL_H
#define LLMQ_SESSION_CALL_H

#include "http/service.h"
#include "store/store_session.h"

#include <httpd.h>

/**
 * Who calls: whose the sessions are that this request makes or lists.
 * @param r the request
 * @return the user; "" where the location is open and nobody is known
 */
const char *llmq_session_call_user(request_rec *r);

/**
 * Whose a session must be for this caller to reach it.
 * @param r the request
 * @return as llmq_session_call_user(); NULL, anybody's of the tenant, with the admin claim
 */
const char *llmq_session_call_owner(request_rec *r);

/**
 * The session that a path names.
 * @param ref out: tenant, owner and id, in lower case
 * @param r   the request
 * @param id  of the path
 * @return APR_SUCCESS; APR_NOTFOUND it is no UUID
 */
apr_status_t llmq_session_call_ref(llmq_session_ref_t *ref, request_rec *r,
                                   const char *id);

/**
 * Find the session that a path names.
 * @param ps      out: in r->pool
 * @param ref     out: as llmq_session_call_ref()
 * @param r       the request
 * @param service the service of this process
 * @param id      of the path
 * @return APR_SUCCESS; others are for llmq_session_call_fail()
 */
apr_status_t llmq_session_call_find(llmq_session_t **ps, llmq_session_ref_t *ref,
                                    request_rec *r, const llmq_service_t *service,
                                    const char *id);

/**
 * Answer what went wrong.
 * @param r  the request
 * @param rv APR_NOTFOUND: no such session or message; LLMQ_ESTATE: the session is closed;
 *           others as llmq_reply_status()
 * @return OK (the answer is sent)
 */
int llmq_session_call_fail(request_rec *r, apr_status_t rv);

/**
 * Answer that a request makes no sense, or that there is no such session, where the caller
 * has none: what is asked of it does not matter then.
 * @param r       the request
 * @param service the service of this process
 * @param id      of the path
 * @param why     what is wrong with the request
 * @return OK (the answer is sent)
 */
int llmq_session_call_refuse(request_rec *r, const llmq_service_t *service,
                             const char *id, const llmq_result_t *why);

#endif /* LLMQ_SESSION_CALL_H */
