/* fuzz_routefile -- reads any bytes as a file of routes.  The file must be read
 * completely or refused, and each row that is read is valid. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "route/routefile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct route_row *row;
    char path[40];
    size_t n, i;
    int fd = memfd_create("routes", MFD_CLOEXEC);

    if (fd == -1 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (routefile_read(path, &row, &n, NULL) == 0) {
        for (i = 0; i < n; i++)
            if (row[i].node.port == 0 || (row[i].modid == 0 && row[i].cmdid == 0))
                abort();
        free(row);
    }
    close(fd);
    return 0;
}
