/*
 * record.c - pagemeter record: the sample stream into a trace file.
 *
 * Only whole records are written, so that a trace is well formed wherever it ends. When the meter
 * goes away the recorder waits for it to come back, and says R in the trace.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/subscription.h"
#include "common/number.h"
#include "meter/trace.h"

static const char record_text[] = "record [--stream SOCKET] [--wait D] [--ticks N] FILE";

struct recorder {
    const char *socket;
    const char *file;
    uint64_t wait_ns;
    uint64_t ticks_left; /* 0: until it is told to end */
    FILE *out;
    char *text;
    uint64_t ticks;
    bool was_lost; /* the stream, since something was recorded */
};

/* In a row: connections that end before anything comes. */
enum { REFUSALS_MAX = 10 };

static bool write_record(struct recorder *r, const struct record *record, struct error *err)
{
    size_t length = trace_write(record, r->text);

    if (fwrite(r->text, 1, length, r->out) == length && fflush(r->out) == 0)
        return true;
    return error_set(err, ERR_SYSTEM, "can't write %s: %s; what is there can be replayed", r->file,
                     strerror(errno));
}

/* One connection, until it ends or we are told to. *count: what came. */
static enum subscription_result record_stream(struct recorder *r, struct subscription *sub,
                                              uint64_t *count, struct error *err)
{
    static const struct record lost = {.kind = RECORD_RESTART};
    struct record record;
    enum subscription_result result;

    *count = 0;
    while ((result = subscription_next(sub, &record, err)) == SUBSCRIPTION_RECORD) {
        /* R belongs before what comes after the loss, and nothing may come */
        if (*count == 0 && r->was_lost && !write_record(r, &lost, err))
            return SUBSCRIPTION_FAILED;
        if (!write_record(r, &record, err))
            return SUBSCRIPTION_FAILED;
        ++*count;
        if (record.kind != RECORD_TICK)
            continue;
        r->ticks++;
        if (r->ticks_left > 0 && --r->ticks_left == 0)
            return SUBSCRIPTION_STOPPED;
    }
    return result;
}

static bool record_all(struct recorder *r, struct subscription *sub, struct error *err)
{
    uint64_t count;
    uint64_t refusals = 0;
    enum subscription_result result;

    while ((result = record_stream(r, sub, &count, err)) == SUBSCRIPTION_LOST) {
        refusals = count == 0 ? refusals + 1 : 0;
        if (refusals == REFUSALS_MAX)
            return error_set(err, ERR_REFUSED,
                             "pagemeterd hangs up at once: it has as many "
                             "subscribers as it takes; end one of them");
        if (count > 0)
            (void)fprintf(stderr, "pagemeter: the stream ended; waiting for it to come back\n");
        r->was_lost = r->was_lost || count > 0;
        result = subscription_reconnect(sub, r->socket, r->wait_ns);
        if (result == SUBSCRIPTION_STOPPED || result == SUBSCRIPTION_LOST)
            return true;
    }
    return result != SUBSCRIPTION_FAILED;
}

static bool open_file(struct recorder *r, struct error *err)
{
    r->text = malloc(trace_text_bound(DOMAINS_MAX));
    if (r->text == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to record");
    if (strcmp(r->file, "-") == 0) {
        r->out = stdout;
        return true;
    }
    /* a trace may be a customer's evidence: it is never written over */
    int fd = open(r->file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);

    r->out = fd >= 0 ? fdopen(fd, "w") : NULL;
    return r->out != NULL || error_set(err, ERR_SYSTEM, "can't make %s: %s; name a new file",
                                       r->file, strerror(errno));
}

static bool parse_options(int argc, char **argv, struct recorder *r, struct error *err)
{
    static const struct option options[] = {
        {"stream", required_argument, NULL, 's'},
        {"wait", required_argument, NULL, 'w'},
        {"ticks", required_argument, NULL, 'n'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 's') {
            r->socket = optarg;
        } else if (option == 'w') {
            if (!number_parse_duration(optarg, &r->wait_ns, err))
                return false;
        } else if (option != 'n' ||
                   !number_parse(optarg, strlen(optarg), INT64_MAX, &r->ticks_left)) {
            return error_set(err, ERR_USAGE, "usage: pagemeter %s", record_text);
        }
    }
    if (optind + 1 != argc)
        return error_set(err, ERR_USAGE, "usage: pagemeter %s", record_text);
    r->file = argv[optind];
    return true;
}

int cmd_record(int argc, char **argv)
{
    struct recorder r = {.socket = STREAM_SOCKET_DEFAULT,
                         .file = "",
                         .wait_ns = 10 * (uint64_t)NS_PER_S};
    struct subscription *sub = NULL;
    struct error err;
    bool is_ok;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)printf("usage: pagemeter %s\n", record_text);
        return cli_finish(CLI_FINE);
    }
    is_ok = parse_options(argc, argv, &r, &err) && subscription_open(&sub, r.socket, &err) &&
            open_file(&r, &err) && record_all(&r, sub, &err);
    if (r.out != NULL && r.out != stdout && fclose(r.out) != 0 && is_ok)
        is_ok = error_set(&err, ERR_SYSTEM, "can't write %s: %s", r.file, strerror(errno));
    subscription_close(sub);
    free(r.text);
    if (!is_ok)
        return cli_fail(&err);
    (void)fprintf(stderr, "%" PRIu64 " ticks in %s\n", r.ticks, r.file);
    return cli_finish(CLI_FINE);
}
