/* version -- the version of Lars.  It is written here and nowhere else: lars_version(),
 * lars.pc, the Python wheel and every program's --version are made from this line, which
 * scripts read, too.  MAJOR.MINOR.PATCH: MAJOR grows when a program that uses lars.h must
 * be changed, MINOR when something was added, PATCH when something was corrected. */
#ifndef LARS_BASE_VERSION_H
#define LARS_BASE_VERSION_H

#define LARS_VERSION "1.2.0"

#endif
