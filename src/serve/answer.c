#include "serve/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "billing/month.h"
#include "common/calendar.h"
#include "common/uri.h"
#include "serve/server.h"

bool answer_not_there(struct error *err)
{
    return error_set(err, ERR_REFUSED, "there is nothing here that you may see");
}

void answer_int128(struct json *json, const char *name, usage_kib_ns value)
{
    char text[USAGE_TEXT_MAX];

    json_text(json, name, usage_format(value, text));
}

void answer_time(struct json *json, const char *name, int64_t utc_ns)
{
    char text[HOUR_TEXT_MAX];

    json_text(json, name, calendar_format_second(utc_ns, text));
}

/* ---- lines ---- */

static uint64_t least(const struct chart_point *p)
{
    return p->least_kib;
}

static uint64_t usual(const struct chart_point *p)
{
    return p->kib;
}

static uint64_t most(const struct chart_point *p)
{
    return p->most_kib;
}

static void put_values(struct json *json, const char *name, const struct points *p,
                       uint64_t (*value)(const struct chart_point *p))
{
    json_open_list(json, name);
    for (size_t i = 0; i < p->count; i++)
        if (p->list[i].is_blank)
            json_null(json, NULL);
        else
            json_int(json, NULL, (int64_t)value(&p->list[i]));
    json_close(json);
}

void answer_line(struct json *json, const struct points *p)
{
    bool is_rolled = false;

    json_open_list(json, "ms");
    for (size_t i = 0; i < p->count; i++) {
        json_int(json, NULL, p->list[i].utc_ns / NS_PER_MS);
        is_rolled = is_rolled || p->list[i].least_kib != p->list[i].most_kib;
    }
    json_close(json);
    put_values(json, "kib", p, usual);
    if (is_rolled) {
        put_values(json, "least", p, least);
        put_values(json, "most", p, most);
    }
}

/* ---- SQL ---- */

bool answer_ask(const struct answering *a, const char *file,
                const struct query_parameter *parameter, const struct reader_sink *sink,
                struct error *err)
{
    char name[64];

    (void)snprintf(name, sizeof name, "%s%s", file,
                   uri_is_postgres(a->options->db) ? "_central" : "");
    return reader_ask(a->reader, name, parameter, parameter != NULL ? 1 : 0, sink, err);
}

bool answer_names(const struct answering *a, int64_t change, struct vm_names *names,
                  struct error *err)
{
    struct billing_store *books = a->reader->books;

    if (books == NULL || a->asker->is_operator)
        return books == NULL || vm_names_read(names, books, change, err);
    return vm_names_read_of(names, books, change, a->asker->account, err);
}

/* ---- small answers ---- */

static void put_account(struct json *json, const struct answering *a, const char *id)
{
    const struct book_account *account =
        a->reader->book != NULL ? book_account(a->reader->book, id) : NULL;

    json_text(json, "account", id);
    json_text(json, "account_name", account != NULL ? account->name : id);
}

bool answer_me(const struct answering *a, struct error *err)
{
    struct json json;

    (void)err;
    json_begin(&json, a->out);
    json_bool(&json, "is_operator", a->asker->is_operator);
    if (!a->asker->is_operator) {
        put_account(&json, a, a->asker->account);
        answer_time(&json, "expires", a->asker->expiry_s * NS_PER_S);
    }
    answer_time(&json, "now", a->request->now_utc_ns);
    json_end(&json);
    return true;
}

/* A month, and whether it is sealed. */
bool answer_period(const struct answering *a, struct error *err)
{
    struct billing_period period = {.is_sealed = false};
    char text[MONTH_TEXT_MAX], hour[HOUR_TEXT_MAX];
    struct json json;
    int32_t month;

    if (!month_parse(a->request->period, a->request->now_utc_ns, &month, err) ||
        (a->reader->books != NULL && !billing_period(a->reader->books, month, &period, err)))
        return false;
    json_begin(&json, a->out);
    json_text(&json, "period", month_format(month, text));
    json_text(&json, "from", calendar_format_hour(month_first_hour(month, 0), hour));
    json_text(&json, "to", calendar_format_hour(month_first_hour(month + 1, 0), hour));
    json_text(&json, "state", period.is_sealed ? "sealed" : "open");
    if (period.is_sealed)
        answer_time(&json, "sealed", period.sealed_ns);
    json_end(&json);
    return true;
}
