/**
 * @file ending.h
 * The end of a child that still has requests to answer. A child that ends gracefully, be it
 * for a restart, as it is one too many or has served for long enough, gives those that it
 * has accepted the time that they take, as httpd does: within GracefulShutdownTimeout, or
 * for as long as they take where that is 0. When the server stops, they are answered now.
 *
 *     runs ──► winds up ──► it is over: answer now
 *       └──── a stop ─────────────┘
 */
#ifndef LLMQ_ENDING_H
#define LLMQ_ENDING_H

/**
 * The child begins to end, or ends in more haste than before.
 * @param graceful as the hook was told: of no use under prefork, where this looks for itself
 * @threads single
 * @phase child_stopping
 */
void llmq_ending_begin(int graceful);

/**
 * @return non-zero if whoever was accepted must be answered now; 0: they have time, or the
 *         child does not end at all
 * @threads any
 */
int llmq_ending_is_over(void);

#endif /* LLMQ_ENDING_H */
