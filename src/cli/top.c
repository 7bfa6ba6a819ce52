/*
 * top.c - pagemeter top: what the VMs hold right now, as the stream tells it.
 *
 * In a terminal the table is drawn anew with each tick; elsewhere each tick is plain lines. GiB*h
 * today comes from the store, every few seconds, when that can be read; what memory on demand has
 * to say, from pageballoond, when that answers at once.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "balloon/control.h"
#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/names.h"
#include "cli/subscription.h"
#include "cli/usage_table.h"
#include "common/calendar.h"
#include "common/clock.h"
#include "common/number.h"

static const char top_text[] =
    "top [--stream SOCKET] [--db DIR] [--socket SOCKET] [--all] [--ticks N]";

enum {
    REFRESH_S = 5,
    LABEL_WIDTH = 36,
    LABEL_WIDTH_LEAST = 12,
    REST_WIDTH = 56,
    BALLOON_WIDTH = 56
};
enum { BALLOON_WAIT_MS = 200, BALLOON_FIGURES = 5 };

/* Of each VM by pageballoond: figures in KiB, and where they stand. */
static const struct {
    const char *title;
    const char *key;
} figures[BALLOON_FIGURES] = {{"target", "target_kib"},
                              {"need", "need_kib"},
                              {"avail", "available_kib"},
                              {"headroom", "headroom_kib"},
                              {"ceiling", "ceiling_kib"}};

struct top {
    const char *socket;
    const char *db;
    const char *control; /* pageballoond's socket */
    bool with_dom0;
    uint64_t ticks_left; /* 0: until told to end */
    bool is_terminal;
    struct names names;
    struct usage_table usage; /* of today, by VM */
    int64_t refreshed_ns;
    struct answer balloon; /* no rows: it did not answer */
    int64_t asked_ns;      /* when it did not, the last time */
    struct sample *before; /* the samples of the tick before */
    size_t before_count;
    size_t before_capacity;
};

static void refresh(struct top *t)
{
    struct usage_query query = {.to_hour = INT64_MAX / NS_PER_HOUR + 1};
    struct usage_table table = {.has = {[KEY_VM] = true}, .with_unbilled = true};
    struct store *store = NULL;
    struct error ignored;

    if (t->refreshed_ns != 0 && clock_mono().ns - t->refreshed_ns < REFRESH_S * NS_PER_S)
        return;
    names_refresh(&t->names);
    if (calendar_parse_hour("today", false, clock_utc().ns, &query.from_hour, &ignored) &&
        store_open(&store, t->db, STORE_READ, &ignored) &&
        usage_table_read(&table, store, &query, &ignored)) {
        usage_table_clear(&t->usage);
        t->usage = table;
    } else {
        usage_table_clear(&table);
    }
    store_close(store);
    t->refreshed_ns = clock_mono().ns;
}

/* It is asked with each tick; one that does not answer is left alone for a while. */
static void ask_balloon(struct top *t)
{
    struct reply request;
    struct answer answer = {0};
    struct error ignored;
    int64_t now_ns = clock_mono().ns;

    if (t->asked_ns != 0 && now_ns - t->asked_ns < REFRESH_S * NS_PER_S)
        return;
    reply_init(&request);
    reply_begin(&request, "list");
    reply_end(&request);
    bool is_ok = answer_ask_within(t->control, &request, BALLOON_WAIT_MS, &answer, &ignored);

    reply_clear(&request);
    answer_clear(&t->balloon);
    t->balloon = answer;
    t->asked_ns = is_ok ? 0 : now_ns;
}

/* What pageballoond says of a domain; NULL: nothing. */
static const struct reply_row *balloon_of(const struct top *t, const struct sample *s)
{
    char uuid[UUID_TEXT_MAX];
    char domid[8];

    uuid_format(&s->uuid, uuid);
    (void)snprintf(domid, sizeof domid, "%u", s->domid);
    for (size_t i = 0; i < t->balloon.count; i++) {
        const struct reply_row *row = &t->balloon.rows[i];

        if (strcmp(row->kind, "vm") == 0 && strcmp(answer_text(row, "uuid"), uuid) == 0 &&
            strcmp(answer_text(row, "domid"), domid) == 0)
            return row;
    }
    return NULL;
}

static const char *today_of(const struct top *t, const struct uuid *vm, char out[USAGE_TEXT_MAX])
{
    for (size_t i = 0; i < t->usage.count; i++)
        if (uuid_is_equal(&t->usage.rows[i].life->vm, vm))
            return usage_format_gib_h(t->usage.rows[i].sum.kib_ns, out);
    return strcpy(out, "-");
}

static const struct sample *sample_before(const struct top *t, const struct sample *s)
{
    for (size_t i = 0; i < t->before_count; i++)
        if (t->before[i].domid == s->domid && uuid_is_equal(&t->before[i].uuid, &s->uuid))
            return &t->before[i];
    return NULL;
}

static void keep_samples(struct top *t, const struct tick *tick)
{
    if (tick->domains > t->before_capacity) {
        struct sample *larger = realloc(t->before, tick->domains * sizeof *larger);

        if (larger == NULL)
            return;
        t->before = larger;
        t->before_capacity = tick->domains;
    }
    memcpy(t->before, tick->samples, tick->domains * sizeof *t->before);
    t->before_count = tick->domains;
}

static const char *state_of(const struct sample *s)
{
    if (s->flags & SAMPLE_DYING)
        return "dying";
    if (s->flags & SAMPLE_SHUTDOWN)
        return "shut down";
    if (s->cpu_ns == 0)
        return "building";
    return s->flags & SAMPLE_PAUSED ? "paused" : "running";
}

static void print_balloon(const struct reply_row *row)
{
    char mib[24];

    for (size_t i = 0; i < BALLOON_FIGURES; i++)
        (void)printf(" %8s", row != NULL ? answer_mib(row, figures[i].key, mib) : "-");
    (void)printf("  %s", row != NULL ? answer_text(row, "state") : "-");
}

static void print_row(const struct top *t, const struct sample *s, int width)
{
    const struct sample *before = sample_before(t, s);
    const char *name = names_find(&t->names, &s->uuid);
    char uuid[UUID_TEXT_MAX];
    char today[USAGE_TEXT_MAX];
    char change[32] = "new";

    if (before != NULL) {
        int64_t kib = (int64_t)s->tot_kib - (int64_t)before->tot_kib;

        (void)snprintf(change, sizeof change, kib == 0 ? "." : "%+" PRId64, kib);
    }
    uuid_format(&s->uuid, uuid);
    if (s->domid == 0)
        name = "dom0";
    (void)printf("%-*.*s %5u  %-9s %12" PRIu64 " %10s %14s", width, width,
                 name != NULL ? name : uuid, s->domid, state_of(s), s->tot_kib, change,
                 today_of(t, &s->uuid, today));
    if (t->balloon.count > 0)
        print_balloon(balloon_of(t, s));
    (void)putchar('\n');
}

static void print_titles(const struct top *t, int width)
{
    (void)printf("%-*s %5s  %-9s %12s %10s %14s", width, "VM", "domid", "state", "KiB", "change",
                 "GiB*h today");
    for (size_t i = 0; t->balloon.count > 0 && i < BALLOON_FIGURES; i++)
        (void)printf(" %8s", figures[i].title);
    (void)puts(t->balloon.count > 0 ? "  MiB, balloon" : "");
}

static int terminal_rows(void)
{
    struct winsize size;

    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 4 ? size.ws_row : 24;
}

/* Names give way where a terminal is too narrow for all columns. */
static int label_width(const struct top *t)
{
    struct winsize size;

    if (t->balloon.count == 0 || !t->is_terminal || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 ||
        size.ws_col >= LABEL_WIDTH + REST_WIDTH + BALLOON_WIDTH)
        return LABEL_WIDTH;
    int width = size.ws_col - REST_WIDTH - BALLOON_WIDTH;

    return width > LABEL_WIDTH_LEAST ? width : LABEL_WIDTH_LEAST;
}

static void print_tick(struct top *t, const struct tick *tick)
{
    static const char clear_screen[] = "\033[H\033[J";
    char when[HOUR_TEXT_MAX];
    int room = t->is_terminal ? terminal_rows() - 3 : INT32_MAX;
    int width = label_width(t);
    size_t hidden = 0;

    if (t->is_terminal)
        (void)fputs(clear_screen, stdout);
    (void)printf("%s  tick %" PRIu64 "  %zu domains  %" PRIu64 " MiB free%s\n",
                 calendar_format_second((int64_t)tick->utc_ns, when), tick->seq, tick->domains,
                 tick->free_kib / 1024, tick->is_synchronised ? "" : "  clock not synchronised");
    print_titles(t, width);
    for (size_t i = 0; i < tick->domains; i++) {
        if (tick->samples[i].domid == 0 && !t->with_dom0)
            continue;
        if (room-- > 0)
            print_row(t, &tick->samples[i], width);
        else
            hidden++;
    }
    if (hidden > 0)
        (void)printf("and %zu more\n", hidden);
    (void)fflush(stdout);
}

static bool watch(struct top *t, struct subscription *sub, struct error *err)
{
    struct record record;
    enum subscription_result result;

    while ((result = subscription_next(sub, &record, err)) == SUBSCRIPTION_RECORD) {
        if (record.kind != RECORD_TICK)
            continue;
        refresh(t);
        ask_balloon(t);
        print_tick(t, &record.tick);
        keep_samples(t, &record.tick);
        if (ferror(stdout) != 0 || (t->ticks_left > 0 && --t->ticks_left == 0))
            return true;
    }
    if (result == SUBSCRIPTION_LOST)
        return error_set(err, ERR_SYSTEM, "pagemeterd has ended its stream");
    return result == SUBSCRIPTION_STOPPED;
}

static bool parse_options(int argc, char **argv, struct top *t, struct error *err)
{
    static const struct option options[] = {
        {"stream", required_argument, NULL, 's'}, {"db", required_argument, NULL, 'd'},
        {"socket", required_argument, NULL, 'c'}, {"all", no_argument, NULL, 'a'},
        {"ticks", required_argument, NULL, 'n'},  {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 's')
            t->socket = optarg;
        else if (option == 'd')
            t->db = optarg;
        else if (option == 'c')
            t->control = optarg;
        else if (option == 'a')
            t->with_dom0 = true;
        else if (option != 'n' || !number_parse(optarg, strlen(optarg), INT64_MAX, &t->ticks_left))
            return error_set(err, ERR_USAGE, "usage: pagemeter %s", top_text);
    }
    return optind == argc || error_set(err, ERR_USAGE, "usage: pagemeter %s", top_text);
}

int cmd_top(int argc, char **argv)
{
    struct top t = {.socket = STREAM_SOCKET_DEFAULT,
                    .db = STORE_DIR_DEFAULT,
                    .control = CONTROL_SOCKET_DEFAULT};
    struct subscription *sub = NULL;
    struct error err;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)printf("usage: pagemeter %s\n", top_text);
        return cli_finish(CLI_FINE);
    }
    t.is_terminal = isatty(STDOUT_FILENO) == 1;
    bool is_ok = parse_options(argc, argv, &t, &err) && subscription_open(&sub, t.socket, &err) &&
                 watch(&t, sub, &err);

    subscription_close(sub);
    usage_table_clear(&t.usage);
    names_clear(&t.names);
    answer_clear(&t.balloon);
    free(t.before);
    return is_ok ? cli_finish(CLI_FINE) : cli_fail(&err);
}
