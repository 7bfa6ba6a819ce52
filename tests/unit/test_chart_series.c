/*
 * Lives side by side are added up and nothing is lost; ranges are cut and add up; all of the time
 * is told.
 */
#include "chance.h"
#include "check.h"

#include <stdlib.h>

#include "chart/points.h"

#define HOUR NS_PER_HOUR
#define BEGIN (1000 * HOUR)
#define S NS_PER_S

static struct error err;
static struct series series;

static struct store_piece piece(int64_t life, int64_t from_s, int64_t to_s, uint64_t kib)
{
    return (struct store_piece){.life = life,
                                .tick = from_s,
                                .end_tick = to_s,
                                .hour = (BEGIN + from_s * S) / HOUR,
                                .from_utc_ns = BEGIN + from_s * S,
                                .to_utc_ns = BEGIN + to_s * S,
                                .ns = (to_s - from_s) * S,
                                .kib = kib};
}

static void make(const struct store_piece *pieces, size_t count)
{
    struct series_span span = {BEGIN, BEGIN + HOUR};

    series_clear(&series);
    assert_ok(series_make(&span, pieces, count, &series, &err));
}

static void assert_piece(size_t i, enum piece_kind kind, int64_t from_s, int64_t to_s, uint64_t kib)
{
    const struct store_piece *p = &series.pieces[i];

    assert_true(i < series.count);
    assert_int_equal(p->kind, kind);
    assert_int_equal(p->from_utc_ns, BEGIN + from_s * S);
    assert_int_equal(p->to_utc_ns, BEGIN + to_s * S);
    assert_int_equal(p->ns, (to_s - from_s) * S);
    assert_int_equal(p->kib, kib);
}

static int end(void **state)
{
    (void)state;
    series_clear(&series);
    return 0;
}

static void test_series_of_nothing_is_nothing(void **state)
{
    (void)state;
    make(NULL, 0);
    assert_int_equal(series.count, 1);
    assert_piece(0, PIECE_NOTHING, 0, 3600, 0);
    assert_int_equal(series.hour_count, 0);
}

static void test_series_lives_side_by_side_are_added_up(void **state)
{
    struct store_piece pieces[] = {piece(1, 100, 300, 10), piece(2, 200, 400, 7)};

    (void)state;
    make(pieces, 2);
    assert_int_equal(series.count, 5);
    assert_piece(0, PIECE_NOTHING, 0, 100, 0);
    assert_piece(1, PIECE_BILLED, 100, 200, 10);
    assert_piece(2, PIECE_BILLED, 200, 300, 17);
    assert_piece(3, PIECE_BILLED, 300, 400, 7);
    assert_piece(4, PIECE_NOTHING, 400, 3600, 0);
    assert_int_equal(series.total.part.measured_ns, 400 * S); /* of both, as in usage */
    assert_int_equal(series.total.least_kib, 7);
    assert_int_equal(series.total.most_kib, 17);
}

static void test_series_kinds_lie_side_by_side_and_are_not_added_up(void **state)
{
    struct store_piece pieces[] = {piece(1, 0, 3600, 10), piece(2, 200, 400, 7)};

    (void)state;
    pieces[1].kind = PIECE_EXCLUDED;
    make(pieces, 2);
    assert_int_equal(series.count, 2);
    assert_piece(0, PIECE_BILLED, 0, 3600, 10);
    assert_piece(1, PIECE_EXCLUDED, 200, 400, 7);
    assert_int_equal(series.total.part.excluded_ns, 200 * S);
}

static void test_series_what_clocks_differ_by_counts(void **state)
{
    struct store_piece pieces[] = {piece(1, 100, 300, 10), piece(2, 100, 300, 7)};

    (void)state;
    pieces[0].ns += 5;
    make(pieces, 2);
    assert_int_equal(series.count, 4);
    assert_piece(1, PIECE_BILLED, 100, 300, 17);
    assert_int_equal(series.pieces[2].from_utc_ns, series.pieces[2].to_utc_ns);
    assert_int_equal(series.pieces[2].ns, 5);
    assert_int_equal(series.pieces[2].kib, 10);
}

static void test_series_time_that_is_there_again_is_not_added_up(void **state)
{
    struct store_piece pieces[] = {piece(1, 100, 300, 10), piece(1, 200, 300, 12)};

    (void)state;
    pieces[1].is_again = true;
    make(pieces, 2);
    assert_int_equal(series.count, 4);
    assert_true(series.has_again);
    assert_int_equal(series.total.most_kib, 12);
    assert_usage_equal(series.total.part.kib_ns, (usage_kib_ns)(uint64_t)(2000 * S + 1200 * S));
}

static void test_series_gaps_that_touch_are_one(void **state)
{
    struct store_piece pieces[] = {piece(1, 3000, 3600, 10), piece(1, 3600, 3700, 10),
                                   piece(1, 3800, 3900, 10)};
    struct series_span span = {BEGIN, BEGIN + 2 * HOUR};

    (void)state;
    for (int i = 0; i < 3; i++)
        pieces[i].kind = PIECE_MISSING;
    series_clear(&series);
    assert_ok(series_make(&span, pieces, 3, &series, &err));
    assert_int_equal(series.gaps, 2);
    assert_int_equal(series.hour_count, 2);
}

/* ---- cutting ---- */

static void test_series_cut_takes_a_part_of_an_hour_by_where_it_lies(void **state)
{
    struct store_piece pieces[] = {piece(1, 100, 300, 10), piece(1, 300, 400, 11),
                                   piece(1, 500, 600, 12)};
    struct series_span span = {BEGIN + 200 * S, BEGIN + 550 * S};

    (void)state;
    assert_int_equal(series_cut(&span, pieces, 3), 3);
    assert_int_equal(pieces[0].ns, 100 * S);
    assert_int_equal(pieces[0].from_utc_ns, BEGIN + 200 * S);
    assert_int_equal(pieces[1].ns, 100 * S);
    assert_int_equal(pieces[2].ns, 50 * S);
    assert_int_equal(pieces[2].to_utc_ns, BEGIN + 550 * S);
}

static void test_series_cut_leaves_whole_hours_as_they_are(void **state)
{
    struct store_piece pieces[] = {piece(1, 0, 3600, 10)};
    struct series_span span = {BEGIN, BEGIN + HOUR};

    (void)state;
    pieces[0].to_utc_ns += 7; /* as clocks are read */
    pieces[0].ns -= 3;
    assert_int_equal(series_cut(&span, pieces, 1), 1);
    assert_int_equal(pieces[0].ns, 3600 * S - 3);
    assert_int_equal(pieces[0].to_utc_ns, BEGIN + HOUR + 7);
}

static void test_series_cut_at_its_borders(void **state)
{
    struct store_piece before[] = {piece(1, 100, 200, 1)};
    struct store_piece behind[] = {piece(1, 300, 400, 1)};
    struct series_span span = {BEGIN + 200 * S, BEGIN + 300 * S};

    (void)state;
    assert_int_equal(series_cut(&span, before, 1), 0);
    assert_int_equal(series_cut(&span, behind, 1), 0);
}

/* ---- random ---- */

enum { PIECES_MAX = 60 };

static size_t make_pieces(struct chance *c, struct store_piece *out)
{
    size_t count = 0;

    for (int64_t life = 1; life <= 4; life++) {
        int64_t at = (int64_t)chance_below(c, 3 * (uint64_t)HOUR);

        while (count < PIECES_MAX && !chance_hits(c, 12) && at < 4 * HOUR) {
            int64_t room = HOUR - at % HOUR;
            int64_t length = 1 + (int64_t)chance_below(c, 1500 * (uint64_t)S);
            struct store_piece *p = &out[count++];

            length = length < room ? length : room;
            *p = (struct store_piece){.life = life,
                                      .tick = at,
                                      .end_tick = at + length,
                                      .hour = (BEGIN + at) / HOUR,
                                      .from_utc_ns = BEGIN + at,
                                      .to_utc_ns = BEGIN + at + length,
                                      .ns = length + (int64_t)chance_below(c, 3),
                                      .kib = chance_below(c, 1 << 20),
                                      .kind = (enum piece_kind)chance_below(c, 3),
                                      .is_again = chance_hits(c, 20)};
            at += length + (chance_hits(c, 4) ? (int64_t)chance_below(c, 900 * (uint64_t)S) : 0);
        }
    }
    return count;
}

static usage_kib_ns billed(const struct store_piece *pieces, size_t count)
{
    usage_kib_ns sum = 0;

    for (size_t i = 0; i < count; i++)
        if (pieces[i].kind == PIECE_BILLED)
            sum += (usage_kib_ns)pieces[i].kib * (usage_kib_ns)pieces[i].ns;
    return sum;
}

/* What holds at an instant, of what is there once. */
static uint64_t held_at(const struct store_piece *pieces, size_t count, enum piece_kind kind,
                        int64_t at)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++)
        if (pieces[i].kind == kind && !pieces[i].is_again && pieces[i].from_utc_ns <= at &&
            at < pieces[i].to_utc_ns)
            sum += pieces[i].kib;
    return sum;
}

static void assert_apart(const struct series *s)
{
    int64_t reach[PIECE_KINDS] = {0};

    for (size_t i = 0; i < s->count; i++) {
        const struct store_piece *p = &s->pieces[i];

        assert_true(i == 0 || p->from_utc_ns >= p[-1].from_utc_ns);
        if (p->is_again || p->from_utc_ns == p->to_utc_ns)
            continue;
        assert_true(p->from_utc_ns >= reach[p->kind]);
        reach[p->kind] = p->to_utc_ns;
    }
}

static void test_series_random_lives_lose_nothing_and_hold_their_sum(void **state)
{
    struct chance c = chance_begin("chart series");
    struct series_span span = {BEGIN, BEGIN + 4 * HOUR};
    struct store_piece pieces[PIECES_MAX];

    (void)state;
    for (int round = 0; round < 2000; round++) {
        size_t count = make_pieces(&c, pieces);

        series_clear(&series);
        assert_ok(series_make(&span, pieces, count, &series, &err));
        assert_usage_equal(billed(series.pieces, series.count), billed(pieces, count));
        assert_usage_equal(series.total.part.kib_ns, billed(pieces, count));
        assert_apart(&series);
        for (int i = 0; i < 20; i++) {
            int64_t at = BEGIN + (int64_t)chance_below(&c, 4 * (uint64_t)HOUR);

            for (int kind = PIECE_BILLED; kind <= PIECE_MISSING; kind++)
                assert_int_equal(held_at(series.pieces, series.count, (enum piece_kind)kind, at),
                                 held_at(pieces, count, (enum piece_kind)kind, at));
        }
    }
}

static void test_series_random_ranges_that_follow_each_other_add_up(void **state)
{
    struct chance c = chance_begin("chart cut");
    struct store_piece all[PIECES_MAX];
    struct store_piece left[PIECES_MAX];
    struct store_piece right[PIECES_MAX];

    (void)state;
    for (int round = 0; round < 2000; round++) {
        size_t count = make_pieces(&c, all);
        int64_t at[3];

        for (int i = 0; i < 3; i++)
            at[i] = BEGIN + (int64_t)chance_below(&c, 4 * (uint64_t)HOUR);
        if (at[0] > at[1] || at[1] > at[2])
            continue;
        memcpy(left, all, sizeof left);
        memcpy(right, all, sizeof right);
        struct series_span whole = {at[0], at[2]};
        struct series_span first = {at[0], at[1]};
        struct series_span second = {at[1], at[2]};
        size_t lefts = series_cut(&first, left, count);
        size_t rights = series_cut(&second, right, count);

        count = series_cut(&whole, all, count);
        assert_usage_equal(billed(all, count), billed(left, lefts) + billed(right, rights));
    }
}

/* ---- lines ---- */

static void test_points_of_a_series_are_blank_between_pieces(void **state)
{
    struct store_piece pieces[] = {piece(1, 100, 300, 10), piece(1, 300, 400, 10),
                                   piece(1, 500, 600, 12)};
    struct points p = {0};

    (void)state;
    make(pieces, 3);
    assert_ok(points_of_series(&series, PIECE_BILLED, false, &p, &err));
    assert_int_equal(p.count, 4);
    assert_int_equal(p.list[0].utc_ns, BEGIN + 100 * S);
    assert_int_equal(p.list[0].kib, 10);
    assert_true(p.list[1].is_blank);
    assert_int_equal(p.list[1].utc_ns, BEGIN + 400 * S);
    assert_int_equal(p.list[2].kib, 12);
    assert_true(p.list[3].is_blank);
    points_clear(&p);
}

static void test_points_mean_counts_known_time_only(void **state)
{
    struct series_span span = {100, 200};
    struct series_span none = {300, 400};
    struct points p = {0};
    uint64_t kib = 0;

    (void)state;
    assert_ok(points_add_value(&p, 50, 10, &err));
    assert_ok(points_add_blank(&p, 120, &err));
    assert_ok(points_add_value(&p, 180, 30, &err));
    assert_ok(points_add_blank(&p, 250, &err));
    assert_true(points_mean(&p, &span, &kib));
    assert_int_equal(kib, 20);
    assert_false(points_mean(&p, &none, &kib));
    points_clear(&p);
}

#define test(name) cmocka_unit_test_teardown(name, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_series_of_nothing_is_nothing),
        test(test_series_lives_side_by_side_are_added_up),
        test(test_series_kinds_lie_side_by_side_and_are_not_added_up),
        test(test_series_what_clocks_differ_by_counts),
        test(test_series_time_that_is_there_again_is_not_added_up),
        test(test_series_gaps_that_touch_are_one),
        test(test_series_cut_takes_a_part_of_an_hour_by_where_it_lies),
        test(test_series_cut_leaves_whole_hours_as_they_are),
        test(test_series_cut_at_its_borders),
        test(test_series_random_lives_lose_nothing_and_hold_their_sum),
        test(test_series_random_ranges_that_follow_each_other_add_up),
        test(test_points_of_a_series_are_blank_between_pieces),
        test(test_points_mean_counts_known_time_only),
    };

    return cmocka_run_group_tests_name("chart_series", tests, NULL, NULL);
}
