/*
 * integrate_life against the slow and obvious way: nanosecond ranges of one interval at a time,
 * each judged by the words of rules 3, 4, 6 and 8. Random ticks, segments, gaps, boots and wall
 * clocks.
 */
#include "chance.h"
#include "check.h"

#include "meter/integrate.h"

enum { TICKS = 30, RUNS = 4000, HOURS = 2000 };

struct world {
    struct timeline_tick ticks[TICKS];
    size_t tick_count;
    /* what the life was at each tick; listed from `first` to `last` */
    size_t first;
    size_t last;
    uint64_t kib[TICKS];
    bool is_counted[TICKS];
    struct segment segments[TICKS];
    size_t segment_count;
    int64_t counted_tick; /* -1: never */
};

static struct usage_part slow[HOURS];
static struct usage_part fast[HOURS];
static struct timeline_run runs[RUNS];

static int64_t any_interval(struct chance *c, uint64_t max_gap)
{
    switch (chance_below(c, 8)) {
    case 0:
        return (int64_t)max_gap;
    case 1:
        return (int64_t)max_gap + 1;
    case 2:
        return 1 + (int64_t)chance_below(c, 4 * (uint64_t)NS_PER_HOUR);
    case 3:
        return NS_PER_HOUR * (int64_t)(1 + chance_below(c, 3));
    default:
        return 1 + (int64_t)chance_below(c, 2 * (uint64_t)NS_PER_S);
    }
}

static void make_ticks(struct chance *c, struct world *w)
{
    int64_t mono = (int64_t)chance_below(c, 1000);
    int64_t utc = 100 * NS_PER_HOUR + (int64_t)chance_below(c, (uint64_t)NS_PER_HOUR);

    w->tick_count = 2 + (size_t)chance_below(c, TICKS - 1);
    for (size_t i = 0; i < w->tick_count; i++) {
        uint64_t max_gap = chance_hits(c, 5) ? (uint64_t)NS_PER_S : 5 * (uint64_t)NS_PER_S;
        int64_t interval = any_interval(c, max_gap);

        mono += interval;
        utc += interval;
        if (chance_hits(c, 6)) /* the wall clock is set, within the hours that are looked at */
            utc = (int64_t)chance_below(c, 500 * (uint64_t)NS_PER_HOUR);
        else if (chance_hits(c, 6)) /* exactly on an hour, or a nanosecond beside it */
            utc = utc / NS_PER_HOUR * NS_PER_HOUR + (int64_t)chance_below(c, 3) + NS_PER_HOUR - 1;
        w->ticks[i] = (struct timeline_tick){.tick = (int64_t)(i * i + 3),
                                             .mono_ns = mono,
                                             .utc_ns = utc,
                                             .max_gap_ns = max_gap,
                                             .is_boot = i == 0 && chance_hits(c, 2)};
    }
}

static void make_life(struct chance *c, struct world *w)
{
    w->first = (size_t)chance_below(c, w->tick_count);
    w->last = w->first + (size_t)chance_below(c, w->tick_count - w->first);
    w->segment_count = 0;
    w->counted_tick = chance_hits(c, 4) ? 0 : -1; /* 0: counted before these ticks already */
    for (size_t i = w->first; i <= w->last; i++) {
        bool is_same = i > w->first && !chance_hits(c, 3);

        w->kib[i] = is_same ? w->kib[i - 1] : chance_below(c, UINT64_C(1) << 36);
        w->is_counted[i] = is_same ? w->is_counted[i - 1] : !chance_hits(c, 3);
        if (w->is_counted[i] && w->counted_tick < 0)
            w->counted_tick = w->ticks[i].tick;
        if (is_same && !chance_hits(c, 6)) /* now and then a cut that changes nothing */
            w->segments[w->segment_count - 1].last_tick = w->ticks[i].tick;
        else
            w->segments[w->segment_count++] =
                (struct segment){w->ticks[i].tick, w->ticks[i].tick, w->kib[i], w->is_counted[i]};
    }
}

static void add_slowly(const struct world *w, size_t i, struct usage_part *out, int64_t ns)
{
    const struct timeline_tick *t = &w->ticks[i];
    bool is_gap = (uint64_t)(t[1].mono_ns - t->mono_ns) > t[1].max_gap_ns;
    bool both_count = w->is_counted[i] && w->is_counted[i + 1] && t->tick != w->counted_tick;

    if (!both_count)
        out->excluded_ns += ns;
    else if (is_gap)
        out->missing_ns += ns;
    else {
        out->measured_ns += ns;
        out->kib_ns += (usage_kib_ns)w->kib[i] * (usage_kib_ns)ns;
    }
}

static void integrate_slowly(const struct world *w)
{
    for (size_t i = w->first; i < w->last; i++) {
        int64_t left = w->ticks[i + 1].mono_ns - w->ticks[i].mono_ns;
        int64_t utc = w->ticks[i].utc_ns;

        while (left > 0) {
            int64_t room = NS_PER_HOUR - utc % NS_PER_HOUR;
            int64_t ns = left < room ? left : room;

            assert_in_range(utc / NS_PER_HOUR, 0, HOURS - 1);
            add_slowly(w, i, &slow[utc / NS_PER_HOUR], ns);
            utc += ns;
            left -= ns;
        }
    }
}

static bool add_fast(void *self, const struct usage_part *part, struct error *err)
{
    (void)self;
    (void)err;
    assert_in_range(part->hour, 0, HOURS - 1);
    assert_true(part->measured_ns >= 0 && part->missing_ns >= 0 && part->excluded_ns >= 0);
    fast[part->hour].kib_ns += part->kib_ns;
    fast[part->hour].measured_ns += part->measured_ns;
    fast[part->hour].missing_ns += part->missing_ns;
    fast[part->hour].excluded_ns += part->excluded_ns;
    return true;
}

static const struct usage_sink sink = {add_fast, NULL};

/* The segments that lie in ticks [first, end], cut there, as a store would hand them out. */
static size_t segments_between(const struct world *w, size_t first, size_t end, struct segment *out)
{
    size_t count = 0;

    for (size_t i = 0; i < w->segment_count; i++) {
        struct segment s = w->segments[i];

        if (s.last_tick < w->ticks[first].tick || s.first_tick > w->ticks[end].tick)
            continue;
        if (s.first_tick < w->ticks[first].tick)
            s.first_tick = w->ticks[first].tick;
        if (s.last_tick > w->ticks[end].tick)
            s.last_tick = w->ticks[end].tick;
        out[count++] = s;
    }
    return count;
}

static void integrate_fast(const struct world *w, size_t first, size_t end)
{
    struct timeline tl = {.ticks = w->ticks + first,
                          .tick_count = end - first + 1,
                          .runs = runs,
                          .run_capacity = RUNS};
    struct segment segments[TICKS];
    size_t count = segments_between(w, first, end, segments);
    struct error err;

    assert_ok(timeline_build(&tl, &err));
    assert_ok(integrate_life(&tl, segments, count, w->counted_tick, &sink, &err));
}

static void assert_same(void)
{
    for (size_t hour = 0; hour < HOURS; hour++) {
        assert_usage_equal(fast[hour].kib_ns, slow[hour].kib_ns);
        assert_int_equal(fast[hour].measured_ns, slow[hour].measured_ns);
        assert_int_equal(fast[hour].missing_ns, slow[hour].missing_ns);
        assert_int_equal(fast[hour].excluded_ns, slow[hour].excluded_ns);
    }
}

static void test_integrate_random_lives_equal_the_slow_way(void **state)
{
    struct chance chance = chance_begin("integrate whole");
    struct world w;

    (void)state;
    for (int i = 0; i < 5000; i++) {
        memset(slow, 0, sizeof slow);
        memset(fast, 0, sizeof fast);
        make_ticks(&chance, &w);
        make_life(&chance, &w);
        integrate_slowly(&w);
        integrate_fast(&w, 0, w.tick_count - 1);
        assert_same();
    }
}

static void test_integrate_random_lives_in_two_parts_add_up(void **state)
{
    struct chance chance = chance_begin("integrate in parts");
    struct world w;

    (void)state;
    for (int i = 0; i < 5000; i++) {
        memset(slow, 0, sizeof slow);
        memset(fast, 0, sizeof fast);
        make_ticks(&chance, &w);
        make_life(&chance, &w);
        size_t cut = (size_t)chance_below(&chance, w.tick_count);

        integrate_slowly(&w);
        integrate_fast(&w, 0, cut);
        integrate_fast(&w, cut, w.tick_count - 1);
        assert_same();
    }
}

static void test_integrate_random_durations_add_up_to_the_length(void **state)
{
    struct chance chance = chance_begin("integrate durations");
    struct world w;

    (void)state;
    for (int i = 0; i < 5000; i++) {
        int64_t sum = 0;

        memset(fast, 0, sizeof fast);
        make_ticks(&chance, &w);
        make_life(&chance, &w);
        integrate_fast(&w, 0, w.tick_count - 1);
        for (size_t hour = 0; hour < HOURS; hour++)
            sum += fast[hour].measured_ns + fast[hour].missing_ns + fast[hour].excluded_ns;
        assert_int_equal(sum, w.ticks[w.last].mono_ns - w.ticks[w.first].mono_ns);
    }
}

/* ---- with ticks left out ---- */

static bool is_spilling(const struct timeline_tick *t)
{
    return (t->utc_ns + (t[1].mono_ns - t->mono_ns) - 1) / NS_PER_HOUR != t->utc_ns / NS_PER_HOUR;
}

/* May the tick be left out, by what integrate.h asks for? */
static bool is_needed(const struct world *w, size_t i)
{
    const struct timeline_tick *t = &w->ticks[i];

    if (i == 0 || i + 1 == w->tick_count || t[-1].tick == w->counted_tick)
        return true;
    for (size_t s = 0; s < w->segment_count; s++)
        if (w->segments[s].first_tick == t->tick || w->segments[s].last_tick == t->tick)
            return true;
    return (uint64_t)(t->mono_ns - t[-1].mono_ns) > t->max_gap_ns ||
           (uint64_t)(t[1].mono_ns - t->mono_ns) > t[1].max_gap_ns || is_spilling(t) ||
           is_spilling(t - 1) || t->utc_ns / NS_PER_HOUR != t[-1].utc_ns / NS_PER_HOUR ||
           t->utc_ns / NS_PER_HOUR != t[1].utc_ns / NS_PER_HOUR;
}

static size_t make_thin(const struct world *w, struct world *out)
{
    size_t left_out = 0;
    size_t before = 0;

    *out = *w;
    out->tick_count = 0;
    for (size_t i = 0; i < w->tick_count; i++) {
        if (!is_needed(w, i)) {
            left_out++;
            continue;
        }
        out->ticks[out->tick_count] = w->ticks[i];
        out->ticks[out->tick_count++].is_thinned = i > before + 1;
        before = i;
    }
    return left_out;
}

static void test_integrate_random_lives_with_ticks_left_out_are_the_same(void **state)
{
    struct chance chance = chance_begin("integrate thinned");
    struct world w;
    struct world thin;
    size_t left_out = 0;

    (void)state;
    for (int i = 0; i < 5000; i++) {
        memset(slow, 0, sizeof slow);
        memset(fast, 0, sizeof fast);
        make_ticks(&chance, &w);
        make_life(&chance, &w);
        left_out += make_thin(&w, &thin);
        integrate_slowly(&w);
        integrate_fast(&thin, 0, thin.tick_count - 1);
        assert_same();
    }
    assert_in_range(left_out, 1000, SIZE_MAX);
}

/* ---- where it lies ---- */

struct walk {
    const struct world *w;
    size_t interval; /* the one that the next piece begins in, and how far in it */
    int64_t at_ns;
};

static bool walk_on(void *self, const struct usage_piece *piece, struct error *err)
{
    struct walk *k = self;
    const struct timeline_tick *t = k->w->ticks;
    int64_t ns = piece->part.measured_ns + piece->part.missing_ns + piece->part.excluded_ns;

    (void)err;
    assert_int_equal(piece->first, k->interval);
    assert_int_equal(piece->utc_ns, t[k->interval].utc_ns + k->at_ns);
    assert_int_equal(piece->part.hour, piece->utc_ns / NS_PER_HOUR);
    assert_int_equal(piece->kib, k->w->kib[k->interval]);
    assert_true(piece->end > piece->first && ns > 0);
    for (k->at_ns += ns; k->interval < piece->end; k->interval++) {
        int64_t span = t[k->interval + 1].mono_ns - t[k->interval].mono_ns;

        if (k->at_ns < span)
            break;
        k->at_ns -= span;
    }
    assert_true(k->at_ns == 0 || k->interval + 1 == piece->end);
    return true;
}

static void test_integrate_random_pieces_follow_each_other(void **state)
{
    struct chance chance = chance_begin("integrate pieces");
    struct error err;
    struct world w;

    (void)state;
    for (int i = 0; i < 5000; i++) {
        struct walk walk = {.w = &w};
        const struct piece_sink pieces = {walk_on, &walk};

        make_ticks(&chance, &w);
        make_life(&chance, &w);
        walk.interval = w.first;
        struct timeline tl = {.ticks = w.ticks,
                              .tick_count = w.tick_count,
                              .runs = runs,
                              .run_capacity = RUNS};

        assert_ok(timeline_build(&tl, &err));
        assert_ok(
            integrate_pieces(&tl, w.segments, w.segment_count, w.counted_tick, &pieces, &err));
        assert_int_equal(walk.interval, w.last);
        assert_int_equal(walk.at_ns, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integrate_random_lives_equal_the_slow_way),
        cmocka_unit_test(test_integrate_random_lives_in_two_parts_add_up),
        cmocka_unit_test(test_integrate_random_durations_add_up_to_the_length),
        cmocka_unit_test(test_integrate_random_lives_with_ticks_left_out_are_the_same),
        cmocka_unit_test(test_integrate_random_pieces_follow_each_other),
    };

    return cmocka_run_group_tests_name("integrate_naive", tests, NULL, NULL);
}
