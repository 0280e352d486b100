#include "base/sysinfo.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define TEXT_MAX 16384

/* What is longer is cut off: /proc/stat goes on with each processor, and a thousand
 * interfaces are more than matter. */
static const char *read_text(char *text, const char *path)
{
    apr_size_t len = 0;
    ssize_t n = 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    while (fd >= 0 && n > 0 && len < TEXT_MAX - 1) {
        n = read(fd, text + len, TEXT_MAX - 1 - len);
        len += n > 0 ? (apr_size_t)n : 0;
    }
    if (fd >= 0)
        close(fd);
    text[len] = '\0';
    return text;
}

/* Numbers of one line, separated by blanks; returns how many there were, at most n. */
static int read_numbers(unsigned long long *out, int n, const char *s)
{
    int i;

    for (i = 0; i < n; i++) {
        char *end;

        while (*s == ' ' || *s == '\t')
            s++;
        if (*s < '0' || *s > '9')
            break;
        out[i] = strtoull(s, &end, 10);
        s = end;
    }
    return i;
}

/* cpu user nice system idle iowait irq softirq steal; what follows is contained in user. */
apr_status_t llmq_sysinfo_parse_stat(llmq_sysinfo_t *info, const char *text)
{
    unsigned long long t[8] = {0};

    if (strncmp(text, "cpu ", 4) != 0 || read_numbers(t, 8, text + 4) < 4)
        return APR_EINVAL;
    info->cpu_busy = t[0] + t[1] + t[2] + t[5] + t[6] + t[7];
    info->cpu_total = info->cpu_busy + t[3] + t[4];
    return APR_SUCCESS;
}

void llmq_sysinfo_parse_net(llmq_sysinfo_t *info, const char *text)
{
    unsigned long long t[9]; /* the first is bytes in, the ninth bytes out */

    info->net_in = info->net_out = 0;
    for (; text; text = strchr(text, '\n')) {
        const char *name, *end;

        text += *text == '\n';
        name = text + strspn(text, " ");
        end = name + strcspn(name, ": \n");
        if (*end == ':' && end > name && strncmp(name, "lo:", 3) != 0
            && read_numbers(t, 9, end + 1) == 9) {
            info->net_in += t[0];
            info->net_out += t[8];
        }
    }
}

static int field(unsigned long long *pn, const char *text, const char *name)
{
    const char *at = strstr(text, name);

    return at && read_numbers(pn, 1, at + strlen(name)) == 1;
}

double llmq_sysinfo_parse_memory(const char *text)
{
    unsigned long long total = 0, available = 0;

    if (!field(&total, text, "MemTotal:") || !field(&available, text, "MemAvailable:")
        || total == 0 || available > total)
        return 0;
    return 100.0 * (double)(total - available) / (double)total;
}

void llmq_sysinfo_read(llmq_sysinfo_t *info)
{
    char text[TEXT_MAX];

    memset(info, 0, sizeof(*info));
    llmq_sysinfo_parse_stat(info, read_text(text, "/proc/stat"));
    llmq_sysinfo_parse_net(info, read_text(text, "/proc/net/dev"));
}

double llmq_sysinfo_memory(void)
{
    char text[TEXT_MAX];

    return llmq_sysinfo_parse_memory(read_text(text, "/proc/meminfo"));
}

/* As df counts: what is reserved for root is neither in use nor to be had. */
double llmq_sysinfo_disk(const char *path)
{
    struct statvfs s;
    double used;

    if (statvfs(path, &s) != 0 || s.f_blocks < s.f_bfree)
        return 0;
    used = (double)(s.f_blocks - s.f_bfree);
    return used + (double)s.f_bavail > 0 ? 100.0 * used / (used + (double)s.f_bavail) : 0;
}

double llmq_sysinfo_cpu(const llmq_sysinfo_t *then, const llmq_sysinfo_t *now)
{
    if (now->cpu_total <= then->cpu_total || now->cpu_busy < then->cpu_busy)
        return 0;
    return 100.0 * (double)(now->cpu_busy - then->cpu_busy)
           / (double)(now->cpu_total - then->cpu_total);
}
