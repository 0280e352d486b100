/**
 * @file matcher.h
 * Which of many patterns does a text contain? One pass over the text answers for all of
 * them, and what it costs depends on the length of the text alone, not on the number of
 * patterns and not on what the text says: at most two moves of the automaton per byte, and
 * each pattern is noted once.
 *
 * The automaton is that of A. V. Aho and M. J. Corasick, "Efficient string matching: an aid
 * to bibliographic search", Communications of the ACM 18(6), 1975: a tree of all patterns,
 * in which each state knows the state of its longest proper suffix, to go on from when the
 * next byte does not fit. It works on bytes. Patterns and text must be folded alike
 * (utf8.h) where case shall not matter.
 *
 * States are numbered by their depth, children of one state in a row, so that the tree
 * needs no list of edges:
 *
 *     state s:  byte[s]    the byte that leads to it
 *               first[s]   its first child; the last is first[s + 1] - 1
 *               fail[s]    the state of its longest proper suffix
 *               ends[s]    the pattern that ends here, 0 if none does
 *               shorter[s] the longest suffix at which a pattern ends, 0 if none
 *
 * A matcher does not change once it is made; any number of threads may use it.
 */
#ifndef LLMQ_MATCHER_H
#define LLMQ_MATCHER_H

#include <apr_errno.h>
#include <apr_pools.h>

/** Labels are 0 to LLMQ_MATCHER_LABELS - 1. */
#define LLMQ_MATCHER_LABELS 8

/** All patterns together, in bytes. */
#define LLMQ_MATCHER_MAX_BYTES (64 * 1024 * 1024)

typedef struct llmq_matcher_t llmq_matcher_t;

typedef struct llmq_pattern_t {
    const char *text;
    apr_size_t len; /* bytes; an empty pattern is never found */
    int label;      /* what the caller counts it under */
} llmq_pattern_t;

/**
 * Build the automaton: time and memory grow with the bytes of all patterns, about 20 bytes
 * for each.
 * @param pm       out
 * @param patterns the patterns, not needed afterwards; the same text under the same label
 *                 counts once
 * @param n        their number, 0 is allowed
 * @param p        pool of the matcher
 * @return APR_SUCCESS; APR_EINVAL more than LLMQ_MATCHER_MAX_BYTES, or a label out of range
 * @threads any
 */
apr_status_t llmq_matcher_create(llmq_matcher_t **pm, const llmq_pattern_t *patterns,
                                 int n, apr_pool_t *p);

/**
 * Count the patterns that a text contains, each once however often it occurs.
 * @param hits LLMQ_MATCHER_LABELS counters by label; what is found is added
 * @param m    the matcher
 * @param text bytes
 * @param len  their number
 * @param p    scratch, one bit for each pattern
 * @threads any
 */
void llmq_matcher_count(int *hits, const llmq_matcher_t *m, const char *text,
                        apr_size_t len, apr_pool_t *p);

#endif /* LLMQ_MATCHER_H */
