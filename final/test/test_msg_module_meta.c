/* Message 37 (module meta) byte for byte, its limits, what is refused, and the table of
 * the module meta of all modules. */
#include "proto/msg_module_meta.h"
#include "route/module_meta_table.h"
#include "t.h"

static uint8_t body[MSG_MODULE_META_ROOM];
static struct msg_module_meta m;

static const char whole[] = "\x08\x01\x10\x02\x1a\x04hash\x20\xac\x02\x28\x07\x30\x64"
                            "\x3a\x02/h\x42\x06\x08\x05\x10\x09\x18\x01\x4a\x04\x08\x0a"
                            "\x10\x50";

static const struct msg_module_meta in = {.mod = {1, 2},
                                          .rule = "hash",
                                          .probe = "/h",
                                          .timeout_ms = 300,
                                          .slow_ms = 7,
                                          .node_rps = 100,
                                          .n_zone = 1,
                                          .n_suspect = 1,
                                          .zone = {{5, 9, 1}},
                                          .suspect = {{10, 80, 0, 0}}};

static void t_pack_gives_these_bytes(void **state)
{
    (void)state;
    assert_int_equal(msg_module_meta_pack(&in, body, sizeof(body)), sizeof(whole) - 1);
    assert_memory_equal(body, whole, sizeof(whole) - 1);
    assert_int_equal(msg_module_meta_unpack(&m, whole, sizeof(whole) - 1), 0);
    assert_memory_equal(&m, &in, sizeof(in));
}

/* Fields 10 and 11 follow those of version 1.1, which skips them. */
static void t_capacity_is_added_at_the_end(void **state)
{
    static const char more[] = "\x50\xac\x02\x58\xf4\x03"; /* 300, 500 */
    struct msg_module_meta full = in;
    char both[sizeof(whole) + sizeof(more)];
    size_t n = sizeof(whole) - 1 + sizeof(more) - 1;

    (void)state;
    full.node_inflight = 300;
    full.target_ms = 500;
    memcpy(both, whole, sizeof(whole) - 1);
    memcpy(both + sizeof(whole) - 1, more, sizeof(more) - 1);
    assert_int_equal(msg_module_meta_pack(&full, body, sizeof(body)), n);
    assert_memory_equal(body, both, n);
    assert_int_equal(msg_module_meta_unpack(&m, both, n), 0);
    assert_memory_equal(&m, &full, sizeof(full));
}

static void t_fields_of_a_newer_version_are_skipped(void **state)
{
    char newer[sizeof(whole) + 3];
    size_t n = sizeof(whole) - 1;

    (void)state;
    memcpy(newer, whole, n);
    memcpy(newer + n, "\x60\x07", 2); /* field 12 */
    assert_int_equal(msg_module_meta_unpack(&m, newer, n + 2), 0);
    assert_memory_equal(&m, &in, sizeof(in));
}

static void t_largest_message_fits_into_a_frame(void **state)
{
    struct msg_module_meta big = {.mod = {UINT32_MAX, UINT32_MAX},
                                  .timeout_ms = UINT32_MAX,
                                  .slow_ms = UINT32_MAX,
                                  .node_rps = UINT32_MAX,
                                  .node_inflight = UINT32_MAX,
                                  .target_ms = UINT32_MAX,
                                  .n_zone = MSG_MODULE_META_ZONES,
                                  .n_suspect = MSG_MODULE_META_SUSPECTS};
    uint32_t i;
    ssize_t n;

    (void)state;
    memset(big.rule, 'r', MSG_MODULE_META_RULE - 1);
    memset(big.probe, '/', MSG_MODULE_META_PROBE - 1);
    for (i = 0; i < MSG_MODULE_META_ZONES; i++)
        big.zone[i] = (struct msg_zone_calls){UINT32_MAX, UINT32_MAX, UINT32_MAX};
    for (i = 0; i < MSG_MODULE_META_SUSPECTS; i++)
        big.suspect[i] = (struct msg_host){UINT32_MAX, 65535, 0, 0};
    n = msg_module_meta_pack(&big, body, sizeof(body));
    assert_true(n > 0);
    assert_int_equal(msg_module_meta_unpack(&m, body, (size_t)n), 0);
    assert_memory_equal(&m, &big, sizeof(m));
    assert_int_equal(msg_module_meta_pack(&big, body, (size_t)n - 1), -ENOBUFS);
}

static void t_policy_sum_is_that_of_the_policy_and_not_of_the_load(void **state)
{
    struct msg_module_meta a = in, b = in;
    uint64_t sum = msg_module_meta_policy_sum(&in);

    (void)state;
    assert_true(sum != 0);
    a.zone[0].per_s++;
    a.n_suspect = 0;
    a.mod.modid++;
    assert_true(msg_module_meta_policy_sum(&a) == sum);
    strcpy(a.rule, "hash/"); /* the same letters, divided elsewhere */
    strcpy(a.probe, "h");
    assert_true(msg_module_meta_policy_sum(&a) != sum);
    b.timeout_ms++;
    assert_true(msg_module_meta_policy_sum(&b) != sum);
    b = in;
    b.slow_ms++;
    assert_true(msg_module_meta_policy_sum(&b) != sum);
    b = in;
    b.node_rps++;
    assert_true(msg_module_meta_policy_sum(&b) != sum);
    b = in;
    b.node_inflight = 7;
    assert_true(msg_module_meta_policy_sum(&b) != sum);
    a = in;
    a.target_ms = 7;
    assert_true(msg_module_meta_policy_sum(&a) != sum);
    assert_true(msg_module_meta_policy_sum(&a) != msg_module_meta_policy_sum(&b));
}

/* Agents and larsctl of other versions compare it. */
static void t_policy_sum_is_the_same_in_every_version(void **state)
{
    struct msg_module_meta a = {.timeout_ms = 70000,
                                .slow_ms = 3,
                                .node_rps = 0x01020304};

    (void)state;
    strcpy(a.rule, "p2c");
    strcpy(a.probe, "/healthz");
    assert_true(msg_module_meta_policy_sum(&a) == 0xa5c26a84388d9ee8ull);
}

static int refused(const char *bytes, size_t len)
{
    return msg_module_meta_unpack(&m, bytes, len);
}

#define REFUSED(text) refused(text, sizeof(text) - 1)

static void t_invalid_values_are_refused(void **state)
{
    char many[600];
    size_t i, n = 4;

    (void)state;
    assert_int_equal(REFUSED("\x08\x01\x10\x02"), 0);
    assert_int_equal(REFUSED(""), -EINVAL); /* module 0/0 */
    assert_int_equal(REFUSED("\xff\xff"), -EBADMSG);
    assert_int_equal(REFUSED("\x08\x01\x1a\x10rrrrrrrrrrrrrrrr"), -EINVAL);
    assert_int_equal(REFUSED("\x08\x01\x3a\x01h"), -EINVAL); /* no path */
    assert_int_equal(REFUSED("\x08\x01\x3a\x04/h\r\n"),
                     -EINVAL); /* this would add a header line */
    assert_int_equal(REFUSED("\x08\x01\x3a\x03/ h"), -EINVAL);
    assert_int_equal(REFUSED("\x08\x01\x4a\x02\x10\x00"), -EINVAL); /* port 0 */
    memcpy(many, "\x08\x01\x10\x02", 4);
    for (i = 0; i <= MSG_MODULE_META_ZONES; i++, n += 4)
        memcpy(many + n, "\x42\x02\x08\x05", 4);
    assert_int_equal(refused(many, n), -E2BIG);
    for (n = 4, i = 0; i <= MSG_MODULE_META_SUSPECTS; i++, n += 4)
        memcpy(many + n, "\x4a\x02\x10\x50", 4);
    assert_int_equal(refused(many, n), -E2BIG);
}

static void count(const struct msg_module_meta *info, void *arg)
{
    *(uint32_t *)arg += info->mod.cmdid;
}

static void t_table_finds_modules_and_equal_entries_are_same(void **state)
{
    struct module_meta_table *t;
    struct msg_module_meta other = in;
    uint32_t sum = 0;

    (void)state;
    assert_null(module_meta_table_find(NULL, 1, 2));
    assert_int_equal(module_meta_table_create(&t), 0);
    assert_null(module_meta_table_find(t, 1, 2));
    *module_meta_table_at(t, 1, 2) = in;
    module_meta_table_at(t, 1, 3)->node_rps = 5;
    assert_ptr_equal(module_meta_table_at(t, 1, 2), module_meta_table_find(t, 1, 2));
    assert_int_equal(module_meta_table_n(t), 2);
    module_meta_table_each(t, count, &sum);
    assert_int_equal(sum, 5);
    assert_true(module_meta_table_same(module_meta_table_find(t, 1, 2), &in));
    other.zone[0].per_s++;
    assert_false(module_meta_table_same(&other, &in));
    assert_false(module_meta_table_same(NULL, &in));
    assert_true(module_meta_table_same(NULL, NULL));
    module_meta_table_unref(module_meta_table_ref(t));
    assert_int_equal(module_meta_table_n(t), 2); /* one reference is left */
    module_meta_table_unref(t);
    module_meta_table_unref(NULL);
}

T_MAIN(T(t_pack_gives_these_bytes),
       T(t_capacity_is_added_at_the_end), T(t_fields_of_a_newer_version_are_skipped),
       T(t_largest_message_fits_into_a_frame),
       T(t_policy_sum_is_that_of_the_policy_and_not_of_the_load),
       T(t_policy_sum_is_the_same_in_every_version), T(t_invalid_values_are_refused),
       T(t_table_finds_modules_and_equal_entries_are_same))
