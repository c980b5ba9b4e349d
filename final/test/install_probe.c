/* install_probe -- a program as a user of the installed library writes it: no option, no
 * environment, so that it finds the agent only where an installation has it.  It makes
 * one call of module 1/1 and reports a success.  Exit 0 when a node came and the report
 * was taken. */
#include <stdio.h>

#include "lars.h"

int main(void)
{
    struct lars_client *client;
    struct lars_host host;
    int rc = lars_open(&client, NULL);

    if (rc == 0) {
        rc = lars_get_host(client, 1, 1, &host);
        if (rc == 0)
            rc = lars_report(client, &host, 0);
        lars_close(client);
    }
    printf("%s, liblars %s\n", rc == 0 ? "ok" : lars_strerror(rc), lars_version());
    return rc != 0;
}
