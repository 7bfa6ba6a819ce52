/*
 * Fewer points for the same picture: by hand, and over random lines against the words of
 * downsample.h.
 */
#include "chance.h"
#include "check.h"

#include "chart/downsample.h"

static struct error err;

static void add(struct points *p, int64_t utc_ns, uint64_t kib)
{
    assert_ok(points_add_value(p, utc_ns, kib, &err));
}

static void test_downsample_few_points_stay_as_they_are(void **state)
{
    struct series_span span = {0, 100};
    struct points p = {0};

    (void)state;
    for (int i = 0; i < 8; i++)
        add(&p, i, (uint64_t)i + 1);
    downsample(&p, &span, 8);
    assert_int_equal(p.count, 8);
    downsample(&p, &span, 7);
    assert_in_range(p.count, 1, 7);
    points_clear(&p);
}

static void test_downsample_keeps_a_peak_of_a_nanosecond(void **state)
{
    struct series_span span = {0, 1000000};
    struct points p = {0};
    size_t peaks = 0;

    (void)state;
    for (int i = 0; i < 1000; i++)
        add(&p, i * 1000, 100 + (uint64_t)i % 2);
    p.list[517].least_kib = p.list[517].kib = p.list[517].most_kib = 99999;
    downsample(&p, &span, 8);
    assert_in_range(p.count, 1, 8);
    for (size_t i = 0; i < p.count; i++)
        peaks += p.list[i].kib == 99999 && p.list[i].utc_ns == 517000;
    assert_int_equal(peaks, 1);
    points_clear(&p);
}

static void test_downsample_keeps_a_short_gap(void **state)
{
    struct series_span span = {0, 1000};
    struct points p = {0};
    size_t blanks = 0;

    (void)state;
    for (int i = 0; i < 500; i++)
        add(&p, i, 100 + (uint64_t)i % 7);
    assert_ok(points_add_blank(&p, 500, &err));
    for (int i = 501; i < 1000; i++)
        add(&p, i, 100 + (uint64_t)i % 7);
    downsample(&p, &span, 4);
    for (size_t i = 0; i < p.count; i++)
        blanks += p.list[i].is_blank && p.list[i].utc_ns == 500;
    assert_int_equal(blanks, 1);
    assert_int_equal(p.count, 4);
    points_clear(&p);
}

/* ---- random lines ---- */

enum { POINTS_MAX = 600 };

static void make_line(struct chance *c, const struct series_span *span, struct points *p)
{
    size_t count = 1 + chance_below(c, POINTS_MAX);
    int64_t at = span->from_utc_ns + (int64_t)chance_below(c, 50) - 20;

    for (size_t i = 0; i < count; i++) {
        uint64_t least = chance_below(c, 1000);
        struct chart_point point = {at, least, least + chance_below(c, 10), least + 10, false};

        if (chance_hits(c, 4)) /* as it came */
            point.kib = point.most_kib = least;
        if (chance_hits(c, 9))
            point = (struct chart_point){.utc_ns = at, .is_blank = true};
        assert_ok(points_add(p, &point, &err));
        at += 1 + (int64_t)chance_below(c, chance_hits(c, 20) ? 400 : 8);
    }
}

static size_t bucket_of(const struct series_span *span, size_t buckets, int64_t at)
{
    int64_t length = span->to_utc_ns - span->from_utc_ns;

    if (at < span->from_utc_ns)
        return 0;
    return at >= span->to_utc_ns ? buckets - 1
                                 : (size_t)((at - span->from_utc_ns) * (int64_t)buckets / length);
}

/* What a bucket shows: what held when it began, and what came in it. */
struct shown {
    uint64_t least, most;
    bool has_value, has_blank;
    struct chart_point last;
};

static void show(struct shown *s, const struct chart_point *p)
{
    s->last = *p;
    if (p->is_blank) {
        s->has_blank = true;
        return;
    }
    if (!s->has_value || p->least_kib < s->least)
        s->least = p->least_kib;
    if (!s->has_value || p->most_kib > s->most)
        s->most = p->most_kib;
    s->has_value = true;
}

static void show_all(const struct points *p, const struct series_span *span, size_t buckets,
                     struct shown *out)
{
    struct chart_point before = {.is_blank = true};
    size_t at = 0;

    for (size_t b = 0; b < buckets; b++) {
        out[b] = (struct shown){0};
        show(&out[b], &before);
        for (; at < p->count && bucket_of(span, buckets, p->list[at].utc_ns) == b; at++)
            show(&out[b], &p->list[at]);
        before = out[b].last;
    }
    assert_int_equal(at, p->count);
}

static bool is_equal(const struct chart_point *a, const struct chart_point *b)
{
    return a->utc_ns == b->utc_ns && a->least_kib == b->least_kib && a->kib == b->kib &&
           a->most_kib == b->most_kib && a->is_blank == b->is_blank;
}

/* What stays was there, in the same order. */
static void assert_part_of(const struct points *few, const struct points *all)
{
    size_t at = 0;

    for (size_t i = 0; i < few->count; i++) {
        while (at < all->count && !is_equal(&few->list[i], &all->list[at]))
            at++;
        assert_true(at < all->count);
    }
}

static void test_downsample_random_lines_show_the_same(void **state)
{
    struct chance c = chance_begin("downsample");
    static struct shown before[POINTS_MAX];
    static struct shown after[POINTS_MAX];

    (void)state;
    for (int round = 0; round < 2000; round++) {
        struct series_span span = {1000, 1000 + 1 + (int64_t)chance_below(&c, 3000)};
        size_t most = DOWNSAMPLE_PER_BUCKET + chance_below(&c, 100);
        size_t buckets = most / DOWNSAMPLE_PER_BUCKET;
        struct points all = {0};
        struct points few = {0};
        struct chance same = c;

        make_line(&c, &span, &all);
        make_line(&same, &span, &few);
        downsample(&few, &span, most);
        assert_true(few.count <= most);
        assert_part_of(&few, &all);
        if (all.count <= most)
            assert_int_equal(few.count, all.count);
        show_all(&all, &span, buckets, before);
        show_all(&few, &span, buckets, after);
        for (size_t b = 0; b < buckets; b++) {
            assert_int_equal(after[b].has_value, before[b].has_value);
            assert_int_equal(after[b].has_blank, before[b].has_blank);
            assert_int_equal(after[b].least, before[b].least);
            assert_int_equal(after[b].most, before[b].most);
            assert_true(is_equal(&after[b].last, &before[b].last));
        }
        points_clear(&all);
        points_clear(&few);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_downsample_few_points_stay_as_they_are),
        cmocka_unit_test(test_downsample_keeps_a_peak_of_a_nanosecond),
        cmocka_unit_test(test_downsample_keeps_a_short_gap),
        cmocka_unit_test(test_downsample_random_lines_show_the_same),
    };

    return cmocka_run_group_tests_name("chart_downsample", tests, NULL, NULL);
}
