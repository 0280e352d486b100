#include "core/model.h"

#include "base/json.h"

#include <string.h>

const llmq_model_t *llmq_model_find(const llmq_models_t *models, const char *name)
{
    int i;

    for (i = 0; name && i < models->n; i++) {
        if (strcmp(models->model[i]->name, name) == 0) {
            return models->model[i];
        }
    }
    return NULL;
}

llmq_model_t *llmq_model_add(llmq_models_t *models, const char *name, apr_pool_t *p)
{
    llmq_model_t *model;
    int i;

    for (i = 0; i < models->n; i++) {
        if (strcmp(models->model[i]->name, name) == 0) {
            return models->model[i];
        }
    }
    if (i == LLMQ_MODELS_MAX) {
        return NULL;
    }
    model = models->model[models->n++] = apr_pcalloc(p, sizeof(*model));
    model->name = name;
    return model;
}

void llmq_model_write(llmq_text_t *t, const llmq_models_t *models,
                      const llmq_model_t *model)
{
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "id", model->name);
    llmq_json_kv(t, "object", "model");
    llmq_json_kv_int(t, "created", apr_time_sec(models->since));
    llmq_json_kv(t, "owned_by", "llmq");
    LLMQ_TEXT_LIT(t, "}");
}

void llmq_model_list(llmq_text_t *t, const llmq_models_t *models)
{
    int i;

    LLMQ_TEXT_LIT(t, "{\"object\":\"list\",\"data\":[");
    for (i = 0; i < models->n; i++) {
        if (i > 0) {
            LLMQ_TEXT_LIT(t, ",");
        }
        llmq_model_write(t, models, models->model[i]);
    }
    LLMQ_TEXT_LIT(t, "]}");
}
