/**
 * @file tongue.h
 * Which API a request speaks, so that its errors are told in the words of that API. Tasks,
 * their workers and their figures are S3's; everything else below the queue's mount is
 * S0's; sessions and apps have mounts of their own. The path decides, because an error may be found before any route is.
 * @threads request
 */
#ifndef LLMQ_TONGUE_H
#define LLMQ_TONGUE_H

#include "cfg/cfg.h"

#include <httpd.h>

typedef enum {
    LLMQ_TONGUE_S0 = 0, /* messages, conversations, queues, administration */
    LLMQ_TONGUE_S3,     /* tasks, workers, leases, their statistics, /health, /metrics */
    LLMQ_TONGUE_S4,     /* sessions: everything below the mount of llmq-sessions */
    LLMQ_TONGUE_S2,     /* apps: everything below the mount of llmq-apps */
    LLMQ_TONGUE_OPENAI  /* completions: everything below the mount of llmq-openai */
} llmq_tongue_e;

/**
 * @param r a request on one of our paths, however broken
 * @return what its errors are told in
 */
llmq_tongue_e llmq_tongue_of(request_rec *r);

/**
 * The mount that a request belongs to, also when httpd has not taken its line apart.
 * @param r a request
 * @return the mount; NULL for none
 */
const llmq_mount_t *llmq_tongue_mount(request_rec *r);

/**
 * @param r a request
 * @return its path below its mount, from the slash on; "" without a mount
 */
const char *llmq_tongue_path(request_rec *r);

#endif /* LLMQ_TONGUE_H */
