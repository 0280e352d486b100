/**
 * @file notice.h
 * What a notice (a webhook) looks like: its id, its body and its headers. No I/O.
 */
#ifndef LLMQ_NOTICE_H
#define LLMQ_NOTICE_H

#include "core/webhook_sign.h"
#include "store/store_outbox.h"

#include <apr_hash.h>

/**
 * @param row the notice
 * @param p   pool of the text
 * @return its webhook-id: the same for every try, and no other notice's
 * @threads any
 */
const char *llmq_notice_id(const llmq_outbox_t *row, apr_pool_t *p);

/**
 * @param row the notice
 * @param job what it tells of, as it is now; NULL if it is gone
 * @param p   pool of the text
 * @return {"type":"task.completed"…,"timestamp","data"}
 * @threads any
 */
const char *llmq_notice_body(const llmq_outbox_t *row, const llmq_job_t *job,
                             apr_pool_t *p);

/**
 * The keys that a tenant's notices are signed with: its own, else those of all ("").
 * @param keys   tenant → llmq_webhook_keys_t *
 * @param tenant its name
 * @return the keys; NULL if there are none
 * @threads any
 */
const llmq_webhook_keys_t *llmq_notice_keys(apr_hash_t *keys, const char *tenant);

/** Most lines of llmq_notice_headers(). */
#define LLMQ_NOTICE_HEADERS_MAX 3

/**
 * webhook-id, webhook-timestamp and, if there are keys, webhook-signature.
 * @param lines out: "name: value", LLMQ_NOTICE_HEADERS_MAX at most
 * @param said  id, time and body
 * @param keys  the keys, or NULL
 * @param p     pool of the lines
 * @return their number; 0 if libcrypto refuses
 * @threads any
 */
int llmq_notice_headers(const char **lines, const llmq_webhook_said_t *said,
                        const llmq_webhook_keys_t *keys, apr_pool_t *p);

#endif /* LLMQ_NOTICE_H */
