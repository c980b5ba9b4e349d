/* A fault is text as soon as it is found, because what it is about (a row, a picture) is
 * replaced by the next.  The list is bounded, so a file of another kind, with a fault in
 * each byte, costs no more than a good one.
 *
 * Rejected: ending at the first fault.  A spreadsheet with twenty faults would need
 * twenty attempts, each by a person who has to find the file again. */
#include "site/import_fault.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/utf8.h"

void import_fault_add(struct import_faults *f, struct import_pos at, const char *fmt, ...)
{
    struct import_fault *one;
    va_list ap;
    char *p;

    if (f->n++ >= IMPORT_FAULT_MAX)
        return;
    one = &f->kept[f->n - 1];
    one->at = at;
    va_start(ap, fmt);
    vsnprintf(one->text, sizeof(one->text), fmt, ap);
    va_end(ap);
    utf8_replace_broken(one->text); /* it may be cut within a character */
    for (p = one->text; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f ||
            ((unsigned char)p[0] == 0xc2 && (unsigned char)p[1] < 0xa0))
            *p = '?'; /* C1 characters command terminals as well */
    utf8_replace_broken(one->text);
}

static int by_place(const void *a, const void *b)
{
    const struct import_fault *x = a, *y = b;

    if (x->at.line != y->at.line)
        return x->at.line < y->at.line ? -1 : 1;
    return (x->at.column > y->at.column) - (x->at.column < y->at.column);
}

void import_fault_print(struct import_faults *f, const char *file, FILE *to)
{
    uint32_t i, n = f->n < IMPORT_FAULT_MAX ? f->n : IMPORT_FAULT_MAX;

    qsort(f->kept, n, sizeof(f->kept[0]), by_place);
    for (i = 0; i < n; i++)
        fprintf(to, "%s:%u:%u: %s\n", file, f->kept[i].at.line, f->kept[i].at.column,
                f->kept[i].text);
    if (f->n > n)
        fprintf(to, "%s: %u more faults are not printed\n", file, f->n - n);
}
