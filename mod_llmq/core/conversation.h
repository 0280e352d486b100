/**
 * @file conversation.h
 * A conversation as S0 knows it: JSON of requests to records, and records to JSON. Most
 * conversations are never created by a call: the first message of an id begins one.
 *
 * A conversation ends when nothing was said in it for its time to live (expires_at), or when
 * it is removed. A message to the id of one that has ended begins it anew, without what was.
 */
#ifndef LLMQ_CONVERSATION_H
#define LLMQ_CONVERSATION_H

#include "base/json.h"
#include "llmq.h"

#include <apr_time.h>

/** Stored. Any may follow any other; a message makes it ACTIVE. */
typedef enum {
    LLMQ_CONVERSATION_ACTIVE = 0,
    LLMQ_CONVERSATION_INACTIVE = 1,
    LLMQ_CONVERSATION_COMPLETED = 2,
    LLMQ_CONVERSATION_ARCHIVED = 3,
    LLMQ_CONVERSATION_COUNT
} llmq_conversation_state_e;

/** All strings are NUL-terminated UTF-8 and live in the pool of whoever filled the record. */
typedef struct llmq_conversation_t {
    const char *id;
    const char *tenant;
    const char *user;
    const char *title;    /* "" if none */
    const char *context;  /* told to the model before anything else; "" if none */
    const char *metadata; /* JSON object text */
    llmq_level_e level;
    llmq_conversation_state_e state;
    apr_int64_t first_seq; /* messages before it belong to an earlier one of this id */
    apr_time_t created_at;
    apr_time_t updated_at;
    apr_time_t last_active_at;
    apr_time_t expires_at;
    /* Counted when it is read. */
    apr_int64_t messages;
    apr_int64_t completed;
    apr_interval_time_t processing; /* of the completed ones together */
} llmq_conversation_t;

/** Limits of conversations; filled by cfg/. */
typedef struct llmq_conversation_conf_t {
    apr_size_t max_title_bytes;
    apr_size_t max_context_bytes;
    apr_interval_time_t ttl; /* from its last message to its end */
    const char *user;        /* whose it is when the body names nobody; NULL: refuse */
} llmq_conversation_conf_t;

/** A change; what is absent stays. */
typedef struct llmq_conversation_patch_t {
    int state;                    /* llmq_conversation_state_e, -1: absent */
    const char *title;            /* NULL: absent */
    const char *context;          /* NULL: absent */
    struct json_object *metadata; /* merged shallowly; NULL: absent */
} llmq_conversation_patch_t;

/**
 * Validate the body of POST /conversations.
 *
 * Rules: the body is an object; `user_id` as in messages; `priority` absent, null, one of
 * S0's words or 1…4 (absent: normal); `title` and `context` absent, null or strings within
 * their limits; `metadata` absent, null or an object; `id` absent, null or
 * llmq_id_is_name() (absent: a new `conv_` id). Unknown fields are ignored.
 *
 * @param pc     out: a new, active conversation
 * @param body   the parsed body
 * @param tenant the location's tenant; borrowed
 * @param conf   limits
 * @param why    out: PRIORITY, USER or REQUEST with the field
 * @param p      pool of the record; @a body must live as long
 * @return APR_SUCCESS; LLMQ_EBODY see @a why
 * @threads any
 */
apr_status_t llmq_conversation_from_json(llmq_conversation_t **pc,
                                         struct json_object *body, const char *tenant,
                                         const llmq_conversation_conf_t *conf,
                                         llmq_result_t *why, apr_pool_t *p);

/**
 * Validate the body of PUT /conversations/{id}: `state` (or `status`, its other name),
 * `title`, `context`, `metadata`, each absent, null or as above.
 * @param patch out; its texts live as long as @a body
 * @param body  the parsed body
 * @param conf  limits
 * @param why   out: REQUEST with the field
 * @param p     pool of the reasons
 * @return APR_SUCCESS; LLMQ_EBODY see @a why
 * @threads any
 */
apr_status_t llmq_conversation_patch_from_json(llmq_conversation_patch_t *patch,
                                               struct json_object *body,
                                               const llmq_conversation_conf_t *conf,
                                               llmq_result_t *why, apr_pool_t *p);

/**
 * Append a conversation as S0 3.2 shows it, `status` and `state` the same. The metadata of
 * one with completed messages carries `total_processing_time`.
 * @param t where to; an object is appended
 * @param c the conversation
 * @threads any
 */
void llmq_conversation_to_json(llmq_text_t *t, const llmq_conversation_t *c);

/**
 * @param state a state
 * @return S0's word for it; static
 * @threads any
 */
const char *llmq_conversation_state_name(llmq_conversation_state_e state);

/**
 * @param pstate out: the state of S0's word; untouched unless APR_SUCCESS
 * @param word   the word, case-sensitive
 * @return APR_SUCCESS; APR_EINVAL unknown
 * @threads any
 */
apr_status_t llmq_conversation_state_parse(llmq_conversation_state_e *pstate,
                                           const char *word);

#endif /* LLMQ_CONVERSATION_H */
