#include "billing/table.h"

#include <string.h>

#include "common/cell.h"
#include "common/csv.h"

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

enum { NUMBERS_TEXT_MAX = 256 };

void table_begin(struct table *t, FILE *out, const struct export_locale *locale)
{
    *t = (struct table){.out = out, .locale = locale, .is_header = true};
    if (locale->has_bom)
        (void)fputs(BYTE_ORDER_MARK, out);
}

void table_end_row(struct table *t)
{
    (void)fputs("\r\n", t->out);
    t->is_behind_first = false;
    t->is_header = false;
}

static void begin_field(struct table *t)
{
    if (t->is_behind_first)
        (void)putc(t->locale->separator, t->out);
    t->is_behind_first = true;
}

void table_text(struct table *t, const char *column, const char *text)
{
    begin_field(t);
    csv_field(t->out, t->is_header ? column : text, t->locale->separator);
}

void table_name(struct table *t, const char *column, const char *name)
{
    begin_field(t);
    if (t->is_header)
        csv_field(t->out, column, t->locale->separator);
    else if (name[0] != '\0')
        cell_write(t->out, name);
}

void table_decimal(struct table *t, const char *column, const char *number)
{
    char text[NUMBERS_TEXT_MAX];

    (void)snprintf(text, sizeof text, "%s", number);
    for (char *p = text; (p = strchr(p, '.')) != NULL; p++)
        *p = t->locale->decimal;
    table_text(t, column, text);
}

void table_figure(struct table *t, const char *column, numerator figure)
{
    char text[FIGURE_TEXT_MAX];

    table_decimal(t, column, figure_format(figure, FIGURE_DECIMALS, text));
}
