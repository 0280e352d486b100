/**
 * @file sets.h
 * Tables that are *set-associative*: a key belongs to one set of a few places, its *ways*,
 * and competes with no others. Their number is a power of two, so that a part of the key's
 * hash is the index. Here is how many sets there are, how they lie behind a head of one
 * cache line, and which one it is; what a set holds is the table's own business.
 *
 *   [ llmq_sets_t, 64 bytes | set | set | ... ]
 *
 * The head may lie in memory that processes share: it does not change after
 * llmq_sets_init().
 */
#ifndef LLMQ_SETS_H
#define LLMQ_SETS_H

#include <apr.h>

/** The head of a table; zero: new. */
typedef struct llmq_sets_t {
    _Alignas(64) apr_uint32_t n; /* a power of two */
} llmq_sets_t;

/**
 * @param keys how many keys to hold, > 0
 * @param ways places of a set, > 0
 * @return how many sets that are: a power of two
 * @threads any
 */
apr_uint32_t llmq_sets_for(int keys, int ways);

/**
 * @param keys  how many keys to hold, > 0
 * @param ways  places of a set, > 0
 * @param bytes of a set
 * @return bytes of the table, its head included
 * @threads any
 */
apr_size_t llmq_sets_size(int keys, int ways, apr_size_t bytes);

/**
 * Begin an empty table. One that has been begun for as many keys stays as it is.
 * @param sets  its head, 64-byte aligned and at first zero like all of it
 * @param keys  as in llmq_sets_size()
 * @param ways  as there
 * @param bytes as there
 * @phase parent, tests; @threads single
 */
void llmq_sets_init(llmq_sets_t *sets, int keys, int ways, apr_size_t bytes);

/**
 * @param sets the head
 * @param key  a hash (llmq_id_hash())
 * @return which set it belongs to, from 0
 * @threads any, of any process
 */
apr_uint32_t llmq_sets_index(const llmq_sets_t *sets, apr_uint64_t key);

#endif /* LLMQ_SETS_H */
