/* The line names kinds of errors only when there are some, so that a line of a healthy
 * second is short and the same in every second. */
#include "load/figures.h"

#include <stdbool.h>

static const char *const names[FIGURES_ERRORS] = {"connect", "reset", "no HTTP",
                                                  "timeout", "no room"};

void figures_add(struct figures *to, const struct figures *more)
{
    unsigned i;

    to->scheduled += more->scheduled;
    to->ok += more->ok;
    to->waiting += more->waiting;
    for (i = 0; i < FIGURES_ERRORS; i++)
        to->error[i] += more->error[i];
    for (i = 0; i < 6; i++)
        to->status[i] += more->status[i];
    for (i = 0; i <= LATENCY_BUCKETS; i++)
        to->latency[i] += more->latency[i];
    to->sum_us += more->sum_us;
    to->late += more->late;
    if (more->late_max_us > to->late_max_us)
        to->late_max_us = more->late_max_us;
}

static uint64_t n_errors(const struct figures *f)
{
    uint64_t n = 0;
    unsigned i;

    for (i = 0; i < FIGURES_ERRORS; i++)
        n += f->error[i];
    return n;
}

static uint64_t n_answers(const struct figures *f)
{
    uint64_t n = 0;
    unsigned i;

    for (i = 0; i < 6; i++)
        n += f->status[i];
    return n;
}

uint64_t figures_done(const struct figures *f)
{
    return n_answers(f) + n_errors(f);
}

uint64_t figures_failed(const struct figures *f)
{
    return figures_done(f) - f->ok - f->waiting;
}

uint64_t figures_p_us(const struct figures *f, double q)
{
    return latency_quantile_us(f->latency, q);
}

const char *figures_error_name(enum figures_error e)
{
    return names[e];
}

static void print_ms(const char *name, uint64_t us, FILE *to)
{
    if (us < 10000)
        fprintf(to, "  %s %.1f ms", name, (double)us / 1000);
    else
        fprintf(to, "  %s %llu ms", name, (unsigned long long)us / 1000);
}

static void print_kinds(const struct figures *f, FILE *to)
{
    bool first = true;
    unsigned i;

    for (i = 0; i < FIGURES_ERRORS + 6; i++) {
        unsigned k = i - FIGURES_ERRORS;
        uint64_t n = i < FIGURES_ERRORS ? f->error[i] : f->status[k];

        if (n == 0 || (i >= FIGURES_ERRORS && (k == 2 || k == 3)))
            continue;
        if (i >= FIGURES_ERRORS)
            fprintf(to, "%s%uxx %llu", first ? " (" : ", ", k, (unsigned long long)n);
        else
            fprintf(to, "%s%s %llu", first ? " (" : ", ", names[i],
                    (unsigned long long)n);
        first = false;
    }
    if (!first)
        fputc(')', to);
}

void figures_print(const struct figures *f, FILE *to)
{
    fprintf(to, "due %llu  ok %llu  failed %llu", (unsigned long long)f->scheduled,
            (unsigned long long)f->ok, (unsigned long long)figures_failed(f));
    print_kinds(f, to);
    if (f->waiting)
        fprintf(to, "  waiting page %llu", (unsigned long long)f->waiting);
    print_ms("p50", figures_p_us(f, 0.5), to);
    print_ms("p99", figures_p_us(f, 0.99), to);
    if (f->late)
        fprintf(to, "  generator late %llu, by up to %llu ms",
                (unsigned long long)f->late, (unsigned long long)f->late_max_us / 1000);
}
