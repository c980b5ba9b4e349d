/* fuzz_import_csv -- checks for any bytes of a spreadsheet: they become whole text in an
 * encoding, rows of whole text without control characters, and exhibits within their
 * limits; whatever is not as it should be is a fault with a place. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "site/import_sheet.h"
#include "site/import_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_faults(const struct import_faults *f)
{
    uint32_t i;

    for (i = 0; i < f->n && i < IMPORT_FAULT_MAX; i++)
        if (f->kept[i].at.line == 0 || f->kept[i].at.column == 0 || !f->kept[i].text[0] ||
            !utf8_is_whole(f->kept[i].text) || strpbrk(f->kept[i].text, "\r\n\x1b"))
            abort();
}

static void check_items(const struct import_sheet *s, const struct import_faults *f)
{
    uint32_t i;
    int c;

    if (s->n > IMPORT_ITEMS_MAX || (s->n == 0 && f->n == 0))
        abort();
    for (i = 0; i < s->n; i++) {
        for (c = 0; c < IMPORT_N_COLUMNS; c++)
            if (!utf8_is_whole(s->item[i].text[c]))
                abort();
        if (f->n == 0 && (!s->item[i].category || !s->item[i].text[IMPORT_ID][0] ||
                          !s->item[i].text[IMPORT_TITLE_ZH][0]))
            abort();
    }
}

/* The first byte asks for an encoding. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct import_faults f;
    struct import_sheet s;
    struct import_text t;
    int dir;

    if (size == 0)
        return 0;
    f.n = 0;
    if (import_text_decode(&t, data + 1, size - 1, data[0] % 5, &f) < 0)
        abort();
    dir = open("/proc/self/fdinfo", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (strlen(t.text) == t.len && !utf8_is_whole(t.text))
        abort();
    if (import_sheet_read(&s, t.text, t.len, dir, &f) < 0)
        abort();
    check_faults(&f);
    check_items(&s, &f);
    import_sheet_free(&s);
    import_text_free(&t);
    close(dir);
    return 0;
}
