/* startcheck -- what --check-config of a daemon asks the system: would the start be able
 * to use these addresses and folders?  A port that is in use is no error, because the
 * daemon that is to be restarted has it.  The answer is for the user that runs the check,
 * so it has to be the user of the daemon.
 * Each function returns 0, or -errno with a sentence in <err> that names <key>.
 * Thread: init. */
#ifndef LARS_OBS_STARTCHECK_H
#define LARS_OBS_STARTCHECK_H

#include "base/conf.h"
#include "base/net_addr.h"

/* Bind the TCP port <at>, or the <n_udp> UDP ports that begin with it, and close. */
int startcheck_tcp(const char *key, const struct net_addr *at, char err[CONF_ERR_MAX]);
int startcheck_udp(const char *key, const struct net_addr *at, unsigned n_udp,
                   char err[CONF_ERR_MAX]);

/* [http] listen: "" or what net_addr_parse() accepts. */
int startcheck_http(const char *where, char err[CONF_ERR_MAX]);

/* <dir> is a folder in which files can be created, or can be created itself.  Entries of
 * it whose names begin with one of <prefixes>, which NULL ends, must be files that can be
 * read and written. */
int startcheck_folder(const char *key, const char *dir, const char *const *prefixes,
                      char err[CONF_ERR_MAX]);

/* The file system of <dir>, or of the folder that would hold it, has <bytes> free. */
int startcheck_room(const char *key, const char *dir, uint64_t bytes,
                    char err[CONF_ERR_MAX]);

/* <path> is a program that this user may run; "" = none. */
int startcheck_program(const char *key, const char *path, char err[CONF_ERR_MAX]);

#endif
