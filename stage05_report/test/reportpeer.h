/* reportpeer.h -- plays an agent for the Report Service.  It packs the bytes of message 3
 * by hand, so it shares no code with the tested program. */
#ifndef LARS_TEST_REPORTPEER_H
#define LARS_TEST_REPORTPEER_H

#include "dnspeer.h"

static inline size_t reportpeer_field(uint8_t *p, uint8_t number, uint64_t v)
{
    p[0] = (uint8_t)(number << 3);
    return 1 + dnspeer_put_varint(p + 1, v);
}

/* An IPv4 address as int32: addresses from 128.0.0.0 up are negative and take ten
 * bytes. */
static inline uint64_t reportpeer_int32(uint32_t v)
{
    return (uint64_t)(int64_t)(int32_t)v;
}

/* Write a node and its totals, as they stand in a report, to <b>.  Returns the bytes. */
static inline size_t reportpeer_result(uint8_t *b, uint32_t ip, uint32_t port,
                                       uint32_t succ, uint32_t err)
{
    uint8_t r[60];
    size_t k = 0;

    k += reportpeer_field(r + k, 1, reportpeer_int32(ip));
    k += reportpeer_field(r + k, 2, reportpeer_int32(port));
    k += reportpeer_field(r + k, 3, succ);
    k += reportpeer_field(r + k, 4, err);
    b[0] = 0x22;
    b[1] = (uint8_t)k;
    memcpy(b + 2, r, k);
    return 2 + k;
}

/* Send a report of module <modid>/1 with <nodes> nodes, 1 to 10, from <ip> upwards, which
 * have the same port and totals. */
static inline void reportpeer_send_nodes(int fd, uint32_t modid, uint32_t ip,
                                         uint32_t port, uint32_t succ, uint32_t err,
                                         uint32_t nodes)
{
    uint8_t b[700];
    size_t n = 0;
    uint32_t i;

    n += reportpeer_field(b + n, 1, reportpeer_int32(modid));
    n += reportpeer_field(b + n, 2, 1);
    n += reportpeer_field(b + n, 3, 0x7f000001);
    for (i = 0; i < nodes; i++)
        n += reportpeer_result(b + n, ip + i, port, succ, err);
    n += reportpeer_field(b + n, 5, 1700000000);
    dnspeer_send(fd, 3, b, n);
}

/* Send a report with one node of module <modid>/1. */
static inline void reportpeer_send(int fd, uint32_t modid, uint32_t ip, uint32_t port,
                                   uint32_t succ, uint32_t err)
{
    reportpeer_send_nodes(fd, modid, ip, port, succ, err, 1);
}

#endif
