/* shmfix.h -- a folder of shared files for a test, with the segment of an agent in it.
 * Thread: that of the test, and its child processes. */
#ifndef LARS_TEST_LIB_SHMFIX_H
#define LARS_TEST_LIB_SHMFIX_H

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "../t.h"
#include "base/log.h"
#include "base/mono.h"
#include "base/rnd.h"
#include "lb/pick.h"
#include "shmem/module_table.h"
#include "shmem/node_table.h"
#include "shmem/picker.h"
#include "shmem/route_reader.h"
#include "shmem/route_writer.h"

#define SHMFIX_NODES 4096             /* capacity of the segment */
#define SHMFIX_MODULES 256

extern char shmfix_dir[64];
extern struct segment *shmfix_seg;    /* as its agent has it; NULL: closed */
extern struct route_writer *shmfix_writer;

/* Opens the segment of the folder as an agent does, or as its successor. */
void shmfix_open_agent(void);
void shmfix_close_agent(void);

/* For cmocka.  The second deletes the folder and fails when a descriptor is left open. */
int shmfix_setup(void **state);
int shmfix_teardown(void **state);

/* Gives module 1/<cmdid> the <n> nodes 10.x.<cmdid>.y:80 with numbers x * 256 + y from
 * <from> on.  Returns the number of the module, or the error of route_writer_nodes(). */
int64_t shmfix_publish(uint32_t cmdid, uint32_t from, uint32_t n);

#define SHMFIX_TEST(f) cmocka_unit_test_setup_teardown(f, shmfix_setup, shmfix_teardown)

#endif
