/* dnspeer.h -- plays an agent for DNSService.  It packs and unpacks the protobuf bytes by
 * hand, so it shares no code with the tested program. */
#ifndef LARS_TEST_DNSPEER_H
#define LARS_TEST_DNSPEER_H

#include "peer.h"

struct dnsroute {
    uint32_t modid, cmdid;
    size_t n;
    struct {
        uint32_t ip, port;
    } host[4000];
};

static inline size_t dnspeer_put_varint(uint8_t *p, uint64_t v)
{
    size_t n = 0;

    while (v >= 128) {
        p[n++] = (uint8_t)(v | 128);
        v >>= 7;
    }
    p[n++] = (uint8_t)v;
    return n;
}

static inline void dnspeer_send(int fd, uint32_t id, const void *body, size_t len)
{
    uint8_t out[600];
    uint32_t head[2] = {id, (uint32_t)len};

    assert_true(len <= sizeof(out) - 8);
    memcpy(out, head, 8);
    memcpy(out + 8, body, len);
    peer_send(fd, out, 8 + len);
}

static inline void dnspeer_ask(int fd, uint32_t modid, uint32_t cmdid)
{
    uint8_t b[30];
    size_t n = 0;

    b[n++] = 0x08;
    n += dnspeer_put_varint(b + n, (uint64_t)(int64_t)(int32_t)modid);
    b[n++] = 0x10;
    n += dnspeer_put_varint(b + n, (uint64_t)(int64_t)(int32_t)cmdid);
    dnspeer_send(fd, 1, b, n);
}

static inline uint64_t dnspeer_varint(const uint8_t **p, const uint8_t *end)
{
    uint64_t v = 0;
    int shift = 0;

    while (*p < end && shift < 64) {
        v |= (uint64_t)(**p & 127) << shift;
        shift += 7;
        if (!(*(*p)++ & 128))
            return v;
    }
    fail_msg("an incomplete varint");
    return 0;
}

static inline void dnspeer_host(struct dnsroute *r, const uint8_t *p, const uint8_t *end)
{
    assert_true(r->n < 4000);
    r->host[r->n].ip = r->host[r->n].port = 0;
    while (p < end) {
        uint64_t tag = dnspeer_varint(&p, end);

        assert_true(tag == 0x08 || tag == 0x10);
        if (tag == 0x08)
            r->host[r->n].ip = (uint32_t)dnspeer_varint(&p, end);
        else
            r->host[r->n].port = (uint32_t)dnspeer_varint(&p, end);
    }
    r->n++;
}

/* Receive the next GetRouteResponse; any other message fails the test. */
static inline void dnspeer_recv(int fd, struct dnsroute *r)
{
    static uint8_t body[65536];
    uint32_t head[2];
    const uint8_t *p = body, *end;

    peer_recv(fd, head, 8);
    assert_int_equal(head[0], 2);
    assert_true(head[1] > 0 && head[1] < sizeof(body)); /* never empty */
    peer_recv(fd, body, head[1]);
    end = body + head[1];
    r->modid = r->cmdid = 0;
    r->n = 0;
    while (p < end) {
        uint64_t tag = dnspeer_varint(&p, end), v = dnspeer_varint(&p, end);

        if (tag == 0x08) {
            r->modid = (uint32_t)v;
        } else if (tag == 0x10) {
            r->cmdid = (uint32_t)v;
        } else {
            assert_int_equal(tag, 0x1a);
            assert_true(v <= (uint64_t)(end - p));
            dnspeer_host(r, p, p + v);
            p += v;
        }
    }
}

/* Check that the next response is for this module and has <n> nodes. */
static inline void dnspeer_expect(int fd, uint32_t modid, uint32_t cmdid, size_t n)
{
    static struct dnsroute r;

    dnspeer_recv(fd, &r);
    assert_int_equal(r.modid, modid);
    assert_int_equal(r.cmdid, cmdid);
    assert_int_equal(r.n, n);
}

#endif
