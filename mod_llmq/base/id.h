/**
 * @file id.h
 * Names of things. Ids of jobs are a prefix and a ULID (github.com/ulid/spec): 48 bits of
 * milliseconds and 80 bits of chance in 26 characters of Crockford's base 32, so that ids
 * sort by time. Within one millisecond of one process the chance part is counted up, as
 * the specification's monotonic factory does.
 */
#ifndef LLMQ_ID_H
#define LLMQ_ID_H

#include <apr.h>
#include <apr_pools.h>
#include <apr_time.h>

#define LLMQ_ULID_LEN 26

/**
 * Make a new id.
 * @param prefix e.g. "msg_"
 * @param p      pool of the result
 * @return prefix + 26 characters
 * @threads any
 */
const char *llmq_id_create(const char *prefix, apr_pool_t *p);

/** Characters of a UUID. */
#define LLMQ_UUID_LEN 36

/**
 * Make a UUID of version 7 (RFC 9562) of an id of ours: the same time, as much of its chance
 * as a UUID has room for. The same arguments make the same UUID.
 * @param ulid what llmq_id_create("") made
 * @param n    0; or which of several that are made of one id
 * @param p    pool of the result
 * @return 36 characters; those of n 0 sort as the ids do
 * @threads any
 */
const char *llmq_id_uuid(const char *ulid, int n, apr_pool_t *p);

/**
 * Is this a UUID, of any version, in its usual form?
 * @param s NUL-terminated text, NULL allowed
 * @return non-zero if so
 * @threads any
 */
int llmq_id_is_uuid(const char *s);

/**
 * Is this an id that a caller may choose or send: 1 to LLMQ_NAME_MAX characters of
 * `[A-Za-z0-9_.:-]`?
 * @param s NUL-terminated text, NULL allowed
 * @return non-zero if so
 * @threads any
 */
int llmq_id_is_name(const char *s);

/**
 * 64-bit hash for tables in shared memory and for keys (FNV-1a).
 * Not for secrets and not against crafted collisions: two keys that collide share a turn.
 * @param data bytes
 * @param len  their number
 * @param seed start value, 0 or the hash of what stands before
 * @return the hash, never 0
 * @threads any
 */
apr_uint64_t llmq_id_hash(const void *data, apr_size_t len, apr_uint64_t seed);

#endif /* LLMQ_ID_H */
