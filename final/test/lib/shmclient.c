#include "shmclient.h"

#include <sys/stat.h>

#include "api/fallback.h"

char shmclient_dir[64], shmclient_shm[96], shmclient_routes[96], shmclient_beat[96];

int shmclient_setup(void **state)
{
    int rc = shmfix_setup(state);

    strcpy(shmclient_dir, "/tmp/lars_shm_XXXXXX");
    if (rc != 0 || !mkdtemp(shmclient_dir) || chmod(shmclient_dir, 0755) == -1 ||
        chmod(shmfix_dir, 0755) == -1)
        return -1;
    snprintf(shmclient_shm, sizeof(shmclient_shm), "%s/" FALLBACK_SHM, shmclient_dir);
    snprintf(shmclient_routes, sizeof(shmclient_routes), "%s/" FALLBACK_ROUTES,
             shmclient_dir);
    snprintf(shmclient_beat, sizeof(shmclient_beat), "%s/" FALLBACK_HEARTBEAT,
             shmclient_dir);
    return symlink(shmfix_dir, shmclient_shm);
}

int shmclient_teardown(void **state)
{
    unlink(shmclient_shm);
    unlink(shmclient_routes);
    unlink(shmclient_beat);
    rmdir(shmclient_dir);
    return shmfix_teardown(state);
}

struct lars_client *shmclient_open(const struct lars_hooks *hooks)
{
    struct lars_options o = {.size = sizeof(o), .dir = shmclient_dir, .port = 9,
                             .timeout_ms = 20, .hooks = hooks};
    struct lars_client *c = NULL;

    assert_int_equal(lars_open(&c, &o), 0);
    return c;
}
