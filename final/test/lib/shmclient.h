/* shmclient.h -- a client and the shared memory of an agent that the test plays.
 * Thread: that of the test. */
#ifndef LARS_TEST_LIB_SHMCLIENT_H
#define LARS_TEST_LIB_SHMCLIENT_H

#include "api/lars_status.h"
#include "shmfix.h"

/* The agent's folder, and in it: shared memory, file of routes, heartbeat. */
extern char shmclient_dir[64], shmclient_shm[96], shmclient_routes[96],
    shmclient_beat[96];

/* For cmocka: shmfix_setup(), and the folder. */
int shmclient_setup(void **state);
int shmclient_teardown(void **state);

/* Open a client of the folder; no agent answers it by UDP. */
struct lars_client *shmclient_open(const struct lars_hooks *hooks);

#define SHMCLIENT_TEST(fn)                                                               \
    cmocka_unit_test_setup_teardown(fn, shmclient_setup, shmclient_teardown)

#endif
