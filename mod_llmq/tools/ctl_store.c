#include "tools/ctl_store.h"

#include "base/result.h"
#include "tools/ctl_args.h"

#include <apr_dbd.h>
#include <apr_env.h>
#include <apr_file_io.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include <string.h>

#define LINE_MAX_BYTES 8192
#define PATIENCE       apr_time_from_sec(60)

static char *skip_blanks(char *s)
{
    while (apr_isspace(*s)) {
        s++;
    }
    return s;
}

static void cut_blanks(char *s)
{
    char *end = s + strlen(s);

    while (end > s && apr_isspace(end[-1])) {
        *--end = '\0';
    }
}

/* `name = value`: the value is the rest of the line. */
static void read_plain(llmq_ctl_store_t *db, char *line, apr_pool_t *p)
{
    char *value = strchr(line, '=');

    if (*line == '#' || !value) {
        return;
    }
    *value++ = '\0';
    cut_blanks(line);
    value = skip_blanks(value);
    if (strcmp(line, "driver") == 0) {
        db->driver = apr_pstrdup(p, value);
    }
    else if (strcmp(line, "params") == 0) {
        db->params = apr_pstrdup(p, value);
    }
}

/* The first argument of a directive as httpd reads it: in quotes, or up to a blank. */
static const char *argument(char *s, apr_pool_t *p)
{
    char *text, *to, quote;

    s = skip_blanks(s);
    quote = *s == '"' || *s == '\'' ? *s++ : '\0';
    text = to = apr_pstrdup(p, s);
    for (; *s && (quote ? *s != quote : !apr_isspace(*s)); s++) {
        if (quote && *s == '\\' && (s[1] == quote || s[1] == '\\')) {
            s++;
        }
        *to++ = *s;
    }
    *to = '\0';
    return text;
}

static void read_httpd(llmq_ctl_store_t *db, char *line, apr_pool_t *p)
{
    apr_size_t len = strcspn(line, " \t");

    if (len == 8 && strncasecmp(line, "DBDriver", len) == 0) {
        db->driver = argument(line + len, p);
    }
    else if (len == 9 && strncasecmp(line, "DBDParams", len) == 0) {
        db->params = argument(line + len, p);
    }
}

static int read_file(llmq_ctl_store_t *db, const char *path, int is_httpd, apr_pool_t *p)
{
    char buf[LINE_MAX_BYTES];
    apr_file_t *f;
    apr_status_t rv = apr_file_open(&f, path, APR_FOPEN_READ | APR_FOPEN_BUFFERED, 0, p);

    if (rv != APR_SUCCESS) {
        return llmq_ctl_args_complain(LLMQ_CTL_FAILED, "%s cannot be read: %s", path,
                                      llmq_result_strerror(rv, buf, sizeof(buf)));
    }
    while (apr_file_gets(buf, sizeof(buf), f) == APR_SUCCESS) {
        char *line = skip_blanks(buf);

        cut_blanks(line);
        (is_httpd ? read_httpd : read_plain)(db, line, p);
    }
    apr_file_close(f);
    return LLMQ_CTL_OK;
}

static const char *from_environment(const char *name, apr_pool_t *p)
{
    char *value = NULL;

    return apr_env_get(&value, name, p) == APR_SUCCESS ? value : NULL;
}

static int find_database(llmq_ctl_store_t *db, const llmq_ctl_t *ctl)
{
    const char *conf = ctl->options[LLMQ_CTL_CONF];
    const char *httpd = ctl->options[LLMQ_CTL_HTTPD_CONF];
    int code = LLMQ_CTL_OK;

    if (conf) {
        code = read_file(db, conf, 0, ctl->pool);
    }
    else if (httpd) {
        code = read_file(db, httpd, 1, ctl->pool);
    }
    else {
        db->driver = from_environment("LLMQ_DB_DRIVER", ctl->pool);
        db->params = from_environment("LLMQ_DB_PARAMS", ctl->pool);
    }
    if (code == LLMQ_CTL_OK && (!db->driver || !db->params)) {
        return llmq_ctl_args_complain(
            LLMQ_CTL_USAGE,
            "where is the database? Use --conf FILE, --httpd-conf FILE, or"
            " LLMQ_DB_DRIVER and LLMQ_DB_PARAMS in the environment");
    }
    return code;
}

static int parse_driver(llmq_ctl_store_t *db)
{
    if (strcmp(db->driver, "pgsql") == 0) {
        db->conf.dialect = LLMQ_DIALECT_PGSQL;
    }
    else if (strcmp(db->driver, "sqlite3") == 0) {
        db->conf.dialect = LLMQ_DIALECT_SQLITE3;
    }
    else {
        return llmq_ctl_args_complain(LLMQ_CTL_USAGE,
                                      "the driver must be sqlite3 or pgsql");
    }
    return LLMQ_CTL_OK;
}

int llmq_ctl_store_open(llmq_ctl_store_t *db, const llmq_ctl_t *ctl)
{
    int code;

    memset(db, 0, sizeof(*db));
    if ((code = find_database(db, ctl)) || (code = parse_driver(db))) {
        return code;
    }
    apr_dbd_init(ctl->pool);
    db->conf.timeout = PATIENCE;
    llmq_store_source_direct(&db->source, db->driver, db->params, 0, ctl->pool);
    if (llmq_store_create(&db->store, &db->source, &db->conf, ctl->pool) != APR_SUCCESS) {
        return llmq_ctl_store_failed(LLMQ_ESTORE);
    }
    return LLMQ_CTL_OK;
}

int llmq_ctl_store_failed(apr_status_t rv)
{
    char buf[200];

    return llmq_ctl_args_complain(LLMQ_CTL_FAILED, "%s",
                                  llmq_result_strerror(rv, buf, sizeof(buf)));
}
