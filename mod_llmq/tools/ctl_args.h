/**
 * @file ctl_args.h
 * Values of options, and complaints about them.
 * @threads single
 */
#ifndef LLMQ_CTL_ARGS_H
#define LLMQ_CTL_ARGS_H

#include "tools/ctl.h"

/**
 * Write `llmqctl: …` to stderr.
 * @param code what to return
 * @param fmt  printf's
 * @return @a code
 */
int llmq_ctl_args_complain(int code, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * The end of a span that begins now: a number with s, min, h or d; seconds without a unit.
 * @param pend out: usec since 1970; untouched on error
 * @param span the text
 * @param now  the present
 * @return APR_SUCCESS; APR_EINVAL after complaining
 */
apr_status_t llmq_ctl_args_end(apr_time_t *pend, const char *span, apr_time_t now);

/**
 * Check the names that tokens and keys share: --sub, --tenant, --scope.
 * @param ctl the call
 * @return LLMQ_CTL_OK, LLMQ_CTL_USAGE after complaining
 */
int llmq_ctl_args_check_names(const llmq_ctl_t *ctl);

#endif /* LLMQ_CTL_ARGS_H */
