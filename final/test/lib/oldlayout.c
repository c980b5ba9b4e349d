/* Both layouts have the same tables up to the addresses, and their blocks at the same
 * place; the blocks are left empty, because the routes of an old segment are not read. */
#include "oldlayout.h"

#include "../t.h"

#include <fcntl.h>

#include "shmem/node_table.h"
#include "shmem/segment_private.h"
#include "shmem/segment_tables.h"

static void write_at(int fd, const void *from, size_t len, size_t at)
{
    assert_int_equal(pwrite(fd, from, len, (off_t)at), len);
}

static void write_addresses(const struct segment *s, int fd, size_t at)
{
    struct layout_old_addr a;
    struct net_addr addr;
    uint32_t nid;

    for (nid = 0; nid < node_table_count(s); nid++) {
        node_table_addr(s, nid, &addr);
        a.family_port = addr.family | (uint32_t)addr.port << 16;
        memcpy((void *)a.ip, addr.ip, sizeof(a.ip));
        a.mid = node_table_module(s, nid);
        write_at(fd, &a, sizeof(a), at + nid * sizeof(a));
    }
}

void oldlayout_write_routes(const struct segment *s, const char *dir, const char *name)
{
    struct layout_routes head = *s->routes;
    const char *base = (const char *)s->routes;
    size_t tables = (size_t)((const char *)s->cost - base);
    size_t all = (size_t)(s->block - base) + (size_t)s->n_block * LAYOUT_BLOCK;
    char path[200], made[200];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    snprintf(made, sizeof(made), "%s/made", dir);
    fd = open(made, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)all), 0);
    head.major = LAYOUT_OLD_MAJOR;
    head.minor = 1;
    head.n_block = s->n_block / (LAYOUT_OLD_BLOCK / LAYOUT_BLOCK);
    write_at(fd, base, tables, 0);
    write_at(fd, &head, sizeof(head), 0);
    write_addresses(s, fd, (size_t)((const char *)s->addr - base));
    close(fd);
    assert_int_equal(rename(made, path), 0);
}
