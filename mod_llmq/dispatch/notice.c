#include "dispatch/notice.h"

#include "base/json.h"
#include "core/message.h"
#include "core/task.h"

#include <apr_strings.h>

#include <string.h>

const char *llmq_notice_id(const llmq_outbox_t *row, apr_pool_t *p)
{
    return apr_psprintf(p, "evt_%s_%" APR_INT64_T_FMT, row->job, row->seq);
}

static void add_data(llmq_text_t *t, const llmq_outbox_t *row, const llmq_job_t *job)
{
    llmq_json_key(t, "data");
    if (!job) {
        LLMQ_TEXT_LIT(t, "{");
        llmq_json_kv(t, "id", row->job);
        llmq_json_kv(t, "status", llmq_job_status_name(row->status));
        LLMQ_TEXT_LIT(t, "}");
    }
    else if (job->kind == LLMQ_KIND_TASK) {
        llmq_task_view_t nowhere = {0};

        llmq_task_to_json(t, job, &nowhere);
    }
    else {
        llmq_message_to_json(t, job, NULL);
    }
}

/* A task that ran out of time is a failed one to S3. */
static const char *type_of(const llmq_outbox_t *row, apr_pool_t *p)
{
    llmq_status_e status = row->status;

    if (row->kind == LLMQ_KIND_TASK && status == LLMQ_STATUS_TIMEOUT) {
        status = LLMQ_STATUS_FAILED;
    }
    return apr_pstrcat(p, row->kind == LLMQ_KIND_TASK ? "task." : "message.",
                       llmq_job_status_name(status), NULL);
}

const char *llmq_notice_body(const llmq_outbox_t *row, const llmq_job_t *job,
                             apr_pool_t *p)
{
    llmq_text_t t;

    llmq_text_init(&t, 1024 + (job ? job->payload_len : 0), p);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv(&t, "type", type_of(row, p));
    llmq_json_kv_time(&t, "timestamp", row->happened_at);
    add_data(&t, row, job);
    LLMQ_TEXT_LIT(&t, "}");
    return t.data;
}

const llmq_webhook_keys_t *llmq_notice_keys(apr_hash_t *keys, const char *tenant)
{
    const llmq_webhook_keys_t *own = apr_hash_get(keys, tenant, APR_HASH_KEY_STRING);

    return own ? own : apr_hash_get(keys, "", APR_HASH_KEY_STRING);
}

int llmq_notice_headers(const char **lines, const llmq_webhook_said_t *said,
                        const llmq_webhook_keys_t *keys, apr_pool_t *p)
{
    const char *signature;

    lines[0] = apr_pstrcat(p, "webhook-id: ", said->id, NULL);
    lines[1] = apr_psprintf(p, "webhook-timestamp: %" APR_INT64_T_FMT, said->sent_sec);
    if (!keys) {
        return 2;
    }
    signature = llmq_webhook_sign(keys, said, p);
    if (!signature) {
        return 0;
    }
    lines[2] = apr_pstrcat(p, "webhook-signature: ", signature, NULL);
    return 3;
}
