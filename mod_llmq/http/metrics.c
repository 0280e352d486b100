#include "http/metrics.h"

#include "base/clock.h"
#include "base/prometheus.h"
#include "base/sysinfo.h"
#include "core/priority.h"
#include "http/metrics_levels.h"
#include "http/metrics_usage.h"

#include <http_config.h>

#define COUNTER   LLMQ_PROMETHEUS_COUNTER
#define GAUGE     LLMQ_PROMETHEUS_GAUGE
#define HISTOGRAM LLMQ_PROMETHEUS_HISTOGRAM

apr_status_t llmq_metrics_gather(llmq_metrics_t *m, const llmq_service_t *service,
                                 apr_pool_t *p)
{
    apr_status_t rv = llmq_queue_stats(m->queue, service->queue);

    if (rv == APR_SUCCESS) {
        rv = llmq_queue_figures_times(&m->times, service->queue);
    }
    if (rv == APR_SUCCESS) {
        rv = llmq_metrics_task_gather(&m->tasks, service);
    }
    llmq_traffic_read(&m->traffic);
    llmq_board_read(&m->board);
    llmq_hub_meter_read(&m->streams);
    llmq_store_meter_read(&m->database, llmq_store_conf(service->store)->meter);
    m->memory_percent = llmq_sysinfo_memory();
    m->disk_percent = llmq_sysinfo_disk(ap_server_root_relative(p, ""));
    return rv;
}

/* ---- messages ---- */

static void waiting(llmq_prometheus_t *w, const llmq_metrics_t *m)
{
    int l;

    llmq_prometheus_family(w, GAUGE, "llmq_messages_waiting",
                           "Messages that wait: ready to be taken, blocked behind their "
                           "conversation, or delayed.");
    LLMQ_EACH_LEVEL (l) {
        LLMQ_PROMETHEUS_WITH2(ready, "level", llmq_priority_name((llmq_level_e)l),
                              "state", "ready");
        LLMQ_PROMETHEUS_WITH2(blocked, "level", llmq_priority_name((llmq_level_e)l),
                              "state", "blocked");
        LLMQ_PROMETHEUS_WITH2(delayed, "level", llmq_priority_name((llmq_level_e)l),
                              "state", "delayed");

        llmq_prometheus_count(w, ready, m->queue[l].ready);
        llmq_prometheus_count(w, blocked, m->queue[l].blocked);
        llmq_prometheus_count(w, delayed, m->queue[l].delayed);
    }
}

static void messages(llmq_prometheus_t *w, const llmq_metrics_t *m)
{
    llmq_prometheus_family(w, COUNTER, "llmq_messages_queued",
                           "Messages that were put into the queue, those found in the "
                           "database at start too.");
    llmq_metrics_levels_count(w, m->queue, llmq_priority_name,
                              LLMQ_METRICS_LEVELS_QUEUED);
    llmq_prometheus_family(w, COUNTER, "llmq_messages_completed",
                           "Messages of this node that were answered.");
    llmq_metrics_levels_count(w, m->queue, llmq_priority_name,
                              LLMQ_METRICS_LEVELS_COMPLETED);
    llmq_prometheus_family(w, COUNTER, "llmq_messages_failed",
                           "Messages of this node that failed or timed out for good.");
    llmq_metrics_levels_count(w, m->queue, llmq_priority_name,
                              LLMQ_METRICS_LEVELS_FAILED);
    waiting(w, m);
    llmq_prometheus_family(w, GAUGE, "llmq_messages_running",
                           "Messages whose calls are in flight.");
    llmq_metrics_levels_count(w, m->queue, llmq_priority_name,
                              LLMQ_METRICS_LEVELS_RUNNING);
    llmq_prometheus_family(w, GAUGE, "llmq_queue_size_limit", "Messages that may wait.");
    llmq_metrics_levels_count(w, m->queue, llmq_priority_name, LLMQ_METRICS_LEVELS_SIZE);
    llmq_prometheus_family(w, GAUGE, "llmq_queue_concurrency_limit",
                           "Calls that may be in flight.");
    llmq_metrics_levels_count(w, m->queue, llmq_priority_name,
                              LLMQ_METRICS_LEVELS_CONCURRENCY);
}

static void durations(llmq_prometheus_t *w, const llmq_metrics_t *m)
{
    llmq_prometheus_family(w, HISTOGRAM, "llmq_message_wait_seconds",
                           "From acceptance, or from when it was due, to the first "
                           "attempt.");
    llmq_metrics_levels_times(w, m->times.waits, llmq_priority_name);
    llmq_prometheus_family(w, HISTOGRAM, "llmq_message_processing_seconds",
                           "The last attempt of messages that have ended.");
    llmq_metrics_levels_times(w, m->times.runs, llmq_priority_name);
    llmq_prometheus_family(w, COUNTER, "llmq_statistics_missed",
                           "Events that GET /queues/stats does not count, for lack of "
                           "room.");
    llmq_prometheus_count(w, NULL, m->times.lost);
}

/* ---- server ---- */

static void requests(llmq_prometheus_t *w, const llmq_metrics_t *m)
{
    static const char *const classes[LLMQ_TRAFFIC_CLASSES] = {"other", "1xx", "2xx",
                                                              "3xx",   "4xx", "5xx"};
    int i;

    llmq_prometheus_family(w, COUNTER, "llmq_http_requests",
                           "Requests to this module, by class of their status.");
    for (i = 0; i < LLMQ_TRAFFIC_CLASSES; i++) {
        LLMQ_PROMETHEUS_WITH(labels, "class", classes[i]);
        llmq_prometheus_count(w, labels, m->traffic.requests[i]);
    }
    llmq_prometheus_family(w, HISTOGRAM, "llmq_http_request_duration_seconds",
                           "From the request's first line to the end of its answer.");
    llmq_prometheus_octaves(w, NULL, &m->traffic.durations);
}

static void streams(llmq_prometheus_t *w, const llmq_metrics_t *m)
{
    llmq_prometheus_family(w, GAUGE, "llmq_streams_open",
                           "Event streams of all children.");
    llmq_prometheus_count(w, NULL, m->streams.open);
    llmq_prometheus_family(w, COUNTER, "llmq_streams", "Event streams that were begun.");
    llmq_prometheus_count(w, NULL, m->streams.begun);
    llmq_prometheus_family(w, COUNTER, "llmq_stream_events",
                           "Events that were sent, one for each client.");
    llmq_prometheus_count(w, NULL, m->streams.events);
    llmq_prometheus_family(w, COUNTER, "llmq_stream_cut",
                           "Event streams whose clients were behind when they left or "
                           "were cut.");
    llmq_prometheus_count(w, NULL, m->streams.cut);
}

static void server(llmq_prometheus_t *w, const llmq_metrics_t *m,
                   const llmq_service_t *service)
{
    LLMQ_PROMETHEUS_WITH(version, "version", LLMQ_VERSION);
    LLMQ_PROMETHEUS_WITH(busy, "state", "busy");
    LLMQ_PROMETHEUS_WITH(idle, "state", "idle");

    llmq_prometheus_family(w, GAUGE, "llmq_build_info", "Always 1; which version runs.");
    llmq_prometheus_count(w, version, 1);
    llmq_prometheus_family(w, GAUGE, "llmq_start_time_seconds",
                           "When the server was started, seconds since 1970.");
    llmq_prometheus_seconds(w, NULL, service->started_at);
    llmq_prometheus_family(w, GAUGE, "llmq_dispatcher_up",
                           "Whether this server's dispatcher lives.");
    llmq_prometheus_count(w, NULL,
                          service->has_dispatcher && service->dispatcher_alive() ? 1 : 0);
    llmq_prometheus_family(w, GAUGE, "llmq_http_connections",
                           "Open connections of the whole httpd.");
    llmq_prometheus_count(w, NULL, (apr_uint64_t)m->board.connections);
    llmq_prometheus_family(w, GAUGE, "llmq_http_threads",
                           "Threads of the whole httpd that serve requests.");
    llmq_prometheus_count(w, busy, (apr_uint64_t)m->board.busy);
    llmq_prometheus_count(w, idle, (apr_uint64_t)(m->board.threads - m->board.busy));
}

static void database(llmq_prometheus_t *w, const llmq_store_use_t *use)
{
    LLMQ_PROMETHEUS_WITH(active, "state", "active");
    LLMQ_PROMETHEUS_WITH(idle, "state", "idle");
    apr_int64_t rest = use->open - use->active;

    llmq_prometheus_family(w, GAUGE, "llmq_database_connections",
                           "Connections to the database that were used at least once.");
    llmq_prometheus_count(w, active, (apr_uint64_t)use->active);
    llmq_prometheus_count(w, idle, rest > 0 ? (apr_uint64_t)rest : 0);
    llmq_prometheus_family(w, COUNTER, "llmq_database_statements",
                           "Statements that were run.");
    llmq_prometheus_count(w, NULL, use->statements);
    llmq_prometheus_family(w, COUNTER, "llmq_database_statement_seconds",
                           "Time that statements took, all together.");
    llmq_prometheus_seconds(w, NULL, use->time);
    llmq_prometheus_family(w, COUNTER, "llmq_database_slow_statements",
                           "Statements that took longer than LLMQSlowQuery.");
    llmq_prometheus_count(w, NULL, use->slow);
}

static void bus(llmq_prometheus_t *w, const llmq_bus_t *from)
{
    LLMQ_PROMETHEUS_WITH(local, "origin", "local");
    LLMQ_PROMETHEUS_WITH(foreign, "origin", "foreign");
    llmq_bus_stats_t stats;

    llmq_bus_stats(&stats, from);
    llmq_prometheus_family(w, COUNTER, "llmq_bus_events",
                           "Events told to the processes of this server, by whether this"
                           " node or another one began.");
    llmq_prometheus_count(w, local, stats.published);
    llmq_prometheus_count(w, foreign, stats.foreign);
    llmq_prometheus_family(
        w, COUNTER, "llmq_bus_overruns",
        "Times that a process fell behind and looked at the database.");
    llmq_prometheus_count(w, NULL, stats.overruns);
    llmq_prometheus_family(w, GAUGE, "llmq_bus_linked",
                           "Whether events of other nodes arrive through Redis.");
    llmq_prometheus_count(w, NULL, stats.linked != 0);
    llmq_prometheus_family(w, GAUGE, "llmq_bus_listeners",
                           "Processes that want to hear events at present.");
    llmq_prometheus_count(w, NULL, (apr_uint64_t)stats.listening);
}

/* ---- backends ---- */

typedef void sample_fn_t(llmq_prometheus_t *w, const llmq_prometheus_label_t *labels,
                         const llmq_endpoint_figures_t *f);

static void up(llmq_prometheus_t *w, const llmq_prometheus_label_t *labels,
               const llmq_endpoint_figures_t *f)
{
    llmq_prometheus_count(w, labels, f->state != LLMQ_HEALTH_EJECTED && !f->draining);
}

static void in_flight(llmq_prometheus_t *w, const llmq_prometheus_label_t *labels,
                      const llmq_endpoint_figures_t *f)
{
    llmq_prometheus_count(w, labels, f->in_flight > 0 ? (apr_uint64_t)f->in_flight : 0);
}

static void calls(llmq_prometheus_t *w, const llmq_prometheus_label_t *labels,
                  const llmq_endpoint_figures_t *f)
{
    llmq_prometheus_count(w, labels, f->calls);
}

static void call_failures(llmq_prometheus_t *w, const llmq_prometheus_label_t *labels,
                          const llmq_endpoint_figures_t *f)
{
    llmq_prometheus_count(w, labels, f->failures);
}

static void latencies(llmq_prometheus_t *w, const llmq_prometheus_label_t *labels,
                      const llmq_endpoint_figures_t *f)
{
    llmq_prometheus_octaves(w, labels, &f->latencies);
}

static void first_bytes(llmq_prometheus_t *w, const llmq_prometheus_label_t *labels,
                        const llmq_endpoint_figures_t *f)
{
    llmq_prometheus_octaves(w, labels, &f->first_latencies);
}

static void by_backend(llmq_prometheus_t *w, const llmq_service_t *service,
                       sample_fn_t *sample)
{
    apr_time_t now = llmq_clock_now();
    llmq_endpoint_figures_t f;
    int i;

    for (i = 0; i < service->n_backends; i++) {
        const char *name = service->backends[i]->name;
        LLMQ_PROMETHEUS_WITH(labels, "backend", name);

        llmq_endpoint_board_read(&f, service->board,
                                 llmq_endpoint_board_find(service->board, name), now);
        sample(w, labels, &f);
    }
}

static void backends(llmq_prometheus_t *w, const llmq_service_t *service)
{
    llmq_prometheus_family(w, GAUGE, "llmq_backend_up",
                           "Whether calls may begin: neither ejected nor draining.");
    by_backend(w, service, up);
    llmq_prometheus_family(w, GAUGE, "llmq_backend_calls_in_flight", "Calls under way.");
    by_backend(w, service, in_flight);
    llmq_prometheus_family(w, COUNTER, "llmq_backend_calls",
                           "Calls that have ended and say something of the backend.");
    by_backend(w, service, calls);
    llmq_prometheus_family(w, COUNTER, "llmq_backend_call_failures",
                           "Those that failed.");
    by_backend(w, service, call_failures);
    llmq_prometheus_family(w, HISTOGRAM, "llmq_backend_call_seconds",
                           "From the begin of a call to the end of its answer.");
    by_backend(w, service, latencies);
    llmq_prometheus_family(w, HISTOGRAM, "llmq_backend_first_byte_seconds",
                           "From the begin of a call to the first byte of its answer.");
    by_backend(w, service, first_bytes);
}

static void machine(llmq_prometheus_t *w, const llmq_metrics_t *m)
{
    llmq_prometheus_family(w, GAUGE, "llmq_machine_cpu_ratio",
                           "How busy all processors were since the last look.");
    llmq_prometheus_number(w, NULL, m->traffic.cpu_percent / 100);
    llmq_prometheus_family(w, GAUGE, "llmq_machine_memory_ratio", "Memory in use.");
    llmq_prometheus_number(w, NULL, m->memory_percent / 100);
    llmq_prometheus_family(w, GAUGE, "llmq_machine_disk_ratio",
                           "Use of the disk that holds the server's files.");
    llmq_prometheus_number(w, NULL, m->disk_percent / 100);
    llmq_prometheus_family(w, COUNTER, "llmq_machine_network_receive_bytes",
                           "Bytes that came in, without the loopback.");
    llmq_prometheus_count(w, NULL, m->traffic.net_in_total);
    llmq_prometheus_family(w, COUNTER, "llmq_machine_network_transmit_bytes",
                           "Bytes that went out, without the loopback.");
    llmq_prometheus_count(w, NULL, m->traffic.net_out_total);
}

void llmq_metrics_expose(llmq_text_t *t, const llmq_metrics_t *m,
                         const llmq_service_t *service, int openmetrics)
{
    llmq_prometheus_t w;

    llmq_prometheus_init(&w, t, openmetrics);
    server(&w, m, service);
    messages(&w, m);
    durations(&w, m);
    llmq_metrics_task_expose(&w, &m->tasks);
    backends(&w, service);
    llmq_metrics_usage_expose(&w, service->usage_meter);
    requests(&w, m);
    streams(&w, m);
    database(&w, &m->database);
    bus(&w, service->bus);
    machine(&w, m);
    llmq_prometheus_end(&w);
}
