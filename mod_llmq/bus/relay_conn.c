#include "bus/relay_conn.h"

#include <apr_strings.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define IN_FIRST  (16 * 1024)
#define IN_KEPT   (256 * 1024)  /* a larger buffer is not kept */
#define READ_MOST (1024 * 1024) /* then others have their turn */
#define OUT_FIRST 1024

/* ---- life ---- */

static apr_status_t connect_to(int *pfd, const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    apr_status_t rv = APR_SUCCESS;

    if (fd < 0) {
        return errno;
    }
    apr_cpystrn(to.sun_path, path, sizeof(to.sun_path));
    if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0) {
        rv = errno;
        close(fd);
        return rv;
    }
    *pfd = fd;
    return APR_SUCCESS;
}

static void watch(llmq_relay_conn_t *conn, int op, uint32_t events)
{
    struct epoll_event event = {.events = events, .data = {.ptr = conn}};

    epoll_ctl(conn->epoll, op, conn->fd, &event);
}

apr_status_t llmq_relay_conn_open(llmq_relay_conn_t **pconn, const char *path, int epoll)
{
    llmq_relay_conn_t *conn = calloc(1, sizeof(*conn));
    apr_status_t rv = conn ? connect_to(&conn->fd, path) : APR_ENOMEM;

    if (rv != APR_SUCCESS) {
        free(conn);
        return rv;
    }
    conn->epoll = epoll;
    watch(conn, EPOLL_CTL_ADD, EPOLLIN);
    *pconn = conn;
    return APR_SUCCESS;
}

void llmq_relay_conn_close(llmq_relay_conn_t *conn)
{
    watch(conn, EPOLL_CTL_DEL, 0);
    close(conn->fd);
    free(conn->in);
    free(conn->out);
    free(conn);
}

/* ---- out ---- */

static apr_status_t make_room(char **buffer, apr_size_t *size, apr_size_t need,
                              apr_size_t first)
{
    apr_size_t more = *size ? *size : first;
    char *grown;

    while (more < need) {
        more *= 2;
    }
    if (more == *size) {
        return APR_SUCCESS;
    }
    grown = realloc(*buffer, more);
    if (!grown) {
        return APR_ENOMEM;
    }
    *buffer = grown;
    *size = more;
    return APR_SUCCESS;
}

apr_status_t llmq_relay_conn_say(llmq_relay_conn_t *conn, llmq_relay_type_e type,
                                 const char *id)
{
    llmq_relay_frame_t frame = {.type = type};
    apr_size_t id_len;
    apr_status_t rv;

    apr_cpystrn(frame.id, id, sizeof(frame.id));
    id_len = strlen(frame.id);
    rv = make_room(&conn->out, &conn->out_size, conn->n_out + LLMQ_RELAY_HEAD + id_len,
                   OUT_FIRST);
    if (rv == APR_SUCCESS) {
        llmq_relay_frame_head(conn->out + conn->n_out, &frame);
        memcpy(conn->out + conn->n_out + LLMQ_RELAY_HEAD, frame.id, id_len);
        conn->n_out += LLMQ_RELAY_HEAD + id_len;
    }
    return rv;
}

/* @return bytes that were written; 0: it takes none; -1: broken */
static ssize_t write_some(const llmq_relay_conn_t *conn)
{
    ssize_t n;

    do {
        n = send(conn->fd, conn->out + conn->done, conn->n_out - conn->done,
                 MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    return n < 0 && errno == EAGAIN ? 0 : n;
}

static void wait_for_room(llmq_relay_conn_t *conn, int full)
{
    if (conn->full != full) {
        conn->full = (char)full;
        watch(conn, EPOLL_CTL_MOD, full ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
}

apr_status_t llmq_relay_conn_flush(llmq_relay_conn_t *conn)
{
    ssize_t n = 1;

    while (conn->done < conn->n_out && (n = write_some(conn)) > 0) {
        conn->done += (apr_size_t)n;
    }
    if (n < 0) {
        shutdown(conn->fd, SHUT_RDWR);
        return APR_ECONNABORTED;
    }
    if (conn->done == conn->n_out) {
        conn->done = conn->n_out = 0;
    }
    wait_for_room(conn, conn->n_out > 0);
    return APR_SUCCESS;
}

/* ---- in ---- */

/* @return APR_SUCCESS; APR_EAGAIN nothing now; other: broken */
static apr_status_t read_some(llmq_relay_conn_t *conn)
{
    ssize_t n;

    do {
        n = recv(conn->fd, conn->in + conn->n_in, conn->in_size - conn->n_in,
                 MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return errno;
    }
    conn->n_in += (apr_size_t)n;
    return n ? APR_SUCCESS : APR_EOF;
}

/* @param pneed out: bytes of the frame that is not whole yet */
static apr_status_t tell_whole(llmq_relay_conn_t *conn, apr_size_t *pneed,
                               llmq_relay_conn_fn_t *fn, void *ctx)
{
    llmq_relay_frame_t frame;
    apr_size_t done = 0;
    apr_status_t rv;

    for (;;) {
        rv = llmq_relay_frame_parse(&frame, pneed, conn->in + done, conn->n_in - done);
        if (rv != APR_SUCCESS) {
            break;
        }
        fn(ctx, conn, &frame);
        done += *pneed;
    }
    conn->n_in -= done;
    memmove(conn->in, conn->in + done, conn->n_in);
    return rv == APR_EAGAIN ? APR_SUCCESS : rv;
}

static void shrink(llmq_relay_conn_t *conn)
{
    if (!conn->n_in && conn->in_size > IN_KEPT) {
        free(conn->in);
        conn->in = NULL;
        conn->in_size = 0;
    }
}

apr_status_t llmq_relay_conn_read(llmq_relay_conn_t *conn, llmq_relay_conn_fn_t *fn,
                                  void *ctx)
{
    apr_size_t total = 0;
    apr_size_t need = 0;
    apr_status_t rv;

    do {
        apr_size_t before = conn->n_in;

        rv = make_room(&conn->in, &conn->in_size, need > before ? need : before + 1,
                       IN_FIRST);
        if (rv == APR_SUCCESS) {
            rv = read_some(conn);
        }
        if (rv == APR_SUCCESS) {
            total += conn->n_in - before;
            rv = tell_whole(conn, &need, fn, ctx);
        }
    } while (rv == APR_SUCCESS && total < READ_MOST);
    shrink(conn);
    return APR_STATUS_IS_EAGAIN(rv) ? APR_SUCCESS : rv;
}
