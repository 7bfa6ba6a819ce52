#include "meter/integrate.h"
#include "common/safety.h"

#include <inttypes.h>

#include "common/calendar.h"
#include "meter/rules.h"

static int64_t span_of(const struct timeline *tl, size_t first, size_t end)
{
    return tl->ticks[end].mono_ns - tl->ticks[first].mono_ns;
}

/* The hours of the interval's beginning, and of its last nanosecond. */
static void hours_of(const struct timeline_tick *earlier, const struct timeline_tick *later,
                     int64_t *first, int64_t *last)
{
    int64_t span = later->mono_ns - earlier->mono_ns;

    *first = calendar_hour_of((uint64_t)earlier->utc_ns);
    *last = calendar_hour_of((uint64_t)earlier->utc_ns + (uint64_t)span - 1);
    if (!safety_is_on(SAFETY_METER_HOUR_SPLIT) || later->is_thinned)
        *last = *first;
}

size_t timeline_runs_needed(const struct timeline_tick *earlier, const struct timeline_tick *later)
{
    int64_t first;
    int64_t last;

    if (later->is_boot)
        return 0;
    hours_of(earlier, later, &first, &last);
    return (size_t)(last - first) + 1;
}

static struct timeline_run *add_run(struct timeline *tl, size_t interval, int64_t hour, bool is_gap)
{
    struct timeline_run *run = &tl->runs[tl->run_count++];

    *run = (struct timeline_run){.first = interval,
                                 .end = interval + 1,
                                 .hour = hour,
                                 .is_gap = is_gap};
    return run;
}

/* An interval over more than one hour: a run per hour, in parts that add up to it. */
static void add_parts(struct timeline *tl, size_t interval, int64_t last_hour, bool is_gap)
{
    uint64_t utc = (uint64_t)tl->ticks[interval].utc_ns;
    int64_t span = span_of(tl, interval, interval + 1);
    int64_t rest = span;

    for (int64_t hour = calendar_hour_of(utc); hour <= last_hour; hour++) {
        int64_t room = NS_PER_HOUR - (int64_t)(utc % (uint64_t)NS_PER_HOUR);
        struct timeline_run *run = add_run(tl, interval, hour, is_gap);

        run->is_part = true;
        run->part_at_ns = span - rest;
        run->part_ns = rest < room ? rest : room;
        rest -= run->part_ns;
        utc += (uint64_t)run->part_ns;
    }
}

__extension__ typedef __int128 wide_ns;

/* Was the wall clock set on the way here? */
static bool is_stepped(const struct timeline_tick *earlier, const struct timeline_tick *later)
{
    wide_ns step = (wide_ns)later->utc_ns - earlier->utc_ns - later->mono_ns + earlier->mono_ns;

    return step > CLOCK_STEP_NS || step < -CLOCK_STEP_NS;
}

static void add_interval(struct timeline *tl, size_t interval)
{
    const struct timeline_tick *t = &tl->ticks[interval];
    bool is_gap =
        !t[1].is_thinned && (uint64_t)span_of(tl, interval, interval + 1) > t[1].max_gap_ns;
    int64_t first;
    int64_t last;

    hours_of(&t[0], &t[1], &first, &last);
    if (last != first) {
        add_parts(tl, interval, last, is_gap);
        return;
    }
    struct timeline_run *before = tl->run_count > 0 ? &tl->runs[tl->run_count - 1] : NULL;

    if (before != NULL && !before->is_part && before->end == interval && before->hour == first &&
        before->is_gap == is_gap && !is_stepped(&t[-1], &t[0]))
        before->end++;
    else
        (void)add_run(tl, interval, first, is_gap);
}

bool timeline_build(struct timeline *tl, struct error *err)
{
    tl->run_count = 0;
    for (size_t i = 0; i + 1 < tl->tick_count; i++) {
        if (tl->ticks[i + 1].is_boot)
            continue;
        if (timeline_runs_needed(&tl->ticks[i], &tl->ticks[i + 1]) >
            tl->run_capacity - tl->run_count)
            return error_set(err, ERR_RANGE, "too many hours between tick %" PRId64 " and the next",
                             tl->ticks[i].tick);
        add_interval(tl, i);
    }
    return true;
}

size_t timeline_find(const struct timeline *tl, int64_t tick)
{
    size_t low = 0;
    size_t high = tl->tick_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (tl->ticks[middle].tick < tick)
            low = middle + 1;
        else
            high = middle;
    }
    return low < tl->tick_count && tl->ticks[low].tick == tick ? low : tl->tick_count;
}

/* The first run that ends behind the interval. */
static size_t find_run(const struct timeline *tl, size_t interval)
{
    size_t low = 0;
    size_t high = tl->run_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (tl->runs[middle].end <= interval)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The last instant that there is comes in 2262: what lies behind it is put there. */
int64_t timeline_later(int64_t utc_ns, int64_t ns)
{
    uint64_t later = (uint64_t)utc_ns + (uint64_t)ns;

    return later > INT64_MAX ? INT64_MAX : (int64_t)later;
}

struct stretch {
    size_t first; /* intervals [first, end) */
    size_t end;
    uint64_t kib;
    bool is_billed; /* false: excluded, whatever it is */
};

static bool add_stretch(const struct timeline *tl, const struct stretch *s,
                        const struct piece_sink *sink, struct error *err)
{
    if (s->first >= s->end)
        return true;
    for (size_t r = find_run(tl, s->first); r < tl->run_count && tl->runs[r].first < s->end; r++) {
        const struct timeline_run *run = &tl->runs[r];
        size_t first = run->first > s->first ? run->first : s->first;
        size_t end = run->end < s->end ? run->end : s->end;
        int64_t ns = run->is_part ? run->part_ns : span_of(tl, first, end);
        struct usage_piece piece = {.part = {.hour = run->hour},
                                    .kib = s->kib,
                                    .first = first,
                                    .end = end,
                                    .utc_ns = timeline_later(tl->ticks[first].utc_ns, run->part_at_ns)};

        if (!s->is_billed)
            piece.part.excluded_ns = ns;
        else if (run->is_gap)
            piece.part.missing_ns = ns;
        else if (usage_add_product(&piece.part.kib_ns, s->kib, (uint64_t)ns))
            piece.part.measured_ns = ns;
        else
            return error_set(err, ERR_RANGE, "usage does not fit 128 bits");
        if (!sink->take(sink->self, &piece, err))
            return false;
    }
    return true;
}

/* The intervals that begin in one segment; next is the segment that follows it at once, or NULL. */
static bool add_segment(const struct timeline *tl, const struct segment *s,
                        const struct segment *next, int64_t counted_tick,
                        const struct piece_sink *sink, struct error *err)
{
    size_t first = timeline_find(tl, s->first_tick);
    size_t last = timeline_find(tl, s->last_tick);

    if (first == tl->tick_count || last == tl->tick_count || last < first)
        return error_set(err, ERR_STORE,
                         "a segment from tick %" PRId64 " to %" PRId64 " has no such ticks",
                         s->first_tick, s->last_tick);
    bool is_first =
        s->is_counted && s->first_tick == counted_tick && safety_is_on(SAFETY_METER_FIRST_SAMPLE);
    /* up to the last tick the segment holds at both ends; behind it, the next one tells */
    struct stretch inner = {first, last, s->kib, s->is_counted};
    struct stretch behind = {last, last + 1, s->kib,
                             s->is_counted && next != NULL && next->is_counted};

    if (is_first) {
        bool is_alone = inner.first == inner.end;
        struct stretch dropped = {first, first + 1, s->kib, false};

        if (!is_alone) {
            inner.first++;
            if (!add_stretch(tl, &dropped, sink, err))
                return false;
        } else {
            behind.is_billed = false;
        }
    }
    if (!add_stretch(tl, &inner, sink, err))
        return false;
    return next == NULL || add_stretch(tl, &behind, sink, err);
}

bool integrate_pieces(const struct timeline *tl, const struct segment *segments, size_t count,
                      int64_t counted_tick, const struct piece_sink *sink, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct segment *next = i + 1 < count ? &segments[i + 1] : NULL;

        if (!add_segment(tl, &segments[i], next, counted_tick, sink, err))
            return false;
    }
    return true;
}

static bool add_part_of(void *self, const struct usage_piece *piece, struct error *err)
{
    const struct usage_sink *sink = self;

    return sink->add(sink->self, &piece->part, err);
}

bool integrate_life(const struct timeline *tl, const struct segment *segments, size_t count,
                    int64_t counted_tick, const struct usage_sink *sink, struct error *err)
{
    struct usage_sink parts = *sink;
    struct piece_sink pieces = {add_part_of, &parts};

    return integrate_pieces(tl, segments, count, counted_tick, &pieces, err);
}
