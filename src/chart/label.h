/*
 * label.h - a name that somebody gave, made fit to be shown. Pure.
 *
 * Names are hostile: of any length, with control characters, marks that turn the direction of what
 * follows or show nothing, hundreds of accents on one letter. What is kept is one line of at most
 * LABEL_CHARACTERS characters of text; who writes HTML escapes it still.
 */
#ifndef PAGEMETER_CHART_LABEL_H
#define PAGEMETER_CHART_LABEL_H

#include <stddef.h>

enum { LABEL_CHARACTERS = 48, LABEL_TEXT_MAX = (LABEL_CHARACTERS + 1) * 3 * 4 + 1 };

/*
 * name[0..length) in UTF-8. What is malformed or a control character becomes U+FFFD, blanks one
 * space; what can't be seen is left out, and so are more than two accents in a row. What is cut
 * ends with an ellipsis. *out may be empty.
 */
const char *label_clean(const char *name, size_t length, char out[LABEL_TEXT_MAX]);

#endif
