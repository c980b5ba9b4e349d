/* render -- writes what each host of a fleet needs into a folder of the operator's
 * machine, from which `larsctl fleet install` copies it.
 *
 * A second call changes no byte, unless the roster, the templates or the remaining time
 * of a certificate (less than 30 days) ask for it.  Keys, CA and passwords are kept.  A
 * host whose `machine` grew gets new keys, and its certificates are revoked, as are those
 * of a host or a role that was removed; the folder of a removed host is deleted.
 * Thread: one; a second process at the same folder gets -EBUSY. */
#ifndef LARS_ROSTER_RENDER_H
#define LARS_ROSTER_RENDER_H

#include <stdint.h>

#include "roster/roster.h"

/* DIR/_fleet/               stays here, and is secret
 *     ca.crt ca.key         of the fleet; 10 years
 *     index                 a line for each certificate: SERIAL HOST MACHINE ROLE END
 *                           STATE; END as 2028-03-01T00:00:00Z, STATE valid, replaced or
 *                           revoked
 *     crl.pem               those that are revoked
 *     gateway.key           signs cookies, and commands to gateways
 *     roster.ini            the fleet.ini of the last render
 *     db/                   what deploy/two-zones/render makes and keeps: among it
 *                           passwords, NAME = VALUE, of the users of the database
 *     operator/             larsctl.ini, tls/, gateway.key: for the commands of the
 *                           operator, `larsctl -c DIR/_fleet/operator/larsctl.ini ...`
 * DIR/HOST/                 all that this host gets
 *     files                 a line for each file: MODE OWNER GROUP FROM TO; FROM is below
 *                           DIR/HOST, TO is the whole path on the host
 *     packages              the Debian packages that it needs, a line each
 *     services              the units to be enabled, a line each, in the order in which
 *                           they start
 *     conf/PROGRAM.ini      -> /etc/lars/PROGRAM.ini
 *     conf/gateway-rules.ini, conf/slot-modules.ini, conf/showcase-slots.ini
 *     systemd/UNIT.d/fleet.conf -> /etc/systemd/system/UNIT.d/fleet.conf, with lines
 *                           LoadCredential=tls.key:/etc/lars/tls/ROLE.key and so on; the
 *                           program reads /run/credentials/UNIT/tls.key
 *     systemd/lars-db.service -> /etc/systemd/system/lars-db.service; db and arbiter
 *     tls/ROLE.crt ROLE.key ca.crt crl.pem -> /etc/lars/tls/
 *     gateway.key           -> /etc/lars/gateway.key; gateway, console, autoscaler
 *     db/                   -> /etc/lars/db/; db and arbiter
 *     firewall.nft          -> /etc/lars/firewall.nft, for nft -f
 *
 * Every file has mode 0600 in DIR and every folder 0700; the mode in <files> is that on
 * the host.  Nothing in <files> has a blank in it. */

#define RENDER_WHY 600

struct render_source {
    const char *roster; /* the text of fleet.ini, for roster.ini */
    const char *templates; /* [larsctl] fleet: has conf/ */
    int64_t now_s; /* wall clock, seconds of the epoch */
};

/* What has changed, for the operator. */
struct render_result {
    unsigned n_files; /* written or removed */
    unsigned n_issued, n_revoked; /* certificates */
    unsigned n_hosts_removed;
};

/* Write <dir>, which is made when it is not there.  Returns 0; -EBUSY; -EINVAL, -ENOENT,
 * -EACCES ... with a sentence in <why> that says what, where and how to mend it. */
int render_fleet(const struct roster *r, const struct render_source *from,
                 const char *dir, struct render_result *out, char why[RENDER_WHY]);

#endif
