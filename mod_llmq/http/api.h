/**
 * @file api.h
 * The functions behind the routes, by file. Each answers its request and returns OK.
 * @c id is the part of the path that a `*` of the route matched, decoded, NULL without
 * one. All run on request threads.
 */
#ifndef LLMQ_API_H
#define LLMQ_API_H

#include "http/service.h"

#include <httpd.h>

/** What a row of the route table calls. */
typedef int llmq_api_fn_t(request_rec *r, const llmq_service_t *service, const char *id);

/* api_app.c; {id} is an app's */
llmq_api_fn_t llmq_api_app_create;    /* POST /apps */
llmq_api_fn_t llmq_api_app_list;      /* GET /apps */
llmq_api_fn_t llmq_api_app_get;       /* GET /apps/{id} */
llmq_api_fn_t llmq_api_app_change;    /* POST /apps/{id} */
llmq_api_fn_t llmq_api_app_configure; /* POST, PUT /apps/{id}/config */
llmq_api_fn_t llmq_api_app_publish;   /* POST /apps/{id}/publish */
llmq_api_fn_t llmq_api_app_withdraw;  /* POST /apps/{id}/cancel-publish */
llmq_api_fn_t llmq_api_app_copy;      /* POST /apps/{id}/copy */
llmq_api_fn_t llmq_api_app_remove;    /* POST /apps/{id}/delete */
llmq_api_fn_t llmq_api_app_published; /* GET /apps/{id}/published-config */

/* api_app_debug.c */
llmq_api_fn_t llmq_api_app_debug;          /* POST /apps/{id}/debug */
llmq_api_fn_t llmq_api_app_debug_list;     /* GET /apps/{id}/messages */
llmq_api_fn_t llmq_api_app_debug_remove;   /* POST /apps/{id}/messages/{id}/delete */
llmq_api_fn_t llmq_api_app_debug_memory;   /* GET /apps/{id}/long-term-memory */
llmq_api_fn_t llmq_api_app_debug_remember; /* POST /apps/{id}/long-term-memory */

/* api_message.c */
llmq_api_fn_t llmq_api_message_create; /* POST /messages, /conversations/{id}/messages */
llmq_api_fn_t llmq_api_message_get;    /* GET /messages/{id} */
llmq_api_fn_t llmq_api_message_list;   /* GET /messages, /conversations/{id}/messages */
llmq_api_fn_t llmq_api_message_remove; /* DELETE /messages/{id} */

/**
 * POST of a message, whatever its path: takes it in, waits if asked to, answers.
 * @param r            the request
 * @param service      the service of this process
 * @param conversation of the path, NULL: the body may name one
 * @return OK
 * @threads request
 */
int llmq_api_message_post(request_rec *r, const llmq_service_t *service,
                          const char *conversation);
/* api_completion.c */
llmq_api_fn_t llmq_api_completion_chat;   /* POST /chat/completions */
llmq_api_fn_t llmq_api_completion_text;   /* POST /completions */
llmq_api_fn_t llmq_api_completion_embed;  /* POST /embeddings */
llmq_api_fn_t llmq_api_completion_models; /* GET /models */
llmq_api_fn_t llmq_api_completion_model;  /* GET /models/{id} */

/* api_conversation.c; the messages of a conversation are api_message.c's, with its id */
llmq_api_fn_t llmq_api_conversation_create;    /* POST /conversations */
llmq_api_fn_t llmq_api_conversation_get;       /* GET /conversations/{id} */
llmq_api_fn_t llmq_api_conversation_list;      /* GET /conversations */
llmq_api_fn_t llmq_api_conversation_set;       /* PUT /conversations/{id} */
llmq_api_fn_t llmq_api_conversation_set_state; /* PUT /conversations/{id}/state */
llmq_api_fn_t llmq_api_conversation_remove;    /* DELETE /conversations/{id} */

/* api_events.c */
llmq_api_fn_t llmq_api_events_message;      /* GET /messages/{id}/events */
llmq_api_fn_t llmq_api_events_conversation; /* GET /conversations/{id}/events */
llmq_api_fn_t llmq_api_events_task;         /* GET /tasks/{id}/events */

/* api_sse.c */
llmq_api_fn_t llmq_api_sse_session; /* GET /sessions/{id}/sse */

/* api_worker.c */
llmq_api_fn_t llmq_api_worker_claim; /* POST /workers/{id}/claim */

/* api_lease.c */
llmq_api_fn_t llmq_api_lease_task_heartbeat;    /* POST /tasks/{id}/heartbeat */
llmq_api_fn_t llmq_api_lease_task_complete;     /* POST /tasks/{id}/complete */
llmq_api_fn_t llmq_api_lease_task_fail;         /* POST /tasks/{id}/fail */
llmq_api_fn_t llmq_api_lease_task_release;      /* POST /tasks/{id}/release */
llmq_api_fn_t llmq_api_lease_message_heartbeat; /* POST /messages/{id}/heartbeat */
llmq_api_fn_t llmq_api_lease_message_complete;  /* POST /messages/{id}/complete */
llmq_api_fn_t llmq_api_lease_message_fail;      /* POST /messages/{id}/fail */
llmq_api_fn_t llmq_api_lease_message_release;   /* POST /messages/{id}/release */

/* api_progress.c */
llmq_api_fn_t llmq_api_progress_set; /* PUT /tasks/{id}/progress */

/* api_status.c */
llmq_api_fn_t llmq_api_status_set; /* PUT /messages/{id}/status */

/* api_task.c */
llmq_api_fn_t llmq_api_task_create; /* POST /tasks */
llmq_api_fn_t llmq_api_task_batch;  /* POST /tasks/batch */
llmq_api_fn_t llmq_api_task_get;    /* GET /tasks/{id} */
llmq_api_fn_t llmq_api_task_cancel; /* DELETE /tasks/{id} */
llmq_api_fn_t llmq_api_task_retry;  /* POST /tasks/{id}/retry */

/* api_task_list.c */
llmq_api_fn_t llmq_api_task_list; /* GET /tasks */

/* api_queue.c */
llmq_api_fn_t llmq_api_queue_status; /* GET /queues/status */

/* api_stats.c */
llmq_api_fn_t llmq_api_stats_get; /* GET /queues/stats */

/* api_usage.c */
llmq_api_fn_t llmq_api_usage_list; /* GET /admin/usage */

/* api_task_stats.c */
llmq_api_fn_t llmq_api_task_stats_get;    /* GET /stats/tasks */
llmq_api_fn_t llmq_api_task_stats_system; /* GET /stats/system */
llmq_api_fn_t llmq_api_task_stats_queue;  /* GET /queues/info */

/* api_metrics.c */
llmq_api_fn_t llmq_api_metrics_get;    /* GET /metrics as S0 has it */
llmq_api_fn_t llmq_api_metrics_scrape; /* GET /metrics for Prometheus */

/* api_dead.c, all for administration */
llmq_api_fn_t llmq_api_dead_list; /* GET /admin/dead-letter */
llmq_api_fn_t llmq_api_dead_get;  /* GET /admin/dead-letter/{id} */

/* api_dead_requeue.c, all for administration */
llmq_api_fn_t llmq_api_dead_requeue;     /* POST /admin/dead-letter/requeue/{id} */
llmq_api_fn_t llmq_api_dead_requeue_all; /* POST /admin/dead-letter/requeue-all */

/* api_dead_remove.c, all for administration */
llmq_api_fn_t llmq_api_dead_remove;     /* DELETE /admin/dead-letter/{id} */
llmq_api_fn_t llmq_api_dead_remove_all; /* DELETE /admin/dead-letter */

/* api_delay.c, all for administration */
llmq_api_fn_t llmq_api_delay_list;   /* GET /admin/delayed */
llmq_api_fn_t llmq_api_delay_remove; /* DELETE /admin/delayed/{id} */
llmq_api_fn_t llmq_api_delay_run;    /* POST /admin/delayed/{id}/run-now */
/* api_config.c */
llmq_api_fn_t llmq_api_config_get; /* GET /config */

/* api_backend.c, all for administration */
llmq_api_fn_t llmq_api_backend_list;   /* GET /admin/backends */
llmq_api_fn_t llmq_api_backend_get;    /* GET /admin/backends/{name} */
llmq_api_fn_t llmq_api_backend_drain;  /* POST /admin/backends/{name}/drain */
llmq_api_fn_t llmq_api_backend_enable; /* POST /admin/backends/{name}/enable */
llmq_api_fn_t llmq_api_backend_check;  /* POST /admin/backends/{name}/check */

/* api_control.c, all for administration */
llmq_api_fn_t llmq_api_control_queues;          /* GET /admin/queues */
llmq_api_fn_t llmq_api_control_pause;           /* POST /admin/queues/{level}/pause */
llmq_api_fn_t llmq_api_control_resume;          /* POST /admin/queues/{level}/resume */
llmq_api_fn_t llmq_api_control_get_maintenance; /* GET /admin/maintenance */
llmq_api_fn_t llmq_api_control_set_maintenance; /* POST /admin/maintenance */

/* api_health.c */
llmq_api_fn_t llmq_api_health_queue; /* GET /health as S0 has it */
llmq_api_fn_t llmq_api_health_tasks; /* GET /health as S3 has it */

/* api_rules.c: under /admin/preprocessor */
llmq_api_fn_t llmq_api_rules_list;   /* GET …/rules */
llmq_api_fn_t llmq_api_rules_create; /* POST …/rules */
llmq_api_fn_t llmq_api_rules_remove; /* DELETE …/rules/{id} */

/* api_user_levels.c: under /admin/preprocessor */
llmq_api_fn_t llmq_api_user_levels_list; /* GET …/user-priorities */
llmq_api_fn_t llmq_api_user_levels_set;  /* POST …/user-priorities */

/* api_run.c */
llmq_api_fn_t llmq_api_run_create; /* POST /sessions/{id}/runs */
llmq_api_fn_t llmq_api_run_get;    /* GET /sessions/{id}/runs/{id} */
llmq_api_fn_t llmq_api_run_cancel; /* POST /sessions/{id}/runs/{id}/cancel */

/* api_session.c */
llmq_api_fn_t llmq_api_session_test;    /* GET /test */
llmq_api_fn_t llmq_api_session_create;  /* POST /sessions */
llmq_api_fn_t llmq_api_session_list;    /* GET /sessions */
llmq_api_fn_t llmq_api_session_get;     /* GET /sessions/{id} */
llmq_api_fn_t llmq_api_session_change;  /* PATCH /sessions/{id} */
llmq_api_fn_t llmq_api_session_archive; /* POST /sessions/{id}/archive */

/* api_session_message.c */
llmq_api_fn_t llmq_api_session_message_append; /* POST /sessions/{id}/messages */
llmq_api_fn_t llmq_api_session_message_list;   /* GET /sessions/{id}/messages */
llmq_api_fn_t llmq_api_session_message_get;    /* GET /sessions/{id}/messages/{id} */

#endif /* LLMQ_API_H */
