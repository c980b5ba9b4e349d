/* example -- the API in one page: get a node, call it, report how it went. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/lars.h"

/* Where a program would send its request.  Returns 0 = well. */
static int call(const struct lars_host *h)
{
    char ip[INET6_ADDRSTRLEN];

    inet_ntop(h->addr.family, h->addr.ip, ip, sizeof(ip));
    printf("calling %s:%u\n", ip, h->addr.port);
    return 0;
}

static int print_help(void)
{
    puts("Usage: example [MODID CMDID]\n"
         "example - asks the agent of this host for a node of a module, and reports\n"
         "that the call succeeded. The default module is 1 1.\n\n"
         "Options:\n"
         "  -h, --help     Print this help and exit.\n"
         "  -V, --version  Print the name and the version of the program and exit.\n\n"
         "LARS_ADDRESS, LARS_PORT and LARS_DIR in the environment name the agent;\n"
         "lars.h has their defaults.");
    return EXIT_SUCCESS;
}

/* A decimal number from 0 to 4294967295.  Returns 0, or -EINVAL after a line on standard
 * error. */
static int number(const char *name, const char *text, uint32_t *out)
{
    unsigned long long v;
    char *end;

    errno = 0;
    v = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || v > UINT32_MAX) {
        fprintf(stderr, "example: %s: \"%.60s\" is not a number from 0 to 4294967295\n",
                name, text);
        return -EINVAL;
    }
    *out = (uint32_t)v;
    return 0;
}

int main(int argc, char **argv)
{
    const char *first = argc > 1 ? argv[1] : "";
    uint32_t modid = 1, cmdid = 1;
    struct lars_client *c;
    struct lars_host h;
    int rc;

    if (strcmp(first, "-h") == 0 || strcmp(first, "--help") == 0)
        return print_help();
    if (strcmp(first, "-V") == 0 || strcmp(first, "--version") == 0)
        return printf("example %s\n", lars_version()) < 0;
    if (first[0] == '-' || (argc != 1 && argc != 3)) {
        fprintf(stderr, "example: %s: expected MODID CMDID; see example --help\n", first);
        return 2;
    }
    if (argc == 3 &&
        (number("MODID", argv[1], &modid) < 0 || number("CMDID", argv[2], &cmdid) < 0))
        return 2;
    rc = lars_open(&c, NULL);
    if (rc < 0) {
        fprintf(stderr, "example: cannot open a client: %s\n", lars_strerror(rc));
        return EXIT_FAILURE;
    }
    lars_register(c, modid, cmdid);   /* so that the first call finds a route */
    rc = lars_get_host(c, modid, cmdid, &h);
    if (rc >= 0) {
        if (rc == 1)
            printf("the agent does not answer; this node is from its file\n");
        rc = lars_report(c, &h, call(&h));
    }
    if (rc < 0)
        fprintf(stderr, "example: %u/%u: %s\n", modid, cmdid, lars_strerror(rc));
    lars_close(c);
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
