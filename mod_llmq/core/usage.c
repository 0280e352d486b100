#include "core/usage.h"

#include "base/json.h"

void llmq_usage_day(char buf[LLMQ_USAGE_DAY_SIZE], int day)
{
    llmq_text_rfc3339(buf, day * LLMQ_USAGE_DAY);
    buf[sizeof("2026-11-21") - 1] = '\0';
}

static void add_sum(llmq_text_t *t, const llmq_usage_sum_t *sum)
{
    llmq_json_kv_int(t, "requests", sum->requests);
    llmq_json_kv_int(t, "prompt_tokens", sum->prompt_tokens);
    llmq_json_kv_int(t, "completion_tokens", sum->completion_tokens);
    llmq_json_kv_int(t, "total_tokens", sum->prompt_tokens + sum->completion_tokens);
    llmq_json_kv_double(t, "cost", (double)sum->cost / 1e6);
}

void llmq_usage_write_sum(llmq_text_t *t, const llmq_usage_sum_t *sum)
{
    LLMQ_TEXT_LIT(t, "{");
    add_sum(t, sum);
    LLMQ_TEXT_LIT(t, "}");
}

void llmq_usage_write(llmq_text_t *t, const llmq_usage_t *usage, int tenant)
{
    char day[LLMQ_USAGE_DAY_SIZE];

    llmq_usage_day(day, usage->day);
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "day", day);
    if (tenant) {
        llmq_json_kv(t, "tenant", usage->tenant);
    }
    llmq_json_kv(t, "key", usage->caller);
    llmq_json_kv(t, "api_key", *usage->api_key ? usage->api_key : NULL);
    llmq_json_kv(t, "model", usage->model);
    add_sum(t, &usage->sum);
    LLMQ_TEXT_LIT(t, "}");
}
