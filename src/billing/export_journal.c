/*
 * export_journal.c - the statement as a plain text journal for hledger and ledger: receivables
 * against revenue, double entry.
 *
 * One transaction for each account and currency, on the last day of the period: the account's
 * receivable, and the revenue of each of its VMs. The receivable is an account of the period's own,
 * assets:receivable:ACCOUNT:2026-11, and its balance is asserted, so that the assertion holds in
 * this file alone and in a journal of many months, and a month that is booked twice is noticed. All
 * accounts, commodities and payees are declared: the file stands the strict checks of both
 * programs.
 *
 * Names that customers gave stand in payees and comments only, behind words of ours, and lose what
 * has a meaning there.
 */
#include <string.h>

#include "billing/export.h"
#include "billing/invoice.h"
#include "common/calendar.h"
#include "common/utf8.h"

/* ledger refuses lines of 4,096 bytes and more. */
enum { NAME_BYTES_MAX = 256, DAY_LENGTH = 10 };

/* The rows of one account. */
struct block {
    const struct statement_row *rows;
    size_t count;
};

/* ---- names ---- */

/*
 * What would end a payee or a comment, or make a tag or a date in it: their place is taken by a
 * space.
 */
static bool is_space(const char *p)
{
    static const char *const special = " ;:|[]";

    return utf8_is_control(p) || strchr(special, *p) != NULL;
}

/* A space and the name, as one line without spaces at its ends or next to each other; "": nothing.
 */
static void put_name(FILE *out, const char *name)
{
    bool is_behind_space = true;
    size_t written = 0;

    while (*name != '\0') {
        size_t length = utf8_length(name);
        const char *text = length == 0 ? "?" : name; /* not UTF-8: hledger would stop there */

        length = length == 0 ? 1 : length;
        name += length;
        if (is_space(text)) {
            is_behind_space = true;
            continue;
        }
        if (written + length > NAME_BYTES_MAX)
            return;
        if (is_behind_space)
            (void)putc(' ', out);
        (void)fwrite(text, 1, length, out);
        written += length + is_behind_space;
        is_behind_space = false;
    }
}

static void put_payee(FILE *out, const struct statement_row *row)
{
    (void)fputs(row->line.account, out);
    put_name(out, row->account_name);
}

/* ---- declarations ---- */

static struct block next_block(const struct statement *s, size_t at)
{
    struct block block = {&s->rows[at], 0};

    while (at + block.count < s->count &&
           strcmp(s->rows[at + block.count].line.account, block.rows->line.account) == 0)
        block.count++;
    return block;
}

/* The currency that comes next behind `code`, of those in which something was posted; or NULL. */
static const struct currency *next_currency(const struct statement_row *rows, size_t count,
                                            const char *code)
{
    const struct currency *next = NULL;

    for (size_t i = 0; i < count; i++) {
        const struct currency *currency = &rows[i].line.currency;

        if (rows[i].posted != 0 && strcmp(currency->code, code) > 0 &&
            (next == NULL || strcmp(currency->code, next->code) < 0))
            next = currency;
    }
    return next;
}

static void put_receivable(FILE *out, const struct statement *s, const char *account)
{
    char period[PERIOD_TEXT_MAX];

    (void)fprintf(out, "assets:receivable:%s:%s", account, export_period(s, period));
}

static void declare(FILE *out, const struct statement *s)
{
    const struct currency *currency = NULL;

    while ((currency = next_currency(s->rows, s->count, currency == NULL ? "" : currency->code)) !=
           NULL)
        (void)fprintf(out, "commodity %s\n", currency->code);
    for (size_t i = 0; i < s->count;) {
        struct block block = next_block(s, i);
        const char *account = block.rows->line.account;

        i += block.count;
        if (next_currency(block.rows, block.count, "") == NULL)
            continue;
        (void)fputs("\naccount ", out);
        put_receivable(out, s, account);
        (void)fprintf(out, "\naccount revenue:memory:%s\npayee ", account);
        put_payee(out, block.rows);
        (void)putc('\n', out);
    }
}

/* ---- transactions ---- */

static void put_amount(FILE *out, const struct currency *currency, int64_t pennies)
{
    char amount[AMOUNT_TEXT_MAX];

    (void)fprintf(out, "%s %s", currency_format(currency, pennies, amount), currency->code);
}

static void put_heading(FILE *out, const struct statement *s, const struct statement_row *row,
                        const struct currency *currency)
{
    struct billing_line invoiced = row->line;
    char day[HOUR_TEXT_MAX], number[INVOICE_TEXT_MAX];

    invoiced.currency = *currency;
    (void)fprintf(out, "\n%.*s ", DAY_LENGTH, calendar_format_hour(s->to_hour - 1, day));
    if (s->is_sealed)
        (void)fprintf(out, "(%s) ", invoice_number(&invoiced, number));
    put_payee(out, row);
    (void)putc('\n', out);
}

static void put_revenue(FILE *out, const struct statement_row *row)
{
    char vm[UUID_TEXT_MAX];

    (void)fprintf(out, "    revenue:memory:%s  ", row->line.account);
    put_amount(out, &row->line.currency, -row->posted);
    (void)fprintf(out, "  ; %s",
                  row->line.is_pool ? "fractions of a penny" : uuid_format(&row->line.vm, vm));
    put_name(out, row->vm_name);
    (void)putc('\n', out);
}

static bool sum_up(const struct block *block, const struct currency *currency, int64_t *pennies,
                   struct error *err)
{
    int64_t sum = 0;

    for (size_t i = 0; i < block->count; i++)
        if (strcmp(block->rows[i].line.currency.code, currency->code) == 0 &&
            (block->rows[i].posted == INT64_MIN ||
             __builtin_add_overflow(sum, block->rows[i].posted, &sum)))
            return error_set(err, ERR_RANGE, "the sum of account %s does not fit",
                             block->rows[i].line.account);
    *pennies = sum;
    return true;
}

static bool put_transaction(FILE *out, const struct statement *s, const struct block *block,
                            const struct currency *currency, struct error *err)
{
    int64_t pennies = 0;

    if (!sum_up(block, currency, &pennies, err))
        return false;
    put_heading(out, s, block->rows, currency);
    (void)fputs("    ", out);
    put_receivable(out, s, block->rows->line.account);
    (void)fputs("  ", out);
    put_amount(out, currency, pennies);
    (void)fputs(" = ", out);
    put_amount(out, currency, pennies);
    (void)putc('\n', out);
    for (size_t i = 0; i < block->count; i++)
        if (block->rows[i].posted != 0 &&
            strcmp(block->rows[i].line.currency.code, currency->code) == 0)
            put_revenue(out, &block->rows[i]);
    return true;
}

bool export_journal(FILE *out, const struct statement *s, const struct export_options *o,
                    struct export_counts *counts, struct error *err)
{
    char period[PERIOD_TEXT_MAX], watermark[WATERMARK_TEXT_MAX];

    (void)o;
    counts->rows = 0;
    (void)fprintf(out, "; Memory of virtual machines, %s: %s\n\n", export_period(s, period),
                  statement_watermark(s, watermark));
    declare(out, s);
    for (size_t i = 0; i < s->count;) {
        struct block block = next_block(s, i);
        const struct currency *currency = NULL;

        i += block.count;
        while ((currency = next_currency(block.rows, block.count,
                                         currency == NULL ? "" : currency->code)) != NULL) {
            if (!put_transaction(out, s, &block, currency, err))
                return false;
            counts->rows++;
        }
    }
    return true;
}
