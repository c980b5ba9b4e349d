/* site_visits -- counts visits of exhibits in memory until they are written to the
 * database.  Thread: any. */
#ifndef LARS_SITE_SITE_VISITS_H
#define LARS_SITE_SITE_VISITS_H

#include <stddef.h>
#include <stdint.h>

#define SITE_VISITS_ID_MAX 33u
#define SITE_VISITS_KEYS 10000u /* exhibits that can wait; visits of more are lost */

struct site_visits;

struct site_visit {
    uint32_t year;
    char id[SITE_VISITS_ID_MAX];
    uint64_t n;
};

int site_visits_create(struct site_visits **out); /* 0 or -ENOMEM */
void site_visits_destroy(struct site_visits *v); /* NULL is fine */

/* Add <n> visits.  Returns 0; -ENOSPC, -ENOMEM: they are not counted. */
int site_visits_add(struct site_visits *v, uint32_t year, const char *id, uint64_t n);

/* Take at most <max> exhibits with their visits out of it.  Returns how many. */
size_t site_visits_take(struct site_visits *v, struct site_visit *out, size_t max);

/* The <n> of <visit>, which were taken out of it, are in the database. */
void site_visits_written(struct site_visits *v, const struct site_visit *visit, size_t n);

uint64_t site_visits_waiting(struct site_visits *v); /* visits that are not written */

#endif
