#include "meter/replay.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "meter/source_replay.h"

struct run {
    struct store *store;
    struct source *source;
    struct meter meter;
    const struct replay_options *options;
    struct replay_result result;
    bool is_first;
};

/* The head decides whether the trace continues this store at all. */
static bool check_head(struct run *run, const struct head *head, struct error *err)
{
    const struct uuid *boot = meter_boot(&run->meter);
    char is[UUID_TEXT_MAX];
    char was[UUID_TEXT_MAX];

    if (!store_set_host(run->store, &head->host, err))
        return false;
    if (boot == NULL || uuid_is_equal(boot, &head->boot) || run->options->allows_new_boot)
        return true;
    return error_set(err, ERR_REFUSED,
                     "the trace is of boot %s, and the store ends in boot %s: it does not continue "
                     "the store; if the host was booted in between, say so with --new-boot",
                     uuid_format(&head->boot, is), uuid_format(boot, was));
}

/* A boot that is not the current one must be new. */
static bool check_boot(struct run *run, const struct record *record, struct error *err)
{
    const struct uuid *current = meter_boot(&run->meter);
    const struct uuid *boot = record->kind == RECORD_HEAD   ? &record->head.boot
                              : record->kind == RECORD_BOOT ? &record->boot
                                                            : NULL;

    return boot == NULL || (current != NULL && uuid_is_equal(current, boot)) ||
           store_refuse_known_boot(run->store, boot, err);
}

static bool take_tick(struct run *run, const struct record *record, struct error *err)
{
    run->result.ticks++;
    run->result.samples += record->tick.domains;
    return store_append(run->store, &run->meter.row, run->meter.changes, run->meter.change_count,
                        err) &&
           store_derive(run->store, err);
}

static bool take_record(struct run *run, const struct record *record, struct error *err)
{
    if (record->kind == RECORD_HEAD && run->is_first) {
        run->is_first = false;
        if (!check_head(run, &record->head, err))
            return false;
    }
    if (!check_boot(run, record, err))
        return false;
    enum meter_result result = meter_feed(&run->meter, record, err);

    if (result == METER_REFUSED)
        return false;
    if (result == METER_TICK)
        return take_tick(run, record, err);
    run->result.skipped += record->kind == RECORD_TICK;
    return true;
}

static bool run_records(struct run *run, struct error *err)
{
    struct record record;

    do {
        if (!run->source->ops->next(run->source, &record, err))
            return false;
        if (!take_record(run, &record, err))
            return error_context(err, "line %" PRIu64, replay_line(run->source));
    } while (record.kind != RECORD_END);
    run->result.is_cut_off = replay_is_cut_off(run->source);
    return !run->meter.state.is_booted || !run->meter.state.has_boot ||
           store_announce_boot(run->store, &run->meter.state.next_boot, err);
}

static bool run_in_transaction(struct run *run, struct error *err)
{
    if (!store_begin(run->store, err))
        return false;
    if (run_records(run, err))
        return store_commit(run->store, err);
    store_rollback(run->store);
    return false;
}

bool replay_check_file(const char *file, struct error *err)
{
    struct source_config config = {.stop_fd = -1};
    struct source *source = NULL;
    struct record record;

    struct stat st;

    if (stat(file, &st) == 0 && !S_ISREG(st.st_mode))
        return true; /* what is read from a pipe can't be read again */
    if (strcmp(file, "-") == 0)
        return true;
    bool is_ok = source_open_replay(&source, file, &config, err) &&
                 (source->ops->next(source, &record, err) || error_context(err, "%s", file));

    source_close(source);
    return is_ok;
}

bool replay_read_host(const char *file, struct uuid *host, struct error *err)
{
    struct source_config config = {.stop_fd = -1};
    struct source *source = NULL;
    struct record record;
    bool is_ok = source_open_replay(&source, file, &config, err) &&
                 (source->ops->next(source, &record, err) || error_context(err, "%s", file));

    if (is_ok && record.kind != RECORD_HEAD)
        is_ok = error_set(err, ERR_INPUT, "%s: a trace begins with a P record", file);
    if (is_ok)
        *host = record.head.host;
    source_close(source);
    return is_ok;
}

bool replay_run(struct store *store, const char *file, const struct replay_options *options,
                struct replay_result *result, struct error *err)
{
    struct run run = {.store = store, .options = options, .is_first = true};
    struct source_config config = {.stop_fd = -1};
    struct meter_state state;
    struct open_life *lives = NULL;
    size_t count = 0;
    bool is_ok = false;

    if (store_load(store, &state, &lives, &count, err) &&
        meter_init(&run.meter, &options->rules, &state, lives, count, err) &&
        source_open_replay(&run.source, file, &config, err))
        is_ok = run_in_transaction(&run, err) ||
                error_context(err, "%s", options->name != NULL ? options->name : file);
    if (is_ok)
        *result = run.result;
    source_close(run.source);
    meter_clear(&run.meter);
    free(lives);
    return is_ok;
}
