/*
 * csv.h - one field of a CSV file, after RFC 4180.
 */
#ifndef PAGEMETER_CSV_H
#define PAGEMETER_CSV_H

#include <stdio.h>

/*
 * Writes text as one field: quoted where it holds the separator, a quote, a line's end, or a space
 * at either end; quotes inside are doubled. Errors show in ferror(out).
 */
void csv_field(FILE *out, const char *text, char separator);

#endif
