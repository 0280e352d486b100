/**
 * @file claim_wait.h
 * The request of a claim that has to wait: parked if httpd lets go of its connection, else
 * held by its thread.
 */
#ifndef LLMQ_CLAIM_WAIT_H
#define LLMQ_CLAIM_WAIT_H

#include "http/claim.h"

#include <httpd.h>

/**
 * Let a claim wait, and answer it.
 * @param r       the request, its body read
 * @param service the service of this process
 * @param claim   for which there is nothing at the moment; its wait > 0
 * @return OK: answered, or parked
 * @threads request
 */
int llmq_claim_wait(request_rec *r, const llmq_service_t *service,
                    const llmq_claim_t *claim);

#endif /* LLMQ_CLAIM_WAIT_H */
