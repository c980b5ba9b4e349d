/* db_files -- the database of each zone and the arbiter: passwords of its users, and the
 * files that deploy/two-zones/render makes.  Thread: one. */
#ifndef LARS_ROSTER_DB_FILES_H
#define LARS_ROSTER_DB_FILES_H

#include "roster/host_conf.h"
#include "roster/host_files.h"

#define DB_FILES_WHY 500
#define DB_FILES_MS 120000 /* that the script may take */

/* Passwords of all users, from the file <dir>/passwords; those that it lacks are made and
 * written first.  Returns 0; -errno with a sentence in <why>. */
int db_files_passwords(const char *dir,
                       char password[HOST_CONF_N_USERS][HOST_CONF_PASSWORD],
                       char why[DB_FILES_WHY]);

/* The node of <zone> gets a new key: its machine was exchanged.  Returns 0; -errno. */
int db_files_forget(const char *dir, const char *zone);

/* Have the script write <dir>/ZONE for each zone.  <templates>: a whole path; the script
 * is in ../two-zones of it.  Returns 0; -errno with a sentence in <why>. */
int db_files_make(const struct roster *r, const char *templates, const char *dir,
                  char why[DB_FILES_WHY]);

/* Add db/... of the host <h>, which has db or arbiter, and its unit.  Returns as
 * db_files_make(). */
int db_files_add(struct host_files *f, const struct host_conf_source *from,
                 const struct roster_host *h, const char *dir, char why[DB_FILES_WHY]);

#endif
