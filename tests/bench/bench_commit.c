/*
 * Rate of group commits: threads insert rows of about 400 bytes for some seconds, one JSON
 * line tells what came of it.
 *
 *   bench_commit DRIVER PARAMS [THREADS [SECONDS [DELAY_USEC [MIN_ROWS [CHAINS]]]]]
 *   bench_commit sqlite3 bench.db
 *   bench_commit pgsql "host=localhost port=5432 dbname=llmq"
 */
#include "base/clock.h"
#include "base/id.h"
#include "store/store_commit.h"

#include <apr_general.h>
#include <apr_strings.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS_MAX 1024
#define PAYLOAD     "Please summarise the attached report in three sentences. "

typedef struct {
    const char *driver;
    const char *params;
    int threads;
    int seconds;
    int chains;
    llmq_commit_conf_t commit;
} options_t;

static options_t options = {NULL, NULL, 64, 3, 1000, {1000, 0, 1}};
static llmq_commit_t *commit;
static int stopping;
static apr_uint64_t failures;

static void fill(llmq_job_t *job, unsigned int *seed, apr_pool_t *p)
{
    memset(job, 0, sizeof(*job));
    job->id = llmq_id_create("msg_", p);
    job->tenant = "default";
    job->chain = apr_psprintf(p, "conv_%d", rand_r(seed) % options.chains);
    job->user = "user_1";
    job->payload = PAYLOAD PAYLOAD;
    job->payload_len = strlen(job->payload);
    job->metadata = "{\"analyzed\":\"true\",\"word_count\":16}";
    job->created_at = llmq_clock_now();
    job->run_at = job->created_at;
    job->timeout = apr_time_from_sec(30);
    job->max_retries = 3;
    job->kind = LLMQ_KIND_MESSAGE;
    job->level = LLMQ_LEVEL_NORMAL;
}

static void *inserter(void *data)
{
    unsigned int seed = (unsigned int)(size_t)data;
    apr_allocator_t *allocator;
    apr_pool_t *p;

    apr_allocator_create(&allocator);
    apr_pool_create_ex(&p, NULL, NULL, allocator);
    apr_allocator_owner_set(allocator, p);
    while (!__atomic_load_n(&stopping, __ATOMIC_RELAXED)) {
        llmq_text_t row;
        llmq_job_t job;

        apr_pool_clear(p);
        fill(&job, &seed, p);
        llmq_text_init(&row, 700, p);
        llmq_store_job_row(&row, &job);
        if (llmq_store_commit_write(commit, row.data, row.len, NULL, 0) != APR_SUCCESS)
            __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
    }
    apr_pool_destroy(p);
    return NULL;
}

static void report(double seconds)
{
    llmq_commit_stats_t stats;

    llmq_store_commit_stats(&stats, commit);
    printf("{\"driver\":\"%s\",\"threads\":%d,\"seconds\":%.2f,\"rows\":%llu,"
           "\"commits\":%llu,\"failures\":%llu,\"rows_per_second\":%.0f,"
           "\"rows_per_commit\":%.1f}\n",
           options.driver, options.threads, seconds, (unsigned long long)stats.rows,
           (unsigned long long)stats.commits, (unsigned long long)failures,
           stats.rows / seconds, stats.commits ? (double)stats.rows / stats.commits : 0);
}

static int run(apr_pool_t *p)
{
    llmq_store_conf_t conf = {LLMQ_DIALECT_SQLITE3, "bench", apr_time_from_sec(5),
                              apr_time_from_sec(30), 0};
    pthread_t threads[THREADS_MAX];
    llmq_commit_writer_t inserts = {llmq_store_commit_insert, NULL, NULL, NULL};
    llmq_store_source_t source;
    llmq_store_t *store;
    apr_time_t begin;
    int i;

    if (!strcmp(options.driver, "pgsql"))
        conf.dialect = LLMQ_DIALECT_PGSQL;
    llmq_store_source_direct(&source, options.driver, options.params,
                             apr_time_from_sec(1), p);
    llmq_store_create(&store, &source, &conf, p);
    if (llmq_store_ping(store, NULL, p) != APR_SUCCESS
        || llmq_store_commit_create(&commit, store, &options.commit, &inserts, 1, p)
               != APR_SUCCESS)
        return EXIT_FAILURE;
    begin = apr_time_now();
    for (i = 0; i < options.threads; i++)
        pthread_create(&threads[i], NULL, inserter, (void *)(size_t)(i + 1));
    apr_sleep(apr_time_from_sec(options.seconds));
    __atomic_store_n(&stopping, 1, __ATOMIC_RELAXED);
    for (i = 0; i < options.threads; i++)
        pthread_join(threads[i], NULL);
    report((double)(apr_time_now() - begin) / APR_USEC_PER_SEC);
    llmq_store_commit_stop(commit);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    apr_pool_t *p;
    int status;

    if (argc < 3)
        return EXIT_FAILURE;
    options.driver = argv[1];
    options.params = argv[2];
    if (argc > 3)
        options.threads = atoi(argv[3]);
    if (argc > 4)
        options.seconds = atoi(argv[4]);
    if (argc > 5)
        options.commit.delay = atoi(argv[5]);
    if (argc > 6)
        options.commit.min_rows = atoi(argv[6]);
    if (argc > 7)
        options.chains = atoi(argv[7]);
    if (options.threads < 1 || options.threads > THREADS_MAX || options.chains < 1)
        return EXIT_FAILURE;
    apr_initialize();
    apr_pool_create(&p, NULL);
    apr_dbd_init(p);
    status = run(p);
    apr_pool_destroy(p);
    apr_terminate();
    return status;
}
