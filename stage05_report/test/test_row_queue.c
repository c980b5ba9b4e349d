/* The queue: the newest row of each key, the order of insertion, the limit. */
#include "report/row_queue.h"

#include "base/rnd.h"
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

#define MODEL_MAX 12

/* A queue that is slow and obviously right: an array in the order of waiting. */
static int model_put(struct status_row *m, size_t *n, const struct status_row *r)
{
    size_t i;

    for (i = 0; i < *n; i++)
        if (m[i].modid == r->modid)
            break;
    if (i == MODEL_MAX)
        return -ENOBUFS;
    m[i] = *r;
    if (i < *n)
        return 0;
    ++*n;
    return 1;
}

static void t_random_use_agrees_with_an_array(void **state)
{
    const char *env = getenv("SEED");
    uint64_t seed = env ? strtoull(env, NULL, 10) : t_now_ms();
    struct status_row model[MODEL_MAX], out[MODEL_MAX];
    struct row_queue *p;
    size_t n = 0, i, k;
    struct rnd r;
    int turn;

    (void)state;
    print_message("SEED=%llu\n", (unsigned long long)seed);
    rnd_init(&r, seed);
    assert_int_equal(row_queue_create(&p, MODEL_MAX), 0);
    for (turn = 0; turn < 5000; turn++) {
        struct status_row in = row(rnd_u32(&r) % 20, rnd_u32(&r));

        assert_int_equal(row_queue_put(p, &in), model_put(model, &n, &in));
        assert_int_equal(row_queue_n(p), n);
        if (rnd_u32(&r) % 8 != 0)
            continue;
        k = rnd_u32(&r) % 5;
        k = k < n ? k : n;
        assert_int_equal(row_queue_take(p, out, k), k);
        for (i = 0; i < k; i++) {
            assert_int_equal(out[i].modid, model[i].modid);
            assert_int_equal(out[i].succ, model[i].succ);
        }
        n -= k;
        memmove(model, model + k, n * sizeof(model[0]));
    }
    row_queue_destroy(p);
}

T_MAIN(T(t_newest_of_each_key_waits), T(t_every_field_of_the_key_counts),
       T(t_full_refuses_new_keys_and_updates_known_ones),
       T(t_random_use_agrees_with_an_array))
