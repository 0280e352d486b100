/**
 * @file sysinfo.h
 * How busy the machine is, as Linux tells in /proc. Counters that only grow; a rate is the
 * difference of two readings. The parsers take the files' texts, so that tests need no
 * machine.
 * @threads any
 */
#ifndef LLMQ_SYSINFO_H
#define LLMQ_SYSINFO_H

#include <apr.h>
#include <apr_errno.h>

/** Counters since the machine was started. */
typedef struct llmq_sysinfo_t {
    apr_uint64_t cpu_busy;  /* clock ticks of all processors together */
    apr_uint64_t cpu_total; /* likewise, idle ones too */
    apr_uint64_t net_in;    /* bytes of all interfaces but the loopback */
    apr_uint64_t net_out;
} llmq_sysinfo_t;

/**
 * Read the counters.
 * @param info out; what cannot be read is 0
 */
void llmq_sysinfo_read(llmq_sysinfo_t *info);

/**
 * @return how much of the memory is in use, percent; 0 if that cannot be read
 */
double llmq_sysinfo_memory(void);

/**
 * @param path a file or folder
 * @return how much of its disk is in use for whoever is not root, percent; 0 if that
 *         cannot be read
 */
double llmq_sysinfo_disk(const char *path);

/**
 * @param then an older reading
 * @param now  a newer one
 * @return how busy the processors were in between, percent
 */
double llmq_sysinfo_cpu(const llmq_sysinfo_t *then, const llmq_sysinfo_t *now);

/**
 * @param info out: cpu_busy and cpu_total
 * @param text of /proc/stat
 * @return APR_SUCCESS; APR_EINVAL something else
 */
apr_status_t llmq_sysinfo_parse_stat(llmq_sysinfo_t *info, const char *text);

/**
 * @param info out: net_in and net_out
 * @param text of /proc/net/dev
 */
void llmq_sysinfo_parse_net(llmq_sysinfo_t *info, const char *text);

/**
 * @param text of /proc/meminfo
 * @return percent in use; 0 if it is something else
 */
double llmq_sysinfo_parse_memory(const char *text);

#endif /* LLMQ_SYSINFO_H */
