/* import_svg -- checks that an SVG picture is only a drawing.  Thread: any. */
#ifndef LARS_SITE_IMPORT_SVG_H
#define LARS_SITE_IMPORT_SVG_H

#include <stddef.h>

/* The <len> bytes at <text> have a NUL behind them.  Returns 0: they are a whole SVG
 * document without scripts, event attributes, animation, references to anything outside
 * of it, and declarations that change how it is read; -EINVAL with half a sentence in
 * <why>, that continues "the picture NAME ...". */
int import_svg_check(const char *text, size_t len, char *why, size_t size);

#endif
