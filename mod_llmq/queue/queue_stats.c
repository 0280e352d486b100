#include "queue/queue_stats.h"

#include "queue/queue_figures.h"
#include "queue/queue_lock.h"

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

void llmq_queue_stats_taken(llmq_queue_t *q, const llmq_queue_slot_t *slot,
                            apr_time_t now)
{
    llmq_queue_level_t *level = level_of(q, slot);
    const llmq_entry_t *e = &slot->entry;
    apr_interval_time_t wait = since(e->put_at > e->run_at ? e->put_at : e->run_at, now);

    if (slot->tried)
        return;
    level->total_taken++;
    level->wait_sum += wait;
    if (wait > level->wait_max)
        level->wait_max = wait;
    average(&level->wait_ewma, level->total_taken, wait);
    llmq_queue_figures_taken(q, e, wait);
}

void llmq_queue_stats_count(llmq_queue_level_t *level, llmq_ack_e how)
{
    level->total_completed += how == LLMQ_ACK_COMPLETED;
    level->total_failed += how == LLMQ_ACK_FAILED || how == LLMQ_ACK_TIMEOUT;
}

void llmq_queue_stats_ended(llmq_queue_t *q, const llmq_queue_slot_t *slot,
                            llmq_ack_e how, apr_time_t now)
{
    llmq_queue_level_t *level = level_of(q, slot);
    apr_interval_time_t run =
        since(slot->entry.taken_at, slot->answered_at ? slot->answered_at : now);

    if (slot->entry.canceled || how == LLMQ_ACK_GONE)
        return;
    llmq_queue_stats_count(level, how);
    average(&level->run_ewma, ++level->total_runs, run);
    llmq_queue_figures_ended(q, &slot->entry, how, run);
}

static void copy_level(llmq_queue_stats_t *s, const llmq_queue_level_t *level)
{
    s->ready = level->count[LLMQ_ENTRY_READY];
    s->blocked = level->count[LLMQ_ENTRY_BLOCKED];
    s->delayed = level->count[LLMQ_ENTRY_DELAYED];
    s->running = level->count[LLMQ_ENTRY_RUNNING] - level->answered;
    s->max_size = atomic_load(&level->max_size);
    s->max_concurrent = level->max_concurrent;
    s->total_put = level->total_put;
    s->total_completed = level->total_completed;
    s->total_failed = level->total_failed;
    s->total_taken = level->total_taken;
    s->wait_sum = level->wait_sum;
    s->wait_max = level->wait_max;
    s->wait_ewma = level->wait_ewma;
    s->run_ewma = level->run_ewma;
}

static void add_level(llmq_queue_stats_t *sum, const llmq_queue_stats_t *s)
{
    sum->ready += s->ready;
    sum->blocked += s->blocked;
    sum->delayed += s->delayed;
    sum->running += s->running;
    sum->max_size += s->max_size;
    sum->max_concurrent += s->max_concurrent;
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
        copy_level(&stats[l], &q->header->level[l]);
        runs[l] = q->header->level[l].total_runs;
    }
    llmq_queue_lock_leave(q);
    LLMQ_EACH_LEVEL (l)
        add_level(&stats[0], &stats[l]);
    weigh_means(stats, runs);
    return APR_SUCCESS;
}
