/**
 * @file health.h
 * Whether a backend may be called: a circuit that opens when it fails. Pure; the caller
 * supplies the time and one record per backend.
 *
 *              failures, or it cannot be reached
 *   HEALTHY ────────────────────────────────────► EJECTED ◄─────────┐
 *      ▲                                             │ pause over    │ trial fails:
 *      │                                             ▼               │ twice the pause
 *      └──────── trial succeeds ───────────────── HALF-OPEN ─────────┘
 *
 * HALF-OPEN is EJECTED whose pause is over: one *trial* call at a time may begin, and only
 * the trial decides. Calls that were under way when a backend was ejected change nothing.
 *
 * There are two *causes*. UNREACHABLE: no connection could be made. One call tells; the
 * pauses run from a second to half a minute, as a lost call costs nothing. FAILING: so many
 * failures in a row as the settings say; the pauses begin with the cooldown and double up
 * to its maximum. An answer of any kind, an error too, ends UNREACHABLE.
 *
 * A backend that fails while no other can be used is not ejected, as nginx does not: there
 * is nothing better to do with the work than to try.
 * @threads any; whoever shares a record guards it
 */
#ifndef LLMQ_HEALTH_H
#define LLMQ_HEALTH_H

#include "core/retry.h"

/** Settings; filled by cfg/. */
typedef struct llmq_health_conf_t {
    int max_failures;             /* in a row; 0: failing ejects nobody */
    apr_interval_time_t cooldown; /* the first pause of one that fails, > 0 */
    apr_interval_time_t longest;  /* and the longest, >= cooldown */
} llmq_health_conf_t;

typedef enum {
    LLMQ_HEALTH_HEALTHY = 0,
    LLMQ_HEALTH_EJECTED,
    LLMQ_HEALTH_HALF_OPEN,
    LLMQ_HEALTH_STATE_COUNT
} llmq_health_state_e;

typedef enum {
    LLMQ_HEALTH_CAUSE_NONE = 0,
    LLMQ_HEALTH_CAUSE_UNREACHABLE,
    LLMQ_HEALTH_CAUSE_FAILING
} llmq_health_cause_e;

/** What a call or a check says about its backend. */
typedef enum {
    LLMQ_HEALTH_OK = 0,
    LLMQ_HEALTH_FAILED,      /* it was there and failed */
    LLMQ_HEALTH_UNREACHABLE, /* no connection */
    LLMQ_HEALTH_NOTHING,     /* never begun, withdrawn, aborted, or asked to come later */
    LLMQ_HEALTH_EVENT_COUNT
} llmq_health_event_e;

/** What has become of the state, for the log. */
typedef enum {
    LLMQ_HEALTH_NEWS_NONE = 0,
    LLMQ_HEALTH_NEWS_AWAY,    /* it cannot be reached any more */
    LLMQ_HEALTH_NEWS_EJECTED, /* it failed too often */
    LLMQ_HEALTH_NEWS_BACK
} llmq_health_news_e;

/** One backend's; begins zeroed, which is HEALTHY. */
typedef struct llmq_health_t {
    llmq_health_cause_e cause; /* NONE: HEALTHY */
    int failures;              /* in a row */
    int trying;                /* a trial is under way */
    apr_time_t until;          /* end of the pause */
    apr_interval_time_t pause; /* the present or last one */
} llmq_health_t;

/**
 * @param h   the record
 * @param now the present
 * @return its state
 */
llmq_health_state_e llmq_health_state(const llmq_health_t *h, apr_time_t now);

/**
 * @param state a state
 * @return its word: healthy, ejected, half_open; static
 */
const char *llmq_health_name(llmq_health_state_e state);

/**
 * How many calls may be under way.
 * @param h   the record
 * @param now the present
 * @return 0 none may begin; 1 a single trial may; -1 as many as there are places
 */
int llmq_health_limit(const llmq_health_t *h, apr_time_t now);

/**
 * A call begins.
 * @param h   the record; llmq_health_limit() was not 0
 * @return non-zero if it is the trial; llmq_health_end() wants to know
 */
int llmq_health_begin(llmq_health_t *h);

/**
 * What a failure says about the backend. Statuses below 500 are the job's own fault, and
 * whoever names a time to come back (Retry-After) is busy, not broken.
 * @param failure NULL: answered
 * @return the event
 */
llmq_health_event_e llmq_health_event(const llmq_failure_t *failure);

/**
 * A call has ended.
 * @param h      the record
 * @param conf   settings
 * @param event  what it says
 * @param trial  what llmq_health_begin() returned
 * @param others non-zero: another backend can be used
 * @param now    the present
 * @return what to tell
 */
llmq_health_news_e llmq_health_end(llmq_health_t *h, const llmq_health_conf_t *conf,
                                   llmq_health_event_e event, int trial, int others,
                                   apr_time_t now);

/**
 * A check has ended, a question that is nobody's work. It ejects as calls do. A good one
 * brings a backend back that could not be reached; the pause of one that failed calls is
 * over then, and a trial decides.
 * @param h      the record
 * @param conf   settings
 * @param event  what it says
 * @param others non-zero: another backend can be used
 * @param now    the present
 * @return what to tell
 */
llmq_health_news_e llmq_health_checked(llmq_health_t *h, const llmq_health_conf_t *conf,
                                       llmq_health_event_e event, int others,
                                       apr_time_t now);

#endif /* LLMQ_HEALTH_H */
