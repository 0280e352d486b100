/**
 * @file coming.h
 * How many of a key are between the count of those that are stored and their own commit. They
 * stand in the ledger (core/ledger.h), where all processes of a node see them.
 *
 * Who dies there never leaves, and must be forgotten some time. So each window of ten
 * seconds has a count of its own, which lasts to the end of the next window: who enters
 * sees both, however short before or after the change of a window the others came, and
 * leaves the one that it entered.
 */
#ifndef LLMQ_COMING_H
#define LLMQ_COMING_H

#include "core/ledger.h"

/**
 * @param l       the ledger
 * @param account whose, not 0
 * @param now     microseconds since 1970, for llmq_coming_leave()
 * @return how many there are, this one among them
 * @threads any, of any process
 */
apr_int64_t llmq_coming_enter(llmq_ledger_t *l, apr_uint64_t account, apr_time_t now);

/**
 * @param l       the ledger
 * @param account whose
 * @param since   when it entered
 * @param now     microseconds since 1970
 * @threads any, of any process
 */
void llmq_coming_leave(llmq_ledger_t *l, apr_uint64_t account, apr_time_t since,
                       apr_time_t now);

#endif /* LLMQ_COMING_H */
