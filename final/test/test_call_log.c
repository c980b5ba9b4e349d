/* Call logs: every call is counted once, also when another thread reports it, when no
 * report comes, and when the client or the agent is killed at any instruction. */
#include "lib/shmfix.h"

#include <pthread.h>

#include "shmem/log_owner.h"
#include "shmem/log_recovery.h"
#include "shmem/segment_private.h"

#define OWN SEGMENT_CLIENT_LOGS /* index of the agent's own log */

static struct call_log *own;

static int setup(void **state)
{
    int rc = shmfix_setup(state);

    if (rc == 0) {
        assert_int_equal(shmfix_publish(1, 1, 4), 0);
        rc = call_log_open(&own, shmfix_seg, OWN);
    }
    return rc;
}

static int teardown(void **state)
{
    call_log_close(own);
    return shmfix_teardown(state);
}

static struct call_log_sum sum_of(const struct call_log *c, uint32_t nid)
{
    struct call_log_sum s = {0};

    call_log_sum(c, nid, &s);
    return s;
}

static void t_call_is_begun_and_reported_once(void **state)
{
    struct call_log_end e;
    struct call_log *c;
    uint64_t token;

    (void)state;
    assert_int_equal(log_owner_take(&c, shmfix_seg), 0);
    assert_int_equal(call_log_begin(c, 2, 0, 1000, &token), 0);
    assert_int_equal(sum_of(c, 2).begun, 1);
    assert_int_equal(call_log_n_open(c), 1);
    assert_int_equal(call_log_finish(c, c, token, CALL_LOG_OK, 4000, 0, &e), 0);
    assert_int_equal(e.nid, 2);
    assert_int_equal(e.lat_us, 3000);
    assert_int_equal(sum_of(c, 2).done, 1);
    assert_int_equal(sum_of(c, 2).err, 0);
    assert_int_equal(sum_of(c, 2).lat_us, 3000);
    assert_int_equal(call_log_finish(c, c, token, CALL_LOG_FAILED, 5000, 0, &e),
                     -EALREADY);
    assert_int_equal(sum_of(c, 2).done, 1);
    assert_int_equal(call_log_n_open(c), 0);
    log_owner_give(shmfix_seg, c);
}

static void t_failed_call_costs_at_least_the_penalty(void **state)
{
    struct call_log_end e;
    struct call_log *c;
    uint64_t token;

    (void)state;
    assert_int_equal(log_owner_take(&c, shmfix_seg), 0);
    call_log_begin(c, 0, 0, 0, &token);
    call_log_finish(c, c, token, CALL_LOG_FAILED, 100, 20000, &e);
    assert_int_equal(sum_of(c, 0).err, 1);
    assert_int_equal(sum_of(c, 0).lat_us, 20000);
    call_log_begin(c, 0, 0, 0, &token);
    call_log_finish(c, c, token, CALL_LOG_FAILED, 50000, 20000, &e);
    assert_int_equal(sum_of(c, 0).lat_us,
                     70000); /* this one took longer than the penalty */
    log_owner_give(shmfix_seg, c);
}

static void t_late_token_reports_no_other_call(void **state)
{
    struct call_log_end e;
    struct call_log *c;
    uint64_t token, next;

    (void)state;
    assert_int_equal(log_owner_take(&c, shmfix_seg), 0);
    call_log_begin(c, 0, 0, 0, &token);
    call_log_finish(c, c, token, CALL_LOG_OK, 1, 0, &e);
    call_log_begin(c, 1, 0, 0, &next); /* in the same slot */
    assert_int_equal(call_log_finish(c, c, token, CALL_LOG_OK, 2, 0, &e), -EALREADY);
    assert_int_equal(call_log_finish(c, c, next, CALL_LOG_OK, 2, 0, &e), 0);
    log_owner_give(shmfix_seg, c);
}

static void t_another_thread_may_report(void **state)
{
    struct call_log *a, *b;
    struct call_log_end e;
    uint64_t token;

    (void)state;
    assert_int_equal(log_owner_take(&a, shmfix_seg), 0);
    assert_int_equal(log_owner_take(&b, shmfix_seg), 0);
    call_log_begin(a, 3, 0, 0, &token);
    assert_int_equal(call_log_opener(token), call_log_index(a));
    assert_int_equal(call_log_finish(b, a, token, CALL_LOG_OK, 9, 0, &e), 0);
    assert_int_equal(sum_of(a, 3).begun, 1);
    assert_int_equal(sum_of(a, 3).done, 0);
    assert_int_equal(sum_of(b, 3).done, 1);
    assert_int_equal(call_log_finish(a, a, token, CALL_LOG_OK, 9, 0, &e), -EALREADY);
    log_owner_give(shmfix_seg, a);
    log_owner_give(shmfix_seg, b);
}

static uint32_t one_second(uint32_t mid, void *arg)
{
    (void)mid;
    (void)arg;
    return 1000;
}

static void count(const struct call_log_end *e, void *arg)
{
    (void)e;
    ++*(int *)arg;
}

static void t_call_without_a_report_times_out(void **state)
{
    struct call_log_end e;
    struct call_log *c;
    uint64_t token, young;
    int n = 0;

    (void)state;
    assert_int_equal(log_owner_take(&c, shmfix_seg), 0);
    call_log_begin(c, 0, 0, 0, &token);
    call_log_begin(c, 1, 0, 900000, &young);
    call_log_expire(own, c, 999999, one_second, count, &n);
    assert_int_equal(n, 0);
    call_log_expire(own, c, 1000000, one_second, count, &n);
    assert_int_equal(n, 1);
    assert_int_equal(sum_of(own, 0).err, 1);
    assert_int_equal(call_log_finish(c, c, token, CALL_LOG_OK, 2000000, 0, &e),
                     -EALREADY);
    assert_int_equal(call_log_finish(c, c, young, CALL_LOG_OK, 2000000, 0, &e), 0);
    log_owner_give(shmfix_seg, c);
}

static void t_call_without_a_slot_is_counted_at_its_end(void **state)
{
    static uint64_t token[LAYOUT_SLOTS];
    struct call_log_end e;
    struct call_log *c;
    uint64_t more;
    int i;

    (void)state;
    assert_int_equal(log_owner_take(&c, shmfix_seg), 0);
    for (i = 0; i < LAYOUT_SLOTS; i++) {
        assert_int_equal(call_log_begin(c, 0, 0, 0, &token[i]), 0);
        assert_int_not_equal(token[i], 0);
    }
    assert_int_equal(call_log_begin(c, 0, 0, 0, &more), 0);
    assert_int_equal(more, 0);
    assert_int_equal(call_log_count(c, 0, 0, true, 5), 0);
    assert_int_equal(sum_of(c, 0).begun, LAYOUT_SLOTS + 1);
    assert_int_equal(call_log_finish(own, c, token[7], CALL_LOG_OK, 1, 0, &e), 0);
    assert_int_equal(call_log_begin(c, 0, 0, 0, &more),
                     0); /* the agent has freed a slot */
    assert_int_not_equal(more, 0);
    for (i = 0; i < LAYOUT_SLOTS; i++)
        call_log_finish(c, c, token[i], CALL_LOG_OK, 1, 0, &e);
    call_log_finish(c, c, more, CALL_LOG_OK, 1, 0, &e);
    assert_int_equal(call_log_n_open(c), 0);
    log_owner_give(shmfix_seg, c);
}

static void t_durations_are_counted(void **state)
{
    struct call_log_end e;
    struct call_log *c;
    uint64_t token;

    (void)state;
    assert_int_equal(log_owner_take(&c, shmfix_seg), 0);
    call_log_begin(c, 0, 0, 0, &token);
    call_log_finish(c, c, token, CALL_LOG_OK, 10, 0, &e);
    call_log_begin(c, 0, 0, 0, &token);
    call_log_finish(c, c, token, CALL_LOG_FAILED, 10, 0, &e);
    assert_int_equal(call_log_bucket(c, 0, 1),
                     1); /* below 16 us; failed calls are not in it */
    log_owner_give(shmfix_seg, c);
}

/* --- claims ------------------------------------------------------------------------- */

static void t_all_call_logs_taken_is_eusers(void **state)
{
    struct call_log *c;
    int i;

    (void)state;
    for (i = 0; i < SEGMENT_CLIENT_LOGS - 1; i++)
        shmfix_seg->counters->claim[i] = 1; /* as if another thread owned it */
    assert_int_equal(log_owner_take(&c, shmfix_seg), 0);
    assert_int_equal(call_log_index(c), SEGMENT_CLIENT_LOGS - 1);
    assert_int_equal(log_owner_take(&own, shmfix_seg), -EUSERS); /* all 1,024 are taken */
    log_owner_give(shmfix_seg, c);
    assert_int_equal(log_owner_take(&c, shmfix_seg), 0); /* the log that was given back */
    log_owner_give(shmfix_seg, c);
}

static void t_claim_without_a_lock_is_seized(void **state)
{
    struct call_log *c;

    (void)state;
    assert_int_equal(call_log_open(&c, shmfix_seg, 5), 0);
    assert_false(log_owner_seize_dead(shmfix_seg, c)); /* not claimed */
    shmfix_seg->counters->claim[5] = 77;
    assert_true(log_owner_seize_dead(shmfix_seg, c));
    log_owner_release(shmfix_seg, c);
    assert_false(log_owner_is_taken(shmfix_seg, 5));
    call_log_close(c);
}

/* --- killed processes --------------------------------------------------------------- */

struct truth { /* what a child did; not in the segment */
    _Atomic uint64_t begun, done, ready;
};

/* Begins and reports calls until it is killed; up to 8 are open at a time. */
static void child_calls(struct truth *t, uint64_t seed)
{
    struct picker_pick p[8] = {{.token = 0}};
    struct picker *c;
    struct rnd rnd;
    uint32_t i;

    rnd_init(&rnd, seed);
    if (picker_create(&c, shmfix_dir, PICKER_CLAIM) < 0)
        _exit(1);
    t->ready = 1;
    for (;;) {
        i = rnd_u32(&rnd) % 8;
        if (p[i].token) {
            if (picker_end(c, NULL, &p[i],
                           rnd_u32(&rnd) % 8 > 0 ? PICKER_WELL : PICKER_FAILED,
                           NULL) != 0)
                _exit(2);
            t->done++;
            p[i].token = 0;
        } else {
            if (picker_get(c, 1, 1, 0, &p[i]) != 0)
                _exit(3);
            t->begun++;
        }
    }
}

static void drop_inflight(const struct call_log_end *e, void *arg)
{
    (void)arg;
    shmfix_seg->counters->counter[e->nid].inflight--;
}

/* Recovers the logs of killed processes, as the agent does. */
static void recover_all(struct call_log **all)
{
    uint32_t i;

    for (i = 0; i < 8; i++) {
        if (!log_owner_is_taken(shmfix_seg, i))
            continue;
        if (!all[i])
            assert_int_equal(call_log_open(&all[i], shmfix_seg, i), 0);
        T_WAIT(log_owner_seize_dead(shmfix_seg, all[i]));
        log_recovery_run(own, all[i], all, OWN + 1, mono_us(), drop_inflight, NULL);
        log_owner_release(shmfix_seg, all[i]);
    }
}

static struct call_log_sum everything(struct call_log **all)
{
    struct call_log_sum s = {0};
    uint32_t i, nid;

    for (i = 0; i <= OWN; i++)
        for (nid = 0; all[i] && nid < 4; nid++)
            call_log_sum(all[i], nid, &s);
    return s;
}

/* A client is killed at any instruction: each call that it began is done or abandoned,
 * and each call that it counted as reported is done. */
static void t_calls_of_a_killed_client_are_done_or_abandoned(void **state)
{
    struct call_log *all[OWN + 1] = {[OWN] = own};
    struct truth *t =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int round, status, rounds = t_mode_is("memcheck") ? 20 : 150;
    struct call_log_sum s = {0};
    uint64_t begun = 0, done = 0, unsure = 0;
    struct rnd rnd;
    uint32_t i;

    (void)state;
    rnd_init_any(&rnd);
    for (round = 0; round < rounds; round++) {
        uint64_t until;
        pid_t pid;

        memset(t, 0, sizeof(*t));
        pid = fork();
        if (pid == 0)
            child_calls(t, (uint64_t)round + 1);
        T_WAIT(t->done > 0);
        until = mono_us() + rnd_u32(&rnd) % 3000;
        while (mono_us() < until)
            continue;
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        recover_all(all);
        begun += t->begun;
        done += t->done;
        unsure++; /* killed between a step and its count in <t> */
        s = everything(all);
        assert_int_equal(s.begun, s.done + s.abandoned);
        assert_in_range(s.begun, begun, begun + unsure);
        assert_in_range(s.done, done, done + unsure);
    }
    assert_true(done > 0);
    for (i = 0; i < 4; i++) /* the difference that inflight_audit corrects */
        assert_in_range(shmfix_seg->counters->counter[i].inflight + (int)unsure, 0,
                        2 * unsure);
    for (i = 0; i < OWN; i++)
        call_log_close(all[i]);
    munmap(t, 4096);
}

/* A client is killed, then the agent in the middle of the recovery; the next agent
 * recovers the log of the first agent, too. */
static void t_agent_killed_during_recovery_is_recovered_too(void **state)
{
    struct call_log *all[OWN + 1] = {[OWN] = own};
    struct truth *t =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int round, status, rounds = t_mode_is("memcheck") ? 10 : 80;
    struct call_log_sum s = {0};
    struct rnd rnd;
    uint32_t i;

    (void)state;
    rnd_init_any(&rnd);
    for (i = 0; i < 8; i++)
        assert_int_equal(call_log_open(&all[i], shmfix_seg, i), 0);
    for (round = 0; round < rounds; round++) {
        uint64_t until;
        pid_t pid, agent;

        memset(t, 0, sizeof(*t));
        pid = fork();
        if (pid == 0)
            child_calls(t, (uint64_t)round + 1);
        T_WAIT(t->ready && t->begun > 8);
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        agent = fork(); /* it is killed during the recovery */
        if (agent == 0) {
            struct call_log *theirs[OWN + 1] = {NULL};

            if (call_log_open(&own, shmfix_seg, OWN) < 0)
                _exit(1);
            theirs[OWN] = own;
            log_recovery_run(own, own, theirs, OWN + 1, mono_us(), drop_inflight, NULL);
            recover_all(theirs);
            _exit(0);
        }
        until = mono_us() + rnd_u32(&rnd) % 1500;
        while (mono_us() < until)
            continue;
        kill(agent, SIGKILL);
        waitpid(agent, &status, 0);
        /* the next agent */
        log_recovery_run(own, own, all, OWN + 1, mono_us(), drop_inflight, NULL);
        recover_all(all);
        s = everything(all);
        assert_int_equal(s.begun, s.done + s.abandoned);
    }
    for (i = 0; i < OWN; i++)
        call_log_close(all[i]);
    munmap(t, 4096);
}

struct sharing {
    struct picker *c;
    struct call_log *other;
    _Atomic uint64_t *token; /* open calls that either thread may report */
    uint64_t n_done, n_late;
};

/* Begins a call, puts its token into the shared array, and reports the call whose token
 * it replaced. */
static void *share(void *arg)
{
    struct sharing *s = arg;
    struct picker_pick p = {.segment = 1};
    int i;

    for (i = 0; i < 100000; i++) {
        _Atomic uint64_t *at = &s->token[i % 64];
        uint64_t got;

        if (picker_get(s->c, 1, 1, 0, &p) < 0)
            return NULL;
        got = atomic_exchange(at, p.token);
        p.token = got;
        if (!got)
            continue;
        if (picker_end(s->c,
                       call_log_opener(got) == call_log_index(picker_log(s->c))
                           ? NULL
                           : s->other,
                       &p, PICKER_WELL, NULL) == 0)
            s->n_done++;
        else
            s->n_late++;
    }
    return NULL;
}

static void t_threads_report_calls_of_other_threads(void **state)
{
    static _Atomic uint64_t token[64];
    struct sharing a = {.token = token}, b = {.token = token};
    struct call_log_sum s = {0};
    pthread_t ta, tb;
    uint32_t nid;
    int64_t open = 0;

    (void)state;
    memset(token, 0, sizeof(token));
    assert_int_equal(picker_create(&a.c, shmfix_dir, PICKER_CLAIM), 0);
    assert_int_equal(picker_create(&b.c, shmfix_dir, PICKER_CLAIM), 0);
    a.other = picker_log(b.c);
    b.other = picker_log(a.c);
    pthread_create(&ta, NULL, share, &a);
    pthread_create(&tb, NULL, share, &b);
    pthread_join(ta, NULL);
    pthread_join(tb, NULL);
    for (nid = 0; nid < 4; nid++) {
        call_log_sum(picker_log(a.c), nid, &s);
        call_log_sum(picker_log(b.c), nid, &s);
        open += shmfix_seg->counters->counter[nid].inflight;
    }
    assert_int_equal(a.n_late + b.n_late, 0);
    assert_int_equal(s.begun, 200000);
    assert_int_equal(s.done, a.n_done + b.n_done);
    assert_int_equal(s.begun - s.done, open);
    assert_int_equal(open,
                     call_log_n_open(picker_log(a.c)) + call_log_n_open(picker_log(b.c)));
    picker_destroy(a.c);
    picker_destroy(b.c);
}

#define C(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

T_MAIN(C(t_call_is_begun_and_reported_once),
       C(t_failed_call_costs_at_least_the_penalty),
       C(t_late_token_reports_no_other_call), C(t_another_thread_may_report),
       C(t_call_without_a_report_times_out),
       C(t_call_without_a_slot_is_counted_at_its_end), C(t_durations_are_counted),
       C(t_all_call_logs_taken_is_eusers), C(t_claim_without_a_lock_is_seized),
       C(t_calls_of_a_killed_client_are_done_or_abandoned),
       C(t_agent_killed_during_recovery_is_recovered_too),
       C(t_threads_report_calls_of_other_threads))
