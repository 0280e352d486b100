/**
 * @file control.h
 * The values of the settings by which an operator controls the queue, as JSON: which levels
 * are paused (`{"normal":true}`) and whether it is under maintenance
 * (`{"on":true,"message":"…"}`). What makes no sense counts as not set.
 */
#ifndef LLMQ_CONTROL_H
#define LLMQ_CONTROL_H

#include "llmq.h"

#include <apr_pools.h>

#define LLMQ_CONTROL_MESSAGE_MAX 500 /* bytes of a maintenance message */

/** Maintenance: nothing new is accepted. */
typedef struct llmq_control_maintenance_t {
    int on;
    const char *message; /* "" if none was given */
} llmq_control_maintenance_t;

/**
 * @param json the value of the setting, NULL if there is none
 * @param p    scratch
 * @return the paused levels, bit 1 << level for each
 * @threads any
 */
unsigned int llmq_control_paused_parse(const char *json, apr_pool_t *p);

/**
 * @param levels bits as of llmq_control_paused_parse()
 * @param p      pool of the text
 * @return the value of the setting
 * @threads any
 */
const char *llmq_control_paused_format(unsigned int levels, apr_pool_t *p);

/**
 * @param m    out
 * @param json the value of the setting, NULL if there is none
 * @param p    pool of the message
 * @threads any
 */
void llmq_control_maintenance_parse(llmq_control_maintenance_t *m, const char *json,
                                    apr_pool_t *p);

/**
 * @param m what to store
 * @param p pool of the text
 * @return the value of the setting
 * @threads any
 */
const char *llmq_control_maintenance_format(const llmq_control_maintenance_t *m,
                                            apr_pool_t *p);

#endif /* LLMQ_CONTROL_H */
