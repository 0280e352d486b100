#include "store/store_session.h"

#include "base/utf8.h"
#include "store/store_page.h"
#include "store/store_run.h"

#include <string.h>

/* Columns of a session, in the order of SESSION_COLUMNS. */
typedef enum {
    COLUMN_ID = 0,
    COLUMN_TENANT,
    COLUMN_OWNER,
    COLUMN_NAME,
    COLUMN_STATUS,
    COLUMN_LAST_SEQ,
    COLUMN_LAST_MESSAGE_ID,
    COLUMN_LAST_MESSAGE_AT,
    COLUMN_LAST_MESSAGE_PREVIEW,
    COLUMN_LAST_MESSAGE_ROLE,
    COLUMN_LAST_MESSAGE_TYPE,
    COLUMN_CREATED_AT,
    COLUMN_UPDATED_AT
} column_e;

/* Columns of a message, in the order of SESSION_MESSAGE. */
typedef enum {
    MESSAGE_ID = 0,
    MESSAGE_SESSION,
    MESSAGE_SEQ,
    MESSAGE_ROLE,
    MESSAGE_TYPE,
    MESSAGE_CONTENT,
    MESSAGE_PAYLOAD,
    MESSAGE_REPLY_TO,
    MESSAGE_DEDUPE_KEY,
    MESSAGE_CREATED_AT
} message_column_e;

static void read_session(llmq_session_t *s, const llmq_store_rows_t *rows)
{
    s->id = llmq_store_run_text(rows, COLUMN_ID);
    s->tenant = llmq_store_run_text(rows, COLUMN_TENANT);
    s->owner = llmq_store_run_text(rows, COLUMN_OWNER);
    s->name = llmq_store_run_text(rows, COLUMN_NAME);
    s->status = (llmq_session_status_e)llmq_store_run_int(rows, COLUMN_STATUS);
    s->last_seq = llmq_store_run_int(rows, COLUMN_LAST_SEQ);
    s->last_message_id = llmq_store_run_text(rows, COLUMN_LAST_MESSAGE_ID);
    s->last_message_at = llmq_store_run_int(rows, COLUMN_LAST_MESSAGE_AT);
    s->last_message_preview = llmq_store_run_text(rows, COLUMN_LAST_MESSAGE_PREVIEW);
    s->last_message_role = (int)llmq_store_run_int(rows, COLUMN_LAST_MESSAGE_ROLE);
    s->last_message_type = llmq_store_run_text(rows, COLUMN_LAST_MESSAGE_TYPE);
    s->created_at = llmq_store_run_int(rows, COLUMN_CREATED_AT);
    s->updated_at = llmq_store_run_int(rows, COLUMN_UPDATED_AT);
}

static void read_message(llmq_session_message_t *m, const llmq_store_rows_t *rows)
{
    m->id = llmq_store_run_text(rows, MESSAGE_ID);
    m->session = llmq_store_run_text(rows, MESSAGE_SESSION);
    m->seq = llmq_store_run_int(rows, MESSAGE_SEQ);
    m->role = (llmq_role_e)llmq_store_run_int(rows, MESSAGE_ROLE);
    m->type = llmq_store_run_text(rows, MESSAGE_TYPE);
    m->content = llmq_store_run_text(rows, MESSAGE_CONTENT);
    m->payload = llmq_store_run_text(rows, MESSAGE_PAYLOAD);
    m->reply_to = llmq_store_run_text(rows, MESSAGE_REPLY_TO);
    m->dedupe_key = llmq_store_run_text(rows, MESSAGE_DEDUPE_KEY);
    m->created_at = llmq_store_run_int(rows, MESSAGE_CREATED_AT);
}

/* @return the text without regard to case; NULL for NULL */
static const char *folded(const char *text, apr_pool_t *p)
{
    llmq_text_t t;
    apr_size_t len;

    if (!text)
        return NULL;
    len = strlen(text);
    llmq_text_init(&t, len + 1, p);
    llmq_utf8_fold(&t, text, len);
    return t.data;
}

/* ----------------------------------------------------------------------------------- sessions */

apr_status_t llmq_store_session_create(llmq_store_t *store, const llmq_session_t *s,
                                       apr_pool_t *p)
{
    const char *now = number(s->created_at, p);
    const char *args[] = {s->id, s->tenant, s->owner, s->name, folded(s->name, p),
                          now,   now};
    llmq_store_rows_t rows;

    return llmq_store_run(&rows, store, LLMQ_SQL_SESSION_CREATE, args, p);
}

/* The statement's only session. */
static apr_status_t run_one(llmq_session_t **ps, llmq_store_t *store,
                            llmq_store_sql_e what, const char **args, apr_pool_t *p)
{
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, what, args, p);

    if (rv != APR_SUCCESS)
        return rv;
    if (!llmq_store_run_next(&rows))
        return APR_NOTFOUND;
    *ps = apr_palloc(p, sizeof(**ps));
    read_session(*ps, &rows);
    return APR_SUCCESS;
}

apr_status_t llmq_store_session_find(llmq_session_t **ps, llmq_store_t *store,
                                     const llmq_session_ref_t *ref, apr_pool_t *p)
{
    const char *args[] = {ref->id, ref->tenant, ref->owner, ref->owner};

    return run_one(ps, store, LLMQ_SQL_SESSION_FIND, args, p);
}

/* What a CLOSED session takes: nothing but to be CLOSED. */
static int is_harmless(const llmq_session_patch_t *patch)
{
    return !patch->name && (patch->status < 0 || patch->status == LLMQ_SESSION_CLOSED);
}

/* The statement writes nothing where the session is CLOSED, where nothing would change and
 * where there is no session; looking at it tells these apart. */
apr_status_t llmq_store_session_change(llmq_session_t **ps, llmq_store_t *store,
                                       const llmq_session_ref_t *ref,
                                       const llmq_session_patch_t *patch, apr_time_t now,
                                       apr_pool_t *p)
{
    const char *status = patch->status >= 0 ? number(patch->status, p) : NULL;
    const char *when = number(now, p);
    const char *args[] = {patch->name, folded(patch->name, p),
                          status,      when,
                          when,        ref->id,
                          ref->tenant, ref->owner,
                          ref->owner,  patch->name,
                          status};
    apr_status_t rv = APR_NOTFOUND;

    if (patch->name || status)
        rv = run_one(ps, store, LLMQ_SQL_SESSION_CHANGE, args, p);
    if (rv != APR_NOTFOUND)
        return rv;
    rv = llmq_store_session_find(ps, store, ref, p);
    if (rv == APR_SUCCESS && (*ps)->status == LLMQ_SESSION_CLOSED && !is_harmless(patch))
        return LLMQ_ESTATE;
    return rv;
}

/* --------------------------------------------------------------------------------------- list */

/* The filters of LLMQ_SQL_SESSION_LIST and the page behind them, at most. */
#define LIST_ARGS 8

/* @return their number */
static int filters(const char **args, const llmq_session_query_t *query, apr_pool_t *p)
{
    int n = 0;

    args[n++] = query->tenant;
    if (query->owner)
        args[n++] = query->owner;
    args[n] = args[n + 1] = number(query->status, p);
    args[n + 2] = args[n + 3] = query->q ? folded(query->q, p) : "";
    return n + 4;
}

apr_status_t llmq_store_session_list(llmq_session_t **pitems, int *pn,
                                     apr_int64_t *ptotal, llmq_store_t *store,
                                     const llmq_session_query_t *query, apr_pool_t *p)
{
    int all = !query->owner;
    const char *args[LIST_ARGS];
    llmq_store_rows_t rows;
    llmq_session_t *items;
    apr_status_t rv;
    int n = filters(args, query, p);

    rv = llmq_store_page_count(ptotal, store,
                               all ? LLMQ_SQL_SESSION_TALLY_ALL : LLMQ_SQL_SESSION_TALLY,
                               args, p);
    if (rv != APR_SUCCESS)
        return rv;
    llmq_store_page_args(&args[n], query->page, query->per_page, p);
    rv = llmq_store_run(&rows, store,
                        all ? LLMQ_SQL_SESSION_LIST_ALL : LLMQ_SQL_SESSION_LIST, args, p);
    if (rv != APR_SUCCESS)
        return rv;
    items = apr_palloc(p, sizeof(*items) * ((apr_size_t)rows.n + 1));
    for (n = 0; llmq_store_run_next(&rows); n++)
        read_session(&items[n], &rows);
    *pitems = items;
    *pn = n;
    return APR_SUCCESS;
}

/* ----------------------------------------------------------------------------------- messages */

apr_status_t llmq_store_session_messages(llmq_session_message_t **pitems, int *pn,
                                         llmq_store_t *store,
                                         const llmq_session_ref_t *ref, apr_int64_t after,
                                         int limit, apr_pool_t *p)
{
    const char *args[] = {ref->id, ref->tenant, number(after, p), number(limit, p)};
    llmq_session_message_t *items;
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_SESSION_MESSAGES, args, p);
    int n;

    if (rv != APR_SUCCESS)
        return rv;
    items = apr_palloc(p, sizeof(*items) * ((apr_size_t)rows.n + 1));
    for (n = 0; llmq_store_run_next(&rows); n++)
        read_message(&items[n], &rows);
    *pitems = items;
    *pn = n;
    return APR_SUCCESS;
}

apr_status_t llmq_store_session_message(llmq_session_message_t **pm, llmq_store_t *store,
                                        const llmq_session_ref_t *ref, const char *id,
                                        apr_pool_t *p)
{
    const char *args[] = {ref->id, ref->tenant, id};
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_SESSION_MESSAGE, args, p);

    if (rv != APR_SUCCESS)
        return rv;
    if (!llmq_store_run_next(&rows))
        return APR_NOTFOUND;
    *pm = apr_palloc(p, sizeof(**pm));
    read_message(*pm, &rows);
    return APR_SUCCESS;
}

/* -------------------------------------------------------------------------------------- grown */

#define MARK_GUESS 96 /* bytes of a mark as JSON */

static const char *marks_to_json(const llmq_session_mark_t *marks, int n, apr_pool_t *p)
{
    llmq_text_t t;
    int i;

    llmq_text_init(&t, (apr_size_t)n * MARK_GUESS + 3, p);
    LLMQ_TEXT_LIT(&t, "[");
    for (i = 0; i < n; i++) {
        if (i)
            LLMQ_TEXT_LIT(&t, ",");
        LLMQ_TEXT_LIT(&t, "{");
        llmq_json_kv_int(&t, "k", i);
        llmq_json_kv(&t, "t", marks[i].tenant);
        llmq_json_kv(&t, "i", marks[i].id);
        llmq_json_kv_int(&t, "q", marks[i].seq);
        LLMQ_TEXT_LIT(&t, "}");
    }
    LLMQ_TEXT_LIT(&t, "]");
    return t.data;
}

/* Those that have grown go to the front, in their order; so do the others behind them. */
static int sort_out(llmq_session_mark_t *marks, const char *grown, int n, apr_pool_t *p)
{
    llmq_session_mark_t *others = apr_palloc(p, sizeof(*others) * ((apr_size_t)n + 1));
    int i, front = 0, back = 0;

    for (i = 0; i < n; i++) {
        if (grown[i])
            marks[front++] = marks[i];
        else
            others[back++] = marks[i];
    }
    memcpy(marks + front, others, sizeof(*others) * (apr_size_t)back);
    return front;
}

apr_status_t llmq_store_session_grown(llmq_session_mark_t *marks, int *pn,
                                      llmq_store_t *store, apr_pool_t *p)
{
    const char *args[] = {marks_to_json(marks, *pn, p)};
    char *grown = apr_pcalloc(p, (apr_size_t)*pn + 1);
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_SESSION_GROWN, args, p);

    if (rv != APR_SUCCESS)
        return rv;
    while (llmq_store_run_next(&rows)) {
        apr_int64_t k = llmq_store_run_int(&rows, 0);

        grown[k] = 1;
        marks[k].seq = llmq_store_run_int(&rows, 1);
    }
    *pn = sort_out(marks, grown, *pn, p);
    return APR_SUCCESS;
}
