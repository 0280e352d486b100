#include "queue/queue_stats.h"

#include "queue/queue_figures.h"
#include "queue/queue_lock.h"
#include "queue/queue_tenant.h"

#include <string.h>

#define WEIGHT 16 /* a sample counts 1/16 in a moving mean */

static apr_interval_time_t since(apr_time_t then, apr_time_t now)
{
    return now > then ? now - then : 0;
}

/* The first sample is the mean. */
static void average(apr_interval_time_t *mean, apr_uint64_t samples,
                    apr_interval_time_t sample)
{
    *mean = samples == 1 ? sample : *mean + (sample - *mean) / WEIGHT;
}

static void add_wait(llmq_queue_account_t *account, apr_interval_time_t wait)
{
    account->total_taken++;
    account->wait_sum += wait;
    if (wait > account->wait_max)
        account->wait_max = wait;
    average(&account->wait_ewma, account->total_taken, wait);
}

void llmq_queue_stats_taken(llmq_queue_t *q, const llmq_queue_slot_t *slot,
                            apr_time_t now)
{
    const llmq_entry_t *e = &slot->entry;
    apr_interval_time_t wait = since(e->put_at > e->run_at ? e->put_at : e->run_at, now);

    if (slot->tried)
        return;
    add_wait(&level_of(q, slot)->account, wait);
    add_wait(&lane_of(q, slot)->account, wait);
    llmq_queue_figures_taken(q, e, wait);
}

static void count_end(llmq_queue_account_t *account, llmq_ack_e how)
{
    account->total_completed += how == LLMQ_ACK_COMPLETED;
    account->total_failed += how == LLMQ_ACK_FAILED || how == LLMQ_ACK_TIMEOUT;
}

void llmq_queue_stats_count(llmq_queue_t *q, apr_uint64_t tenant, apr_uint32_t level,
                            llmq_ack_e how)
{
    apr_uint32_t t = llmq_queue_tenant_get_locked(q, tenant);

    count_end(&q->header->level[level].account, how);
    count_end(&lane_at(q, t, level)->account, how);
}

static void add_end(llmq_queue_account_t *account, const llmq_queue_slot_t *slot,
                    llmq_ack_e how, apr_interval_time_t run)
{
    count_end(account, how);
    /* What expired has not run. */
    if (!slot->expired)
        average(&account->run_ewma, ++account->total_runs, run);
}

void llmq_queue_stats_ended(llmq_queue_t *q, const llmq_queue_slot_t *slot,
                            llmq_ack_e how, apr_time_t now)
{
    apr_interval_time_t run =
        since(slot->entry.taken_at, slot->answered_at ? slot->answered_at : now);

    if (slot->entry.canceled || how == LLMQ_ACK_GONE)
        return;
    add_end(&level_of(q, slot)->account, slot, how, run);
    add_end(&lane_of(q, slot)->account, slot, how, run);
    llmq_queue_figures_ended(q, &slot->entry, how, slot->expired ? -1 : run);
}

static void copy_account(llmq_queue_stats_t *s, const llmq_queue_account_t *account)
{
    s->ready = account->count[LLMQ_ENTRY_READY];
    s->blocked = account->count[LLMQ_ENTRY_BLOCKED];
    s->delayed = account->count[LLMQ_ENTRY_DELAYED];
    s->running = account->count[LLMQ_ENTRY_RUNNING] - account->answered;
    s->total_put = account->total_put;
    s->total_completed = account->total_completed;
    s->total_failed = account->total_failed;
    s->total_taken = account->total_taken;
    s->wait_sum = account->wait_sum;
    s->wait_max = account->wait_max;
    s->wait_ewma = account->wait_ewma;
    s->run_ewma = account->run_ewma;
}

static void copy_limits(llmq_queue_stats_t *s, llmq_queue_level_t *level)
{
    s->max_size = atomic_load(&level->max_size);
    s->max_concurrent = level->max_concurrent;
    s->concurrency = level->concurrency;
}

static void add_level(llmq_queue_stats_t *sum, const llmq_queue_stats_t *s)
{
    sum->ready += s->ready;
    sum->blocked += s->blocked;
    sum->delayed += s->delayed;
    sum->running += s->running;
    sum->max_size += s->max_size;
    sum->max_concurrent += s->max_concurrent;
    sum->concurrency += s->concurrency;
    sum->total_put += s->total_put;
    sum->total_completed += s->total_completed;
    sum->total_failed += s->total_failed;
    sum->total_taken += s->total_taken;
    sum->wait_sum += s->wait_sum;
    if (s->wait_max > sum->wait_max)
        sum->wait_max = s->wait_max;
}

/* The moving means of all levels together, each weighted by its share of the samples. */
static void weigh_means(llmq_queue_stats_t *stats, const apr_uint64_t *runs)
{
    double wait = 0, run = 0, samples = 0;
    int l;

    LLMQ_EACH_LEVEL (l) {
        wait += (double)stats[l].wait_ewma * (double)stats[l].total_taken;
        run += (double)stats[l].run_ewma * (double)runs[l];
        samples += (double)runs[l];
    }
    if (stats[0].total_taken > 0)
        stats[0].wait_ewma =
            (apr_interval_time_t)(wait / (double)stats[0].total_taken + 0.5);
    if (samples > 0)
        stats[0].run_ewma = (apr_interval_time_t)(run / samples + 0.5);
}

static void sum_up(llmq_queue_stats_t *stats, const apr_uint64_t *runs)
{
    int l;

    LLMQ_EACH_LEVEL (l)
        add_level(&stats[0], &stats[l]);
    weigh_means(stats, runs);
}

apr_status_t llmq_queue_stats(llmq_queue_stats_t *stats, llmq_queue_t *q)
{
    apr_uint64_t runs[LLMQ_LEVEL_COUNT] = {0};
    apr_status_t rv;
    int l;

    memset(stats, 0, sizeof(*stats) * LLMQ_LEVEL_COUNT);
    rv = llmq_queue_lock_enter(q);
    if (rv != APR_SUCCESS)
        return rv;
    LLMQ_EACH_LEVEL (l) {
        copy_limits(&stats[l], &q->header->level[l]);
        copy_account(&stats[l], &q->header->level[l].account);
        runs[l] = q->header->level[l].account.total_runs;
    }
    llmq_queue_lock_leave(q);
    sum_up(stats, runs);
    return APR_SUCCESS;
}

static void copy_lane(llmq_queue_stats_t *s, apr_uint64_t *runs,
                      const llmq_queue_lane_t *lane)
{
    copy_account(s, &lane->account);
    s->paused = atomic_load(&lane->paused);
    *runs = lane->account.total_runs;
}

apr_status_t llmq_queue_stats_of(llmq_queue_stats_t *stats, llmq_queue_t *q,
                                 apr_uint64_t tenant)
{
    apr_uint64_t runs[LLMQ_LEVEL_COUNT] = {0};
    apr_uint32_t t;
    apr_status_t rv;
    int l;

    memset(stats, 0, sizeof(*stats) * LLMQ_LEVEL_COUNT);
    rv = llmq_queue_lock_enter(q);
    if (rv != APR_SUCCESS)
        return rv;
    t = llmq_queue_tenant_find(q, tenant);
    LLMQ_EACH_LEVEL (l) {
        copy_limits(&stats[l], &q->header->level[l]);
        if (t)
            copy_lane(&stats[l], &runs[l], lane_at(q, t, (apr_uint32_t)l));
    }
    llmq_queue_lock_leave(q);
    sum_up(stats, runs);
    return APR_SUCCESS;
}
