/* A backend that costs next to nothing: OpenAI's chat completions on 127.0.0.1, one thread, one
 * epoll set.
 *
 *   fake_llm PORT [TOKENS [PER_SECOND]]
 *     A request with "stream":true is answered with TOKENS (100) pieces of one word each,
 *     PER_SECOND (20) of them a second to each client, the usage, if it was asked for, and
 *     [DONE]; any other at once with an answer that was made in advance.
 *
 * It understands what httpd, curl and wrk send: requests with Content-Length, one after the
 * other on a connection that is kept. Ends with a signal. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_MAX 65536
#define AT_A_LOOK   256
#define TICK        10000 /* µs: streams are looked after so often */
#define CHUNK                                                                            \
    "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,"         \
    "\"model\":\"fake\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word%d \"},"  \
    "\"finish_reason\":null}]}"
#define LAST                                                                             \
    "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,"         \
    "\"model\":\"fake\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":"       \
    "\"stop\"}]}"
#define USAGE                                                                            \
    "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,"         \
    "\"model\":\"fake\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,"                  \
    "\"completion_tokens\":%d,\"total_tokens\":%d}}"
#define WHOLE                                                                            \
    "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1,"               \
    "\"model\":\"fake\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","  \
    "\"content\":\"The first offer is the better one: it costs less and comes "          \
    "sooner.\"},"                                                                        \
    "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":36,\"completion_"         \
    "tokens\":14,"                                                                       \
    "\"total_tokens\":50}}"

typedef struct peer {
    int fd;
    int said;        /* pieces of the answer under way */
    int wants_usage; /* of that answer */
    long long begun; /* of that answer; 0: none is under way */
    size_t len;
    char text[REQUEST_MAX + 1];
    struct peer *prev, *next; /* among those that stream */
} peer_t;

static int set, tokens = 100, per_second = 20;
static peer_t streams = {.prev = &streams, .next = &streams};

static long long now_usec(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

/* ---- streams ---- */

static void leave(peer_t *p)
{
    if (p->begun) {
        p->prev->next = p->next;
        p->next->prev = p->prev;
        p->begun = 0;
    }
}

static void hang_up(peer_t *p)
{
    leave(p);
    close(p->fd);
    free(p);
}

/* What does not fit the socket is lost: then the client is not one to be measured. */
static int say(const peer_t *p, const char *text, int len)
{
    return send(p->fd, text, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT) == len;
}

/* One event is one chunk of HTTP. */
static int add_event(char *to, const char *data)
{
    return sprintf(to, "%zx\r\ndata: %s\n\n\r\n", strlen(data) + 8, data);
}

static int end_stream(peer_t *p)
{
    char data[512];
    char text[2048];
    int len = add_event(text, LAST);

    if (p->wants_usage) {
        sprintf(data, USAGE, tokens, tokens + 9);
        len += add_event(text + len, data);
    }
    len += add_event(text + len, "[DONE]");
    len += sprintf(text + len, "0\r\n\r\n");
    leave(p);
    return say(p, text, len);
}

/* All the pieces whose time has come. */
static int go_on(peer_t *p, long long now)
{
    long long due = (now - p->begun) * per_second / 1000000 + 1;
    char data[512];
    char text[1024];

    for (; p->said < due && p->said < tokens; p->said++) {
        sprintf(data, CHUNK, p->said);
        if (!say(p, text, add_event(text, data)))
            return 0;
    }
    return p->said < tokens || end_stream(p);
}

static long long go_on_all(long long now)
{
    peer_t *p = streams.next;

    while (p != &streams) {
        peer_t *next = p->next;

        if (!go_on(p, now))
            hang_up(p);
        p = next;
    }
    return now + TICK;
}

static int begin_stream(peer_t *p, const char *body)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n";

    p->wants_usage = strstr(body, "\"include_usage\":true") != NULL;
    p->said = 0;
    p->begun = now_usec();
    p->prev = streams.prev;
    p->next = &streams;
    p->prev->next = p->next->prev = p;
    return say(p, head, sizeof(head) - 1) && go_on(p, p->begun);
}

/* ---- requests ---- */

static int answer(peer_t *p, const char *body)
{
    static char whole[2048];
    static int len;

    if (!len)
        len = sprintf(whole,
                      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                      "Content-Length: %zu\r\n\r\n%s",
                      strlen(WHOLE), WHOLE);
    return strstr(body, "\"stream\":true") ? begin_stream(p, body) : say(p, whole, len);
}

/* @return bytes of the request, 0: it is not complete */
static size_t length_of(const char *text, const char **pbody)
{
    const char *end = strstr(text, "\r\n\r\n");
    const char *field = end ? strcasestr(text, "\ncontent-length:") : NULL;
    size_t len = field && field < end ? strtoul(field + 16, NULL, 10) : 0;

    *pbody = end ? end + 4 : NULL;
    return end ? (size_t)(*pbody - text) + len : 0;
}

static int take_requests(peer_t *p)
{
    const char *body;
    size_t len;

    while ((len = length_of(p->text, &body)) && len <= p->len) {
        char next = p->text[len];

        p->text[len] = '\0';
        if (p->begun || !answer(p, body))
            return 0;
        p->text[len] = next;
        p->len -= len;
        memmove(p->text, p->text + len, p->len + 1);
    }
    return p->len < REQUEST_MAX;
}

static void hear(peer_t *p)
{
    ssize_t n = recv(p->fd, p->text + p->len, REQUEST_MAX - p->len, MSG_DONTWAIT);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n > 0) {
        p->len += (size_t)n;
        p->text[p->len] = '\0';
    }
    if (n <= 0 || !take_requests(p))
        hang_up(p);
}

static void greet(int door)
{
    int one = 1;
    int fd;

    while ((fd = accept4(door, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        peer_t *p = malloc(sizeof(*p));
        struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = p}};

        if (!p) {
            close(fd);
            return;
        }
        memset(p, 0, offsetof(peer_t, text) + 1);
        p->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
    }
}

static int open_door(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((unsigned short)port),
                             .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    struct epoll_event event = {.events = EPOLLIN};
    int door = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int one = 1;

    setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(door, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(door, 4096) != 0) {
        perror("fake_llm");
        exit(1);
    }
    epoll_ctl(set, EPOLL_CTL_ADD, door, &event);
    return door;
}

static void serve(int door)
{
    struct epoll_event seen[AT_A_LOOK];
    long long due = 0;

    for (;;) {
        int n = epoll_wait(set, seen, AT_A_LOOK, streams.next == &streams ? -1 : 1);
        long long now;
        int i;

        for (i = 0; i < n; i++) {
            if (seen[i].data.ptr)
                hear(seen[i].data.ptr);
            else
                greet(door);
        }
        now = now_usec();
        if (now >= due)
            due = go_on_all(now);
    }
}

int main(int argc, char **argv)
{
    struct rlimit files;

    if (argc < 2) {
        fprintf(stderr, "usage: see the head of fake_llm.c\n");
        return 2;
    }
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    tokens = argc > 2 ? atoi(argv[2]) : tokens;
    per_second = argc > 3 ? atoi(argv[3]) : per_second;
    set = epoll_create1(0);
    serve(open_door(atoi(argv[1])));
}
