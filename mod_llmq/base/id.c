#include "base/id.h"

#include "base/clock.h"
#include "llmq.h"

#include <apr_general.h>
#include <apr_strings.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>

#define HALF_BITS 40
#define HALF_MASK ((1ULL << HALF_BITS) - 1)
#define TIME_MASK (((apr_uint64_t)1 << 48) - 1)

#define FNV_BASIS 14695981039346656037ULL
#define FNV_PRIME 1099511628211ULL

/* One id as numbers: 48 bits of time and two halves of the 80 bits of chance. */
typedef struct {
    apr_uint64_t msec;
    apr_uint64_t high;
    apr_uint64_t low;
} ulid_t;

static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static ulid_t last; /* the newest id of this process, msec 0 if none; under lock */

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void parent_forked(void)
{
    pthread_mutex_unlock(&lock);
}

/* Counting on from the parent's last id would give the same ids as the parent. */
static void child_forked(void)
{
    last.msec = 0;
    pthread_mutex_unlock(&lock);
}

static void watch_forks(void)
{
    pthread_atfork(before_fork, parent_forked, child_forked);
}

static void fill_random(unsigned char *bytes, apr_size_t n)
{
    ssize_t got;

    do {
        got = getrandom(bytes, n, 0);
    } while (got < 0 && errno == EINTR);
    /* Kernels without the call: APR knows the other sources. */
    if (got != (ssize_t)n)
        apr_generate_random_bytes(bytes, n);
}

static void draw(ulid_t *ulid, apr_uint64_t msec)
{
    apr_uint64_t chance[2] = {0, 0};

    fill_random((unsigned char *)chance, sizeof(chance));
    ulid->msec = msec;
    ulid->high = chance[0] & HALF_MASK;
    ulid->low = chance[1] & HALF_MASK;
}

/* The specification gives up when the chance part is used up; borrowing the next
 * millisecond keeps the order and never fails. */
static void count_up(ulid_t *ulid)
{
    ulid->low = (ulid->low + 1) & HALF_MASK;
    if (ulid->low != 0)
        return;
    ulid->high = (ulid->high + 1) & HALF_MASK;
    if (ulid->high == 0)
        draw(ulid, ulid->msec + 1);
}

static ulid_t next_ulid(void)
{
    apr_uint64_t now = (apr_uint64_t)apr_time_as_msec(llmq_clock_now());
    ulid_t ulid;

    pthread_once(&once, watch_forks);
    pthread_mutex_lock(&lock);
    /* A clock that was set back does not turn the order of the ids around either. */
    if (now > last.msec)
        draw(&last, now);
    else
        count_up(&last);
    ulid = last;
    pthread_mutex_unlock(&lock);
    return ulid;
}

static void encode(char *out, apr_uint64_t value, int n)
{
    while (n-- > 0) {
        out[n] = digits[value & 31];
        value >>= 5;
    }
}

const char *llmq_id_create(const char *prefix, apr_pool_t *p)
{
    apr_size_t len = strlen(prefix);
    char *id = apr_palloc(p, len + LLMQ_ULID_LEN + 1);
    ulid_t ulid = next_ulid();

    memcpy(id, prefix, len);
    encode(id + len, ulid.msec & TIME_MASK, 10);
    encode(id + len + 10, ulid.high, 8);
    encode(id + len + 18, ulid.low, 8);
    id[len + LLMQ_ULID_LEN] = '\0';
    return id;
}

static apr_uint64_t decode(const char *text, int n)
{
    apr_uint64_t value = 0;

    while (n-- > 0) {
        const char *digit = *text ? strchr(digits, *text) : NULL;

        value = value << 5 | (digit ? (apr_uint64_t)(digit - digits) : 0);
        text += *text != '\0';
    }
    return value;
}

/* Of the 80 bits of chance the lower 74 are kept, so that those which are counted up are. */
const char *llmq_id_uuid(const char *ulid, int n, apr_pool_t *p)
{
    apr_size_t len = strlen(ulid);
    apr_uint64_t msec = decode(ulid, 10) & TIME_MASK;
    apr_uint64_t high = len > 10 ? decode(ulid + 10, 8) : 0;
    apr_uint64_t low = len > 18 ? decode(ulid + 18, 8) : 0;
    apr_uint64_t tail = high << HALF_BITS | low;
    apr_uint64_t head = high >> (62 - HALF_BITS);

    if (n > 0)
        tail = llmq_id_hash(&n, sizeof(n), llmq_id_hash(ulid, len, 0));
    return apr_psprintf(p, "%08x-%04x-7%03x-%04x-%012" APR_UINT64_T_HEX_FMT,
                        (unsigned)(msec >> 16), (unsigned)(msec & 0xFFFF),
                        (unsigned)(head & 0xFFF),
                        (unsigned)(0x8000 | (tail >> 48 & 0x3FFF)), tail & TIME_MASK);
}

static int is_name_byte(unsigned char c)
{
    return (c >= '0' && c <= ':') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
           || c == '_' || c == '.' || c == '-';
}

int llmq_id_is_name(const char *s)
{
    apr_size_t n;

    if (!s)
        return 0;
    for (n = 0; s[n]; n++) {
        if (n == LLMQ_NAME_MAX || !is_name_byte((unsigned char)s[n]))
            return 0;
    }
    return n > 0;
}

static int is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

int llmq_id_is_uuid(const char *s)
{
    apr_size_t n;

    for (n = 0; s && n < LLMQ_UUID_LEN; n++) {
        if (n == 8 || n == 13 || n == 18 || n == 23 ? s[n] != '-' : !is_hex(s[n]))
            return 0;
    }
    return s && s[n] == '\0';
}

apr_uint64_t llmq_id_hash(const void *data, apr_size_t len, apr_uint64_t seed)
{
    const unsigned char *bytes = data;
    apr_uint64_t hash = seed ? seed : FNV_BASIS;
    apr_size_t i;

    for (i = 0; i < len; i++)
        hash = (hash ^ bytes[i]) * FNV_PRIME;
    return hash ? hash : FNV_BASIS;
}
