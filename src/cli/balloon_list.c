/*
 * balloon_list.c - pagemeter balloon list, host: how all VMs stand, in one table.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/balloon.h"
#include "common/number.h"

enum { CELL_MAX = 64, COLUMNS = 11 };

static const char *const vm_columns[] = {
    "domid",          "name",          "uuid",       "policy",
    "state",          "record_age_ms", "need_kib",   "available_kib",
    "headroom_kib",   "floor_kib",     "target_kib", "ceiling_kib",
    "static_max_kib", "tot_kib",       "cap_kib",    "weight",
    "tracking",       "blocked_by",    NULL};

static bool ask_list(const struct balloon_options *o, const char *what, struct answer *answer,
                     struct error *err)
{
    struct reply request;

    reply_init(&request);
    reply_begin(&request, what);
    reply_end(&request);
    bool is_ok = answer_ask(o->socket, &request, answer, err);

    reply_clear(&request);
    return is_ok;
}

/* ---- the table ---- */

/* A title, and where its column comes from: a figure in KiB, or a word. */
static const struct column {
    const char *title;
    const char *key;
    bool is_figure;
} columns[COLUMNS] = {
    {"VM", "name", false},
    {"policy", "policy", false},
    {"state", "state", false},
    {"need", "need_kib", true},
    {"available", "available_kib", true},
    {"headroom", "headroom_kib", true},
    {"floor", "floor_kib", true},
    {"target", "target_kib", true},
    {"ceiling", "ceiling_kib", true},
    {"tot", "tot_kib", true},
    {"blocked by", "blocked_by", false},
};

static const char *cell_of(const struct reply_row *row, const struct column *column,
                           char out[CELL_MAX])
{
    const char *text = answer_text(row, column->key);

    if (column->is_figure)
        return answer_mib(row, column->key, out);
    /* a VM whose name xenstore has not told yet */
    if (strcmp(column->key, "name") == 0 && strcmp(text, "-") == 0)
        text = answer_text(row, "uuid");
    (void)snprintf(out, CELL_MAX, "%s", text);
    for (char *p = out; *p != '\0'; p++)
        if (*p < ' ' || *p > '~')
            *p = '?';
    return out;
}

static void widen(int widths[COLUMNS], const struct reply_row *row)
{
    char cell[CELL_MAX];

    for (size_t c = 0; c < COLUMNS; c++) {
        int width = (int)strlen(row != NULL ? cell_of(row, &columns[c], cell) : columns[c].title);

        if (width > widths[c])
            widths[c] = width;
    }
}

static void print_line(const int widths[COLUMNS], const struct reply_row *row)
{
    char cell[CELL_MAX];

    for (size_t c = 0; c < COLUMNS; c++) {
        const char *text = row != NULL ? cell_of(row, &columns[c], cell) : columns[c].title;

        if (c + 1 == COLUMNS)
            (void)printf("  %s\n", text);
        else if (columns[c].is_figure)
            (void)printf("  %*s", widths[c], text);
        else
            (void)printf("%s%-*s", c > 0 ? "  " : "", widths[c], text);
    }
}

static bool is_set(const struct reply_row *row, const char *key)
{
    return strcmp(answer_text(row, key), "1") == 0;
}

static void print_host(const struct reply_row *row)
{
    char mib[4][24];

    (void)printf("host: %s%s%s%s; %s MiB free, surplus %s MiB, reserve %s MiB, pool %s MiB\n",
                 answer_text(row, "mode"), is_set(row, "stopped") ? ", stopped" : "",
                 is_set(row, "draining") ? ", draining" : "",
                 is_set(row, "xenstore_hung") ? ", xenstore does not answer" : "",
                 answer_mib(row, "free_kib", mib[0]), answer_mib(row, "surplus_kib", mib[1]),
                 answer_mib(row, "hard_reserve_kib", mib[2]),
                 answer_mib(row, "pool_goal_kib", mib[3]));
}

static void print_reservation(const struct reply_row *row)
{
    char size[24];
    char filled[24];
    uint64_t left_ms = 0;
    const char *left = answer_text(row, "left_ms");

    (void)!number_parse(left, strlen(left), INT64_MAX, &left_ms);
    (void)printf("reserved: %s MiB for %s, of which it has %s; %" PRIu64 " s left\n",
                 answer_mib(row, "size_kib", size),
                 answer_text(row,
                             reply_find(row, "name") != NULL && *reply_find(row, "name") != '\0'
                                 ? "name"
                                 : "uuid"),
                 answer_mib(row, "filled_kib", filled), left_ms / 1000);
}

static void print_table(const struct answer *a)
{
    int widths[COLUMNS] = {0};

    widen(widths, NULL);
    for (size_t i = 0; i < a->count; i++) {
        if (strcmp(a->rows[i].kind, "vm") == 0)
            widen(widths, &a->rows[i]);
        else if (strcmp(a->rows[i].kind, "host") == 0)
            print_host(&a->rows[i]);
        else if (strcmp(a->rows[i].kind, "reservation") == 0)
            print_reservation(&a->rows[i]);
    }
    print_line(widths, NULL);
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->rows[i].kind, "vm") == 0)
            print_line(widths, &a->rows[i]);
    (void)puts("\nMiB. need and available are the guest's word, tot is what is billed; "
               "pagemeter explain VM says more.");
}

bool balloon_list(const struct balloon_options *o, struct error *err)
{
    struct answer a = {0};

    if (!ask_list(o, "list", &a, err))
        return false;
    if (o->format == FORMAT_JSON)
        answer_print_json(&a, "vm");
    else if (o->format == FORMAT_CSV)
        answer_print_csv(&a, "vm", vm_columns);
    else
        print_table(&a);
    answer_clear(&a);
    return true;
}

bool balloon_host(const struct balloon_options *o, struct error *err)
{
    struct answer a = {0};

    if (!ask_list(o, "host", &a, err))
        return false;
    if (o->format == FORMAT_JSON)
        answer_print_json(&a, NULL);
    else if (o->format == FORMAT_CSV)
        answer_print_pairs(&a);
    else
        for (size_t i = 0; i < a.count; i++)
            for (size_t f = 0; f < a.rows[i].count; f++)
                (void)printf("%-20s %s\n", a.rows[i].fields[f].key, a.rows[i].fields[f].value);
    answer_clear(&a);
    return true;
}
