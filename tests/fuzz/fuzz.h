/**
 * @file fuzz.h
 * One parser per target. Each tests/fuzz/fuzz_<target>.c defines LLVMFuzzerTestOneInput();
 * libFuzzer drives it, or standalone.c, which replays files. A target checks what the
 * parser's header promises with FUZZ_CHECK(), beyond "does not crash".
 */
#ifndef LLMQ_FUZZ_H
#define LLMQ_FUZZ_H

#include <apr_pools.h>

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define FUZZ_CHECK(promise)                                                              \
    do {                                                                                 \
        if (!(promise)) {                                                                \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #promise);        \
            abort();                                                                     \
        }                                                                                \
    } while (0)

#endif /* LLMQ_FUZZ_H */
