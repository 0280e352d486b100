#include "core/egress.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NAME 253

typedef struct net_t {
    llmq_egress_address_t base;
    int bits; /* of the 128; an IPv4 net has 96 more than it says */
} net_t;

/* What is not for everybody: the special-purpose registries of IANA (RFC 6890 and what
 * came after), multicast, and the metadata service that has a public address. */
static const char *const special[] = {
    /* IPv4 */
    "0.0.0.0/8",       /* "this network"; Linux takes 0.0.0.0 for itself */
    "10.0.0.0/8",      /* private */
    "100.64.0.0/10",   /* shared by carriers; a metadata service lives here */
    "127.0.0.0/8",     /* loopback */
    "169.254.0.0/16",  /* link-local; most metadata services live here */
    "172.16.0.0/12",   /* private */
    "192.0.0.0/24",    /* protocol assignments; a metadata service lives here */
    "192.0.2.0/24",    /* documentation */
    "192.88.99.0/24",  /* relays of 6to4 */
    "192.168.0.0/16",  /* private */
    "198.18.0.0/15",   /* benchmarks */
    "198.51.100.0/24", /* documentation */
    "203.0.113.0/24",  /* documentation */
    "224.0.0.0/4",     /* multicast */
    "240.0.0.0/4",     /* reserved, and broadcast */
    "168.63.129.16",   /* a platform service of a cloud */
    /* IPv6 */
    "::/96",          /* unspecified, loopback, IPv4-compatible */
    "64:ff9b:1::/48", /* translation inside a network */
    "100::/64",       /* discard */
    "2001::/23",      /* protocol assignments, Teredo among them */
    "2001:db8::/32",  /* documentation */
    "2002::/16",      /* 6to4: leads to whatever IPv4 address it says */
    "3fff::/20",      /* documentation */
    "5f00::/16",      /* segment routing */
    "fc00::/7",       /* unique local; a metadata service lives here */
    "fe80::/10",      /* link-local */
    "fec0::/10",      /* site-local, of old */
    "ff00::/8",       /* multicast */
};

static const llmq_egress_address_t mapped = {
    {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0}};
static const llmq_egress_address_t nat64 = {
    {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}};

static int matches(const llmq_egress_address_t *a, const llmq_egress_address_t *base,
                   int bits)
{
    int bytes = bits / 8;
    int rest = bits % 8;

    return memcmp(a->byte, base->byte, (size_t)bytes) == 0
           && (rest == 0
               || ((a->byte[bytes] ^ base->byte[bytes]) & (0xff << (8 - rest)) & 0xff)
                      == 0);
}

apr_status_t llmq_egress_parse(llmq_egress_address_t *a, const char *text)
{
    llmq_egress_address_t read = mapped;

    if (inet_pton(AF_INET, text, read.byte + 12) != 1
        && inet_pton(AF_INET6, text, read.byte) != 1) {
        return APR_EINVAL;
    }
    *a = read;
    return APR_SUCCESS;
}

/* Behind the slash: digits only, within what the family has. */
static int parse_bits(const char *text, int max)
{
    char *end = NULL;
    long n = apr_isdigit(*text) ? strtol(text, &end, 10) : -1;

    return n >= 0 && *end == '\0' && n <= max ? (int)n : -1;
}

static apr_status_t parse_net(net_t *net, const char *word)
{
    char text[INET6_ADDRSTRLEN + 1];
    const char *slash = strchr(word, '/');
    size_t len = slash ? (size_t)(slash - word) : strlen(word);
    int v4, bits;

    if (len >= sizeof(text)) {
        return APR_EINVAL;
    }
    memcpy(text, word, len);
    text[len] = '\0';
    if (llmq_egress_parse(&net->base, text) != APR_SUCCESS) {
        return APR_EINVAL;
    }
    v4 = !strchr(text, ':');
    bits = slash ? parse_bits(slash + 1, v4 ? 32 : 128) : v4 ? 32 : 128;
    net->bits = v4 && bits >= 0 ? bits + 96 : bits;
    return bits >= 0 ? APR_SUCCESS : APR_EINVAL;
}

/* The IPv4 address that an address leads to counts instead of its wrapping. */
static llmq_egress_address_t unwrapped(const llmq_egress_address_t *a)
{
    llmq_egress_address_t out = *a;

    if (matches(a, &nat64, 96)) {
        out = mapped;
        memcpy(out.byte + 12, a->byte + 12, 4);
    }
    return out;
}

int llmq_egress_is_public(const llmq_egress_address_t *a)
{
    llmq_egress_address_t real = unwrapped(a);
    net_t net;
    size_t i;

    for (i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
        if (parse_net(&net, special[i]) != APR_SUCCESS
            || matches(&real, &net.base, net.bits)) {
            return 0;
        }
    }
    return 1;
}

/* ---- the list ---- */

llmq_egress_t *llmq_egress_create(apr_pool_t *p)
{
    llmq_egress_t *list = apr_pcalloc(p, sizeof(*list));

    list->names = apr_array_make(p, 4, sizeof(const char *));
    list->nets = apr_array_make(p, 4, sizeof(net_t));
    return list;
}

/* Letters, digits, hyphens and dots, something between the dots; what looks like a number
 * would be read as an address by resolvers, and is no name. */
static int is_host(const char *s)
{
    const char *last = strrchr(s, '.');
    size_t len = strlen(s);
    size_t i;

    last = last ? last + 1 : s;
    if (len == 0 || len > MAX_NAME || apr_isdigit(*last)) {
        return 0;
    }
    for (i = 0; i < len; i++) {
        if (s[i] == '.' ? i == 0 || s[i - 1] == '.' || i + 1 == len
                        : !(apr_isalnum(s[i]) || s[i] == '-' || s[i] == '_')) {
            return 0;
        }
    }
    return 1;
}

apr_status_t llmq_egress_add(llmq_egress_t *list, const char *word, apr_pool_t *p)
{
    net_t net;
    char *name, *at;

    if (strcmp(word, "public") == 0) {
        list->public_too = 1;
        return APR_SUCCESS;
    }
    if (parse_net(&net, word) == APR_SUCCESS) {
        APR_ARRAY_PUSH(list->nets, net_t) = net;
        return APR_SUCCESS;
    }
    if (!is_host(strncmp(word, "*.", 2) == 0 ? word + 2 : word)) {
        return APR_EINVAL;
    }
    name = apr_pstrdup(p, word);
    for (at = name; *at; at++) {
        *at = (char)apr_tolower(*at);
    }
    APR_ARRAY_PUSH(list->names, const char *) = name;
    return APR_SUCCESS;
}

static int name_matches(const char *pattern, const char *host, size_t len)
{
    size_t tail;

    if (strncmp(pattern, "*.", 2) != 0) {
        return strlen(pattern) == len && strncasecmp(pattern, host, len) == 0;
    }
    tail = strlen(pattern + 1);
    return len > tail && strncasecmp(host + len - tail, pattern + 1, tail) == 0;
}

int llmq_egress_allows_name(const llmq_egress_t *list, const char *host)
{
    size_t len = strlen(host);
    int i;

    if (len > 0 && host[len - 1] == '.') {
        len--;
    }
    for (i = 0; i < list->names->nelts; i++) {
        if (name_matches(APR_ARRAY_IDX(list->names, i, const char *), host, len)) {
            return 1;
        }
    }
    return 0;
}

int llmq_egress_allows(const llmq_egress_t *list, const llmq_egress_address_t *a)
{
    llmq_egress_address_t real = unwrapped(a);
    int i;

    for (i = 0; i < list->nets->nelts; i++) {
        const net_t *net = &APR_ARRAY_IDX(list->nets, i, net_t);

        if (matches(&real, &net->base, net->bits) || matches(a, &net->base, net->bits)) {
            return 1;
        }
    }
    return list->public_too && llmq_egress_is_public(a);
}
