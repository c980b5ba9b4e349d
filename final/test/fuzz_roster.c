/* fuzz_roster -- checks for any fleet.ini: its faults are ordered by line and bounded; a
 * file without faults gives hosts that have a name, a zone, an address and a role, with
 * ports in range. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "roster/roster.h"

static struct roster r;
static struct roster_faults faults;

static void check_hosts(void)
{
    unsigned i, p;

    if (r.n == 0 || r.n > ROSTER_HOSTS_MAX || r.n_zones == 0 || !r.name[0])
        abort();
    for (i = 0; i < r.n; i++) {
        const struct roster_host *h = &r.host[i];

        if (!h->name[0] || !h->ip[0] || !h->roles || h->roles >> ROSTER_N_ROLES ||
            roster_zone_number(&r, h->zone) == 0)
            abort();
        for (p = 0; p < ROSTER_N_PORTS; p++)
            if (h->port[p] < 1 || h->port[p] > 65535)
                abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FILE *f = size ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;
    unsigned i;
    int rc;

    if (!f)
        return 0;
    memset(&faults, 0, sizeof(faults));
    rc = roster_read(&r, f, &faults);
    fclose(f);
    if (rc != (faults.n > 0 ? -EINVAL : 0) || faults.n > ROSTER_FAULTS_MAX)
        abort();
    for (i = 0; i < faults.n; i++)
        if ((i > 0 && faults.at[i].line < faults.at[i - 1].line) ||
            !memchr(faults.at[i].text, '\0', ROSTER_FAULT_LEN))
            abort();
    if (rc == 0)
        check_hosts();
    return 0;
}
