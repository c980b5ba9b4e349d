/* shmfix.h -- a folder of shared files for a test, with an agent's segment in it. */
#ifndef LARS_TEST_SHMFIX_H
#define LARS_TEST_SHMFIX_H

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/mono.h"
#include "base/rnd.h"
#include "lb/pick.h"
#include "shmem/module_table.h"
#include "shmem/node_table.h"
#include "shmem/picker.h"
#include "shmem/route_writer.h"
#include "shmem/route_reader.h"
#include "fastdir.h"
#include "t.h"

#define SHM_NODES 4096
#define SHM_MODULES 256

static char shm_dir[64];
static struct segment *seg;
static struct route_writer *pub;

static inline void shm_open_agent(void)
{
    struct segment_config cfg = {shm_dir, SHM_NODES, SHM_MODULES};

    assert_int_equal(segment_create(&seg, &cfg), 0);
    assert_int_equal(route_writer_create(&pub, seg), 0);
    segment_beat(seg, mono_ms());
}

static inline void shm_close_agent(void)
{
    route_writer_destroy(pub);
    segment_close(seg);
    pub = NULL;
    seg = NULL;
}

static inline int shm_setup(void **state)
{
    (void)t_fds_save(state);
    log_set_level(LOG_LEVEL_ERROR);
    snprintf(shm_dir, sizeof(shm_dir), "%s/lars_e2e_shm_XXXXXX", fastdir());
    if (!mkdtemp(shm_dir))
        return -1;
    shm_open_agent();
    return 0;
}

static inline int shm_teardown(void **state)
{
    shm_close_agent();
    segment_remove(shm_dir);
    return t_fds_check(state);
}

/* Module 1/<cmdid> has <n> nodes 10.0.<cmdid>.<from + i>. */
static inline int64_t shm_publish(uint32_t cmdid, uint32_t from, uint32_t n)
{
    struct route_writer_node *node = calloc(n + 1, sizeof(*node));
    int64_t mid;
    uint32_t i;

    for (i = 0; i < n; i++) {
        node[i].addr = (struct net_addr){.family = AF_INET, .port = 80};
        node[i].addr.ip[0] = 10;
        node[i].addr.ip[1] = (uint8_t)((from + i) >> 8);
        node[i].addr.ip[2] = (uint8_t)cmdid;
        node[i].addr.ip[3] = (uint8_t)(from + i);
        node[i].weight = 100;
    }
    mid = route_writer_nodes(pub, 1, cmdid, node, n, 1000 * 256);
    free(node);
    if (mid >= 0) {
        struct module_table_settings set = {.eject_after = 3,
                                            .demand = PICK_DEMAND_PRESET,
                                            .own_max = PICK_FULL,
                                            .timeout_ms = 30000,
                                            .penalty_us = 20000};

        module_table_set(seg, (uint32_t)mid, &set);
    }
    return mid;
}

#define S(f) cmocka_unit_test_setup_teardown(f, shm_setup, shm_teardown)

#endif
