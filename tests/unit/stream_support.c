#include "stream_support.h"

#include "support.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

llmq_streams_t *stream_all;

void stream_setup(void)
{
    static const int max[LLMQ_STREAM_COUNT] = {4, 2};

    ck_assert_int_eq(llmq_stream_create(&stream_all, max, test_pool), APR_SUCCESS);
}

llmq_frame_t *stream_frame_of(const char *data, size_t len)
{
    struct iovec parts[2] = {{(void *)(size_t)data, len / 2},
                             {(void *)(size_t)(data + len / 2), len - len / 2}};

    return llmq_frame_make(parts, 2);
}

apr_status_t stream_write_to(llmq_stream_t *s, const char *data, size_t len)
{
    llmq_frame_t *frame = stream_frame_of(data, len);
    apr_status_t rv = llmq_stream_send(s, frame);

    llmq_frame_drop(frame);
    return rv;
}

int stream_count(void)
{
    return llmq_stream_count(stream_all, LLMQ_STREAM_ANSWER)
           + llmq_stream_count(stream_all, LLMQ_STREAM_EVENTS);
}

void stream_note_over(void *ctx, int whole)
{
    stream_client_t *c = ctx;

    atomic_store(&c->whole, whole);
    atomic_fetch_add(&c->calls, 1);
}

void stream_open_by(stream_client_t *c, const llmq_stream_conf_t *how)
{
    llmq_stream_conf_t conf = *how;
    int pair[2];

    conf.over = conf.over ? conf.over : stream_note_over;
    conf.ctx = c;
    atomic_store(&c->calls, 0);
    atomic_store(&c->whole, -1);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    c->fd = pair[0];
    c->client = pair[1];
    ck_assert_int_eq(llmq_stream_admit(stream_all, conf.kind), APR_SUCCESS);
    ck_assert_int_eq(llmq_stream_open(&c->stream, stream_all, pair[0], &conf),
                     APR_SUCCESS);
}

void stream_open_one(stream_client_t *c, apr_interval_time_t stall)
{
    llmq_stream_conf_t conf = {.kind = LLMQ_STREAM_ANSWER, .stall = stall};

    stream_open_by(c, &conf);
}

void stream_open_events(stream_client_t *c, apr_size_t max_pending)
{
    llmq_stream_conf_t conf = {.kind = LLMQ_STREAM_EVENTS,
                               .chunked = 1,
                               .max_pending = max_pending,
                               .stall = STREAM_LONG};

    stream_open_by(c, &conf);
}

int stream_patience(int *rounds)
{
    apr_sleep(apr_time_from_msec(5));
    return ++*rounds < 12000;
}

int stream_until_over(stream_client_t *c)
{
    int rounds = 0;

    while (!atomic_load(&c->calls) && stream_patience(&rounds)) {
    }
    return atomic_load(&c->calls) == 1;
}

int stream_until_count(int n)
{
    int rounds = 0;

    while (stream_count() != n && stream_patience(&rounds)) {
    }
    return stream_count() == n;
}

char *stream_read_all(stream_client_t *c, size_t *plen)
{
    char *got = malloc(2 * STREAM_BIG);
    ssize_t n;

    *plen = 0;
    while ((n = read(c->client, got + *plen, 2 * STREAM_BIG - *plen)) > 0) {
        *plen += (size_t)n;
    }
    return got;
}

void stream_expect(stream_client_t *c, const char *text)
{
    size_t len;
    char *got = stream_read_all(c, &len);

    ck_assert_int_eq(len, strlen(text));
    ck_assert_mem_eq(got, text, len);
    free(got);
}
