/* A disk that is full is seen when the file is closed, so that is checked as well. */
#include "textfile.h"

void textfile_vwrite(const char *path, const char *format, va_list ap)
{
    FILE *f = fopen(path, "w");
    int n;

    if (!f)
        fail_msg("cannot create %s: %s", path, strerror(errno));
    n = vfprintf(f, format, ap);
    if (fclose(f) != 0 || n < 0)
        fail_msg("cannot write %s: %s", path, strerror(errno));
}

void textfile_write(const char *path, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    textfile_vwrite(path, format, ap);
    va_end(ap);
}
