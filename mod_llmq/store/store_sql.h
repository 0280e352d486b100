/**
 * @file store_sql.h
 * Every SQL text of the project outside the migrations: one entry per statement, with a
 * text for each dialect. The label names a statement in the log and, with a generation
 * behind it, as a prepared statement of a connection.
 *
 * Parameters are `%s` (apr_dbd's notation) and always travel as text, so whatever is no
 * text stands in a CAST. Batches travel as one parameter: a JSON array whose objects have
 * keys of one letter. Values never become part of a text.
 */
#ifndef LLMQ_STORE_SQL_H
#define LLMQ_STORE_SQL_H

#include "store/store.h"

typedef enum {
    LLMQ_SQL_PING = 0,
    LLMQ_SQL_BEAT,         /* node, now, now; SQLite: and node, limit */
    LLMQ_SQL_LEAVE,        /* node */
    LLMQ_SQL_ADOPT,        /* node, now, limit, node, limit → one row per job */
    LLMQ_SQL_INSERT,       /* node, rows */
    LLMQ_SQL_INSERT_LIGHT, /* node, rows of completions */
    LLMQ_SQL_LOAD,         /* ids → whole records */
    LLMQ_SQL_FINISH,       /* outcomes → ids of the accepted */
    /* PostgreSQL: outcomes with what they used, node → ids of those that it has ended.
     * SQLite: node, what was used by the outcomes that the transaction is going to write. */
    LLMQ_SQL_FINISH_USED,
    LLMQ_SQL_FENCE,        /* now, ids */
    LLMQ_SQL_BACKLOG,      /* node, kind of the queue, after, limit → narrow rows */
    LLMQ_SQL_TOTALS,       /* node → tenant, level, status, count; by tenant */
    LLMQ_SQL_FIND,         /* id, tenant, kind → whole record */
    LLMQ_SQL_CHANGE,       /* changes → ids of the changed */
    LLMQ_SQL_REMOVE,       /* now, now, id, tenant, kind → id */
    LLMQ_SQL_LEASE_CLAIM,  /* claims → whole records */
    LLMQ_SQL_LEASE_CHANGE, /* changes → id, attempt, lease_until of the accepted */
    LLMQ_SQL_LEASE_LOOK,   /* ids → whole records, removed_at */
    LLMQ_SQL_IDEM_CLAIM, /* scope, request, object, now, lease, expires → claim, object */
    LLMQ_SQL_IDEM_FIND,   /* scope → request, state, lease, status, body, location */
    LLMQ_SQL_IDEM_SETTLE, /* state, status, body, location, scope, claim → scope */
    LLMQ_SQL_IDEM_FREE,   /* scope, claim → scope */
    LLMQ_SQL_IDEM_RENEW,  /* lease, scope, claim → scope */
    LLMQ_SQL_IDEM_PRUNE,  /* now, now, limit → scopes */
    LLMQ_SQL_TALLY,       /* filters → count; see LLMQ_SQL_LIST */
    LLMQ_SQL_TALLY_CHAIN,
    LLMQ_SQL_KEY_SAVE, /* hash, id, tenant, subject, scope, admin, now, expires → id */
    LLMQ_SQL_KEY_FIND, /* hash → key */
    LLMQ_SQL_KEY_LIST, /* tenant twice, "" for all → keys */
    LLMQ_SQL_KEY_REVOKE, /* now, id → id */
    LLMQ_SQL_SURVEY_JOBS, /* tenant twice, "" for all → tenant, level, status, dead, … */
    LLMQ_SQL_SURVEY_SESSIONS, /* tenant twice, "" for all → tenant, status, count, … */
    LLMQ_SQL_SURVEY_NODES,    /* → node, heartbeat, started */
    LLMQ_SQL_SETTING_PUT,     /* tenant, name, value, now → name */
    LLMQ_SQL_SETTING_SWAP,    /* tenant, name, value, now, changed_at → name */
    LLMQ_SQL_SETTING_GET,     /* tenant, name → setting */
    LLMQ_SQL_SETTING_LIST,    /* name → settings of all tenants */
    LLMQ_SQL_SETTING_NEWEST,  /* → newest changed_at, 0 if there is none */
    LLMQ_SQL_STAT_SAVE,       /* node, rows, node, batch */
    LLMQ_SQL_STAT_LOAD,       /* keys, node → sums */
    LLMQ_SQL_STAT_SUM,        /* tenant, resolution, since, node → sums, batch */
    LLMQ_SQL_STAT_PRUNE,      /* bounds of the resolutions 60 and 600 */
    LLMQ_SQL_WORKER_LIST,     /* tenant twice, node twice, "" for all → workers */
    LLMQ_SQL_WORKER_LOAD,     /* keys, node → workers */
    LLMQ_SQL_WORKER_SAVE,     /* node, rows */
    LLMQ_SQL_WORKER_PRUNE,    /* before */
    LLMQ_SQL_WORKER_HANDS,    /* tenant → worker, count, latest id */
    LLMQ_SQL_CENSUS,          /* now, since, tenant → type, status, … */
    LLMQ_SQL_CENSUS_OF,       /* now, since, tenant, user → the same */
    LLMQ_SQL_CENSUS_OPEN,     /* now twice, node, kind → type, level, … */
    LLMQ_SQL_CENSUS_DEAD,     /* node, kind → count */
    LLMQ_SQL_CENSUS_WAITING,  /* tenant, kind, type twice, level twice → count */
    /* Dead letters. Filters are tenant, kind, level twice, since, user twice, chain twice,
     * needle twice. */
    LLMQ_SQL_DEAD_TALLY,     /* filters → count */
    LLMQ_SQL_DEAD_LIST,      /* filters, limit, offset → whole records, oldest first */
    LLMQ_SQL_DEAD_LIST_DOWN, /* the same, newest first */
    LLMQ_SQL_DEAD_PAGE,    /* filters, after finished_at, seq, limit → narrow records */
    LLMQ_SQL_DEAD_REQUEUE, /* node, now, ids with moments, tenant → narrow records */
    LLMQ_SQL_DEAD_REMOVE,  /* now, now, tenant, ids → ids */
    /* Delayed jobs. Filters are now, tenant, kind, level twice, before twice. */
    LLMQ_SQL_DELAY_TALLY,  /* filters → count */
    LLMQ_SQL_DELAY_LIST,   /* filters, limit, offset → whole records, next first */
    LLMQ_SQL_DELAY_HASTEN, /* now, now, node, id, tenant, kind, now → narrow record */
    LLMQ_SQL_DELAY_REMOVE, /* now, now, id, tenant, kind, now → id */
    /* tenant, id, user, level, tenant, id, now three times, expires, title, context, metadata
     * → id */
    LLMQ_SQL_CONVERSATION_CREATE,
    LLMQ_SQL_CONVERSATION_FIND,   /* tenant, id, now → conversation */
    LLMQ_SQL_CONVERSATION_PEEK,   /* tenant, id, now → user, level, first_seq */
    LLMQ_SQL_CONVERSATION_CHANGE, /* state, title, context, metadata, now, tenant, id, now,
                                     first_seq, metadata before twice → id */
    LLMQ_SQL_CONVERSATION_REMOVE, /* now, tenant, id, now → id */
    LLMQ_SQL_CONVERSATION_SWEEP,  /* now, now, tenant, id, tenant, id → ids, statuses */
    LLMQ_SQL_CONVERSATION_TALLY,  /* filters → count */
    /* Filters, limit, offset → conversations. Filters are tenant, now, user twice, state
     * twice, level twice; the order is sort × 2 + descending. */
    LLMQ_SQL_CONVERSATION_LIST,
    LLMQ_SQL_CONVERSATION_LIST_LAST = LLMQ_SQL_CONVERSATION_LIST + 7,
    LLMQ_SQL_TURNS,            /* jobs, limit, bytes → job, context, prompt, result */
    LLMQ_SQL_REAP_FIND,        /* now, limit → tenants, ids */
    LLMQ_SQL_REAP_JOBS,        /* names, now, limit → a row each */
    LLMQ_SQL_REAP_EMPTY,       /* names, now → a row each */
    LLMQ_SQL_REAP_COMPLETIONS, /* before, limit → a row each */
    /* Tasks. Filters are tenant, created after, type twice, level twice, state, now, state
     * and, with _KB, the kb_id; the lists' order is sort × 4 + kb × 2 + descending. */
    LLMQ_SQL_TASK_CANCEL, /* now, now, id, tenant → whole record */
    LLMQ_SQL_TASK_RETRY,  /* node, now, now, id, tenant → whole record */
    LLMQ_SQL_TASK_TALLY,  /* filters → count */
    LLMQ_SQL_TASK_TALLY_KB,
    LLMQ_SQL_TASK_LIST, /* filters, limit, offset → whole records */
    LLMQ_SQL_TASK_LIST_LAST = LLMQ_SQL_TASK_LIST + 19,
    LLMQ_SQL_SESSION_CREATE, /* id, tenant, owner, name, folded name, now twice → id */
    LLMQ_SQL_SESSION_FIND,   /* id, tenant, owner twice, NULL for any → session */
    LLMQ_SQL_SESSION_CHANGE, /* name, folded name, status, now twice, id, tenant, owner
                                twice, name, status → session */
    /* Filters are tenant, the owner but for _ALL, status twice, -1 for any, and folded
     * text twice, "" for any. */
    LLMQ_SQL_SESSION_TALLY, /* filters → count */
    LLMQ_SQL_SESSION_TALLY_ALL,
    LLMQ_SQL_SESSION_LIST, /* filters, limit, offset → sessions */
    LLMQ_SQL_SESSION_LIST_ALL,
    LLMQ_SQL_SESSION_MESSAGES,      /* session, tenant, after seq, limit → messages */
    LLMQ_SQL_SESSION_MESSAGE,       /* session, tenant, id → message */
    LLMQ_SQL_SESSION_GROWN,         /* marks → place of the mark, last seq */
    LLMQ_SQL_SESSION_WALK,          /* after id, limit → id, created_at, updated_at */
    LLMQ_SQL_SESSION_MARK,          /* now, ids, bound → a row each */
    LLMQ_SQL_SESSION_REAP_MESSAGES, /* sessions, limit → a row each */
    LLMQ_SQL_SESSION_REAP_EMPTY,    /* sessions → a row each */
    LLMQ_SQL_APPEND_LOCK,           /* ids → id, tenant, owner, status, last seq */
    LLMQ_SQL_APPEND_LOOK, /* what → session, seq, id, key, the id that was asked for */
    LLMQ_SQL_APPEND_INSERT, /* rows, their numbers */
    LLMQ_SQL_APPEND_GROW,   /* sessions */
    /* Runs of agents. */
    LLMQ_SQL_RUN_INSERT, /* id, tenant, session, trigger, agent, user, status, now, status,
                            session → id */
    LLMQ_SQL_RUN_FIND,   /* id, session, tenant → run */
    LLMQ_SQL_RUN_LOOK,   /* ids → runs */
    LLMQ_SQL_RUN_OF_TRIGGER, /* trigger, session, tenant → run */
    LLMQ_SQL_RUN_OPEN,       /* session, tenant → runs */
    LLMQ_SQL_RUN_PROMOTE,    /* sessions → runs */
    LLMQ_SQL_RUN_DISMISS,    /* now, id, tenant → id */
    LLMQ_SQL_RUN_STOP, /* status, error, now, now, id, tenant → whole record of a job */
    LLMQ_SQL_RUN_SETTLE, /* rows → ids */
    LLMQ_SQL_RUN_SWEEP,  /* before, before, limit → runs, with what their jobs became */
    LLMQ_SQL_RUN_UNDONE, /* session → triggers */
    LLMQ_SQL_OUTBOX_DUE, /* now, per host, hosts, limit → notices */
    LLMQ_SQL_OUTBOX_CLAIM, /* until, now, seqs → seqs */
    LLMQ_SQL_OUTBOX_JOBS,  /* ids → whole records, of removed jobs too */
    LLMQ_SQL_OUTBOX_GONE,  /* seqs → seqs */
    LLMQ_SQL_OUTBOX_LATER, /* rows → seqs */
    /* Apps; a *list* is limit and offset behind its filters. */
    LLMQ_SQL_APP_CREATE, /* id, tenant, owner, name, icon, description, now twice → id */
    LLMQ_SQL_APP_FIND,   /* id, tenant → app */
    LLMQ_SQL_APP_TALLY,  /* tenant, owner → count */
    LLMQ_SQL_APP_TALLY_ALL,
    LLMQ_SQL_APP_LIST, /* tenant, owner, list → apps */
    LLMQ_SQL_APP_LIST_ALL,
    LLMQ_SQL_APP_CHANGE,   /* name, icon, description, now, id, tenant → id */
    LLMQ_SQL_APP_REMOVE,   /* now, id, tenant → id */
    LLMQ_SQL_APP_DRAFT,    /* id, rounds, memory, model, now twice, app, tenant → id */
    LLMQ_SQL_APP_PUBLISH,  /* id, now twice, app, tenant → id */
    LLMQ_SQL_APP_WITHDRAW, /* app, tenant → id */
    LLMQ_SQL_APP_COPY_CONFIG, /* new app, id, now twice, app → id */
    LLMQ_SQL_APP_BEGIN,       /* conversation, due twice, id, tenant → conversation */
    LLMQ_SQL_APP_REMEMBER,    /* summary, upto, id, tenant → id */
    LLMQ_SQL_APP_PAST,        /* jobs, limit → job, summary, prompt, result */
    LLMQ_SQL_APP_RECALL,    /* jobs, limit → job, memory, prompt, result, finished_at */
    LLMQ_SQL_APP_LEARN,     /* rows → ids */
    LLMQ_SQL_APP_FORGOTTEN, /* before twice, limit → turns */
    LLMQ_SQL_APP_SETTLED,   /* before → ids */
    LLMQ_SQL_APP_SPENT,     /* tenant, chain, upto → a row each */
    LLMQ_SQL_TURN_LIST,     /* tenant, chain, list → whole records */
    LLMQ_SQL_TURN_TALLY,    /* tenant, chain → count */
    LLMQ_SQL_TURN_REMOVE,   /* now twice, id, tenant, chain → whole record */
    LLMQ_SQL_TURN_CANCEL,   /* now twice, ids → whole records */
    /* What was used; a *choice* is tenant, first and last day, caller twice, model twice. */
    LLMQ_SQL_USAGE_LIST,  /* choice, limit, offset → day, caller, model, sums */
    LLMQ_SQL_USAGE_TOTAL, /* choice → count, sums */
    /* Accounts. */
    LLMQ_SQL_LIMIT_LOAD,      /* account → node, used, level, window */
    LLMQ_SQL_LIMIT_SAVE,      /* node, rows */
    LLMQ_SQL_LIMIT_OTHERS,    /* accounts, node → account, used */
    LLMQ_SQL_LIMIT_COUNT,     /* gauge → count */
    LLMQ_SQL_LIMIT_UNSETTLED, /* → a row if there is any */
    LLMQ_SQL_LIMIT_SETTLE,    /* limit → charges, result */
    LLMQ_SQL_LIMIT_PRUNE,     /* before */
    /* The lists: filters, limit, offset → whole records. Filters are tenant, kind, user
     * twice, status twice, level twice and, with _CHAIN, the chain and the lowest seq. Their
     * order within the enum is sort × 4 + chain × 2 + descending. */
    LLMQ_SQL_LIST,
    LLMQ_SQL_LIST_LAST = LLMQ_SQL_LIST + 11,
    LLMQ_SQL_COUNT
} llmq_store_sql_e;

/** Traits of a statement. */
#define LLMQ_SQL_WRITES 1 /* takes the writers' lock */
#define LLMQ_SQL_REPEAT 2 /* running it twice is as good as once */
#define LLMQ_SQL_BATCH  4 /* its caller wants to hear of a row that is refused */
#define LLMQ_SQL_LIGHT  8 /* its commit does not wait for the disk */

typedef struct llmq_store_sql_t {
    const char *label;
    int traits;                           /* LLMQ_SQL_WRITES and so on */
    const char *text[LLMQ_DIALECT_COUNT]; /* by dialect */
} llmq_store_sql_t;

/**
 * @param what which statement
 * @return its entry; static
 * @threads any
 */
const llmq_store_sql_t *llmq_store_sql_get(llmq_store_sql_e what);

#endif /* LLMQ_STORE_SQL_H */
