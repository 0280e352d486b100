/* Load for the gateway: many clients at once, each of which asks for one completion in pieces.
 *
 *   completion_load PORT PATH CLIENTS TOKENS PIDFILE
 *     POSTs CLIENTS requests with "stream":true to PATH at 127.0.0.1, opens the connections as
 *     fast as they are taken, and reads until all have ended: one is complete with status 200,
 *     TOKENS pieces in their order, the usage and [DONE]. PIDFILE: of httpd, whose processes'
 *     memory (PSS) and threads are looked at four times a second.
 *
 * The pieces are those of fake_llm.c. Prints one line of JSON. */
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define AT_ONCE   128 /* that are being connected */
#define AT_A_LOOK 256
#define TEXT_MAX  16384
#define LOOK      250000    /* µs between two looks at the processes */
#define PATIENCE  120000000 /* µs */

typedef struct {
    int fd; /* -1: it has ended */
    int asked, first, pieces, usage, done;
    long long asked_at, first_at, ended_at;
    size_t len;
    char text[TEXT_MAX
              + 1]; /* what has come of a line that is not complete, at its start */
} client_t;

typedef struct {
    long children, dispatcher; /* kB */
    long child_threads, dispatcher_threads;
} use_t;

static int set, port, n_clients, tokens, open_now, dialling, dialled, complete;
static const char *path;
static client_t *clients;

static long long now_usec(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

/* ---- the server's processes ---- */

static long number_in(const char *file, const char *name)
{
    char line[512];
    FILE *f = fopen(file, "r");
    long n = 0;

    while (f && fgets(line, sizeof(line), f))
        if (strncmp(line, name, strlen(name)) == 0)
            n = atol(line + strlen(name));
    if (f)
        fclose(f);
    return n;
}

static int is_dispatcher(const char *pid)
{
    char file[300];
    char name[64] = "";
    FILE *f;

    snprintf(file, sizeof(file), "/proc/%s/comm", pid);
    f = fopen(file, "r");
    if (f && !fgets(name, sizeof(name), f))
        name[0] = '\0';
    if (f)
        fclose(f);
    return strncmp(name, "llmq", 4) == 0;
}

static void add_process(use_t *use, const char *pid)
{
    char file[300];
    long pss;
    long threads;

    snprintf(file, sizeof(file), "/proc/%s/smaps_rollup", pid);
    pss = number_in(file, "Pss:");
    snprintf(file, sizeof(file), "/proc/%s/status", pid);
    threads = number_in(file, "Threads:");
    if (is_dispatcher(pid)) {
        use->dispatcher += pss;
        use->dispatcher_threads += threads;
    }
    else {
        use->children += pss;
        use->child_threads += threads;
    }
}

static use_t use_of(long parent)
{
    use_t use = {0};
    DIR *proc = opendir("/proc");
    struct dirent *e;
    char file[300];

    while ((e = readdir(proc))) {
        snprintf(file, sizeof(file), "/proc/%s/status", e->d_name);
        if (atol(e->d_name) > 0 && number_in(file, "PPid:") == parent)
            add_process(&use, e->d_name);
    }
    closedir(proc);
    return use;
}

static long most(long a, long b)
{
    return a > b ? a : b;
}

static void raise_to(use_t *peak, const use_t *use)
{
    peak->children = most(peak->children, use->children);
    peak->dispatcher = most(peak->dispatcher, use->dispatcher);
    peak->child_threads = most(peak->child_threads, use->child_threads);
    peak->dispatcher_threads = most(peak->dispatcher_threads, use->dispatcher_threads);
}

/* ---- a client ---- */

static void watch(client_t *c, int how, unsigned what)
{
    struct epoll_event event = {.events = what, .data = {.ptr = c}};

    epoll_ctl(set, how, c->fd, &event);
}

static void hang_up(client_t *c)
{
    open_now--;
    dialling -= !c->first;
    complete += c->done && c->usage && c->pieces == tokens;
    close(c->fd);
    c->fd = -1;
    c->ended_at = now_usec();
}

static void dial(client_t *c, int i)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((unsigned short)port),
                             .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int one = 1;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) != 0 && errno != EINPROGRESS) {
        fprintf(stderr, "client %d: %s\n", i, strerror(errno));
        exit(1);
    }
    open_now++;
    dialling++;
    watch(c, EPOLL_CTL_ADD, EPOLLOUT);
}

static void ask(client_t *c)
{
    static const char body[] =
        "{\"model\":\"fake\",\"stream\":true,\"stream_options\":{\"include_usage\":true},"
        "\"messages\":[{\"role\":\"user\",\"content\":\"Compare the two attached offers "
        "and "
        "say in three sentences which one is the better choice, and why.\"}]}";
    char text[1024];
    int n = snprintf(text, sizeof(text),
                     "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                     "Content-Length: %zu\r\n\r\n%s",
                     path, sizeof(body) - 1, body);

    c->asked = 1;
    c->asked_at = now_usec();
    watch(c, EPOLL_CTL_MOD, EPOLLIN);
    if (send(c->fd, text, (size_t)n, MSG_NOSIGNAL) != n)
        hang_up(c);
}

static void note_first(client_t *c)
{
    if (!c->first) {
        c->first = 1;
        c->first_at = now_usec();
        dialling--;
    }
}

/* Sizes of chunks stand on lines of their own. */
static void note(client_t *c, const char *line)
{
    const char *word = strstr(line, "\"content\":\"word");

    if (strncmp(line, "data: ", 6) != 0) {
        return;
    }
    note_first(c);
    if (word && atoi(word + 15) == c->pieces)
        c->pieces++;
    c->usage |= strstr(line, "\"completion_tokens\":") != NULL;
    c->done |= strcmp(line, "data: [DONE]") == 0;
}

static void hear(client_t *c)
{
    ssize_t n = recv(c->fd, c->text + c->len, TEXT_MAX - c->len, MSG_DONTWAIT);
    char *line = c->text;
    char *end;

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        hang_up(c);
        return;
    }
    c->len += (size_t)n;
    c->text[c->len] = '\0';
    for (; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        note(c, line);
    }
    c->len -= (size_t)(line - c->text);
    memmove(c->text, line, c->len + 1);
    if (c->done)
        hang_up(c);
}

/* ---- */

static void dial_some(void)
{
    for (; dialling < AT_ONCE && dialled < n_clients; dialled++)
        dial(&clients[dialled], dialled);
}

static use_t run(long parent)
{
    struct epoll_event seen[AT_A_LOOK];
    long long begun = now_usec();
    long long looked = 0;
    use_t peak = {0};

    while ((open_now || dialled < n_clients) && now_usec() - begun < PATIENCE) {
        int n;
        int i;

        dial_some();
        n = epoll_wait(set, seen, AT_A_LOOK, 100);
        for (i = 0; i < n; i++) {
            client_t *c = seen[i].data.ptr;

            if (c->asked)
                hear(c);
            else
                ask(c);
        }
        if (now_usec() - looked > LOOK) {
            use_t use = use_of(parent);

            looked = now_usec();
            raise_to(&peak, &use);
        }
    }
    return peak;
}

static int by_size(const void *a, const void *b)
{
    long long x = *(const long long *)a;
    long long y = *(const long long *)b;

    return (x > y) - (x < y);
}

/* Of those that are complete, ms. */
static void print_times(const char *name, int whole)
{
    long long *times = calloc((size_t)n_clients + 1, sizeof(*times));
    int n = 0;
    int i;

    for (i = 0; i < n_clients; i++) {
        const client_t *c = &clients[i];

        if (c->first)
            times[n++] = (whole ? c->ended_at : c->first_at) - c->asked_at;
    }
    qsort(times, (size_t)n, sizeof(*times), by_size);
    printf(",\"%s_p50_ms\":%.1f,\"%s_p99_ms\":%.1f", name, (double)times[n / 2] / 1e3,
           name, (double)times[n * 99 / 100] / 1e3);
    free(times);
}

int main(int argc, char **argv)
{
    struct rlimit files;
    long parent = 0;
    long long begun;
    use_t before;
    use_t peak;
    FILE *f;

    if (argc < 6) {
        fprintf(stderr, "usage: see the head of completion_load.c\n");
        return 2;
    }
    port = atoi(argv[1]);
    path = argv[2];
    n_clients = atoi(argv[3]);
    tokens = atoi(argv[4]);
    f = fopen(argv[5], "r");
    if (!f || fscanf(f, "%ld", &parent) != 1) {
        perror(argv[5]);
        return 1;
    }
    fclose(f);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    clients = calloc((size_t)n_clients, sizeof(*clients));
    set = epoll_create1(0);
    before = use_of(parent);
    begun = now_usec();
    peak = run(parent);
    printf("{\"clients\":%d,\"complete\":%d,\"seconds\":%.2f", n_clients, complete,
           (double)(now_usec() - begun) / 1e6);
    print_times("first", 0);
    print_times("whole", 1);
    printf(",\"children_kb_before\":%ld,\"children_kb\":%ld,\"dispatcher_kb_before\":%ld,"
           "\"dispatcher_kb\":%ld,\"child_threads_before\":%ld,\"child_threads\":%ld,"
           "\"dispatcher_threads_before\":%ld,\"dispatcher_threads\":%ld}\n",
           before.children, peak.children, before.dispatcher, peak.dispatcher,
           before.child_threads, peak.child_threads, before.dispatcher_threads,
           peak.dispatcher_threads);
    return complete == n_clients ? 0 : 3;
}
