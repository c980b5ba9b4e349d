/* Messages 40 to 43: packing and unpacking gives the same values, the largest fit into a
 * frame, and invalid ones are refused. */
#include "proto/msg_slot.h"

#include "net/frame.h"
#include "slot/slot_state.h"
#include "t.h"

static char body[FRAME_MAX_BODY];
static struct msg_slot_orders orders, orders_back;
static struct msg_slot_state state, state_back;
static struct msg_slot_host host, host_back;

static int setup(void **s)
{
    (void)s;
    memset(&orders, 0, sizeof(orders));
    snprintf(orders.host, sizeof(orders.host), "h1");
    orders.fence = UINT64_MAX;
    orders.n = 2;
    orders.order[0] = (struct msg_slot_order){1, {20, 1}, 7};
    orders.order[1] = (struct msg_slot_order){256, {UINT32_MAX, 2}, UINT64_MAX};
    host = (struct msg_slot_host){"h1", "\xe5\x8c\x97", "10.0.0.1", "big", 256};
    memset(&state, 0, sizeof(state));
    state.of = host;
    memset(state.stream, 7, MSG_STREAM);
    state.seq = UINT64_MAX;
    state.fence = UINT64_MAX - 1;
    state.n = 2;
    state.node[0] = (struct msg_slot_node){1, {20, 1},    8001,    0, MSG_SLOT_FAILED,
                                           3, UINT64_MAX, "exit 1", ""};
    state.node[1] =
        (struct msg_slot_node){9,          {0, 1}, 65535, UINT32_MAX, MSG_SLOT_READY,
                               UINT32_MAX, 0,      "", "0123456789abcdef"};
    return 0;
}

static int orders_trip(void)
{
    ssize_t n = msg_slot_pack_orders(&orders, body, sizeof(body));

    assert_true(n > 0);
    return msg_slot_unpack_orders(&orders_back, body, (size_t)n);
}

static int state_trip(void)
{
    ssize_t n = msg_slot_pack_state(&state, body, sizeof(body));

    assert_true(n > 0);
    return msg_slot_unpack_state(&state_back, body, (size_t)n);
}

static int host_trip(void)
{
    ssize_t n = msg_slot_pack_hello(&host, body, sizeof(body));

    assert_true(n > 0);
    return msg_slot_unpack_hello(&host_back, body, (size_t)n);
}

static void t_orders_come_back_as_they_were_sent(void **s)
{
    (void)s;
    assert_int_equal(orders_trip(), 0);
    assert_string_equal(orders_back.host, "h1");
    assert_true(orders_back.fence == UINT64_MAX && orders_back.n == 2);
    assert_memory_equal(&orders_back.order[0], &orders.order[0],
                        2 * sizeof(orders.order[0]));
    orders.n = 0;
    assert_int_equal(orders_trip(), 0);
    assert_int_equal(orders_back.n, 0);
}

static void check_host(const struct msg_slot_host *is, const struct msg_slot_host *was)
{
    assert_string_equal(is->host, was->host);
    assert_string_equal(is->zone, was->zone);
    assert_string_equal(is->address, was->address);
    assert_string_equal(is->class, was->class);
    assert_int_equal(is->slots, was->slots);
}

static void check_node(const struct msg_slot_node *is, const struct msg_slot_node *was)
{
    assert_string_equal(is->note, was->note);
    assert_string_equal(is->build, was->build);
    assert_true(is->slot == was->slot && is->port == was->port && is->pid == was->pid);
    assert_true(is->mod.modid == was->mod.modid && is->mod.cmdid == was->mod.cmdid);
    assert_true(is->state == was->state && is->starts == was->starts);
    assert_true(is->since_ms == was->since_ms);
}

static void t_state_comes_back_as_it_was_sent(void **s)
{
    (void)s;
    assert_int_equal(state_trip(), 0);
    check_host(&state_back.of, &state.of);
    assert_memory_equal(state_back.stream, state.stream, MSG_STREAM);
    assert_true(state_back.seq == UINT64_MAX && state_back.n == 2);
    assert_true(state_back.fence == UINT64_MAX - 1);
    check_node(&state_back.node[0], &state.node[0]);
    check_node(&state_back.node[1], &state.node[1]);
    state.n = 0;
    assert_int_equal(state_trip(), 0);
    assert_int_equal(state_back.n, 0);
}

static void t_hello_comes_back_as_it_was_sent(void **s)
{
    (void)s;
    assert_int_equal(host_trip(), 0);
    check_host(&host_back, &host);
    host.zone[0] = host.class[0] = '\0';
    assert_int_equal(host_trip(), 0);
    check_host(&host_back, &host);
}

static void t_largest_orders_fit_a_frame(void **s)
{
    uint32_t i;

    (void)s;
    memset(orders.host, 'h', MSG_SLOT_HOST - 1);
    for (i = 0; i < MSG_SLOT_MAX; i++)
        orders.order[i] =
            (struct msg_slot_order){i + 1, {UINT32_MAX, UINT32_MAX}, UINT64_MAX};
    orders.n = MSG_SLOT_MAX;
    assert_int_equal(orders_trip(), 0);
    assert_int_equal(orders_back.n, MSG_SLOT_MAX);
    assert_int_equal(msg_slot_pack_orders(&orders, body, 100), -ENOBUFS);
    orders.n++;
    assert_int_equal(msg_slot_pack_orders(&orders, body, sizeof(body)), -E2BIG);
}

static void fill_state(void)
{
    struct msg_slot_node full = {0,
                                 {UINT32_MAX, UINT32_MAX},
                                 65535,
                                 UINT32_MAX,
                                 MSG_SLOT_STOPPING,
                                 UINT32_MAX,
                                 UINT64_MAX,
                                 "",
                                 ""};
    uint32_t i;

    memset(full.note, 'n', MSG_SLOT_NOTE - 1);
    memset(full.build, 'b', MSG_SLOT_BUILD - 1);
    memset(state.of.host, 'h', MSG_SLOT_HOST - 1);
    memset(state.of.zone, 'z', MSG_SLOT_ZONE - 1);
    memset(state.of.class, 'c', MSG_SLOT_CLASS - 1);
    snprintf(state.of.address, sizeof(state.of.address), "255.255.255.255");
    for (i = 0; i < MSG_SLOT_MAX; i++) {
        state.node[i] = full;
        state.node[i].slot = i + 1;
    }
    state.n = MSG_SLOT_MAX;
}

static void t_largest_state_fits_a_frame(void **s)
{
    (void)s;
    fill_state();
    assert_int_equal(state_trip(), 0);
    assert_int_equal(state_back.n, MSG_SLOT_MAX);
    check_host(&state_back.of, &state.of);
    check_node(&state_back.node[255], &state.node[255]);
    assert_int_equal(msg_slot_pack_state(&state, body, 100), -ENOBUFS);
    assert_int_equal(msg_slot_pack_hello(&host, body, 5), -ENOBUFS);
    state.n++;
    assert_int_equal(msg_slot_pack_state(&state, body, sizeof(body)), -E2BIG);
}

/* 257 orders of two bytes each; the count is refused before anything else. */
static void t_more_slots_than_a_host_can_have_are_refused(void **s)
{
    char many[2 * (MSG_SLOT_MAX + 1)];
    size_t i;

    (void)s;
    for (i = 0; i < sizeof(many); i += 2) {
        many[i] = 0x1a; /* field 3 of message 40, empty */
        many[i + 1] = 0;
    }
    assert_int_equal(msg_slot_unpack_orders(&orders_back, many, sizeof(many)), -E2BIG);
    for (i = 0; i < sizeof(many); i += 2)
        many[i] = 0x42; /* field 8 of message 41 */
    assert_int_equal(msg_slot_unpack_state(&state_back, many, sizeof(many)), -E2BIG);
}

static void refuse_order(struct msg_slot_order bad)
{
    orders.order[1] = bad;
    assert_int_equal(orders_trip(), -EINVAL);
}

static void t_invalid_orders_are_refused(void **s)
{
    (void)s;
    orders.fence = 9;
    refuse_order((struct msg_slot_order){0, {1, 1}, 9});
    refuse_order((struct msg_slot_order){257, {1, 1}, 9});
    refuse_order((struct msg_slot_order){2, {0, 0}, 9});
    refuse_order((struct msg_slot_order){2, {1, 1}, 10}); /* above that of the list */
    refuse_order((struct msg_slot_order){1, {1, 1}, 9}); /* twice */
    orders.order[0].slot = 3;
    refuse_order((struct msg_slot_order){2, {1, 1}, 9}); /* not sorted */
    orders.n = 0;
    snprintf(orders.host, sizeof(orders.host), "h 1");
    assert_int_equal(orders_trip(), -EINVAL);
    orders.host[0] = '\0';
    assert_int_equal(orders_trip(), -EINVAL);
    assert_int_equal(msg_slot_unpack_orders(&orders_back, "\xff", 1), -EBADMSG);
    assert_int_equal(msg_slot_unpack_orders(&orders_back, "", 0), -EINVAL);
}

static void t_invalid_hosts_are_refused(void **s)
{
    static const char *const address[] = {"", "10.0.0", "::1", "10.0.0.256", "host"};
    size_t i;

    (void)s;
    for (i = 0; i < sizeof(address) / sizeof(address[0]); i++) {
        snprintf(host.address, sizeof(host.address), "%s", address[i]);
        assert_int_equal(host_trip(), -EINVAL);
    }
    setup(s);
    host.slots = 0;
    assert_int_equal(host_trip(), -EINVAL);
    host.slots = MSG_SLOT_MAX + 1;
    assert_int_equal(host_trip(), -EINVAL);
    setup(s);
    host.host[0] = '\'';
    assert_int_equal(host_trip(), -EINVAL);
    setup(s);
    host.zone[0] = 27; /* a terminal's escape */
    assert_int_equal(host_trip(), -EINVAL);
    setup(s);
    host.class[0] = '\n';
    assert_int_equal(host_trip(), -EINVAL);
    assert_int_equal(msg_slot_unpack_hello(&host_back, "\xff", 1), -EBADMSG);
    assert_int_equal(msg_slot_unpack_hello(&host_back, "", 0), -EINVAL);
}

static void refuse_node(struct msg_slot_node bad)
{
    setup(NULL);
    state.of.slots = 4;
    state.node[1] = bad;
    assert_int_equal(state_trip(), -EINVAL);
}

static void t_invalid_states_are_refused(void **s)
{
    (void)s;
    refuse_node((struct msg_slot_node){0, {1, 1}, 80, 1, MSG_SLOT_READY, 1, 1, "", ""});
    refuse_node((struct msg_slot_node){5, {1, 1}, 80, 1, MSG_SLOT_READY, 1, 1, "", ""});
    refuse_node((struct msg_slot_node){1, {1, 1}, 80, 1, MSG_SLOT_READY, 1, 1, "", ""});
    refuse_node((struct msg_slot_node){2, {0, 0}, 80, 1, MSG_SLOT_READY, 1, 1, "", ""});
    refuse_node((struct msg_slot_node){2, {1, 1}, 0, 1, MSG_SLOT_READY, 1, 1, "", ""});
    refuse_node(
        (struct msg_slot_node){2, {1, 1}, 65536, 1, MSG_SLOT_READY, 1, 1, "", ""});
    refuse_node((struct msg_slot_node){2, {1, 1}, 80, 1, 0, 1, 1, "", ""});
    refuse_node((struct msg_slot_node){2, {1, 1}, 80, 1, 6, 1, 1, "", ""});
    refuse_node(
        (struct msg_slot_node){2, {1, 1}, 80, 1, MSG_SLOT_READY, 1, 1, "a\nb", ""});
    refuse_node((struct msg_slot_node){2, {1, 1}, 80, 1, MSG_SLOT_READY, 1, 1, "", "0g"});
    refuse_node((struct msg_slot_node){2, {1, 1}, 80, 1, MSG_SLOT_READY, 1, 1, "", "A1"});
    setup(s);
    state.seq = 0;
    assert_int_equal(state_trip(), -EINVAL);
    setup(s);
    state.of.slots = 0;
    assert_int_equal(state_trip(), -EINVAL);
    assert_int_equal(msg_slot_unpack_state(&state_back, "\xff", 1), -EBADMSG);
    assert_int_equal(msg_slot_unpack_state(&state_back, "", 0), -EINVAL);
}

/* A state with one node, whose note has 128 bytes. */
static void t_note_that_is_too_long_is_refused(void **s)
{
    static const char head[] = "\x0a\x01h\x1a\x08"
                               "10.0.0.1"
                               "\x28\x01"
                               "\x32\x10sixteen bytes..."
                               "\x38\x01"
                               "\x42\x8b\x01\x08\x01\x10\x01\x20\x50\x30\x01"
                               "\x4a\x80\x01";
    char all[sizeof(head) - 1 + MSG_SLOT_NOTE];

    (void)s;
    memcpy(all, head, sizeof(head) - 1);
    memset(all + sizeof(head) - 1, 'n', MSG_SLOT_NOTE);
    assert_int_equal(msg_slot_unpack_state(&state_back, all, sizeof(all)), -EINVAL);
    all[36] = (char)0x8a; /* a byte less in the node and in the note */
    memcpy(all + sizeof(head) - 3, "\xff\x00", 2);
    assert_int_equal(msg_slot_unpack_state(&state_back, all, sizeof(all) - 1), 0);
}

/* A state with one node: an earlier lars-slotd sends no build, a later one a field 11,
 * and one that is hostile a build of 33 digits. */
static void t_states_of_earlier_and_later_programs_are_read(void **s)
{
    static const char head[] = "\x0a\x01h\x1a\x08"
                               "10.0.0.1"
                               "\x28\x01"
                               "\x32\x10sixteen bytes..."
                               "\x38\x01";
    static const char earlier[] = "\x42\x08\x08\x01\x10\x01\x20\x50\x30\x02";
    static const char later[] = "\x42\x10\x08\x01\x10\x01\x20\x50\x30\x02"
                                "\x52\x02"
                                "0f"
                                "\x5a\x02xx";
    static const char hostile[] = "\x42\x2b\x08\x01\x10\x01\x20\x50\x30\x02"
                                  "\x52\x21"
                                  "0123456789abcdef0123456789abcdef0";
    static const struct {
        const char *node;
        size_t len;
        int rc;
        const char *build;
    } as[] = {{earlier, sizeof(earlier) - 1, 0, ""},
              {later, sizeof(later) - 1, 0, "0f"},
              {hostile, sizeof(hostile) - 1, -EINVAL, NULL}};
    char all[sizeof(head) + sizeof(hostile)];
    size_t i;

    (void)s;
    memcpy(all, head, sizeof(head) - 1);
    for (i = 0; i < sizeof(as) / sizeof(as[0]); i++) {
        memcpy(all + sizeof(head) - 1, as[i].node, as[i].len);
        assert_int_equal(
            msg_slot_unpack_state(&state_back, all, sizeof(head) - 1 + as[i].len),
            as[i].rc);
        if (as[i].build)
            assert_string_equal(state_back.node[0].build, as[i].build);
    }
}

static void t_names_of_states_are_those_of_the_table(void **s)
{
    (void)s;
    assert_string_equal(slot_state_name(SLOT_EMPTY), "empty");
    assert_string_equal(slot_state_name(SLOT_STARTING), "starting");
    assert_string_equal(slot_state_name(SLOT_READY), "ready");
    assert_string_equal(slot_state_name(SLOT_SICK), "sick");
    assert_string_equal(slot_state_name(SLOT_FAILED), "failed");
    assert_string_equal(slot_state_name(SLOT_STOPPING), "stopping");
    assert_string_equal(msg_slot_state_name(0), "unknown");
    assert_string_equal(msg_slot_state_name(6), "unknown");
}

#define M(fn) cmocka_unit_test_setup(fn, setup)

T_MAIN(M(t_orders_come_back_as_they_were_sent), M(t_state_comes_back_as_it_was_sent),
       M(t_hello_comes_back_as_it_was_sent), M(t_largest_orders_fit_a_frame),
       M(t_largest_state_fits_a_frame), M(t_more_slots_than_a_host_can_have_are_refused),
       M(t_invalid_orders_are_refused), M(t_invalid_hosts_are_refused),
       M(t_invalid_states_are_refused), M(t_note_that_is_too_long_is_refused),
       M(t_states_of_earlier_and_later_programs_are_read),
       M(t_names_of_states_are_those_of_the_table))
