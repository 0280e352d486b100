#include "support.h"

#include "relay_support.h"

#include <apr_strings.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

char relay_path[64];

static struct sockaddr_un address(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    apr_snprintf(relay_path, sizeof(relay_path), "/tmp/llmq-relay-test.%d",
                 (int)getpid());
    apr_cpystrn(a.sun_path, relay_path, sizeof(a.sun_path));
    return a;
}

static apr_status_t remove_path(void *data)
{
    (void)data;
    unlink(relay_path);
    return APR_SUCCESS;
}

int relay_door(void)
{
    struct sockaddr_un a = address();
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    unlink(relay_path);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    ck_assert_int_eq(listen(fd, 64), 0);
    apr_pool_cleanup_register(test_pool, NULL, remove_path, apr_pool_cleanup_null);
    return fd;
}

int relay_child(void)
{
    struct sockaddr_un a = address();
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

void relay_say(int fd, llmq_relay_type_e type, const char *id)
{
    llmq_relay_frame_t frame = {.type = type};
    char bytes[LLMQ_RELAY_HEAD + LLMQ_ID_MAX + 1];
    size_t len = LLMQ_RELAY_HEAD + strlen(id);

    apr_cpystrn(frame.id, id, sizeof(frame.id));
    llmq_relay_frame_head(bytes, &frame);
    memcpy(bytes + LLMQ_RELAY_HEAD, id, strlen(id));
    ck_assert_int_eq(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

static int read_all(int fd, char *to, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = recv(fd, to + done, len - done, 0);

        if (n == 0 || (n < 0 && errno != EINTR)) {
            return 0;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return 1;
}

llmq_relay_type_e relay_hear(int fd, char id[LLMQ_ID_MAX + 1], char data[256])
{
    char head[LLMQ_RELAY_HEAD];
    apr_uint32_t len;
    apr_size_t i;

    if (!read_all(fd, head, sizeof(head))) {
        return 0;
    }
    memcpy(&len, head, 4);
    len -= LLMQ_RELAY_HEAD - 4 + (apr_uint32_t)head[6];
    read_all(fd, id, (size_t)head[6]);
    id[(size_t)head[6]] = '\0';
    for (i = 0; i < len; i++) {
        read_all(fd, &data[i < 255 ? i : 255], 1);
    }
    data[i < 255 ? i : 255] = '\0';
    return (llmq_relay_type_e)head[5];
}

int relay_patience(int *rounds)
{
    usleep(2000);
    return ++*rounds < 30000; /* a minute */
}
