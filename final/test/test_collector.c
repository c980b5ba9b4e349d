/* The collector moves what clients counted into the outbox exactly once, also when the
 * process that collects is killed. */
#include "agent_data/collector.h"

#include "lib/shmfix.h"

static char path[80];
static struct outbox *outbox;
static struct collector *h;
static struct call_log *calls;
static struct msg_batch *batch;

static int setup(void **state)
{
    int rc = shmfix_setup(state);

    snprintf(path, sizeof(path), "%s/the.outbox", shmfix_dir);
    batch = calloc(1, sizeof(*batch) + MSG_BATCH_ROWS * sizeof(batch->row[0]));
    assert_int_equal(shmfix_publish(1, 1, 4), 0);
    assert_int_equal(outbox_open(&outbox, path, 64), 0);
    assert_int_equal(collector_create(&h, shmfix_seg, outbox), 0);
    assert_int_equal(call_log_open(&calls, shmfix_seg, 3), 0);
    return rc;
}

static int teardown(void **state)
{
    collector_destroy(h);
    outbox_close(outbox);
    call_log_close(calls);
    free(batch);
    unlink(path);
    return shmfix_teardown(state);
}

/* Sends and acknowledges all batches, and adds up their counts. */
static void totals(uint64_t *succ, uint64_t *err, uint64_t *durations)
{
    size_t i;

    *succ = *err = *durations = 0;
    while (outbox_batch(outbox, batch) == 1) {
        for (i = 0; i < batch->n; i++) {
            if (batch->row[i].ip == MSG_LATENCY_IP) {
                *durations += batch->row[i].succ;
                continue;
            }
            *succ += batch->row[i].succ;
            *err += batch->row[i].err;
        }
        outbox_acked(outbox, batch->seq);
    }
}

static void t_counts_are_collected_once(void **state)
{
    uint64_t succ, err, durations;
    int i;

    (void)state;
    for (i = 0; i < 100; i++)
        call_log_count(calls, (uint32_t)i % 4, 0, i % 10 != 0, 50);
    assert_false(collector_has_all(h, calls, 0));
    assert_int_equal(collector_take(h, calls), 0);
    assert_int_equal(collector_take(h, calls), 0);
    assert_true(collector_has_all(h, calls, 0));
    totals(&succ, &err, &durations);
    assert_int_equal(succ, 90);
    assert_int_equal(err, 10);
    assert_int_equal(durations, 90);
    call_log_count(calls, 1, 0, true, 50);
    collector_take(h, calls);
    totals(&succ, &err, &durations);
    assert_int_equal(succ, 1);
}

static void t_successor_continues_after_the_collected_counts(void **state)
{
    uint64_t succ, err, durations;

    (void)state;
    call_log_count(calls, 1, 0, true, 50);
    collector_take(h, calls);
    collector_destroy(h);
    outbox_close(outbox);
    assert_int_equal(outbox_open(&outbox, path, 64), 0);
    assert_int_equal(collector_create(&h, shmfix_seg, outbox), 0);
    collector_take(h, calls);
    totals(&succ, &err, &durations);
    assert_int_equal(succ, 1);
}

/* A process that collects is killed at random moments while calls are counted.  The sums
 * stay exact. */
static void t_killed_collector_loses_and_doubles_no_call(void **state)
{
    int round, i, status, rounds = t_mode_is("memcheck") ? 15 : 120;
    uint64_t succ = 0, err, durations, n = 0, a, b, c;
    struct rnd rnd;

    (void)state;
    rnd_init_any(&rnd);
    for (round = 0; round < rounds; round++) {
        uint64_t until;
        pid_t pid;

        for (i = 0; i < 50; i++)
            n += call_log_count(calls, rnd_u32(&rnd) % 4, 0, true,
                                rnd_u32(&rnd) % 9999) == 0;
        collector_destroy(h);
        outbox_close(outbox);
        pid = fork();
        if (pid == 0) {
            struct call_log *mine; /* the parent's log is not mapped here */

            if (outbox_open(&outbox, path, 64) < 0 ||
                collector_create(&h, shmfix_seg, outbox) < 0 ||
                call_log_open(&mine, shmfix_seg, 3) < 0)
                _exit(1);
            for (;;)
                collector_take(h, mine);
        }
        until = mono_us() + rnd_u32(&rnd) % 2500;
        while (mono_us() < until)
            continue;
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(outbox_open(&outbox, path, 64), 0);
        assert_int_equal(collector_create(&h, shmfix_seg, outbox), 0);
        if (round % 3 == 0) {
            totals(&a, &b, &c);
            succ += a;
        }
    }
    assert_int_equal(collector_take(h, calls), 0);
    totals(&a, &err, &durations);
    assert_int_equal(succ + a, n);
    assert_int_equal(err, 0);
}

static void t_new_outbox_does_not_get_the_rows_of_the_old_one(void **state)
{
    uint64_t succ, err, durations;

    (void)state;
    call_log_count(calls, 1, 0, true, 50);
    collector_take(h, calls);
    collector_destroy(h);
    outbox_close(outbox);
    unlink(path); /* as if the file were lost */
    assert_int_equal(outbox_open(&outbox, path, 64), 0);
    assert_int_equal(collector_create(&h, shmfix_seg, outbox), 0);
    call_log_count(calls, 2, 0, true, 50);
    collector_take(h, calls);
    totals(&succ, &err, &durations);
    assert_int_equal(succ, 1);
}

#define H(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

T_MAIN(H(t_counts_are_collected_once),
       H(t_successor_continues_after_the_collected_counts),
       H(t_killed_collector_loses_and_doubles_no_call),
       H(t_new_outbox_does_not_get_the_rows_of_the_old_one))
