#include "sheetfix.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int sheetfix_read(struct sheetfix *x, const void *bytes, size_t len)
{
    char folder[] = "/tmp/sheetfix-XXXXXX";
    int dir, rc;

    memset(x, 0, sizeof(*x));
    rc = import_text_decode(&x->text, bytes, len, IMPORT_AUTO, &x->f);
    if (rc < 0)
        return rc;
    if (!mkdtemp(folder))
        return -1;
    dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    rmdir(folder);
    rc = import_sheet_read(&x->sheet, x->text.text, x->text.len, dir, &x->f);
    close(dir);
    return rc;
}

int sheetfix_rows(struct sheetfix *x, const char *rows)
{
    size_t len = strlen(SHEETFIX_TITLES) + strlen(rows);
    char *all = malloc(len + 1);
    int rc;

    if (!all)
        return -1;
    snprintf(all, len + 1, "%s%s", SHEETFIX_TITLES, rows);
    rc = sheetfix_read(x, all, len);
    free(all);
    return rc;
}

void sheetfix_free(struct sheetfix *x)
{
    import_sheet_free(&x->sheet);
    import_text_free(&x->text);
}

int sheetfix_has(const struct sheetfix *x, uint32_t line, uint32_t column,
                 const char *part)
{
    uint32_t i;

    for (i = 0; i < x->f.n && i < IMPORT_FAULT_MAX; i++)
        if (x->f.kept[i].at.line == line && x->f.kept[i].at.column == column &&
            strstr(x->f.kept[i].text, part))
            return 1;
    for (i = 0; i < x->f.n && i < IMPORT_FAULT_MAX; i++)
        fprintf(stderr, "fault %u:%u: %s\n", x->f.kept[i].at.line, x->f.kept[i].at.column,
                x->f.kept[i].text);
    return 0;
}
