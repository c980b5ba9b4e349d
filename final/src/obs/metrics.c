#include "obs/metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SAMPLE_MAX 512

static void sample(struct metrics *m, const char *type, const char *name,
                   const char *help, double value)
{
    char text[SAMPLE_MAX];
    int n;

    if (m->rc < 0)
        return;
    n = snprintf(text, sizeof(text), "# HELP %s %s\n# TYPE %s %s\n%s %.17g\n", name, help,
                 name, type, name, value);
    if (n > 0 && (size_t)n < sizeof(text))
        m->rc = buf_append(m->out, text, (size_t)n);
}

void metrics_counter(struct metrics *m, const char *name, const char *help, double value)
{
    sample(m, "counter", name, help, value);
}

void metrics_gauge(struct metrics *m, const char *name, const char *help, double value)
{
    sample(m, "gauge", name, help, value);
}

static int count_fds(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = -3;                       /* ".", ".." and the folder itself */

    if (!d)
        return -1;
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

/* Columns 14, 15 and 24 of /proc/self/stat, behind the name in brackets. */
static int read_stat(double *cpu_s, double *rss)
{
    unsigned long ut, st;
    long pages;
    char text[1024], *at;
    FILE *f = fopen("/proc/self/stat", "re");
    size_t n;

    if (!f)
        return -1;
    n = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    text[n] = '\0';
    at = strrchr(text, ')');
    if (!at || sscanf(at + 2,
                      "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d "
                      "%*d %*d %*d %*u %*u %ld",
                      &ut, &st, &pages) != 3)
        return -1;
    *cpu_s = (double)(ut + st) / (double)sysconf(_SC_CLK_TCK);
    *rss = (double)pages * (double)sysconf(_SC_PAGESIZE);
    return 0;
}

void metrics_process(struct metrics *m)
{
    double cpu_s, rss;

    if (read_stat(&cpu_s, &rss) == 0) {
        metrics_counter(m, "process_cpu_seconds_total",
                        "Processor time, user and system.", cpu_s);
        metrics_gauge(m, "process_resident_memory_bytes", "Memory in use.", rss);
    }
    metrics_gauge(m, "process_open_fds", "Open file descriptors.", count_fds());
}
