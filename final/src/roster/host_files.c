/* Only files that an earlier list names are removed: what an operator has put into the
 * folder of a host stays, and a mistyped folder loses nothing. */
#include "roster/host_files.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "roster/text_file.h"

#define LIST "files"

int host_files_add(struct host_files *f, const char *from, const char *to, unsigned mode,
                   const char *owner, const char *group, char *text)
{
    struct host_file *h = &f->at[f->n];

    if (!text)
        return -ENOMEM;
    if (f->n == HOST_FILES_MAX ||
        snprintf(h->from, sizeof(h->from), "%s", from) >= (int)sizeof(h->from) ||
        snprintf(h->to, sizeof(h->to), "%s", to) >= (int)sizeof(h->to)) {
        free(text);
        return -E2BIG;
    }
    snprintf(h->owner, sizeof(h->owner), "%s", owner);
    snprintf(h->group, sizeof(h->group), "%s", group);
    h->mode = mode;
    h->text = text;
    f->n++;
    return 0;
}

void host_files_free(struct host_files *f)
{
    size_t i;

    for (i = 0; i < f->n; i++) {
        explicit_bzero(f->at[i].text, strlen(f->at[i].text));
        free(f->at[i].text);
    }
    f->n = 0;
}

int host_files_add_list(struct host_files *f)
{
    char *text = NULL;
    size_t len, i;
    FILE *to = open_memstream(&text, &len);

    if (!to)
        return -ENOMEM;
    for (i = 0; i < f->n; i++)
        if (f->at[i].to[0])
            fprintf(to, "%04o %s %s %s %s\n", f->at[i].mode, f->at[i].owner,
                    f->at[i].group, f->at[i].from, f->at[i].to);
    if (fclose(to) != 0) {
        free(text);
        return -ENOMEM;
    }
    return host_files_add(f, LIST, "", 0600, "-", "-", text);
}

static bool has(const struct host_files *f, const char *from)
{
    size_t i;

    for (i = 0; f && i < f->n; i++)
        if (strcmp(f->at[i].from, from) == 0)
            return true;
    return false;
}

/* A path of the list, which may be any text: it must stay below the folder. */
static bool is_below(const char *from)
{
    return from[0] && from[0] != '/' && !strstr(from, "..");
}

static int remove_one(const char *dir, const char *from, unsigned *changed,
                      char path[PATH_MAX])
{
    char *slash;

    if (snprintf(path, PATH_MAX, "%s/%s", dir, from) >= PATH_MAX)
        return -ENAMETOOLONG;
    if (unlink(path) == 0)
        ++*changed;
    else if (errno != ENOENT)
        return -errno;
    /* and its folder, when that was the last file of it */
    while ((slash = strrchr(path, '/')) != NULL && (size_t)(slash - path) > strlen(dir)) {
        *slash = '\0';
        if (rmdir(path) < 0)
            break;
    }
    return 0;
}

/* Remove what the list in <dir> names and <keep>, which may be NULL, does not have. */
static int remove_old(const char *dir, const struct host_files *keep, unsigned *changed,
                      char path[PATH_MAX])
{
    char from[HOST_FILES_PATH], *text = NULL, *line, *save = NULL;
    int rc;

    if (snprintf(path, PATH_MAX, "%s/" LIST, dir) >= PATH_MAX)
        return -ENAMETOOLONG;
    rc = text_file_read(path, &text);
    if (rc < 0)
        return rc == -ENOENT ? 0 : rc;
    for (line = strtok_r(text, "\n", &save); line && rc == 0;
         line = strtok_r(NULL, "\n", &save))
        if (sscanf(line, "%*s %*s %*s %159s", from) == 1 && is_below(from) &&
            !has(keep, from))
            rc = remove_one(dir, from, changed, path);
    free(text);
    return rc;
}

static int write_one(const struct host_file *h, const char *dir, unsigned *changed,
                     char path[PATH_MAX])
{
    char folder[PATH_MAX];
    int rc;

    if (snprintf(path, PATH_MAX, "%s/%s", dir, h->from) >= PATH_MAX)
        return -ENAMETOOLONG;
    snprintf(folder, sizeof(folder), "%s", path);
    *strrchr(folder, '/') = '\0';
    rc = text_file_folder(folder);
    if (rc == 0)
        rc = text_file_write(path, h->text);
    *changed += rc == 1;
    return rc < 0 ? rc : 0;
}

int host_files_write(const struct host_files *f, const char *dir, unsigned *changed,
                     char path[PATH_MAX])
{
    int rc = remove_old(dir, f, changed, path);
    size_t i;

    for (i = 0; i < f->n && rc == 0; i++)
        rc = write_one(&f->at[i], dir, changed, path);
    return rc;
}

int host_files_remove(const char *dir, unsigned *changed, char path[PATH_MAX])
{
    static const char *const rest[] = {LIST, "packages", "services"};
    int rc = remove_old(dir, NULL, changed, path);
    size_t i;

    for (i = 0; i < 3 && rc == 0; i++)
        rc = remove_one(dir, rest[i], changed, path);
    if (rc == 0) {
        snprintf(path, PATH_MAX, "%s", dir);
        rc = rmdir(dir) < 0 && errno != ENOENT ? -errno : 0;
    }
    return rc;
}
