/**
 * @file cfg_check.h
 * The configuration as a whole, after its last line: what lines say to each other, and what
 * follows from them.
 */

#ifndef LLMQ_CFG_CHECK_H
#define LLMQ_CFG_CHECK_H

#include <httpd.h>

/**
 * What cannot be seen line by line: runs for `apachectl -t` too.
 * @param p scratch
 * @param s the main server
 * @return OK; HTTP_INTERNAL_SERVER_ERROR after logging what is wrong
 * @phase check_config
 */
int llmq_cfg_check_whole(apr_pool_t *p, server_rec *s);

#endif /* LLMQ_CFG_CHECK_H */
