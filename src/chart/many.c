#include "chart/many.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "billing/vm_names.h"
#include "cli/books.h"
#include "cli/names.h"
#include "cli/usage_table.h"
#include "common/uri.h"
#include "store/central.h"
#include "store/query.h"

struct run {
    const struct chart_options *options;
    struct series_span span;
    struct chart_sources sources;
    struct billing_store *billing;
    struct book *book;
    struct vm_names names, shown; /* shown: of a chart for one account */
    struct uuid *vms;             /* that are to be drawn */
    size_t vm_count;
};

static void run_clear(struct run *r)
{
    vm_names_clear(&r->names);
    vm_names_clear(&r->shown);
    free(r->vms);
    free(r->sources.marks.list);
    book_free(r->book);
    billing_close(r->billing);
    balloon_store_close(r->sources.balloon);
    store_close(r->sources.measured);
}

/* ---- where it comes from ---- */

static bool open_books(struct run *r, struct error *err)
{
    const char *db = r->options->db;

    if (!uri_is_postgres(db) && !query_has_books(db))
        return true;
    if (!billing_open(&r->billing, db, STORE_READ, err) || !book_read(&r->book, r->billing, err) ||
        !cost_read_marks(r->sources.measured, r->billing, &r->sources.marks, err) ||
        !vm_names_read(&r->names, r->billing, INT64_MAX, err) ||
        (r->options->account != NULL &&
         !vm_names_read_of(&r->shown, r->billing, INT64_MAX, r->options->account, err)))
        return false;
    r->sources.book = r->book;
    return true;
}

/* Without them a chart still says what is billed. */
static void open_balloon(struct run *r)
{
    char path[1100];
    struct error err;

    (void)snprintf(path, sizeof path, "%s/balloon.db", r->options->db);
    if (uri_is_postgres(r->options->db) || access(path, F_OK) != 0)
        return;
    if (!balloon_store_open(&r->sources.balloon, r->options->db, STORE_READ, &err))
        (void)fprintf(stderr, "pagemeter: %s; what guests said is left out\n", err.text);
}

/* 24 hours up to the last reading, or to what was said. */
static bool find_span(struct run *r, struct error *err)
{
    const struct chart_options *o = r->options;
    struct store_marks *marks = NULL;
    size_t count = 0;

    r->span = o->span;
    if (!o->has_to) {
        if (!store_marks(r->sources.measured, &marks, &count, err))
            return false;
        for (size_t i = 0; i < count; i++)
            if (marks[i].last_utc_ns > r->span.to_utc_ns)
                r->span.to_utc_ns = marks[i].last_utc_ns;
        free(marks);
    }
    if (!o->has_from)
        r->span.from_utc_ns = r->span.to_utc_ns - HOURS_PER_DAY * NS_PER_HOUR;
    if (r->span.from_utc_ns < 0)
        r->span.from_utc_ns = 0;
    return r->span.from_utc_ns < r->span.to_utc_ns ||
           error_set(err, ERR_USAGE, "the range is empty: it begins at its end or later");
}

static bool open_all(struct run *r, struct error *err)
{
    if (!store_open_named(&r->sources.measured, r->options->db, err) || !open_books(r, err) ||
        !find_span(r, err))
        return false;
    if (r->options->account != NULL &&
        (r->book == NULL || book_account(r->book, r->options->account) == NULL))
        return error_set(err, ERR_USAGE, "there is no account '%.64s'", r->options->account);
    open_balloon(r);
    return true;
}

/* ---- names ---- */

/* By its name in the books, or else by that of a domain that runs here. */
static bool find_named(struct run *r, struct uuid *out, struct error *err)
{
    const char *wanted = r->options->vm;
    struct names running = {0};
    size_t found = 0;

    for (size_t i = 0; i < r->names.count; i++) {
        if (strcmp(r->names.list[i].name, wanted) == 0) {
            *out = r->names.list[i].vm;
            found++;
        }
    }
    if (found == 0) {
        names_refresh(&running);
        for (size_t i = 0; i < running.count; i++) {
            if (strcmp(running.list[i].name, wanted) == 0) {
                *out = running.list[i].vm;
                found++;
            }
        }
        names_clear(&running);
    }
    if (found == 1)
        return true;
    return error_set(err, ERR_USAGE,
                     found == 0 ? "no VM is called '%.60s': give its uuid"
                                : "more than one VM is called '%.60s': give its uuid",
                     wanted);
}

static bool find_vm(struct run *r, struct uuid *out, struct error *err)
{
    struct error ignored;

    return books_parse_uuid(r->options->vm, "VM", out, &ignored) || find_named(r, out, err);
}

/* ---- one ---- */

/* Was it ever measured? A mistyped uuid must not look like a VM that had nothing. */
static bool check_known(struct run *r, const struct uuid *vm, struct error *err)
{
    struct usage_query query = {.to_hour = 1, .vm = vm, .is_derived_only = true};
    struct usage_table table = {.has = {[KEY_VM] = true}, .with_unbilled = true};
    bool is_ok = usage_table_read(&table, r->sources.measured, &query, err);
    size_t lives = table.reader.count;

    usage_table_clear(&table);
    if (is_ok && lives == 0)
        return error_set(err, ERR_REFUSED, "%.60s was never measured here", r->options->vm);
    return is_ok;
}

static struct chart_request request_of(const struct run *r, const struct uuid *vm)
{
    const char *name = vm_names_find(r->options->account != NULL ? &r->shown : &r->names, vm);
    struct error ignored;
    struct uuid given;

    if (name == NULL && r->options->vm != NULL &&
        !books_parse_uuid(r->options->vm, "VM", &given, &ignored))
        name = r->options->vm;
    return (struct chart_request){.vm = *vm,
                                  .name = name,
                                  .span = r->span,
                                  .account = r->options->account};
}

static bool draw_one(struct run *r, struct error *err)
{
    struct chart chart = {0};
    struct uuid vm;

    if (!find_vm(r, &vm, err) || !check_known(r, &vm, err))
        return false;
    struct chart_request request = request_of(r, &vm);
    bool is_ok = chart_read(&r->sources, &request, &chart, err) &&
                 chart_save(&chart, r->options, r->options->file, err);

    chart_clear(&chart);
    return is_ok;
}

/* ---- many ---- */

/* Those that have usage in the range, while the account owned them. */
static bool list_vms(struct run *r, struct error *err)
{
    const char *account = r->options->account;
    struct usage_query query = {0};
    struct usage_table table = {.has = {[KEY_VM] = true, [KEY_ACCOUNT] = account != NULL},
                                .book = r->book};

    series_hours(&r->span, &query.from_hour, &query.to_hour);
    bool is_ok = usage_table_read(&table, r->sources.measured, &query, err);

    r->vms = calloc(table.count + 1, sizeof *r->vms);
    if (is_ok && r->vms == NULL)
        is_ok = error_set(err, ERR_NOMEM, "not enough memory for %zu VMs", table.count);
    for (size_t i = 0; r->vms != NULL && is_ok && i < table.count; i++) {
        const struct usage_row *row = &table.rows[i];

        if (account == NULL || (row->account != NULL && strcmp(row->account->id, account) == 0))
            r->vms[r->vm_count++] = row->life->vm;
    }
    usage_table_clear(&table);
    return is_ok;
}

/* Its file is called after its uuid: a name may be anything. */
static bool draw_of_many(struct run *r, const struct uuid *vm, struct store_piece *pieces,
                         size_t count, struct error *err)
{
    struct chart_request request = request_of(r, vm);
    struct chart chart = {0};
    char path[4200];
    char uuid[UUID_TEXT_MAX];

    (void)snprintf(path, sizeof path, "%.4000s/%s.%s", r->options->dir, uuid_format(vm, uuid),
                   chart_format_name(r->options->format));
    bool is_ok = chart_make(&r->sources, &request, pieces, count, &chart, err) &&
                 chart_save(&chart, r->options, path, err);

    chart_clear(&chart);
    return is_ok;
}

/* Their pieces are read in one pass. */
static bool draw_some(struct run *r, size_t first, size_t vm_count, struct error *err)
{
    struct series_query query = {.vms = r->vms + first, .vm_count = vm_count};
    struct store_piece *pieces = NULL;
    size_t count = 0;
    size_t at = 0;

    series_hours(&r->span, &query.from_hour, &query.to_hour);
    bool is_ok = store_series(r->sources.measured, &query, &pieces, &count, err);

    for (size_t vm = 0; is_ok && vm < vm_count; vm++) {
        size_t begin = at;

        while (at < count && pieces[at].vm == vm)
            at++;
        is_ok = draw_of_many(r, &r->vms[first + vm], pieces + begin, at - begin, err);
    }
    free(pieces);
    return is_ok;
}

static bool draw_many(struct run *r, struct error *err)
{
    const char *dir = r->options->dir;

    if (!list_vms(r, err))
        return false;
    if (mkdir(dir, 0777) != 0 && errno != EEXIST)
        return error_set(err, ERR_SYSTEM, "%.200s can't be made: %s", dir, strerror(errno));
    for (size_t i = 0; i < r->vm_count; i += SERIES_VMS_MAX) {
        size_t left = r->vm_count - i;

        if (!draw_some(r, i, left < SERIES_VMS_MAX ? left : SERIES_VMS_MAX, err))
            return false;
    }
    (void)printf("%zu chart%s in %s\n", r->vm_count, r->vm_count == 1 ? "" : "s", dir);
    return true;
}

bool chart_run(const struct chart_options *options, struct error *err)
{
    struct run r = {.options = options};
    bool is_ok =
        open_all(&r, err) && (options->vm != NULL ? draw_one(&r, err) : draw_many(&r, err));

    run_clear(&r);
    return is_ok;
}
