/* The outbox: counts leave in numbered batches, a batch stays the same until it is
 * acknowledged, and no call is lost or counted twice when the process that counts, or the
 * receiver, is killed at any instruction. */
#include "agent_report/outbox.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/rnd.h"
#include "t.h"

#define ROWS 64

static char path[64];
static struct outbox *l;
static struct msg_batch *b;

static int setup(void **state)
{
    int fd;

    t_fds_save(state);
    log_set_level(LOG_LEVEL_ERROR);
    strcpy(path, "/tmp/lars_outbox_XXXXXX");
    fd = mkstemp(path);
    close(fd);
    b = calloc(1, sizeof(*b) + MSG_BATCH_ROWS * sizeof(b->row[0]));
    return b ? outbox_open(&l, path, ROWS) : -1;
}

static int teardown(void **state)
{
    outbox_close(l);
    free(b);
    unlink(path);
    return t_fds_check(state);
}

static int count(uint32_t ip, bool ok, int times)
{
    int rc = 0;

    while (times-- > 0 && rc == 0)
        rc = outbox_count(l, &(struct module_id){1, 1}, ip, 80, ok);
    return rc;
}

static void reopen_at(const char *at) /* as the next process does */
{
    outbox_close(l);
    assert_int_equal(outbox_open(&l, at, ROWS), 0);
}

static void reopen(void)
{
    reopen_at(path);
}

static uint64_t succ_of(uint32_t ip) /* in the batch; 0 = it is not in it */
{
    size_t i;

    for (i = 0; i < b->n; i++)
        if (b->row[i].ip == ip)
            return b->row[i].succ;
    return 0;
}

static void t_deltas_leave_in_numbered_batches(void **state)
{
    (void)state;
    assert_true(outbox_is_new(l));
    assert_int_equal(outbox_batch(l, b), 0); /* nothing to send */
    count(1, true, 5);
    count(1, false, 2);
    count(2, true, 1);
    assert_int_equal(outbox_batch(l, b), 1);
    assert_int_equal(b->seq, 1);
    assert_int_equal(b->n, 2);
    assert_int_equal(succ_of(1), 5);
    assert_int_equal(b->row[0].err, 2);
    outbox_acked(l, 1);
    assert_int_equal(outbox_batch(l, b), 0);
    count(1, true, 3);
    assert_int_equal(outbox_batch(l, b), 1);
    assert_int_equal(b->seq, 2);
    assert_int_equal(b->n, 1);
    assert_int_equal(succ_of(1), 3);
}

static void t_batch_in_flight_stays_the_same_until_acknowledged(void **state)
{
    (void)state;
    count(1, true, 5);
    assert_int_equal(outbox_batch(l, b), 1);
    count(1, true, 100);
    assert_int_equal(outbox_batch(l, b), 1);
    assert_int_equal(b->seq, 1);
    assert_int_equal(succ_of(1), 5);
    outbox_acked(l, 7); /* numbers of other batches change nothing */
    outbox_acked(l, 0);
    assert_int_equal(outbox_batch(l, b), 1);
    assert_int_equal(succ_of(1), 5);
    outbox_acked(l, 1);
    outbox_acked(l, 1); /* the same acknowledgement */
    assert_int_equal(outbox_batch(l, b), 1);
    assert_int_equal(b->seq, 2);
    assert_int_equal(succ_of(1), 100);
}

static void t_successor_continues_the_stream(void **state)
{
    uint8_t stream[MSG_STREAM];

    (void)state;
    memcpy(stream, outbox_stream(l), MSG_STREAM);
    count(1, true, 5);
    assert_int_equal(outbox_batch(l, b), 1);
    count(2, true, 7);
    reopen();
    assert_false(outbox_is_new(l));
    assert_memory_equal(outbox_stream(l), stream, MSG_STREAM);
    assert_int_equal(outbox_batch(l, b), 1); /* the same batch again */
    assert_int_equal(b->seq, 1);
    assert_int_equal(succ_of(1), 5);
    assert_int_equal(succ_of(2), 0);
    outbox_acked(l, 1);
    reopen();
    assert_int_equal(outbox_batch(l, b), 1);
    assert_int_equal(b->seq, 2);
    assert_int_equal(succ_of(1), 0);
    assert_int_equal(succ_of(2), 7);
}

static void copy_file(const char *from, const char *to)
{
    char bytes[4096];
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t n;

    assert_true(in >= 0 && out >= 0);
    while ((n = read(in, bytes, sizeof(bytes))) > 0)
        assert_int_equal(write(out, bytes, (size_t)n), n);
    assert_int_equal(n, 0);
    close(in);
    close(out);
}

static void t_copied_file_begins_a_new_stream_without_the_copied_counts(void **state)
{
    uint8_t stream[MSG_STREAM];
    struct outbox *original;
    char copy[80];

    (void)state;
    snprintf(copy, sizeof(copy), "%s.copy", path);
    memcpy(stream, outbox_stream(l), MSG_STREAM);
    count(1, true, 5);
    assert_int_equal(outbox_batch(l, b), 1);
    count(2, true, 7);
    copy_file(path, copy);
    original = l;
    assert_int_equal(outbox_open(&l, copy, ROWS), 0);
    assert_true(outbox_is_new(l));
    assert_memory_not_equal(outbox_stream(l), stream, MSG_STREAM);
    assert_int_equal(outbox_batch(l, b), 0); /* the original reports 1 and 2 */
    count(3, true, 9);
    reopen_at(copy);                  /* from now on the copy is a file of its own */
    assert_false(outbox_is_new(l));
    assert_int_equal(outbox_batch(l, b), 1);
    assert_int_equal(b->n, 1);
    assert_int_equal(succ_of(3), 9);
    outbox_close(l);
    unlink(copy);
    l = original;
    reopen();
    assert_memory_equal(outbox_stream(l), stream, MSG_STREAM);
    assert_int_equal(outbox_batch(l, b), 1);
    assert_int_equal(succ_of(1), 5);
    outbox_acked(l, 1);
    assert_int_equal(outbox_batch(l, b), 1);
    assert_int_equal(succ_of(2), 7);
}

static void t_renamed_file_continues_its_stream(void **state)
{
    uint8_t stream[MSG_STREAM];
    char moved[80];

    (void)state;
    snprintf(moved, sizeof(moved), "%s.moved", path);
    memcpy(stream, outbox_stream(l), MSG_STREAM);
    count(1, true, 5);
    assert_int_equal(rename(path, moved), 0);
    reopen_at(moved);
    assert_memory_equal(outbox_stream(l), stream, MSG_STREAM);
    assert_int_equal(outbox_batch(l, b), 1);
    assert_int_equal(succ_of(1), 5);
    unlink(moved);
}

static void t_settled_rows_are_used_again_when_full(void **state)
{
    uint32_t i, next = 1;

    (void)state;
    for (i = 0; i < ROWS; i++)
        assert_int_equal(count(next++, true, 1), 0);
    assert_int_equal(count(next, true, 1), -ENOBUFS);
    assert_int_equal(outbox_batch(l, b), 1);
    assert_int_equal(b->n, ROWS);
    assert_int_equal(count(next, true, 1), -ENOBUFS); /* rows in flight stay */
    outbox_acked(l, 1);
    for (i = 0; i < ROWS; i++)
        assert_int_equal(count(next++, true, 2), 0);
    assert_int_equal(outbox_batch(l, b), 1);
    assert_int_equal(b->n, ROWS);
    for (i = 0; i < ROWS; i++)
        assert_int_equal(b->row[i].succ, 2);
    assert_int_equal(count(1, true, 1), -ENOBUFS); /* its row was reused */
}

static void t_more_rows_than_a_batch_are_sent_in_turn(void **state)
{
    uint64_t sum = 0;
    uint32_t i;
    int n = 0;

    (void)state;
    outbox_close(l);
    l = NULL;
    unlink(path);
    assert_int_equal(outbox_open(&l, path, 5000), 0);
    for (i = 1; i <= 5000; i++)
        assert_int_equal(count(i, true, 1), 0);
    while (outbox_batch(l, b) == 1) {
        for (i = 0; i < b->n; i++)
            sum += b->row[i].succ;
        outbox_acked(l, b->seq);
        n++;
    }
    assert_int_equal(sum, 5000);
    assert_int_equal(n, (5000 + MSG_BATCH_ROWS - 1) / MSG_BATCH_ROWS);
}

static void t_settle_all_leaves_nothing_to_send(void **state)
{
    (void)state;
    count(1, true, 5);
    outbox_settle_all(l);
    assert_int_equal(outbox_batch(l, b), 0);
    count(1, true, 3);
    assert_int_equal(outbox_batch(l, b), 1);
    assert_int_equal(succ_of(1), 3);
    count(1, true, 4);
    outbox_settle_all(l); /* settles nothing while a batch is in flight */
    outbox_acked(l, b->seq);
    assert_int_equal(outbox_batch(l, b), 1);
    assert_int_equal(succ_of(1), 4);
}

static void t_second_process_is_ebusy(void **state)
{
    struct outbox *other;

    (void)state;
    assert_int_equal(outbox_open(&other, path, ROWS), -EBUSY);
    assert_int_equal(outbox_open(&other, "/nonexistent/x", ROWS), -ENOENT);
}

static void t_overload_is_sent_with_the_counts(void **state)
{
    (void)state;
    count(1, true, 1);
    outbox_set_overload(l, &(struct module_id){1, 1}, 1, 80, true);
    /* a node without calls is ignored */
    outbox_set_overload(l, &(struct module_id){9, 9}, 9, 80, true);
    assert_int_equal(outbox_batch(l, b), 1);
    assert_int_equal(b->n, 1);
    assert_true(b->row[0].overload);
}

/* A file with any byte changed, or of any length, can be opened, and the numbers in its
 * rows are bounded. */
static void t_damaged_file_is_replaced_or_used_safely(void **state)
{
    const char *env = getenv("SEED");
    uint64_t seed = env ? strtoull(env, NULL, 10) : t_now_ms();
    struct rnd r;
    int i, fd;

    (void)state;
    print_message("SEED=%llu\n", (unsigned long long)seed);
    rnd_init(&r, seed);
    for (i = 0; i < 300; i++) {
        uint8_t byte = (uint8_t)rnd_u32(&r);
        off_t at = (off_t)(rnd_u32(&r) % 25000);

        count(1 + rnd_u32(&r) % 50, true, 1);
        outbox_batch(l, b);
        outbox_close(l);
        l = NULL;
        fd = open(path, O_WRONLY);
        assert_int_equal(pwrite(fd, &byte, 1, i % 2 ? at : at % 200), 1);
        if (i % 10 == 0)
            assert_int_equal(ftruncate(fd, at), 0);
        close(fd);
        assert_int_equal(outbox_open(&l, path, ROWS), 0);
        if (outbox_batch(l, b) == 1) {
            assert_true(b->n <= ROWS && b->seq > 0);
            outbox_acked(l, b->seq);
        }
    }
}

/* --- a process that counts and sends is killed again and again ---------------------- */

#define NODES 8

/* Shared with the child: the calls that it made, and what the receiver has applied. */
struct truth {
    uint64_t called[NODES]; /* counted before the outbox counts it */
    uint64_t applied[NODES], seq; /* the receiver */
};

/* The receiver applies a batch and its number in one step, and each number once. */
static void receive(struct truth *t)
{
    size_t i;

    if (b->seq <= t->seq)
        return;
    for (i = 0; i < b->n; i++)
        t->applied[b->row[i].ip - 1] += b->row[i].succ;
    t->seq = b->seq;
}

static uint64_t calls_of(volatile const struct truth *t)
{
    uint64_t sum = 0;
    int i;

    for (i = 0; i < NODES; i++)
        sum += t->called[i];
    return sum;
}

static void live(struct truth *t, uint64_t seed)
{
    struct rnd r;

    rnd_init(&r, seed);
    if (outbox_open(&l, path, ROWS) != 0)
        _exit(1);
    for (;;) {
        uint32_t what = rnd_u32(&r) % 100, node = rnd_u32(&r) % NODES;

        if (what < 90) {
            t->called[node]++;
            if (count(node + 1, true, 1) != 0)
                _exit(2);
        } else if (what < 95) {
            outbox_batch(l, b);
        } else if (outbox_batch(l, b) == 1) {
            outbox_acked(l, t->seq); /* also for a batch of a previous process */
        }
    }
}

static void t_random_kills_keep_the_sums_equal(void **state)
{
    int kills = t_mode_is("memcheck") ? 10 : 400, i;
    uint64_t want;
    const char *env = getenv("SEED");
    uint64_t seed = env ? strtoull(env, NULL, 10) : t_now_ms();
    struct truth *t =
        mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct rnd r;

    (void)state;
    print_message("SEED=%llu\n", (unsigned long long)seed);
    rnd_init(&r, seed);
    assert_true(t != MAP_FAILED);
    outbox_close(l);
    l = NULL;
    for (i = 0; i < kills; i++) {
        pid_t pid = fork();
        int status;

        if (pid == 0)
            live(t, rnd_u32(&r) + (uint64_t)i);
        rnd_u32(&r);
        want = calls_of(t) + rnd_u32(&r) % (t_mode_is("memcheck") ? 50 : 3000);
        T_WAIT(calls_of(t) > want); /* at any later instruction */
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status)); /* it was killed and did not fail */
        assert_int_equal(outbox_open(&l, path, ROWS), 0);
        if (outbox_batch(l, b) == 1) {
            receive(t); /* the acknowledgement may be lost */
            if (rnd_u32(&r) % 2)
                outbox_acked(l, b->seq);
        }
        outbox_close(l);
        l = NULL;
    }
    assert_int_equal(outbox_open(&l, path, ROWS), 0);
    while (outbox_batch(l, b) == 1) {
        receive(t);
        outbox_acked(l, b->seq);
    }
    for (i = 0; i < NODES; i++) { /* at most one call of each kill is missing */
        assert_true(t->applied[i] <= t->called[i]);
        assert_true(t->called[i] - t->applied[i] <= (uint64_t)kills);
    }
    assert_true(t->seq > 0 && t->called[0] > 0);
    munmap(t, sizeof(*t));
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(E(t_deltas_leave_in_numbered_batches),
       E(t_batch_in_flight_stays_the_same_until_acknowledged),
       E(t_successor_continues_the_stream),
       E(t_copied_file_begins_a_new_stream_without_the_copied_counts),
       E(t_renamed_file_continues_its_stream), E(t_settled_rows_are_used_again_when_full),
       E(t_more_rows_than_a_batch_are_sent_in_turn),
       E(t_settle_all_leaves_nothing_to_send), E(t_second_process_is_ebusy),
       E(t_overload_is_sent_with_the_counts),
       E(t_damaged_file_is_replaced_or_used_safely),
       E(t_random_kills_keep_the_sums_equal))
