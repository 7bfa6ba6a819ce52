/*
 * cell.h - text that others wrote, as a cell of a spreadsheet: a field of a CSV file that cannot
 * become a formula.
 *
 * csv.h writes what is ours. A name that a customer gave may be `=HYPERLINK(...)`, and a
 * spreadsheet that opens the file would compute it. So an apostrophe is put before text that begins
 * with = + - @ (also in full width), a tab or a line's end, also behind quotes and spaces; and
 * within it wherever a program that splits at other separators (',', ';', tab, a line's end) would
 * begin another cell. All else stays as it is, quotes and lines included. Files are UTF-8: what is
 * not, and control characters, become U+FFFD.
 */
#ifndef PAGEMETER_CELL_H
#define PAGEMETER_CELL_H

#include <stdio.h>

/* Always quoted, whatever the separator. Errors show in ferror(out). */
void cell_write(FILE *out, const char *text);

/*
 * A field of which nobody knows whether it is ours: as csv_field writes it between commas, but as
 * cell_write does where it would become a formula and is not a number.
 */
void cell_field(FILE *out, const char *text);

#endif
