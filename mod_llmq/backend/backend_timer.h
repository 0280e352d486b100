/**
 * @file backend_timer.h
 * When a transfer has to be looked at again: its two time-outs, until the first byte and in
 * all, and the moments that call->piece() and a slow reader have asked for. Times are
 * of llmq_clock_steady(); 0 is never.
 * @threads the engine's, where nothing else is said
 */
#ifndef LLMQ_BACKEND_TIMER_H
#define LLMQ_BACKEND_TIMER_H

#include "backend/backend.h"
#include "backend/backend_trouble.h"

typedef struct llmq_backend_timer_t {
    int begun;                 /* the first byte has come */
    apr_interval_time_t first; /* until which it must */
    apr_interval_time_t total;
    apr_interval_time_t piece;     /* when call->piece() wants to be called */
    apr_interval_time_t pause;     /* when to look whether more may be read; 0: it is */
    apr_interval_time_t pause_for; /* how long the last look was away from the next */
    apr_interval_time_t *earliest; /* the engine's, moved ahead by ours; NULL: none yet */
} llmq_backend_timer_t;

/**
 * @param a a moment; 0 is none
 * @param b another
 * @return the earlier of the two
 * @threads any
 */
apr_interval_time_t llmq_backend_timer_earlier(apr_interval_time_t a,
                                               apr_interval_time_t b);

/**
 * The time-outs begin to run.
 * @param timer zeroed
 * @param call  how long it may take
 * @threads any
 */
void llmq_backend_timer_begin(llmq_backend_timer_t *timer, const llmq_call_t *call);

/**
 * Call->piece() was called.
 * @param timer the timer
 * @param wait  when it wants to be called again; 0: with the next piece; < 0: it was not
 */
void llmq_backend_timer_expect_piece(llmq_backend_timer_t *timer,
                                     apr_interval_time_t wait);

/**
 * The reader is full: a look after a moment, later ones further and further apart.
 * @param timer the timer
 * @param again 0: this is the first time; else it was looked, and it still is
 */
void llmq_backend_timer_pause(llmq_backend_timer_t *timer, int again);

/**
 * The answer is there, only the connection has to end: that may not take long.
 * @param timer the timer
 */
void llmq_backend_timer_linger(llmq_backend_timer_t *timer);

/**
 * @param timer the timer
 * @return when the transfer has to be looked at
 */
apr_interval_time_t llmq_backend_timer_next(const llmq_backend_timer_t *timer);

/**
 * @param timer the timer
 * @param now   llmq_clock_steady()
 * @return which time-out has passed: FIRST_TIME or TOTAL_TIME; NONE if none has
 */
llmq_backend_trouble_e llmq_backend_timer_expired(const llmq_backend_timer_t *timer,
                                                  apr_interval_time_t now);

#endif /* LLMQ_BACKEND_TIMER_H */
