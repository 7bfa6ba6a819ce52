/*
 * ship_run.c - the process that carries meter.db to PostgreSQL.
 *
 * What PostgreSQL has, it is asked for at each connection; nothing that is noted here is believed.
 * A round ships what there is and ends; meter.db is opened anew for each, since it may have been
 * replaced by a restored one. A round that fails costs the connection, and is tried again.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "cli/ship_notes.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/notify.h"
#include "common/safety.h"
#include "store/ship_send.h"

enum { BACKOFF_MAX_S = 60 };

#define ROUND_MAX_NS (10 * NS_PER_S)
#define NOTE_EVERY_NS NS_PER_S

struct shipping {
    const struct ship_options *options;
    struct ship_notes notes;
    struct ship_sender *sender; /* NULL: not connected */
    struct ship_reader *reader; /* of this round */
    struct ship_batch batch;
    struct ship_mark own;              /* of meter.db itself, as it was last */
    struct ship_end end;               /* of meter.db */
    int64_t since_ns;                  /* UTC: from when on it was behind, as the round began */
    int64_t conflicts, told_conflicts; /* of this process */
    int64_t round_mono_ns;
    bool is_forward;   /* something was shipped in this round */
    unsigned failures; /* in a row, without anything shipped between them */
    char trouble[ERROR_TEXT_MAX];
};

/* ---- being told to end ---- */

static sigset_t stop_signals(void)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    return set;
}

static void block_signals(void)
{
    sigset_t set = stop_signals();

    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a file size limit is a full disk */
}

/* Waits; true when told to end. */
static bool is_stopped(uint64_t wait_ns)
{
    struct timespec wait = {.tv_sec = (time_t)(wait_ns / (uint64_t)NS_PER_S),
                            .tv_nsec = (long)(wait_ns % (uint64_t)NS_PER_S)};
    sigset_t set = stop_signals();
    int got;

    do {
        got = sigtimedwait(&set, NULL, &wait);
    } while (got < 0 && errno == EINTR);
    return got > 0;
}

/* Without taking the signal: is_stopped is to see it, too. */
static bool is_told_to_end(void)
{
    sigset_t pending;

    return sigpending(&pending) == 0 &&
           (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1);
}

/* ---- telling ---- */

/* Numbers of ticks may jump: so many at most. */
static void report(const struct shipping *s, uint64_t wait_ns)
{
    const struct ship_mark *m = &s->own;
    int64_t ticks = s->end.tick > m->tick ? s->end.tick - m->tick : 0;
    int64_t since_ns = m->utc_ns >= 0 ? m->utc_ns : s->since_ns;
    int64_t span_ns = ticks > 0 && since_ns >= 0 ? s->end.utc_ns - since_ns : 0;
    const char *notes = s->notes.trouble[0] != '\0' ? "; HOW FAR IT CAME CAN'T BE NOTED" : "";
    const char *conflicts = s->conflicts > 0 ? "; THERE ARE CONFLICTS" : "";

    if (s->failures > 0)
        notify("STATUS=%" PRId64 " ticks, %" PRId64 " s behind; trying again in %" PRIu64
               " s: %.300s%s%s",
               ticks, span_ns / NS_PER_S, wait_ns / (uint64_t)NS_PER_S, s->trouble, conflicts,
               notes);
    else
        notify("STATUS=%" PRId64 " ticks, %" PRId64 " s behind; shipped up to tick %" PRId64 "%s%s",
               ticks, span_ns / NS_PER_S, m->tick, conflicts, notes);
}

static void tell_conflicts(struct shipping *s)
{
    if (s->conflicts == s->told_conflicts)
        return;
    log_event(LOG_LEVEL_ERROR,
              "PostgreSQL has rows of this host otherwise than this host has them: they stay as "
              "they are there, see docs/fleet.md. rows=%" PRId64,
              s->conflicts - s->told_conflicts);
    s->told_conflicts = s->conflicts;
}

static void tell_pruned(const struct shipping *s)
{
    log_event(LOG_LEVEL_WARNING,
              "what this host measured before tick %" PRId64 " was pruned before it was shipped: "
              "PostgreSQL goes on from there. after=%" PRId64,
              s->batch.first_tick, s->batch.after);
}

/* ---- shipping ---- */

static bool send_batch(struct shipping *s, const struct ship_origin *o, struct ship_place *p,
                       struct error *err)
{
    struct ship_batch *b = &s->batch;
    bool is_new = b->up_to > p->mark.tick;
    struct ship_answer answer;

    if (!ship_send(s->sender, o, b, &answer, err))
        return false;
    if (is_new && b->pruned_to >= 0) {
        p->mark.pruned_to = b->pruned_to;
        tell_pruned(s);
    }
    s->conflicts += answer.conflicts;
    p->mark.conflicts += answer.conflicts;
    if (!safety_is_on(SAFETY_SHIP_DELIVERED))
        answer.delivered = b->up_to;
    s->is_forward = s->is_forward || answer.delivered > p->mark.tick;
    if (answer.delivered == b->up_to) {
        ship_place_confirm(p, b->up_to, b->utc_ns);
        return true;
    }
    int64_t utc_ns;

    if (!ship_reader_utc(s->reader, answer.delivered, &utc_ns, err))
        return false;
    ship_place_confirm(p, answer.delivered, utc_ns);
    return true;
}

/* What PostgreSQL has of a store, once for each connection. */
static bool ask(struct shipping *s, const struct ship_origin *o, struct ship_place *p,
                struct error *err)
{
    struct ship_answer answer;
    int64_t utc_ns;

    if (p->is_asked)
        return true;
    if (!ship_ask(s->sender, o, &answer, err) ||
        !ship_reader_utc(s->reader, answer.delivered, &utc_ns, err))
        return false;
    if (safety_is_on(SAFETY_SHIP_DELIVERED) || p->mark.confirmed_ns == 0)
        ship_place_confirm(p, answer.delivered, utc_ns);
    p->is_asked = true;
    return true;
}

/*
 * A copy of meter.db put in the place of a newer one would go on with numbers that are taken. It
 * has less than PostgreSQL has of it; or, when it has measured on meanwhile, something else.
 */
static bool refuse_older_copy(const struct shipping *s, const struct ship_place *p,
                              struct error *err)
{
    if (p->mark.tick <= s->end.tick || !safety_is_on(SAFETY_SHIP_OLDER_COPY))
        return true;
    return error_set(err, ERR_REFUSED,
                     "PostgreSQL has this store up to tick %" PRId64 ", and meter.db ends with "
                     "tick %" PRId64 ": it is an older copy; put it back with pagemeter restore, "
                     "which makes it a store of its own",
                     p->mark.tick, s->end.tick);
}

/*
 * Where the next batch begins: behind what is there. The first time it is the beginning of the hour
 * that this lies in, so that a file which was exchanged shows as a conflict.
 */
static bool begin_behind(struct shipping *s, const struct ship_origin *o, struct ship_place *p,
                         int64_t *after, struct error *err)
{
    *after = p->mark.tick;
    if (p->is_compared || !safety_is_on(SAFETY_SHIP_OLDER_COPY))
        return true;
    p->is_compared = true;
    return ship_reader_hour_begin(s->reader, o, p->mark.tick, after, err);
}

static bool is_round_over(const struct shipping *s)
{
    return is_told_to_end() || clock_mono().ns - s->round_mono_ns > ROUND_MAX_NS;
}

static void note_sometimes(struct shipping *s)
{
    if (clock_mono().ns - s->notes.written_mono_ns < NOTE_EVERY_NS)
        return;
    ship_notes_write(&s->notes, NULL);
    report(s, 0);
    log_flush();
}

/* Less than what was just taken: something is missing there, and is sent now; but once. */
static bool refuse_standing_still(const struct shipping *s, const struct ship_place *p,
                                  bool *was_behind, struct error *err)
{
    bool is_behind = p->mark.tick < s->batch.up_to;
    bool is_still = is_behind && *was_behind;

    *was_behind = is_behind;
    return !is_still ||
           error_set(err, ERR_STORE,
                     "PostgreSQL takes ticks up to %" PRId64 " and has them up to %" PRId64 " only",
                     s->batch.up_to, p->mark.tick);
}

/* *is_all false: the round was over before. */
static bool ship_origin(struct shipping *s, const struct ship_origin *o, struct ship_place *p,
                        int64_t after, bool *is_all, struct error *err)
{
    bool is_there = true, was_behind = false;

    while (after < o->end) {
        if (is_round_over(s)) {
            *is_all = false;
            return true;
        }
        if (!ship_reader_next(s->reader, o, after, &s->batch, &is_there, err))
            return false;
        if (!is_there)
            return true;
        if (!send_batch(s, o, p, err) || !refuse_standing_still(s, p, &was_behind, err))
            return false;
        after = p->mark.tick;
        note_sometimes(s);
    }
    return true;
}

/* Of meter.db itself, not of those that it was restored from. */
static bool ship_own(struct shipping *s, const struct ship_origin *o, struct ship_place *p,
                     bool *is_all, struct error *err)
{
    int64_t after;
    bool is_ok = refuse_older_copy(s, p, err) && begin_behind(s, o, p, &after, err) &&
                 ship_origin(s, o, p, after, is_all, err);

    s->own = p->mark;
    return is_ok;
}

static bool ship_origins(struct shipping *s, const struct ship_origin *list, size_t count,
                         bool *is_all, struct error *err)
{
    for (size_t i = 0; i < count && *is_all; i++) {
        struct ship_place *p = ship_notes_place(&s->notes, &list[i], err);

        if (p == NULL || !ask(s, &list[i], p, err))
            return false;
        if (!(i + 1 == count ? ship_own(s, &list[i], p, is_all, err)
                             : ship_origin(s, &list[i], p, p->mark.tick, is_all, err)))
            return false;
    }
    return true;
}

/* How far behind it is, is told also while PostgreSQL is away. */
static bool look_at_own(struct shipping *s, const struct ship_origin *own, struct error *err)
{
    struct ship_place *p = ship_notes_place(&s->notes, own, err);

    if (p == NULL || !ship_reader_end(s->reader, own, &s->end, err) ||
        !ship_reader_since(s->reader, own, &p->mark, &s->since_ns, err))
        return false;
    s->own = p->mark;
    return true;
}

static bool connect(struct shipping *s, struct error *err)
{
    if (s->sender != NULL)
        return true;
    for (size_t i = 0; i < s->notes.count; i++)
        s->notes.places[i].is_asked = false;
    return ship_sender_open(&s->sender, s->options->to, err);
}

static bool run_round(struct shipping *s, bool *is_all, struct error *err)
{
    static const struct ship_limits limits = {SHIP_TICKS_MAX, SHIP_SEGMENTS_MAX};
    const struct ship_origin *list;
    size_t count;

    s->round_mono_ns = clock_mono().ns;
    s->is_forward = false;
    *is_all = true;
    bool is_ok = ship_reader_open(&s->reader, s->options->db, &limits, err) &&
                 ship_reader_origins(s->reader, &list, &count, err) &&
                 look_at_own(s, &list[count - 1], err) && connect(s, err) &&
                 ship_origins(s, list, count, is_all, err);

    ship_reader_close(s->reader);
    s->reader = NULL;
    if (!is_ok) {
        ship_sender_close(s->sender);
        s->sender = NULL;
    }
    return is_ok;
}

/* ---- again and again ---- */

/* 1 s, doubling up to a minute, and a part of it by chance: hosts must not come all at once. */
static uint64_t backoff_ns(unsigned failures)
{
    uint64_t seconds = failures < 7 ? UINT64_C(1) << (failures - 1) : BACKOFF_MAX_S;
    uint64_t most_ns = (seconds < BACKOFF_MAX_S ? seconds : BACKOFF_MAX_S) * (uint64_t)NS_PER_S;
    uint32_t chance = 0;

    (void)!getrandom(&chance, sizeof chance, GRND_NONBLOCK);
    return most_ns / 2 + most_ns / 2 * (chance % 1000) / 1000;
}

/* Told when it begins, and when it becomes another. */
static void note_failure(struct shipping *s, const struct error *err)
{
    if (!s->options->is_once && (s->failures == 0 || strcmp(s->trouble, err->text) != 0))
        log_event(LOG_LEVEL_WARNING, "%s", err->text);
    s->failures = s->is_forward ? 1 : s->failures + 1;
    (void)snprintf(s->trouble, sizeof s->trouble, "%s", err->text);
}

static void note_success(struct shipping *s)
{
    if (s->failures > 0)
        log_event(LOG_LEVEL_NOTICE, "shipping goes on. tries=%u", s->failures);
    s->failures = 0;
    s->trouble[0] = '\0';
}

/* How long to wait; 0: not at all. */
static uint64_t end_round(struct shipping *s, bool is_ok, bool is_all, const struct error *err)
{
    if (is_ok)
        note_success(s);
    else
        note_failure(s, err);
    uint64_t wait_ns = !is_ok ? backoff_ns(s->failures) : is_all ? s->options->interval_ns : 0;

    tell_conflicts(s);
    ship_notes_write(&s->notes, is_ok ? NULL : err->text);
    report(s, wait_ns);
    log_flush();
    return wait_ns;
}

static bool run(struct shipping *s, struct error *err)
{
    for (;;) {
        bool is_all;
        bool is_ok = run_round(s, &is_all, err);
        uint64_t wait_ns = end_round(s, is_ok, is_all, err);

        if (is_ok && s->options->is_once && is_all)
            return true;
        if (!is_ok && (s->options->is_once || err->code == ERR_USAGE))
            return false;
        if (is_stopped(wait_ns))
            return s->options->is_once
                       ? error_set(err, ERR_REFUSED, "told to end before all was shipped")
                       : true;
    }
}

bool ship_run(const struct ship_options *options, int64_t *conflicts, struct error *err)
{
    struct shipping s = {.options = options,
                         .own = {.tick = -1, .utc_ns = -1},
                         .end = {-1, -1},
                         .since_ns = -1};

    block_signals();
    bool is_ok = ship_notes_open(&s.notes, options, err);

    if (is_ok) {
        notify("READY=1\nSTATUS=begins");
        is_ok = run(&s, err);
    }
    *conflicts = s.conflicts;
    notify("STOPPING=1");
    ship_sender_close(s.sender);
    ship_notes_close(&s.notes);
    ship_batch_clear(&s.batch);
    log_flush();
    return is_ok;
}
