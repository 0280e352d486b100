#include "store/store_append.h"

#include "store/store_append_keep.h"
#include "store/store_append_plan.h"
#include "store/store_run.h"

#include <stdlib.h>
#include <string.h>

#define ROW_GUESS  512
#define NAME_GUESS 48

/* A transaction: the appends, and as JSON the rows that their callers wrote. */
typedef struct {
    llmq_append_t **appends;
    const char *rows;
    int n;
    llmq_store_sql_e what; /* the last statement, if it has parameters */
    const char **args;     /* NULL: there is none */
    llmq_append_plan_t plan;
} batch_t;

static void begin(llmq_text_t *t, apr_size_t guess, apr_pool_t *p)
{
    llmq_text_init(t, guess, p);
    LLMQ_TEXT_LIT(t, "[");
}

/* A comma before all but the first. */
static void separate(llmq_text_t *t)
{
    if (t->len > 1)
        LLMQ_TEXT_LIT(t, ",");
}

/* ------------------------------------------------------------------------------ the statements */

static const char *sessions_to_json(const batch_t *b, apr_pool_t *p)
{
    apr_hash_t *seen = apr_hash_make(p);
    llmq_text_t t;
    int i;

    begin(&t, (apr_size_t)b->n * NAME_GUESS + 3, p);
    for (i = 0; i < b->n; i++) {
        const char *id = b->appends[i]->message.session;

        if (apr_hash_get(seen, id, APR_HASH_KEY_STRING))
            continue;
        apr_hash_set(seen, id, APR_HASH_KEY_STRING, id);
        separate(&t);
        llmq_json_strz(&t, id);
    }
    LLMQ_TEXT_LIT(&t, "]");
    return t.data;
}

static apr_status_t lock_sessions(batch_t *b, llmq_store_txn_t *txn, apr_pool_t *p)
{
    const char *args[] = {sessions_to_json(b, p)};
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run_in(&rows, txn, LLMQ_SQL_APPEND_LOCK, args);

    while (rv == APR_SUCCESS && llmq_store_run_next(&rows)) {
        llmq_append_log_t log = {
            llmq_store_run_text(&rows, 0),
            llmq_store_run_text(&rows, 1),
            llmq_store_run_text(&rows, 2),
            (llmq_session_status_e)llmq_store_run_int(&rows, 3),
            llmq_store_run_int(&rows, 4),
            NULL,
        };

        llmq_store_append_plan_session(&b->plan, &log);
    }
    return rv;
}

static void ask(llmq_text_t *t, const char *session, const char *key, const char *name)
{
    if (!name)
        return;
    separate(t);
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "s", session);
    llmq_json_kv(t, key, name);
    LLMQ_TEXT_LIT(t, "}");
}

/* @return what is to be looked up; NULL: nothing */
static const char *questions(const batch_t *b, int again, apr_pool_t *p)
{
    llmq_text_t t;
    int i;

    begin(&t, NAME_GUESS, p);
    for (i = 0; i < b->n; i++) {
        const llmq_session_message_t *m = &b->appends[i]->message;

        ask(&t, m->session, "d", m->dedupe_key);
        ask(&t, m->session, "i", m->reply_to);
        ask(&t, m->session, "i", again ? m->id : NULL);
    }
    if (t.len == 1)
        return NULL;
    LLMQ_TEXT_LIT(&t, "]");
    return t.data;
}

static apr_status_t look_up(batch_t *b, llmq_store_txn_t *txn, int again, apr_pool_t *p)
{
    const char *args[] = {questions(b, again, p)};
    llmq_store_rows_t rows;
    apr_status_t rv = APR_SUCCESS;

    if (!args[0])
        return rv;
    rv = llmq_store_run_in(&rows, txn, LLMQ_SQL_APPEND_LOOK, args);
    while (rv == APR_SUCCESS && llmq_store_run_next(&rows)) {
        llmq_append_known_t known = {
            llmq_store_run_text(&rows, 0),
            llmq_store_run_text(&rows, 2),
            llmq_store_run_text(&rows, 3),
            llmq_store_run_int(&rows, 1),
        };

        llmq_store_append_plan_message(&b->plan, &known);
    }
    return rv;
}

/* @return the number of each row, 0 for those that are not to be stored */
static const char *decide(batch_t *b, apr_pool_t *p)
{
    llmq_text_t t;
    int i;

    begin(&t, (apr_size_t)b->n * 8 + 3, p);
    for (i = 0; i < b->n; i++) {
        int stored = llmq_store_append_plan_decide(&b->plan, b->appends[i]);

        separate(&t);
        llmq_text_int(&t, stored ? b->appends[i]->seq : 0);
    }
    LLMQ_TEXT_LIT(&t, "]");
    return t.data;
}

static void session_to_json(llmq_text_t *t, const llmq_append_log_t *log, apr_pool_t *p)
{
    const llmq_session_message_t *m = log->last;

    separate(t);
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "s", log->id);
    llmq_json_kv_int(t, "q", log->last_seq);
    llmq_json_kv(t, "i", m->id);
    llmq_json_kv_int(t, "n", m->created_at);
    llmq_json_kv(t, "p", llmq_session_preview(m->content, p));
    llmq_json_kv_int(t, "o", m->role);
    llmq_json_kv(t, "y", m->type);
    LLMQ_TEXT_LIT(t, "}");
}

static const char *grown_to_json(const batch_t *b, apr_pool_t *p)
{
    llmq_text_t t;
    int i;

    begin(&t, (apr_size_t)b->plan.logs->nelts * ROW_GUESS, p);
    for (i = 0; i < b->plan.logs->nelts; i++) {
        const llmq_append_log_t *log =
            APR_ARRAY_IDX(b->plan.logs, i, const llmq_append_log_t *);

        if (log->last)
            session_to_json(&t, log, p);
    }
    LLMQ_TEXT_LIT(&t, "]");
    return t.data;
}

/* The order is the point: nobody else appends once the sessions are locked, so what is looked
 * up then stays true until the end. */
static apr_status_t append_to_logs(batch_t *b, llmq_store_txn_t *txn, int again,
                                   apr_pool_t *p)
{
    const char *args[] = {b->rows, NULL}, *grown[1];
    llmq_store_rows_t none;
    apr_status_t rv;

    llmq_store_append_plan_init(&b->plan, p);
    if ((rv = lock_sessions(b, txn, p)) != APR_SUCCESS
        || (rv = look_up(b, txn, again, p)) != APR_SUCCESS)
        return rv;
    args[1] = decide(b, p);
    if (!b->plan.accepted)
        return APR_SUCCESS;
    rv = llmq_store_run_in(&none, txn, LLMQ_SQL_APPEND_INSERT, args);
    if (rv != APR_SUCCESS)
        return rv;
    grown[0] = grown_to_json(b, p);
    return llmq_store_run_in(&none, txn, LLMQ_SQL_APPEND_GROW, grown);
}

static apr_status_t append_all(void *ctx, llmq_store_txn_t *txn, int again, apr_pool_t *p)
{
    batch_t *b = ctx;
    llmq_store_rows_t none;
    apr_status_t rv = append_to_logs(b, txn, again, p);

    return rv == APR_SUCCESS && b->args ? llmq_store_run_in(&none, txn, b->what, b->args)
                                        : rv;
}

static apr_status_t run(batch_t *b, llmq_store_t *store, apr_pool_t *p)
{
    apr_status_t rv = llmq_store_run_all(store, LLMQ_SQL_APPEND_LOCK, append_all, b, p);
    int i;

    for (i = 0; rv != APR_SUCCESS && i < b->n; i++) {
        b->appends[i]->outcome = LLMQ_APPEND_NONE;
        b->appends[i]->seq = b->appends[i]->message.seq = 0;
    }
    return rv;
}

static void row_to_json(llmq_text_t *t, const llmq_append_t *append)
{
    const llmq_session_message_t *m = &append->message;

    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "s", m->session);
    llmq_json_kv(t, "i", m->id);
    llmq_json_kv(t, "t", append->tenant);
    llmq_json_kv_int(t, "o", m->role);
    llmq_json_kv(t, "y", m->type);
    llmq_json_kv(t, "c", m->content);
    llmq_json_kv(t, "p", m->payload);
    llmq_json_kv(t, "r", m->reply_to);
    llmq_json_kv(t, "d", m->dedupe_key);
    llmq_json_kv_int(t, "n", m->created_at);
    LLMQ_TEXT_LIT(t, "}");
}

/* ------------------------------------------------------------------------------------ directly */

static apr_status_t append_directly(batch_t *b, llmq_append_t *appends,
                                    llmq_store_t *store, apr_pool_t *p)
{
    llmq_text_t t;
    int i;

    b->appends = apr_palloc(p, sizeof(*b->appends) * (apr_size_t)b->n);
    begin(&t, (apr_size_t)b->n * ROW_GUESS, p);
    for (i = 0; i < b->n; i++) {
        b->appends[i] = &appends[i];
        separate(&t);
        row_to_json(&t, &appends[i]);
    }
    LLMQ_TEXT_LIT(&t, "]");
    b->rows = t.data;
    return run(b, store, p);
}

apr_status_t llmq_store_append(llmq_append_t *appends, int n, llmq_store_t *store,
                               apr_pool_t *p)
{
    batch_t b = {.n = n};

    return n ? append_directly(&b, appends, store, p) : APR_SUCCESS;
}

apr_status_t llmq_store_append_and(llmq_append_t *appends, int n, llmq_store_sql_e what,
                                   const char **args, llmq_store_t *store, apr_pool_t *p)
{
    batch_t b = {.n = n, .what = what, .args = args};

    return append_directly(&b, appends, store, p);
}

/* ------------------------------------------------------------------------ by the group commit */

/* What the writer of appends knows. */
typedef struct {
    llmq_append_after_fn_t *after;
    void *ctx;
} listener_t;

static llmq_append_t *append_of(void *thing)
{
    llmq_append_t *append;

    memcpy(&append, thing, sizeof(append));
    return append;
}

static apr_status_t write_batch(llmq_store_t *store, const char *rows,
                                void *const *things, int n, apr_pool_t *p)
{
    batch_t b = {.rows = rows, .n = n};
    int i;

    b.appends = apr_palloc(p, sizeof(*b.appends) * (apr_size_t)n);
    for (i = 0; i < n; i++)
        b.appends[i] = append_of(things[i]);
    return run(&b, store, p);
}

static void tell_listener(void *ctx, void *const *things, int n)
{
    const listener_t *listener = ctx;
    int i;

    for (i = 0; i < n; i++) {
        const llmq_append_t *append = append_of(things[i]);

        if (append->outcome == LLMQ_APPEND_STORED)
            listener->after(listener->ctx, append->tenant, &append->message);
    }
}

static void drop(void *ctx, void *thing)
{
    (void)ctx;
    free(append_of(thing));
}

apr_status_t llmq_store_append_commit(llmq_append_t *append, llmq_commit_t *c,
                                      apr_pool_t *p)
{
    llmq_append_t *kept = llmq_store_append_keep(append);
    llmq_text_t t;
    apr_status_t rv;

    if (!kept)
        return APR_ENOMEM;
    llmq_text_init(
        &t, ROW_GUESS + (append->message.content ? strlen(append->message.content) : 0),
        p);
    row_to_json(&t, append);
    rv = llmq_store_commit_write(c, t.data, t.len, &kept, sizeof(kept));
    if (rv != APR_SUCCESS)
        return rv;
    append->outcome = kept->outcome;
    append->seq = kept->seq;
    append->message.seq = kept->message.seq;
    free(kept);
    return APR_SUCCESS;
}

void llmq_store_append_writer(llmq_commit_writer_t *writer, llmq_append_after_fn_t *after,
                              void *ctx, apr_pool_t *p)
{
    listener_t *listener = apr_palloc(p, sizeof(*listener));

    listener->after = after;
    listener->ctx = ctx;
    writer->write = write_batch;
    writer->done = after ? tell_listener : NULL;
    writer->drop = drop;
    writer->ctx = listener;
}
