/**
 * @file json_scan.h
 * The strict door before json-c: does a text follow RFC 8259, and the limits of json.h?
 * json-c accepts more than the RFC (NaN, comments, TRUE, raw control characters, lone
 * surrogates) and silently clamps integers that do not fit 64 bits, whatever its flags.
 *
 * One pass, no recursion: the open arrays and objects are one bit each. The grammar of the
 * text is checked, and the places of wide integers are noted, so that json.c can carry
 * them around the clamping. Nothing is built.
 */
#ifndef LLMQ_JSON_SCAN_H
#define LLMQ_JSON_SCAN_H

#include <apr_pools.h>
#include <apr_tables.h>

/** What a scan found. */
typedef struct llmq_json_scan_t {
    const char *reason; /* why not, static; NULL if acceptable */
    apr_size_t at;      /* offset of the byte that is to blame */
    apr_array_header_t
        *wide; /* apr_size_t: offset behind each wide integer; NULL if none */
} llmq_json_scan_t;

/**
 * @param scan      out
 * @param text      bytes
 * @param len       their number
 * @param max_depth deepest nesting allowed (> 0)
 * @param p         pool of scan->wide
 * @return non-zero if acceptable
 * @threads any
 */
int llmq_json_scan(llmq_json_scan_t *scan, const char *text, apr_size_t len,
                   int max_depth, apr_pool_t *p);

/**
 * @param number a JSON number
 * @param len    its bytes
 * @return non-zero if it is an integer that json-c would change: beyond int64 or uint64,
 *         or -0
 * @threads any
 */
int llmq_json_scan_is_wide(const char *number, apr_size_t len);

#endif /* LLMQ_JSON_SCAN_H */
