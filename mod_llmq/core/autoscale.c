#include "core/autoscale.h"

#include <string.h>

/* Rounds between two probes: while the base is in doubt, and to look whether it holds. */
#define PROBE_SOON  10
#define PROBE_LATER 1000

static int within(int n, const llmq_autoscale_conf_t *conf)
{
    return n < conf->min ? conf->min : n > conf->max ? conf->max : n;
}

static int root_of(int n)
{
    int r = 1;

    while ((r + 1) * (r + 1) <= n)
        r++;
    return r;
}

void llmq_autoscale_init(llmq_autoscale_t *a, const llmq_autoscale_conf_t *conf)
{
    memset(a, 0, sizeof(*a));
    a->limit = conf->max;
    a->rounds = PROBE_SOON;
}

static void add(llmq_autoscale_sample_t *round, const llmq_autoscale_sample_t *sample)
{
    round->ended += sample->ended;
    round->overloads += sample->overloads;
    round->usec += sample->usec;
    round->good += sample->good;
    round->waiting = sample->waiting;
    if (sample->running > round->running)
        round->running = sample->running;
}

/* Only a round as quiet as the one that the base is from may raise it. */
static void learn_base(llmq_autoscale_t *a, apr_interval_time_t mean)
{
    int quiet = a->round.running <= a->base_load;

    if (a->base == 0 || mean < a->base || a->probing)
        a->base = mean > 0 ? mean : 1;
    else if (quiet)
        a->base += (mean - a->base) / 4;
    else
        return;
    a->base_load = a->round.running;
}

/* A limit that is in the way: all of it is used and more waits. */
static int is_bound(const llmq_autoscale_t *a)
{
    return a->round.waiting > 0 && a->round.running >= a->limit;
}

/* Is the base little but the latency under this very load, or from long ago? */
static int wants_probe(const llmq_autoscale_t *a, const llmq_autoscale_conf_t *conf)
{
    int enough = a->base_load > a->limit / 2 ? PROBE_SOON : PROBE_LATER;

    return is_bound(a) && a->rounds >= enough && a->limit / 4 >= conf->min;
}

static int by_latency(const llmq_autoscale_t *a, apr_interval_time_t mean)
{
    apr_interval_time_t most = a->base + a->base / 2;

    if (mean > most) {
        int shrunk = (int)((apr_int64_t)a->limit * most / mean);

        return shrunk > a->limit / 2 ? shrunk : a->limit / 2;
    }
    if (mean * 10 < a->base * 13 && is_bound(a))
        return a->limit + root_of(a->limit);
    return a->limit;
}

static int decide(llmq_autoscale_t *a, const llmq_autoscale_conf_t *conf,
                  apr_interval_time_t mean)
{
    if (a->probing) {
        int back = a->probing;

        a->probing = 0;
        return back;
    }
    if (a->round.overloads * 2 > a->round.ended)
        return a->limit * 7 / 10;
    if (!a->round.good)
        return a->limit;
    if (wants_probe(a, conf)) {
        a->probing = a->limit;
        a->rounds = 0;
        return a->limit / 4;
    }
    return by_latency(a, mean);
}

int llmq_autoscale_step(llmq_autoscale_t *a, const llmq_autoscale_conf_t *conf,
                        const llmq_autoscale_sample_t *sample)
{
    apr_interval_time_t mean;
    int limit;

    add(&a->round, sample);
    if (a->round.ended < a->limit || a->round.ended == 0)
        return a->limit = within(a->limit, conf);
    mean = a->round.good ? a->round.usec / a->round.good : 0;
    if (a->round.good)
        learn_base(a, mean);
    a->rounds++;
    limit = within(decide(a, conf, mean), conf);
    memset(&a->round, 0, sizeof(a->round));
    return a->limit = limit;
}
