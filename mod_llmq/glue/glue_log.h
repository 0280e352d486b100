/**
 * @file glue_log.h
 * Sends the library's log lines to httpd's error log, under this module's LogLevel.
 */
#ifndef LLMQ_GLUE_LOG_H
#define LLMQ_GLUE_LOG_H

#include <httpd.h>

/**
 * @param s the main server; must outlive the use of the log in this process
 * @phase post_config, child_init, dispatcher start; @threads single
 */
void llmq_glue_log_attach(server_rec *s);

#endif /* LLMQ_GLUE_LOG_H */
