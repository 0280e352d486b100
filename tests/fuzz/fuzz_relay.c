/* Frames of the relay, as either side reads them: what is accepted lies inside of what has
 * arrived, has a proper type and id, and is written the same again. */
#include "fuzz.h"

#include "bus/relay_frame.h"

#include <apr_general.h>

#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return apr_initialize();
}

static void check_end(const llmq_relay_frame_t *frame)
{
    llmq_relay_end_t end;
    char head[LLMQ_RELAY_END_HEAD];

    if (llmq_relay_frame_end_parse(&end, frame->data, frame->len) != APR_SUCCESS) {
        return;
    }
    FUZZ_CHECK(end.headers == frame->data + LLMQ_RELAY_END_HEAD);
    FUZZ_CHECK(end.body == end.headers + end.headers_len);
    FUZZ_CHECK(end.body + end.body_len == frame->data + frame->len);
    llmq_relay_frame_end_head(head, &end);
    FUZZ_CHECK(memcmp(head, frame->data, sizeof(head)) == 0);
}

/* An id may hold a NUL, which ends it: then it is another one, and shorter. */
static void check_frame(const llmq_relay_frame_t *frame, const char *bytes,
                        apr_size_t used)
{
    char head[LLMQ_RELAY_HEAD];

    FUZZ_CHECK(frame->type >= LLMQ_RELAY_LISTEN && frame->type < LLMQ_RELAY_COUNT);
    FUZZ_CHECK(strlen(frame->id) <= LLMQ_ID_MAX && frame->len <= used);
    FUZZ_CHECK(frame->len == 0 ? !frame->data : frame->data + frame->len == bytes + used);
    if (strlen(frame->id) == (unsigned char)bytes[6]) {
        FUZZ_CHECK(llmq_relay_frame_head(head, frame) == APR_SUCCESS);
        FUZZ_CHECK(memcmp(head, bytes, LLMQ_RELAY_HEAD - 1) == 0);
    }
    if (frame->type == LLMQ_RELAY_END) {
        check_end(frame);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    llmq_relay_frame_t frame;
    apr_size_t used = 0;
    apr_status_t rv;

    while ((rv = llmq_relay_frame_parse(&frame, &used, bytes, size)) == APR_SUCCESS) {
        FUZZ_CHECK(used >= LLMQ_RELAY_HEAD && used <= size);
        check_frame(&frame, bytes, used);
        bytes += used;
        size -= used;
    }
    FUZZ_CHECK(rv == APR_EAGAIN || rv == APR_EGENERAL);
    FUZZ_CHECK(rv != APR_EAGAIN || used == 0 || used > size);
    return 0;
}
