/* certfile -- files in PEM with certificates of this host and their private keys.  A
 * failure fails the test.  Thread: any. */
#ifndef LARS_TEST_LIB_CERTFILE_H
#define LARS_TEST_LIB_CERTFILE_H

#include <openssl/evp.h>

#include "../t.h"

/* Write a self-signed certificate of localhost and 127.0.0.1 for the key <k>, which is
 * valid between these times in seconds from now. */
void certfile_write_cert(const char *path, EVP_PKEY *k, long from_s, long to_s);

/* Write the private key <k>, encrypted by <password>; NULL = not encrypted. */
void certfile_write_key(const char *path, EVP_PKEY *k, const char *password);

/* Both, of a new key of ECDSA on P-256. */
void certfile_write_pair(const char *cert, const char *key, long from_s, long to_s);

#endif
