/**
 * @file model.h
 * The models that callers of the gateway may ask for: under which names, which of the
 * configured backends have them, and what they are called there. A model is the whole
 * server's: a name means the same to all tenants.
 */
#ifndef LLMQ_MODEL_H
#define LLMQ_MODEL_H

#include "base/text.h"
#include "core/balance.h"

#define LLMQ_MODELS_MAX 256

/** All backends. */
#define LLMQ_MODEL_ANY (~(apr_uint64_t)0)

_Static_assert(LLMQ_BALANCE_MAX <= 64, "a bit for each backend");

typedef struct llmq_model_t {
    const char *name;      /* 1 to LLMQ_NAME_MAX bytes */
    apr_uint64_t backends; /* those that have it: bit i is the i-th that is configured */
    const char
        *upstream[LLMQ_BALANCE_MAX]; /* by backend: its name there; NULL: the same */
} llmq_model_t;

/** All of them, in the order in which they came; filled by cfg/, read-only afterwards. */
typedef struct llmq_models_t {
    int n;
    apr_time_t since; /* when the configuration was read: "created" */
    llmq_model_t *model[LLMQ_MODELS_MAX];
} llmq_models_t;

/**
 * @param models all
 * @param name   a name; NULL finds nothing
 * @return the model; NULL if there is none of this name
 * @threads any
 */
const llmq_model_t *llmq_model_find(const llmq_models_t *models, const char *name);

/**
 * Find a model, or begin one that no backend has.
 * @param models all
 * @param name   borrowed
 * @param p      pool of the model
 * @return the model, to be changed; NULL if there are LLMQ_MODELS_MAX others already
 * @threads single
 */
llmq_model_t *llmq_model_add(llmq_models_t *models, const char *name, apr_pool_t *p);

/**
 * Append a model as `GET /v1/models/{model}` shows it.
 * @param t      where to
 * @param models all
 * @param model  one of them
 * @threads any
 */
void llmq_model_write(llmq_text_t *t, const llmq_models_t *models,
                      const llmq_model_t *model);

/**
 * Append all as `GET /v1/models` shows them.
 * @param t      where to
 * @param models all
 * @threads any
 */
void llmq_model_list(llmq_text_t *t, const llmq_models_t *models);

#endif /* LLMQ_MODEL_H */
