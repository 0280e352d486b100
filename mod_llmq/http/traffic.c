#include "http/traffic.h"

#include "base/sysinfo.h"
#include "cfg/cfg.h"

#include <stdatomic.h>

#define RING         16
#define AGE          apr_time_from_sec(1) /* of a reading that is worth comparing with */
#define INTERVAL     apr_time_from_sec(5) /* between readings that requests leave */
#define SERVER_ERROR 5

typedef struct {
    apr_time_t at;
    apr_uint64_t requests;
    apr_uint64_t errors;
    apr_uint64_t usec;
    llmq_sysinfo_t machine;
} reading_t;

/* Readings go around; each stands for at least RING - 2 seconds before it is written anew,
 * and nobody takes that long to copy one. */
typedef struct {
    _Atomic(apr_uint64_t) requests[LLMQ_TRAFFIC_CLASSES];
    _Atomic(apr_uint64_t) octave[LLMQ_HISTOGRAM_OCTAVES];
    _Atomic(apr_uint64_t) usec;
    _Atomic(apr_int64_t) read_at;   /* when the last reading was taken */
    _Atomic(apr_uint32_t) readings; /* how many were written */
    reading_t ring[RING];
} shared_t;

static shared_t *shared;

apr_size_t llmq_traffic_size(void)
{
    return sizeof(shared_t);
}

static void read_now(reading_t *now)
{
    int i;

    now->at = apr_time_now();
    now->requests = 0;
    for (i = 0; i < LLMQ_TRAFFIC_CLASSES; i++) {
        now->requests += atomic_load(&shared->requests[i]);
    }
    now->errors = atomic_load(&shared->requests[SERVER_ERROR]);
    now->usec = atomic_load(&shared->usec);
    llmq_sysinfo_read(&now->machine);
}

/* Leave a reading if the last is older than @a age; one of all that come wins the turn. */
static void leave_reading(apr_interval_time_t age)
{
    apr_int64_t last = atomic_load(&shared->read_at);
    apr_time_t now = apr_time_now();
    apr_uint32_t n;

    if (now - last < age && now >= last) {
        return;
    }
    if (!atomic_compare_exchange_strong(&shared->read_at, &last, now)) {
        return;
    }
    n = atomic_load(&shared->readings);
    read_now(&shared->ring[n % RING]);
    atomic_store(&shared->readings, n + 1);
}

void llmq_traffic_attach(void *area)
{
    shared = area;
    leave_reading(INTERVAL);
}

int llmq_traffic_log(request_rec *r)
{
    const llmq_mount_t *mount = llmq_cfg_dir(r)->mount;
    apr_interval_time_t took;
    int class;

    if (!shared || !mount || mount->handler == LLMQ_HANDLER_NONE) {
        return DECLINED;
    }
    class = r->status / 100;
    took = apr_time_now() - r->request_time;
    took = took > 0 ? took : 0;
    atomic_fetch_add(&shared->requests[class < LLMQ_TRAFFIC_CLASSES ? class : 0], 1);
    atomic_fetch_add(&shared->octave[llmq_histogram_octave(llmq_histogram_index(took))],
                     1);
    atomic_fetch_add(&shared->usec, (apr_uint64_t)took);
    leave_reading(INTERVAL);
    return OK;
}

/* The last reading that is old enough, else the oldest there is. */
static void find_reading(reading_t *then, apr_time_t now)
{
    apr_uint32_t n = atomic_load(&shared->readings);
    apr_uint32_t back;

    for (back = 1; back <= n && back < RING - 1; back++) {
        *then = shared->ring[(n - back) % RING];
        if (now - then->at >= AGE) {
            return;
        }
    }
}

static double per_second(apr_uint64_t then, apr_uint64_t now, apr_interval_time_t d)
{
    return now > then && d > 0 ? (double)(now - then) * APR_USEC_PER_SEC / (double)d : 0;
}

static void read_rates(llmq_traffic_t *t, reading_t *then, const reading_t *now)
{
    apr_interval_time_t d = now->at - then->at;
    apr_uint64_t n;

    t->requests_per_second = per_second(then->requests, now->requests, d);
    t->cpu_percent = llmq_sysinfo_cpu(&then->machine, &now->machine);
    t->net_in = per_second(then->machine.net_in, now->machine.net_in, d);
    t->net_out = per_second(then->machine.net_out, now->machine.net_out, d);
    if (now->requests == then->requests) {
        memset(then, 0, sizeof(*then)); /* since the start */
    }
    n = now->requests - then->requests;
    if (n > 0) {
        t->error_rate = (double)(now->errors - then->errors) / (double)n;
        t->mean_duration = (apr_interval_time_t)((now->usec - then->usec) / n);
    }
}

void llmq_traffic_read(llmq_traffic_t *t)
{
    reading_t then;
    reading_t now;
    int i;

    memset(t, 0, sizeof(*t));
    if (!shared) {
        return;
    }
    read_now(&now);
    memset(&then, 0, sizeof(then));
    find_reading(&then, now.at);
    read_rates(t, &then, &now);
    t->net_in_total = now.machine.net_in;
    t->net_out_total = now.machine.net_out;
    for (i = 0; i < LLMQ_TRAFFIC_CLASSES; i++) {
        t->requests[i] = atomic_load(&shared->requests[i]);
    }
    for (i = 0; i < LLMQ_HISTOGRAM_OCTAVES; i++) {
        t->durations.octave[i] = atomic_load(&shared->octave[i]);
        t->durations.count += t->durations.octave[i];
    }
    t->durations.sum = (apr_interval_time_t)atomic_load(&shared->usec);
    leave_reading(AGE);
}
