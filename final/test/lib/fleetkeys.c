#include "fleetkeys.h"

#include <unistd.h>

#include "textfile.h"

struct fleet_keys *fleetkeys_read(const char *text)
{
    char path[] = "/tmp/fleetkeys.XXXXXX", err[CONF_ERR_MAX];
    struct fleet_keys *k = NULL;
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    close(fd);
    textfile_write(path, "%s", text);
    assert_int_equal(fleet_keys_create(&k, path, "[gateway] key_file", err), 0);
    unlink(path);
    return k;
}
