/* The reading thread: serves from the store those who are behind, and goes on patrol now and
 * then. Read run() from top to bottom. */
#include "http/hub_read.h"

#include "base/log.h"
#include "http/hub_patrol.h"
#include "http/hub_source.h"

#define BATCH      64 /* things that are looked at together */
#define MANY       4  /* of these it pays to ask first which have grown */
#define FRAME_SIZE (apr_size_t)(32 * 1024)
#define KEPT_FREE  (apr_size_t)(1024 * 1024) /* memory that is kept for the next page */

#define STUCK_MIN  apr_time_from_msec(5) /* until slow clients are looked at again */
#define STUCK_MAX  apr_time_from_msec(100)
#define STORE_AWAY apr_time_from_sec(1) /* before the store is asked again */
#define WARN_EVERY apr_time_from_sec(60)

/* The thread's own. */
typedef struct {
    llmq_hub_t *hub;
    apr_pool_t *scratch;
    apr_time_t paused; /* the store is not asked before */
    apr_time_t warned;
    apr_time_t patrol_at;
    apr_time_t retry_at; /* slow clients */
    apr_interval_time_t retry_pause;
} reader_t;

/* ---- the store is away ---- */

static void pause_reads(reader_t *me, apr_status_t rv)
{
    apr_time_t now = apr_time_now();

    me->paused = now + STORE_AWAY;
    if (now - me->warned >= WARN_EVERY) {
        me->warned = now;
        LLMQ_LOG(LLMQ_LOG_WARNING, rv,
                 LLMQ_NO(0288) "event streams wait, as the database cannot be read");
    }
}

static int may_read(const reader_t *me, apr_time_t now)
{
    return me->paused <= now;
}

/* ---- one thing ---- */

static int plan(llmq_audience_read_t *what, reader_t *me, llmq_subject_t *s)
{
    int found;

    llmq_hub_room_lock(me->hub);
    found = !me->hub->stopping && llmq_audience_plan(what, me->hub->audience, s);
    llmq_hub_room_unlock(me->hub);
    return found;
}

static void settle(reader_t *me, llmq_subject_t *s, const llmq_audience_read_t *what,
                   const llmq_audience_news_t *news)
{
    llmq_hub_room_lock(me->hub);
    llmq_audience_settle(me->hub->audience, s, what, news);
    llmq_hub_room_unlock(me->hub);
}

static void put_off(reader_t *me, llmq_subject_t *s)
{
    llmq_hub_room_lock(me->hub);
    llmq_audience_again(me->hub->audience, s);
    llmq_hub_room_unlock(me->hub);
}

/* The head comes first: who is LIVE and cannot take this page must fall behind. */
static void hand_out(reader_t *me, llmq_subject_t *s, llmq_audience_page_t *page)
{
    llmq_audience_round_t round = {
        .whom = LLMQ_OFFER_ALL,
        .pieces = (const llmq_audience_piece_t *)(void *)page->pieces->elts,
        .n = page->pieces->nelts,
        .ends = !page->news.more};

    llmq_hub_room_lock(me->hub);
    llmq_audience_grow(s, page->news.head);
    llmq_hub_room_unlock(me->hub);
    llmq_hub_room_offer(me->hub, s, &round);
    if (round.sent) {
        me->retry_pause = STUCK_MIN;
    }
}

static void serve(reader_t *me, llmq_subject_t *s)
{
    apr_size_t max = me->hub->conf.buffer / 4;
    llmq_audience_page_t page;
    llmq_audience_read_t what;
    apr_status_t rv;

    if (!plan(&what, me, s)) {
        return;
    }
    llmq_audience_page_init(&page, what.after, max < FRAME_SIZE ? max : FRAME_SIZE,
                            me->scratch);
    rv =
        llmq_hub_source_of(s->kind)->read(&page, me->hub->service, s, &what, me->scratch);
    if (rv == APR_SUCCESS) {
        rv = llmq_audience_page_close(&page);
    }
    if (rv == APR_SUCCESS) {
        hand_out(me, s, &page);
        settle(me, s, &what, &page.news);
    }
    else {
        put_off(me, s);
        pause_reads(me, rv);
    }
    llmq_audience_page_drop(&page);
    apr_pool_clear(me->scratch);
}

/* ---- many things at once: most of them have nothing new ---- */

/* Those that have nothing new are settled without being read. */
static void sift(reader_t *me, llmq_subject_t **subjects, int n)
{
    llmq_subject_t *asked[BATCH];
    llmq_audience_read_t what[BATCH];
    llmq_hub_mark_t marks[BATCH];
    int n_asked = 0;
    int n_grown;
    int i;
    int k;

    for (i = 0; i < n; i++) {
        if (llmq_hub_source_of(subjects[i]->kind)->numbered
            && plan(&what[n_asked], me, subjects[i])) {
            asked[n_asked] = subjects[i];
            marks[n_asked] = (llmq_hub_mark_t){subjects[i], what[n_asked].after};
            n_asked++;
        }
    }
    n_grown = n_asked;
    if (n_asked == 0
        || llmq_hub_source_session.grown(marks, &n_grown, me->hub->service, me->scratch)
               != APR_SUCCESS) {
        return;
    }
    for (i = 0, k = 0; i < n_asked; i++) {
        const llmq_audience_news_t news = {what[i].after, 0, 0, 0};

        if (k < n_grown && marks[k].subject == asked[i]) {
            k++;
        }
        else {
            settle(me, asked[i], &what[i], &news);
        }
    }
}

static void serve_some(reader_t *me)
{
    llmq_subject_t *subjects[BATCH];
    int n;
    int i;

    llmq_hub_room_lock(me->hub);
    n = llmq_audience_take(subjects, me->hub->audience, BATCH);
    llmq_hub_room_unlock(me->hub);
    if (n >= MANY) {
        sift(me, subjects, n);
    }
    /* What the database does not answer for one it does not for the others. */
    for (i = 0; i < n; i++) {
        if (may_read(me, apr_time_now())) {
            serve(me, subjects[i]);
        }
        else {
            put_off(me, subjects[i]);
        }
    }
    llmq_hub_room_release(me->hub, subjects, n);
}

/* ---- the thread ---- */

static int is_patrol_due_locked(const reader_t *me, apr_time_t now)
{
    return llmq_audience_count(me->hub->audience) > 0 && may_read(me, now)
           && (me->hub->missed || me->patrol_at <= now);
}

/* Until when there is nothing to do but what others tell; 0: for ever. */
static apr_time_t sleep_limit_locked(const reader_t *me, apr_time_t now)
{
    apr_time_t until = llmq_audience_count(me->hub->audience) ? me->patrol_at : 0;

    if (!may_read(me, now)) {
        return me->paused;
    }
    if (llmq_audience_is_stuck(me->hub->audience) && me->retry_at < until) {
        until = me->retry_at;
    }
    return until;
}

static void sleep_locked(reader_t *me)
{
    apr_time_t now = apr_time_now();
    apr_time_t until = sleep_limit_locked(me, now);

    if (!until) {
        apr_thread_cond_wait(me->hub->news, me->hub->lock);
    }
    else if (until > now) {
        apr_thread_cond_timedwait(me->hub->news, me->hub->lock, until - now);
    }
}

/* Slow clients are looked at again, at first soon, later less often. */
static void retry_locked(reader_t *me, apr_time_t now)
{
    if (!llmq_audience_is_stuck(me->hub->audience) || me->retry_at > now) {
        return;
    }
    llmq_audience_retry(me->hub->audience);
    me->retry_at = now + me->retry_pause;
    me->retry_pause = 2 * me->retry_pause;
    if (me->retry_pause > STUCK_MAX) {
        me->retry_pause = STUCK_MAX;
    }
}

static void patrol(reader_t *me)
{
    apr_status_t rv = llmq_hub_patrol_run(me->hub, me->scratch);

    me->patrol_at = apr_time_now() + llmq_hub_patrol_interval(me->hub);
    if (rv != APR_SUCCESS) {
        pause_reads(me, rv);
    }
}

/* @return non-zero: there may be more to do; called and returns with the lock held */
static int work_locked(reader_t *me)
{
    llmq_hub_t *hub = me->hub;
    apr_time_t now = apr_time_now();
    int is_due = is_patrol_due_locked(me, now);

    retry_locked(me, now);
    if (!is_due && (!may_read(me, now) || !llmq_audience_has_todo(hub->audience))) {
        return 0;
    }
    llmq_hub_room_unlock(hub);
    /* 1. What did nobody tell? */
    if (is_due) {
        patrol(me);
    }
    /* 2. Who is behind? */
    else {
        serve_some(me);
    }
    llmq_hub_room_lock(hub);
    return 1;
}

static void *APR_THREAD_FUNC run(apr_thread_t *thread, void *data)
{
    llmq_hub_t *hub = data;
    reader_t me = {.hub = hub, .scratch = hub->thread.scratch, .retry_pause = STUCK_MIN};

    (void)thread;
    me.patrol_at = apr_time_now() + llmq_hub_patrol_interval(hub);
    llmq_hub_room_lock(hub);
    while (!hub->stopping) {
        if (!work_locked(&me)) {
            sleep_locked(&me);
        }
    }
    llmq_hub_room_unlock(hub);
    return NULL;
}

apr_status_t llmq_hub_read_start(llmq_hub_t *hub)
{
    return llmq_thread_begin(&hub->thread, run, hub, KEPT_FREE);
}

void llmq_hub_read_join(llmq_hub_t *hub)
{
    llmq_thread_end(&hub->thread);
}
