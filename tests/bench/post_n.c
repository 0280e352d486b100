/* post_n PORT COUNT CONNECTIONS: post exactly COUNT messages to 127.0.0.1 over kept-alive
 * connections, one thread each; a refused message (503: the level is full) is posted
 * again after a moment. Prints {"ok","again","seconds"}. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int port, count;
static atomic_int next, ok, again;

static int connect_to(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((unsigned short)port)};
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
        close(fd);
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

static int format(char *out, size_t size, int i)
{
    static const char *const levels[] = {"realtime", "high", "normal", "low"};
    char body[512];
    int n =
        snprintf(body, sizeof(body),
                 "{\"conversation_id\":\"conv_%06d\",\"user_id\":\"user_%03d\","
                 "\"priority\":\"%s\",\"content\":\"Compare the two attached offers and "
                 "say in three sentences which one is the better choice, and why.\","
                 "\"metadata\":{\"source\":\"bench\",\"n\":%d}}",
                 i % 1000, i % 100, levels[i % 4], i);

    return snprintf(out, size,
                    "POST /api/v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                    "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
                    n, body);
}

/* Read one response; returns its status, 0 when the connection ended. */
static int response(int fd)
{
    char buf[8192];
    size_t len = 0;

    while (len < sizeof(buf) - 1) {
        ssize_t n = recv(fd, buf + len, sizeof(buf) - 1 - len, 0);
        char *head, *length;

        if (n <= 0)
            return 0;
        len += (size_t)n;
        buf[len] = '\0';
        head = strstr(buf, "\r\n\r\n");
        length = strcasestr(buf, "content-length:");
        if (head && length && len >= (size_t)(head + 4 - buf) + (size_t)atol(length + 15))
            return atoi(buf + 9);
    }
    return 0;
}

static void *poster(void *unused)
{
    int fd = -1;
    int i;

    (void)unused;
    while ((i = atomic_fetch_add(&next, 1)) < count) {
        char req[1024];
        int n = format(req, sizeof(req), i);
        int status = 0;

        while (status != 201) {
            if (fd < 0)
                fd = connect_to();
            status =
                fd >= 0 && send(fd, req, (size_t)n, MSG_NOSIGNAL) == n ? response(fd) : 0;
            if (status == 201)
                break;
            if (fd >= 0)
                close(fd); /* httpd closes after an error */
            fd = -1;
            atomic_fetch_add(&again, 1);
            usleep(2000);
        }
        atomic_fetch_add(&ok, 1);
    }
    if (fd >= 0)
        close(fd);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[1024];
    struct timespec a, b;
    int n, i;

    if (argc != 4 || (n = atoi(argv[3])) < 1 || n > 1024)
        return 2;
    port = atoi(argv[1]);
    count = atoi(argv[2]);
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (i = 0; i < n; i++)
        pthread_create(&threads[i], NULL, poster, NULL);
    for (i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    clock_gettime(CLOCK_MONOTONIC, &b);
    printf("{\"ok\":%d,\"again\":%d,\"seconds\":%.3f}\n", ok, again,
           (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9);
    return 0;
}
