/*
 * utf8.h - text in UTF-8, after RFC 3629, a character at a time. Pure.
 */
#ifndef PAGEMETER_UTF8_H
#define PAGEMETER_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The bytes of the character at p, 1 to 4; 0: no well-formed one begins there. Never reads beyond a
 * NUL, which is a character of one byte.
 */
size_t utf8_length(const char *p);

/* Is the well-formed character at p a control character: C0, DEL or C1? */
bool utf8_is_control(const char *p);

#endif
