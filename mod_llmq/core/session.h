/**
 * @file session.h
 * Chat sessions (S4): a *session* is a log of messages that belongs to one user. Each
 * message has the next number of its session (*seq*, from 1, without gaps); nothing in a
 * log ever changes. The session's status is a *gate*: it says who may still append.
 *
 *     OPEN ⇄ LOCKED        LOCKED: all but the user (a run must be able to finish)
 *       └──┬──┘
 *          ▼
 *       CLOSED             final: only the server's own last word of a run
 */
#ifndef LLMQ_SESSION_H
#define LLMQ_SESSION_H

#include "base/json.h"
#include "base/result.h"

#include <apr_pools.h>
#include <apr_time.h>

/** Characters of a session's preview of its last message. */
#define LLMQ_SESSION_PREVIEW 120

/** Stored. */
typedef enum {
    LLMQ_SESSION_OPEN = 0,
    LLMQ_SESSION_LOCKED = 1,
    LLMQ_SESSION_CLOSED = 2,
    LLMQ_SESSION_STATUS_COUNT
} llmq_session_status_e;

/** Who speaks; stored. */
typedef enum {
    LLMQ_ROLE_USER = 0,
    LLMQ_ROLE_AGENT = 1,
    LLMQ_ROLE_TOOL = 2,
    LLMQ_ROLE_SYSTEM = 3,
    LLMQ_ROLE_COUNT
} llmq_role_e;

/** A session; strings in the pool of whoever filled it. */
typedef struct llmq_session_t {
    const char *id; /* UUIDv7 */
    const char *tenant;
    const char *owner; /* the user's `sub`; "" where nobody is asked who he is */
    const char *name;  /* NULL: none */
    llmq_session_status_e status;
    apr_int64_t last_seq;        /* 0: no message yet */
    const char *last_message_id; /* NULL with last_seq 0, as the next four */
    apr_time_t last_message_at;
    const char *last_message_preview; /* "" with last_seq 0 */
    int last_message_role;            /* llmq_role_e; -1 with last_seq 0 */
    const char *last_message_type;
    apr_time_t created_at;
    apr_time_t updated_at;
} llmq_session_t;

/** A message of a session. */
typedef struct llmq_session_message_t {
    const char *id; /* UUIDv7 */
    const char *session;
    apr_int64_t seq; /* 0: not appended yet */
    llmq_role_e role;
    const char *type;
    const char *content;    /* NULL: none */
    const char *payload;    /* JSON object text; NULL: none */
    const char *reply_to;   /* id of another message of the session; NULL: none */
    const char *dedupe_key; /* NULL: none */
    apr_time_t created_at;
} llmq_session_message_t;

/**
 * @param status a status
 * @return S4's word ("OPEN"…); static
 * @threads any
 */
const char *llmq_session_status_name(llmq_session_status_e status);

/**
 * @param pstatus out; untouched unless APR_SUCCESS
 * @param word    S4's word, case-sensitive
 * @return APR_SUCCESS; APR_EINVAL unknown
 * @threads any
 */
apr_status_t llmq_session_status_parse(llmq_session_status_e *pstatus, const char *word);

/**
 * @param role a role
 * @return S4's word ("USER"…); static
 * @threads any
 */
const char *llmq_session_role_name(llmq_role_e role);

/**
 * @param prole out; untouched unless APR_SUCCESS
 * @param word  S4's word, case-sensitive
 * @return APR_SUCCESS; APR_EINVAL unknown
 * @threads any
 */
apr_status_t llmq_session_role_parse(llmq_role_e *prole, const char *word);

/**
 * The gate (D5).
 * @param status of the session
 * @param role   of who wants to append
 * @return non-zero if a message of this role may be appended
 * @threads any
 */
int llmq_session_admits(llmq_session_status_e status, llmq_role_e role);

/**
 * A message as S4's MessageResource, one line of JSON. The same text wherever a message
 * is shown: answers, lists, event streams.
 * @param t where to
 * @param m the message, appended
 * @threads any
 */
void llmq_session_message_write(llmq_text_t *t, const llmq_session_message_t *m);

/**
 * The beginning of a text for lists, cut between characters.
 * @param content of a message; NULL: none
 * @param p       pool of the text
 * @return at most LLMQ_SESSION_PREVIEW characters; "" for none
 * @threads any
 */
const char *llmq_session_preview(const char *content, apr_pool_t *p);

#endif /* LLMQ_SESSION_H */
