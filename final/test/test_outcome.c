/* What a call is reported as, for each way in which an attempt can end. */
#include "t.h"

#include "gateway/outcome.h"

static enum lars_outcome of_status(uint16_t status, bool load)
{
    struct http_head h = {.status = status};

    if (load)
        assert_int_equal(http_head_add(&h, (struct http_text){"Lars-Load", 9},
                                       (struct http_text){"9/8", 3}),
                         0);
    return outcome_of_head(&h);
}

static void t_only_502_to_504_are_failures_of_the_node(void **state)
{
    (void)state;
    assert_int_equal(of_status(200, false), LARS_WELL);
    assert_int_equal(of_status(404, false), LARS_WELL);
    assert_int_equal(of_status(500, false), LARS_WELL);
    assert_int_equal(of_status(501, false), LARS_WELL);
    assert_int_equal(of_status(502, false), LARS_FAILED);
    assert_int_equal(of_status(503, false), LARS_FAILED);
    assert_int_equal(of_status(504, false), LARS_FAILED);
    assert_int_equal(of_status(505, false), LARS_WELL);
}

static void t_503_with_lars_load_is_a_rejection_and_no_other_status_is(void **state)
{
    (void)state;
    assert_int_equal(of_status(503, true), LARS_REJECTED);
    assert_int_equal(of_status(502, true), LARS_FAILED);
    assert_int_equal(of_status(200, true), LARS_WELL);
}

static void t_what_the_node_did_to_an_attempt_is_its_failure(void **state)
{
    static const enum gate_attempt why[] = {GATE_CONNECT, GATE_RESET, GATE_TIMEOUT,
                                            GATE_BAD_ANSWER, GATE_STATUS};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(why) / sizeof(why[0]); i++)
        assert_int_equal(outcome_of_attempt(why[i], false), LARS_FAILED);
    assert_int_equal(outcome_of_attempt(GATE_REJECTED, false), LARS_REJECTED);
    assert_int_equal(outcome_of_attempt(GATE_REJECTED, true), LARS_REJECTED);
}

static void t_time_that_others_used_is_not_held_against_the_node(void **state)
{
    (void)state;
    assert_int_equal(outcome_of_attempt(GATE_CONNECT, true), LARS_CANCELLED);
    assert_int_equal(outcome_of_attempt(GATE_TIMEOUT, true), LARS_CANCELLED);
    assert_int_equal(outcome_of_attempt(GATE_RESET, true), LARS_FAILED);
    assert_int_equal(outcome_of_attempt(GATE_BAD_ANSWER, true), LARS_FAILED);
}

static void t_resources_of_this_process_are_not_held_against_the_node(void **state)
{
    static const int own[] = {EMFILE, ENFILE,        ENOMEM, ENOBUFS,
                              ENOSPC, EADDRNOTAVAIL, EAGAIN};
    static const int nodes[] = {ECONNREFUSED, ECONNRESET,  EPIPE,
                                ETIMEDOUT,    ENETUNREACH, EHOSTUNREACH};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        assert_int_equal(outcome_why(-own[i], GATE_CONNECT), GATE_OWN);
    for (i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
        assert_int_equal(outcome_why(-nodes[i], GATE_CONNECT), GATE_CONNECT);
    assert_int_equal(outcome_of_attempt(GATE_OWN, false), LARS_CANCELLED);
}

static void t_call_that_is_given_up_shows_what_its_head_has_shown(void **state)
{
    (void)state;
    assert_int_equal(outcome_of_cancel(LARS_WELL), LARS_CANCELLED);
    assert_int_equal(outcome_of_cancel(LARS_FAILED), LARS_FAILED);
    assert_int_equal(outcome_of_cancel(LARS_REJECTED), LARS_REJECTED);
}

T_MAIN(T(t_only_502_to_504_are_failures_of_the_node),
       T(t_503_with_lars_load_is_a_rejection_and_no_other_status_is),
       T(t_what_the_node_did_to_an_attempt_is_its_failure),
       T(t_time_that_others_used_is_not_held_against_the_node),
       T(t_resources_of_this_process_are_not_held_against_the_node),
       T(t_call_that_is_given_up_shows_what_its_head_has_shown))
