/* fleet_keys -- the secret keys that all gateways of a service have in common, and the
 * tools that command them: they sign visitors' cookies (gateway/visit.h) and commands
 * (fleet/signed_command.h).  HMAC-SHA256, written as 64 lower-case hexadecimal digits.
 *
 * The file has a line for each key, of 32 to 128 characters.  The first key signs; a
 * second one is accepted as well, so that keys can be replaced while everything runs: add
 * the new one as the second line everywhere, then exchange the lines, then remove the old
 * one.  Thread: any, after creation. */
#ifndef LARS_FLEET_FLEET_KEYS_H
#define LARS_FLEET_FLEET_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/conf.h"

#define FLEET_KEYS_MAC 64                 /* bytes of a signature as text */

struct fleet_keys;

/* Read the file <path>; "" = one random key, which no other process knows.  <key_name>
 * names the configuration's key in messages, such as "[gateway] key_file".  Returns 0;
 * -ENOENT ..., -EINVAL, -ENOMEM with a sentence in <err>.  Thread: init. */
int fleet_keys_create(struct fleet_keys **out, const char *path, const char *key_name,
                      char err[CONF_ERR_MAX]);
void fleet_keys_destroy(struct fleet_keys *k); /* NULL is fine */

/* The signature of <len> bytes with the first key, without a 0 byte at its end. */
void fleet_keys_sign(const struct fleet_keys *k, const void *bytes, size_t len,
                     char out[FLEET_KEYS_MAC]);

/* Whether <mac> is the signature of the bytes with one of the keys.  The time it takes
 * does not depend on how much of <mac> is right. */
bool fleet_keys_verify(const struct fleet_keys *k, const void *bytes, size_t len,
                       const char mac[FLEET_KEYS_MAC]);

#endif
