#include "obs/metrics.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log_sink.h"

#define SAMPLE_MAX 512

static void append(struct metrics *m, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void append(struct metrics *m, const char *fmt, ...)
{
    char text[SAMPLE_MAX];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (m->rc == 0 && n > 0 && (size_t)n < sizeof(text))
        m->rc = buf_append(m->out, text, (size_t)n);
}

static void append_sample(struct metrics *m, const char *type, const char *name,
                          const char *help, double value)
{
    append(m, "# HELP %s %s\n# TYPE %s %s\n%s %.17g\n", name, help, name, type, name,
           value);
}

void metrics_counter(struct metrics *m, const char *name, const char *help, double value)
{
    append_sample(m, "counter", name, help, value);
}

void metrics_gauge(struct metrics *m, const char *name, const char *help, double value)
{
    append_sample(m, "gauge", name, help, value);
}

static void append_parts(struct metrics *m, const char *type, const char *name,
                         const char *help, const char *label,
                         const struct metrics_part *part, size_t n)
{
    size_t i;

    append(m, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
    for (i = 0; i < n; i++)
        append(m, "%s{%s=\"%s\"} %.17g\n", name, label, part[i].value, part[i].count);
}

void metrics_counter_parts(struct metrics *m, const char *name, const char *help,
                           const char *label, const struct metrics_part *part, size_t n)
{
    append_parts(m, "counter", name, help, label, part, n);
}

void metrics_gauge_parts(struct metrics *m, const char *name, const char *help,
                         const char *label, const struct metrics_part *part, size_t n)
{
    append_parts(m, "gauge", name, help, label, part, n);
}

static void append_samples(struct metrics *m, const char *type, const char *name,
                           const char *help, const struct metrics_sample *sample,
                           size_t n)
{
    size_t i;

    append(m, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
    for (i = 0; i < n; i++)
        append(m, "%s{%s} %.17g\n", name, sample[i].labels, sample[i].value);
}

void metrics_counter_samples(struct metrics *m, const char *name, const char *help,
                             const struct metrics_sample *sample, size_t n)
{
    append_samples(m, "counter", name, help, sample, n);
}

void metrics_gauge_samples(struct metrics *m, const char *name, const char *help,
                           const struct metrics_sample *sample, size_t n)
{
    append_samples(m, "gauge", name, help, sample, n);
}

static void append_series(struct metrics *m, const char *name, const char *label,
                          const double *bound, size_t n_bounds,
                          const struct metrics_series *s)
{
    uint64_t sum = 0;
    size_t i;

    for (i = 0; i < n_bounds; i++) {
        sum += s->count[i];
        append(m, "%s_bucket{%s=\"%s\",le=\"%g\"} %.17g\n", name, label, s->value,
               bound[i], (double)sum);
    }
    sum += s->count[n_bounds];
    append(m, "%s_bucket{%s=\"%s\",le=\"+Inf\"} %.17g\n", name, label, s->value,
           (double)sum);
    append(m, "%s_sum{%s=\"%s\"} %.17g\n", name, label, s->value, s->sum);
    append(m, "%s_count{%s=\"%s\"} %.17g\n", name, label, s->value, (double)sum);
}

void metrics_histogram(struct metrics *m, const char *name, const char *help,
                       const char *label, const double *bound, size_t n_bounds,
                       const struct metrics_series *series, size_t n)
{
    size_t i;

    append(m, "# HELP %s %s\n# TYPE %s histogram\n", name, help, name);
    for (i = 0; i < n; i++)
        append_series(m, name, label, bound, n_bounds, &series[i]);
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
    metrics_counter(m, "lars_log_dropped_total",
                    "Lines of the log that were dropped because their reader did not "
                    "read.",
                    (double)log_sink_n_dropped());
}
