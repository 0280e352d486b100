/* Load for tasks and workers, with threads of blocking connections to 127.0.0.1:
 *
 *   task_load PORT drain TASKS CONNECTIONS LIMIT PROBES RATE
 *     creates TASKS by batches of 100; then CONNECTIONS workers claim up to LIMIT at a time
 *     and complete each by a call of its own, together at most RATE a second (0: as fast as
 *     they can), while PROBES connections create a task and read it back every 5 ms
 *   task_load PORT delayed TASKS CONNECTIONS
 *     creates TASKS that are due within 2 to 5 s, for which CONNECTIONS claims wait: how late
 *   task_load PORT wake TASKS CONNECTIONS
 *     creates TASKS one by one, for which CONNECTIONS claims wait: how long after the 201
 *
 * Prints one line of JSON; times in milliseconds. */
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

#define ANSWER_MAX  (1 << 20)
#define BATCH       100
#define THREADS_MAX 4096

typedef struct {
    int *usec;
    atomic_int n;
    int room;
} series_t;

typedef struct {
    int fd; /* -1: not connected */
    char *buf;
    size_t len;
} conn_t;

static int port, tasks, connections, limit, probes, rate;
static atomic_int created, completed, failed, next_batch, working;
static atomic_llong
    *due; /* by number of task: when it may be claimed, µs since the epoch */
static long long begun;
static series_t claims, completes, posts, gets, lateness;

static long long now_usec(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void series_init(series_t *s, int room)
{
    s->usec = malloc(sizeof(int) * (size_t)room);
    s->room = room;
}

static void series_add(series_t *s, long long usec)
{
    int i = atomic_fetch_add(&s->n, 1);

    if (i < s->room)
        s->usec[i] = (int)usec;
}

static int by_value(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;

    return (x > y) - (x < y);
}

static void series_print(series_t *s, const char *name)
{
    int n = s->n < s->room ? s->n : s->room;

    if (n == 0)
        return;
    qsort(s->usec, (size_t)n, sizeof(int), by_value);
    printf(",\"%s_p50_ms\":%.2f,\"%s_p99_ms\":%.2f,\"%s_max_ms\":%.2f", name,
           s->usec[n / 2] / 1e3, name, s->usec[n - 1 - n / 100] / 1e3, name,
           s->usec[n - 1] / 1e3);
}

static int conn_open(conn_t *c)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((unsigned short)port)};
    int one = 1;

    if (!c->buf)
        c->buf = malloc(ANSWER_MAX);
    if (c->fd >= 0)
        return 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(c->fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
        close(c->fd);
        c->fd = -1;
        return 0;
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return 1;
}

static void conn_close(conn_t *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}

/* Where the body begins once all of it is there, else NULL. A body without a length ends
 * with the connection (ended). */
static char *body_of(conn_t *c, int ended)
{
    char *head = strstr(c->buf, "\r\n\r\n");
    char *length;

    if (!head)
        return NULL;
    length = strcasestr(c->buf, "content-length:");
    if (!length || length > head)
        return ended ? head + 4 : NULL;
    return c->len >= (size_t)(head + 4 - c->buf) + (size_t)atol(length + 15) ? head + 4
                                                                             : NULL;
}

static int receive(conn_t *c)
{
    char *body = NULL, *gone;

    c->len = 0;
    c->buf[0] = '\0';
    while (!body && c->len < ANSWER_MAX - 1) {
        ssize_t n = recv(c->fd, c->buf + c->len, ANSWER_MAX - 1 - c->len, 0);

        if (n < 0)
            break;
        c->len += (size_t)n;
        c->buf[c->len] = '\0';
        body = body_of(c, n == 0);
        if (n == 0)
            break;
    }
    gone = strcasestr(c->buf, "connection: close");
    if (!body || (gone && gone < body))
        conn_close(c);
    return body ? atoi(c->buf + 9) : 0;
}

/* One call; its status, 0: the connection broke. The answer is in c->buf. */
static int call(conn_t *c, const char *method, const char *path, const char *body)
{
    size_t length = strlen(body);
    char *request = malloc(length + 512);
    int n = snprintf(request, length + 512,
                     "%s /api/v1%s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                     "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                     method, path, length, body);
    int status = 0;

    if (conn_open(c)) {
        if (send(c->fd, request, (size_t)n, MSG_NOSIGNAL) == n)
            status = receive(c);
        else
            conn_close(c);
    }
    free(request);
    return status;
}

static int timed(series_t *s, conn_t *c, const char *method, const char *path,
                 const char *body)
{
    long long start = now_usec(CLOCK_MONOTONIC);
    int status = call(c, method, path, body);

    if (status == 200 || status == 201)
        series_add(s, now_usec(CLOCK_MONOTONIC) - start);
    else
        atomic_fetch_add(&failed, 1);
    return status;
}

static int task_json(char *out, size_t size, const char *type, int number,
                     const char *more)
{
    return snprintf(
        out, size,
        "{\"task_type\":\"%s\",\"kb_id\":\"kb_%03d\",\"priority\":\"%s\","
        "\"payload\":{\"number\":%d,\"file_path\":\"/srv/uploads/report.pdf\","
        "\"chunk_size\":1000}%s}",
        type, number % 100, number % 2 ? "normal" : "high", number, more);
}

static void *creator(void *unused)
{
    conn_t c = {.fd = -1};
    char *body = malloc(BATCH * 400);
    int first;

    (void)unused;
    while ((first = atomic_fetch_add(&next_batch, BATCH)) < tasks) {
        int n = 0, i;

        for (i = first; i < first + BATCH && i < tasks; i++) {
            body[n++] = i == first ? '[' : ',';
            n += task_json(body + n, 400, "document_processing", i, "");
        }
        snprintf(body + n, 2, "]");
        while (call(&c, "POST", "/tasks/batch", body) != 201) {
            fprintf(stderr, "a batch was refused: %.300s\n", c.buf ? c.buf : "");
            sleep(1);
        }
        atomic_fetch_add(&created, i - first);
    }
    conn_close(&c);
    return NULL;
}

/* The text of the member name after at, into out; where to look on, NULL when there is none. */
static const char *member(const char *at, const char *name, char *out, size_t size)
{
    char key[64];
    const char *begin, *end;

    snprintf(key, sizeof(key), "\"%s\":\"", name);
    begin = at ? strstr(at, key) : NULL;
    end = begin ? strchr(begin + strlen(key), '"') : NULL;
    if (!end)
        return NULL;
    begin += strlen(key);
    snprintf(out, size, "%.*s", (int)(end - begin), begin);
    return end;
}

static void keep_to_rate(int turn)
{
    long long wait =
        rate ? begun + turn * 1000000LL / rate - now_usec(CLOCK_MONOTONIC) : 0;

    if (wait > 0)
        usleep((useconds_t)wait);
}

static void complete_one(conn_t *c, const char *id, const char *token)
{
    static atomic_int turn;
    char path[128], body[256];

    snprintf(path, sizeof(path), "/tasks/%s/complete", id);
    snprintf(body, sizeof(body),
             "{\"lease_token\":\"%s\",\"result\":{\"chunks\":12,\"ok\":true}}", token);
    keep_to_rate(atomic_fetch_add(&turn, 1));
    if (timed(&completes, c, "POST", path, body) == 200)
        atomic_fetch_add(&completed, 1);
}

/* Ids and tokens of an answer. Both stand once in each task, in whatever order. */
static int leases(const char *answer, char ids[][64], char tokens[][64])
{
    const char *at = answer, *token = answer;
    int n = 0;

    while (n < BATCH && (at = member(at, "id", ids[n], 64))
           && (token = member(token, "lease_token", tokens[n], 64)))
        n++;
    return n;
}

static void *drainer(void *number)
{
    conn_t c = {.fd = -1};
    char path[64], body[128];
    char(*ids)[64] = malloc(BATCH * 64), (*tokens)[64] = malloc(BATCH * 64);

    snprintf(path, sizeof(path), "/workers/bench-%d/claim", (int)(long)number);
    snprintf(body, sizeof(body),
             "{\"task_types\":[\"document_processing\"],\"limit\":%d,\"wait\":0}", limit);
    while (completed + failed < tasks) {
        int i, n = 0;

        if (timed(&claims, &c, "POST", path, body) == 200)
            n = leases(c.buf, ids, tokens);
        for (i = 0; i < n; i++)
            complete_one(&c, ids[i], tokens[i]);
        if (n == 0)
            usleep(2000);
    }
    atomic_fetch_sub(&working, 1);
    conn_close(&c);
    return NULL;
}

static void *prober(void *unused)
{
    conn_t c = {.fd = -1};
    char body[512], id[64], path[128];
    int i;

    (void)unused;
    for (i = 0; working > 0; i++) {
        task_json(body, sizeof(body), "vector_storage", i, "");
        if (timed(&posts, &c, "POST", "/tasks", body) == 201
            && member(c.buf, "id", id, sizeof(id))) {
            snprintf(path, sizeof(path), "/tasks/%s", id);
            timed(&gets, &c, "GET", path, "");
        }
        usleep(5000);
    }
    conn_close(&c);
    return NULL;
}

static void start(pthread_t *threads, int n, void *(*work)(void *))
{
    int i;

    for (i = 0; i < n; i++)
        if (pthread_create(&threads[i], NULL, work, (void *)(long)i) != 0)
            exit(1);
}

static void join(pthread_t *threads, int n)
{
    while (n-- > 0)
        pthread_join(threads[n], NULL);
}

static void drain(pthread_t *threads)
{
    double create_seconds, seconds;

    series_init(&claims, 10 * tasks);
    series_init(&completes, 2 * tasks);
    series_init(&posts, 1000000);
    series_init(&gets, 1000000);
    begun = now_usec(CLOCK_MONOTONIC);
    start(threads, 4, creator);
    join(threads, 4);
    create_seconds = (double)(now_usec(CLOCK_MONOTONIC) - begun) / 1e6;
    begun = now_usec(CLOCK_MONOTONIC);
    working = connections;
    start(threads, connections, drainer);
    start(threads + connections, probes, prober);
    join(threads, connections);
    seconds = (double)(now_usec(CLOCK_MONOTONIC) - begun) / 1e6;
    join(threads + connections, probes);
    printf("{\"created\":%d,\"create_rps\":%.0f,\"completed\":%d,\"failed\":%d,"
           "\"rps\":%.0f,\"claims\":%d",
           created, created / create_seconds, completed, failed, completed / seconds,
           claims.n);
    series_print(&claims, "claim");
    series_print(&completes, "complete");
    series_print(&posts, "post");
    series_print(&gets, "get");
    printf("}\n");
}

/* A worker whose claims wait. It notes how late it was given each task. */
static void *waiter(void *number)
{
    conn_t c = {.fd = -1};
    char path[64];

    snprintf(path, sizeof(path), "/workers/wait-%d/claim", (int)(long)number);
    while (completed < tasks) {
        int status =
            call(&c, "POST", path,
                 "{\"task_types\":[\"knowledge_indexing\"],\"limit\":1,\"wait\":5}");
        long long now = now_usec(CLOCK_REALTIME);
        const char *at = status == 200 ? strstr(c.buf, "\"number\":") : NULL;
        int task = at ? atoi(at + 9) : -1;

        if (status != 200)
            atomic_fetch_add(&failed, 1);
        if (task < 0 || task >= tasks)
            continue;
        /* 0: it came before the answer to the one who created it */
        series_add(&lateness, due[task] && now > due[task] ? now - due[task] : 0);
        atomic_fetch_add(&completed, 1);
    }
    conn_close(&c);
    return NULL;
}

static void create_due(conn_t *c, int number, long long usec)
{
    char body[512], more[64], text[32];
    time_t seconds = (time_t)(usec / 1000000);
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(more, sizeof(more), ",\"schedule_for\":\"%s.%03dZ\"", text,
             (int)(usec % 1000000 / 1000));
    due[number] = usec;
    task_json(body, sizeof(body), "knowledge_indexing", number, usec ? more : "");
    if (call(c, "POST", "/tasks", body) != 201)
        exit(1);
    if (!usec)
        due[number] = now_usec(CLOCK_REALTIME);
}

static void wait_for_tasks(pthread_t *threads, int delayed)
{
    conn_t c = {.fd = -1};
    int i;

    series_init(&lateness, tasks);
    due = calloc((size_t)tasks, sizeof(*due));
    start(threads, connections, waiter);
    sleep(1); /* until all claims wait */
    begun = now_usec(CLOCK_REALTIME) + 2000000;
    for (i = 0; i < tasks; i++) {
        create_due(&c, i, delayed ? (begun + i * 3000000LL / tasks) / 1000 * 1000 : 0);
        if (!delayed)
            usleep(10000);
    }
    join(threads, connections);
    printf("{\"tasks\":%d,\"connections\":%d,\"failed\":%d", completed, connections,
           failed);
    series_print(&lateness, "late");
    printf("}\n");
}

int main(int argc, char **argv)
{
    static pthread_t threads[THREADS_MAX];

    if (argc < 5)
        return 2;
    port = atoi(argv[1]);
    tasks = atoi(argv[3]);
    connections = atoi(argv[4]);
    if (tasks < 1 || connections < 4 || connections > THREADS_MAX / 2)
        return 2;
    if (strcmp(argv[2], "drain") == 0 && argc == 8) {
        limit = atoi(argv[5]);
        probes = atoi(argv[6]);
        rate = atoi(argv[7]);
        if (limit < 1 || limit > BATCH || probes < 0 || probes > THREADS_MAX / 2)
            return 2;
        drain(threads);
    }
    else if (argc == 5)
        wait_for_tasks(threads, strcmp(argv[2], "delayed") == 0);
    else
        return 2;
    return failed ? 1 : 0;
}
