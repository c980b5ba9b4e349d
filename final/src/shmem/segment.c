/* A segment is made in an order in which a crash leaves either no segment or a whole one:
 * first all its files, the head of R among them, then meta names it.  Clients start at
 * meta, so they never see files that are half made.  The lock on agent.lock is released
 * by the kernel when the agent dies, at whatever instruction; nothing has to be undone.
 *
 * All files have their full size from the beginning, and are sparse.  So a mapping never
 * has to grow while clients read it, and only the pages that are used cost memory.  The
 * agent allocates pages before it uses them (segment_reserve()).
 *
 * Invariants: the sizes of a segment never change; the head of R is read and checked
 * before anything of that size is mapped; no file of a segment is written after meta
 * names another one, but for call logs and the record of what was collected from them.
 *
 * Rejected: one file for everything, because clients must not be able to write routes;
 * memfd with descriptors passed over a socket, because clients could then not attach, nor
 * stay attached, while the agent is dead; seals, because tmpfs files cannot have them. */
#include "shmem/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shmem/segment_files.h"
#include "shmem/segment_private.h"
#include "shmem/segment_tables.h"
#include "shmem/shared_file.h"

#define META_SIZE 4096
#define HEARTBEAT_MS 3000             /* an older heartbeat: the agent is dead */

const char *segment_file_name(const struct segment *s, char kind, uint32_t i,
                              char buf[SEGMENT_NAME_MAX])
{
    if (kind == 'L' || kind == 'A')
        snprintf(buf, SEGMENT_NAME_MAX, "%c.%u.%u", kind, s->number, i);
    else
        snprintf(buf, SEGMENT_NAME_MAX, "%c.%u", kind, s->number);
    return buf;
}

/* --- both sides --------------------------------------------------------------------- */

static struct segment *new_segment(void)
{
    struct segment *s = calloc(1, sizeof(*s));

    if (s)
        s->dir = s->lock = s->fd_routes = s->fd_counters = -1;
    return s;
}

static void unmap_tables(struct segment *s)
{
    if (s->routes)
        munmap(s->routes, segment_tables_place(s));
    if (s->counters)
        munmap(s->counters, segment_tables_counters_size(s->max_nodes));
    s->routes = NULL;
    s->counters = NULL;
    if (s->fd_routes >= 0)
        close(s->fd_routes);
    if (s->fd_counters >= 0)
        close(s->fd_counters);
    s->fd_routes = s->fd_counters = -1;
}

void segment_drop_folder(struct segment *s)
{
    if (s->dir >= 0)
        close(s->dir);
    s->dir = -1;
}

void segment_close(struct segment *s)
{
    if (!s)
        return;
    unmap_tables(s);
    if (s->meta)
        munmap(s->meta, META_SIZE);
    if (s->dir >= 0)
        close(s->dir);
    if (s->lock >= 0)
        close(s->lock);
    free(s);
}

static int read_head(const struct segment *s, struct layout_routes *head)
{
    char name[SEGMENT_NAME_MAX];
    int fd = openat(s->dir, segment_file_name(s, 'R', 0, name),
                    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t n;

    if (fd == -1)
        return -errno;
    n = read(fd, head, sizeof(*head));
    close(fd);
    if (n != (ssize_t)sizeof(*head) || head->magic != LAYOUT_MAGIC)
        return -EBADMSG;
    if (head->major != LAYOUT_MAJOR && !(s->is_old && head->major == LAYOUT_OLD_MAJOR))
        return -EPROTO;
    return segment_tables_fit(head) ? 0 : -EBADMSG;
}

static int map_tables(struct segment *s)
{
    struct layout_routes head;
    char name[SEGMENT_NAME_MAX];
    void *p;
    int rc = read_head(s, &head);

    if (rc < 0)
        return rc;
    segment_tables_set_sizes(s, head.max_nodes, head.max_modules);
    rc = shared_file_map(s->dir, segment_file_name(s, 'R', 0, name), s->writer,
                         segment_tables_place(s), &p, s->writer ? &s->fd_routes : NULL);
    if (rc < 0)
        return rc;
    s->routes = p;
    segment_tables_place(s);
    if (head.major == LAYOUT_OLD_MAJOR)
        s->old_addr = (struct layout_old_addr *)(void *)s->addr;
    rc = shared_file_map(s->dir, segment_file_name(s, 'C', 0, name), true,
                         segment_tables_counters_size(s->max_nodes), &p,
                         s->writer ? &s->fd_counters : NULL);
    if (rc == 0)
        s->counters = p;
    return rc;
}

static int open_dir(struct segment *s, const char *dir)
{
    s->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return s->dir == -1 ? -errno : 0;
}

static int map_meta(struct segment *s)
{
    struct stat st;
    void *p;
    int fd, rc = shared_file_map(s->dir, "meta", s->writer, META_SIZE, &p, &fd);

    if (rc < 0)
        return rc;
    s->meta = p;
    s->inode = fstat(fd, &st) == 0 ? (uint64_t)st.st_ino : 0;
    close(fd);
    return 0;
}

int segment_open(struct segment **out, const char *dir)
{
    struct segment *s = new_segment();
    int rc = s ? open_dir(s, dir) : -ENOMEM;

    if (rc == 0)
        rc = map_meta(s);
    if (rc == 0 && s->meta->magic != LAYOUT_MAGIC)
        rc = -EBADMSG;
    if (rc == 0 && s->meta->major != LAYOUT_MAJOR)
        rc = -EPROTO;
    if (rc == 0) {
        s->number = s->meta->segment;
        rc = s->number == 0 ? -ENOENT : map_tables(s);
    }
    if (rc < 0)
        segment_close(s);
    else
        *out = s;
    return rc;
}

bool segment_is_new(const struct segment *s)
{
    return s->is_new;
}

uint32_t segment_number(const struct segment *s)
{
    return s->number;
}

uint32_t segment_max_nodes(const struct segment *s)
{
    return s->max_nodes;
}

uint32_t segment_max_modules(const struct segment *s)
{
    return s->max_modules;
}

bool segment_has_moved(const struct segment *s)
{
    return segment_load(&s->meta->segment) != s->number;
}

bool segment_was_replaced(const struct segment *s, const char *dir)
{
    char path[512];
    struct stat st;

    if (snprintf(path, sizeof(path), "%s/meta", dir) >= (int)sizeof(path))
        return false;
    return stat(path, &st) == 0 && (uint64_t)st.st_ino != s->inode;
}

bool segment_agent_is_alive(const struct segment *s, uint64_t now_ms)
{
    uint64_t beat = segment_load64(&s->meta->beat_ms);

    return beat != 0 && now_ms <= beat + HEARTBEAT_MS && beat <= now_ms + HEARTBEAT_MS;
}

/* --- the agent's side --------------------------------------------------------------- */

void segment_retire(struct segment *s)
{
    atomic_store(&s->meta->segment, 0);
}

void segment_beat(struct segment *s, uint64_t due_ms)
{
    atomic_store_explicit(&s->meta->beat_ms, due_ms, memory_order_relaxed);
}

int segment_reserve(struct segment *s, const void *p, size_t len)
{
    const char *at = p, *routes = (const char *)s->routes;

    if (at >= routes && at < routes + segment_tables_place(s))
        return shared_file_reserve(s->fd_routes, routes, p, len);
    return shared_file_reserve(s->fd_counters, s->counters, p, len);
}

int segment_open_journal(const struct segment *s, size_t len, void **out)
{
    void *p;
    int fd, rc = shared_file_make(s->dir, "journal", 0600, len);

    if (rc == 0)
        rc = shared_file_map(s->dir, "journal", true, len, &p, &fd);
    if (rc < 0)
        return rc;
    rc = shared_file_reserve(fd, p, p, len);
    close(fd);
    if (rc < 0)
        munmap(p, len);
    else
        *out = p;
    return rc;
}

static int make_routes(struct segment *s)
{
    struct layout_routes head = {.magic = LAYOUT_MAGIC,
                                 .major = LAYOUT_MAJOR,
                                 .minor = LAYOUT_MINOR,
                                 .max_nodes = s->max_nodes,
                                 .max_modules = s->max_modules,
                                 .n_index = s->n_index,
                                 .n_block = s->n_block};
    char name[SEGMENT_NAME_MAX];
    int rc = shared_file_make(s->dir, segment_file_name(s, 'R', 0, name), 0644,
                              segment_tables_place(s));
    int fd = rc < 0 ? -1 : openat(s->dir, name, O_WRONLY | O_CLOEXEC);

    if (rc < 0)
        return rc;
    if (fd == -1)
        return -errno;
    if (write(fd, &head, sizeof(head)) != (ssize_t)sizeof(head))
        rc = -ENOSPC;
    close(fd);
    return rc;
}

static int make_call_logs(struct segment *s)
{
    size_t len = offsetof(struct layout_call_log, count) +
                 s->max_nodes * sizeof(struct layout_count) +
                 (size_t)s->max_modules * SEGMENT_BUCKETS * sizeof(uint64_t);
    char name[SEGMENT_NAME_MAX];
    uint32_t i;
    int rc = 0;

    for (i = 0; i < SEGMENT_LOGS && rc == 0; i++)
        rc = shared_file_make(s->dir, segment_file_name(s, 'L', i, name), 0660, len);
    return rc;
}

/* Make all files of segment s->number; the last store puts it in force. */
static int make_segment(struct segment *s, uint32_t max_nodes, uint32_t max_modules)
{
    char name[SEGMENT_NAME_MAX];
    int rc;

    segment_tables_set_sizes(s, max_nodes, max_modules);
    rc = make_routes(s);
    if (rc == 0)
        rc = shared_file_make(s->dir, segment_file_name(s, 'C', 0, name), 0660,
                              segment_tables_counters_size(max_nodes));
    if (rc == 0)
        rc = make_call_logs(s);
    if (rc == 0)
        rc = map_tables(s);
    if (rc == 0)                      /* the index and the module table are always used */
        rc = segment_reserve(s, s->routes, (size_t)((char *)s->cost - (char *)s->routes));
    if (rc == 0)
        rc = segment_reserve(s, s->counters, sizeof(*s->counters));
    if (rc < 0)
        return rc;
    s->counters->magic = LAYOUT_MAGIC;
    s->is_new = true;
    atomic_store(&s->meta->segment, s->number);
    return 0;
}

int segment_renew(struct segment *s)
{
    uint32_t max_nodes = s->max_nodes, max_modules = s->max_modules;

    unmap_tables(s);
    segment_files_unlink(s, s->number); /* damaged: its counts cannot be trusted */
    s->number = segment_files_new(s);
    return make_segment(s, max_nodes, max_modules);
}

static int make_meta(struct segment *s)
{
    struct stat st;
    int rc;

    if (fstatat(s->dir, "meta", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        (!S_ISREG(st.st_mode) || st.st_size != META_SIZE))
        unlinkat(s->dir, "meta", 0);
    rc = shared_file_make(s->dir, "meta", 0644, META_SIZE);
    if (rc == 0)
        rc = map_meta(s);
    if (rc < 0)
        return rc;
    if (s->meta->magic != LAYOUT_MAGIC || s->meta->major != LAYOUT_MAJOR) {
        memset(s->meta, 0, sizeof(*s->meta));
        s->meta->major = LAYOUT_MAJOR;
        s->meta->magic = LAYOUT_MAGIC;
    }
    s->meta->minor = LAYOUT_MINOR;    /* also of files that another minor version made */
    if (getrandom(&s->meta->epoch, 8, 0) != 8)
        return -EIO;
    return 0;
}

static int lock_folder(struct segment *s, const char *dir)
{
    int rc;

    if (mkdir(dir, 0755) == -1 && errno != EEXIST)
        return -errno;
    rc = open_dir(s, dir);
    if (rc < 0)
        return rc;
    s->lock =
        openat(s->dir, "agent.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (s->lock == -1)
        return -errno;
    if (flock(s->lock, LOCK_EX | LOCK_NB) == -1)
        return errno == EWOULDBLOCK ? -EBUSY : -errno;
    return 0;
}

/* The segment in force, when it is of this layout and of these sizes; else a new one. */
static int adopt_or_make(struct segment *s, const struct segment_config *cfg)
{
    int rc;

    s->number = s->meta->segment;
    rc = s->number == 0 ? -ENOENT : map_tables(s);
    if (rc == 0 && s->max_nodes == cfg->max_nodes && s->max_modules == cfg->max_modules)
        return 0;
    unmap_tables(s);
    s->number = segment_files_new(s);
    return make_segment(s, cfg->max_nodes, cfg->max_modules);
}

int segment_create(struct segment **out, const struct segment_config *cfg)
{
    struct segment *s;
    int rc;

    if (!segment_tables_is_size(cfg->max_nodes, SEGMENT_MAX_NODES) ||
        !segment_tables_is_size(cfg->max_modules, SEGMENT_MAX_MODULES))
        return -EINVAL;
    s = new_segment();
    if (!s)
        return -ENOMEM;
    s->writer = true;
    rc = lock_folder(s, cfg->dir);
    if (rc == 0)
        rc = make_meta(s);
    if (rc == 0)
        rc = adopt_or_make(s, cfg);
    if (rc < 0)
        segment_close(s);
    else
        *out = s;
    return rc;
}

int segment_open_old(struct segment **out, const struct segment *of, uint32_t number)
{
    struct segment *s = new_segment();
    int rc = s ? 0 : -ENOMEM;

    if (rc < 0)
        return rc;
    s->writer = s->is_old = true;
    s->number = number;
    s->dir = openat(of->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    rc = s->dir == -1 ? -errno : map_meta(s);
    if (rc == 0)
        rc = map_tables(s);
    if (rc < 0)
        segment_close(s);
    else
        *out = s;
    return rc;
}

void segment_remove(const char *dir)
{
    struct segment s = {.dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};

    if (s.dir == -1)
        return;
    unlinkat(s.dir, "meta", 0);       /* first: no client attaches from here on */
    segment_files_unlink(&s, SEGMENT_FILES_ALL);
    unlinkat(s.dir, "journal", 0);
    unlinkat(s.dir, "agent.lock", 0);
    close(s.dir);
    rmdir(dir);
}
