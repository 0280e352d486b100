/**
 * @file ctl.h
 * llmqctl: what its commands share. A command is a function of the file ctl_<noun>.c; the
 * table in llmqctl.c says which options it knows and how it is called.
 * @threads single
 */
#ifndef LLMQ_CTL_H
#define LLMQ_CTL_H

#include "store/store.h"

#include <apr_pools.h>

/** Exit codes. */
#define LLMQ_CTL_OK     0
#define LLMQ_CTL_FAILED 1 /* the database is away, no such thing … */
#define LLMQ_CTL_USAGE  2 /* not called as it should be */

/** Options with their names; `=` wants a value. */
#define LLMQ_CTL_OPTIONS(X)                                                              \
    X(CONF, "conf", 1)                                                                   \
    X(HTTPD_CONF, "httpd-conf", 1)                                                       \
    X(JSON, "json", 0)                                                                   \
    X(SECRET_FILE, "secret-file", 1)                                                     \
    X(SUB, "sub", 1)                                                                     \
    X(TENANT, "tenant", 1)                                                               \
    X(SCOPE, "scope", 1)                                                                 \
    X(ADMIN, "admin", 0)                                                                 \
    X(EXP, "exp", 1)                                                                     \
    X(ISS, "iss", 1)                                                                     \
    X(KIND, "kind", 1)                                                                   \
    X(NAME, "name", 1)                                                                   \
    X(ICON, "icon", 1)                                                                   \
    X(DESCRIPTION, "description", 1)                                                     \
    X(LIMIT, "limit", 1)                                                                 \
    X(SINCE, "since", 1)                                                                 \
    X(UNTIL, "until", 1)                                                                 \
    X(KEY, "key", 1)                                                                     \
    X(API_KEY, "api-key", 1)                                                             \
    X(MODEL, "model", 1)                                                                 \
    X(ALL, "all", 0)

#define LLMQ_CTL_ENUM(id, name, arg) LLMQ_CTL_##id,
typedef enum { LLMQ_CTL_OPTIONS(LLMQ_CTL_ENUM) LLMQ_CTL_OPTION_COUNT } llmq_ctl_option_e;
#undef LLMQ_CTL_ENUM

/** One call of the program. */
typedef struct llmq_ctl_t {
    const char *options[LLMQ_CTL_OPTION_COUNT]; /* NULL: not given; "" for a mere flag */
    char **operands;                            /* what stands behind the command */
    int n_operands;
    apr_pool_t *pool;
} llmq_ctl_t;

/** A command. Returns an exit code; what is wrong was written to stderr. */
typedef int llmq_ctl_fn_t(llmq_ctl_t *ctl);

/* ctl_token.c */
llmq_ctl_fn_t llmq_ctl_token_run;
/* ctl_app.c */
llmq_ctl_fn_t llmq_ctl_app_create;
llmq_ctl_fn_t llmq_ctl_app_list;
llmq_ctl_fn_t llmq_ctl_app_token;
/* ctl_key.c */
llmq_ctl_fn_t llmq_ctl_key_create;
llmq_ctl_fn_t llmq_ctl_key_list;
llmq_ctl_fn_t llmq_ctl_key_revoke;
/* ctl_dead.c */
llmq_ctl_fn_t llmq_ctl_dead_list;
llmq_ctl_fn_t llmq_ctl_dead_requeue;
llmq_ctl_fn_t llmq_ctl_dead_delete;
/* ctl_usage.c */
llmq_ctl_fn_t llmq_ctl_usage_run;
/* ctl_status.c */
llmq_ctl_fn_t llmq_ctl_status_run;
llmq_ctl_fn_t llmq_ctl_status_migrate;

#endif /* LLMQ_CTL_H */
