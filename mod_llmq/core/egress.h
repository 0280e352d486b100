/**
 * @file egress.h
 * Where requests may go whose URL comes from a caller: a list of what is allowed. Users
 * must not reach through us what they cannot reach themselves (server-side request
 * forgery), so an address counts as *public* only if the whole internet can route it;
 * everything that IANA sets aside, and the addresses of cloud metadata services, is
 * refused unless the list names it.
 *
 * A *word* of the list is one of
 *   public          every public address
 *   host.example    this host, at whatever address
 *   *.example.com   every host below example.com, at whatever address
 *   10.1.0.0/16     the addresses of this net, IPv4 or IPv6; without /n a single one
 * The list is asked twice: by name before the connection is made, and with the address
 * that is really about to be connected to, so that a name cannot change its address in
 * between. Without words nothing is allowed.
 */
#ifndef LLMQ_EGRESS_H
#define LLMQ_EGRESS_H

#include <apr_pools.h>
#include <apr_tables.h>

/** A list; filled by cfg/, read-only afterwards. */
typedef struct llmq_egress_t {
    int public_too;            /* the word public was among them */
    apr_array_header_t *names; /* const char *, lower case; "*.…" or exact */
    apr_array_header_t *nets;  /* the file's own */
} llmq_egress_t;

/** An address: IPv6, or IPv4 as ::ffff:a.b.c.d. */
typedef struct llmq_egress_address_t {
    unsigned char byte[16];
} llmq_egress_address_t;

/**
 * @param p pool
 * @return an empty list
 * @threads any
 */
llmq_egress_t *llmq_egress_create(apr_pool_t *p);

/**
 * Add a word.
 * @param list the list
 * @param word see above
 * @param p    pool, as long as the list
 * @return APR_SUCCESS; APR_EINVAL it is none of the four
 * @threads single
 */
apr_status_t llmq_egress_add(llmq_egress_t *list, const char *word, apr_pool_t *p);

/**
 * Read an address in the notations of inet_pton(3) and nothing else.
 * @param a    out; untouched unless APR_SUCCESS
 * @param text an address without brackets and zone
 * @return APR_SUCCESS; APR_EINVAL
 * @threads any
 */
apr_status_t llmq_egress_parse(llmq_egress_address_t *a, const char *text);

/**
 * @param a an address
 * @return non-zero if everybody on the internet could reach it. IPv4 inside of IPv6
 *         (mapped, NAT64) counts as the IPv4 address that it leads to.
 * @threads any
 */
int llmq_egress_is_public(const llmq_egress_address_t *a);

/**
 * @param list the list
 * @param host of a URL, without brackets; case does not matter, nor a final dot
 * @return non-zero if it may be reached at any address
 * @threads any
 */
int llmq_egress_allows_name(const llmq_egress_t *list, const char *host);

/**
 * @param list the list
 * @param a    where a connection is about to be made
 * @return non-zero if it may be
 * @threads any
 */
int llmq_egress_allows(const llmq_egress_t *list, const llmq_egress_address_t *a);

#endif /* LLMQ_EGRESS_H */
