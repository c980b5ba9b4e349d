/* larswords -- results of lars.h in words.  Thread: any. */
#ifndef LARS_API_LARS_STRERROR_H
#define LARS_API_LARS_STRERROR_H

const char *lars_strerror_of(int rc);     /* lars_strerror() */

#endif
