/* The directives: one line each at the end; setters that share a rule share a function and
 * find their field by its offset. */
#include "cfg/cfg.h"

#include "base/id.h"
#include "core/priority.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_uri.h>
#include <http_core.h>

#include <limits.h>

#define SERVER_OFF(f)       (void *)APR_OFFSETOF(llmq_cfg_server_t, f)
#define DIR_OFF(f)          (void *)APR_OFFSETOF(llmq_cfg_dir_t, f)
#define BACKEND_OFF(f)      (void *)APR_OFFSETOF(llmq_backend_conf_t, f)
#define AT(type, base, cmd) ((type *)(void *)((char *)(base) + (apr_size_t)(cmd)->info))

#define MAX_LEVEL_SIZE 10000000
#define MAX_CONCURRENT 100000

static const char *complain(cmd_parms *cmd, const char *arg, const char *wants)
{
    return apr_pstrcat(cmd->pool, cmd->cmd->name, " '", arg, "': ", wants, NULL);
}

static const char *parse_number(apr_int64_t *pn, cmd_parms *cmd, const char *arg,
                                apr_int64_t min, apr_int64_t max)
{
    char *end = NULL;
    apr_int64_t n;

    errno = 0;
    n = apr_strtoi64(arg, &end, 10);
    if (errno || end == arg || *end || n < min || n > max) {
        return complain(cmd, arg,
                        apr_psprintf(cmd->pool,
                                     "must be a whole number from %" APR_INT64_T_FMT
                                     " to %" APR_INT64_T_FMT,
                                     min, max));
    }
    *pn = n;
    return NULL;
}

/* httpd's own syntax of time: a number with ms, s, min or h; seconds without a unit. */
static const char *parse_duration(apr_interval_time_t *pt, cmd_parms *cmd,
                                  const char *arg, apr_interval_time_t min,
                                  apr_interval_time_t max)
{
    apr_interval_time_t t;

    if (!apr_isdigit(*arg) || ap_timeout_parameter_parse(arg, &t, "s") != APR_SUCCESS
        || t < min || t > max) {
        return complain(
            cmd, arg,
            apr_psprintf(
                cmd->pool,
                "must be a time such as 500ms, 30s or 5min, from %" APR_INT64_T_FMT
                "ms to %" APR_INT64_T_FMT "s",
                (apr_int64_t)(min / 1000), (apr_int64_t)apr_time_sec(max)));
    }
    *pt = t;
    return NULL;
}

static llmq_cfg_server_t *server_of(cmd_parms *cmd)
{
    return llmq_cfg_server(cmd->server);
}

/* Server-wide directives make no sense twice: there is one queue and one dispatcher. */
static const char *only_global(cmd_parms *cmd)
{
    return ap_check_cmd_context(cmd, GLOBAL_ONLY);
}

/* ---- whole server ---- */

static const char *set_dispatcher(cmd_parms *cmd, void *dummy, int on)
{
    const char *err = only_global(cmd);

    (void)dummy;
    server_of(cmd)->dispatcher = on;
    return err;
}

static const char *set_node(cmd_parms *cmd, void *dummy, const char *arg)
{
    (void)dummy;
    if (!llmq_id_is_name(arg)) {
        return complain(cmd, arg, "must be 1 to 128 characters of A-Z a-z 0-9 _ . : -");
    }
    server_of(cmd)->node = arg;
    return only_global(cmd);
}

static const char *set_server_duration(cmd_parms *cmd, void *dummy, const char *arg)
{
    const char *err = only_global(cmd);

    (void)dummy;
    return err ? err
               : parse_duration(AT(apr_interval_time_t, server_of(cmd), cmd), cmd, arg,
                                apr_time_from_msec(100), apr_time_from_sec(3600));
}

static const char *parse_level(llmq_level_e *plevel, cmd_parms *cmd, const char *arg)
{
    const char *err = only_global(cmd);

    if (!err && llmq_priority_parse(plevel, arg) != APR_SUCCESS) {
        err = complain(cmd, arg, "must be realtime, high, normal or low");
    }
    return err;
}

static const char *set_queue_size(cmd_parms *cmd, void *dummy, const char *level,
                                  const char *arg)
{
    llmq_level_e l = LLMQ_LEVEL_NONE;
    apr_int64_t n = 0;
    const char *err = parse_level(&l, cmd, level);

    (void)dummy;
    if (!err && !(err = parse_number(&n, cmd, arg, 1, MAX_LEVEL_SIZE))) {
        server_of(cmd)->queue.level[l].max_size = (apr_uint32_t)n;
    }
    return err;
}

static const char *set_queue_concurrency(cmd_parms *cmd, void *dummy, const char *level,
                                         const char *arg)
{
    llmq_level_e l = LLMQ_LEVEL_NONE;
    apr_int64_t n = 0;
    const char *err = parse_level(&l, cmd, level);

    (void)dummy;
    if (!err && !(err = parse_number(&n, cmd, arg, 1, MAX_CONCURRENT))) {
        server_of(cmd)->queue.level[l].max_concurrent = (apr_uint32_t)n;
    }
    return err;
}

static const char *set_server_count(cmd_parms *cmd, void *dummy, const char *arg)
{
    apr_int64_t n = 0;
    const char *err = only_global(cmd);

    (void)dummy;
    if (!err && !(err = parse_number(&n, cmd, arg, 1, 10000))) {
        *AT(int, server_of(cmd), cmd) = (int)n;
    }
    return err;
}

static const char *set_commit_delay(cmd_parms *cmd, void *dummy, const char *delay,
                                    const char *rows)
{
    llmq_commit_conf_t *conf = &server_of(cmd)->commit;
    apr_int64_t n = 16;
    const char *err = only_global(cmd);

    (void)dummy;
    if (!err && !(err = parse_duration(&conf->delay, cmd, delay, 0, apr_time_from_sec(1)))
        && rows) {
        err = parse_number(&n, cmd, rows, 2, 10000);
    }
    conf->min_rows = (int)n;
    return err;
}

static const char *set_retry_delay(cmd_parms *cmd, void *dummy, const char *base,
                                   const char *max)
{
    llmq_retry_conf_t *conf = &server_of(cmd)->retry;
    const char *err = only_global(cmd);

    (void)dummy;
    if (!err) {
        err = parse_duration(&conf->base, cmd, base, 1000, apr_time_from_sec(86400));
    }
    if (!err && max) {
        err = parse_duration(&conf->max, cmd, max, 1000, apr_time_from_sec(86400));
    }
    else if (!err && conf->max < conf->base) {
        conf->max = conf->base;
    }
    return err;
}

/* ---- locations ---- */

static const char *set_tenant(cmd_parms *cmd, void *dir, const char *arg)
{
    if (!llmq_id_is_name(arg)) {
        return complain(cmd, arg, "must be 1 to 128 characters of A-Z a-z 0-9 _ . : -");
    }
    ((llmq_cfg_dir_t *)dir)->tenant = arg;
    return NULL;
}

static const char *set_max_content(cmd_parms *cmd, void *dir, const char *arg)
{
    return parse_number(&((llmq_cfg_dir_t *)dir)->max_content, cmd, arg, 1,
                        64 * 1024 * 1024);
}

static const char *set_max_depth(cmd_parms *cmd, void *dir, const char *arg)
{
    apr_int64_t n = 0;
    const char *err = parse_number(&n, cmd, arg, 1, 1000);

    if (!err) {
        ((llmq_cfg_dir_t *)dir)->max_depth = (int)n;
    }
    return err;
}

static const char *set_max_retries(cmd_parms *cmd, void *dir, const char *arg)
{
    apr_int64_t n = 0;
    const char *err = parse_number(&n, cmd, arg, 0, 1000);

    if (!err) {
        ((llmq_cfg_dir_t *)dir)->max_retries = (int)n;
    }
    return err;
}

static const char *set_dir_duration(cmd_parms *cmd, void *dir, const char *arg)
{
    return parse_duration(AT(apr_interval_time_t, dir, cmd), cmd, arg,
                          apr_time_from_msec(100), apr_time_from_sec(86400));
}

/* httpd calls every module that knows a directive, so this one listens in: the route is
 * what follows the path of the <Location> that names one of our handlers. It takes raw
 * arguments, wherever core's own directive is allowed, and leaves their check to core. */
static const char *hear_set_handler(cmd_parms *cmd, void *dir, const char *args)
{
    const char *arg = ap_getword_conf(cmd->pool, &args);
    llmq_handler_e handler = llmq_cfg_handler_parse(arg);
    const ap_directive_t *parent = cmd->directive->parent;
    llmq_mount_t *mount;

    if (handler == LLMQ_HANDLER_NONE) {
        static const llmq_mount_t somebody_elses;

        ((llmq_cfg_dir_t *)dir)->mount = &somebody_elses;
        return strncmp(arg, "llmq-", 5) == 0
                   ? complain(cmd, arg, "mod_llmq has no handler of this name")
                   : DECLINE_CMD;
    }
    if (!cmd->path || !parent || ap_cstr_casecmp(parent->directive, "<Location") != 0
        || cmd->path[0] != '/') {
        return complain(cmd, arg, "belongs into a <Location /path> section");
    }
    mount = apr_palloc(cmd->pool, sizeof(*mount));
    mount->len = strlen(cmd->path);
    while (mount->len > 0 && cmd->path[mount->len - 1] == '/') {
        mount->len--;
    }
    mount->path = apr_pstrmemdup(cmd->pool, cmd->path, mount->len);
    mount->handler = handler;
    ((llmq_cfg_dir_t *)dir)->mount = mount;
    APR_ARRAY_PUSH(server_of(cmd)->mounts, llmq_mount_t *) = mount;
    return NULL;
}

/* ---- <LLMQBackend> ---- */

static llmq_backend_conf_t *create_backend(apr_pool_t *p, const char *name)
{
    llmq_backend_conf_t *b = apr_pcalloc(p, sizeof(*b));

    b->name = name;
    b->kind = LLMQ_BACKEND_ECHO;
    b->max_concurrent = 64;
    b->connect_timeout = apr_time_from_sec(5);
    b->first_timeout = apr_time_from_sec(30);
    b->total_timeout = apr_time_from_sec(120);
    b->max_answer_bytes = 4 * 1024 * 1024;
    return b;
}

static const char *backend_name(const char **pname, cmd_parms *cmd, const char *args)
{
    const char *end = ap_strrchr_c(args, '>');
    const apr_array_header_t *known = server_of(cmd)->backends;
    int i;

    if (!end || end[1] != '\0') {
        return apr_pstrcat(cmd->pool, cmd->cmd->name, "> lacks its closing '>'", NULL);
    }
    args = apr_pstrmemdup(cmd->pool, args, end - args);
    *pname = ap_getword_conf(cmd->pool, &args);
    if (!llmq_id_is_name(*pname) || *args) {
        return apr_pstrcat(cmd->pool, cmd->cmd->name,
                           "> takes one name of A-Z a-z 0-9 _ . : -", NULL);
    }
    for (i = 0; i < known->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(known, i, llmq_backend_conf_t *)->name, *pname) == 0) {
            return apr_pstrcat(cmd->pool, cmd->cmd->name, " ", *pname,
                               ">: a backend of this name exists already", NULL);
        }
    }
    return NULL;
}

static const char *backend_block(cmd_parms *cmd, void *dir, const char *args)
{
    llmq_cfg_server_t *conf = server_of(cmd);
    const char *name = NULL;
    const char *err = only_global(cmd);

    (void)dir;
    if (err || (err = backend_name(&name, cmd, args))) {
        return err;
    }
    conf->open_backend = create_backend(cmd->pool, name);
    APR_ARRAY_PUSH(conf->backends, llmq_backend_conf_t *) = conf->open_backend;
    err = ap_walk_config(cmd->directive->first_child, cmd, cmd->context);
    conf->open_backend = NULL;
    return err;
}

static const char *open_backend(llmq_backend_conf_t **pb, cmd_parms *cmd)
{
    *pb = server_of(cmd)->open_backend;
    return *pb ? NULL
               : apr_pstrcat(cmd->pool, cmd->cmd->name,
                             " belongs into a <LLMQBackend> section", NULL);
}

static const char *set_backend_kind(cmd_parms *cmd, void *dir, const char *arg)
{
    llmq_backend_conf_t *b;
    const char *err = open_backend(&b, cmd);

    (void)dir;
    if (!err && llmq_backend_kind_parse(&b->kind, arg) != APR_SUCCESS) {
        err = complain(cmd, arg, "must be echo or openai");
    }
    return err;
}

static const char *set_backend_url(cmd_parms *cmd, void *dir, const char *arg)
{
    llmq_backend_conf_t *b;
    apr_uri_t uri;
    apr_size_t len = strlen(arg);
    const char *err = open_backend(&b, cmd);

    (void)dir;
    if (err) {
        return err;
    }
    if (apr_uri_parse(cmd->temp_pool, arg, &uri) != APR_SUCCESS || !uri.scheme
        || (strcmp(uri.scheme, "http") && strcmp(uri.scheme, "https")) || !uri.hostname
        || !*uri.hostname || uri.query || uri.fragment) {
        return complain(cmd, arg, "must be a base such as https://host:port/v1");
    }
    if (uri.user || uri.password) {
        return complain(cmd, "***", "no user or password here, use LLMQBackendKeyFile");
    }
    while (len > 0 && arg[len - 1] == '/') {
        len--;
    }
    b->url = apr_pstrmemdup(cmd->pool, arg, len);
    return NULL;
}

static const char *set_backend_model(cmd_parms *cmd, void *dir, const char *arg)
{
    llmq_backend_conf_t *b;
    const char *err = open_backend(&b, cmd);

    (void)dir;
    if (!err && (!*arg || strlen(arg) > LLMQ_NAME_MAX)) {
        err = complain(cmd, arg, "must be 1 to 128 bytes");
    }
    if (!err) {
        b->model = arg;
    }
    return err;
}

/* The key goes into a header: one line of visible ASCII. */
static int is_key(const char *key)
{
    const char *c;

    for (c = key; *c; c++) {
        if (*c <= ' ' || *c > '~') {
            return 0;
        }
    }
    return c != key;
}

static const char *set_backend_key_file(cmd_parms *cmd, void *dir, const char *arg)
{
    llmq_backend_conf_t *b;
    const char *path = ap_server_root_relative(cmd->pool, arg);
    apr_file_t *f;
    char buf[4097];
    apr_size_t len = sizeof(buf) - 1;
    apr_status_t rv;
    const char *err = open_backend(&b, cmd);

    (void)dir;
    if (err) {
        return err;
    }
    if (!path
        || apr_file_open(&f, path, APR_FOPEN_READ, 0, cmd->temp_pool) != APR_SUCCESS) {
        return complain(cmd, arg, "cannot be opened");
    }
    rv = apr_file_read_full(f, buf, len, &len);
    apr_file_close(f);
    if (rv != APR_SUCCESS && rv != APR_EOF) {
        return complain(cmd, arg, "cannot be read");
    }
    while (len > 0 && (buf[len - 1] == '\n' || buf[len - 1] == '\r')) {
        len--;
    }
    buf[len] = '\0';
    if (strlen(buf) != len || !is_key(buf)) {
        return complain(cmd, arg,
                        "must hold one line of at most 4096 visible characters");
    }
    b->key = apr_pstrmemdup(cmd->pool, buf, len);
    return NULL;
}

static const char *set_backend_stream(cmd_parms *cmd, void *dir, int on)
{
    llmq_backend_conf_t *b;
    const char *err = open_backend(&b, cmd);

    (void)dir;
    if (!err) {
        b->stream = on;
    }
    return err;
}

static const char *set_backend_concurrency(cmd_parms *cmd, void *dir, const char *arg)
{
    llmq_backend_conf_t *b;
    apr_int64_t n = 0;
    const char *err = open_backend(&b, cmd);

    (void)dir;
    if (!err && !(err = parse_number(&n, cmd, arg, 1, MAX_CONCURRENT))) {
        b->max_concurrent = (int)n;
    }
    return err;
}

static const char *set_backend_max_answer(cmd_parms *cmd, void *dir, const char *arg)
{
    llmq_backend_conf_t *b;
    apr_int64_t n = 0;
    const char *err = open_backend(&b, cmd);

    (void)dir;
    if (!err && !(err = parse_number(&n, cmd, arg, 1024, 64 * 1024 * 1024))) {
        b->max_answer_bytes = (apr_size_t)n;
    }
    return err;
}

static const char *set_backend_duration(cmd_parms *cmd, void *dir, const char *arg)
{
    llmq_backend_conf_t *b;
    const char *err = open_backend(&b, cmd);

    (void)dir;
    return err ? err
               : parse_duration(AT(apr_interval_time_t, b, cmd), cmd, arg,
                                apr_time_from_msec(10), apr_time_from_sec(86400));
}

#define WHERE_DIR (RSRC_CONF | ACCESS_CONF)

const command_rec llmq_cfg_cmds[] = {
    AP_INIT_FLAG("LLMQDispatcher", set_dispatcher, NULL, RSRC_CONF,
                 "On if this server drains the queue, Off if it only accepts"),
    AP_INIT_TAKE1("LLMQNode", set_node, NULL, RSRC_CONF,
                  "the name of this server among those that share a database"),
    AP_INIT_TAKE1("LLMQNodeTimeout", set_server_duration, SERVER_OFF(node_timeout),
                  RSRC_CONF,
                  "how long a node may be silent before others take over its work"),
    AP_INIT_TAKE2("LLMQQueueSize", set_queue_size, NULL, RSRC_CONF,
                  "a level and the most messages that may wait in it"),
    AP_INIT_TAKE2("LLMQQueueConcurrency", set_queue_concurrency, NULL, RSRC_CONF,
                  "a level and the most messages of it that are processed at once"),
    AP_INIT_TAKE1("LLMQStoreTimeout", set_server_duration, SERVER_OFF(store_timeout),
                  RSRC_CONF, "the longest wait of a request for the database"),
    AP_INIT_TAKE1("LLMQCommitRows", set_server_count, SERVER_OFF(commit.max_rows),
                  RSRC_CONF, "the most messages of one transaction"),
    AP_INIT_TAKE12("LLMQCommitDelay", set_commit_delay, NULL, RSRC_CONF,
                   "how long a transaction waits for more messages, and until how many"),
    AP_INIT_TAKE12(
        "LLMQRetryDelay", set_retry_delay, NULL, RSRC_CONF,
        "the first delay before a failed message is tried again, and the longest"),
    AP_INIT_TAKE1("LLMQDispatchBatch", set_server_count, SERVER_OFF(batch), RSRC_CONF,
                  "the most messages that the dispatcher takes at a time"),

    AP_INIT_RAW_ARGS("<LLMQBackend", backend_block, NULL, RSRC_CONF,
                     "a language model and how to talk to it"),
    AP_INIT_TAKE1("LLMQBackendKind", set_backend_kind, NULL, RSRC_CONF, "echo or openai"),
    AP_INIT_TAKE1("LLMQBackendURL", set_backend_url, NULL, RSRC_CONF,
                  "the base URL, /chat/completions is added"),
    AP_INIT_TAKE1("LLMQBackendModel", set_backend_model, NULL, RSRC_CONF,
                  "the model to ask for"),
    AP_INIT_TAKE1("LLMQBackendKeyFile", set_backend_key_file, NULL, RSRC_CONF,
                  "a file that holds the bearer key"),
    AP_INIT_FLAG("LLMQBackendStream", set_backend_stream, NULL, RSRC_CONF,
                 "On to receive answers as a stream"),
    AP_INIT_TAKE1("LLMQBackendConcurrency", set_backend_concurrency, NULL, RSRC_CONF,
                  "the most calls in flight"),
    AP_INIT_TAKE1("LLMQBackendConnectTimeout", set_backend_duration,
                  BACKEND_OFF(connect_timeout), RSRC_CONF,
                  "the longest wait for a connection"),
    AP_INIT_TAKE1("LLMQBackendFirstTimeout", set_backend_duration,
                  BACKEND_OFF(first_timeout), RSRC_CONF,
                  "the longest wait for the first byte of an answer"),
    AP_INIT_TAKE1("LLMQBackendTotalTimeout", set_backend_duration,
                  BACKEND_OFF(total_timeout), RSRC_CONF,
                  "the longest wait for a whole answer"),
    AP_INIT_TAKE1("LLMQBackendMaxAnswer", set_backend_max_answer, NULL, RSRC_CONF,
                  "the largest answer in bytes"),

    AP_INIT_TAKE1("LLMQTenant", set_tenant, NULL, WHERE_DIR,
                  "the tenant that everything here belongs to"),
    AP_INIT_TAKE1("LLMQMaxContent", set_max_content, NULL, WHERE_DIR,
                  "the longest content of a message in bytes"),
    AP_INIT_TAKE1("LLMQMaxDepth", set_max_depth, NULL, WHERE_DIR,
                  "the deepest nesting of JSON that is read"),
    AP_INIT_TAKE1("LLMQMaxRetries", set_max_retries, NULL, WHERE_DIR,
                  "how often a failed message is tried again"),
    AP_INIT_TAKE1("LLMQTimeout", set_dir_duration, DIR_OFF(timeout), WHERE_DIR,
                  "the longest time of one attempt"),
    AP_INIT_TAKE1(
        "LLMQRetryAfter", set_dir_duration, DIR_OFF(retry_after), WHERE_DIR,
        "what Retry-After says when the queue or the database cannot take more"),
    AP_INIT_RAW_ARGS("SetHandler", hear_set_handler, NULL, OR_FILEINFO,
                     "(also heard by mod_llmq: llmq-queue, llmq-health)"),
    {NULL}};
