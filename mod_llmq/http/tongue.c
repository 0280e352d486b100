#include "http/tongue.h"

#include <apr_lib.h>

#include <string.h>

/* Everything at and below these is S3's. */
static const char *const s3_folders[] = {"/tasks", "/stats", "/workers", "/queues/info"};
/* The calls of a lease, which messages share with tasks. */
static const char *const lease_calls[] = {"heartbeat", "complete", "fail", "release"};

#define N_OF(a) (sizeof(a) / sizeof((a)[0]))

/* A request line that is too long is not taken apart by httpd; its beginning tells enough. */
static const char *uri_of(request_rec *r)
{
    const char *line = r->the_request ? ap_strchr_c(r->the_request, ' ') : NULL;

    if (r->uri && r->uri[0] == '/') {
        return r->uri;
    }
    return line ? line + 1 : "";
}

const llmq_mount_t *llmq_tongue_mount(request_rec *r)
{
    const llmq_mount_t *mount = llmq_cfg_dir(r)->mount;
    const char *uri = uri_of(r);

    return mount && strncmp(uri, mount->path, mount->len) == 0
               ? mount
               : llmq_cfg_find_mount(r->server, uri);
}

const char *llmq_tongue_path(request_rec *r)
{
    const llmq_mount_t *mount = llmq_tongue_mount(r);

    return mount ? uri_of(r) + mount->len : "";
}

/* Where a segment ends: at the end of a path, or of what stands of a request line. */
static int is_end(char c)
{
    return c == '\0' || c == '/' || c == '?' || apr_isspace(c);
}

static int starts_with(const char *path, const char *folder)
{
    size_t len = strlen(folder);

    return strncmp(path, folder, len) == 0 && is_end(path[len]);
}

/* /messages/{id}/heartbeat and the like. */
static int is_lease_call(const char *path)
{
    static const char messages[] = "/messages/";
    size_t i;

    if (strncmp(path, messages, sizeof(messages) - 1) != 0) {
        return 0;
    }
    path += sizeof(messages) - 1;
    path += strcspn(path, "/");
    path += *path == '/';
    for (i = 0; i < N_OF(lease_calls); i++) {
        if (starts_with(path, lease_calls[i])) {
            return 1;
        }
    }
    return 0;
}

static int is_s3_path(const char *path)
{
    size_t i;

    for (i = 0; i < N_OF(s3_folders); i++) {
        if (starts_with(path, s3_folders[i])) {
            return 1;
        }
    }
    return is_lease_call(path);
}

/* An id with an escape that httpd does not decode (%2F, %00) has broken r->uri; as it came the
 * path is whole. */
static int is_broken_lease_call(request_rec *r, const llmq_mount_t *mount)
{
    const char *raw = r->unparsed_uri;

    return raw && strncmp(raw, mount->path, mount->len) == 0
           && is_lease_call(raw + mount->len);
}

llmq_tongue_e llmq_tongue_of(request_rec *r)
{
    const llmq_mount_t *mount = llmq_tongue_mount(r);

    if (!mount) {
        return LLMQ_TONGUE_S0;
    }
    if (mount->handler == LLMQ_HANDLER_SESSIONS) {
        return LLMQ_TONGUE_S4;
    }
    if (mount->handler == LLMQ_HANDLER_APPS) {
        return LLMQ_TONGUE_S2;
    }
    if (mount->handler == LLMQ_HANDLER_OPENAI) {
        return LLMQ_TONGUE_OPENAI;
    }
    if (mount->handler != LLMQ_HANDLER_QUEUE) {
        return LLMQ_TONGUE_S3;
    }
    return is_s3_path(uri_of(r) + mount->len) || is_broken_lease_call(r, mount)
               ? LLMQ_TONGUE_S3
               : LLMQ_TONGUE_S0;
}
