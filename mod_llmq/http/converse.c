#include "http/converse.h"

#include "base/id.h"
#include "cfg/cfg.h"
#include "http/identity.h"
#include "store/store_conversation.h"

apr_status_t llmq_converse_unknown(llmq_result_t *why)
{
    return llmq_result_set(why, LLMQ_PROBLEM_NO_CONVERSATION, "conversation_id",
                           "no such conversation");
}

static apr_status_t peek(llmq_conversation_t *c, request_rec *r,
                         const llmq_service_t *service, const char *id)
{
    llmq_conversation_ref_t ref = {llmq_cfg_tenant(llmq_cfg_dir(r)), id, apr_time_now()};

    return llmq_store_conversation_peek(c, service->store, &ref, r->pool);
}

apr_status_t llmq_converse_begin(llmq_message_conf_t *conf, request_rec *r,
                                 const llmq_service_t *service, const char *id,
                                 llmq_result_t *why)
{
    const llmq_identity_t *who = llmq_identity_get(r);
    llmq_conversation_t c;
    apr_status_t rv = APR_NOTFOUND;

    conf->user = who->user;
    if (!id) {
        return APR_SUCCESS;
    }
    if (llmq_id_is_name(id)) {
        rv = peek(&c, r, service, id);
    }
    if (rv != APR_SUCCESS) {
        return rv == APR_NOTFOUND ? llmq_converse_unknown(why) : rv;
    }
    if (!who->user || who->admin) {
        conf->user = c.user;
    }
    conf->level = c.level;
    return APR_SUCCESS;
}

apr_status_t llmq_converse_join(llmq_job_t *job, request_rec *r,
                                const llmq_service_t *service, int named,
                                llmq_result_t *why)
{
    const llmq_cfg_dir_t *dir = llmq_cfg_dir(r);
    const llmq_identity_t *who = llmq_identity_get(r);
    int must_exist = !llmq_cfg_conversation_auto_create(dir);
    llmq_conversation_conf_t conf;
    llmq_conversation_t c;
    apr_status_t rv;

    llmq_cfg_conversation(&conf, dir);
    job->expires_at = job->created_at + conf.ttl;
    job->parallel = llmq_cfg_conversation_parallel(dir);
    /* Without a need to know, nothing is read: the store makes what is not there. */
    if (!named || (!must_exist && !who->user)) {
        return APR_SUCCESS;
    }
    rv = peek(&c, r, service, job->chain);
    if (rv == APR_NOTFOUND) {
        return must_exist ? llmq_converse_unknown(why) : APR_SUCCESS;
    }
    return rv == APR_SUCCESS ? llmq_identity_check_user(r, c.user, why) : rv;
}
