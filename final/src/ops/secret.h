/* secret -- passwords and random tokens, by libsodium.  Thread: any, after
 * secret_init(). */
#ifndef LARS_OPS_SECRET_H
#define LARS_OPS_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECRET_TOKEN 44               /* bytes of a token's text, with the final 0 */
#define SECRET_ID 32                  /* bytes of what is stored of a token */
#define SECRET_HEX 65                 /* the same in hexadecimal, with the final 0 */
#define SECRET_HASH 128               /* bytes of a stored password, with the final 0 */
#define SECRET_PASSWORD 21            /* bytes of a random password, with the final 0 */
#define SECRET_PASSWORD_MIN 12        /* characters of a chosen one */
#define SECRET_PASSWORD_MAX 256       /* bytes of a chosen one */

/* Once per process.  Returns 0, or -EIO when the system has no random numbers. */
int secret_init(void);

/* A token of 32 random bytes as 43 characters of base64url. */
void secret_token(char out[SECRET_TOKEN]);

/* What the database has of a token: its BLAKE2b, 32 bytes. */
void secret_id(const char *token, uint8_t id[SECRET_ID]);

/* An id in hexadecimal, for UNHEX() of SQL. */
void secret_hex(const uint8_t id[SECRET_ID], char out[SECRET_HEX]);

/* A second token that follows from the first, for one purpose, such as "csrf". */
void secret_derive(const char *token, const char *purpose, char out[SECRET_TOKEN]);

/* The same bytes?  Takes as long whether they are or not. */
bool secret_equal(const char *a, const char *b);

/* A password of 20 letters and digits that cannot be confused: 98 bits. */
void secret_password(char out[SECRET_PASSWORD]);

/* argon2id with 64 MiB and 2 passes: about 70 ms.  Returns 0 or -ENOMEM. */
int secret_hash(const char *password, char out[SECRET_HASH]);

/* Is it the password?  An empty <hash> costs as much time and is never right. */
bool secret_verify(const char *hash, const char *password);

/* NULL, or a static sentence: why this cannot be a password. */
const char *secret_wrong_password(const char *password);

#endif
