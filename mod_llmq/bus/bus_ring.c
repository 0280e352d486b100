#include "bus/bus_ring.h"

#include <string.h>
#include <time.h>

#define WORD_BYTES 4 /* of contents */
#define HEAD_WORDS 5 /* kind and length, topic, seq */
#define MIN_BYTES  ((apr_size_t)64 * 1024)
#define LAP_MASK   0x7FFFFFFFU
#define FIRST      1U
#define FOREIGN    0x80U
#define SPINS      100               /* looks before sleeping */
#define NAPS       40                /* sleeps before giving up */
#define NAP        ((long)50 * 1000) /* nanoseconds */

/* ---- sizes ---- */

static apr_uint64_t words_of(apr_size_t bytes)
{
    apr_size_t size = MIN_BYTES;

    while (size < bytes)
        size *= 2;
    return size / WORD_BYTES;
}

apr_size_t llmq_bus_ring_size(apr_size_t bytes)
{
    return sizeof(llmq_bus_ring_t)
           + (apr_size_t)words_of(bytes) * sizeof(_Atomic(apr_uint64_t));
}

void llmq_bus_ring_init(llmq_bus_ring_t *ring, apr_size_t bytes)
{
    if (ring->size == 0) {
        ring->size = words_of(bytes);
        ring->shift = __builtin_ctzll(ring->size);
    }
}

static apr_size_t data_words(apr_size_t len)
{
    return (len + WORD_BYTES - 1) / WORD_BYTES;
}

/* ---- words ---- */

/* Laps count from one: no word of new memory looks written. */
static apr_uint32_t lap_of(const llmq_bus_ring_t *ring, apr_uint64_t at)
{
    return (apr_uint32_t)((at >> ring->shift) + 1) & LAP_MASK;
}

static void put_word(llmq_bus_ring_t *ring, apr_uint64_t at, apr_uint32_t first,
                     apr_uint32_t contents)
{
    apr_uint64_t tag = lap_of(ring, at) << 1 | first;

    atomic_store_explicit(&ring->word[at & (ring->size - 1)], tag << 32 | contents,
                          memory_order_relaxed);
}

/* What a look at a word says. */
typedef enum { WORD_EARLIER = -1, WORD_WRITTEN = 0, WORD_LATER = 1 } word_e;

static word_e get_word(apr_uint32_t *pcontents, const llmq_bus_ring_t *ring,
                       apr_uint64_t at, apr_uint32_t first)
{
    apr_uint64_t word =
        atomic_load_explicit(&ring->word[at & (ring->size - 1)], memory_order_relaxed);
    apr_uint32_t wanted = lap_of(ring, at) << 1 | first;
    apr_uint32_t tag = (apr_uint32_t)(word >> 32);

    *pcontents = (apr_uint32_t)word;
    if (tag == wanted)
        return WORD_WRITTEN;
    /* Laps are compared as they wrap; the same lap with the other mark is no match. */
    return (apr_int32_t)((tag & ~FIRST) - (wanted & ~FIRST)) > 0 ? WORD_LATER
                                                                 : WORD_EARLIER;
}

static word_e get_long(apr_uint64_t *pvalue, const llmq_bus_ring_t *ring, apr_uint64_t at)
{
    apr_uint32_t low = 0;
    apr_uint32_t high = 0;
    word_e found = get_word(&low, ring, at, 0);

    if (found == WORD_WRITTEN)
        found = get_word(&high, ring, at + 1, 0);
    *pvalue = (apr_uint64_t)high << 32 | low;
    return found;
}

static void put_long(llmq_bus_ring_t *ring, apr_uint64_t at, apr_uint64_t value)
{
    put_word(ring, at, 0, (apr_uint32_t)value);
    put_word(ring, at + 1, 0, (apr_uint32_t)(value >> 32));
}

/* ---- writing ---- */

apr_uint64_t llmq_bus_ring_reserve(llmq_bus_ring_t *ring, const llmq_event_t *event)
{
    return atomic_fetch_add(&ring->head, HEAD_WORDS + data_words(event->len));
}

/* Whole words first, as a copy of known length costs nothing. */
static void put_data(llmq_bus_ring_t *ring, apr_uint64_t at, const char *data,
                     apr_size_t len)
{
    apr_uint32_t contents;

    for (; len >= WORD_BYTES; len -= WORD_BYTES) {
        memcpy(&contents, data, WORD_BYTES);
        put_word(ring, at++, 0, contents);
        data += WORD_BYTES;
    }
    if (len > 0) {
        contents = 0;
        memcpy(&contents, data, len);
        put_word(ring, at, 0, contents);
    }
}

void llmq_bus_ring_fill(llmq_bus_ring_t *ring, apr_uint64_t at, const llmq_event_t *event)
{
    put_word(ring, at, FIRST,
             (apr_uint32_t)event->len << 8 | (event->foreign ? FOREIGN : 0)
                 | (apr_uint32_t)event->what);
    put_long(ring, at + 1, event->topic);
    put_long(ring, at + 3, (apr_uint64_t)event->seq);
    put_data(ring, at + HEAD_WORDS, event->data, event->len);
}

/* ---- reading ---- */

void llmq_bus_ring_follow(llmq_bus_cursor_t *c)
{
    c->at = atomic_load(&c->ring->head);
}

int llmq_bus_ring_has_more(const llmq_bus_cursor_t *c)
{
    return atomic_load(&c->ring->head) != c->at;
}

static word_e copy_data(llmq_bus_cursor_t *c, apr_size_t len)
{
    apr_uint64_t at = c->at + HEAD_WORDS;
    apr_size_t done;

    for (done = 0; done < len; done += WORD_BYTES) {
        apr_uint32_t contents;
        word_e found = get_word(&contents, c->ring, at++, 0);

        if (found != WORD_WRITTEN)
            return found;
        memcpy(c->data + done, &contents, WORD_BYTES);
    }
    return WORD_WRITTEN;
}

/* The length was written by fill() in this lap, so it is within its bounds. */
static word_e copy_event(llmq_event_t *event, llmq_bus_cursor_t *c)
{
    apr_uint32_t kind;
    apr_uint64_t seq = 0;
    word_e found = get_word(&kind, c->ring, c->at, FIRST);

    if (found == WORD_WRITTEN)
        found = get_long(&event->topic, c->ring, c->at + 1);
    if (found == WORD_WRITTEN)
        found = get_long(&seq, c->ring, c->at + 3);
    if (found != WORD_WRITTEN)
        return found;
    event->seq = (apr_int64_t)seq;
    event->len = kind >> 8;
    event->data = event->len ? c->data : NULL;
    event->foreign = (kind & FOREIGN) != 0;
    event->what = (llmq_event_e)(kind & (FOREIGN - 1));
    return copy_data(c, event->len);
}

/* Short enough for a thread that serves streams; long enough for a writer to get back on a
 * processor, as a rule. */
static word_e wait_for_event(llmq_event_t *event, llmq_bus_cursor_t *c)
{
    const struct timespec nap = {0, NAP};
    word_e found = WORD_EARLIER;
    int i;

    for (i = 0; i < SPINS + NAPS && found == WORD_EARLIER; i++) {
        if (i >= SPINS)
            nanosleep(&nap, NULL);
        found = copy_event(event, c);
    }
    return found;
}

/* Where the next event begins that can be read: only such a word bears the mark. */
static void skip(llmq_bus_cursor_t *c)
{
    apr_uint64_t head = atomic_load(&c->ring->head);
    apr_uint32_t contents;

    for (c->at++; c->at != head; c->at++) {
        word_e found = get_word(&contents, c->ring, c->at, FIRST);

        if (found == WORD_LATER)
            c->at = head - 1;
        else if (found == WORD_WRITTEN)
            return;
    }
}

llmq_bus_found_e llmq_bus_ring_next(llmq_event_t *event, llmq_bus_cursor_t *c)
{
    apr_uint64_t head = atomic_load(&c->ring->head);
    word_e found;

    if (head == c->at)
        return LLMQ_BUS_EMPTY;
    found = head - c->at > c->ring->size ? WORD_LATER : copy_event(event, c);
    if (found == WORD_EARLIER)
        found = wait_for_event(event, c);
    if (found == WORD_WRITTEN) {
        c->at += HEAD_WORDS + data_words(event->len);
        return LLMQ_BUS_EVENT;
    }
    if (found == WORD_LATER)
        llmq_bus_ring_follow(c);
    else
        skip(c);
    return LLMQ_BUS_LOST;
}
