#include "http/slashes.h"

#include "http/tongue.h"

#include <string.h>

static const char folder[] = "/models/";

static int is_slash(const char *s)
{
    return s[0] == '%' && s[1] == '2' && (s[2] == 'F' || s[2] == 'f');
}

/* In place: the path gets shorter. */
static void decode(char *to)
{
    const char *from = to;

    while (*from) {
        int slash = is_slash(from);

        *to++ = slash ? '/' : *from;
        from += slash ? 3 : 1;
    }
    *to = '\0';
}

int llmq_slashes_decode(request_rec *r)
{
    const llmq_mount_t *mount = llmq_cfg_dir(r)->mount;
    char *path = r->parsed_uri.path;

    if (mount && path && mount->handler == LLMQ_HANDLER_OPENAI
        && strncmp(path, mount->path, mount->len) == 0
        && strncmp(path + mount->len, folder, sizeof(folder) - 1) == 0) {
        decode(path + mount->len + sizeof(folder) - 1);
    }
    return DECLINED;
}
