#include "glue/glue_relay.h"

#include "base/log.h"
#include "bus/relay.h"

#include <apr_file_info.h>
#include <apr_strings.h>
#include <http_config.h>
#include <http_log.h>
#include <unixd.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PREFIX   "llmq-relay."
#define BACKLOG  1024
#define GRACE    apr_time_from_sec(5) /* for children that come to a new dispatcher */
#define PATIENCE apr_time_from_sec(2) /* for those that read slowly at the end */

/* ---- the socket ---- */

static void set_address(struct sockaddr_un *a, const char *path)
{
    memset(a, 0, sizeof(*a));
    a->sun_family = AF_UNIX;
    apr_cpystrn(a->sun_path, path, sizeof(a->sun_path));
}

/* Nobody listens there any more. */
static int is_stale(const char *path)
{
    struct sockaddr_un a;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int stale;

    if (fd < 0) {
        return 0;
    }
    set_address(&a, path);
    stale =
        connect(fd, (const struct sockaddr *)&a, sizeof(a)) != 0 && errno == ECONNREFUSED;
    close(fd);
    return stale;
}

/* What killed servers have left. */
static void remove_stale(const char *folder, apr_pool_t *p)
{
    apr_finfo_t info;
    apr_dir_t *dir;

    if (apr_dir_open(&dir, folder, p) != APR_SUCCESS) {
        return;
    }
    while (apr_dir_read(&info, APR_FINFO_NAME, dir) == APR_SUCCESS) {
        const char *path = apr_pstrcat(p, folder, "/", info.name, NULL);

        if (strncmp(info.name, PREFIX, sizeof(PREFIX) - 1) == 0 && is_stale(path)) {
            unlink(path);
        }
    }
    apr_dir_close(dir);
}

static apr_status_t give_to_children(const char *path)
{
    if (geteuid() == 0
        && chown(path, ap_unixd_config.user_id, ap_unixd_config.group_id) != 0) {
        return errno;
    }
    return APR_SUCCESS;
}

static apr_status_t bind_to(int fd, const char *path)
{
    struct sockaddr_un a;
    mode_t before;
    int rv;

    set_address(&a, path);
    unlink(path);
    before = umask(0177);
    rv = bind(fd, (const struct sockaddr *)&a, sizeof(a));
    umask(before);
    if (rv != 0) {
        return errno;
    }
    if (listen(fd, BACKLOG) != 0) {
        return errno;
    }
    return give_to_children(path);
}

static pid_t owner;

static apr_status_t remove_socket(void *data)
{
    const llmq_glue_shm_t *g = data;

    if (getpid() == owner) {
        close(g->relay_fd);
        unlink(g->relay_path);
    }
    return APR_SUCCESS;
}

static apr_status_t complain(apr_status_t rv, const char *path)
{
    LLMQ_LOG(LLMQ_LOG_CRIT, rv,
             LLMQ_NO(0820) "cannot make the socket %s; see DefaultRuntimeDir", path);
    return rv;
}

static apr_status_t open_socket(int *pfd, const char *path)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    apr_status_t rv = fd >= 0 ? bind_to(fd, path) : errno;

    if (rv != APR_SUCCESS) {
        if (fd >= 0) {
            close(fd);
        }
        return complain(rv, path);
    }
    *pfd = fd;
    return APR_SUCCESS;
}

/* At a restart: one that somebody has removed is made again, for the dispatcher that comes
 * and the children of now. */
static apr_status_t mend(const llmq_glue_shm_t *g)
{
    apr_status_t rv;
    int fd;

    if (access(g->relay_path, F_OK) == 0) {
        return APR_SUCCESS;
    }
    rv = open_socket(&fd, g->relay_path);
    if (rv == APR_SUCCESS) {
        rv = dup3(fd, g->relay_fd, O_CLOEXEC) >= 0 ? APR_SUCCESS : errno;
        close(fd);
    }
    return rv;
}

apr_status_t llmq_glue_relay_post_config(llmq_glue_shm_t *g, server_rec *s)
{
    struct sockaddr_un a;
    const char *folder = ap_runtime_dir_relative(g->pool, "");
    char *path;
    apr_status_t rv;

    (void)s;
    if (g->relay_path) {
        return mend(g);
    }
    path = ap_runtime_dir_relative(
        g->pool, apr_psprintf(g->pool, PREFIX "%" APR_PID_T_FMT, getpid()));
    if (!path || strlen(path) >= sizeof(a.sun_path)) {
        return complain(APR_ENAMETOOLONG, path ? path : "");
    }
    remove_stale(folder, g->pool);
    rv = open_socket(&g->relay_fd, path);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    owner = getpid();
    g->relay_path = path;
    apr_pool_cleanup_register(g->pool, g, remove_socket, apr_pool_cleanup_null);
    return APR_SUCCESS;
}

/* ---- those who listen, as the dispatcher sees them ---- */

typedef struct {
    llmq_relay_conf_t conf;
    llmq_relay_t *relay; /* in the dispatcher only */
} ears_t;

static apr_status_t ears_open(void *ctx, llmq_dispatch_left_fn_t *left, void *dispatch,
                              apr_pool_t *p)
{
    ears_t *ears = ctx;

    ears->conf.on_cancel = left;
    ears->conf.ctx = dispatch;
    return llmq_relay_create(&ears->relay, &ears->conf, p);
}

static apr_status_t ears_listens(void *ctx, const char *id)
{
    return llmq_relay_listens(((ears_t *)ctx)->relay, id);
}

static apr_status_t ears_send(void *ctx, const char *id, llmq_relay_type_e type,
                              const char *data, apr_size_t len)
{
    return llmq_relay_send(((ears_t *)ctx)->relay, id, type, data, len);
}

static apr_status_t ears_end(void *ctx, const char *id, const llmq_relay_end_t *end)
{
    return llmq_relay_send_end(((ears_t *)ctx)->relay, id, end);
}

static int ears_are_full(void *ctx, const char *id)
{
    return llmq_relay_is_full(((ears_t *)ctx)->relay, id);
}

static void ears_leave(void *ctx)
{
    llmq_relay_leave(((ears_t *)ctx)->relay);
}

static void ears_close(void *ctx)
{
    llmq_relay_destroy(((ears_t *)ctx)->relay, PATIENCE);
}

const llmq_dispatch_ears_t *llmq_glue_relay_ears(const llmq_glue_shm_t *g,
                                                 apr_size_t max_pending, apr_pool_t *p)
{
    llmq_dispatch_ears_t *result = apr_pcalloc(p, sizeof(*result));
    ears_t *ears = apr_pcalloc(p, sizeof(*ears));

    ears->conf.fd = g->relay_fd;
    ears->conf.max_pending = max_pending;
    ears->conf.grace = GRACE;
    result->open = ears_open;
    result->listens = ears_listens;
    result->send = ears_send;
    result->end = ears_end;
    result->is_full = ears_are_full;
    result->room = max_pending;
    result->leave = ears_leave;
    result->close = ears_close;
    result->ctx = ears;
    return result;
}
