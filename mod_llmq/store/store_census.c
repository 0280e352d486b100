#include "store/store_census.h"

#include "store/store_page.h"
#include "store/store_run.h"

static void read_alike(llmq_census_t *c, const llmq_store_rows_t *rows)
{
    c->type = llmq_store_run_text(rows, 0);
    c->type = c->type ? c->type : "";
    c->status = (llmq_status_e)llmq_store_run_int(rows, 1);
    c->backing_off = 0;
    c->count = llmq_store_run_int(rows, 2);
    c->timed = llmq_store_run_int(rows, 4);
    c->busy = llmq_store_run_int(rows, 5);
    c->ended_lately = llmq_store_run_int(rows, 6);
}

/* Those between two attempts have neither begun nor ended: of the figures only their number is
 * theirs. @return how many entries there are now of one */
static int part(llmq_census_t *c, apr_int64_t backing_off)
{
    const llmq_census_t apart = {
        .type = c->type, .status = c->status, .backing_off = 1, .count = backing_off};
    int n = 0;

    c->count -= backing_off;
    n += c->count > 0;
    if (backing_off > 0)
        c[n++] = apart;
    return n;
}

apr_status_t llmq_store_census_take(llmq_census_t **prows, int *pn, llmq_store_t *store,
                                    const llmq_census_filter_t *filter, apr_pool_t *p)
{
    const char *args[] = {number(filter->now, p), number(filter->lately, p),
                          filter->tenant, filter->user};
    llmq_store_rows_t rows;
    llmq_census_t *list;
    apr_status_t rv = llmq_store_run(
        &rows, store, filter->user ? LLMQ_SQL_CENSUS_OF : LLMQ_SQL_CENSUS, args, p);
    int n = 0;

    if (rv != APR_SUCCESS)
        return rv;
    list = apr_palloc(p, sizeof(*list) * ((apr_size_t)rows.n * 2 + 1));
    while (llmq_store_run_next(&rows)) {
        read_alike(&list[n], &rows);
        n += part(&list[n], llmq_store_run_int(&rows, 3));
    }
    *prows = list;
    *pn = n;
    return APR_SUCCESS;
}

apr_status_t llmq_store_census_waiting(apr_int64_t *pn, llmq_store_t *store,
                                       const llmq_census_queue_t *queue, apr_pool_t *p)
{
    const char *type = queue->type ? queue->type : "";
    const char *level = number(queue->level, p);
    const char *args[] = {queue->tenant, number(LLMQ_KIND_TASK, p), type, type, level,
                          level};

    return llmq_store_page_count(pn, store, LLMQ_SQL_CENSUS_WAITING, args, p);
}

/* ---- of this node ---- */

apr_status_t llmq_store_census_open(llmq_backlog_sum_t **prows, int *pn,
                                    llmq_store_t *store, apr_time_t now, apr_pool_t *p)
{
    const char *present = number(now, p);
    const char *args[] = {present, present, store->conf.node, number(LLMQ_KIND_TASK, p)};
    llmq_store_rows_t rows;
    llmq_backlog_sum_t *list;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_CENSUS_OPEN, args, p);
    int n = 0;

    if (rv != APR_SUCCESS)
        return rv;
    list = apr_palloc(p, sizeof(*list) * ((apr_size_t)rows.n + 1));
    while (llmq_store_run_next(&rows)) {
        llmq_backlog_sum_t *s = &list[n++];

        s->type = llmq_store_run_text(&rows, 0);
        s->type = s->type ? s->type : "";
        s->level = (llmq_level_e)llmq_store_run_int(&rows, 1);
        s->status = (llmq_status_e)llmq_store_run_int(&rows, 2);
        s->backing_off = (int)llmq_store_run_int(&rows, 3);
        s->count = llmq_store_run_int(&rows, 4);
        s->oldest_due = llmq_store_run_int(&rows, 5);
    }
    *prows = list;
    *pn = n;
    return APR_SUCCESS;
}

apr_status_t llmq_store_census_dead(apr_int64_t *pn, llmq_store_t *store, apr_pool_t *p)
{
    const char *args[] = {store->conf.node, number(LLMQ_KIND_TASK, p)};

    return llmq_store_page_count(pn, store, LLMQ_SQL_CENSUS_DEAD, args, p);
}
