/**
 * @file cfg_set.h
 * The setters behind the rows of cfg_cmds.c, by file. Each returns NULL or the sentence that
 * `apachectl -t` shows.
 * @phase the configuration is read
 * @threads single
 */
#ifndef LLMQ_CFG_SET_H
#define LLMQ_CFG_SET_H

#include "cfg/cfg.h"

typedef const char *llmq_cfg_flag_fn_t(cmd_parms *cmd, void *dir, int on);
typedef const char *llmq_cfg_take1_fn_t(cmd_parms *cmd, void *dir, const char *arg);
typedef const char *llmq_cfg_take2_fn_t(cmd_parms *cmd, void *dir, const char *first,
                                        const char *second);
typedef const char *llmq_cfg_argv_fn_t(cmd_parms *cmd, void *dir, int argc,
                                       char *const argv[]);
typedef const char *llmq_cfg_take3_fn_t(cmd_parms *cmd, void *dir, const char *first,
                                        const char *second, const char *third);
typedef const char *llmq_cfg_raw_fn_t(cmd_parms *cmd, void *dir, const char *args);

/* cfg_global.c: the whole server */
llmq_cfg_flag_fn_t llmq_cfg_global_set_dispatcher;
llmq_cfg_take1_fn_t llmq_cfg_global_set_node;
llmq_cfg_take1_fn_t llmq_cfg_global_set_duration; /* 100 ms to 1 h, at cmd->info */
llmq_cfg_take1_fn_t llmq_cfg_global_set_count;    /* 1 to 10,000, at cmd->info */
llmq_cfg_take2_fn_t llmq_cfg_global_set_queue_size;
llmq_cfg_take3_fn_t llmq_cfg_global_set_queue_concurrency;
llmq_cfg_take2_fn_t llmq_cfg_global_set_commit_delay;
llmq_cfg_take2_fn_t llmq_cfg_global_set_retry_delay;

/* cfg_metrics.c: what is measured */
llmq_cfg_take1_fn_t llmq_cfg_metrics_set_slow_query;

/* cfg_location.c: locations */
llmq_cfg_take1_fn_t llmq_cfg_location_set_tenant;
llmq_cfg_take1_fn_t llmq_cfg_location_set_max_content;
llmq_cfg_take1_fn_t llmq_cfg_location_set_max_depth;
llmq_cfg_take1_fn_t llmq_cfg_location_set_max_tree;
llmq_cfg_take1_fn_t llmq_cfg_location_set_max_retries;
llmq_cfg_take1_fn_t llmq_cfg_location_set_duration; /* 100 ms to 1 d, at cmd->info */
llmq_cfg_raw_fn_t llmq_cfg_location_hear_handler;   /* core's SetHandler */

/* cfg_sched.c: tenants, turns, ageing, deadlines */
llmq_cfg_take1_fn_t llmq_cfg_sched_set_max_tenants;
llmq_cfg_take1_fn_t llmq_cfg_sched_set_reserve;
llmq_cfg_take1_fn_t llmq_cfg_sched_set_ageing;
llmq_cfg_argv_fn_t llmq_cfg_sched_set_tenant_limit;
llmq_cfg_take2_fn_t llmq_cfg_sched_set_weight;
llmq_cfg_take1_fn_t llmq_cfg_sched_set_cap;
llmq_cfg_take1_fn_t llmq_cfg_sched_set_deadline;

/* cfg_model.c: what callers of the gateway may ask for */
llmq_cfg_argv_fn_t llmq_cfg_model_set;
llmq_cfg_take1_fn_t llmq_cfg_model_set_ttl;
llmq_cfg_argv_fn_t llmq_cfg_model_use_set;

/* cfg_task.c: tasks */
llmq_cfg_argv_fn_t llmq_cfg_task_set_type;
llmq_cfg_take1_fn_t llmq_cfg_task_set_concurrency;
llmq_cfg_take2_fn_t llmq_cfg_task_set_queue_size;
llmq_cfg_take1_fn_t llmq_cfg_task_set_max_payload;
llmq_cfg_take1_fn_t llmq_cfg_task_set_max_batch;
llmq_cfg_take1_fn_t llmq_cfg_task_set_duration; /* 1 s to 7 d, at cmd->info */
llmq_cfg_take2_fn_t llmq_cfg_task_set_max_retries;

/* cfg_ops.c: delays, autoscaling */
llmq_cfg_take1_fn_t llmq_cfg_ops_set_max_delay;
llmq_cfg_flag_fn_t llmq_cfg_ops_set_autoscale;

/* cfg_backend.c: <LLMQBackend> and what stands inside */
llmq_cfg_raw_fn_t llmq_cfg_backend_block;
llmq_cfg_take1_fn_t llmq_cfg_backend_set_kind;
llmq_cfg_take1_fn_t llmq_cfg_backend_set_url;
llmq_cfg_take1_fn_t llmq_cfg_backend_set_model;
llmq_cfg_take1_fn_t llmq_cfg_backend_set_key_file;
llmq_cfg_flag_fn_t llmq_cfg_backend_set_stream;
llmq_cfg_take1_fn_t llmq_cfg_backend_set_concurrency;
llmq_cfg_take1_fn_t llmq_cfg_backend_set_max_answer;
llmq_cfg_take1_fn_t llmq_cfg_backend_set_duration; /* 10 ms to 1 d, at cmd->info */

/* cfg_balance.c: how work is shared out, server-wide and inside <LLMQBackend> */
llmq_cfg_take1_fn_t llmq_cfg_balance_set_algorithm;
llmq_cfg_take2_fn_t llmq_cfg_balance_set_affinity;
llmq_cfg_take1_fn_t llmq_cfg_balance_set_weight;
llmq_cfg_take1_fn_t llmq_cfg_balance_set_group;
llmq_cfg_flag_fn_t llmq_cfg_balance_set_spill;
llmq_cfg_take1_fn_t llmq_cfg_balance_set_max_failures;
llmq_cfg_take2_fn_t llmq_cfg_balance_set_cooldown;
llmq_cfg_take2_fn_t llmq_cfg_balance_set_health;

/* cfg_agent.c: agents of sessions */
llmq_cfg_raw_fn_t llmq_cfg_agent_block;
llmq_cfg_take3_fn_t llmq_cfg_agent_set_retries;
llmq_cfg_take1_fn_t llmq_cfg_agent_set_use;
llmq_cfg_take1_fn_t llmq_cfg_agent_set_conflict;

/* cfg_push.c: handlers of tasks, webhooks */
llmq_cfg_argv_fn_t llmq_cfg_push_set_handler;
llmq_cfg_take2_fn_t llmq_cfg_push_set_webhook_key;
llmq_cfg_take1_fn_t llmq_cfg_push_allow; /* once for each word */
llmq_cfg_take1_fn_t llmq_cfg_push_set_webhook_timeout;
llmq_cfg_take3_fn_t llmq_cfg_push_set_webhook_retries;
llmq_cfg_take2_fn_t llmq_cfg_push_set_webhook_concurrency;
llmq_cfg_take1_fn_t llmq_cfg_push_add_webhook; /* once for each word */

/* cfg_stream.c: event streams */
llmq_cfg_take1_fn_t llmq_cfg_stream_set_heartbeat;
llmq_cfg_take1_fn_t llmq_cfg_stream_set_max_age;
llmq_cfg_take1_fn_t llmq_cfg_stream_set_retry;
llmq_cfg_take1_fn_t llmq_cfg_stream_set_buffer;
llmq_cfg_take2_fn_t llmq_cfg_stream_set_poll;

/* cfg_gateway.c: completions */
llmq_cfg_take1_fn_t llmq_cfg_gateway_set_linger;
llmq_cfg_take1_fn_t llmq_cfg_gateway_set_keep_alive;
llmq_cfg_take1_fn_t llmq_cfg_gateway_set_timeout;
llmq_cfg_take1_fn_t llmq_cfg_gateway_set_buffer;
llmq_cfg_take1_fn_t llmq_cfg_gateway_set_replay;

/* cfg_auth.c: identity */
llmq_cfg_take1_fn_t llmq_cfg_auth_set_secret;
llmq_cfg_take1_fn_t llmq_cfg_auth_set_issuer;
llmq_cfg_take1_fn_t llmq_cfg_auth_set_leeway;
llmq_cfg_take1_fn_t llmq_cfg_auth_set_source; /* once for each word */
llmq_cfg_flag_fn_t llmq_cfg_auth_set_auth;
llmq_cfg_flag_fn_t llmq_cfg_auth_set_admin;

/* cfg_worker.c: the registry of workers */
llmq_cfg_take1_fn_t llmq_cfg_worker_set_max;
llmq_cfg_take1_fn_t llmq_cfg_worker_set_timeout;
llmq_cfg_take1_fn_t llmq_cfg_worker_set_retention;

/* cfg_lease.c: what workers may have */
llmq_cfg_take1_fn_t llmq_cfg_lease_set_deliveries;
llmq_cfg_take1_fn_t llmq_cfg_lease_set_time;
llmq_cfg_take1_fn_t llmq_cfg_lease_set_limit;

/* cfg_bus.c: the bus */
llmq_cfg_take1_fn_t llmq_cfg_bus_set_delta; /* 0 to 10 s */
llmq_cfg_take1_fn_t llmq_cfg_bus_set_ring;  /* 64 KiB to 1 GiB */

/* cfg_limits.c: what callers may do */
llmq_cfg_flag_fn_t llmq_cfg_limits_set_maintenance;
llmq_cfg_take1_fn_t llmq_cfg_limits_set_ttl;
llmq_cfg_take1_fn_t llmq_cfg_limits_set_max_wait;
llmq_cfg_take1_fn_t llmq_cfg_limits_set_max_held;
llmq_cfg_take1_fn_t llmq_cfg_limits_set_max_parked;
llmq_cfg_take1_fn_t llmq_cfg_limits_set_max_streams;
llmq_cfg_take1_fn_t llmq_cfg_limits_set_park_buffer;
llmq_cfg_take1_fn_t llmq_cfg_limits_set_rate_keys;
llmq_cfg_argv_fn_t llmq_cfg_limits_set_rate;
/* cfg_quota.c */
llmq_cfg_take1_fn_t llmq_cfg_quota_set_keys;
llmq_cfg_argv_fn_t llmq_cfg_quota_add_limit;
llmq_cfg_argv_fn_t llmq_cfg_quota_add_budget;
llmq_cfg_take3_fn_t llmq_cfg_quota_add_price;

/**
 * All has been read: a budget without any price is told, as it bounds nothing.
 * @param conf the main server's settings
 * @param s    the main server
 */
void llmq_cfg_quota_check(const llmq_cfg_server_t *conf, server_rec *s);
/**
 * A block has been read: fill what depends on more than one of its directives.
 * @param b the backend
 */
void llmq_cfg_balance_complete(llmq_backend_conf_t *b);
/* cfg_rules.c: the preprocessor, fairness keys */
llmq_cfg_take2_fn_t llmq_cfg_rules_add; /* once for each pattern */
llmq_cfg_take2_fn_t llmq_cfg_rules_set_user;
llmq_cfg_flag_fn_t llmq_cfg_rules_set_on; /* at cmd->info */
llmq_cfg_take1_fn_t llmq_cfg_rules_set_long;
llmq_cfg_take1_fn_t llmq_cfg_rules_set_max;
llmq_cfg_take1_fn_t llmq_cfg_rules_set_fairness_key;

/* cfg_redis.c */
llmq_cfg_argv_fn_t llmq_cfg_redis_set_server;
llmq_cfg_take1_fn_t llmq_cfg_redis_set_password;
llmq_cfg_take1_fn_t llmq_cfg_redis_set_prefix;
/* cfg_conversation.c: conversations */
llmq_cfg_take1_fn_t llmq_cfg_conversation_set_ttl;
llmq_cfg_take1_fn_t llmq_cfg_conversation_set_order;
llmq_cfg_flag_fn_t llmq_cfg_conversation_set_auto_create;
llmq_cfg_take1_fn_t llmq_cfg_conversation_set_bytes; /* 0 to 16 MiB, at cmd->info */
llmq_cfg_take1_fn_t llmq_cfg_conversation_set_turns;
llmq_cfg_take1_fn_t llmq_cfg_conversation_set_turn_bytes;
llmq_cfg_take1_fn_t llmq_cfg_conversation_set_cleanup;
llmq_cfg_take1_fn_t llmq_cfg_session_set_ttl;

/* cfg_app.c: apps */
llmq_cfg_take1_fn_t llmq_cfg_app_set_timeout;
llmq_cfg_take1_fn_t llmq_cfg_app_set_status;

/**
 * What a backend is as long as nothing is said about it.
 * @param b    out
 * @param name of it
 */
void llmq_cfg_backend_init(llmq_backend_conf_t *b, const char *name);

/**
 * What is missing at the end of the section of a backend or agent.
 * @param b       what stands in it
 * @param section its directive, such as "<LLMQBackend"
 * @param p       for what is returned
 * @return NULL: nothing; else a sentence for the administrator
 */
const char *llmq_cfg_backend_fault(const llmq_backend_conf_t *b, const char *section,
                                   apr_pool_t *p);

/**
 * The agents are complete: each becomes a handler of the tasks' line. Where none is given
 * there is one, which answers by itself.
 * @param conf the main server's
 * @param p    pool of the configuration
 * @phase check_config, before llmq_cfg_push_name_lanes(); @threads single
 */
void llmq_cfg_agent_complete(llmq_cfg_server_t *conf, apr_pool_t *p);

/**
 * @param conf the main server's settings
 * @param s    the main server
 * @return OK; HTTP_INTERNAL_SERVER_ERROR after logging that an LLMQModel names a backend that
 *         does not exist, cannot do it, or was named before
 */
int llmq_cfg_model_check(const llmq_cfg_server_t *conf, server_rec *s);

/**
 * @param conf the main server's settings
 * @param p    pool of the list
 * @return what callers of the gateway may ask for: const char *; a name may stand twice
 */
apr_array_header_t *llmq_cfg_model_names(const llmq_cfg_server_t *conf, apr_pool_t *p);

/**
 * @param conf the main server's settings
 * @param s    the main server
 * @param p    for scratch
 * @return OK; HTTP_INTERNAL_SERVER_ERROR after logging that an LLMQModelUse names a model that
 *         does not exist
 */
int llmq_cfg_model_use_check(const llmq_cfg_server_t *conf, server_rec *s, apr_pool_t *p);

/**
 * Do the locations use agents that there are?
 * @param s    the main server
 * @return OK; HTTP_INTERNAL_SERVER_ERROR after logging what is wrong
 * @phase check_config; @threads single
 */
int llmq_cfg_agent_check(server_rec *s);

/**
 * Tell each handler which lanes of the queue of tasks are its own.
 * @param conf  the main server's
 * @param names the tenants
 * @param p     pool of the configuration
 * @phase check_config; @threads single
 */
void llmq_cfg_push_name_lanes(llmq_cfg_server_t *conf, apr_hash_t *names, apr_pool_t *p);

/**
 * Are the handlers those of types that there are?
 * @param conf the main server's, whose types are complete
 * @param s    the main server
 * @return OK; HTTP_INTERNAL_SERVER_ERROR after logging what is wrong
 * @phase check_config; @threads single
 */
int llmq_cfg_push_check(const llmq_cfg_server_t *conf, server_rec *s);

/**
 * The whole configuration was read: fill in what nothing was said about.
 * @param conf the main server's
 * @param p    pool of the configuration
 * @phase check_config; @threads single
 */
void llmq_cfg_push_complete(llmq_cfg_server_t *conf, apr_pool_t *p);

/**
 * Name each type of each tenant to the queue of tasks.
 * @param conf  the main server's, whose queue of tasks gets them
 * @param names the tenants: name → llmq_queue_tenant_conf_t
 * @param p     pool of the configuration
 * @phase check_config; @threads single
 */
void llmq_cfg_task_name_lanes(llmq_cfg_server_t *conf, apr_hash_t *names, apr_pool_t *p);

/**
 * The whole configuration was read: give the queue of tasks what depends on other settings.
 * @param conf the main server's, its queue of messages complete
 * @return APR_SUCCESS; APR_EINVAL its sizes are larger than the queue can index
 * @phase check_config; @threads single
 */
apr_status_t llmq_cfg_task_complete(llmq_cfg_server_t *conf);

/**
 * Find out which tenants the configuration names, of all virtual hosts, for what is
 * reserved for each.
 * @param p pool of the configuration
 * @param s the main server, whose queue settings get them
 * @phase check_config; @threads single
 */
void llmq_cfg_sched_name_tenants(apr_pool_t *p, server_rec *s);

#endif /* LLMQ_CFG_SET_H */
