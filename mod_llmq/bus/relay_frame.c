#include "bus/relay_frame.h"

#include <string.h>

#define VERSION 1

apr_status_t llmq_relay_frame_head(char *head, const llmq_relay_frame_t *frame)
{
    apr_size_t id_len = strlen(frame->id);
    apr_uint32_t rest = (apr_uint32_t)(LLMQ_RELAY_HEAD - 4 + id_len + frame->len);

    if (frame->len > LLMQ_RELAY_DATA_MAX) {
        return APR_EINVAL;
    }
    memcpy(head, &rest, 4);
    head[4] = VERSION;
    head[5] = (char)frame->type;
    head[6] = (char)id_len;
    head[7] = 0;
    return APR_SUCCESS;
}

static int is_ours(const char *bytes, apr_size_t rest)
{
    unsigned char id_len = (unsigned char)bytes[6];

    return bytes[4] == VERSION && bytes[5] >= LLMQ_RELAY_LISTEN
           && bytes[5] < LLMQ_RELAY_COUNT && id_len <= LLMQ_ID_MAX
           && LLMQ_RELAY_HEAD - 4U + id_len <= rest
           && rest <= LLMQ_RELAY_DATA_MAX + LLMQ_ID_MAX + LLMQ_RELAY_HEAD;
}

apr_status_t llmq_relay_frame_parse(llmq_relay_frame_t *frame, apr_size_t *pused,
                                    const char *bytes, apr_size_t len)
{
    apr_uint32_t rest;
    unsigned char id_len;

    *pused = 0;
    if (len < LLMQ_RELAY_HEAD) {
        return APR_EAGAIN;
    }
    memcpy(&rest, bytes, 4);
    if (!is_ours(bytes, rest)) {
        return APR_EGENERAL;
    }
    *pused = (apr_size_t)rest + 4;
    if (len < *pused) {
        return APR_EAGAIN;
    }
    id_len = (unsigned char)bytes[6];
    frame->type = (llmq_relay_type_e)bytes[5];
    memcpy(frame->id, bytes + LLMQ_RELAY_HEAD, id_len);
    frame->id[id_len] = '\0';
    frame->len = *pused - LLMQ_RELAY_HEAD - id_len;
    frame->data = frame->len ? bytes + LLMQ_RELAY_HEAD + id_len : NULL;
    return APR_SUCCESS;
}

#define NUMBERS (LLMQ_RELAY_END_HEAD / sizeof(apr_uint32_t))

void llmq_relay_frame_end_head(char *head, const llmq_relay_end_t *end)
{
    apr_uint32_t numbers[NUMBERS] = {
        (apr_uint32_t)end->status, (apr_uint32_t)end->headers_len,
        (apr_uint32_t)end->prompt_tokens, (apr_uint32_t)end->completion_tokens};

    memcpy(head, numbers, LLMQ_RELAY_END_HEAD);
}

apr_status_t llmq_relay_frame_end_parse(llmq_relay_end_t *end, const char *data,
                                        apr_size_t len)
{
    apr_uint32_t numbers[NUMBERS];

    if (len < LLMQ_RELAY_END_HEAD) {
        return APR_EGENERAL;
    }
    memcpy(numbers, data, LLMQ_RELAY_END_HEAD);
    if (numbers[1] > len - LLMQ_RELAY_END_HEAD) {
        return APR_EGENERAL;
    }
    end->status = (int)numbers[0];
    end->prompt_tokens = (int)numbers[2];
    end->completion_tokens = (int)numbers[3];
    end->headers = data + LLMQ_RELAY_END_HEAD;
    end->headers_len = numbers[1];
    end->body = end->headers + numbers[1];
    end->body_len = len - LLMQ_RELAY_END_HEAD - numbers[1];
    return APR_SUCCESS;
}
