/*
 * meter.c - ticks of a host: order, gaps, boots, restarts, the cut at each UTC hour.
 *
 * A tick goes through three steps: meter_check refuses what cannot follow the last tick and changes
 * nothing; meter_host writes down what happened to the host (boot, restart, gap, clock step, cut);
 * lives_step (lives.c) compares the samples with the open lives.
 */
#include "meter/meter.h"
#include "common/safety.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/calendar.h"
#include "meter/lives.h"

#define TICK_MAX (INT64_C(1) << 61)

/* A row per life and hour of a gap is kept: so a gap has an end, which no real one reaches. */
#define INTERVAL_MAX_NS (INT64_C(10) * 366 * 24 * NS_PER_HOUR)

__extension__ typedef __int128 wide_ns;

bool meter_init(struct meter *m, const struct rules *rules, const struct meter_state *state,
                const struct open_life *lives, size_t life_count, struct error *err)
{
    *m = (struct meter){.rules = *rules, .state = *state, .is_restarted = true};
    if (!state->has_boot) {
        m->state.next_life = 1;
        m->state.next_segment = 1;
    }
    if (!meter_reserve(m, life_count + 64, err))
        return false;
    if (life_count > 0)
        memcpy(m->lives, lives, life_count * sizeof *lives);
    m->life_count = life_count;
    for (size_t i = 0; i < life_count; i++)
        m->lives[i].is_temporary = lives_is_temporary(m, m->lives[i].domid, &m->lives[i].uuid);
    m->seen_tick = state->tick;
    m->seen_mono_ns = state->mono_ns;
    return true;
}

void meter_clear(struct meter *m)
{
    free(m->lives);
    free(m->spare);
    free(m->changes);
    *m = (struct meter){0};
}

/*
 * A tick makes at most so many changes of the host; per life that ends: its segment and itself; per
 * sample: a life that begins, has run and counts, with its segment.
 */
enum { HOST_CHANGES = 5, END_CHANGES = 2, SAMPLE_CHANGES = 4 };

size_t meter_changes_max(const struct meter *m, size_t domains)
{
    return HOST_CHANGES + END_CHANGES * m->life_count + SAMPLE_CHANGES * domains;
}

bool meter_reserve(struct meter *m, size_t domains, struct error *err)
{
    if (domains <= m->life_capacity)
        return true;
    size_t lives = domains + domains / 2;
    /* at worst all old lives end and as many new ones begin */
    size_t changes = HOST_CHANGES + (END_CHANGES + SAMPLE_CHANGES) * lives;
    struct open_life *a = realloc(m->lives, lives * sizeof *a);

    if (a != NULL)
        m->lives = a;
    struct open_life *b = realloc(m->spare, lives * sizeof *b);
    if (b != NULL)
        m->spare = b;
    struct change *c = realloc(m->changes, changes * sizeof *c);
    if (c != NULL)
        m->changes = c;
    if (a == NULL || b == NULL || c == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to meter %zu domains", domains);
    m->life_capacity = lives;
    m->change_capacity = changes;
    return true;
}

void meter_note_gap(struct meter *m, enum gap_cause cause)
{
    if (m->cause == GAP_UNKNOWN)
        m->cause = cause;
}

const struct uuid *meter_boot(const struct meter *m)
{
    if (m->state.is_booted)
        return &m->state.next_boot;
    return m->state.has_boot ? &m->state.boot : NULL;
}

static bool is_same_boot(const struct meter *m)
{
    return m->state.has_boot && !m->state.is_booted;
}

/* Can this tick follow the last one? */
static bool meter_check(const struct meter *m, const struct tick *t, struct error *err)
{
    if (!m->has_head)
        return error_set(err, ERR_INPUT, "tick %" PRIu64 " comes before any P record", t->seq);
    if (m->state.has_boot && m->state.tick > TICK_MAX)
        return error_set(err, ERR_RANGE, "this store has counted its last tick: begin a new one");
    if (!is_same_boot(m))
        return true;
    if (safety_is_on(SAFETY_METER_SEQ) && (int64_t)t->seq + m->state.tick_base <= m->seen_tick)
        return error_set(err, ERR_REFUSED,
                         "tick %" PRIu64 " is not after tick %" PRId64 ", the last one before it",
                         t->seq, m->seen_tick - m->state.tick_base);
    if (t->mono_ns > m->state.mono_ns && t->mono_ns - m->state.mono_ns > INTERVAL_MAX_NS)
        return error_set(err, ERR_RANGE,
                         "tick %" PRIu64 " is more than 10 years after the tick before it", t->seq);
    if (t->mono_ns <= m->seen_mono_ns)
        return error_set(err, ERR_CLOCK,
                         "the time of tick %" PRIu64 " (%" PRId64
                         " ns) is not after that of the tick before (%" PRId64 " ns)",
                         t->seq, t->mono_ns, m->seen_mono_ns);
    return true;
}

static struct change *add_change(struct meter *m, enum change_kind kind)
{
    struct change *c = &m->changes[m->change_count++];

    *c = (struct change){.kind = kind};
    return c;
}

static void begin_boot(struct meter *m, const struct tick *t)
{
    struct change *c = add_change(m, CHANGE_BOOT);

    /* ticks are numbered on: the first of this boot follows the last of the one before */
    m->state.tick_base = m->state.has_boot ? m->state.tick + 1 - (int64_t)t->seq : 0;
    m->state.boot = m->state.next_boot;
    m->state.has_boot = true;
    c->number = m->state.tick_base;
    c->uuid = m->state.next_boot;
}

static void begin_restart(struct meter *m, int64_t tick, const struct tick *t)
{
    m->restart_tick = tick;
    m->restart = (struct restart_row){
        .interval_ns = m->interval_ns,
        .max_gap_ns = m->max_gap_ns,
        .mono_ns = t->mono_ns,
        .utc_offset_ns = t->utc_ns - t->mono_ns,
    };
    add_change(m, CHANGE_RESTART)->restart = m->restart;
}

static bool fits(wide_ns ns)
{
    return ns >= INT64_MIN && ns <= INT64_MAX;
}

/*
 * The differences of a row. False when a new base is due: SQL adds them up from left to right, and
 * every sum on the way must fit (a silly clock can be anywhere).
 */
static bool place_tick(struct meter *m, const struct tick *t)
{
    wide_ns due = (wide_ns)(m->row.tick - m->restart_tick) * (wide_ns)m->restart.interval_ns +
                  m->restart.mono_ns;
    wide_ns late = t->mono_ns - due;
    wide_ns utc_due = (wide_ns)t->mono_ns + m->restart.utc_offset_ns;
    wide_ns utc_diff = t->utc_ns - utc_due;

    if (!fits(due) || !fits(late) || !fits(utc_due) || !fits(utc_diff))
        return false;
    m->row.late_ns = (int64_t)late;
    m->row.utc_diff_ns = (int64_t)utc_diff;
    return true;
}

/* How far the wall clock went ahead of the elapsed time, or fell behind it. */
static int64_t clock_step(const struct meter *m, const struct tick *t)
{
    wide_ns step = (wide_ns)t->utc_ns - m->state.utc_ns - (t->mono_ns - m->state.mono_ns);

    return step < -INT64_MAX ? -INT64_MAX : (int64_t)step;
}

/* What happened to the host since the last tick. Returns whether an hour (or a boot) begins. */
static bool meter_host(struct meter *m, const struct tick *t)
{
    bool is_new_boot = !is_same_boot(m);
    int64_t hour = calendar_hour_of((uint64_t)t->utc_ns);
    bool is_cut = is_new_boot || calendar_hour_of((uint64_t)m->state.utc_ns) != hour;
    int64_t span = t->mono_ns - m->state.mono_ns;

    if (is_new_boot)
        begin_boot(m, t);
    m->row.tick = m->state.tick_base + (int64_t)t->seq;
    if (is_new_boot || m->is_restarted || !place_tick(m, t)) {
        begin_restart(m, m->row.tick, t);
        m->row.late_ns = m->row.utc_diff_ns = 0;
    }
    if (!is_new_boot && (uint64_t)span > m->max_gap_ns) {
        struct change *c = add_change(m, CHANGE_GAP);

        c->number = m->state.tick;
        c->span_ns = span;
        c->cause = m->cause;
    }
    int64_t step = is_new_boot ? 0 : clock_step(m, t);

    if (step > CLOCK_STEP_NS || step < -CLOCK_STEP_NS)
        add_change(m, CHANGE_CLOCK_STEP)->span_ns = step;
    if (is_cut) {
        struct change *c = add_change(m, CHANGE_CUT);

        c->number = hour;
        c->segment = m->state.next_segment;
    }
    return is_cut;
}

static enum meter_result feed_tick(struct meter *m, const struct tick *t, struct error *err)
{
    if (!meter_check(m, t, err))
        return METER_REFUSED;
    m->skipped = NULL;
    if (t->window_ns > m->max_gap_ns && safety_is_on(SAFETY_METER_WINDOW)) {
        m->skipped = "the reading took longer than max_gap";
        meter_note_gap(m, GAP_WINDOW);
        if (is_same_boot(m)) {
            m->seen_tick = m->state.tick_base + (int64_t)t->seq;
            m->seen_mono_ns = t->mono_ns;
        }
        return METER_NOTHING;
    }
    if (!meter_reserve(m, t->domains > m->life_count ? t->domains : m->life_count, err))
        return METER_REFUSED;
    m->change_count = 0;
    m->row = (struct tick_row){.window_ns = t->window_ns, .is_synchronised = t->is_synchronised};

    bool is_new_boot = !is_same_boot(m);
    bool is_cut = meter_host(m, t);

    if (is_new_boot && safety_is_on(SAFETY_METER_BOOT))
        lives_end_all(m);
    lives_step(m, t, is_cut);
    m->state.tick = m->seen_tick = m->row.tick;
    m->state.mono_ns = m->seen_mono_ns = t->mono_ns;
    m->state.utc_ns = t->utc_ns;
    m->state.is_booted = m->is_restarted = false;
    m->cause = GAP_UNKNOWN;
    return METER_TICK;
}

/* The host boots, as the next tick will show. */
static void note_boot(struct meter *m, const struct uuid *boot)
{
    m->state.is_booted = true;
    m->is_restarted = true;
    m->state.next_boot = *boot;
}

static bool feed_head(struct meter *m, const struct head *h, struct error *err)
{
    if (m->state.has_host && !uuid_is_equal(&m->state.host, &h->host)) {
        char is[UUID_TEXT_MAX];
        char was[UUID_TEXT_MAX];

        return error_set(err, ERR_REFUSED, "this is host %s, but the store belongs to host %s",
                         uuid_format(&h->host, is), uuid_format(&m->state.host, was));
    }
    m->state.has_host = true;
    m->state.host = h->host;
    m->has_head = true;
    m->interval_ns = h->interval_ns;
    m->max_gap_ns = safety_is_on(SAFETY_METER_MAX_GAP) ? h->max_gap_ns : INT64_MAX;
    m->is_restarted = true;
    const struct uuid *boot = meter_boot(m);

    if (boot == NULL || !uuid_is_equal(boot, &h->boot))
        note_boot(m, &h->boot);
    return true;
}

enum meter_result meter_feed(struct meter *m, const struct record *r, struct error *err)
{
    switch (r->kind) {
    case RECORD_TICK:
        return feed_tick(m, &r->tick, err);
    case RECORD_HEAD:
        return feed_head(m, &r->head, err) ? METER_NOTHING : METER_REFUSED;
    case RECORD_GAP:
        meter_note_gap(m, r->gap);
        break;
    case RECORD_RESTART:
        m->is_restarted = true;
        meter_note_gap(m, GAP_RESTART);
        break;
    case RECORD_BOOT:
        if (is_same_boot(m) && uuid_is_equal(&m->state.boot, &r->boot)) {
            (void)error_set(err, ERR_REFUSED, "a B record names the boot that is running already");
            return METER_REFUSED;
        }
        note_boot(m, &r->boot);
        break;
    case RECORD_END:
        break;
    }
    return METER_NOTHING;
}
