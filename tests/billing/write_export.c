/*
 * write_export.c - one file of an export to standard output, of a statement that is told on
 * standard input:
 *
 *   write_export focus|journal
 *
 *     S month from_hour to_hour sealed whole missing_hosts
 *     R account name vm|- vm_name offset_h currency unit prices|- corrections|- carry_in transfers
 *       posted carry_out
 *
 * a line each, fields separated by one space, texts in hexadecimal. prices: nano_pennies:kib_ns,
 * separated by commas; corrections: month:cause:first_hour:last_hour:nano_pennies:kib_ns, causes as
 * numbers. So a test can say what no store would: any numbers, any names. The count of rows goes to
 * standard error.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "billing/export.h"
#include "billing/statement_impl.h"

static void fail(const char *text)
{
    (void)fprintf(stderr, "write_export: %s\n", text);
    exit(3);
}

static void must(bool is_ok, const char *text)
{
    if (!is_ok)
        fail(text);
}

static char *next_field(char **line)
{
    char *field = strsep(line, " \n");

    must(field != NULL, "a field is missing");
    return field;
}

static numerator next_numerator(char **line)
{
    const char *field = next_field(line);
    numerator value;

    must(numerator_parse(field, strlen(field), &value), field);
    return value;
}

/* Never freed: the program ends. */
static const char *next_text(char **line)
{
    const char *field = next_field(line);
    size_t length = strlen(field) / 2;
    char *text = calloc(1, length + 1);

    must(text != NULL, "no memory");
    for (size_t i = 0; i < length; i++)
        must(sscanf(field + 2 * i, "%2hhx", (unsigned char *)&text[i]) == 1, field);
    return text;
}

/* The next of a list, or NULL; "-" is one without any. */
static char *next_of_list(char **list)
{
    char *one = strsep(list, ",");

    return one == NULL || strcmp(one, "-") == 0 ? NULL : one;
}

static numerator next_part(char **one)
{
    const char *part = strsep(one, ":");
    numerator value;

    must(part != NULL && numerator_parse(part, strlen(part), &value), "a part of a list");
    return value;
}

static void take_priced(char **one, struct statement_priced *priced)
{
    struct error err;

    *priced = (struct statement_priced){.nano_pennies = (int64_t)next_part(one)};
    must(statement_priced_add(priced, next_part(one), &err), "usage does not fit");
}

static void take_prices(char *list, struct statement_row *row)
{
    struct error err;

    for (char *one; (one = next_of_list(&list)) != NULL; row->price_count++) {
        row->prices = statement_grow(row->prices, row->price_count, sizeof *row->prices, &err);
        must(row->prices != NULL, "no memory");
        struct statement_priced *priced = &row->prices[row->price_count];

        take_priced(&one, priced);
        row->usage.kib_ns += (usage_kib_ns)priced->kib_ns;
        must(numerator_add_to(&row->n, priced->n, &err), "usage does not fit");
    }
}

static void take_corrections(char *list, struct statement_row *row)
{
    struct error err;

    for (char *one; (one = next_of_list(&list)) != NULL; row->correction_count++) {
        row->corrections =
            statement_grow(row->corrections, row->correction_count, sizeof *row->corrections, &err);
        must(row->corrections != NULL, "no memory");
        struct statement_correction *c = &row->corrections[row->correction_count];

        c->month = (int32_t)next_part(&one);
        c->cause = (enum adjustment_cause)next_part(&one);
        c->first_hour = (int64_t)next_part(&one);
        c->last_hour = (int64_t)next_part(&one);
        take_priced(&one, &c->priced);
        must(numerator_add_to(&row->adjustments, c->priced.n, &err), "usage does not fit");
    }
}

static void take_row(char *line, struct statement_row *row)
{
    struct error err;

    (void)snprintf(row->line.account, sizeof row->line.account, "%s", next_field(&line));
    row->account_name = next_text(&line);
    const char *vm = next_field(&line);

    row->line.is_pool = strcmp(vm, "-") == 0;
    must(row->line.is_pool || uuid_parse(vm, strlen(vm), &row->line.vm), vm);
    row->vm_name = next_text(&line);
    row->offset_h = (int)next_numerator(&line);
    must(currency_find(next_field(&line), &row->line.currency, &err), "no such currency");
    must(unit_parse(next_field(&line), &row->line.unit, &err), "no such unit");
    take_prices(next_field(&line), row);
    take_corrections(next_field(&line), row);
    row->carry_in = next_numerator(&line);
    row->transfers = next_numerator(&line);
    row->posted = (int64_t)next_numerator(&line);
    row->carry_out = next_numerator(&line);
}

static void take_head(char *line, struct statement *s)
{
    s->month = (int32_t)next_numerator(&line);
    s->from_hour = (int64_t)next_numerator(&line);
    s->to_hour = (int64_t)next_numerator(&line);
    s->is_sealed = next_numerator(&line) != 0;
    s->is_whole = next_numerator(&line) != 0;
    (void)snprintf(s->missing_hosts, sizeof s->missing_hosts, "%s", next_text(&line));
}

static void read_told(struct statement *s)
{
    char *line = NULL;
    size_t room = 0;

    must(getline(&line, &room, stdin) > 2 && line[0] == 'S', "no head");
    take_head(line + 2, s);
    while (getline(&line, &room, stdin) > 2) {
        s->rows = realloc(s->rows, (s->count + 1) * sizeof *s->rows);
        must(s->rows != NULL, "no memory");
        s->rows[s->count] = (struct statement_row){.line.month = s->month};
        take_row(line + 2, &s->rows[s->count++]);
    }
    free(line);
}

int main(int argc, char **argv)
{
    struct export_options options = {.locale = {',', '.', false}, .provider = "Hoster, \"Inc.\""};
    struct export_counts counts;
    struct statement s = {0};
    struct error err = {0};

    must(argc == 2, "see the head of write_export.c");
    read_told(&s);
    must((strcmp(argv[1], "focus") == 0 ? export_focus : export_journal)(stdout, &s, &options,
                                                                         &counts, &err),
         err.text);
    must(fflush(stdout) == 0, "can't write");
    (void)fprintf(stderr, "%llu\n", (unsigned long long)counts.rows);
    return 0;
}
