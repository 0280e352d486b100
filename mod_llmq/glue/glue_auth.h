/**
 * @file glue_auth.h
 * Identity as httpd wants it: the hooks behind `AuthType Bearer` and `LLMQAuth`, and the
 * providers behind `AuthBasicProvider llmq`, `Require llmq-scope` and `Require llmq-admin`.
 */
#ifndef LLMQ_GLUE_AUTH_H
#define LLMQ_GLUE_AUTH_H

#include <httpd.h>

/**
 * Register hooks and providers.
 * @param p pool of the configuration
 * @phase register_hooks
 */
void llmq_glue_auth_register(apr_pool_t *p);

#endif /* LLMQ_GLUE_AUTH_H */
