/**
 * @file app.h
 * Apps as S2 knows them, their configurations, and their JSON.
 *
 * An app belongs to one user. It has at most two configurations: a *draft*, which is
 * written again and again, and a *published* one, which is a copy of the draft as it was
 * when it was published. An app is tried out in its one *debug conversation*
 * (core/app_turn.h): with the draft if there is one, else with what is published, else with
 * the defaults. The *long-term memory* of an app is a text about that conversation.
 */
#ifndef LLMQ_APP_H
#define LLMQ_APP_H

#include "base/json.h"
#include "base/result.h"

#include <apr_pools.h>
#include <apr_time.h>

/** Turns of context that a configuration may ask for at most. */
#define LLMQ_APP_ROUNDS_MAX 100

/** Turns of context without a configuration. */
#define LLMQ_APP_ROUNDS 3

/** Stored. */
typedef enum {
    LLMQ_APP_DRAFTED = 0,
    LLMQ_APP_PUBLISHED = 1,
    LLMQ_APP_CONFIG_COUNT /* how many an app may have */
} llmq_app_status_e;

/** What an app remembers besides the last turns; stored. */
typedef enum {
    LLMQ_APP_MEMORY_NONE = 0,
    LLMQ_APP_MEMORY_LONG_TERM = 1,
    LLMQ_APP_MEMORY_COUNT
} llmq_app_memory_e;

/** A configuration; strings in the pool of whoever filled it. */
typedef struct llmq_app_config_t {
    const char *id; /* UUIDv7; NULL: there is none */
    const char
        *model; /* JSON object text: `model_config` as it came, with dialog_round */
    int rounds; /* dialog_round, 0 to LLMQ_APP_ROUNDS_MAX */
    llmq_app_memory_e memory;
    apr_time_t created_at;
    apr_time_t updated_at;
} llmq_app_config_t;

/** An app; strings in the pool of whoever filled it. */
typedef struct llmq_app_t {
    const char *id; /* UUIDv7 */
    const char *tenant;
    const char *owner; /* the user's `sub`; "" where nobody is asked who he is */
    const char *name;
    const char *icon;         /* "" if none */
    const char *description;  /* "" if none */
    const char *conversation; /* UUIDv7 of the debug conversation; NULL: not begun */
    const char *summary;      /* the long-term memory; "" if none */
    llmq_app_config_t config[LLMQ_APP_CONFIG_COUNT]; /* by llmq_app_status_e */
    apr_time_t created_at;
    apr_time_t updated_at; /* of its own fields */
} llmq_app_t;

/** Limits of what callers send; filled by cfg/. */
typedef struct llmq_app_conf_t {
    apr_size_t max_name;  /* bytes of a name */
    apr_size_t max_text;  /* bytes of an icon, a description, a model_config, a memory */
    apr_size_t max_query; /* bytes of a question */
} llmq_app_conf_t;

/** What a caller says of an app. */
typedef struct llmq_app_patch_t {
    const char *name; /* NULL: nothing, as the others */
    const char *icon;
    const char *description;
} llmq_app_patch_t;

/**
 * The configuration that an app is tried out with.
 * @param app an app
 * @return the draft, else what is published, else one without an id that holds the defaults
 * @threads any
 */
const llmq_app_config_t *llmq_app_effective(const llmq_app_t *app);

/**
 * @param memory a mode
 * @return S2's word; static
 * @threads any
 */
const char *llmq_app_memory_name(llmq_app_memory_e memory);

/**
 * @param pmemory out: untouched unless APR_SUCCESS
 * @param word    S2's word
 * @return APR_SUCCESS; APR_EINVAL another word
 * @threads any
 */
apr_status_t llmq_app_memory_parse(llmq_app_memory_e *pmemory, const char *word);

/**
 * Append an app as `GET /apps/{id}` shows it, both configurations included.
 * @param t   where to
 * @param app the app
 * @threads any
 */
void llmq_app_write(llmq_text_t *t, const llmq_app_t *app);

/**
 * Append a configuration, or null for one that is not there.
 * @param t      where to
 * @param config the configuration
 * @param status what it is
 * @threads any
 */
void llmq_app_config_write(llmq_text_t *t, const llmq_app_config_t *config,
                           llmq_app_status_e status);

#endif /* LLMQ_APP_H */
