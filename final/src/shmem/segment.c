#include "shmem/segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define META_SIZE 4096
#define DEAD_MS 3000

static size_t line_of(size_t n)
{
    return (n + LAYOUT_LINE - 1) / LAYOUT_LINE * LAYOUT_LINE;
}

static size_t counters_size(uint32_t max_nodes)
{
    return sizeof(struct layout_counters) + max_nodes * sizeof(struct node_counter);
}

/* Lays the tables out behind the head.  Returns the size of the whole. */
static size_t place(struct segment *s)
{
    char *base = (char *)s->routes;
    size_t at = sizeof(struct layout_routes);

    s->index = (struct layout_index *)(void *)(base + at);
    at += line_of(s->n_index * sizeof(*s->index));
    s->module = (struct layout_module *)(void *)(base + at);
    at += s->max_modules * sizeof(*s->module);
    s->cost = (_Atomic uint32_t *)(void *)(base + at);
    at += line_of(s->max_nodes * sizeof(*s->cost));
    s->gen = (_Atomic uint32_t *)(void *)(base + at);
    at += line_of(s->max_nodes * sizeof(*s->gen));
    s->addr = (struct layout_addr *)(void *)(base + at);
    at += line_of(s->max_nodes * sizeof(*s->addr));
    s->line = base + at;
    return at + (size_t)s->n_line * LAYOUT_LINE;
}

static void set_sizes(struct segment *s, uint32_t max_nodes, uint32_t max_modules)
{
    s->max_nodes = max_nodes;
    s->max_modules = max_modules;
    s->n_index = 2 * max_modules;
    s->n_line = max_nodes / 2 + 4 * max_modules; /* two copies of every node, and air */
}

static int map_fd(int fd, bool writable, size_t len, void **out)
{
    struct stat st;
    void *p;

    if (fstat(fd, &st) == -1)
        return -errno;
    if (!S_ISREG(st.st_mode) || st.st_size != (off_t)len)
        return -EBADMSG;
    p = mmap(NULL, len, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return -errno;
    *out = p;
    return 0;
}

int segment_map(const struct segment *s, const char *name, bool writable, size_t len,
                void **out, int *fd)
{
    int rc,
        f = openat(s->dir, name, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW);

    if (f == -1)
        return -errno;
    rc = map_fd(f, writable, len, out);
    if (rc < 0 || !fd)
        close(f);
    else
        *fd = f;
    return rc;
}

const char *segment_name(const struct segment *s, char kind, uint32_t i,
                         char buf[SEGMENT_NAME_MAX])
{
    if (kind == 'L' || kind == 'A')
        snprintf(buf, SEGMENT_NAME_MAX, "%c.%u.%u", kind, s->g, i);
    else
        snprintf(buf, SEGMENT_NAME_MAX, "%c.%u", kind, s->g);
    return buf;
}

static int make_file(const struct segment *s, const char *name, mode_t mode, size_t len)
{
    int rc = 0,
        fd = openat(s->dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode);

    if (fd == -1)
        return -errno;
    if (fchmod(fd, mode) == -1 || ftruncate(fd, (off_t)len) == -1) /* not by umask */
        rc = -errno;
    close(fd);
    return rc;
}

/* --- both sides --------------------------------------------------------------------- */

static struct segment *new_segment(void)
{
    struct segment *s = calloc(1, sizeof(*s));

    if (s)
        s->dir = s->lock = s->fd_routes = s->fd_counters = -1;
    return s;
}

static void unmap(struct segment *s)
{
    if (s->routes)                    /* sizes are as they were mapped */
        munmap(s->routes, place(s));
    if (s->counters)
        munmap(s->counters, counters_size(s->max_nodes));
    s->routes = NULL;
    s->counters = NULL;
    if (s->fd_routes >= 0)
        close(s->fd_routes);
    if (s->fd_counters >= 0)
        close(s->fd_counters);
    s->fd_routes = s->fd_counters = -1;
}

void segment_close(struct segment *s)
{
    if (!s)
        return;
    unmap(s);
    if (s->meta)
        munmap(s->meta, META_SIZE);
    if (s->dir >= 0)
        close(s->dir);
    if (s->lock >= 0)
        close(s->lock);
    free(s);
}

static bool is_size(uint32_t n, uint32_t max)
{
    return n >= 64 && n <= max && (n & (n - 1)) == 0;
}

/* The head says how long the rest is: it is read before anything is mapped. */
static int read_head(const struct segment *s, struct layout_routes *head)
{
    char name[SEGMENT_NAME_MAX];
    int fd =
        openat(s->dir, segment_name(s, 'R', 0, name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n;

    if (fd == -1)
        return -errno;
    n = read(fd, head, sizeof(*head));
    close(fd);
    if (n != (ssize_t)sizeof(*head) || head->magic != LAYOUT_MAGIC)
        return -EBADMSG;
    if (head->major != LAYOUT_MAJOR)
        return -EPROTO;
    return is_size(head->max_nodes, LAYOUT_MAX_NODES) &&
                   is_size(head->max_modules, LAYOUT_MAX_MODULES) &&
                   head->n_index == 2 * head->max_modules &&
                   head->n_line == head->max_nodes / 2 + 4 * head->max_modules
               ? 0
               : -EBADMSG;
}

static int map_segment(struct segment *s)
{
    struct layout_routes head;
    char name[SEGMENT_NAME_MAX];
    void *p;
    int rc = read_head(s, &head);

    if (rc < 0)
        return rc;
    set_sizes(s, head.max_nodes, head.max_modules);
    rc = segment_map(s, segment_name(s, 'R', 0, name), s->writer, place(s), &p,
                     s->writer ? &s->fd_routes : NULL);
    if (rc < 0)
        return rc;
    s->routes = p;
    place(s);
    rc = segment_map(s, segment_name(s, 'C', 0, name), true, counters_size(s->max_nodes),
                     &p, s->writer ? &s->fd_counters : NULL);
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
    int rc, fd = openat(s->dir, "meta",
                        (s->writer ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW);

    if (fd == -1)
        return -errno;
    rc = map_fd(fd, s->writer, META_SIZE, &p);
    if (rc == 0) {
        s->meta = p;
        s->inode = fstat(fd, &st) == 0 ? (uint64_t)st.st_ino : 0;
    }
    close(fd);
    return rc;
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
        s->g = s->meta->segment;
        rc = s->g == 0 ? -ENOENT : map_segment(s);
    }
    if (rc < 0)
        segment_close(s);
    else
        *out = s;
    return rc;
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
    uint64_t beat = atomic_load_explicit(&s->meta->beat_ms, memory_order_relaxed);

    return beat != 0 && now_ms <= beat + DEAD_MS && beat <= now_ms + DEAD_MS;
}

/* --- the agent's side --------------------------------------------------------------- */

void segment_beat(struct segment *s, uint64_t now_ms)
{
    atomic_store_explicit(&s->meta->beat_ms, now_ms, memory_order_relaxed);
}

int segment_reserve(struct segment *s, const void *p, size_t len)
{
    const char *at = p, *routes = (const char *)s->routes;
    bool in_routes = at >= routes && at < routes + place(s);
    int fd = in_routes ? s->fd_routes : s->fd_counters;
    off_t from = in_routes ? at - routes : at - (const char *)s->counters;
    int rc;

    do
        rc = posix_fallocate(fd, from, (off_t)len);
    while (rc == EINTR);
    return -rc;
}

/* Of every segment: clients that have them mapped keep them until they look again. */
static void drop_files(const struct segment *s)
{
    DIR *d = fdopendir(openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct dirent *e;

    if (!d)
        return;
    while ((e = readdir(d)))
        if (strchr("RCLA", e->d_name[0]) && e->d_name[1] == '.')
            unlinkat(s->dir, e->d_name, 0);
    closedir(d);
}

static int write_head(struct segment *s)
{
    struct layout_routes head = {.magic = LAYOUT_MAGIC,
                                 .major = LAYOUT_MAJOR,
                                 .minor = LAYOUT_MINOR,
                                 .max_nodes = s->max_nodes,
                                 .max_modules = s->max_modules,
                                 .n_index = s->n_index,
                                 .n_line = s->n_line};
    char name[SEGMENT_NAME_MAX];
    int rc = make_file(s, segment_name(s, 'R', 0, name), 0644, place(s));
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

/* Everything of segment s->g, then it is in force. */
static int make_segment(struct segment *s, uint32_t max_nodes, uint32_t max_modules)
{
    char name[SEGMENT_NAME_MAX];
    size_t fixed = offsetof(struct layout_call_log, count);
    uint32_t i;
    int rc;

    drop_files(s);
    set_sizes(s, max_nodes, max_modules);
    rc = write_head(s);
    if (rc == 0)
        rc = make_file(s, segment_name(s, 'C', 0, name), 0660, counters_size(max_nodes));
    for (i = 0; i < LAYOUT_CALL_LOGS + LAYOUT_OWN && rc == 0; i++)
        rc = make_file(s, segment_name(s, 'L', i, name), 0660,
                       fixed + max_nodes * sizeof(struct layout_count) +
                           (size_t)max_modules * LAYOUT_BUCKETS * 8);
    if (rc == 0)
        rc = map_segment(s);
    if (rc == 0)                      /* what is always used */
        rc = segment_reserve(s, s->routes, (size_t)((char *)s->cost - (char *)s->routes));
    if (rc == 0)
        rc = segment_reserve(s, s->counters, sizeof(*s->counters));
    if (rc < 0)
        return rc;
    s->counters->magic = LAYOUT_MAGIC;
    s->is_new = true;
    atomic_store(&s->meta->segment, s->g);
    return 0;
}

int segment_renew(struct segment *s)
{
    uint32_t max_nodes = s->max_nodes, max_modules = s->max_modules;

    unmap(s);
    s->g++;
    return make_segment(s, max_nodes, max_modules);
}

static int make_meta(struct segment *s)
{
    struct stat st;
    int rc;

    if (fstatat(s->dir, "meta", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        (!S_ISREG(st.st_mode) || st.st_size != META_SIZE))
        unlinkat(s->dir, "meta", 0);
    rc = make_file(s, "meta", 0644, META_SIZE);
    if (rc == 0)
        rc = map_meta(s);
    if (rc < 0)
        return rc;
    if (s->meta->magic != LAYOUT_MAGIC || s->meta->major != LAYOUT_MAJOR) {
        memset(s->meta, 0, sizeof(*s->meta));
        s->meta->major = LAYOUT_MAJOR;
        s->meta->minor = LAYOUT_MINOR;
        s->meta->magic = LAYOUT_MAGIC;
    }
    if (getrandom(&s->meta->epoch, 8, 0) != 8)
        return -EIO;
    return 0;
}

static int take_folder(struct segment *s, const char *dir)
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
    return make_meta(s);
}

int segment_create(struct segment **out, const struct segment_config *cfg)
{
    struct segment *s;
    int rc;

    if (!is_size(cfg->max_nodes, LAYOUT_MAX_NODES) ||
        !is_size(cfg->max_modules, LAYOUT_MAX_MODULES))
        return -EINVAL;
    s = new_segment();
    if (!s)
        return -ENOMEM;
    s->writer = true;
    rc = take_folder(s, cfg->dir);
    if (rc == 0) {
        s->g = s->meta->segment;
        rc = s->g == 0 ? -ENOENT : map_segment(s);
        if (rc < 0 || s->max_nodes != cfg->max_nodes ||
            s->max_modules != cfg->max_modules) {
            unmap(s);
            s->g++;
            rc = make_segment(s, cfg->max_nodes, cfg->max_modules);
        }
    }
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
    unlinkat(s.dir, "meta", 0);       /* nobody new from here on */
    drop_files(&s);
    unlinkat(s.dir, "journal", 0);
    unlinkat(s.dir, "agent.lock", 0);
    close(s.dir);
    rmdir(dir);
}
