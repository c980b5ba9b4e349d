#include "roster/roster_faults.h"

#include <stdarg.h>
#include <string.h>

void roster_faults_add(struct roster_faults *f, int line, const char *fmt, ...)
{
    unsigned i = f->n;
    va_list ap;

    if (f->n == ROSTER_FAULTS_MAX) {
        f->n_more++;
        return;
    }
    while (i > 0 && f->at[i - 1].line > line)
        i--;
    memmove(&f->at[i + 1], &f->at[i], (f->n - i) * sizeof(f->at[0]));
    f->at[i].line = line;
    va_start(ap, fmt);
    vsnprintf(f->at[i].text, sizeof(f->at[i].text), fmt, ap);
    va_end(ap);
    f->n++;
}

/* Values of the file are quoted in the text, and the file may be any file. */
static void print_safe(const char *text, FILE *to)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        putc(c < ' ' || c == 127 ? '?' : c, to);
    }
}

void roster_faults_print(const struct roster_faults *f, const char *file, FILE *to)
{
    unsigned i;

    for (i = 0; i < f->n; i++) {
        fprintf(to, "%s:%d: ", file, f->at[i].line);
        print_safe(f->at[i].text, to);
        putc('\n', to);
    }
    if (f->n_more > 0)
        fprintf(to, "%s: %u more faults; mend these first\n", file, f->n_more);
}
