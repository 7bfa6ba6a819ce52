/*
 * answer_account.c - one customer: his VMs, and the bill of a month with what was not measured.
 */
#include <stdlib.h>
#include <string.h>

#include "billing/export_parts.h"
#include "billing/figure.h"
#include "billing/statement.h"
#include "common/calendar.h"
#include "serve/answer.h"

struct account_answer {
    const struct answering *a;
    struct json json;
    const struct book_account *account;
    struct statement statement;
    struct vm_names names, billed; /* now, and as it was when the month was sealed */
    int64_t from_hour, to_hour;    /* the month, by the account's own clock */
    int64_t gaps;                  /* so far, those that are not listed too */
};

static void put_money(struct json *json, const struct statement_row *row)
{
    char amount[AMOUNT_TEXT_MAX], text[NUMERATOR_TEXT_MAX];

    json_text(json, "currency", row->line.currency.code);
    json_text(json, "unit", unit_name(row->line.unit));
    export_json_figure(json, "quantity", figure_usage(row->usage.kib_ns, row->line.unit));
    json_text(json, "amount", currency_format(&row->line.currency, row->posted, amount));
    json_text(json, "pennies", numerator_format(row->posted, text));
    export_json_figure(json, "carried_pennies", figure_pennies(row->carry_out, row->line.unit));
    export_json_figure(json, "adjusted_pennies", figure_pennies(row->adjustments, row->line.unit));
}

static void put_prices(struct json *json, const struct statement_row *row)
{
    json_open_list(json, "prices");
    for (size_t i = 0; i < row->price_count; i++) {
        struct price price = {row->prices[i].nano_pennies, row->line.currency, row->line.unit};
        char text[PRICE_TEXT_MAX];

        json_text(json, NULL, price_format(&price, text));
    }
    json_close(json);
}

static void put_line(struct account_answer *x, const struct statement_row *row)
{
    struct json *json = &x->json;
    const char *name = row->line.is_pool ? NULL : vm_names_find(&x->billed, &row->line.vm);
    char vm[UUID_TEXT_MAX], text[USAGE_TEXT_MAX];

    json_open_flat_object(json, NULL);
    if (row->line.is_pool)
        json_null(json, "vm");
    else
        json_text(json, "vm", uuid_format(&row->line.vm, vm));
    json_text(json, "name", name != NULL ? name : "");
    answer_int128(json, "kib_ns", row->usage.kib_ns);
    json_text(json, "gib_h", usage_format_gib_h(row->usage.kib_ns, text));
    answer_int128(json, "measured_ns", (uint64_t)row->usage.measured_ns);
    answer_int128(json, "missing_ns", (uint64_t)row->usage.missing_ns);
    answer_int128(json, "excluded_ns", (uint64_t)row->usage.excluded_ns);
    json_int(json, "peak_kib", (int64_t)row->peak_kib);
    put_prices(json, row);
    put_money(json, row);
    json_close(json);
}

/* Money of one currency. */
struct sum {
    struct currency currency;
    int64_t pennies;
};

static void put_sums(struct account_answer *x)
{
    struct sum sums[16];
    size_t count = 0;
    char amount[AMOUNT_TEXT_MAX];

    for (size_t i = 0; i < x->statement.count; i++) {
        const struct statement_row *row = &x->statement.rows[i];
        size_t at = 0;

        if (strcmp(row->line.account, x->account->id) != 0)
            continue;
        while (at < count && strcmp(sums[at].currency.code, row->line.currency.code) != 0)
            at++;
        if (at == count && count == sizeof sums / sizeof *sums)
            continue; /* nobody pays in more currencies in a month */
        if (at == count)
            sums[count++] = (struct sum){row->line.currency, 0};
        sums[at].pennies += row->posted;
    }
    json_open_list(&x->json, "sums");
    for (size_t i = 0; i < count; i++) {
        json_open_flat_object(&x->json, NULL);
        json_text(&x->json, "currency", sums[i].currency.code);
        json_text(&x->json, "amount", currency_format(&sums[i].currency, sums[i].pennies, amount));
        json_close(&x->json);
    }
    json_close(&x->json);
}

static void put_bill(struct account_answer *x)
{
    const struct statement *s = &x->statement;
    usage_kib_ns kib_ns = 0, missing_ns = 0;
    char text[USAGE_TEXT_MAX];

    json_open_object(&x->json, "bill");
    json_text(&x->json, "state", s->is_sealed ? "sealed" : "open");
    json_open_list(&x->json, "lines");
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->rows[i].line.account, x->account->id) != 0)
            continue;
        put_line(x, &s->rows[i]);
        kib_ns += s->rows[i].usage.kib_ns;
        missing_ns += (uint64_t)s->rows[i].usage.missing_ns;
    }
    json_close(&x->json);
    put_sums(x);
    answer_int128(&x->json, "kib_ns", kib_ns);
    json_text(&x->json, "gib_h", usage_format_gib_h(kib_ns, text));
    answer_int128(&x->json, "missing_ns", missing_ns);
    json_close(&x->json);
}

/* ---- his VMs and their gaps ---- */

static bool put_vm(void *self, const char *const *v, struct error *err)
{
    struct account_answer *x = self;
    const struct answering *a = x->a;
    struct asker as_owner = {.is_operator = false};
    int64_t now_hour = calendar_hour_of((uint64_t)a->request->now_utc_ns);
    struct uuid vm;

    (void)strcpy(as_owner.account, x->account->id);
    if (!uuid_parse(v[0], strlen(v[0]), &vm))
        return error_set(err, ERR_STORE, "'%.40s' is no uuid of a VM", v[0]);
    struct access access = access_to(&as_owner, a->reader->book, &vm);
    bool is_his_now = access_has_hour(&access, now_hour);
    const char *name = vm_names_find(&x->names, &vm);

    if (!access_has_any(&access, 0, now_hour + 1))
        return true; /* it was said, and taken back for the same hours */
    json_open_flat_object(&x->json, NULL);
    json_text(&x->json, "vm", v[0]);
    json_text(&x->json, "name", name != NULL && (is_his_now || a->asker->is_operator) ? name : "");
    json_bool(&x->json, "is_his_now", is_his_now);
    json_close(&x->json);
    return true;
}

/* A gap, or the part of it that is his. */
static void put_gap_part(struct account_answer *x, const char *const *v, int64_t from, int64_t to)
{
    bool is_whole = from == reader_number(v[1]) && to == reader_number(v[2]);

    if (x->gaps++ >= ANSWER_GAPS_MAX)
        return;
    json_open_flat_object(&x->json, NULL);
    json_text(&x->json, "vm", v[0]);
    answer_time(&x->json, "from", from);
    answer_time(&x->json, "to", to);
    if (is_whole) /* as it was measured; the rest by the wall clock, which says whose it is */
        json_text(&x->json, "span_ns", v[3]);
    else
        answer_int128(&x->json, "span_ns", (uint64_t)(to - from));
    json_text(&x->json, "cause", v[4]);
    json_close(&x->json);
}

/* What of it lies in hours of another is the other's to know. */
static bool put_gap(void *self, const char *const *v, struct error *err)
{
    struct account_answer *x = self;
    struct asker as_owner = {.is_operator = false};
    int64_t from = reader_number(v[1]), to = reader_number(v[2]);
    int64_t to_hour = to / NS_PER_HOUR + (to % NS_PER_HOUR != 0);
    struct uuid vm;

    (void)strcpy(as_owner.account, x->account->id);
    if (!uuid_parse(v[0], strlen(v[0]), &vm))
        return error_set(err, ERR_STORE, "'%.40s' is no uuid of a VM", v[0]);
    struct access access = access_to(&as_owner, x->a->reader->book, &vm);

    for (int64_t hour = from / NS_PER_HOUR, end; access_next(&access, &hour, to_hour, &end);
         hour = end) {
        int64_t begin_ns = hour * NS_PER_HOUR, end_ns = end * NS_PER_HOUR;

        put_gap_part(x, v, begin_ns > from ? begin_ns : from, end_ns < to ? end_ns : to);
    }
    return true;
}

static bool put_lists(struct account_answer *x, struct error *err)
{
    char from[32], to[32];

    (void)snprintf(from, sizeof from, "%lld", (long long)(x->from_hour * NS_PER_HOUR));
    (void)snprintf(to, sizeof to, "%lld", (long long)(x->to_hour * NS_PER_HOUR));
    struct query_parameter p[] = {{"account", x->account->id}, {"from_ns", from}, {"to_ns", to}};
    struct reader *reader = x->a->reader;

    json_open_list(&x->json, "vms");
    if (!reader_ask(reader, "account_vms", p, 1, &(struct reader_sink){put_vm, x}, err))
        return false;
    json_close(&x->json);
    json_open_list(&x->json, "gaps");
    if (!reader_ask(reader, "account_gaps", p, 3, &(struct reader_sink){put_gap, x}, err))
        return false;
    json_close(&x->json);
    json_int(&x->json, "gaps_more", x->gaps > ANSWER_GAPS_MAX ? x->gaps - ANSWER_GAPS_MAX : 0);
    return true;
}

static bool put_account(struct account_answer *x, struct error *err)
{
    char text[MONTH_TEXT_MAX], hour[HOUR_TEXT_MAX];

    json_begin(&x->json, x->a->out);
    json_text(&x->json, "account", x->account->id);
    json_text(&x->json, "name", x->account->name);
    json_text(&x->json, "period", month_format(x->statement.month, text));
    json_text(&x->json, "from", calendar_format_hour(x->from_hour, hour));
    json_text(&x->json, "to", calendar_format_hour(x->to_hour, hour));
    if (!put_lists(x, err))
        return false;
    put_bill(x);
    json_end(&x->json);
    return true;
}

bool answer_account(const struct answering *a, struct error *err)
{
    struct reader *reader = a->reader;
    struct account_answer x = {.a = a};
    struct statement_span span = {0};

    if (!a->asker->is_operator && strcmp(a->asker->account, a->request->account) != 0)
        return answer_not_there(err);
    x.account = reader->book != NULL ? book_account(reader->book, a->request->account) : NULL;
    if (x.account == NULL)
        return answer_not_there(err);
    if (!month_parse(a->request->period, a->request->now_utc_ns, &span.month, err))
        return false;
    span.from_hour = month_first_hour(span.month, 0);
    span.to_hour = month_first_hour(span.month + 1, 0);
    x.from_hour = month_first_hour(span.month, x.account->offset_h);
    x.to_hour = month_first_hour(span.month + 1, x.account->offset_h);
    if (x.to_hour > LAST_HOUR)
        return error_set(err, ERR_USAGE, "the last month is 2262-03");
    bool is_ok = answer_names(a, INT64_MAX, &x.names, err) &&
                 statement_read(reader->measured, reader->books, &span, &x.statement, err) &&
                 answer_names(a, x.statement.change, &x.billed, err) && put_account(&x, err);

    statement_free(&x.statement);
    vm_names_clear(&x.names);
    vm_names_clear(&x.billed);
    return is_ok;
}
