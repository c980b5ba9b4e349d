/* Attaching returns a number and no name, because it is also used where no text is
 * wanted.  So the files are looked at again, in the order in which attaching opens them.
 *
 * Rejected: an error of attaching that carries the name, through four modules, for a text
 * that is read once a day. */
#include "api/shm_doctor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/fallback.h"
#include "base/err.h"

static int look(const char *path, int mode)
{
    return faccessat(AT_FDCWD, path, mode, AT_EACCESS) == 0 ? 0 : -errno;
}

/* What a client needs: it reads R and meta, and writes C and L. */
static int mode_of(const char *name)
{
    if (strcmp(name, "meta") == 0 || strncmp(name, "R.", 2) == 0)
        return R_OK;
    if (strncmp(name, "C.", 2) == 0 || strncmp(name, "L.", 2) == 0)
        return R_OK | W_OK;
    return F_OK;
}

/* The first file in <folder> that this process cannot use.  Returns its error; 0. */
static int look_inside(const char *folder, char *path)
{
    DIR *d = opendir(folder);
    struct dirent *e;
    int rc = d ? 0 : -errno;

    if (!d)
        snprintf(path, PATH_MAX, "%s", folder);
    while (rc == 0 && (e = readdir(d)) && e) {
        if (snprintf(path, PATH_MAX, "%s/%s", folder, e->d_name) < PATH_MAX)
            rc = look(path, mode_of(e->d_name));
    }
    if (d)
        closedir(d);
    return rc;
}

static void find(const char *dir, int error, char *path)
{
    char folder[PATH_MAX];

    snprintf(folder, sizeof(folder), "%s/" FALLBACK_SHM, dir);
    snprintf(path, PATH_MAX, "%s", dir);
    if (look(path, X_OK) < 0)
        return;
    snprintf(path, PATH_MAX, "%s", folder);
    if (look(path, X_OK) < 0)
        return;
    if (snprintf(path, PATH_MAX, "%s/meta", folder) < PATH_MAX && look(path, R_OK) < 0)
        return;
    if (error != -EACCES || look_inside(folder, path) == 0)
        snprintf(path, PATH_MAX, "%s", folder);
}

static const char *advice(int error)
{
    switch (error) {
    case -EACCES:
    case -EPERM:
        return "the user of this process must be in the group of the agent's folder "
               "(usermod -aG lars USER), and the process started anew";
    case -ENOENT:
        return "no agent with shared memory runs there; LARS_DIR or the option dir names "
               "its folder";
    case -EUSERS:
        return "the threads of this host's clients have taken all call logs";
    case -EPROTO:
        return "the agent is of a version with another layout: use the library of that "
               "version";
    case -EBADMSG:
        return "the file is damaged; the agent makes it anew when it starts";
    case -EMFILE:
    case -ENFILE:
        return "no descriptor is left: raise the limit of open files (ulimit -n)";
    default:
        return "calls go by UDP meanwhile";
    }
}

void shm_doctor_explain(const char *dir, int error, char *file, size_t file_size,
                        char *why, size_t why_size)
{
    char path[PATH_MAX];

    find(dir, error, path);
    snprintf(file, file_size, "%.*s", (int)file_size - 1, path);
    snprintf(why, why_size, "%.*s: %s: %s", (int)why_size / 2, path, err_text(error),
             advice(error));
}
