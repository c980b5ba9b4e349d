/* A plain connection is watched edge-triggered: whatever arrives before a read is handled
 * without another byte from the peer. */
#include "connfix.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/rnd.h"

#define COUNTED 9
#define FRAME (FRAME_HEAD + 1000)

static size_t n_counted;

static void count(struct conn *c, const struct frame *f, void *arg)
{
    (void)c;
    (void)f;
    (void)arg;
    n_counted++;
}

static int setup_count(void **state)
{
    int rc = setup(state);

    n_counted = 0;
    return rc < 0 ? rc : dispatch_set(fx.d, COUNTED, count, NULL);
}

/* <n> frames as one stream of bytes; freed by the caller. */
static char *frames(size_t n)
{
    char *b = calloc(n, FRAME);
    size_t i;

    assert_non_null(b);
    for (i = 0; i < n; i++)
        frame_put_head((uint8_t *)b + i * FRAME, COUNTED, FRAME - FRAME_HEAD);
    return b;
}

static void send_all(int p, const char *b, size_t len)
{
    assert_int_equal(write(p, b, len), (ssize_t)len);
}

static void t_more_than_one_read_is_handled_to_its_end(void **state)
{
    char *b = frames(150); /* more than two reads */
    int p = start();

    (void)state;
    send_all(p, b, 150 * FRAME);
    LOOP_UNTIL(fx.loop, n_counted == 150);
    assert_int_equal(fx.n_close, 0);
    send_all(p, b, FRAME);
    LOOP_UNTIL(fx.loop, n_counted == 151);
    close(p);
    free(b);
}

static void t_end_that_comes_with_the_last_frame_is_seen(void **state)
{
    char *b = frames(1);
    int p = start();

    (void)state;
    send_all(p, b, FRAME);
    shutdown(p, SHUT_WR);
    LOOP_UNTIL(fx.loop, fx.n_close == 1);
    assert_int_equal(n_counted, 1);
    assert_int_equal(fx.why, CONN_WHY_EOF);
    close(p);
    free(b);
}

static void t_end_behind_many_reads_is_seen(void **state)
{
    char *b = frames(150);
    int p = start();

    (void)state;
    send_all(p, b, 150 * FRAME);
    close(p);
    LOOP_UNTIL(fx.loop, fx.n_close == 1);
    assert_int_equal(n_counted, 150);
    free(b);
}

/* A draining connection discards its input, and must come to the end of it. */
static void t_draining_connection_reads_to_the_end(void **state)
{
    char *b = frames(150);
    int p = start();

    (void)state;
    conn_finish(fx.last);
    send_all(p, b, 150 * FRAME);
    close(p);
    LOOP_UNTIL(fx.loop, fx.n_close == 1);
    assert_int_equal(n_counted, 0);
    assert_int_equal(fx.why, CONN_WHY_EOF);
    free(b);
}

static void t_what_comes_during_a_pause_is_handled_after_it(void **state)
{
    char *b = frames(150);
    int p = start(), q = start();
    struct conn *other = fx.last;

    (void)state;
    conn_pause_read(other);
    send_all(q, b, 150 * FRAME);
    send_all(p, b, FRAME);
    LOOP_UNTIL(fx.loop, n_counted == 1);
    conn_resume_read(other);
    LOOP_UNTIL(fx.loop, n_counted == 151);
    close(p);
    close(q);
    free(b);
}

/* Pieces of any size, with any number of turns between them, and pauses. */
static void t_any_pieces_are_handled_to_their_end(void **state)
{
    char *b = frames(1000);
    struct rnd r;
    uint64_t seed = (uint64_t)time(NULL);
    size_t at = 0, len, all = 1000 * FRAME;
    int p = start();
    ssize_t n;

    (void)state;
    print_message("seed=%llu\n", (unsigned long long)seed);
    rnd_init(&r, seed);
    while (at < all) {
        len = rnd_u32(&r) % (rnd_u32(&r) % 4 ? 3000 : 150000) + 1;
        n = write(p, b + at, len < all - at ? len : all - at);
        if (n > 0)
            at += (size_t)n;
        if (rnd_u32(&r) % 8 == 0)
            conn_pause_read(fx.last);
        if (rnd_u32(&r) % 2 || n <= 0) {
            conn_resume_read(fx.last);
            LOOP_UNTIL(fx.loop, n_counted >= at / FRAME);
        }
    }
    conn_resume_read(fx.last);
    close(p);
    LOOP_UNTIL(fx.loop, fx.n_close == 1);
    assert_int_equal(n_counted, 1000);
    free(b);
}

#undef T
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup_count, teardown)

T_MAIN(T(t_more_than_one_read_is_handled_to_its_end),
       T(t_end_that_comes_with_the_last_frame_is_seen),
       T(t_end_behind_many_reads_is_seen),
       T(t_draining_connection_reads_to_the_end),
       T(t_what_comes_during_a_pause_is_handled_after_it),
       T(t_any_pieces_are_handled_to_their_end))
