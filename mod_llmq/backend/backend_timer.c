#include "backend/backend_timer.h"

#include "base/clock.h"

/* How long a server that has sent [DONE] may take to end the body properly, which is what
 * makes the connection usable again. */
#define LINGER apr_time_from_sec(1)

/* Between two looks whether a slow reader has caught up. */
#define PAUSE_FIRST apr_time_from_msec(2)
#define PAUSE_MOST  apr_time_from_msec(250)

/* Where the configuration does not say. */
#define USUAL_FIRST apr_time_from_sec(30)
#define USUAL_TOTAL apr_time_from_sec(120)

apr_interval_time_t llmq_backend_timer_earlier(apr_interval_time_t a,
                                               apr_interval_time_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

/* The engine wakes up for it. */
static void move_ahead(llmq_backend_timer_t *timer, apr_interval_time_t when)
{
    *timer->earliest = llmq_backend_timer_earlier(*timer->earliest, when);
}

/* ---- what is set ---- */

static apr_interval_time_t time_of(apr_interval_time_t set, apr_interval_time_t usual)
{
    return set == LLMQ_BACKEND_NOT_SET ? usual : set;
}

/* Somebody waits for a raw call, who knows best how long; and an answer that comes whole
 * has its first byte with its last. */
void llmq_backend_timer_begin(llmq_backend_timer_t *timer, const llmq_call_t *call)
{
    const llmq_raw_t *raw = call->raw;
    apr_interval_time_t now = llmq_clock_steady();
    apr_interval_time_t first =
        time_of(call->backend->first_timeout, raw && !raw->stream ? 0 : USUAL_FIRST);
    apr_interval_time_t total = llmq_backend_timer_earlier(
        time_of(call->backend->total_timeout, raw ? 0 : USUAL_TOTAL), call->timeout);

    timer->first = first ? now + first : 0;
    timer->total = total ? now + total : 0;
}

void llmq_backend_timer_expect_piece(llmq_backend_timer_t *timer,
                                     apr_interval_time_t wait)
{
    if (wait >= 0) {
        timer->piece = wait > 0 ? llmq_clock_steady() + wait : 0;
        move_ahead(timer, timer->piece);
    }
}

void llmq_backend_timer_pause(llmq_backend_timer_t *timer, int again)
{
    timer->pause_for = !again                              ? PAUSE_FIRST
                       : timer->pause_for < PAUSE_MOST / 2 ? timer->pause_for * 2
                                                           : PAUSE_MOST;
    timer->pause = llmq_clock_steady() + timer->pause_for;
    move_ahead(timer, timer->pause);
}

void llmq_backend_timer_linger(llmq_backend_timer_t *timer)
{
    timer->total = llmq_backend_timer_earlier(timer->total, llmq_clock_steady() + LINGER);
    move_ahead(timer, timer->total);
}

/* ---- what is asked ---- */

apr_interval_time_t llmq_backend_timer_next(const llmq_backend_timer_t *timer)
{
    return llmq_backend_timer_earlier(
        timer->begun ? llmq_backend_timer_earlier(timer->piece, timer->pause)
                     : timer->first,
        timer->total);
}

llmq_backend_trouble_e llmq_backend_timer_expired(const llmq_backend_timer_t *timer,
                                                  apr_interval_time_t now)
{
    if (timer->total && timer->total <= now) {
        return LLMQ_BACKEND_TROUBLE_TOTAL_TIME;
    }
    if (!timer->begun && timer->first && timer->first <= now) {
        return LLMQ_BACKEND_TROUBLE_FIRST_TIME;
    }
    return LLMQ_BACKEND_TROUBLE_NONE;
}
