/* cookie_jar -- the cookies of one visitor as the value of its field Cookie, in a fixed
 * room.  Path, expiry and the other attributes are not kept: the requests of a load go to
 * one server and a visit is short.  Pure.  Thread: any. */
#ifndef LARS_LOAD_COOKIE_JAR_H
#define LARS_LOAD_COOKIE_JAR_H

#include "http/http_head.h"

#define COOKIE_JAR 256                    /* bytes, with the final 0 */

/* Keep the cookie of <set_cookie>, the value of a field Set-Cookie: it replaces the one
 * of the same name; an empty value removes it.  One that is none, or for which there is
 * no room, is left out. */
void cookie_jar_set(char jar[COOKIE_JAR], struct http_text set_cookie);

#endif
