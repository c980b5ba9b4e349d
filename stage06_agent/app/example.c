/* example -- a complete client: gets a node, calls it and reports the result.
 *     build/example [MODID CMDID]         LARS_PORT and LARS_DIR: see lars.h */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/lars.h"

/* A real program sends its request here.  Returns 0 = success. */
static int call(const struct lars_host *h)
{
    char ip[INET6_ADDRSTRLEN];

    inet_ntop(h->addr.family, h->addr.ip, ip, sizeof(ip));
    printf("calling %s:%u\n", ip, h->addr.port);
    return 0;
}

int main(int argc, char **argv)
{
    uint32_t modid = argc > 2 ? (uint32_t)strtol(argv[1], NULL, 10) : 1;
    uint32_t cmdid = argc > 2 ? (uint32_t)strtol(argv[2], NULL, 10) : 1;
    struct lars_client *c;
    struct lars_host h;
    int rc = lars_open(&c, NULL);

    if (rc < 0)
        return EXIT_FAILURE;
    lars_register(c, modid, cmdid);   /* waits until the agent has the route */
    rc = lars_get_host(c, modid, cmdid, &h);
    if (rc >= 0) {
        if (rc == 1)
            printf("the agent does not answer; this node comes from its file\n");
        lars_report(c, &h, call(&h));
    } else if (rc == -EAGAIN) {
        printf("every node of %u/%u is overloaded\n", modid, cmdid);
    } else {
        fprintf(stderr, "example: %u/%u: %s\n", modid, cmdid, strerror(-rc));
    }
    lars_close(c);
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
