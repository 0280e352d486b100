/* Frames of events from anybody who may publish in Redis (bus/bus_wire.h): what is accepted
 * keeps the promises that streams of clients rely on, and packs to the same bytes again. */
#include "fuzz.h"

#include "bus/bus_wire.h"

#include <apr_general.h>
#include <apr_strings.h>

#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return apr_initialize();
}

static void check_event(const llmq_event_t *e, const uint8_t *data, size_t size)
{
    apr_size_t i;

    FUZZ_CHECK(e->len <= LLMQ_EVENT_DATA_MAX && e->seq >= 0);
    if (e->len == 0)
        return;
    FUZZ_CHECK((const uint8_t *)e->data >= data
               && (const uint8_t *)e->data + e->len <= data + size);
    FUZZ_CHECK(e->data[0] == '{');
    for (i = 0; i < e->len; i++)
        FUZZ_CHECK((unsigned char)e->data[i] >= ' ');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static llmq_bus_wire_t again;
    llmq_bus_frame_t frame;
    llmq_event_t event;
    apr_pool_t *p;

    apr_pool_create(&p, NULL);
    if (llmq_bus_wire_open(&frame, data, size) == APR_SUCCESS
        && llmq_bus_wire_check(&frame, p) == APR_SUCCESS) {
        llmq_bus_wire_begin(&again, apr_pstrmemdup(p, frame.node, frame.node_len));
        while (llmq_bus_wire_next(&event, &frame)) {
            check_event(&event, data, size);
            FUZZ_CHECK(llmq_bus_wire_add(&again, &event));
        }
        FUZZ_CHECK(again.len == size && memcmp(again.data, data, size) == 0);
    }
    apr_pool_destroy(p);
    return 0;
}
