#include "support.h"

#include "base/clock.h"
#include "base/log.h"
#include "bus/bus_redis.h"
#include "bus/bus_wire.h"

#include <apr_strings.h>
#include <apr_thread_proc.h>

#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RING  ((apr_size_t)64 * 1024)
#define CONNS 16

/* ---- a server that knows what the link needs of Redis ---- */

typedef struct {
    int fd; /* 0: free */
    int subscribed;
    apr_size_t len;
    char text[200000];
} conn_t;

static struct {
    int listener;
    int port;
    int keeper; /* has the port, too, so that nobody else gets it while nobody listens */
    apr_thread_t *thread;
    const char *password; /* that it wants; NULL: none */
    atomic_int ended;
    atomic_int mute; /* reads, and says nothing */
    conn_t conn[CONNS];
} fake;

static void say(conn_t *c, const void *data, apr_size_t len)
{
    if (!atomic_load(&fake.mute) && write(c->fd, data, len) < 0)
        c->subscribed = 0;
}

static void say_text(conn_t *c, const char *text)
{
    say(c, text, strlen(text));
}

static void broadcast(const char *channel, const char *data, apr_size_t len)
{
    char head[200];
    int i;

    snprintf(head, sizeof(head), "*3\r\n$7\r\nmessage\r\n$%zu\r\n%s\r\n$%zu\r\n",
             strlen(channel), channel, (size_t)len);
    for (i = 0; i < CONNS; i++) {
        if (fake.conn[i].fd && fake.conn[i].subscribed) {
            say_text(&fake.conn[i], head);
            say(&fake.conn[i], data, len);
            say_text(&fake.conn[i], "\r\n");
        }
    }
}

static void obey(conn_t *c, char *const word[], const apr_size_t len[])
{
    if (!strcmp(word[0], "AUTH"))
        say_text(c, fake.password && !strcmp(word[1], fake.password) ? "+OK\r\n"
                                                                     : "-WRONGPASS\r\n");
    else if (!strcmp(word[0], "PING"))
        say_text(c, c->subscribed ? "*2\r\n$4\r\npong\r\n$0\r\n\r\n" : "+PONG\r\n");
    else if (!strcmp(word[0], "SUBSCRIBE")) {
        c->subscribed = 1;
        say_text(c, "*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n");
    }
    else {
        say_text(c, ":1\r\n");
        broadcast(word[1], word[2], len[2]);
    }
}

/* @return bytes of a whole command, which was obeyed; 0: it is not whole yet */
static apr_size_t obey_first(conn_t *c)
{
    char *at = c->text, *end = c->text + c->len, *word[3] = {0};
    apr_size_t len[3] = {0};
    int i, n;

    if (!memchr(at, '\n', c->len))
        return 0;
    n = (int)strtol(at + 1, &at, 10);
    at += 2;
    for (i = 0; i < n && i < 3; i++) {
        if (at >= end || !memchr(at, '\n', (apr_size_t)(end - at)))
            return 0;
        len[i] = strtoul(at + 1, &at, 10);
        word[i] = at + 2;
        at += 2 + len[i] + 2;
    }
    if (at > end)
        return 0;
    for (i = 0; i < n && i < 3; i++)
        word[i][len[i]] = '\0';
    obey(c, word, len);
    return (apr_size_t)(at - c->text);
}

static void serve(conn_t *c)
{
    ssize_t n = read(c->fd, c->text + c->len, sizeof(c->text) - c->len - 1);
    apr_size_t done;

    if (n <= 0) {
        close(c->fd);
        c->fd = 0;
        return;
    }
    c->len += (apr_size_t)n;
    c->text[c->len] = '\0';
    while (c->len > 0 && (done = obey_first(c)) > 0) {
        memmove(c->text, c->text + done, c->len - done);
        c->len -= done;
    }
}

static void admit(void)
{
    int i = 0, fd = accept(fake.listener, NULL, NULL);

    if (fd < 0)
        return;
    while (i < CONNS && fake.conn[i].fd)
        i++;
    memset(&fake.conn[i], 0, sizeof(conn_t));
    fake.conn[i].fd = fd;
}

static void *APR_THREAD_FUNC run_fake(apr_thread_t *thread, void *data)
{
    int i;

    (void)thread;
    (void)data;
    while (!atomic_load(&fake.ended)) {
        struct pollfd fds[CONNS + 1] = {{.fd = fake.listener, .events = POLLIN}};

        for (i = 0; i < CONNS; i++) {
            fds[i + 1].fd = fake.conn[i].fd ? fake.conn[i].fd : -1;
            fds[i + 1].events = POLLIN;
        }
        poll(fds, CONNS + 1, 10);
        for (i = 0; i < CONNS; i++) {
            if (fds[i + 1].fd > 0 && fds[i + 1].revents)
                serve(&fake.conn[i]);
        }
        if (fds[0].revents)
            admit();
    }
    for (i = 0; i < CONNS; i++) {
        if (fake.conn[i].fd)
            close(fake.conn[i].fd);
    }
    close(fake.listener);
    memset(fake.conn, 0, sizeof(fake.conn));
    return NULL;
}

/* @return a socket at fake.port, which is a free one at first */
static int bind_fake(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((short)fake.port)};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int yes = 1;

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, len), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    fake.port = ntohs(at.sin_port);
    return fd;
}

static void start_fake(void)
{
    if (!fake.port)
        fake.keeper = bind_fake();
    fake.listener = bind_fake();
    ck_assert_int_eq(listen(fake.listener, 5), 0);
    atomic_store(&fake.ended, 0);
    ck_assert_int_eq(apr_thread_create(&fake.thread, NULL, run_fake, NULL, test_pool),
                     APR_SUCCESS);
}

static void stop_fake(void)
{
    apr_status_t rv;

    atomic_store(&fake.ended, 1);
    apr_thread_join(&rv, fake.thread);
}

/* ---- a node ---- */

typedef struct {
    llmq_bus_t *bus;
    llmq_bus_redis_t *link;
    llmq_bus_reader_t *reader;
    llmq_redis_conf_t conf;
    int heard;
    int missed;
    int marks;
    llmq_event_t last;
} node_t;

#define MARK 999 /* a topic of settle()'s */

static void hear(void *ctx, const llmq_event_t *event)
{
    node_t *n = ctx;

    if (event->topic == MARK) {
        n->marks += event->foreign != 0;
        return;
    }
    n->heard++;
    n->last = *event;
}

static node_t *node_of(const char *name)
{
    node_t *n = apr_pcalloc(test_pool, sizeof(*n));
    void *memory = test_shared(llmq_bus_size(RING));

    ck_assert_int_eq(llmq_bus_create(&n->bus, memory, RING, 3, test_pool), APR_SUCCESS);
    ck_assert_int_eq(llmq_bus_attach(&n->reader, n->bus, test_pool), APR_SUCCESS);
    llmq_bus_want(n->reader, 1);
    n->conf.host = "127.0.0.1";
    n->conf.port = fake.port;
    n->conf.prefix = "t";
    n->conf.timeout = apr_time_from_sec(60);
    ck_assert_int_eq(llmq_bus_redis_create(&n->link, n->bus, &n->conf, name, test_pool),
                     APR_SUCCESS);
    return n;
}

static void step(node_t *n)
{
    llmq_bus_redis_step(n->link, 2000);
    llmq_bus_read(&n->missed, n->reader, hear, n, 1000);
}

static int is_linked(const node_t *n)
{
    llmq_bus_stats_t stats;

    llmq_bus_stats(&stats, n->bus);
    return stats.linked;
}

/* @return non-zero if @a what has become so */
#define UNTIL(what, ...)                                                                 \
    do {                                                                                 \
        apr_time_t end = apr_time_now() + apr_time_from_sec(60);                         \
        while (!(what) && apr_time_now() < end) {                                        \
            __VA_ARGS__;                                                                 \
        }                                                                                \
        ck_assert_msg(what, "never: " #what);                                            \
    } while (0)

static node_t *linked_node(const char *name)
{
    node_t *n = node_of(name);

    UNTIL(is_linked(n), step(n));
    step(n);
    n->missed = 0;
    return n;
}

/* What one has told before this mark the other has heard with it. */
static void mark(node_t *from, node_t *to)
{
    llmq_event_t e = {.topic = MARK, .what = LLMQ_EVENT_CHANGED};
    int before = to->marks;

    llmq_bus_publish(from->bus, &e, 1);
    UNTIL(to->marks > before, step(from); step(to));
}

/* Everything that is under way has come, and who was told to look has been shaken, which is
 * put off for a tenth of a second after the time before. */
static void settle_on(node_t *a, node_t *b)
{
    apr_time_t marked;

    mark(a, b);
    mark(b, a);
    marked = apr_time_now();
    while (apr_time_now() - marked < apr_time_from_msec(200)) {
        step(a);
        step(b);
    }
    step(a);
    step(b);
}

static void settle(node_t *a, node_t *b)
{
    settle_on(a, b);
    a->missed = b->missed = 0;
}

static void begin(void)
{
    signal(SIGPIPE, SIG_IGN);
    start_fake();
}

/* Warnings are wanted here, but not in the output. */
static atomic_int warnings;

static void count(void *ctx, llmq_log_level_e level, const char *file, int line,
                  apr_status_t rv, const char *text)
{
    (void)ctx;
    (void)file;
    (void)line;
    (void)rv;
    (void)text;
    if (level <= LLMQ_LOG_WARNING)
        atomic_fetch_add(&warnings, 1);
}

START_TEST(what_one_tells_the_other_hears)
{
    llmq_event_t e = {9, 4, "{\"a\":1}", 7, LLMQ_EVENT_GROWN, 0};
    llmq_bus_stats_t stats;
    node_t *a, *b;

    begin();
    a = linked_node("a");
    b = linked_node("b");
    settle(a, b);
    a->heard = 0;
    llmq_bus_publish(a->bus, &e, 1);
    UNTIL(b->heard == 1, step(a); step(b));
    ck_assert(b->last.foreign);
    ck_assert_uint_eq(b->last.topic, 9);
    ck_assert_int_eq(b->last.seq, 4);
    settle(a, b);
    ck_assert_int_eq(a->heard, 1);
    ck_assert_int_eq(b->heard, 1);
    ck_assert(!a->last.foreign);
    llmq_bus_stats(&stats, a->bus);
    ck_assert_uint_eq(stats.foreign, a->marks);
    stop_fake();
}
END_TEST

START_TEST(many_arrive_in_order)
{
    char *data = malloc(8000);
    llmq_event_t e = {9, 0, data, 8000, LLMQ_EVENT_GROWN, 0};
    node_t *a, *b;
    int i;

    memset(data, ' ', 8000);
    data[0] = '{';
    data[7999] = '}';
    begin();
    a = linked_node("a");
    b = linked_node("b");
    settle(a, b);
    for (i = 1; i <= 300; i++) {
        e.seq = i;
        llmq_bus_publish(a->bus, &e, 1);
        /* Not so many at once that all wait for all with full sockets, or the ring overruns. */
        UNTIL(b->heard >= i - 5, step(a); step(b));
    }
    UNTIL(b->heard == 300, step(a); step(b));
    ck_assert_int_eq(b->last.seq, 300);
    ck_assert_int_eq(b->missed, 0);
    free(data);
    stop_fake();
}
END_TEST

START_TEST(what_one_missed_the_others_look_for)
{
    llmq_event_t e = {9, 4, NULL, 0, LLMQ_EVENT_GROWN, 0};
    node_t *a, *b, *c;
    int i;

    begin();
    a = linked_node("a");
    b = linked_node("b");
    settle(a, b);
    for (i = 0; i < 5000; i++)
        llmq_bus_publish(a->bus, &e, 1);
    UNTIL(b->missed, step(a); step(b));
    settle(a, b);
    c = linked_node("c"); /* comes along: it may have told what nobody heard */
    UNTIL(a->missed && b->missed, step(a); step(b); step(c));
    settle(a, b);
    settle_on(a, b);
    ck_assert_int_eq(a->missed | b->missed, 0);
    stop_fake();
}
END_TEST

START_TEST(a_lost_link_comes_back)
{
    llmq_event_t e = {9, 4, NULL, 0, LLMQ_EVENT_GROWN, 0};
    node_t *a;

    llmq_log_set_sink(count, NULL, LLMQ_LOG_WARNING);
    begin();
    a = linked_node("a");
    stop_fake();
    UNTIL(!is_linked(a), step(a));
    step(a);
    ck_assert_int_ne(a->missed, 0);
    ck_assert_int_eq(atomic_load(&warnings), 1);
    llmq_bus_want(a->reader, 0);
    ck_assert(!llmq_bus_is_wanted(a->bus));
    llmq_bus_want(a->reader, 1);
    step(a);
    a->missed = 0;
    start_fake();
    UNTIL(is_linked(a), step(a));
    step(a);
    ck_assert_int_ne(a->missed, 0);
    llmq_bus_publish(a->bus, &e, 1);
    step(a);
    ck_assert_int_eq(a->heard, 1);
    stop_fake();
}
END_TEST

START_TEST(a_silent_server_is_left)
{
    node_t *a;

    llmq_log_set_sink(count, NULL, LLMQ_LOG_WARNING);
    begin();
    a = linked_node("a");
    atomic_store(&fake.mute, 1);
    llmq_clock_set(apr_time_now() + apr_time_from_sec(10));
    UNTIL(is_linked(a), step(a)); /* it is asked now */
    step(a);
    llmq_clock_set(llmq_clock_now() + a->conf.timeout + apr_time_from_sec(10));
    UNTIL(!is_linked(a), step(a));
    stop_fake();
}
END_TEST

START_TEST(a_wrong_password_links_nothing)
{
    node_t *a;

    llmq_log_set_sink(count, NULL, LLMQ_LOG_WARNING);
    fake.password = "right";
    begin();
    a = node_of("a");
    a->conf.password = "wrong";
    step(a);
    ck_assert(!is_linked(a));
    ck_assert_int_eq(atomic_load(&warnings), 1);
    a->conf.password = "right";
    UNTIL(is_linked(a), step(a));
    stop_fake();
}
END_TEST

/* Says something on the channel as anybody may. */
static void shout(const void *data, apr_size_t len)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((short)fake.port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    char text[1000];
    int n;

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    n = snprintf(text, sizeof(text), "*3\r\n$7\r\nPUBLISH\r\n$8\r\nt:events\r\n$%zu\r\n",
                 (size_t)len);
    memcpy(text + n, data, len);
    memcpy(text + n + len, "\r\n", 2);
    ck_assert_int_gt(write(fd, text, (size_t)n + len + 2), 0);
    ck_assert_int_gt(read(fd, text, sizeof(text)), 0);
    close(fd);
}

START_TEST(what_is_no_frame_is_dropped)
{
    llmq_event_t e = {9, 4, "{}", 2, LLMQ_EVENT_GROWN, 0};
    llmq_bus_wire_t *w = apr_palloc(test_pool, sizeof(*w));
    node_t *a;

    llmq_log_set_sink(count, NULL, LLMQ_LOG_WARNING);
    begin();
    a = linked_node("a");
    shout("\1", 1);
    shout("\1\1b\1hello", 9);
    UNTIL(atomic_load(&warnings) == 1, step(a));
    llmq_bus_wire_begin(w, "a");
    llmq_bus_wire_add(w, &e);
    shout(w->data, w->len); /* as if it were our own */
    shout("\2from the future", 16);
    UNTIL(a->missed, step(a));
    ck_assert_int_eq(a->heard, 0);
    ck_assert(is_linked(a));
    llmq_bus_wire_begin(w, "b");
    llmq_bus_wire_add(w, &e);
    shout(w->data, w->len);
    UNTIL(a->heard == 1, step(a));
    ck_assert_int_eq(atomic_load(&warnings), 1);
    stop_fake();
}
END_TEST

START_TEST(a_wake_ends_the_wait)
{
    node_t *a;

    begin();
    a = linked_node("a");
    llmq_bus_redis_wake(a->link);
    llmq_bus_redis_step(a->link, apr_time_from_sec(50));
    llmq_bus_redis_close(a->link);
    ck_assert(!is_linked(a));
    stop_fake();
}
END_TEST

TCase *case_bus_redis(void)
{
    TCase *tc = test_case("bus_redis");

    tcase_add_test(tc, what_one_tells_the_other_hears);
    tcase_add_test(tc, many_arrive_in_order);
    tcase_add_test(tc, what_one_missed_the_others_look_for);
    tcase_add_test(tc, a_lost_link_comes_back);
    tcase_add_test(tc, a_silent_server_is_left);
    tcase_add_test(tc, a_wrong_password_links_nothing);
    tcase_add_test(tc, what_is_no_frame_is_dropped);
    tcase_add_test(tc, a_wake_ends_the_wait);
    return tc;
}
