/**
 * @file backend.h
 * Calls to language models, and to whoever else works for us or is told of it over HTTP.
 * A *backend* is a configured endpoint with its limits; a *kind*
 * (echo, openai, http) is a set of functions that knows how to talk to it; a *call* is one
 * attempt of one job at one backend. backend.c knows the kinds, endpoint.c chooses,
 * backend_curl.c is the engine: one thread, one curl multi handle, any number of calls in
 * flight.
 */
#ifndef LLMQ_BACKEND_H
#define LLMQ_BACKEND_H

#include "base/text.h"
#include "core/egress.h"
#include "core/health.h"
#include "core/retry.h"

#include <apr_tables.h>

typedef enum {
    LLMQ_BACKEND_ECHO = 0, /* answers by itself, deterministic */
    LLMQ_BACKEND_OPENAI,   /* any OpenAI-compatible /chat/completions */
    LLMQ_BACKEND_HTTP,     /* any server that takes JSON; backend_http.h */
    LLMQ_BACKEND_KIND_COUNT
} llmq_backend_kind_e;

/** A time-out that the configuration does not name. */
#define LLMQ_BACKEND_NOT_SET ((apr_interval_time_t)-1)

/** A configured backend; filled by cfg/, read-only afterwards. */
typedef struct llmq_backend_conf_t {
    const char *name;
    llmq_backend_kind_e kind;
    const char
        *url; /* openai: base such as http://host:port/v1; /chat/completions is added.
                 http: where to POST, as it is */
    const char *model; /* sent as "model"; NULL: "default" */
    const char
        *key;   /* bearer key, read from its file at start; NULL none; never logged */
    int stream; /* non-zero: ask for a stream and collect it */
    int max_concurrent;
    apr_interval_time_t connect_timeout;
    apr_interval_time_t
        first_timeout; /* to the first byte of the answer's body. 0: none. Not set: 30 s,
                          and none for a raw call whose answer comes whole */
    apr_interval_time_t
        total_timeout; /* the job's own timeout applies too. 0: none. Not set: 120 s,
                          and none for a raw call */
    apr_size_t max_answer_bytes; /* 0: 4 MiB */
    int weight;                  /* 1 to 1,000; 0 counts as 1 */
    int group; /* 0 to 9; later ones only while no backend of those before is usable */
    int spill; /* non-zero: when it is full, later groups may be used */
    llmq_health_conf_t health;
    const char *check_path;             /* asked now and then, below url; NULL: never */
    apr_interval_time_t check_interval; /* from the end of a check to the next */
} llmq_backend_conf_t;

struct llmq_call_t;

/**
 * What a *raw* call has besides: a request of OpenAI's interface that goes to a backend as
 * it is, and whose answer comes back as it is. call->body is its body; only its "model" is
 * changed and, if it asks for a stream, stream_options.include_usage is set. Usage, model
 * and finish_reason of the call are read on the way. Kinds openai and echo know raw calls.
 */
typedef struct llmq_raw_t {
    /* in */
    const char *path;  /* "/chat/completions", "/completions", "/embeddings" */
    const char *model; /* the backend's name of the model; NULL: as the body says */
    int stream;        /* non-zero: the body asks for a stream */
    apr_size_t room;   /* bytes of chunks that find room however slowly they are read, for
                          who cannot wait; 0: any number */
    apr_size_t
        most; /* bytes of the answer where the backend's max_answer_bytes is not set;
                          0: as of any call */
    /* Called on the engine's thread before done(), as piece() is: the data of an event of a
     * stream, valid during the call. Not called for "[DONE]", nor for a chunk of usage that
     * the body did not ask for. Anything but APR_SUCCESS ends the call, as if it had been
     * aborted. */
    apr_status_t (*chunk)(struct llmq_call_t *call, const char *data, apr_size_t len);
    /* NULL: never. Asked before more is read of a stream, on the engine's thread: non-zero,
     * and the backend has to wait. */
    int (*is_full)(struct llmq_call_t *call);
    /* out */
    int http_status; /* of the answer, 0: none came */
    int chunks;      /* how many were passed on: more than none, and nothing is retried */
    const char *body; /* ok: the JSON answer, NULL after a stream; else OpenAI's error
                         object, without keys and URLs, NULL: there was none */
    apr_size_t body_len;
} llmq_raw_t;

/** One attempt. The caller fills the first part, the kind the second. */
typedef struct llmq_call_t {
    /* in */
    const llmq_backend_conf_t *backend;
    const char *id;       /* of the job, for logs and X-Request-Id */
    const char *messages; /* JSON array text, llmq_chat_format() */
    const char
        *check;       /* instead of messages: GET this path below the backend's url; ok is
                          any answer but a failure of the server's own */
    const char *body; /* kind http, raw calls: JSON text to send instead of messages */
    llmq_raw_t *raw;  /* of a raw call, else NULL; the caller's */
    int deaf;         /* kind http: only the status of the answer matters */
    const char *const *headers; /* kind http: further "Name: value" lines */
    int n_headers;
    const llmq_egress_t *egress; /* where it may go; NULL: wherever the url leads */
    apr_interval_time_t timeout; /* of the job */
    void (*done)(struct llmq_call_t *call); /* called exactly once, on the engine's thread
                                               or inside llmq_backend_start() */
    /* NULL: pieces are of no interest. Else called on the engine's thread, before done(),
     * with each part of the answer of a backend that streams: whole characters of UTF-8,
     * at least one, valid during the call. Answers after how long it wants to be called
     * once more although nothing has come, then with no text (NULL, 0), in microseconds;
     * 0: with the next piece only. */
    apr_interval_time_t (*piece)(struct llmq_call_t *call, const char *text,
                                 apr_size_t len);
    void *ctx;
    apr_pool_t *pool;      /* of this attempt: everything below lives in it */
    _Atomic(int) unwanted; /* in and later: it is not begun, if it is not under way yet */
    /* out, valid when done() is called */
    int ok;                    /* non-zero: answered */
    llmq_failure_t failure;    /* when not ok; http_status of an answer in any case */
    const char *error;         /* when not ok: a sentence without keys or URLs */
    const char *answer;        /* when ok and it had a body: the result, a JSON object */
    const char *content;       /* when ok else; UTF-8, may be empty */
    const char *model;         /* as the backend says, else as configured */
    const char *finish_reason; /* "stop" when the backend says nothing */
    int prompt_tokens;         /* of usage; -1 unknown */
    int completion_tokens;     /* -1 unknown */
    apr_time_t started_at;
    apr_time_t first_at; /* first byte of the body, 0 if none came */
    apr_time_t ended_at;
    /* the engine's */
    void *engine;
    apr_interval_time_t piece_wait; /* piece() answered; < 0: not called */
} llmq_call_t;

typedef struct llmq_engine_t llmq_engine_t;

/**
 * @param kind a kind
 * @return its word ("echo", "openai", "http"); static; "unknown" for another number
 * @threads any
 */
const char *llmq_backend_kind_name(llmq_backend_kind_e kind);

/**
 * @param pkind out: the kind; untouched unless APR_SUCCESS
 * @param word  its word
 * @return APR_SUCCESS; APR_EINVAL unknown word
 * @threads any
 */
apr_status_t llmq_backend_kind_parse(llmq_backend_kind_e *pkind, const char *word);

/**
 * Start the engine's thread.
 * @param pengine out
 * @param p       pool, as long as the engine; its own allocator is created inside
 * @return APR_SUCCESS; other as from APR or APR_EGENERAL for curl
 * @phase dispatcher, before it has other threads; @threads single
 */
apr_status_t llmq_backend_engine_create(llmq_engine_t **pengine, apr_pool_t *p);

/**
 * Begin a call. Never blocks. call->done() follows exactly once, whatever happens; it may
 * be called before this returns (echo).
 * @threads any
 */
void llmq_backend_start(llmq_engine_t *engine, llmq_call_t *call);

/**
 * Abort a call that was started before: done() follows with ok = 0 unless it has been
 * called. Another call of the same job goes on. Whoever cannot tell whether it was started
 * yet says in the call that it is unwanted, and then this.
 * @param engine the engine
 * @param call   which; only its address is used, so it may have ended meanwhile, but its
 *               record must not have been started again before
 * @threads any; never blocks
 */
void llmq_backend_abort(llmq_engine_t *engine, const llmq_call_t *call);

/**
 * Abort all calls, wait for their done() and end the thread.
 * @threads single
 */
void llmq_backend_engine_stop(llmq_engine_t *engine);

/**
 * The answer as the store keeps it.
 * @param call an answered call
 * @param p    pool of the text
 * @return {"content","model","finish_reason","usage":{…},"backend"}, or call->answer
 * @threads any, once done() was called
 */
const char *llmq_backend_result(const llmq_call_t *call, apr_pool_t *p);

/**
 * A failure as the store keeps it.
 * @param call a failed call
 * @param p    pool of the text
 * @return {"type","message","http_status","backend"}
 * @threads any, once done() was called
 */
const char *llmq_backend_error(const llmq_call_t *call, apr_pool_t *p);

#endif /* LLMQ_BACKEND_H */
