/**
 * @file descriptors.h
 * Descriptors of a child. Each response that is written without a thread of httpd has one
 * (base/stream.h), and as many must be left for all that httpd does itself.
 */
#ifndef LLMQ_DESCRIPTORS_H
#define LLMQ_DESCRIPTORS_H

#include "base/stream.h"

/**
 * Raise this process's limit of open files as far as it is needed and the hard limit lets
 * it, and share out what there is.
 * @param places in: wanted of each kind; out: how many there may be. Less than wanted, and
 *               the raised limit, are logged.
 * @phase child_init; @threads single
 */
void llmq_descriptors_share(int places[LLMQ_STREAM_COUNT]);

#endif /* LLMQ_DESCRIPTORS_H */
