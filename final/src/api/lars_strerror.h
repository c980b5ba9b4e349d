/* lars_strerror -- the sentences of lars_strerror().  Thread: any. */
#ifndef LARS_API_LARS_STRERROR_H
#define LARS_API_LARS_STRERROR_H

/* A static string, never NULL. */
const char *lars_strerror_of(int rc);

#endif
