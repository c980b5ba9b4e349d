/* The TLS port is any free one; the gateway logs it, as it logs no other address. */
#include "gatetls.h"

#include "certfile.h"

struct gatetls gatetls;

const char *gatetls_file(const char *name)
{
    static char path[4][160];
    static unsigned n;

    n = (n + 1) % 4;
    snprintf(path[n], sizeof(path[n]), "%s/%s", testdb_dir, name);
    return path[n];
}

static int port_in_log(void)
{
    char line[512];
    const char *at;

    while (proc_line(gateway.err, line, sizeof(line)))
        if (strstr(line, "gateway.tls address=") && (at = strrchr(line, ':')))
            return atoi(at + 1);
    fail_msg("the gateway ended without the log line gateway.tls");
    return 0;
}

void gatetls_start(const char *more)
{
    char conf[600];

    certfile_write_pair(gatetls_file("cert.pem"), gatetls_file("key.pem"), -3600,
                       90 * 86400);
    snprintf(conf, sizeof(conf), GATETLS_CONF, testdb_dir, testdb_dir, more);
    gatefix_start(conf);
    gatetls.port = port_in_log();
}

int gatetls_read_all(struct tlspeer *p)
{
    size_t n = 0;
    int got;

    while (n + 1 < sizeof(gatetls.reply.text) &&
           (got = tlspeer_hear(p, gatetls.reply.text + n,
                               (int)(sizeof(gatetls.reply.text) - 1 - n))) > 0)
        n += (size_t)got;
    gatetls.reply.text[n] = 0;
    assert_int_equal(got, 0);
    return n > 12 ? atoi(gatetls.reply.text + 9) : 0;
}

int gatetls_get_by(struct tlspeer *p, const char *target)
{
    char ask[300];

    tlspeer_say(p, ask, (size_t)snprintf(ask, sizeof(ask), GATETLS_GET, target));
    return gatetls_read_all(p);
}

int gatetls_get(const char *target)
{
    struct tlspeer p;
    int status;

    tlspeer_connect(&p, gatetls.port, NULL);
    assert_true(tlspeer_handshake(&p));
    status = gatetls_get_by(&p, target);
    tlspeer_close(&p);
    return status;
}
