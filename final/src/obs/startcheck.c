/* The checks use the functions of the start where these leave nothing behind: sockets are
 * bound and closed.  Files are not created, because the daemon that runs may use the
 * folder; permissions and the types of the entries that are there decide.
 *
 * Rejected: a start that ends before it listens, because it would take the locks of the
 * daemon that runs, and adopt or delete its files. */
#include "obs/startcheck.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/err.h"
#include "net/sock.h"
#include "obs/daemon.h"

static int fail(const char *key, const char *what, const char *name, int rc, char *err)
{
    snprintf(err, CONF_ERR_MAX, "%s: cannot %s %.160s: %s (%s); %.100s", key, what, name,
             err_text(rc), err_str(rc), daemon_mend(rc));
    return rc;
}

/* Takes <fd>, a socket or -errno. */
static int is_bindable(const char *key, const struct net_addr *at, int fd, char *err)
{
    char text[NET_ADDR_STRLEN];

    if (fd >= 0)
        close(fd);
    if (fd >= 0 || fd == -EADDRINUSE)
        return 0;
    return fail(key, "listen on", net_addr_str(at, text), fd, err);
}

int startcheck_tcp(const char *key, const struct net_addr *at, char err[CONF_ERR_MAX])
{
    return is_bindable(key, at, sock_listen(at, 1, 0), err);
}

int startcheck_udp(const char *key, const struct net_addr *at, unsigned n_udp,
                   char err[CONF_ERR_MAX])
{
    struct net_addr a = *at;
    int rc = 0;

    for (; n_udp > 0 && rc == 0; n_udp--) {
        rc = is_bindable(key, &a, sock_datagram(&a), err);
        a.port = a.port ? (uint16_t)(a.port + 1) : 0;
    }
    return rc;
}

int startcheck_http(const char *where, char err[CONF_ERR_MAX])
{
    struct net_addr at;

    if (!where[0])
        return 0;
    if (net_addr_parse(&at, where) < 0)
        return fail("[http] listen", "use", where, -EINVAL, err);
    return startcheck_tcp("[http] listen", &at, err);
}

/* --- folders ------------------------------------------------------------------------ */

/* The folder that would hold <dir>: "/run" of "/run/lars", "." of "lars". */
static void parent_of(const char *dir, char *out, size_t size)
{
    char *slash;

    snprintf(out, size, "%s", dir);
    slash = strrchr(out, '/');
    while (slash && slash > out && slash[1] == '\0') { /* "/run/lars/" */
        *slash = '\0';
        slash = strrchr(out, '/');
    }
    if (slash)
        slash[slash == out] = '\0';
    else
        snprintf(out, size, ".");
}

static bool has_prefix(const char *name, const char *const *prefixes)
{
    while (*prefixes && strncmp(name, *prefixes, strlen(*prefixes)) != 0)
        prefixes++;
    return *prefixes != NULL;
}

/* An entry <name> of the folder <fd>.  Returns 0 or -errno. */
static int is_usable_file(int fd, const char *name)
{
    struct stat st;

    if (fstatat(fd, name, &st, 0) == -1)
        return errno == ENOENT ? 0 : -errno;
    if (S_ISDIR(st.st_mode))
        return -EISDIR;
    return faccessat(fd, name, R_OK | W_OK, AT_EACCESS) == -1 ? -errno : 0;
}

/* Takes <d>. */
static int check_entries(const char *key, DIR *d, const char *const *prefixes, char *err)
{
    const struct dirent *e;
    int rc = 0;

    while (rc == 0 && (e = readdir(d)) != NULL) {
        if (!has_prefix(e->d_name, prefixes))
            continue;
        rc = is_usable_file(dirfd(d), e->d_name);
        if (rc < 0)
            rc = fail(key, "use the file", e->d_name, rc, err);
    }
    closedir(d);
    return rc;
}

int startcheck_folder(const char *key, const char *dir, const char *const *prefixes,
                      char err[CONF_ERR_MAX])
{
    char parent[300];
    DIR *d = opendir(dir);

    if (!d && errno != ENOENT)
        return fail(key, "use the folder", dir, -errno, err);
    if (!d) {
        parent_of(dir, parent, sizeof(parent));
        if (faccessat(AT_FDCWD, parent, W_OK | X_OK, AT_EACCESS) == 0)
            return 0;
        return fail(key, "create the folder", dir, -errno, err);
    }
    if (faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) == -1) {
        int rc = -errno;

        closedir(d);
        return fail(key, "write into the folder", dir, rc, err);
    }
    return check_entries(key, d, prefixes, err);
}

int startcheck_room(const char *key, const char *dir, uint64_t bytes,
                    char err[CONF_ERR_MAX])
{
    char parent[300], what[80];
    struct statvfs v;

    parent_of(dir, parent, sizeof(parent));
    if (statvfs(dir, &v) == -1 && statvfs(parent, &v) == -1)
        return fail(key, "look at the file system of", dir, -errno, err);
    if ((uint64_t)v.f_bavail * v.f_frsize >= bytes)
        return 0;
    snprintf(what, sizeof(what), "take %llu bytes in", (unsigned long long)bytes);
    return fail(key, what, dir, -ENOSPC, err);
}

int startcheck_program(const char *key, const char *path, char err[CONF_ERR_MAX])
{
    struct stat st;
    int rc = 0;

    if (!path[0])
        return 0;
    if (stat(path, &st) == -1)
        rc = -errno;
    else if (S_ISDIR(st.st_mode))
        rc = -EISDIR;
    else if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == -1)
        rc = -errno;
    return rc < 0 ? fail(key, "run the program", path, rc, err) : 0;
}
