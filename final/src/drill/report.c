/* The pages are made from the JSON and from nothing else, so they can be made again, and
 * what a page shows is in the file that programs read. */
#include "drill/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/new_file.h"
#include "drill/journal.h"
#include "drill/report_page.h"

static int write_file(const char *dir, const char *name, const void *bytes, size_t len)
{
    const struct new_file_part part = {bytes, len};
    char path[PATH_MAX], beside[PATH_MAX];
    int rc;

    journal_path(path, dir, name);
    rc = new_file_write(beside, path, 0644, &part, 1);
    return rc < 0 ? rc : new_file_use(beside, path);
}

static int write_page(const char *dir, const char *name, const json_t *report,
                      enum report_language language)
{
    struct buf b = {0};
    int rc = report_page_write(&b, report, language);

    if (rc == 0)
        rc = write_file(dir, name, buf_bytes(&b), b.len);
    buf_free(&b);
    return rc;
}

static int write_pages(const char *dir, const json_t *report)
{
    int rc = write_page(dir, "report.zh.html", report, REPORT_ZH);

    return rc < 0 ? rc : write_page(dir, "report.en.html", report, REPORT_EN);
}

int report_write(const char *dir, const json_t *report)
{
    char *text = json_dumps(report, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    int rc = text ? write_file(dir, "report.json", text, strlen(text)) : -ENOMEM;

    free(text);
    return rc < 0 ? rc : write_pages(dir, report);
}

int report_again(const char *dir, json_t **out)
{
    char path[PATH_MAX];
    FILE *f;
    json_t *report;
    int rc;

    journal_path(path, dir, "report.json");
    f = fopen(path, "re");
    if (!f)
        return -errno;
    report = json_loadf(f, 0, NULL);
    fclose(f);
    if (!json_is_array(json_object_get(report, "seconds"))) {
        json_decref(report);
        return -EINVAL;
    }
    rc = write_pages(dir, report);
    if (rc < 0)
        json_decref(report);
    else
        *out = report;
    return rc;
}

void report_write_status(const char *dir, json_t *status)
{
    char path[PATH_MAX], beside[PATH_MAX];

    journal_path(path, dir, "status.json");
    journal_path(beside, dir, "status.new");
    if (status && json_dump_file(status, beside, JSON_COMPACT) == 0)
        rename(beside, path);
    json_decref(status);
}

json_t *report_read_status(const char *dir)
{
    char path[PATH_MAX];

    journal_path(path, dir, "status.json");
    return json_load_file(path, 0, NULL);
}
