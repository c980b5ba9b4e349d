/* larswords -- results of lars.h in words.  Thread: any. */
#ifndef LARS_API_LARSWORDS_H
#define LARS_API_LARSWORDS_H

const char *larswords_of(int rc);     /* lars_strerror() */

#endif
