/**
 * @file cfg_parse.h
 * Arguments of directives to values. Each parser returns NULL or the sentence that
 * `apachectl -t` shows, in the configuration's pool.
 * @phase the configuration is read
 * @threads single
 */
#ifndef LLMQ_CFG_PARSE_H
#define LLMQ_CFG_PARSE_H

#include "cfg/cfg.h"

/** The field of a settings struct whose offset the directive's row names. */
#define LLMQ_CFG_AT(type, base, cmd)                                                     \
    ((type *)(void *)((char *)(base) + (apr_size_t)(cmd)->info))

/**
 * @param cmd   the directive
 * @param arg   the argument to blame; not for secrets
 * @param wants how it should be
 * @return the sentence
 */
const char *llmq_cfg_parse_complain(cmd_parms *cmd, const char *arg, const char *wants);

/**
 * A whole number.
 * @param pn  out; untouched on error
 * @param cmd the directive
 * @param arg the text
 * @param min smallest
 * @param max largest
 * @return NULL or the sentence
 */
const char *llmq_cfg_parse_number(apr_int64_t *pn, cmd_parms *cmd, const char *arg,
                                  apr_int64_t min, apr_int64_t max);

/**
 * A time in httpd's own syntax: a number with ms, s, min or h; seconds without a unit.
 * @param pt  out, microseconds; untouched on error
 * @param cmd the directive
 * @param arg the text
 * @param min shortest, microseconds
 * @param max longest, microseconds
 * @return NULL or the sentence
 */
const char *llmq_cfg_parse_duration(apr_interval_time_t *pt, cmd_parms *cmd,
                                    const char *arg, apr_interval_time_t min,
                                    apr_interval_time_t max);

/**
 * The word of a level.
 * @param plevel out; untouched on error
 * @param cmd    the directive
 * @param arg    realtime, high, normal or low
 * @return NULL or the sentence
 */
const char *llmq_cfg_parse_level(llmq_level_e *plevel, cmd_parms *cmd, const char *arg);

/**
 * @param cmd the directive
 * @return settings of the server or virtual host that it stands in
 */
llmq_cfg_server_t *llmq_cfg_parse_server(cmd_parms *cmd);

/**
 * The one name that a section is opened with.
 * @param pname out
 * @param cmd   the directive
 * @param args  what stands behind its name, up to the `>`
 * @return NULL; else the sentence
 */
const char *llmq_cfg_parse_section(const char **pname, cmd_parms *cmd, const char *args);

/**
 * @param pb  out: settings of the <LLMQBackend> that the directive stands in
 * @param cmd the directive
 * @return NULL; the sentence if it stands outside of one
 */
const char *llmq_cfg_parse_backend(llmq_backend_conf_t **pb, cmd_parms *cmd);

/**
 * Obey the lines of the section of a backend or agent, which takes no others than theirs.
 * @param cmd the section; its open_backend is set
 * @return NULL; the sentence about the first line that is wrong, which is blamed
 */
const char *llmq_cfg_parse_lines(cmd_parms *cmd);

/**
 * Server-wide directives make no sense twice: there is one queue and one dispatcher.
 * @param cmd the directive
 * @return NULL outside of virtual hosts and sections; else the sentence
 */
const char *llmq_cfg_parse_global(cmd_parms *cmd);

#endif /* LLMQ_CFG_PARSE_H */
