#include "chart/guest.h"

#include <stdlib.h>

#include "balloon/decision.h"

const char *guest_line_name(enum balloon_line line)
{
    static const char *const names[BALLOON_LINES] = {
        [LINE_USED] = "used",   [LINE_FREE] = "free",      [LINE_CACHED] = "cache",
        [LINE_SWAP] = "swap",   [LINE_NEED] = "need",      [LINE_TARGET] = "target",
        [LINE_FLOOR] = "floor", [LINE_CEILING] = "ceiling"};

    return names[line];
}

struct target {
    int64_t utc_ns;
    uint64_t kib;
};

struct guest_reading {
    struct guest *guest;
    const struct series_span *span;
    struct target *targets; /* that were carried out */
    size_t target_count, target_room, next_target;
    int64_t holds_to; /* the last sample holds so long */
};

/* ---- decisions ---- */

static bool take_decision(void *self, const struct balloon_entry *entry, struct error *err)
{
    struct guest_reading *r = self;
    const struct decision *d = &entry->decision;

    if (d->failure != REASON_NONE ||
        (d->action.kind != ACTION_GROW && d->action.kind != ACTION_SHRINK))
        return true;
    if (r->target_count == r->target_room) {
        size_t room = r->target_room == 0 ? 64 : r->target_room * 2;
        struct target *larger = realloc(r->targets, room * sizeof *larger);

        if (larger == NULL)
            return error_set(err, ERR_NOMEM, "not enough memory for what was decided");
        r->targets = larger;
        r->target_room = room;
    }
    r->targets[r->target_count++] = (struct target){entry->utc_ns, d->action.target_kib};
    return true;
}

/* Of a long range the five minutes have them. */
static bool read_decisions(struct guest_reading *r, struct balloon_store *store,
                           const struct uuid *vm, struct error *err)
{
    struct balloon_query query = {ENTRY_DECISION, vm, r->span->from_utc_ns, r->span->to_utc_ns};
    struct balloon_reader reader = {take_decision, r};

    return r->span->to_utc_ns - r->span->from_utc_ns > BALLOON_RAW_NS ||
           balloon_store_read(store, &query, &reader, err);
}

/* Those up to a time, as long as the last sample holds. */
static bool add_targets(struct guest_reading *r, int64_t utc_ns, struct error *err)
{
    for (; r->next_target < r->target_count && r->targets[r->next_target].utc_ns < utc_ns;
         r->next_target++) {
        const struct target *t = &r->targets[r->next_target];

        if (t->utc_ns < r->holds_to &&
            !points_add_value(&r->guest->lines[LINE_TARGET], t->utc_ns, t->kib, err))
            return false;
    }
    return true;
}

/* ---- samples ---- */

static bool add_blanks(struct guest_reading *r, int64_t utc_ns, struct error *err)
{
    for (int i = 0; i < BALLOON_LINES; i++)
        if (!points_add_blank(&r->guest->lines[i], utc_ns, err))
            return false;
    return true;
}

static bool take_sample(void *self, const struct balloon_sample *s, struct error *err)
{
    struct guest_reading *r = self;
    int64_t at = s->utc_ns > r->span->from_utc_ns ? s->utc_ns : r->span->from_utc_ns;

    if (!add_targets(r, at, err) || (at > r->holds_to && !add_blanks(r, r->holds_to, err)))
        return false;
    r->holds_to = s->utc_ns + (s->span_ns > 0 ? s->span_ns : GUEST_SILENT_NS);
    r->guest->is_rolled = r->guest->is_rolled || s->span_ns > 0;
    for (int i = 0; i < BALLOON_LINES; i++) {
        const struct balloon_value *v = &s->lines[i];
        struct chart_point point = {at, v->least_kib, v->kib, v->most_kib, !v->is_there};

        if (!points_add(&r->guest->lines[i], &point, err))
            return false;
    }
    return true;
}

bool guest_read(struct balloon_store *store, const struct uuid *vm, const struct series_span *span,
                struct guest *guest, struct error *err)
{
    struct guest_reading r = {.guest = guest, .span = span, .holds_to = span->from_utc_ns};
    struct balloon_lines_reader reader = {take_sample, &r};
    bool is_ok = read_decisions(&r, store, vm, err) &&
                 balloon_store_lines(store, vm, span->from_utc_ns, span->to_utc_ns, &reader, err);
    int64_t end = r.holds_to < span->to_utc_ns ? r.holds_to : span->to_utc_ns;

    is_ok = is_ok && add_targets(&r, end, err) && add_blanks(&r, end, err);
    free(r.targets);
    return is_ok;
}

void guest_clear(struct guest *guest)
{
    for (int i = 0; i < BALLOON_LINES; i++)
        points_clear(&guest->lines[i]);
    *guest = (struct guest){0};
}
