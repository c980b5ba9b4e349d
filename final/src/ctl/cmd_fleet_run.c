/* Each command is a row, so that help and completion have it, and larsctl checks the
 * number of its arguments; then exec() puts lars-fleet into the place of this process,
 * with the arguments as they are: no shell reads them as text.
 *
 * Rejected: ssh, tar and apt run from C.  The program would be mostly pipes and quotes,
 * and what it runs at a host is a shell script in any case (docs/decisions/046). */
#include "ctl/cmd_fleet_run.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/sig.h"

#define PROGRAM "lars-fleet"
#define ARGS_MAX 80 /* two files and each host of a fleet */

/* With which the script asks for nodes and drains them. */
static void name_this_program(void)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

    if (n <= 0)
        return;
    path[n] = '\0';
    setenv("LARSCTL_PROGRAM", path, 0); /* a test sets another one */
}

static int run_fleet(const struct ctl *c, const char *verb, int argc, char **argv)
{
    static char shell[] = "sh";
    char script[PATH_MAX], *args[ARGS_MAX + 4];
    int i, n = 0, err;

    if (snprintf(script, sizeof(script), "%s/" PROGRAM, c->fleet_dir) >=
            (int)sizeof(script) ||
        access(script, R_OK) < 0)
        return ctl_say(CTL_FAILED,
                       "%s/" PROGRAM " cannot be read; mend: install the package "
                       "lars-ctl, or correct [larsctl] fleet",
                       c->fleet_dir);
    args[n++] = shell;
    args[n++] = script;
    args[n++] = (char *)verb;
    for (i = 0; i < argc && i < ARGS_MAX; i++)
        args[n++] = argv[i];
    args[n] = NULL;
    name_this_program();
    fflush(NULL);
    /* What is ignored here would be ignored by ssh and tar, too. */
    sig_set(SIGPIPE, SIG_DFL);
    sig_set(SIGHUP, SIG_DFL);
    execv("/bin/sh", args);
    err = errno;
    return ctl_say(CTL_FAILED, "/bin/sh cannot be started: %s", err_str(-err));
}

#define VERB(name)                                                                       \
    static int fleet_##name(struct ctl *c, int argc, char **argv)                        \
    {                                                                                    \
        return run_fleet(c, #name, argc, argv);                                          \
    }
VERB(trust)
VERB(pack)
VERB(install)
VERB(status)
VERB(upgrade)
VERB(swap)
VERB(backup)
VERB(unpack)
VERB(restore)
VERB(collect)

const struct ctl_cmd cmd_fleet_run[] = {
    {"fleet", "trust", "DIR HOST [FINGERPRINT]", 2, 3,
     "Show the ssh key of a host, or pin the one that was compared.", fleet_trust,
     "Compare the fingerprint with that on the screen of the machine.  Other commands "
     "talk to hosts only whose keys are pinned."},
    {"fleet", "pack", "FILE DEB...", 2, ARGS_MAX,
     "Put every package that servers need into one file, a bundle.", fleet_pack,
     "Run it on a machine that has internet and the release of the servers.  A word "
     "that does not end with .deb is the name of one more package of Debian."},
    {"fleet", "install", "DIR BUNDLE [HOST...]", 2, ARGS_MAX,
     "Install bare machines from a rendered folder, until each is healthy.",
     fleet_install,
     "It stops at the first red.  Given again it continues: what is done is not done "
     "again.  Servers need no internet."},
    {"fleet", "status", "DIR [HOST...]", 1, ARGS_MAX,
     "Show version, health, certificate, clock and disk of each host.", fleet_status,
     "Exit code 1: something is red."},
    {"fleet", "upgrade", "DIR BUNDLE", 2, 2,
     "Upgrade room by room, host by host, to the first red.", fleet_upgrade,
     "With the bundle of the version before it goes back."},
    {"fleet", "swap", "DIR BUNDLE HOST", 3, 3,
     "Take in a new machine under the name of one that is lost.", fleet_swap,
     "Before: let machine of the host grow by one in fleet.ini, fleet render, fleet "
     "trust.  The other hosts refuse the certificates of the old machine first."},
    {"fleet", "backup", "DIR FILE CERTIFICATE", 3, 3,
     "Write the database and the folder into a file, encrypted.", fleet_backup,
     "The private key of the certificate opens it; keep it on another machine."},
    {"fleet", "unpack", "FILE KEY DIR", 3, 3, "Take the folder out of a backup.",
     fleet_unpack, NULL},
    {"fleet", "restore", "DIR FILE KEY", 3, 3,
     "Load the database of a backup into an empty one, and compare.", fleet_restore,
     "Programs that write are stopped meanwhile."},
    {"fleet", "collect", "DIR FILE [HOST...]", 2, ARGS_MAX,
     "Collect logs, metrics and configuration for support, without secrets.",
     fleet_collect, NULL},
    {NULL, NULL, NULL, 0, 0, NULL, NULL, NULL}};
