#include "bus/relay_table.h"

#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>

void llmq_relay_table_init(llmq_relay_table_t *t)
{
    memset(t, 0, sizeof(*t));
    APR_RING_INIT(&t->peers, llmq_relay_peer_t, link);
}

/* ---- who listens ---- */

static llmq_relay_ear_t **bucket_of(llmq_relay_table_t *t, const char *id)
{
    apr_uint32_t h = 2166136261U;

    for (; *id; id++) {
        h = (h ^ (unsigned char)*id) * 16777619U;
    }
    return &t->bucket[(h ^ (h >> 16)) % LLMQ_RELAY_BUCKETS];
}

llmq_relay_ear_t *llmq_relay_table_find(llmq_relay_table_t *t, const char *id)
{
    llmq_relay_ear_t *ear = *bucket_of(t, id);

    while (ear && strcmp(ear->id, id) != 0) {
        ear = ear->next;
    }
    return ear;
}

apr_status_t llmq_relay_table_listen(llmq_relay_table_t *t, llmq_relay_peer_t *peer,
                                     const char *id)
{
    llmq_relay_ear_t *ear = llmq_relay_table_find(t, id);
    llmq_relay_ear_t **bucket = bucket_of(t, id);

    if (ear && ear->peer == peer) {
        return APR_SUCCESS;
    }
    if (ear) {
        llmq_relay_table_unlist(t, ear, 0);
    }
    ear = calloc(1, sizeof(*ear));
    if (!ear) {
        return APR_ENOMEM;
    }
    apr_cpystrn(ear->id, id, sizeof(ear->id));
    ear->peer = peer;
    ear->next = *bucket;
    *bucket = ear;
    APR_RING_INSERT_TAIL(&peer->ears, ear, llmq_relay_ear_t, link);
    t->n++;
    return APR_SUCCESS;
}

static void release(llmq_relay_ear_t *ear)
{
    if (!ear->peer && !ear->outs && !ear->canceled) {
        free(ear);
    }
}

void llmq_relay_table_unlist(llmq_relay_table_t *t, llmq_relay_ear_t *ear, int canceled)
{
    llmq_relay_ear_t **at = bucket_of(t, ear->id);

    while (*at != ear) {
        at = &(*at)->next;
    }
    *at = ear->next;
    APR_RING_REMOVE(ear, link);
    ear->peer = NULL;
    t->n--;
    if (canceled) {
        ear->canceled = 1;
        ear->next = t->canceled;
        t->canceled = ear;
    }
    release(ear);
}

int llmq_relay_table_next_canceled(char *id, llmq_relay_table_t *t)
{
    llmq_relay_ear_t *ear = t->canceled;

    if (!ear) {
        return 0;
    }
    t->canceled = ear->next;
    ear->canceled = 0;
    apr_cpystrn(id, ear->id, LLMQ_ID_MAX + 1);
    release(ear);
    return 1;
}

/* ---- what waits ---- */

static llmq_relay_out_t *make_out(const llmq_relay_frame_t *frame,
                                  const struct iovec *parts, int n)
{
    apr_size_t id_len = strlen(frame->id);
    llmq_relay_out_t *out = malloc(sizeof(*out) + LLMQ_RELAY_HEAD + id_len + frame->len);
    int i;

    if (!out) {
        return NULL;
    }
    llmq_relay_frame_head(out->bytes, frame);
    memcpy(out->bytes + LLMQ_RELAY_HEAD, frame->id, id_len);
    out->len = LLMQ_RELAY_HEAD + id_len;
    for (i = 0; i < n; i++) {
        if (parts[i].iov_len) {
            memcpy(out->bytes + out->len, parts[i].iov_base, parts[i].iov_len);
            out->len += parts[i].iov_len;
        }
    }
    return out;
}

apr_status_t llmq_relay_table_put(llmq_relay_table_t *t, llmq_relay_peer_t *peer,
                                  llmq_relay_ear_t *ear, const llmq_relay_frame_t *frame,
                                  const struct iovec *parts, int n)
{
    llmq_relay_out_t *out;

    if (frame->len > LLMQ_RELAY_DATA_MAX) {
        return APR_EINVAL;
    }
    out = make_out(frame, parts, n);
    if (!out) {
        return APR_ENOMEM;
    }
    out->next = NULL;
    out->ear = ear;
    if (ear) {
        ear->outs++;
        ear->pending += out->len;
    }
    *peer->last = out;
    peer->last = &out->next;
    if (!peer->told) {
        peer->told = 1;
        peer->next_told = t->told;
        t->told = peer;
    }
    return APR_SUCCESS;
}

int llmq_relay_table_gather(struct iovec *parts, int max, const llmq_relay_peer_t *peer)
{
    llmq_relay_out_t *out;
    apr_size_t skip = peer->done;
    int n = 0;

    for (out = peer->first; out && n < max; out = out->next) {
        parts[n].iov_base = out->bytes + skip;
        parts[n++].iov_len = out->len - skip;
        skip = 0;
    }
    return n;
}

static void remove_first(llmq_relay_peer_t *peer)
{
    llmq_relay_out_t *out = peer->first;

    peer->first = out->next;
    if (!peer->first) {
        peer->last = &peer->first;
    }
    if (out->ear) {
        out->ear->outs--;
        out->ear->pending -= out->len;
        release(out->ear);
    }
    free(out);
}

void llmq_relay_table_advance(llmq_relay_peer_t *peer, apr_size_t n)
{
    n += peer->done;
    while (peer->first && n >= peer->first->len) {
        n -= peer->first->len;
        remove_first(peer);
    }
    peer->done = n;
}

/* ---- peers ---- */

llmq_relay_peer_t *llmq_relay_table_add_peer(llmq_relay_table_t *t, int fd)
{
    llmq_relay_peer_t *peer = calloc(1, sizeof(*peer));

    if (peer) {
        peer->fd = fd;
        peer->last = &peer->first;
        APR_RING_INIT(&peer->ears, llmq_relay_ear_t, link);
        APR_RING_INSERT_TAIL(&t->peers, peer, llmq_relay_peer_t, link);
    }
    return peer;
}

static void untell(llmq_relay_table_t *t, const llmq_relay_peer_t *peer)
{
    llmq_relay_peer_t **at = &t->told;

    while (*at && *at != peer) {
        at = &(*at)->next_told;
    }
    if (*at) {
        *at = peer->next_told;
    }
}

void llmq_relay_table_remove_peer(llmq_relay_table_t *t, llmq_relay_peer_t *peer)
{
    while (!APR_RING_EMPTY(&peer->ears, llmq_relay_ear_t, link)) {
        llmq_relay_table_unlist(t, APR_RING_FIRST(&peer->ears), 1);
    }
    while (peer->first) {
        remove_first(peer);
    }
    untell(t, peer);
    APR_RING_REMOVE(peer, link);
    free(peer);
}

void llmq_relay_table_cleanup(llmq_relay_table_t *t)
{
    char id[LLMQ_ID_MAX + 1];
    llmq_relay_peer_t *peer;
    llmq_relay_peer_t *next;

    APR_RING_FOREACH_SAFE(peer, next, &t->peers, llmq_relay_peer_t, link)
    {
        llmq_relay_table_remove_peer(t, peer);
    }
    while (llmq_relay_table_next_canceled(id, t))
        ;
}
