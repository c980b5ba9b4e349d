/* fleet_ca -- the certificate authority of a fleet: one key on P-256, a certificate for
 * each role of each host, and the list of those that are revoked.
 *
 * A certificate names its role and its machine as URIs, and the address of its host:
 *     URI:urn:lars:role:dnsd, URI:urn:lars:machine:1, IP:10.0.1.11
 * It is kept as long as it fits and has 30 days left.  Nothing is written before
 * fleet_ca_save(), except the key of a new CA.
 * Thread: one. */
#ifndef LARS_ROSTER_FLEET_CA_H
#define LARS_ROSTER_FLEET_CA_H

#include <stdint.h>

#include "roster/roster.h"

#define FLEET_CA_WHY 500
#define FLEET_CA_DAYS 3650 /* of the CA */
#define FLEET_CA_CERT_DAYS 825 /* of a certificate, at most */
#define FLEET_CA_RENEW_DAYS 30 /* left: a new one is issued */

struct fleet_ca;

/* Read the CA of the fleet <name> in the folder <dir>, which exists, or make it.  Files
 * are ca.crt, ca.key, index, crl.pem.  Returns 0; -EINVAL, -EACCES ... with a sentence in
 * <why>; -ENOMEM. */
int fleet_ca_open(struct fleet_ca **out, const char *dir, const char *name, int64_t now_s,
                  char why[FLEET_CA_WHY]);
void fleet_ca_close(struct fleet_ca *ca); /* NULL is fine */

struct fleet_ca_subject {
    const char *host, *role;
    const char *ip; /* NULL = none */
    uint32_t machine;
};

/* The certificate of <s> and its key, in PEM, which the caller frees.  <cert> and <key>:
 * what it has now; NULL = nothing.  They are kept when they fit; a certificate that does
 * not is replaced, and its key is kept while the machine is the same.  Returns 0; -EINVAL
 * with a sentence in <why>; -ENOMEM. */
int fleet_ca_certificate(struct fleet_ca *ca, const struct fleet_ca_subject *s,
                         const char *cert, const char *key, char **new_cert,
                         char **new_key, char why[FLEET_CA_WHY]);

/* Revoke the certificates of each host and role for which fleet_ca_certificate() was not
 * called, and of earlier machines; write index and crl.pem when they change.  Returns as
 * fleet_ca_open(). */
int fleet_ca_save(struct fleet_ca *ca, char why[FLEET_CA_WHY]);

unsigned fleet_ca_n_issued(const struct fleet_ca *ca);
unsigned fleet_ca_n_revoked(const struct fleet_ca *ca); /* by fleet_ca_save() */

/* Texts in PEM, borrowed until fleet_ca_close(); the list after fleet_ca_save(). */
const char *fleet_ca_cert(const struct fleet_ca *ca);
const char *fleet_ca_crl(const struct fleet_ca *ca);

#endif
