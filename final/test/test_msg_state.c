/* Message 38: packing and unpacking gives the same values, the largest fits into a frame,
 * and invalid ones are refused. */
#include "proto/msg_state.h"

#include "net/frame.h"
#include "t.h"

static char body[FRAME_MAX_BODY];
static struct msg_state in, out;

static int setup(void **state)
{
    (void)state;
    memset(&in, 0, sizeof(in));
    snprintf(in.name, sizeof(in.name), "web1/127.0.0.1:8888");
    snprintf(in.zone, sizeof(in.zone), "\xe5\x8c\x97");
    snprintf(in.program, sizeof(in.program), "1.1.0");
    memset(in.stream, 7, MSG_STREAM);
    in.seq = UINT64_MAX;
    in.caller = UINT32_MAX;
    return 0;
}

static int round_trip(void)
{
    ssize_t n = msg_state_pack(&in, body, sizeof(body));

    assert_true(n > 0);
    return msg_state_unpack(&out, body, (size_t)n);
}

static void t_state_comes_back_as_it_was_sent(void **state)
{
    (void)state;
    in.n_module = in.n_node = 1;
    in.has_report = true;
    memset(in.report, 9, MSG_STREAM);
    in.module[0] = (struct msg_state_module){{1, 2}, 3, 4, 5};
    in.node[0] = (struct msg_state_node){{1, 2}, 0x7f000101, 8001, MSG_NODE_EJECTED};
    assert_int_equal(round_trip(), 0);
    assert_string_equal(out.name, in.name);
    assert_string_equal(out.zone, in.zone);
    assert_string_equal(out.program, in.program);
    assert_memory_equal(out.stream, in.stream, MSG_STREAM);
    assert_true(out.seq == in.seq && out.caller == in.caller);
    assert_true(out.n_module == 1 && out.n_node == 1 && out.has_report);
    assert_memory_equal(out.report, in.report, MSG_STREAM);
    assert_memory_equal(&out.module[0], &in.module[0], sizeof(in.module[0]));
    assert_memory_equal(&out.node[0], &in.node[0], sizeof(in.node[0]));
}

/* An agent of 1.1.0; the bytes of the module are modid 1, cmdid 2, sum 4. */
static void t_fields_that_an_older_agent_does_not_send_are_not_known(void **state)
{
    static const char old[] = "\x0a\x01n\x22\x01p\x2a\x10sixteen bytes..."
                              "\x30\x01\x3a\x06\x08\x01\x10\x02\x20\x04";

    (void)state;
    assert_int_equal(msg_state_unpack(&out, old, sizeof(old) - 1), 0);
    assert_int_equal(out.n_module, 1);
    assert_true(out.module[0].sum == 4);
    assert_true(out.module[0].version == 0 && out.module[0].policy == 0);
    assert_false(out.has_report);
}

static void t_largest_state_fits_a_frame(void **state)
{
    size_t i;

    (void)state;
    memset(in.name, 'n', MSG_STATE_NAME - 1);
    memset(in.zone, 'z', MSG_STATE_ZONE - 1);
    for (i = 0; i < MSG_STATE_MODULES; i++)
        in.module[i] = (struct msg_state_module){
            {UINT32_MAX, UINT32_MAX}, UINT64_MAX, UINT64_MAX, UINT64_MAX};
    for (i = 0; i < MSG_STATE_NODES; i++)
        in.node[i] = (struct msg_state_node){
            {UINT32_MAX, UINT32_MAX}, UINT32_MAX, 65535, MSG_NODE_TRIAL};
    in.has_report = true;
    in.n_module = MSG_STATE_MODULES;
    in.n_node = MSG_STATE_NODES;
    assert_int_equal(round_trip(), 0);
    assert_true(out.n_module == MSG_STATE_MODULES && out.n_node == MSG_STATE_NODES);
    in.n_node++;
    assert_int_equal(msg_state_pack(&in, body, sizeof(body)), -E2BIG);
    in.n_node--;
    assert_int_equal(msg_state_pack(&in, body, 100), -ENOBUFS);
}

static void t_invalid_states_are_refused(void **state)
{
    static const char short_report[] = "\x0a\x01n\x22\x01p\x2a\x10sixteen bytes..."
                                       "\x30\x01\x4a\x02no";

    (void)state;
    in.n_module = 1;
    assert_int_equal(round_trip(), -EINVAL); /* module 0/0 */
    in.n_module = 0;
    in.n_node = 1;
    in.node[0] = (struct msg_state_node){{1, 1}, 1, 0, MSG_NODE_DOWN};
    assert_int_equal(round_trip(), -EINVAL); /* port 0 */
    in.node[0].port = 80;
    in.node[0].state = 4;
    assert_int_equal(round_trip(), -EINVAL);
    in.n_node = 0;
    in.seq = 0;
    assert_int_equal(round_trip(), -EINVAL);
    in.seq = 1;
    in.zone[0] = 27;
    assert_int_equal(round_trip(), -EINVAL); /* a terminal's escape */
    in.zone[0] = 0;
    in.name[0] = '\'';
    assert_int_equal(round_trip(), -EINVAL);
    in.name[0] = 0;
    assert_int_equal(round_trip(), -EINVAL);
    assert_int_equal(msg_state_unpack(&out, short_report, sizeof(short_report) - 1),
                     -EINVAL);
    assert_int_equal(msg_state_unpack(&out, "\xff", 1), -EBADMSG);
    assert_int_equal(msg_state_unpack(&out, "", 0), -EINVAL);
}

#define M(fn) cmocka_unit_test_setup(fn, setup)

T_MAIN(M(t_state_comes_back_as_it_was_sent),
       M(t_fields_that_an_older_agent_does_not_send_are_not_known),
       M(t_largest_state_fits_a_frame),
       M(t_invalid_states_are_refused))
