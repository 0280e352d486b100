/**
 * @file result.h
 * What went wrong, in words a caller can use. A status says *that* something failed; a
 * result says which problem it is (a stable name), on which field, and why. It travels
 * from where the failure is found to where an answer is written; only http/reply.c knows
 * HTTP statuses and the dialects' numbers.
 */
#ifndef LLMQ_RESULT_H
#define LLMQ_RESULT_H

#include <apr.h>
#include <apr_errno.h>
#include <apr_tables.h>

/** Problems; names in result.c, mapped to answers in http/reply.c. */
typedef enum {
    LLMQ_PROBLEM_NONE = 0,
    LLMQ_PROBLEM_REQUEST,         /* a parameter or field is wrong */
    LLMQ_PROBLEM_JSON,            /* the body is not JSON as RFC 8259 has it */
    LLMQ_PROBLEM_CONTENT_EMPTY,   /* S0 1001 */
    LLMQ_PROBLEM_CONTENT_LONG,    /* S0 1002 */
    LLMQ_PROBLEM_PRIORITY,        /* S0 1003 */
    LLMQ_PROBLEM_NO_MESSAGE,      /* S0 1004 */
    LLMQ_PROBLEM_NO_CONVERSATION, /* S0 1005 */
    LLMQ_PROBLEM_EXISTS,          /* its id is in use */
    LLMQ_PROBLEM_NO_RULE,         /* no such rule of the preprocessor */
    LLMQ_PROBLEM_NO_TASK,         /* no such task */
    LLMQ_PROBLEM_NO_SESSION,      /* no such session, or somebody else's */
    LLMQ_PROBLEM_SESSION_CLOSED,  /* the session takes nothing any more */
    LLMQ_PROBLEM_SESSION_LOCKED,  /* the session takes nothing of its user for now */
    LLMQ_PROBLEM_RUN_CONFLICT,    /* another run of the session is in progress */
    LLMQ_PROBLEM_NO_APP,          /* no such app */
    LLMQ_PROBLEM_APP_STATE,       /* the app, as it is now, cannot do this */
    LLMQ_PROBLEM_ANSWER,          /* nobody could answer: the backends failed */
    LLMQ_PROBLEM_INVALID,         /* fields are wrong, all of which are told */
    LLMQ_PROBLEM_NOT_CANCELABLE,  /* the task has ended */
    LLMQ_PROBLEM_NOT_RETRYABLE,   /* the task has not failed */
    LLMQ_PROBLEM_STALE_LEASE,     /* the lease has ended, or was never this caller's */
    LLMQ_PROBLEM_TASK_FINISHED,   /* it has ended, nothing can be reported any more */
    LLMQ_PROBLEM_USER,            /* S0 1006 */
    LLMQ_PROBLEM_QUEUE_FULL,      /* S0 1007 */
    LLMQ_PROBLEM_MAINTENANCE,     /* S0 1008 */
    LLMQ_PROBLEM_RATE,            /* S0 1009 */
    LLMQ_PROBLEM_WAIT,            /* S0 1010: the work goes on, the wait has ended */
    LLMQ_PROBLEM_TRANSITION,      /* a status cannot follow the present one */
    LLMQ_PROBLEM_NO_BACKEND,      /* no backend of this name */
    LLMQ_PROBLEM_BUDGET,          /* nothing is left of the budget */
    LLMQ_PROBLEM_NO_MODEL,        /* no model of this name */
    LLMQ_PROBLEM_NO_ROUTE,        /* nothing is served at this path */
    LLMQ_PROBLEM_METHOD,          /* the path exists, the method does not */
    LLMQ_PROBLEM_MEDIA_TYPE,      /* not application/json */
    LLMQ_PROBLEM_BODY_SIZE,       /* larger than LimitRequestBody */
    LLMQ_PROBLEM_BODY_READ,       /* the body broke off */
    LLMQ_PROBLEM_KEY_BUSY,        /* an idempotency key is in use right now */
    LLMQ_PROBLEM_KEY_REUSED,      /* an idempotency key came with another body before */
    LLMQ_PROBLEM_UNAUTHORIZED,    /* no token where one is needed, or not a valid one */
    LLMQ_PROBLEM_FORBIDDEN,       /* the caller is known and may not */
    LLMQ_PROBLEM_STORE,           /* S0 2001 */
    LLMQ_PROBLEM_REDIS,           /* S0 2002 */
    LLMQ_PROBLEM_QUEUE,           /* S0 2003 */
    LLMQ_PROBLEM_SCHEDULER,       /* S0 2004 */
    LLMQ_PROBLEM_CONFIG,          /* S0 2005 */
    LLMQ_PROBLEM_MEMORY,          /* S0 2006 */
    LLMQ_PROBLEM_DISK,            /* S0 2007 */
    LLMQ_PROBLEM_NETWORK,         /* S0 2008 */
    LLMQ_PROBLEM_INTERNAL,
    LLMQ_PROBLEM_COUNT
} llmq_problem_e;

/** One field of several that are wrong. */
typedef struct llmq_result_error_t {
    const char *field;
    const char *reason; /* a sentence for people */
} llmq_result_error_t;

typedef struct llmq_result_t {
    llmq_problem_e problem;
    const char *field;  /* the field or parameter, NULL when none is to blame */
    const char *reason; /* a short sentence for people; static or in the caller's pool */
    const char *id;     /* the object it is about; NULL for none */
    const char
        *code; /* a finer name of the problem, for dialects that tell it; NULL: none */
    const char *limited; /* of RATE: "tokens" where those are limited; NULL: requests */
    int item;            /* which of a batch is to blame, from 1; 0: not a batch */
    int cancel;          /* tells a worker to stop: nobody wants the work any more */
    const apr_array_header_t *errors; /* llmq_result_error_t, of INVALID; NULL: none */
} llmq_result_t;

/**
 * Fill a result.
 * @param why     the result; NULL is allowed and ignored
 * @param problem which problem
 * @param field   the field to blame or NULL; borrowed
 * @param reason  the sentence; borrowed
 * @return LLMQ_EBODY always, so that `return llmq_result_set(...)` reads well
 * @threads any
 */
apr_status_t llmq_result_set(llmq_result_t *why, llmq_problem_e problem,
                             const char *field, const char *reason);

/**
 * One more field that is wrong: the problem is INVALID, its first field and reason are the
 * first one's.
 * @param why    begun as {0}; what it says of other problems is forgotten
 * @param field  the field; borrowed
 * @param reason the sentence; borrowed
 * @param p      pool of the list
 * @return LLMQ_EBODY always
 * @threads any
 */
apr_status_t llmq_result_blame(llmq_result_t *why, const char *field, const char *reason,
                               apr_pool_t *p);

/**
 * @param problem a problem
 * @return its stable name, such as "queue_full"; static
 * @threads any
 */
const char *llmq_result_name(llmq_problem_e problem);

/**
 * Text of a status, the module's own codes included.
 * @param rv   the status
 * @param buf  room for the text
 * @param size bytes in @a buf
 * @return @a buf
 * @threads any
 */
const char *llmq_result_strerror(apr_status_t rv, char *buf, apr_size_t size);

#endif /* LLMQ_RESULT_H */
