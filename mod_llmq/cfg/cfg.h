/**
 * @file cfg.h
 * What httpd.conf says. Two records: llmq_cfg_server_t for what concerns the whole server
 * (one queue, one dispatcher, one database), set outside of virtual hosts; llmq_cfg_dir_t
 * for what may differ by location and virtual host. Both are read-only once children run.
 * The library's settings structs are filled here; nothing below includes this header.
 * @threads any: what is read here does not change once children run
 */
#ifndef LLMQ_CFG_H
#define LLMQ_CFG_H

#include "backend/backend.h"
#include "bus/redis.h"
#include "core/app.h"
#include "core/lease.h"
#include "core/ledger.h"
#include "core/limiter.h"
#include "core/price.h"
#include "core/conversation.h"
#include "core/message.h"
#include "core/roster.h"
#include "core/run.h"
#include "core/task_type.h"
#include "core/token.h"
#include "dispatch/dispatch.h"
#include "queue/queue_types.h"
#include "store/store_commit.h"

#include <ap_expr.h>
#include <apr_hash.h>
#include <httpd.h>
#include <http_config.h>

/** The handlers that SetHandler can name; words in cfg.c. */
typedef enum {
    LLMQ_HANDLER_NONE = 0,
    LLMQ_HANDLER_QUEUE,    /* llmq-queue */
    LLMQ_HANDLER_HEALTH,   /* llmq-health */
    LLMQ_HANDLER_METRICS,  /* llmq-metrics */
    LLMQ_HANDLER_SESSIONS, /* llmq-sessions */
    LLMQ_HANDLER_APPS,     /* llmq-apps */
    LLMQ_HANDLER_OPENAI,   /* llmq-openai */
    LLMQ_HANDLER_COUNT
} llmq_handler_e;

/** A `<Location>` with one of our handlers. */
typedef struct llmq_mount_t {
    const char *path; /* without a final slash; "" for the root */
    apr_size_t len;   /* bytes of path */
    llmq_handler_e handler;
} llmq_mount_t;

/** Where a token may stand: bits. */
#define LLMQ_SOURCE_HEADER 1
#define LLMQ_SOURCE_QUERY  2
#define LLMQ_SOURCE_COOKIE 4

/** How often a caller may come (LLMQRateLimit). */
typedef struct llmq_cfg_rate_t {
    llmq_limiter_conf_t conf;  /* limit 0: as often as it likes */
    const ap_expr_info_t *key; /* who is counted; NULL: the user, else the address */
    apr_uint64_t seed;         /* of the directive's place: each counts by itself */
} llmq_cfg_rate_t;

/** What LLMQLimit and LLMQBudget limit, and whose account it is. */
typedef enum {
    LLMQ_QUOTA_REQUESTS = 0,
    LLMQ_QUOTA_TOKENS,
    LLMQ_QUOTA_CONCURRENCY,
    LLMQ_QUOTA_COST
} llmq_quota_what_e;
typedef enum {
    LLMQ_QUOTA_USER = 0, /* of the job */
    LLMQ_QUOTA_APIKEY,   /* who calls */
    LLMQ_QUOTA_TENANT    /* all of it */
} llmq_quota_key_e;

/** One line of them. */
typedef struct llmq_cfg_quota_t {
    llmq_quota_what_e what;
    llmq_quota_key_e key;
    const ap_expr_info_t *expr; /* the key instead; NULL: none */
    llmq_ledger_conf_t rule;    /* of concurrency only its limit counts */
    int queues;                 /* non-zero: who is over it waits */
    apr_uint64_t seed;          /* of what the line says */
} llmq_cfg_quota_t;

/** Rules of the preprocessor of one section (cfg_rules.h). */
typedef struct llmq_cfg_rules_t llmq_cfg_rules_t;

/** A pair of an LLMQModel; backends may be configured below it. */
typedef struct {
    const char *model;
    const char *backend;
    const char *upstream; /* NULL: not given */
    const ap_directive_t *line;
} llmq_model_line_t;

/** Server-wide settings; their defaults stand in a table of cfg.c. */
typedef struct llmq_cfg_server_t {
    int dispatcher;                     /* LLMQDispatcher */
    const char *node;                   /* LLMQNode; NULL until post_config */
    llmq_queue_conf_t queue;            /* LLMQQueueSize … LLMQTenantReserve */
    llmq_queue_conf_t task_queue;       /* LLMQTaskQueueSize, LLMQTaskConcurrency */
    llmq_task_types_t *task_types;      /* LLMQTaskType */
    apr_interval_time_t store_timeout;  /* LLMQStoreTimeout */
    apr_interval_time_t slow_query;     /* LLMQSlowQuery */
    apr_interval_time_t node_timeout;   /* LLMQNodeTimeout */
    llmq_commit_conf_t commit;          /* LLMQCommitRows, LLMQCommitDelay */
    llmq_retry_conf_t retry;            /* LLMQRetryDelay */
    int max_deliveries;                 /* LLMQMaxDeliveries */
    apr_array_header_t *handlers;       /* LLMQTaskHandler, of llmq_handler_conf_t * */
    llmq_courier_conf_t courier;        /* LLMQWebhookKey … LLMQWebhookConcurrency */
    llmq_egress_t *egress;              /* LLMQWebhookAllow; NULL: not given */
    int batch;                          /* LLMQDispatchBatch */
    llmq_chat_conf_t chat;              /* LLMQContextTurns, LLMQContextBytes */
    apr_interval_time_t cleanup;        /* LLMQCleanupInterval */
    apr_interval_time_t session_ttl;    /* LLMQSessionTTL; 0: for ever */
    apr_interval_time_t completion_ttl; /* LLMQCompletionTTL; 0: for ever */
    llmq_pace_conf_t pace;              /* LLMQAutoscale, LLMQQueueConcurrency */
    apr_interval_time_t key_cache;      /* LLMQKeyCache */
    llmq_roster_conf_t roster;          /* LLMQMaxWorkers … LLMQWorkerRetention */
    int max_held;                       /* LLMQMaxHeld; 0: half of the workers */
    int max_parked;                     /* LLMQMaxParked, of a child */
    int max_streams;                    /* LLMQMaxStreams, of a child */
    apr_size_t park_buffer;             /* LLMQParkBuffer, of a child */
    apr_size_t stream_buffer;           /* LLMQStreamBuffer, of a stream */
    apr_size_t replay_max;              /* LLMQGatewayReplay; 0: no answer is kept */
    apr_size_t relay_buffer;            /* LLMQRelayBuffer, of a listener */
    apr_interval_time_t event_poll;     /* LLMQEventPoll, the first time... */
    apr_interval_time_t event_patrol;   /* ...and the second */
    apr_size_t event_ring;              /* LLMQEventRing, bytes */
    apr_interval_time_t delta_interval; /* LLMQDeltaInterval; 0: each piece by itself */
    int rate_keys;                      /* LLMQRateLimitKeys */
    int quota_keys;                     /* LLMQLimitKeys */
    apr_array_header_t *prices;         /* LLMQPrice: llmq_price_conf_t */
    llmq_balance_conf_t balance;        /* LLMQBalance, LLMQAffinity */
    llmq_redis_conf_t redis;            /* LLMQRedis … LLMQRedisPrefix */
    apr_array_header_t *backends;       /* llmq_backend_conf_t *, in order */
    apr_array_header_t *agents;         /* llmq_agent_conf_t *, in order */
    apr_array_header_t *run_agents;     /* the same as llmq_run_agent_t */
    apr_array_header_t *model_lines;    /* LLMQModel: llmq_model_line_t, as read */
    llmq_models_t *models;              /* LLMQModel; empty until post_config */
    llmq_backend_conf_t *open_backend;  /* the block being read, else NULL */
    llmq_agent_conf_t *open_agent;      /* the <LLMQAgent> being read, else NULL */
    apr_array_header_t *mounts;         /* llmq_mount_t *, of this virtual host */
    apr_array_header_t *rules;          /* llmq_cfg_rules_t *, of all its sections */
    apr_hash_t *tenant_limits; /* LLMQTenantLimit: name → llmq_queue_tenant_conf_t */
} llmq_cfg_server_t;

/** Settings of a location. Unset numbers are -1, unset strings NULL. A new one belongs into
 * the lists of cfg.c, which make and merge them. */
typedef struct llmq_cfg_dir_t {
    const llmq_mount_t *mount;       /* of SetHandler; handler NONE: not ours */
    const char *tenant;              /* LLMQTenant */
    apr_int64_t max_content;         /* LLMQMaxContent, bytes */
    int max_depth;                   /* LLMQMaxDepth */
    apr_int64_t max_tree;            /* LLMQMaxTree, bytes */
    int max_retries;                 /* LLMQMaxRetries */
    apr_interval_time_t timeout;     /* LLMQTimeout */
    apr_interval_time_t max_timeout; /* LLMQMaxTimeout */
    apr_interval_time_t max_delay;   /* LLMQMaxDelay */
    apr_interval_time_t retry_after; /* LLMQRetryAfter */
    apr_interval_time_t max_wait;    /* LLMQMaxWait */
    apr_interval_time_t idem_ttl;    /* LLMQIdempotencyTTL */
    apr_array_header_t *webhooks;    /* LLMQWebhook, of const char *; empty: none */
    const llmq_cfg_rate_t *rate;     /* LLMQRateLimit */
    apr_array_header_t *quotas;      /* LLMQLimit, LLMQBudget: llmq_cfg_quota_t */
    apr_array_header_t *model_use;   /* LLMQModelUse, of const char *; empty: all */
    int maintenance;                 /* LLMQMaintenance */
    apr_array_header_t *secrets;     /* LLMQTokenSecret, of llmq_token_secret_t */
    const char *issuer;              /* LLMQTokenIssuer */
    apr_interval_time_t leeway;      /* LLMQTokenLeeway */
    int token_sources;               /* LLMQTokenSource, bits */
    apr_hash_t *fair_weights;        /* LLMQFairnessWeight: key → int */
    int fair_cap;                    /* LLMQFairnessCap, 0 = none */
    apr_interval_time_t deadline;    /* LLMQDeadline, 0 = none */
    int auth;                        /* LLMQAuth */
    int admin;                       /* LLMQAdmin */
    int preprocess;                  /* LLMQPreprocess */
    int keywords;                    /* LLMQKeywords */
    apr_int64_t long_content;        /* LLMQLongContent, bytes; 0: never long */
    int max_rules;                   /* LLMQMaxRules */
    apr_array_header_t *rules; /* LLMQRule, LLMQUserPriority; of llmq_cfg_rules_t * */
    const ap_expr_info_t *fairness_key;     /* LLMQFairnessKey */
    apr_int64_t max_title;                  /* LLMQMaxTitle, bytes */
    apr_int64_t max_context;                /* LLMQMaxContext, bytes */
    apr_interval_time_t conv_ttl;           /* LLMQConversationTTL */
    int auto_create;                        /* LLMQConversationAutoCreate */
    int parallel;                           /* LLMQConversationOrder parallel */
    const char *agent;                      /* LLMQAgentUse */
    int run_conflict;                       /* LLMQRunConflict */
    apr_int64_t task_max_payload;           /* LLMQTaskMaxPayload, bytes */
    int task_max_batch;                     /* LLMQTaskMaxBatch */
    int task_max_retries;                   /* LLMQTaskMaxRetries, the first number */
    int task_most_retries;                  /* LLMQTaskMaxRetries, the second */
    apr_interval_time_t task_timeout;       /* LLMQTaskTimeout */
    apr_interval_time_t task_max_timeout;   /* LLMQTaskMaxTimeout */
    apr_interval_time_t lease;              /* LLMQLease */
    apr_interval_time_t max_lease;          /* LLMQMaxLease */
    int claim_limit;                        /* LLMQClaimLimit */
    apr_interval_time_t sse_heartbeat;      /* LLMQSSEHeartbeat; 0: none */
    apr_interval_time_t sse_max_age;        /* LLMQSSEMaxAge */
    apr_interval_time_t sse_retry;          /* LLMQSSERetry */
    apr_interval_time_t debug_timeout;      /* LLMQDebugTimeout */
    int apps_200;                           /* LLMQAppsHTTPStatus always-200 */
    apr_interval_time_t gateway_linger;     /* LLMQGatewayLinger; 0: not at all */
    apr_interval_time_t gateway_keep_alive; /* LLMQGatewayKeepAlive; 0: none */
    apr_interval_time_t gateway_timeout;    /* LLMQGatewayTimeout */
} llmq_cfg_dir_t;

/** mod_dbd's settings of the main server, which the dispatcher needs for itself. */
typedef struct llmq_cfg_dbd_t {
    const char *driver; /* NULL when mod_dbd is not configured */
    const char *params;
} llmq_cfg_dbd_t;

extern const command_rec llmq_cfg_cmds[];

/**
 * @param p pool of the configuration
 * @param s the server or virtual host
 * @return an llmq_cfg_server_t with the defaults
 * @phase the configuration is read; @threads single
 */
void *llmq_cfg_create_server(apr_pool_t *p, server_rec *s);

/**
 * @param p    pool of the configuration
 * @param base the main server's llmq_cfg_server_t
 * @param add  the virtual host's
 * @return what holds in the virtual host: all as in the main server, the mounts of both
 * @phase the configuration was read; @threads single
 */
void *llmq_cfg_merge_server(apr_pool_t *p, void *base, void *add);

/**
 * @param p    pool of the configuration
 * @param path of the location; NULL for a whole server
 * @return an llmq_cfg_dir_t with nothing set
 * @phase the configuration is read; @threads single
 */
void *llmq_cfg_create_dir(apr_pool_t *p, char *path);

/**
 * @param p    pool of the result; a request's when httpd merges for it
 * @param base llmq_cfg_dir_t of the outer section
 * @param add  of the inner one, which wins where it is set
 * @return both together
 * @phase the configuration was read, and each request
 */
void *llmq_cfg_merge_dir(apr_pool_t *p, void *base, void *add);

/**
 * @param s a server
 * @return its settings; server-wide ones are only valid in the main server's
 */
llmq_cfg_server_t *llmq_cfg_server(server_rec *s);

/**
 * @param r a request
 * @return the merged settings of its location
 */
const llmq_cfg_dir_t *llmq_cfg_dir(request_rec *r);

/**
 * @param dir settings of a location
 * @return its tenant, never NULL
 */
const char *llmq_cfg_tenant(const llmq_cfg_dir_t *dir);

/**
 * Limits of new messages at a location, defaults filled in.
 * @param conf out
 * @param dir  settings of the location
 */
void llmq_cfg_message(llmq_message_conf_t *conf, const llmq_cfg_dir_t *dir);

/**
 * Limits of new tasks at a location, defaults filled in.
 * @param conf out
 * @param dir  settings of the location
 * @param s    the request's server
 */
void llmq_cfg_task(llmq_task_conf_t *conf, const llmq_cfg_dir_t *dir, server_rec *s);

/**
 * @param s a server
 * @return the types of tasks that there are, the same for all virtual hosts
 */
const llmq_task_types_t *llmq_cfg_task_types(server_rec *s);

/**
 * Make the models of what was read, once the backends are known.
 * @param conf the main server's
 * @param p    pool of the configuration
 * @phase post_config
 */
void llmq_cfg_model_complete(llmq_cfg_server_t *conf, apr_pool_t *p);

/**
 * What holds for new runs at a location, defaults filled in.
 * @param conf out
 * @param dir  settings of the location
 * @param s    the request's server
 */
void llmq_cfg_agent_runs(llmq_run_conf_t *conf, const llmq_cfg_dir_t *dir, server_rec *s);

/**
 * What tokens at a location are checked against.
 * @param conf out
 * @param dir  settings of the location
 */
void llmq_cfg_token(llmq_token_conf_t *conf, const llmq_cfg_dir_t *dir);

/**
 * @param dir settings of a location
 * @return LLMQ_SOURCE_… bits: where a token may stand
 */
int llmq_cfg_token_sources(const llmq_cfg_dir_t *dir);

/**
 * Limits of conversations at a location, defaults filled in.
 * @param conf out
 * @param dir  settings of the location
 */
void llmq_cfg_conversation(llmq_conversation_conf_t *conf, const llmq_cfg_dir_t *dir);

/**
 * @param dir settings of a location
 * @return non-zero if the first message of an unknown conversation begins it
 */
int llmq_cfg_conversation_auto_create(const llmq_cfg_dir_t *dir);

/**
 * @param dir settings of a location
 * @return non-zero if the messages of a conversation need not wait for one another
 */
int llmq_cfg_conversation_parallel(const llmq_cfg_dir_t *dir);

/**
 * Who is to hear of the end of a job that is accepted here.
 * @param dir settings of a location
 * @param own what the job itself asks for, as core/callback keeps it; NULL: nothing
 * @param p   pool of the text
 * @return JSON array of URLs; NULL: nobody
 */
const char *llmq_cfg_push_callbacks(const llmq_cfg_dir_t *dir, const char *own,
                                    apr_pool_t *p);

/**
 * @param dir settings of a location
 * @return seconds for Retry-After, >= 1
 */
int llmq_cfg_retry_after_sec(const llmq_cfg_dir_t *dir);

/**
 * @param dir settings of a location
 * @return the longest time that a request may wait for its message
 */
apr_interval_time_t llmq_cfg_max_wait(const llmq_cfg_dir_t *dir);

/**
 * Limits of what callers send of apps at a location, defaults filled in.
 * @param conf out
 * @param dir  settings of the location
 */
void llmq_cfg_app(llmq_app_conf_t *conf, const llmq_cfg_dir_t *dir);

/**
 * @param dir settings of a location
 * @return how long a debug turn of an app may take
 */
apr_interval_time_t llmq_cfg_app_timeout(const llmq_cfg_dir_t *dir);

/**
 * @param dir settings of a location
 * @return non-zero if all answers of S2 shall have the status 200
 */
int llmq_cfg_app_is_always_200(const llmq_cfg_dir_t *dir);

/**
 * @param dir settings of a location
 * @return how long a worker has a job where it does not say, at most llmq_cfg_lease_max()
 */
apr_interval_time_t llmq_cfg_lease_usual(const llmq_cfg_dir_t *dir);

/**
 * @param dir settings of a location
 * @return the longest lease that a worker may ask for
 */
apr_interval_time_t llmq_cfg_lease_max(const llmq_cfg_dir_t *dir);

/**
 * @param dir settings of a location
 * @return how long an event stream may be silent; 0: for ever
 */
apr_interval_time_t llmq_cfg_stream_heartbeat(const llmq_cfg_dir_t *dir);

/**
 * @param dir settings of a location
 * @return how long an event stream lasts
 */
apr_interval_time_t llmq_cfg_stream_max_age(const llmq_cfg_dir_t *dir);

/**
 * @param dir settings of a location
 * @return how long a client shall wait before it opens an event stream again
 */
apr_interval_time_t llmq_cfg_stream_retry(const llmq_cfg_dir_t *dir);

/**
 * @param dir settings of a location
 * @return how long the thread of a completion waits before it lets go; 0: not at all
 */
apr_interval_time_t llmq_cfg_gateway_linger(const llmq_cfg_dir_t *dir);

/**
 * @param dir settings of a location
 * @return how long the stream of a completion may be silent; 0: for ever
 */
apr_interval_time_t llmq_cfg_gateway_keep_alive(const llmq_cfg_dir_t *dir);

/**
 * @param dir settings of a location
 * @param all the models of the server
 * @param p   pool of a list that is shorter
 * @return those that may be asked for at the location
 */
const llmq_models_t *llmq_cfg_model_use(const llmq_cfg_dir_t *dir,
                                        const llmq_models_t *all, apr_pool_t *p);

/**
 * @param dir settings of a location
 * @return how long one attempt of a completion may take (> 0)
 */
apr_interval_time_t llmq_cfg_gateway_timeout(const llmq_cfg_dir_t *dir);

/**
 * @param dir settings of a location
 * @return the most jobs of one claim
 */
int llmq_cfg_lease_claim_limit(const llmq_cfg_dir_t *dir);

/**
 * @param dir settings of a location
 * @return how long an answer under an idempotency key is kept
 */
apr_interval_time_t llmq_cfg_idempotency_ttl(const llmq_cfg_dir_t *dir);

/**
 * How often a fairness key is served in a turn.
 * @param dir settings of the location
 * @param key the key's text, as LLMQFairnessKey makes it (by default: the user)
 * @return 1 to 1000; 1 for a key that no LLMQFairnessWeight names
 */
int llmq_cfg_fairness_weight(const llmq_cfg_dir_t *dir, const char *key);

/**
 * @param dir settings of a location
 * @return most messages of a fairness key that run at once in a level, 0 = no cap
 */
int llmq_cfg_fairness_cap(const llmq_cfg_dir_t *dir);

/**
 * @param dir settings of a location
 * @return how long after it may begin a message must have begun, 0 = no matter
 */
apr_interval_time_t llmq_cfg_deadline(const llmq_cfg_dir_t *dir);

/**
 * The mount that a path belongs to, for errors that httpd finds before it knows the
 * location: the longest that is a prefix of @a uri.
 * @param s   the request's server
 * @param uri its decoded path
 * @return the mount or NULL
 */
const llmq_mount_t *llmq_cfg_find_mount(server_rec *s, const char *uri);

/**
 * @param word what SetHandler names
 * @return the handler, LLMQ_HANDLER_NONE if it is not ours
 */
llmq_handler_e llmq_cfg_handler_parse(const char *word);

/**
 * Read DBDriver and DBDParams of the main server from the configuration tree; mod_dbd has
 * no call that tells them.
 * @param dbd out
 * @param p   pool of the texts
 * @phase post_config
 */
void llmq_cfg_dbd(llmq_cfg_dbd_t *dbd, apr_pool_t *p);

#endif /* LLMQ_CFG_H */
