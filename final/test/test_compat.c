/* What must not change: the fields of the messages that the public Lars has, as numbers
 * and types on the wire, and the structs of lars.h as programs were compiled with them.
 *
 * The expected values are written out here once more.  They are not taken from the code,
 * because a change of the code must make a test fail. */
#include "t.h"

#include "api/lars.h"
#include "api/lars_nowait.h"
#include "proto/lars.pb-c.h"
#include "proto/msg_batch.h"
#include "proto/msg_module_meta.h"
#include "proto/msg_state.h"
#include "proto/msg_update.h"

#define OURS 16                          /* the first number of a field that we added */

struct message {
    const ProtobufCMessageDescriptor *is;
    const char *fields;                  /* "name number type", in the order of numbers */
};

/* Messages 1 to 8 and what they contain; 7 and 8 have the bodies of 1 and 2. */
static const struct message public_messages[] = {
    {&lars__host_info__descriptor, "ip 1 i, port 2 i, "},
    {&lars__get_route_request__descriptor, "modid 1 i, cmdid 2 i, "},
    {&lars__get_route_response__descriptor, "modid 1 i, cmdid 2 i, host 3 m*, "},
    {&lars__host_call_result__descriptor,
     "ip 1 i, port 2 i, succ 3 u, err 4 u, overload 5 b, "},
    {&lars__report_status_request__descriptor,
     "modid 1 i, cmdid 2 i, caller 3 i, results 4 m*, ts 5 u, "},
    {&lars__get_host_request__descriptor, "seq 1 u, modid 2 i, cmdid 3 i, "},
    {&lars__get_host_response__descriptor,
     "seq 1 u, modid 2 i, cmdid 3 i, retcode 4 i, host 5 m, "},
    {&lars__report_request__descriptor, "modid 1 i, cmdid 2 i, host 3 m, retcode 4 i, "},
};

#define N_PUBLIC (sizeof(public_messages) / sizeof(public_messages[0]))

static char letter_of(const ProtobufCFieldDescriptor *f)
{
    switch (f->type) {
    case PROTOBUF_C_TYPE_INT32:
        return 'i';
    case PROTOBUF_C_TYPE_UINT32:
        return 'u';
    case PROTOBUF_C_TYPE_BOOL:
        return 'b';
    case PROTOBUF_C_TYPE_MESSAGE:
        return 'm';
    default:
        return '?';
    }
}

static void t_messages_1_to_8_have_the_fields_of_the_public_lars(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < N_PUBLIC; i++) {
        const ProtobufCMessageDescriptor *is = public_messages[i].is;
        char have[300] = "";
        unsigned k;

        for (k = 0; k < is->n_fields && is->fields[k].id < OURS; k++)
            snprintf(have + strlen(have), sizeof(have) - strlen(have), "%s %u %c%s, ",
                     is->fields[k].name, is->fields[k].id, letter_of(&is->fields[k]),
                     is->fields[k].label == PROTOBUF_C_LABEL_REPEATED ? "*" : "");
        assert_string_equal(have, public_messages[i].fields);
    }
}

static void t_our_fields_of_the_public_messages_are_these(void **state)
{
    char have[300] = "";
    size_t i;
    unsigned k;

    (void)state;
    for (i = 0; i < N_PUBLIC; i++)
        for (k = 0; k < public_messages[i].is->n_fields; k++)
            if (public_messages[i].is->fields[k].id >= OURS)
                snprintf(have + strlen(have), sizeof(have) - strlen(have), "%s %u, ",
                         public_messages[i].is->fields[k].name,
                         public_messages[i].is->fields[k].id);
    assert_string_equal(have, "weight 17, zone 18, cost_us 16, ");
}

static void t_ids_of_our_messages_are_32_to_39(void **state)
{
    (void)state;
    assert_int_equal(MSG_API_ROUTE, 8);
    assert_int_equal(MSG_HELLO, 32);
    assert_int_equal(MSG_HELLO_REPLY, 33);
    assert_int_equal(MSG_REPORT_BATCH, 34);
    assert_int_equal(MSG_REPORT_ACK, 35);
    assert_int_equal(MSG_ROUTE_UPDATE, 36);
    assert_int_equal(MSG_MODULE_META, 37);
    assert_int_equal(MSG_AGENT_STATE, 38);
    assert_int_equal(MSG_AGENT_STATE_ACK, 39);
}

/* A program of another version sends and expects these numbers. */
static void t_fields_of_a_slot_keep_their_numbers(void **state)
{
    const ProtobufCMessageDescriptor *is = &lars__slot_node__descriptor;
    char have[200] = "";
    unsigned k;

    (void)state;
    for (k = 0; k < is->n_fields; k++)
        snprintf(have + strlen(have), sizeof(have) - strlen(have), "%s %u, ",
                 is->fields[k].name, is->fields[k].id);
    assert_string_equal(have, "slot 1, modid 2, cmdid 3, port 4, pid 5, state 6, starts "
                              "7, since_ms 8, note 9, build 10, ");
}

/* A caller has these on its stack, and an array of them in a call. */
static void t_structs_without_a_size_never_grow(void **state)
{
    (void)state;
    assert_int_equal(sizeof(struct lars_addr), 20);
    assert_int_equal(offsetof(struct lars_addr, ip), 4);
    assert_int_equal(sizeof(struct lars_host), 72);
    assert_int_equal(offsetof(struct lars_host, modid), 20);
    assert_int_equal(offsetof(struct lars_host, start_us), 32);
    assert_int_equal(offsetof(struct lars_host, opaque), 40);
}

static void t_structs_with_a_size_keep_the_places_of_their_fields(void **state)
{
    (void)state;
    assert_int_equal(offsetof(struct lars_options, size), 0);
    assert_int_equal(offsetof(struct lars_options, address), 8);
    assert_int_equal(offsetof(struct lars_options, port), 16);
    assert_int_equal(offsetof(struct lars_options, dir), 24);
    assert_int_equal(offsetof(struct lars_options, timeout_ms), 32);
    assert_int_equal(offsetof(struct lars_options, hooks), 40); /* from 1.2 on */
    assert_int_equal(offsetof(struct lars_get_options, key), 8);
    assert_int_equal(offsetof(struct lars_get_options, timeout_ms), 16);
    assert_int_equal(offsetof(struct lars_get_options, n_avoid), 20);
    assert_int_equal(offsetof(struct lars_get_options, avoid), 24);
    assert_int_equal(offsetof(struct lars_module, nodes_in), 4);
    assert_int_equal(offsetof(struct lars_module, weight_in), 12);
    assert_int_equal(offsetof(struct lars_module, target_ms), 24);
}

T_MAIN(T(t_messages_1_to_8_have_the_fields_of_the_public_lars),
       T(t_our_fields_of_the_public_messages_are_these),
       T(t_ids_of_our_messages_are_32_to_39), T(t_fields_of_a_slot_keep_their_numbers),
       T(t_structs_without_a_size_never_grow),
       T(t_structs_with_a_size_keep_the_places_of_their_fields))
