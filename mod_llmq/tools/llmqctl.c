/* llmqctl: the operator's tool. Finds the command in the table below, checks that it knows
 * the options it was given, and calls it. */
#include "base/log.h"
#include "tools/ctl_args.h"

#include <apr_general.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BIT(id)  (1u << LLMQ_CTL_##id)
#define DATABASE (BIT(CONF) | BIT(HTTPD_CONF))
#define WHOSE    (BIT(SUB) | BIT(TENANT) | BIT(SCOPE) | BIT(ADMIN) | BIT(EXP))

#define MAX_OPERANDS 10000

#define OPTION_HELP    1000
#define OPTION_VERSION 1001

typedef struct {
    const char *noun;
    const char *verb; /* NULL: the noun is the command */
    llmq_ctl_fn_t *run;
    unsigned int options; /* those it knows */
    int min_operands;
    int max_operands;
    const char *usage;
} command_t;

static const command_t commands[] = {
    {"token", NULL, llmq_ctl_token_run, WHOSE | BIT(SECRET_FILE) | BIT(ISS), 0, 0,
     "--secret-file FILE --sub USER [--exp 1h] [--iss NAME] [--tenant NAME]\n"
     "      [--scope \"WORDS\"] [--admin]\n"
     "      Print a token that the secret signs."},
    {"key", "create", llmq_ctl_key_create, DATABASE | WHOSE | BIT(JSON), 0, 0,
     "--sub USER [--exp 30d] [--tenant NAME] [--scope \"WORDS\"] [--admin] [--json]\n"
     "      Print a new API key. It is shown this once."},
    {"key", "list", llmq_ctl_key_list, DATABASE | BIT(TENANT) | BIT(JSON), 0, 0,
     "[--tenant NAME] [--json]\n"
     "      Show the records of the API keys."},
    {"key", "revoke", llmq_ctl_key_revoke, DATABASE, 1, 1,
     "ID\n"
     "      Make an API key invalid."},
    {"app", "create", llmq_ctl_app_create,
     DATABASE | BIT(SUB) | BIT(TENANT) | BIT(NAME) | BIT(ICON) | BIT(DESCRIPTION), 0, 0,
     "--sub USER --name TEXT [--icon URL] [--description TEXT] [--tenant NAME]\n"
     "      Make an app and print its id."},
    {"app", "list", llmq_ctl_app_list,
     DATABASE | BIT(SUB) | BIT(TENANT) | BIT(LIMIT) | BIT(JSON), 0, 0,
     "[--sub USER] [--tenant NAME] [--limit 20] [--json]\n"
     "      Show apps, the newest first."},
    {"app", "token", llmq_ctl_app_token,
     DATABASE | BIT(TENANT) | BIT(SECRET_FILE) | BIT(EXP) | BIT(ISS), 1, 1,
     "ID --secret-file FILE [--exp 1h] [--iss NAME] [--tenant NAME]\n"
     "      Print a token for the owner of an app."},
    {"dead-letter", "list", llmq_ctl_dead_list,
     DATABASE | BIT(TENANT) | BIT(KIND) | BIT(JSON) | BIT(LIMIT), 0, 0,
     "[--tenant NAME] [--kind message|task] [--limit 20] [--json]\n"
     "      Show what was given up, the latest first."},
    {"dead-letter", "requeue", llmq_ctl_dead_requeue,
     DATABASE | BIT(TENANT) | BIT(KIND) | BIT(ALL), 0, MAX_OPERANDS,
     "[--tenant NAME] [--kind message|task] ID...|--all\n"
     "      Send dead letters back to their levels."},
    {"dead-letter", "delete", llmq_ctl_dead_delete,
     DATABASE | BIT(TENANT) | BIT(KIND) | BIT(ALL), 0, MAX_OPERANDS,
     "[--tenant NAME] [--kind message|task] ID...|--all\n"
     "      Remove dead letters."},
    {"status", NULL, llmq_ctl_status_run, DATABASE | BIT(TENANT) | BIT(JSON), 0, 0,
     "[--tenant NAME] [--json]\n"
     "      Count what is stored by tenant, level and status, and show the nodes."},
    {"usage", NULL, llmq_ctl_usage_run,
     DATABASE | BIT(TENANT) | BIT(SINCE) | BIT(UNTIL) | BIT(KEY) | BIT(API_KEY)
         | BIT(MODEL) | BIT(LIMIT) | BIT(JSON),
     0, 0,
     "[--tenant NAME] [--since DAY] [--until DAY] [--key USER] [--api-key ID]\n"
     "      [--model NAME] [--limit 100] [--json]\n"
     "      Show what was used by day, tenant, user, API key and model."},
    {"migrate", NULL, llmq_ctl_status_migrate, DATABASE, 0, 0,
     "\n"
     "      Make the tables, or bring them up to date."},
    {NULL, NULL, NULL, 0, 0, 0, NULL}};

#define LONG_OPTION(id, name, arg) {name, arg, NULL, LLMQ_CTL_##id},
static const struct option long_options[] = {
    LLMQ_CTL_OPTIONS(LONG_OPTION){"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0}};

static void show_help(FILE *out)
{
    const command_t *c;

    fputs("usage: llmqctl COMMAND [OPTIONS]\n\n", out);
    for (c = commands; c->run; c++) {
        fprintf(out, "  %s%s%s %s\n", c->noun, c->verb ? " " : "", c->verb ? c->verb : "",
                c->usage);
    }
    fputs(
        "\nThe database: --conf FILE with lines `driver = …` and `params = …`,\n"
        "--httpd-conf FILE with DBDriver and DBDParams, or LLMQ_DB_DRIVER and\n"
        "LLMQ_DB_PARAMS in the environment.\n"
        "Exit status: 0 done, 1 failed, 2 not called as it should be. See llmqctl(1).\n",
        out);
}

/* @return OPTION_HELP, OPTION_VERSION, 0, or -1 for an option that does not exist */
static int read_options(llmq_ctl_t *ctl, int argc, char **argv)
{
    int c;

    /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread */
    while ((c = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        if (c == 'h' || c == OPTION_HELP) {
            return OPTION_HELP;
        }
        if (c == OPTION_VERSION) {
            return c;
        }
        if (c == '?' || c < 0 || c >= LLMQ_CTL_OPTION_COUNT) {
            return -1;
        }
        ctl->options[c] = optarg ? optarg : "";
    }
    ctl->operands = argv + optind;
    ctl->n_operands = argc - optind;
    return 0;
}

/* Takes the words of the command from the operands. */
static const command_t *find_command(llmq_ctl_t *ctl)
{
    const command_t *c;

    for (c = commands; c->run; c++) {
        int words = c->verb ? 2 : 1;

        if (ctl->n_operands >= words && strcmp(ctl->operands[0], c->noun) == 0
            && (!c->verb || strcmp(ctl->operands[1], c->verb) == 0)) {
            ctl->operands += words;
            ctl->n_operands -= words;
            return c;
        }
    }
    return NULL;
}

static int check_call(const llmq_ctl_t *ctl, const command_t *c)
{
    int i;

    for (i = 0; i < LLMQ_CTL_OPTION_COUNT; i++) {
        if (ctl->options[i] && !(c->options & (1u << i))) {
            return llmq_ctl_args_complain(LLMQ_CTL_USAGE, "--%s does not belong here",
                                          long_options[i].name);
        }
    }
    if (ctl->n_operands < c->min_operands || ctl->n_operands > c->max_operands) {
        return llmq_ctl_args_complain(LLMQ_CTL_USAGE, "usage: llmqctl %s%s%s %s", c->noun,
                                      c->verb ? " " : "", c->verb ? c->verb : "",
                                      c->usage);
    }
    return LLMQ_CTL_OK;
}

/* No command, or one that does not exist: which it was stands below all those there are. */
static int complain_unknown(const llmq_ctl_t *ctl)
{
    show_help(stderr);
    if (ctl->n_operands == 0) {
        return llmq_ctl_args_complain(LLMQ_CTL_USAGE, "name a command");
    }
    return llmq_ctl_args_complain(LLMQ_CTL_USAGE, "there is no command %s%s%s",
                                  ctl->operands[0], ctl->n_operands > 1 ? " " : "",
                                  ctl->n_operands > 1 ? ctl->operands[1] : "");
}

static int run(llmq_ctl_t *ctl)
{
    const command_t *c = find_command(ctl);
    int code;

    if (!c) {
        return complain_unknown(ctl);
    }
    code = check_call(ctl, c);
    return code ? code : c->run(ctl);
}

/* What the library has to say is for the operator, without places in the source. */
static void show_line(void *ctx, llmq_log_level_e level, const char *file, int line,
                      apr_status_t rv, const char *text)
{
    (void)ctx;
    (void)level;
    (void)file;
    (void)line;
    (void)rv;
    fprintf(stderr, "llmqctl: %s\n", text);
}

int main(int argc, char **argv)
{
    llmq_ctl_t ctl = {0};
    int code;

    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&ctl.pool, NULL);
    llmq_log_set_sink(show_line, NULL, LLMQ_LOG_WARNING);
    switch (read_options(&ctl, argc, argv)) {
    case 0: code = run(&ctl); break;
    case OPTION_HELP: show_help(stdout); return LLMQ_CTL_OK;
    case OPTION_VERSION: puts("llmqctl " LLMQ_VERSION); return LLMQ_CTL_OK;
    default: return LLMQ_CTL_USAGE; /* getopt has complained */
    }
    if (fflush(stdout) || ferror(stdout)) {
        return llmq_ctl_args_complain(LLMQ_CTL_FAILED, "the output cannot be written");
    }
    apr_pool_destroy(ctl.pool);
    return code;
}
