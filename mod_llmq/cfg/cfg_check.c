#include "cfg/cfg_check.h"

#include "base/log.h"
#include "cfg/cfg_rules.h"
#include "cfg/cfg_set.h"

#include <http_log.h>

APLOG_USE_MODULE(llmq);

int llmq_cfg_check_whole(apr_pool_t *p, server_rec *s)
{
    const llmq_cfg_server_t *conf = llmq_cfg_server(s);

    if (conf->retry.base > conf->retry.max) {
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, s,
                     LLMQ_NO(0102) "LLMQRetryDelay: the first delay is longer than the"
                                   " longest");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    llmq_cfg_sched_name_tenants(p, s);
    if (llmq_queue_segment_size(&conf->queue) == 0) {
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, s,
                     LLMQ_NO(0103) "LLMQQueueSize: the levels together are larger than"
                                   " the queue can index");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (llmq_cfg_task_complete(llmq_cfg_server(s)) != APR_SUCCESS) {
        ap_log_error(
            APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, s,
            LLMQ_NO(0130) "LLMQTaskQueueSize: the levels together are larger than"
                          " the queue can index");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    llmq_cfg_push_complete(llmq_cfg_server(s), p);
    llmq_cfg_quota_check(conf, s);
    return llmq_cfg_push_check(conf, s) == OK && llmq_cfg_agent_check(s) == OK
                   && llmq_cfg_model_check(conf, s) == OK
                   && llmq_cfg_model_use_check(conf, s, p) == OK
               ? llmq_cfg_rules_build(s)
               : HTTP_INTERNAL_SERVER_ERROR;
}
