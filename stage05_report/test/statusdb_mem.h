/* statusdb_mem.h -- the table ServerCallStatus in memory, with the interface of
 * db/statusdb.h, so the tests of the writer and of the service need no database server.
 * Thread: any. */
#ifndef LARS_TEST_STATUSDB_MEM_H
#define LARS_TEST_STATUSDB_MEM_H

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/statusdb.h"

#define STATUSDB_MEM_ROWS 4096        /* a write of more rows fails */
#define STATUSDB_MEM_KEY offsetof(struct status_row, succ)

struct statusdb_mem {
    struct statusdb db;
    pthread_mutex_t lock;             /* guards the fields below */
    int rc;                           /* what every call returns; 0 = it succeeds */
    size_t n, n_writes, n_tries;      /* rows; writes that succeeded; all writes */
    struct status_row row[STATUSDB_MEM_ROWS];
    pthread_mutex_t gate;             /* held by a test: a write waits for it */
};

/* Rows of the table that was closed last.  Read it after the thread that closes has
 * ended. */
static size_t statusdb_mem_n_at_close;

static inline struct status_row *find(struct statusdb_mem *m,
                                      const struct status_row *key)
{
    size_t i;

    for (i = 0; i < m->n; i++)
        if (memcmp(&m->row[i], key, STATUSDB_MEM_KEY) == 0)
            return &m->row[i];
    return NULL;
}

static inline int mem_check(struct statusdb *db)
{
    struct statusdb_mem *m = (struct statusdb_mem *)db;
    int rc;

    pthread_mutex_lock(&m->lock);
    rc = m->rc;
    pthread_mutex_unlock(&m->lock);
    snprintf(db->error, sizeof(db->error), "the database in memory returns %d", rc);
    return rc;
}

static inline int mem_write(struct statusdb *db, const struct status_row *row, size_t n)
{
    struct statusdb_mem *m = (struct statusdb_mem *)db;
    size_t i;
    int rc = mem_check(db);

    pthread_mutex_lock(&m->lock);
    m->n_tries++;
    pthread_mutex_unlock(&m->lock);
    pthread_mutex_lock(&m->gate);
    pthread_mutex_unlock(&m->gate);
    pthread_mutex_lock(&m->lock);
    if (rc == 0 && m->n + n > STATUSDB_MEM_ROWS)
        rc = -EIO;
    for (i = 0; rc == 0 && i < n; i++) {
        struct status_row *at = find(m, &row[i]);

        *(at ? at : &m->row[m->n++]) = row[i];
    }
    m->n_writes += rc == 0;
    pthread_mutex_unlock(&m->lock);
    return rc;
}

static inline void mem_close(struct statusdb *db)
{
    struct statusdb_mem *m = (struct statusdb_mem *)db;

    statusdb_mem_n_at_close = m->n;
    pthread_mutex_destroy(&m->gate);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

static const struct statusdb_ops mem_ops = {mem_check, mem_write, mem_close};

static inline int statusdb_mem_create(struct statusdb **out)
{
    struct statusdb_mem *m = calloc(1, sizeof(*m));

    if (!m)
        return -ENOMEM;
    m->db.ops = &mem_ops;
    pthread_mutex_init(&m->lock, NULL);
    pthread_mutex_init(&m->gate, NULL);
    *out = &m->db;
    return 0;
}

/* Let every call fail with <rc>, or succeed again when it is 0. */
static inline void statusdb_mem_set_rc(struct statusdb *db, int rc)
{
    struct statusdb_mem *m = (struct statusdb_mem *)db;

    pthread_mutex_lock(&m->lock);
    m->rc = rc;
    pthread_mutex_unlock(&m->lock);
}

/* Let every write wait, as a slow server does, or let the waiting one go on. */
static inline void statusdb_mem_hold(struct statusdb *db, bool hold)
{
    struct statusdb_mem *m = (struct statusdb_mem *)db;

    if (hold)
        pthread_mutex_lock(&m->gate);
    else
        pthread_mutex_unlock(&m->gate);
}

/* Find the row with the key of <row> and copy it there.  Returns whether it exists. */
static inline bool statusdb_mem_find(struct statusdb *db, struct status_row *row)
{
    struct statusdb_mem *m = (struct statusdb_mem *)db;
    struct status_row *at;

    pthread_mutex_lock(&m->lock);
    at = find(m, row);
    if (at)
        *row = *at;
    pthread_mutex_unlock(&m->lock);
    return at != NULL;
}

static inline size_t read_locked(struct statusdb *db, const size_t *counter)
{
    struct statusdb_mem *m = (struct statusdb_mem *)db;
    size_t n;

    pthread_mutex_lock(&m->lock);
    n = *counter;
    pthread_mutex_unlock(&m->lock);
    return n;
}

static inline size_t statusdb_mem_n_rows(struct statusdb *db)
{
    return read_locked(db, &((struct statusdb_mem *)db)->n);
}

static inline size_t statusdb_mem_n_writes(struct statusdb *db)
{
    return read_locked(db, &((struct statusdb_mem *)db)->n_writes);
}

static inline size_t statusdb_mem_n_tries(struct statusdb *db)
{
    return read_locked(db, &((struct statusdb_mem *)db)->n_tries);
}

#endif
