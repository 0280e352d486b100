#include "http/stored.h"

#include "cfg/cfg_rules.h"
#include "core/message.h"
#include "core/rule_record.h"
#include "http/body.h"
#include "http/reply.h"
#include "store/store_setting.h"

#include <apr_strings.h>

#include <json-c/json.h>

static int is_rules(const llmq_stored_t *s)
{
    return strcmp(s->name, LLMQ_SETTING_RULES) == 0;
}

apr_status_t llmq_stored_load(llmq_stored_t *s, request_rec *r,
                              const llmq_service_t *service, llmq_result_t *why)
{
    llmq_setting_t setting;
    apr_status_t rv;

    s->tenant = llmq_cfg_tenant(llmq_cfg_dir(r));
    s->set = llmq_ruleset_create(r->pool);
    s->changed_at = 0;
    rv = llmq_store_setting_get(&setting, service->store, s->tenant, s->name, r->pool);
    if (rv != APR_SUCCESS) {
        return rv == APR_NOTFOUND ? APR_SUCCESS : rv;
    }
    s->changed_at = setting.changed_at;
    rv = is_rules(s) ? llmq_rule_record_read_rules(s->set, setting.value, r->pool)
                     : llmq_rule_record_read_users(s->set, setting.value, r->pool);
    return rv == APR_SUCCESS
               ? rv
               : llmq_result_set(why, LLMQ_PROBLEM_CONFIG, NULL,
                                 "what is stored cannot be read, see the log");
}

apr_status_t llmq_stored_save(const llmq_stored_t *s, const char *value, request_rec *r,
                              const llmq_service_t *service)
{
    const llmq_setting_t setting = {s->tenant, s->name, value, s->changed_at};
    apr_status_t rv = llmq_store_setting_swap(service->store, &setting, r->pool);

    if (rv == APR_SUCCESS) {
        llmq_queue_settings_changed(service->queue);
    }
    return rv;
}

int llmq_stored_answer(request_rec *r, apr_status_t rv, const llmq_result_t *why)
{
    if (rv == LLMQ_EBODY) {
        return llmq_reply_problem(r, why);
    }
    return llmq_reply_status(r, rv == APR_EAGAIN ? LLMQ_ESTORE : rv);
}

apr_status_t llmq_stored_read_body(struct json_object **pbody, request_rec *r,
                                   llmq_result_t *why)
{
    apr_status_t rv = llmq_body_json(pbody, r, why);

    if (rv == APR_SUCCESS && !json_object_is_type(*pbody, json_type_object)) {
        return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, NULL,
                               "the body must be a JSON object");
    }
    return rv;
}

apr_status_t llmq_stored_read_level(llmq_level_e *plevel, struct json_object *body,
                                    llmq_result_t *why)
{
    if (llmq_message_parse_level(plevel, llmq_json_member(body, "priority"))
        != APR_SUCCESS) {
        return llmq_result_set(why, LLMQ_PROBLEM_PRIORITY, "priority",
                               "priority must be realtime, high, normal or low");
    }
    return APR_SUCCESS;
}

apr_status_t llmq_stored_refuse_more(request_rec *r, const char *field,
                                     llmq_result_t *why)
{
    return llmq_result_set(
        why, LLMQ_PROBLEM_REQUEST, field,
        apr_psprintf(r->pool, "%d are stored already, which LLMQMaxRules allows at most",
                     llmq_cfg_rules_max(llmq_cfg_dir(r))));
}

void llmq_stored_comma(llmq_text_t *t)
{
    if (t->data[t->len - 1] != '[') {
        LLMQ_TEXT_LIT(t, ",");
    }
}
