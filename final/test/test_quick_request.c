/* Every body gives the same result as the generated code. */
#include "proto/quick_request.h"

#include <time.h>

#include "base/rnd.h"
#include "proto/msg.h"
#include "t.h"

static void same(const uint8_t *b, size_t len)
{
    struct module_id a = {7, 7}, q = {7, 7};
    int want = msg_unpack_get_route(&a, b, len);

    assert_int_equal(quick_request_unpack(&q, b, len), want);
    assert_int_equal(q.modid, a.modid);
    assert_int_equal(q.cmdid, a.cmdid);
}

static void t_every_body_of_three_bytes_gives_the_same(void **state)
{
    uint8_t b[3];
    uint32_t i;

    (void)state;
    for (i = 0; i < 1u << 24; i += i < 1u << 12 ? 1 : 37) {
        b[0] = (uint8_t)(i >> 16);
        b[1] = (uint8_t)(i >> 8);
        b[2] = (uint8_t)i;
        same(b, i % 4);
        b[0] = 0x08;
        same(b, 3);
    }
}

static void t_values_at_every_length_give_the_same(void **state)
{
    static const uint32_t v[] = {0,          1,         127,        128,       16383,
                                 16384,      2097151,   2097152,    268435455, 268435456,
                                 0x7fffffff, 0x80000000, 0xffffffff};
    size_t n = sizeof(v) / sizeof(v[0]), i, k, cut;
    uint8_t b[64];

    (void)state;
    for (i = 0; i < n; i++) {
        for (k = 0; k < n; k++) {
            struct module_id m = {v[i], v[k]};
            ssize_t len = msg_pack_get_route(&m, b, sizeof(b));

            assert_true(len >= 0);
            for (cut = 0; cut <= (size_t)len; cut++)
                same(b, cut);
        }
    }
}

/* Tags, ends of values and long values are much more frequent here than in noise. */
static void t_random_bodies_give_the_same(void **state)
{
    static const uint8_t often[] = {0x08, 0x10, 0x80, 0x00, 0x0f, 0x7f, 0xff, 0x01};
    uint64_t seed = (uint64_t)time(NULL);
    struct rnd r;
    uint8_t b[24];
    int i;

    (void)state;
    print_message("seed=%llu\n", (unsigned long long)seed);
    rnd_init(&r, seed);
    for (i = 0; i < 300000; i++) {
        size_t len = rnd_u32(&r) % (sizeof(b) + 1), k;

        for (k = 0; k < len; k++)
            b[k] = rnd_u32(&r) % 4 ? often[rnd_u32(&r) % sizeof(often)]
                                   : (uint8_t)rnd_u32(&r);
        same(b, len);
    }
}

T_MAIN(T(t_every_body_of_three_bytes_gives_the_same),
       T(t_values_at_every_length_give_the_same), T(t_random_bodies_give_the_same))
