#include "store/store_conversation.h"

#include "core/message.h"
#include "store/store_page.h"
#include "store/store_run.h"

#include <apr_tables.h>

#include <string.h>

/* Columns of a record, in the order of CONVERSATION and COUNTS. */
typedef enum {
    COLUMN_ID = 0,
    COLUMN_TENANT,
    COLUMN_USER,
    COLUMN_TITLE,
    COLUMN_CONTEXT,
    COLUMN_METADATA,
    COLUMN_LEVEL,
    COLUMN_STATE,
    COLUMN_FIRST_SEQ,
    COLUMN_CREATED_AT,
    COLUMN_UPDATED_AT,
    COLUMN_LAST_ACTIVE_AT,
    COLUMN_EXPIRES_AT,
    COLUMN_MESSAGES,
    COLUMN_COMPLETED,
    COLUMN_PROCESSING
} column_e;

static void read_record(llmq_conversation_t *c, const llmq_store_rows_t *rows)
{
    c->id = llmq_store_run_text(rows, COLUMN_ID);
    c->tenant = llmq_store_run_text(rows, COLUMN_TENANT);
    c->user = llmq_store_run_text(rows, COLUMN_USER);
    c->title = llmq_store_run_text(rows, COLUMN_TITLE);
    c->context = llmq_store_run_text(rows, COLUMN_CONTEXT);
    c->metadata = llmq_store_run_text(rows, COLUMN_METADATA);
    c->level = (llmq_level_e)llmq_store_run_int(rows, COLUMN_LEVEL);
    c->state = (llmq_conversation_state_e)llmq_store_run_int(rows, COLUMN_STATE);
    c->first_seq = llmq_store_run_int(rows, COLUMN_FIRST_SEQ);
    c->created_at = llmq_store_run_int(rows, COLUMN_CREATED_AT);
    c->updated_at = llmq_store_run_int(rows, COLUMN_UPDATED_AT);
    c->last_active_at = llmq_store_run_int(rows, COLUMN_LAST_ACTIVE_AT);
    c->expires_at = llmq_store_run_int(rows, COLUMN_EXPIRES_AT);
    c->messages = llmq_store_run_int(rows, COLUMN_MESSAGES);
    c->completed = llmq_store_run_int(rows, COLUMN_COMPLETED);
    c->processing = llmq_store_run_int(rows, COLUMN_PROCESSING);
}

apr_status_t llmq_store_conversation_create(llmq_store_t *store,
                                            const llmq_conversation_t *c, apr_pool_t *p)
{
    const char *now = number(c->created_at, p);
    const char *args[] = {
        c->tenant,  c->id, c->user, number(c->level, p),      c->tenant, c->id,
        now,        now,   now,     number(c->expires_at, p), c->title,  c->context,
        c->metadata};

    return llmq_store_run_change(store, LLMQ_SQL_CONVERSATION_CREATE, args, APR_EEXIST,
                                 p);
}

apr_status_t llmq_store_conversation_find(llmq_conversation_t **pc, llmq_store_t *store,
                                          const llmq_conversation_ref_t *ref,
                                          apr_pool_t *p)
{
    const char *args[] = {ref->tenant, ref->id, number(ref->now, p)};
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_CONVERSATION_FIND, args, p);

    if (rv != APR_SUCCESS)
        return rv;
    if (!llmq_store_run_next(&rows))
        return APR_NOTFOUND;
    *pc = apr_palloc(p, sizeof(**pc));
    read_record(*pc, &rows);
    return APR_SUCCESS;
}

apr_status_t llmq_store_conversation_peek(llmq_conversation_t *c, llmq_store_t *store,
                                          const llmq_conversation_ref_t *ref,
                                          apr_pool_t *p)
{
    const char *args[] = {ref->tenant, ref->id, number(ref->now, p)};
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_CONVERSATION_PEEK, args, p);

    if (rv != APR_SUCCESS)
        return rv;
    if (!llmq_store_run_next(&rows))
        return APR_NOTFOUND;
    memset(c, 0, sizeof(*c));
    c->user = llmq_store_run_text(&rows, 0);
    c->level = (llmq_level_e)llmq_store_run_int(&rows, 1);
    c->first_seq = llmq_store_run_int(&rows, 2);
    return APR_SUCCESS;
}

/* Only metadata is read, changed and written back, so only it must be as it was read. */
apr_status_t llmq_store_conversation_change(llmq_store_t *store,
                                            const llmq_conversation_t *c,
                                            const llmq_conversation_patch_t *patch,
                                            apr_time_t now, apr_pool_t *p)
{
    const char *merged =
        patch->metadata ? llmq_message_merge(c->metadata, patch->metadata, p) : NULL;
    const char *before = merged ? c->metadata : "";
    const char *args[] = {patch->state >= 0 ? number(patch->state, p) : NULL,
                          patch->title,
                          patch->context,
                          merged,
                          number(now, p),
                          c->tenant,
                          c->id,
                          number(now, p),
                          number(c->first_seq, p),
                          before,
                          before};

    return llmq_store_run_change(store, LLMQ_SQL_CONVERSATION_CHANGE, args, LLMQ_ESTATE,
                                 p);
}

/* Its messages go second, so that one which comes in between begins the conversation anew
 * and is told from those before it. */
static apr_status_t sweep(apr_array_header_t **pids, llmq_store_t *store,
                          const llmq_conversation_ref_t *ref, apr_pool_t *p)
{
    const char *now = number(ref->now, p);
    const char *args[] = {now, now, ref->tenant, ref->id, ref->tenant, ref->id};
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_CONVERSATION_SWEEP, args, p);

    if (rv != APR_SUCCESS)
        return rv;
    *pids = apr_array_make(p, rows.n + 1, sizeof(const char *));
    while (llmq_store_run_next(&rows)) {
        if (llmq_store_run_int(&rows, 1) <= LLMQ_STATUS_PROCESSING)
            APR_ARRAY_PUSH(*pids, const char *) = llmq_store_run_text(&rows, 0);
    }
    return APR_SUCCESS;
}

apr_status_t llmq_store_conversation_remove(apr_array_header_t **pids,
                                            llmq_store_t *store,
                                            const llmq_conversation_ref_t *ref,
                                            apr_pool_t *p)
{
    const char *now = number(ref->now, p);
    const char *args[] = {now, ref->tenant, ref->id, now};
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_CONVERSATION_REMOVE, args, p);

    if (rv != APR_SUCCESS)
        return rv;
    return rows.n > 0 ? sweep(pids, store, ref, p) : APR_NOTFOUND;
}

/* --------------------------------------------------------------------------------------- list */

/* The filters of LLMQ_SQL_CONVERSATION_LIST, in their order; the page follows. */
#define FILTER_COUNT 8

static void filters(const char **args, const llmq_conversation_query_t *query,
                    apr_pool_t *p)
{
    args[0] = query->tenant;
    args[1] = number(query->now, p);
    args[2] = args[3] = query->user ? query->user : "";
    args[4] = args[5] = number(query->state, p);
    args[6] = args[7] = number(query->level, p);
}

apr_status_t llmq_store_conversation_list(llmq_conversation_t **pitems, int *pn,
                                          apr_int64_t *ptotal, llmq_store_t *store,
                                          const llmq_conversation_query_t *query,
                                          apr_pool_t *p)
{
    const char *args[FILTER_COUNT + 2];
    llmq_store_sql_e what =
        (llmq_store_sql_e)(LLMQ_SQL_CONVERSATION_LIST + query->sort * 2
                           + (query->descending ? 1 : 0));
    llmq_store_rows_t rows;
    llmq_conversation_t *items;
    apr_status_t rv;
    int n = 0;

    filters(args, query, p);
    rv = llmq_store_page_count(ptotal, store, LLMQ_SQL_CONVERSATION_TALLY, args, p);
    if (rv != APR_SUCCESS)
        return rv;
    llmq_store_page_args(&args[FILTER_COUNT], query->page, query->page_size, p);
    rv = llmq_store_run(&rows, store, what, args, p);
    if (rv != APR_SUCCESS)
        return rv;
    items = apr_palloc(p, sizeof(*items) * ((apr_size_t)rows.n + 1));
    while (llmq_store_run_next(&rows))
        read_record(&items[n++], &rows);
    *pitems = items;
    *pn = n;
    return APR_SUCCESS;
}
