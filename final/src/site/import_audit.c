/* The counts are settings whose old value is null, as a change of an edition has its
 * state there, so that larsctl and the console show both kinds of rows in one way.
 *
 * Rejected: the ids of all exhibits that change.  There may be thousands, and the
 * spreadsheet, which the row names, has them. */
#include "site/import_audit.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define FILE_NAME 256

static int add_text(json_t *list, const char *key, const char *text)
{
    json_t *one =
        json_pack("{s:s,s:s,s:n,s:s}", "module", "", "key", key, "old", "new", text);

    return one ? json_array_append_new(list, one) : -1;
}

static int add_count(json_t *list, const char *key, uint32_t n)
{
    char text[12];

    snprintf(text, sizeof(text), "%u", n);
    return add_text(list, key, text);
}

/* The name of the file without its folder may be in any character set. */
static int add_file(json_t *list, const char *path)
{
    const char *slash = strrchr(path, '/');
    char name[FILE_NAME];

    snprintf(name, sizeof(name), "%s", slash ? slash + 1 : path);
    utf8_replace_broken(name);
    return add_text(list, "file", name);
}

/* NULL = no memory; the caller frees it. */
static char *detail_of(const struct import_target *to, const struct import_diff *d)
{
    json_t *list = json_array(), *all = json_object();
    char *text = NULL;

    if (list && all && add_count(list, "new", d->n_state[IMPORT_NEW]) == 0 &&
        add_count(list, "changed", d->n_state[IMPORT_CHANGED]) == 0 &&
        add_count(list, "removed", d->n_removed) == 0 &&
        add_count(list, "moved", d->n_state[IMPORT_MOVED]) == 0 &&
        add_text(list, "retitled", d->retitled ? "yes" : "no") == 0 &&
        add_file(list, to->file) == 0 && json_object_set(all, "settings", list) == 0)
        text = json_dumps(all, JSON_COMPACT);
    json_decref(list);
    json_decref(all);
    return text;
}

int import_audit_add(struct sqldb *db, const struct import_target *to,
                     const struct import_diff *d)
{
    char subject[32], *detail = detail_of(to, d);
    struct audit_entry what = {
        .action = "site import", .subject = subject, .result = "done", .detail = detail};
    int rc = -ENOMEM;

    snprintf(subject, sizeof(subject), "edition:%u", to->year);
    if (detail)
        rc = audit_add_from_elsewhere(db, &to->who, &what);
    free(detail);
    return rc;
}
