/* batch_bench -- how many rows of batches one connection writes to the database: the
 * statements of db/batchdb against a real server, with the batches of the fleet that
 * tools/fleet_model computes (sim/fleet_sizes).
 *     build/batch_bench -s SOCKET [-a AGENTS] [-n ROWS] [-t SECONDS] [-o FIRST]
 * The agents FIRST and so on each send a batch in each second of the model, as fast as
 * the server takes them.  Prints "batches=N rows=N seconds=S". */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mono.h"
#include "db/batchdb.h"
#include "sim/fleet_sizes.h"

static const struct fleet_shape shape = {10000, 100, 50, 2, 500}; /* the largest fleet */

static uint64_t run; /* its streams are others than those of the run before */

static void die(const char *what, int rc)
{
    fprintf(stderr, "batch_bench: %s: %s\n", what, strerror(-rc));
    exit(1);
}

/* The batch of <agent> in <second>.  Each agent has modules of its own, because two of a
 * large fleet have hardly any in common, and three of ten rows are of durations, as in
 * the model. */
static void fill(struct msg_batch *b, size_t rows, uint32_t agent, uint32_t second)
{
    size_t i;

    fleet_sizes_batch(b, &shape, rows);
    for (i = 0; i < rows; i++) {
        b->row[i].mod.modid += agent;
        if (i >= rows - rows * 3 / 10) {
            b->row[i].mod.cmdid = 1 + (uint32_t)(i / 8 % shape.used);
            b->row[i].ip = MSG_LATENCY_IP;
            b->row[i].port = (uint32_t)(i % 8);
        }
    }
    memcpy(b->stream, &agent, sizeof(agent));
    memcpy(b->stream + sizeof(agent), &run, sizeof(run));
    b->caller += agent;
    b->seq = 1 + second;
    b->ts += second;
}

int main(int argc, char **argv)
{
    struct myconn_config mc = {.user = "lars",
                               .password = "lars",
                               .database = "lars_dns",
                               .host = "",
                               .timeout_s = 10};
    struct msg_batch *b = malloc(sizeof(*b) + MSG_BATCH_ROWS * sizeof(b->row[0]));
    long agents = 30, rows = 600, seconds = 5, first = 0;
    uint64_t n = 0, start;
    struct batchdb *db;
    int o, rc;

    while ((o = getopt(argc, argv, "s:a:n:t:o:")) != -1) {
        if (o == 's')
            mc.socket = optarg;
        else if (o == 'a')
            agents = atol(optarg);
        else if (o == 'n')
            rows = atol(optarg);
        else if (o == 't')
            seconds = atol(optarg);
        else if (o == 'o')
            first = atol(optarg);
        else
            return 2;
    }
    if (!mc.socket || agents < 1 || rows < 1 || rows > MSG_BATCH_ROWS || seconds < 1)
        return 2;
    rc = b ? myconn_init() : -ENOMEM;
    if (rc == 0)
        rc = batchdb_create(&db, &mc);
    if (rc < 0)
        die("start", rc);
    start = mono_ms();
    run = mono_us();
    for (; mono_ms() - start < (uint64_t)seconds * 1000; n++) {
        fill(b, (size_t)rows, (uint32_t)first + (uint32_t)(n % (uint64_t)agents),
             (uint32_t)(n / (uint64_t)agents));
        rc = batchdb_apply(db, b);
        if (rc != 1)
            die(rc < 0 ? batchdb_error(db) : "a batch was there already", rc);
    }
    printf("batches=%llu rows=%llu seconds=%.2f\n", (unsigned long long)n,
           (unsigned long long)n * (unsigned long long)rows,
           (double)(mono_ms() - start) / 1000);
    batchdb_close(db);
    myconn_fini();
    free(b);
    return 0;
}
