/*
 * nightly.c - pagemeter nightly: charge, close what is due, export what was not, audit. Run by a
 * timer, and by hand. What a night missed, the next one does, once.
 */
#include "cli/nightly.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "billing/sealing.h"
#include "cli/audit.h"
#include "cli/books.h"
#include "common/number.h"
#include "common/uri.h"
#include "store/central.h"
#include "store/query.h"

static const char nightly_text[] =
    "nightly [--db DIR] [--key FILE] [--out DIR] [--provider NAME]\n"
    "                         [--locale plain|en|de|fr|...] [--wait D]";

void night_failed(struct night *night, const char *step, const struct error *err)
{
    night->has_failed = true;
    (void)printf("%-9s FAILED\n", step);
    (void)fflush(stdout);
    (void)fprintf(stderr, "pagemeter: %s: %s\n", step, err->text);
}

/* ---- charge ---- */

static bool charge(struct night *night, struct charge_summary *sum, struct error *err)
{
    struct books books;

    if (!books_open(&books, night->db, BOOKS_WRITE | BOOKS_KEY | BOOKS_MEASURED, night->key, err))
        return false;
    bool is_ok = charge_run(books.measured, books.b, &books.key, books.now_ns, NULL, sum, err);

    books_close(&books);
    return is_ok;
}

static void night_charge(struct night *night)
{
    struct charge_summary sum;
    struct error err;

    night->is_charged = charge(night, &sum, &err);
    if (!night->is_charged) {
        night_failed(night, "charge", &err);
        return;
    }
    (void)printf("%-9s %" PRId64 " postings, %" PRId64 " adjustments%s\n", "charge", sum.postings,
                 sum.adjustments,
                 sum.unassigned != 0 ? "; some usage has no owner"
                 : sum.unpriced != 0 ? "; some usage has no tariff"
                                     : "");
}

/* ---- close ---- */

/* The first month that anything was used in, by the clock of who owned it. */
struct first_month {
    struct usage_reader reader; /* first: the reader is it */
    const struct book *book;
    int32_t month; /* -1: none yet */
};

static bool see_usage(struct usage_reader *reader, size_t life, const struct usage_part *part,
                      struct error *err)
{
    struct first_month *first = (void *)reader;
    const struct life_info *info = &reader->lives[life];
    struct rate rate;

    (void)err;
    if (!info->is_billed || part->kib_ns == 0)
        return true;
    book_rate(first->book, &info->vm, part->hour, &rate);
    if (first->month < 0 || rate.month < first->month)
        first->month = rate.month;
    return true;
}

static bool find_first_month(const struct books *books, int32_t *month, struct error *err)
{
    struct first_month first = {.reader = {.add = see_usage}, .month = -1};
    struct usage_query query = {.to_hour = INT64_MAX,
                                .by_hour = true,
                                .is_derived_only = true,
                                .leaves_gone = true};
    struct book *book = NULL;

    if (!book_read(&book, books->b, err))
        return false;
    first.book = book;
    bool is_ok = store_usage(books->measured, &query, &first.reader, err);

    free(first.reader.lives);
    book_free(book);
    *month = first.month;
    return is_ok;
}

/* *month: the next to be closed; -1: it is not over for long enough, or there is none. */
static bool find_due(const struct night *night, const struct books *books, int32_t *month,
                     struct error *err)
{
    int64_t end_ns;
    int32_t next;

    if (!billing_last_sealed(books->b, &next, err))
        return false;
    if (next >= 0)
        next++;
    else if (!find_first_month(books, &next, err))
        return false;
    *month = -1;
    if (next < 0)
        return true;
    if (!sealing_end_ns(books->b, next, &end_ns, err))
        return false;
    if (books->now_ns - end_ns >= night->wait_ns)
        *month = next;
    return true;
}

static bool seal(const struct night *night, struct books *books, int32_t month, struct error *err)
{
    struct sealing sealing = {.month = month, .utc_ns = books->now_ns, .wait_ns = night->wait_ns};
    struct sealing_summary sum;
    char text[MONTH_TEXT_MAX];

    (void)month_format(month, text);
    if (!books_change(books, &sealing.change, err, "nightly: close %s", text) ||
        (!sealing_run(books->measured, books->b, &books->key, &sealing, &sum, err) &&
         !error_context(err, "%s is not closed", text)))
        return false;
    (void)printf("%-9s %s is sealed: %" PRId64 " lines, %" PRId64 " hours, %" PRId64 " transfers\n",
                 "close", text, sum.lines, sum.hours, sum.transfers);
    return true;
}

/* One month; *month is -1 when none is due. */
static bool close_next(struct night *night, int32_t *month, struct error *err)
{
    struct books books;

    if (!books_open(&books, night->db, BOOKS_WRITE | BOOKS_KEY | BOOKS_MEASURED, night->key, err))
        return false;
    bool is_ok =
        find_due(night, &books, month, err) && (*month < 0 || seal(night, &books, *month, err));

    books_close(&books);
    return is_ok;
}

static void night_close(struct night *night)
{
    struct error err;
    int32_t month;

    do {
        if (!close_next(night, &month, &err)) {
            night_failed(night, "close", &err);
            return;
        }
    } while (month >= 0);
    (void)printf("%-9s nothing more is due\n", "close");
}

/* ---- audit ---- */

static void night_audit(struct night *night)
{
    struct audit_order order = {.db = night->db, .key = night->key, .is_terse = true};
    struct audit_outcome outcome;
    struct error err;

    if (!audit_all(&order, &outcome, &err)) {
        night_failed(night, "audit", &err);
        return;
    }
    night->has_findings = outcome.findings > 0;
    (void)printf("%-9s %" PRId64 " audits, %" PRId64 " findings\n", "audit", outcome.audits,
                 outcome.findings);
}

/* ---- reports: what a person should look at ---- */

static bool pass_head(void *self, const struct query_row *row, struct error *err)
{
    (void)self, (void)row, (void)err;
    return true;
}

static bool count_row(void *self, const struct query_row *row, struct error *err)
{
    (void)row, (void)err;
    ++*(int64_t *)self;
    return true;
}

static bool report_all(const struct sql_file *files, struct query *query, struct error *err)
{
    for (const struct sql_file *file = files; file->name != NULL; file++) {
        int64_t rows = 0;
        struct query_sink sink = {pass_head, count_row, &rows};

        if (!query_ask(query, file, NULL, 0, &sink, err))
            return false;
        if (rows > 0)
            (void)printf("%-9s %" PRId64 " rows: pagemeter report %s\n", "report", rows,
                         file->name);
    }
    return true;
}

static void night_report(struct night *night)
{
    struct query *query = NULL;
    struct error err;
    bool is_ok = query_open(&query, night->db, &err) && report_all(sql_reports, query, &err) &&
                 (!query_has_books(night->db) || report_all(sql_billing_reports, query, &err));

    query_close(query);
    if (!is_ok)
        night_failed(night, "report", &err);
}

/* ---- the whole ---- */

static void live_through(struct night *night)
{
    if (query_has_books(night->db)) {
        night_charge(night);
        night_close(night);
        night_export(night);
    } else {
        (void)printf("%-9s nothing: there is no billing.db here\n", "charge");
    }
    night_audit(night);
    night_report(night);
}

/* Two at once would export twice. The lock goes with the process. */
static bool lock_night(const char *db, int *fd, struct error *err)
{
    char path[1100];

    (void)snprintf(path, sizeof path, "%s/nightly.lock", db);
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (*fd < 0)
        return error_set(err, ERR_SYSTEM, "%s can't be made: %s", path, strerror(errno));
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    (void)close(*fd);
    return error_set(err, ERR_REFUSED, "another pagemeter nightly is at it (%s)", path);
}

static bool take_option(int option, struct night *night, struct error *err)
{
    uint64_t wait_ns;

    switch (option) {
    case 'd':
        night->db = optarg;
        return true;
    case 'k':
        night->key = optarg;
        return true;
    case 'o':
        night->order.out = optarg;
        return true;
    case 'n':
        night->order.files.provider = optarg;
        return books_check_name(optarg, err);
    case 'l':
        return export_find_locale(optarg, &night->order.files.locale, err);
    case 'w':
        if (!number_parse_duration(optarg, &wait_ns, err))
            return false;
        night->wait_ns = (int64_t)wait_ns;
        return true;
    default:
        return error_set(err, ERR_USAGE, "usage: pagemeter %s", nightly_text);
    }
}

static bool parse_options(int argc, char **argv, struct night *night, struct error *err)
{
    static const struct option options[] = {
        {"db", required_argument, NULL, 'd'},
        {"key", required_argument, NULL, 'k'},
        {"out", required_argument, NULL, 'o'},
        {"provider", required_argument, NULL, 'n'},
        {"locale", required_argument, NULL, 'l'},
        {"wait", required_argument, NULL, 'w'},
        {NULL, 0, NULL, 0},
    };
    int option;

    *night = (struct night){.db = STORE_DIR_DEFAULT, .wait_ns = NS_PER_HOUR};
    night->order.files.provider = "";
    if (!export_find_locale("plain", &night->order.files.locale, err))
        return false;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (!take_option(option, night, err))
            return false;
    if (optind < argc)
        return error_set(err, ERR_USAGE, "'%.60s' is one word too many", argv[optind]);
    return true;
}

/* A database has no directory: exports go where somebody says. */
static int run_central(struct night *night)
{
    struct central_lock *lock = NULL;
    struct error err;

    if (night->order.out == NULL) {
        (void)error_set(&err, ERR_USAGE, "exports need a directory: name it with --out");
        return cli_fail(&err);
    }
    if (!central_lock_take(&lock, night->db, "nightly", &err))
        return cli_fail(&err);
    live_through(night);
    central_lock_release(lock);
    return CLI_FINE;
}

static int run_here(struct night *night)
{
    struct error err;
    char beside[1100];
    int lock_fd;

    if (!lock_night(night->db, &lock_fd, &err))
        return cli_fail(&err);
    (void)snprintf(beside, sizeof beside, "%s/exports", night->db);
    night->order.out = night->order.out != NULL ? night->order.out : beside;
    live_through(night);
    night->order.out = NULL;
    (void)close(lock_fd);
    return CLI_FINE;
}

int cmd_nightly(int argc, char **argv)
{
    struct night night;
    struct error err;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)printf("usage: pagemeter %s\n", nightly_text);
        return cli_finish(CLI_FINE);
    }
    if (!parse_options(argc, argv, &night, &err))
        return cli_fail(&err);
    night.order.db = night.db;
    int status = uri_is_postgres(night.db) ? run_central(&night) : run_here(&night);

    if (status != CLI_FINE)
        return status;
    return cli_finish(night.has_failed     ? CLI_FAILURE
                      : night.has_findings ? CLI_FINDINGS
                                           : CLI_FINE);
}
