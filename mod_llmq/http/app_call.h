/**
 * @file app_call.h
 * What the calls of apps (S2) have in common: whose app it is, which one, and how they
 * answer.
 * @threads request
 */
#ifndef LLMQ_APP_CALL_H
#define LLMQ_APP_CALL_H

#include "http/service.h"
#include "store/store_app.h"

#include <httpd.h>
#include <json-c/json_types.h>

/**
 * @param r the request
 * @return who calls; "" where the location is open and nobody is known
 */
const char *llmq_app_call_user(request_rec *r);

/**
 * Whose an app must be for this caller to reach it.
 * @param r the request
 * @return as llmq_app_call_user(); NULL, anybody's of the tenant, with the admin claim
 */
const char *llmq_app_call_owner(request_rec *r);

/**
 * Find the app that a path names.
 * @param papp    out: in r->pool
 * @param ref     out: tenant and id, in lower case
 * @param r       the request
 * @param service the service of this process
 * @param id      of the path
 * @return APR_SUCCESS; APR_NOTFOUND no such app; APR_EACCES somebody else's; others as from
 *         the store. All but the first are for llmq_app_call_fail()
 */
apr_status_t llmq_app_call_find(llmq_app_t **papp, llmq_app_ref_t *ref, request_rec *r,
                                const llmq_service_t *service, const char *id);

/** A call that says something of one app. */
typedef struct llmq_app_call_t {
    llmq_app_t *app; /* in the request's pool */
    llmq_app_ref_t ref;
    llmq_app_conf_t conf;     /* bounds of what may be said */
    struct json_object *body; /* lives as long as the request */
} llmq_app_call_t;

/**
 * Find the app that a path names, and read what the body says.
 * @param call    out
 * @param r       the request
 * @param service the service of this process
 * @param id      of the path
 * @param why     out: as of llmq_body_json()
 * @return APR_SUCCESS; LLMQ_EBODY see @a why; others as of llmq_app_call_find(). All but the
 *         first are for llmq_app_call_reject()
 */
apr_status_t llmq_app_call_begin(llmq_app_call_t *call, request_rec *r,
                                 const llmq_service_t *service, const char *id,
                                 llmq_result_t *why);

/**
 * Answer what went wrong.
 * @param r  the request
 * @param rv as of llmq_app_call_find()
 * @return OK (the answer is sent)
 */
int llmq_app_call_fail(request_rec *r, apr_status_t rv);

/**
 * Answer what went wrong, or what is wrong with the request.
 * @param r   the request
 * @param rv  LLMQ_EBODY, else as of llmq_app_call_find()
 * @param why with LLMQ_EBODY
 * @return OK (the answer is sent)
 */
int llmq_app_call_reject(request_rec *r, apr_status_t rv, const llmq_result_t *why);

/**
 * Answer that the app cannot do this as it is.
 * @param r      the request
 * @param reason a sentence of S2's language
 * @return OK (the answer is sent)
 */
int llmq_app_call_refuse(request_rec *r, const char *reason);

/**
 * Answer that it is done.
 * @param r       the request
 * @param data    JSON text; NULL: an empty object
 * @param message "" or a sentence of S2's language
 * @return OK (the answer is sent)
 */
int llmq_app_call_success(request_rec *r, const char *data, const char *message);

/**
 * Answer how a change has ended that has nothing to show.
 * @param r       the request
 * @param rv      APR_SUCCESS; else as of llmq_app_call_fail()
 * @param message a sentence of S2's language, with APR_SUCCESS
 * @return OK (the answer is sent)
 */
int llmq_app_call_done(request_rec *r, apr_status_t rv, const char *message);

/** Which page of a list. */
typedef struct llmq_app_page_t {
    int page;      /* from 1 */
    int page_size; /* > 0 */
} llmq_app_page_t;

/**
 * Read `current_page` and `page_size`, which may be called `page` and `limit`, too.
 * @param page out
 * @param r    the request
 * @param why  out: REQUEST with the parameter
 * @return APR_SUCCESS; LLMQ_EBODY
 */
apr_status_t llmq_app_call_page(llmq_app_page_t *page, request_rec *r,
                                llmq_result_t *why);

/**
 * Append `],"paginator":{…}}`, the end of a page that began with `{"list":[`.
 * @param t     where to
 * @param page  which page
 * @param total how many there are on all pages
 */
void llmq_app_call_page_end(llmq_text_t *t, const llmq_app_page_t *page,
                            apr_int64_t total);

/**
 * @param r the request
 * @return a new UUIDv7; the same one when the same request comes again
 */
const char *llmq_app_call_new_id(request_rec *r);

#endif /* LLMQ_APP_CALL_H */
