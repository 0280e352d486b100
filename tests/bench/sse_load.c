/* Load for event streams: many subscribers of one log, and somebody who appends to it.
 * Also for other servers of Server-Sent Events that take a POST and begin with a comment.
 *
 *   sse_load PORT SUBSCRIBERS EVENTS INTERVAL_MS SSE_PATH POST_PATH TOKEN PIDFILE [COMMAND]
 *     opens SUBSCRIBERS connections to 127.0.0.1, each with GET SSE_PATH; appends EVENTS
 *     messages by POST POST_PATH, one each INTERVAL_MS; each carries the time before its
 *     POST. TOKEN: a Bearer token, "" for none. PIDFILE: of httpd, whose processes' memory
 *     (PSS) is taken before and while all are connected. COMMAND, if given, is run at the
 *     end, and tells how the streams end by it: a graceful restart, say.
 *
 * Each 10,000 subscribers are a process with addresses of its own (127.0.1.x), as neither
 * descriptors nor ports are enough for more. Prints one line of JSON. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SHARE     10000 /* subscribers of a process */
#define AT_ONCE   64    /* that are being connected, of a process */
#define PROCESSES 64
#define AT_A_LOOK 256    /* events of its set */
#define TAIL_MAX  65536  /* of an event that has come in parts */
#define STEP      20     /* µs, width of a cell */
#define CELLS     500000 /* up to 10 s */

typedef struct {
    int fd;
    int state;      /* CONNECTING... */
    long long last; /* number of the last event */
    size_t len;
    char *tail; /* the beginning of an event whose end is missing */
} sub_t;

enum { CLOSED, CONNECTING, ASKED, LISTENS, REFUSED };

/* What the processes tell one another. */
typedef struct {
    atomic_int connected, refused, ended_well, broken, stop;
    atomic_llong events, doubled, gaps, last_event;
    atomic_llong longest;
    atomic_int cells[CELLS];
} board_t;

static board_t *board;
static int port, subscribers, events, interval;
static const char *sse_path, *post_path, *token;

static long long now_usec(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static int dial(int process, int i, int wait)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((unsigned short)port)};
    struct sockaddr_in from = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | (wait ? 0 : SOCK_NONBLOCK), 0);
    int one = 1;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    from.sin_addr.s_addr = htonl(0x7f000101u + (unsigned)(process * 4 + i % 4));
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&from, sizeof(from)) != 0
        || (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0
            && errno != EINPROGRESS)) {
        perror("connect");
        close(fd);
        return -1;
    }
    return fd;
}

/* ---- a subscriber ---- */

static void note(sub_t *s, const char *event, long long now)
{
    const char *number = strstr(event, "event no ");
    const char *stamp = strstr(event, "usec=");
    long long seq = number ? atoll(number + 9) : 0;
    long long late = stamp ? now - atoll(stamp + 5) : -1;

    if (!number || !stamp)
        return;
    if (seq <= s->last) {
        atomic_fetch_add(&board->doubled, 1);
        return;
    }
    if (s->last && seq != s->last + 1)
        atomic_fetch_add(&board->gaps, seq - s->last - 1);
    s->last = seq;
    atomic_fetch_add(&board->cells[late / STEP < CELLS ? late / STEP : CELLS - 1], 1);
    if (late > atomic_load(&board->longest))
        atomic_store(&board->longest, late);
    atomic_store(&board->last_event, now);
    atomic_fetch_add(&board->events, 1);
}

static void keep_tail(sub_t *s, const char *from, size_t len)
{
    char *tail = len ? malloc(len) : NULL;

    if (len)
        memcpy(tail, from, len);
    free(s->tail);
    s->tail = tail;
    s->len = len;
}

/* Events end with an empty line; the sizes of chunks stand between them. */
static void hear(sub_t *s, char *text, size_t len)
{
    long long now = now_usec();
    char *end;

    text[len] = '\0';
    if (s->state == ASKED && strstr(text, "\n: ")) { /* the first comment */
        s->state = LISTENS;
        atomic_fetch_add(&board->connected, 1);
    }
    else if (s->state == ASKED && len > 12 && strncmp(text + 9, "200", 3) != 0) {
        s->state = REFUSED;
        atomic_fetch_add(&board->refused, 1);
    }
    while ((end = strstr(text, "\n\n"))) {
        *end = '\0';
        note(s, text, now);
        len -= (size_t)(end + 2 - text);
        text = end + 2;
    }
    if (strstr(text, "\r\n0\r\n\r\n"))
        s->last = -1; /* ended well */
    keep_tail(s, text, len);
}

static void hang_up(sub_t *s)
{
    if (s->state == LISTENS) {
        atomic_fetch_add(s->last == -1 ? &board->ended_well : &board->broken, 1);
        atomic_fetch_sub(&board->connected, 1);
    }
    else if (s->state != REFUSED) {
        atomic_fetch_add(&board->refused, 1);
    }
    close(s->fd);
    s->state = CLOSED;
    keep_tail(s, NULL, 0);
}

static void listen_on(sub_t *s)
{
    static char text[2 * TAIL_MAX + 1];
    ssize_t n;

    memcpy(text, s->tail ? s->tail : "", s->len);
    n = read(s->fd, text + s->len, TAIL_MAX);
    if (n > 0)
        hear(s, text, s->len + (size_t)n);
    else if (n == 0 || errno != EAGAIN)
        hang_up(s);
}

static void ask(sub_t *s)
{
    char text[4096];
    int n = snprintf(
        text, sizeof(text),
        "GET %s HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n%s%s%s\r\n", sse_path,
        *token ? "Authorization: Bearer " : "", token, *token ? "\r\n" : "");

    if (write(s->fd, text, (size_t)n) != n)
        perror("write");
    s->state = ASKED;
}

/* ---- a process of subscribers ---- */

static void watch(int set, sub_t *s, int how, unsigned what)
{
    struct epoll_event event = {.events = what, .data = {.ptr = s}};

    epoll_ctl(set, how, s->fd, &event);
}

static void dial_some(sub_t *subs, int *next, int n, int under_way, int set, int process)
{
    for (; under_way < AT_ONCE && *next < n; under_way++, (*next)++) {
        sub_t *s = &subs[*next];

        s->fd = dial(process, *next, 0);
        s->state = CONNECTING;
        if (s->fd < 0)
            exit(1);
        watch(set, s, EPOLL_CTL_ADD, EPOLLOUT);
    }
}

/* Once all are connected it looks once in a millisecond, rather than to be woken up by each
 * event: on the server's own machine that would cost the server more than sending it. */
static int next_events(int set, struct epoll_event *seen, int all_listen)
{
    int m = epoll_wait(set, seen, AT_A_LOOK, 100);

    if (all_listen && m > 0 && m < AT_A_LOOK / 16) {
        usleep(1000);
        m = epoll_wait(set, seen, AT_A_LOOK, 0);
    }
    return m;
}

static void serve(int process, int n)
{
    sub_t *subs = calloc((size_t)n, sizeof(*subs));
    struct epoll_event seen[AT_A_LOOK];
    int set = epoll_create1(0);
    int next = 0;
    int settled = 0; /* of those that were dialled */
    int i;

    while (!atomic_load(&board->stop)) {
        int m;

        dial_some(subs, &next, n, next - settled, set, process);
        m = next_events(set, seen, settled == n);
        for (i = 0; i < m; i++) {
            sub_t *s = seen[i].data.ptr;
            int before = s->state;

            if (before == CONNECTING) {
                ask(s);
                watch(set, s, EPOLL_CTL_MOD, EPOLLIN);
                continue;
            }
            listen_on(s);
            settled += before == ASKED && s->state != ASKED;
        }
    }
    exit(0);
}

/* ---- who appends ---- */

static int post(int fd, int i)
{
    char body[256];
    char text[4096];
    int n;

    snprintf(
        body, sizeof(body),
        "{\"role\":\"USER\",\"type\":\"note\",\"content\":\"event no %d usec=%lld, and "
        "some words more for those who listen\"}",
        i + 1, now_usec());
    n = snprintf(text, sizeof(text),
                 "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                 "Content-Length: %zu\r\n%s%s%s\r\n%s",
                 post_path, strlen(body), *token ? "Authorization: Bearer " : "", token,
                 *token ? "\r\n" : "", body);
    if (write(fd, text, (size_t)n) != n)
        return 0;
    n = (int)read(fd, text, sizeof(text) - 1);
    if (n < 12 || strncmp(text + 9, "201", 3) != 0) {
        fprintf(stderr, "POST: %.*s\n", n > 0 ? n : 0, text);
        return 0;
    }
    return 1;
}

static int append_all(void)
{
    int fd = dial(PROCESSES - 1, 0, 1);
    long long due = now_usec();
    int done = 0;
    int i;

    for (i = 0; i < events; i++, due += interval * 1000LL) {
        long long early = due - now_usec();

        if (early > 0)
            usleep((unsigned)early);
        if (!post(fd, i)) {
            close(fd);
            fd = dial(PROCESSES - 1, 0, 1);
            continue;
        }
        done++;
    }
    close(fd);
    return done;
}

/* ---- the server's memory ---- */

static long number_in(const char *path, const char *name)
{
    char line[512];
    FILE *f = fopen(path, "r");
    long n = 0;

    while (f && fgets(line, sizeof(line), f))
        if (strncmp(line, name, strlen(name)) == 0)
            n = atol(line + strlen(name));
    if (f)
        fclose(f);
    return n;
}

/* kB of httpd and its children, what they share counted once. */
static long pss_of(const char *pidfile)
{
    FILE *f = fopen(pidfile, "r");
    long parent = 0;
    long sum = 0;
    struct dirent *e;
    DIR *proc = opendir("/proc");
    char path[300];

    if (!f || fscanf(f, "%ld", &parent) != 1)
        return 0;
    fclose(f);
    while ((e = readdir(proc))) {
        snprintf(path, sizeof(path), "/proc/%s/status", e->d_name);
        if (atol(e->d_name) > 0
            && (atol(e->d_name) == parent || number_in(path, "PPid:") == parent)) {
            snprintf(path, sizeof(path), "/proc/%s/smaps_rollup", e->d_name);
            sum += number_in(path, "Pss:");
        }
    }
    closedir(proc);
    return sum;
}

/* ---- */

static double quantile_ms(double q)
{
    long long n = atomic_load(&board->events);
    long long seen = 0;
    int i;

    for (i = 0; i < CELLS && seen < (long long)(q * (double)n); i++)
        seen += atomic_load(&board->cells[i]);
    return i * STEP / 1e3;
}

static void run_command(const char *command)
{
    long long begun = now_usec();
    int i;

    if (system(command) != 0)
        fprintf(stderr, "%s: failed\n", command);
    for (i = 0; i < 6000 && atomic_load(&board->connected); i++)
        usleep(10000);
    printf(",\"ended_well\":%d,\"broken\":%d,\"ended_after_ms\":%lld",
           atomic_load(&board->ended_well), atomic_load(&board->broken),
           (now_usec() - begun) / 1000);
}

int main(int argc, char **argv)
{
    struct rlimit files;
    pid_t pids[PROCESSES];
    long before;
    long during;
    long long begun;
    long long expected;
    int n = 0;
    int posted;
    int i;

    if (argc < 9) {
        fprintf(stderr, "usage: see the head of sse_load.c\n");
        return 2;
    }
    port = atoi(argv[1]);
    subscribers = atoi(argv[2]);
    events = atoi(argv[3]);
    interval = atoi(argv[4]);
    sse_path = argv[5];
    post_path = argv[6];
    token = argv[7];
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                 -1, 0);
    before = pss_of(argv[8]);
    begun = now_usec();
    for (i = 0; i < subscribers; i += SHARE, n++) {
        pids[n] = fork();
        if (pids[n] == 0)
            serve(n, subscribers - i < SHARE ? subscribers - i : SHARE);
    }
    for (i = 0; i < 30000 && board->connected + board->refused < subscribers; i++)
        usleep(10000);
    printf("{\"streams\":%d,\"refused\":%d,\"connect_s\":%.1f", board->connected,
           board->refused, (double)(now_usec() - begun) / 1e6);
    usleep(500000);
    during = pss_of(argv[8]);
    printf(",\"pss_before_kb\":%ld,\"pss_kb\":%ld,\"bytes_per_stream\":%ld", before,
           during, (during - before) * 1024 / (board->connected ? board->connected : 1));
    expected = board->connected;
    begun = now_usec();
    posted = append_all();
    expected *= posted;
    for (i = 0; i < 6000 && board->events + board->doubled < expected; i++)
        usleep(10000);
    usleep(200000);
    printf(",\"posted\":%d,\"events\":%lld,\"lost\":%lld,\"doubled\":%lld,\"gaps\":%lld",
           posted, board->events, expected - board->events, board->doubled, board->gaps);
    printf(",\"rps\":%.0f,\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"max_ms\":%.2f",
           (double)board->events
               / ((double)((board->last_event ? board->last_event : now_usec()) - begun)
                  / 1e6),
           quantile_ms(0.5), quantile_ms(0.99), (double)board->longest / 1e3);
    printf(",\"pss_after_kb\":%ld", pss_of(argv[8]));
    if (argc > 9)
        run_command(argv[9]);
    printf("}\n");
    fflush(stdout);
    atomic_store(&board->stop, 1);
    while (n-- > 0)
        waitpid(pids[n], NULL, 0);
    return 0;
}
