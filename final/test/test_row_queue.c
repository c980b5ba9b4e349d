/* The queue: the newest row of each key, the order of insertion, the limit. */
#include "report/row_queue.h"
#include "t.h"

static struct status_row row(uint32_t modid, uint32_t succ)
{
    return (struct status_row){
        .modid = modid, .cmdid = 1, .ip = 1, .port = 80, .caller = 9, .succ = succ};
}

static int put(struct row_queue *p, uint32_t modid, uint32_t succ)
{
    struct status_row r = row(modid, succ);

    return row_queue_put(p, &r);
}

static void t_newest_of_each_key_waits(void **state)
{
    struct status_row out[4];
    struct row_queue *p;

    (void)state;
    assert_int_equal(row_queue_create(&p, 10), 0);
    assert_int_equal(put(p, 1, 10), 1);
    assert_int_equal(put(p, 2, 20), 1);
    assert_int_equal(put(p, 1, 11), 0);
    assert_int_equal(put(p, 1, 5), 0); /* a smaller total: the caller restarted */
    assert_int_equal(row_queue_n(p), 2);
    assert_int_equal(row_queue_take(p, out, 4), 2);
    assert_int_equal(out[0].modid, 1);
    assert_int_equal(out[0].succ, 5);
    assert_int_equal(out[1].modid, 2);
    assert_int_equal(row_queue_n(p), 0);
    row_queue_destroy(p);
}

static void t_every_field_of_the_key_counts(void **state)
{
    struct status_row r = row(1, 1), out[8];
    struct row_queue *p;

    (void)state;
    assert_int_equal(row_queue_create(&p, 10), 0);
    assert_int_equal(row_queue_put(p, &r), 1);
    r.cmdid++;
    assert_int_equal(row_queue_put(p, &r), 1);
    r.ip++;
    assert_int_equal(row_queue_put(p, &r), 1);
    r.port++;
    assert_int_equal(row_queue_put(p, &r), 1);
    r.caller++;
    assert_int_equal(row_queue_put(p, &r), 1);
    r.ts = r.err = r.overload = 1;    /* these are not part of the key */
    assert_int_equal(row_queue_put(p, &r), 0);
    assert_int_equal(row_queue_take(p, out, 8), 5);
    row_queue_destroy(p);
}

static void t_full_refuses_new_keys_and_updates_known_ones(void **state)
{
    struct status_row out;
    struct row_queue *p;

    (void)state;
    assert_int_equal(row_queue_create(&p, 2), 0);
    assert_int_equal(put(p, 1, 1), 1);
    assert_int_equal(put(p, 2, 1), 1);
    assert_int_equal(put(p, 3, 1), -ENOBUFS);
    assert_int_equal(put(p, 2, 7), 0);
    assert_int_equal(row_queue_take(p, &out, 1), 1);
    assert_int_equal(out.modid, 1);   /* the longest waiting row comes first */
    assert_int_equal(put(p, 3, 1), 1);
    assert_int_equal(row_queue_take(p, &out, 1), 1);
    assert_int_equal(out.succ, 7);
    row_queue_destroy(p);             /* a row still waits in it */
    row_queue_destroy(NULL);
}

T_MAIN(T(t_newest_of_each_key_waits), T(t_every_field_of_the_key_counts),
       T(t_full_refuses_new_keys_and_updates_known_ones))
