#include "http/session_call.h"

#include "base/id.h"
#include "cfg/cfg.h"
#include "http/identity.h"
#include "http/reply.h"

#include <apr_lib.h>
#include <apr_strings.h>

const char *llmq_session_call_user(request_rec *r)
{
    const char *user = llmq_identity_get(r)->user;

    return user ? user : "";
}

const char *llmq_session_call_owner(request_rec *r)
{
    return llmq_identity_get(r)->admin ? NULL : llmq_session_call_user(r);
}

apr_status_t llmq_session_call_ref(llmq_session_ref_t *ref, request_rec *r,
                                   const char *id)
{
    char *lower;

    if (!llmq_id_is_uuid(id)) {
        return APR_NOTFOUND;
    }
    lower = apr_pstrdup(r->pool, id);
    ap_str_tolower(lower);
    ref->tenant = llmq_cfg_tenant(llmq_cfg_dir(r));
    ref->owner = llmq_session_call_owner(r);
    ref->id = lower;
    return APR_SUCCESS;
}

apr_status_t llmq_session_call_find(llmq_session_t **ps, llmq_session_ref_t *ref,
                                    request_rec *r, const llmq_service_t *service,
                                    const char *id)
{
    apr_status_t rv = llmq_session_call_ref(ref, r, id);

    return rv == APR_SUCCESS ? llmq_store_session_find(ps, service->store, ref, r->pool)
                             : rv;
}

int llmq_session_call_fail(request_rec *r, apr_status_t rv)
{
    llmq_result_t why = {0};

    if (rv != APR_NOTFOUND && rv != LLMQ_ESTATE) {
        return llmq_reply_status(r, rv);
    }
    llmq_result_set(
        &why, rv == APR_NOTFOUND ? LLMQ_PROBLEM_NO_SESSION : LLMQ_PROBLEM_SESSION_CLOSED,
        NULL, NULL);
    return llmq_reply_problem(r, &why);
}

int llmq_session_call_refuse(request_rec *r, const llmq_service_t *service,
                             const char *id, const llmq_result_t *why)
{
    llmq_session_ref_t ref;
    llmq_session_t *s;
    apr_status_t rv = llmq_session_call_find(&s, &ref, r, service, id);

    return rv == APR_SUCCESS ? llmq_reply_problem(r, why) : llmq_session_call_fail(r, rv);
}
