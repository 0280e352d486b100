#include "support_http.h"

#include "base/json.h"

#include <check.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_MAX 65536

struct http_server_t {
    int listener;
    int port;
    pthread_t acceptor;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* any of what is under the lock */
    int stopping;           /* under lock */
    int going_on;           /* http_server_go_on() was called; under lock */
    int held;               /* connections that it concerns; under lock */
    int open;               /* connections being served; under lock */
    int connections;        /* under lock */
    int requests;           /* under lock */
};

typedef struct {
    http_server_t *server;
    int fd;
    char *request; /* NUL-terminated */
} client_t;

static int is_stopping(http_server_t *server)
{
    int stopping;

    pthread_mutex_lock(&server->lock);
    stopping = server->stopping;
    pthread_mutex_unlock(&server->lock);
    return stopping;
}

/* Waits for bytes or the peer's end; zero when the server stops. */
static int wait_for_input(client_t *c)
{
    struct pollfd pfd = {.fd = c->fd, .events = POLLIN};

    while (!is_stopping(c->server)) {
        if (poll(&pfd, 1, 20) > 0) {
            return 1;
        }
    }
    return 0;
}

static int send_bytes(client_t *c, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL);

        if (n <= 0 || is_stopping(c->server)) {
            return 0;
        }
        data += n;
        len -= (size_t)n;
    }
    return 1;
}

static int send_text(client_t *c, const char *text)
{
    return send_bytes(c, text, strlen(text));
}

/* Nothing more is sent; returns when the client leaves or the server stops. */
static int stay_silent(client_t *c)
{
    wait_for_input(c);
    return 0;
}

static int send_answer(client_t *c, const char *status, const char *headers,
                       const char *body)
{
    char head[512];

    snprintf(
        head, sizeof(head),
        "HTTP/1.1 %s\r\nContent-Type: application/json\r\n%sContent-Length: %zu\r\n\r\n",
        status, headers, strlen(body));
    return send_text(c, head) && send_text(c, body);
}

static void add_quoted_request(llmq_text_t *t, client_t *c, const char *before,
                               const char *after)
{
    llmq_text_puts(t, before);
    llmq_json_string(t, c->request, strlen(c->request));
    llmq_text_puts(t, after);
}

static int serve_echo(client_t *c)
{
    apr_pool_t *p;
    llmq_text_t t;
    int keep;

    apr_pool_create_unmanaged(&p);
    llmq_text_init(&t, 1024, p);
    add_quoted_request(&t, c,
                       "{\"model\":\"fake\",\"choices\":[{\"message\":{\"content\":",
                       "},\"finish_reason\":\"stop\"}],"
                       "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}");
    keep = send_answer(c, "200 OK", "", t.data);
    apr_pool_destroy(p);
    return keep;
}

#define STREAM_HEAD                                                                      \
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: "          \
    "chunked\r\n\r\n"
#define EVENT_1 "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"}}]}\n\n"
#define EVENT_2                                                                          \
    "data: "                                                                             \
    "{\"model\":\"fake\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"lo\"},"      \
    "\"finish_reason\":\"stop\"}]}\n\n"
#define EVENT_3                                                                          \
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\n"
#define EVENT_4 "data: [DONE]\n\n"

static int send_chunk(client_t *c, const char *data, size_t len)
{
    char head[32];

    snprintf(head, sizeof(head), "%zx\r\n", len);
    return send_text(c, head) && send_bytes(c, data, len) && send_text(c, "\r\n");
}

static int send_event(client_t *c, const char *event)
{
    return send_chunk(c, event, strlen(event));
}

/* The end comes with the last piece: a client may close the connection if it has to wait
 * for it, and this thread may stand still between two pieces. */
static int serve_stream(client_t *c)
{
    static const char last[] = EVENT_3 EVENT_4;
    char text[sizeof(last) + 32];

    snprintf(text, sizeof(text), "%zx\r\n%s\r\n0\r\n\r\n", sizeof(last) - 1, last);
    return send_text(c, STREAM_HEAD) && send_event(c, EVENT_1) && send_event(c, EVENT_2)
           && send_text(c, text);
}

static int serve_slow(client_t *c)
{
    static const char body[] = EVENT_1 EVENT_2 EVENT_3 EVENT_4;
    size_t i;

    if (!send_text(c, STREAM_HEAD)) {
        return 0;
    }
    for (i = 0; i < sizeof(body) - 1; i++) {
        if (!send_chunk(c, body + i, 1)) {
            return 0;
        }
    }
    return send_text(c, "0\r\n\r\n");
}

static int serve_linger(client_t *c)
{
    send_text(c, STREAM_HEAD);
    send_event(c, EVENT_1 EVENT_2 EVENT_3 EVENT_4);
    return stay_silent(c);
}

/* Until the client's system has all that was sent. */
static void await_delivery(client_t *c)
{
    int left = 1;

    while (!is_stopping(c->server) && ioctl(c->fd, SIOCOUTQ, &left) == 0 && left > 0) {
        usleep(1000);
    }
}

static void await_going_on(http_server_t *server)
{
    pthread_mutex_lock(&server->lock);
    server->held++;
    pthread_cond_broadcast(&server->changed);
    while (!server->going_on && !server->stopping) {
        pthread_cond_wait(&server->changed, &server->lock);
    }
    pthread_mutex_unlock(&server->lock);
}

static int serve_held(client_t *c)
{
    send_text(c, STREAM_HEAD);
    send_event(c, EVENT_1);
    await_going_on(c->server);
    send_event(c, EVENT_2 EVENT_3 EVENT_4);
    await_delivery(c);
    pthread_mutex_lock(&c->server->lock);
    c->server->held--;
    pthread_cond_broadcast(&c->server->changed);
    pthread_mutex_unlock(&c->server->lock);
    return stay_silent(c);
}

static int serve_head(client_t *c)
{
    send_text(c, STREAM_HEAD);
    return stay_silent(c);
}

static int serve_half(client_t *c)
{
    send_text(c, STREAM_HEAD);
    send_event(c, EVENT_1);
    return stay_silent(c);
}

static int serve_drop(client_t *c)
{
    (void)c;
    return 0;
}

static int serve_cut(client_t *c)
{
    send_text(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"choices\":[");
    return 0;
}

static int serve_cutstream(client_t *c)
{
    send_text(c, STREAM_HEAD);
    send_event(c, EVENT_1);
    return 0;
}

static int serve_noise(client_t *c)
{
    send_text(c, "220 mail.example ready\r\n\r\n");
    return 0;
}

static int serve_garbage(client_t *c)
{
    return send_answer(c, "200 OK", "", "<html>hello</html>");
}

static int serve_endless(client_t *c)
{
    char piece[4096];
    int i;

    memset(piece, 'a', sizeof(piece));
    send_text(c, "HTTP/1.1 200 OK\r\n\r\n{\"choices\":[{\"message\":{\"content\":\"");
    for (i = 0; send_bytes(c, piece, sizeof(piece)); i++) {
        if (i > 256) { /* who reads it all needs no memory without end at once */
            usleep(1000);
        }
    }
    return 0;
}

static int serve_busy(client_t *c)
{
    return send_answer(c, "429 Too Many Requests", "Retry-After: 7\r\n",
                       "{\"error\":{\"message\":\"slow down\"}}");
}

static int serve_date(client_t *c)
{
    char header[128];
    struct tm tm;
    time_t when = time(NULL) + 3600;

    strftime(header, sizeof(header), "Retry-After: %a, %d %b %Y %H:%M:%S GMT\r\n",
             gmtime_r(&when, &tm));
    return send_answer(c, "503 Service Unavailable", header, "");
}

static int serve_forever(client_t *c)
{
    return send_answer(c, "429 Too Many Requests", "Retry-After: 99999999999\r\n", "{}");
}

static int serve_leak(client_t *c)
{
    apr_pool_t *p;
    llmq_text_t t;
    int keep;

    apr_pool_create_unmanaged(&p);
    llmq_text_init(&t, 1024, p);
    add_quoted_request(&t, c, "{\"error\":{\"message\":", "}}");
    keep = send_answer(c, "401 Unauthorized", "", t.data);
    apr_pool_destroy(p);
    return keep;
}

static int serve_cuterror(client_t *c)
{
    send_text(c, "HTTP/1.1 500 Oops\r\nContent-Length: 1000\r\n\r\n{\"error\":");
    return 0;
}

static int serve_redirect(client_t *c)
{
    return send_answer(c, "307 Temporary Redirect",
                       "Location: /echo/v1/chat/completions\r\n", "");
}

static const struct {
    const char *name;
    int (*serve)(client_t *c); /* non-zero: the connection is kept */
} ways[] = {
    {"echo", serve_echo},           {"slow", serve_slow},
    {"stream", serve_stream},       {"linger", serve_linger},
    {"stall", stay_silent},         {"head", serve_head},
    {"held", serve_held},           {"half", serve_half},
    {"drop", serve_drop},           {"cut", serve_cut},
    {"cutstream", serve_cutstream}, {"noise", serve_noise},
    {"garbage", serve_garbage},     {"endless", serve_endless},
    {"busy", serve_busy},           {"date", serve_date},
    {"forever", serve_forever},     {"leak", serve_leak},
    {"cuterror", serve_cuterror},   {"redirect", serve_redirect},
};

static int request_is_whole(const char *request, size_t len)
{
    const char *end = strstr(request, "\r\n\r\n");
    const char *length = strcasestr(request, "\r\nContent-Length:");

    if (!end) {
        return 0;
    }
    return len >= (size_t)(end + 4 - request)
                      + (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
}

static int read_request(client_t *c)
{
    size_t len = 0;

    c->request[0] = '\0';
    while (len == 0 || !request_is_whole(c->request, len)) {
        ssize_t n;

        if (!wait_for_input(c)) {
            return 0;
        }
        n = recv(c->fd, c->request + len, REQUEST_MAX - len, 0);
        if (n <= 0) {
            return 0;
        }
        len += (size_t)n;
        c->request[len] = '\0';
    }
    pthread_mutex_lock(&c->server->lock);
    c->server->requests++;
    pthread_cond_broadcast(&c->server->changed);
    pthread_mutex_unlock(&c->server->lock);
    return 1;
}

static int serve_request(client_t *c)
{
    char name[32] = "";
    size_t i;

    if (sscanf(c->request, "POST /%31[a-z]/v1/chat/completions HTTP/1.1", name) != 1)
        sscanf(c->request, "GET /%31[a-z]/v1/models HTTP/1.1", name);
    for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (strcmp(ways[i].name, name) == 0) {
            return ways[i].serve(c);
        }
    }
    return send_answer(c, "404 Not Found", "", "{\"message\":\"no such way\"}");
}

static void *serve_connection(void *data)
{
    client_t *c = data;
    http_server_t *server = c->server;

    c->request = malloc(REQUEST_MAX + 1);
    while (read_request(c) && serve_request(c)) {
    }
    close(c->fd);
    free(c->request);
    free(c);
    pthread_mutex_lock(&server->lock);
    server->open--;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

static void begin_connection(http_server_t *server, int fd)
{
    client_t *c = calloc(1, sizeof(*c));
    pthread_t thread;
    int on = 1;

    /* Answers go out in small pieces, which must not wait for the client's delayed ACK. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    c->server = server;
    c->fd = fd;
    pthread_mutex_lock(&server->lock);
    server->open++;
    server->connections++;
    pthread_mutex_unlock(&server->lock);
    ck_assert_int_eq(pthread_create(&thread, NULL, serve_connection, c), 0);
    pthread_detach(thread);
}

static void *accept_connections(void *data)
{
    http_server_t *server = data;

    while (!is_stopping(server)) {
        int fd = accept(server->listener, NULL, NULL);

        if (fd >= 0) {
            begin_connection(server, fd);
        }
        else if (errno == EMFILE) {
            usleep(1000);
        }
    }
    return NULL;
}

http_server_t *http_server_start(apr_pool_t *p)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(addr);
    http_server_t *server = apr_pcalloc(p, sizeof(*server));

    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->changed, NULL);
    server->listener = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(server->listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
    ck_assert_int_eq(listen(server->listener, 512), 0);
    getsockname(server->listener, (struct sockaddr *)&addr, &size);
    server->port = ntohs(addr.sin_port);
    ck_assert_int_eq(pthread_create(&server->acceptor, NULL, accept_connections, server),
                     0);
    return server;
}

void http_server_stop(http_server_t *server)
{
    pthread_mutex_lock(&server->lock);
    server->stopping = 1;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->acceptor, NULL);
    close(server->listener);
    pthread_mutex_lock(&server->lock);
    while (server->open > 0) {
        pthread_cond_wait(&server->changed, &server->lock);
    }
    pthread_mutex_unlock(&server->lock);
}

int http_server_port(const http_server_t *server)
{
    return server->port;
}

static int read_counter(http_server_t *server, const int *counter)
{
    int n;

    pthread_mutex_lock(&server->lock);
    n = *counter;
    pthread_mutex_unlock(&server->lock);
    return n;
}

int http_server_connections(http_server_t *server)
{
    return read_counter(server, &server->connections);
}

int http_server_requests(http_server_t *server)
{
    return read_counter(server, &server->requests);
}

void http_server_await(http_server_t *server, int requests)
{
    pthread_mutex_lock(&server->lock);
    while (server->requests < requests) {
        pthread_cond_wait(&server->changed, &server->lock);
    }
    pthread_mutex_unlock(&server->lock);
}

void http_server_go_on(http_server_t *server)
{
    pthread_mutex_lock(&server->lock);
    while (server->held == 0) {
        pthread_cond_wait(&server->changed, &server->lock);
    }
    server->going_on = 1;
    pthread_cond_broadcast(&server->changed);
    while (server->held > 0) {
        pthread_cond_wait(&server->changed, &server->lock);
    }
    pthread_mutex_unlock(&server->lock);
}
