/*
 * What VMs held, in pieces: against the usage by the hour, over random histories with gaps, steps
 * of the clock, restarts, boots and pruning; and with and without most ticks.
 */
#include "chance.h"
#include "store_scene.h"

#include "meter/rules.h"
#include "store/series_impl.h"

enum { VMS = 3, TICKS = 400, HISTORIES = 25 };

#define WIDE_GAP (600 * NS_PER_S)

/* ---- a history ---- */

struct history {
    struct store_scene *t;
    struct chance *c;
    uint64_t seq;
    int64_t mono_ns, utc_ns;
    unsigned boot;
};

static void head(struct history *h)
{
    struct record record = head_record();

    record.head.boot = uuid_of(h->boot);
    record.head.interval_ns = (uint64_t)(60 * NS_PER_S);
    record.head.max_gap_ns = (uint64_t)(chance_hits(h->c, 3) ? WIDE_GAP / 2 : WIDE_GAP);
    assert_int_equal(scene_feed(&h->t->s, record), METER_NOTHING);
}

static int64_t any_interval(struct chance *c)
{
    switch (chance_below(c, 20)) {
    case 0:
        return WIDE_GAP;
    case 1:
        return WIDE_GAP + 1;
    case 2:
        return 1 + (int64_t)chance_below(c, 5 * (uint64_t)NS_PER_HOUR);
    default:
        return NS_PER_S + (int64_t)chance_below(c, 300 * (uint64_t)NS_PER_S);
    }
}

/* Follows the elapsed time, wavers, or is set; now and then it stands right at an hour. */
static void pass(struct history *h)
{
    struct chance *c = h->c;
    int64_t interval = any_interval(c);

    h->mono_ns += interval;
    h->utc_ns += interval;
    switch (chance_below(c, 24)) {
    case 0:
        h->utc_ns += (int64_t)chance_below(c, 6 * (uint64_t)NS_PER_HOUR) - 3 * NS_PER_HOUR;
        break;
    case 1:
        h->utc_ns += (int64_t)chance_below(c, 4 * (uint64_t)CLOCK_STEP_NS) - 2 * CLOCK_STEP_NS;
        break;
    case 2:
    case 3:
        h->utc_ns = h->utc_ns / NS_PER_HOUR * NS_PER_HOUR + (int64_t)chance_below(c, 3) - 1;
        break;
    default:
        h->utc_ns += (int64_t)chance_below(c, 2000) - 1000;
    }
    if (h->utc_ns < START)
        h->utc_ns = START;
}

static void change_vm(struct history *h, unsigned domid)
{
    struct chance *c = h->c;
    struct sample s = running(domid, 1 + chance_below(c, 1 << 20));

    s.uuid = uuid_of(1 + domid % VMS); /* several domains of one VM, at times at once */
    if (chance_hits(c, 5))
        s.cpu_ns = 0;
    if (chance_hits(c, 5))
        s.flags = SAMPLE_SHUTDOWN;
    scene_put(&h->t->s, s);
}

static void change(struct history *h)
{
    struct scene *s = &h->t->s;
    struct chance *c = h->c;

    if (s->count > 0 && chance_hits(c, 12))
        scene_remove(s, s->samples[chance_below(c, s->count)].domid);
    if (chance_hits(c, 4))
        change_vm(h, (unsigned)chance_below(c, 6));
}

static void boot(struct history *h)
{
    struct record record = {.kind = RECORD_BOOT, .boot = uuid_of(++h->boot)};

    assert_int_equal(scene_feed(&h->t->s, record), METER_NOTHING);
    head(h);
    h->seq = 0;
    h->mono_ns = NS_PER_S;
}

static void live(struct history *h, size_t ticks)
{
    struct scene *s = &h->t->s;

    for (size_t i = 0; i < ticks; i++) {
        if (chance_hits(h->c, 80))
            boot(h);
        else if (chance_hits(h->c, 60))
            head(h); /* restarted, perhaps with another max_gap */
        pass(h);
        change(h);
        h->seq += 1 + (chance_hits(h->c, 10) ? chance_below(h->c, 50) : 0);
        struct tick tick = scene_tick_at(s, h->seq);

        tick.mono_ns = h->mono_ns;
        tick.utc_ns = h->utc_ns;
        if (scene_feed_tick(s, tick) != METER_TICK)
            fail_msg("no tick: %s", s->err.text);
        store_write(h->t);
    }
}

static struct history begin(struct store_scene *t, struct chance *c)
{
    struct history h = {.t = t, .c = c, .mono_ns = NS_PER_S, .utc_ns = START, .boot = 0x33};

    head(&h);
    return h;
}

/* ---- the usage by the hour ---- */

enum { HOURS = 4000 };

struct sums {
    struct usage_reader reader;
    struct usage_part hours[HOURS];
};

static struct usage_part *hour_of(struct sums *sums, int64_t hour)
{
    assert_in_range(hour, START_HOUR, START_HOUR + HOURS - 1);
    return &sums->hours[hour - START_HOUR];
}

static void add(struct usage_part *sum, const struct usage_part *part)
{
    sum->kib_ns += part->kib_ns;
    sum->measured_ns += part->measured_ns;
    sum->missing_ns += part->missing_ns;
    sum->excluded_ns += part->excluded_ns;
}

static bool add_part(struct usage_reader *reader, size_t life, const struct usage_part *part,
                     struct error *err)
{
    struct sums *sums = (struct sums *)(void *)reader;

    (void)err;
    if (reader->lives[life].is_billed)
        add(hour_of(sums, part->hour), part);
    return true;
}

static struct sums *usage_of(struct store *store, const struct uuid *vm, int64_t from, int64_t to)
{
    struct usage_query query = {.from_hour = from, .to_hour = to, .by_hour = true, .vm = vm};
    struct sums *sums = calloc(1, sizeof *sums);
    struct error err;

    assert_non_null(sums);
    sums->reader.add = add_part;
    assert_ok(store_usage(store, &query, &sums->reader, &err));
    free(sums->reader.lives);
    return sums;
}

/* ---- what the pieces must be ---- */

static void take(struct sums *sums, const struct store_piece *p)
{
    struct usage_part part = {.hour = p->hour};

    if (p->kind == PIECE_BILLED) {
        part.kib_ns = (usage_kib_ns)p->kib * (usage_kib_ns)p->ns;
        part.measured_ns = p->ns;
    } else if (p->kind == PIECE_MISSING) {
        part.missing_ns = p->ns;
    } else {
        part.excluded_ns = p->ns;
    }
    add(hour_of(sums, p->hour), &part);
}

static void assert_apart(const struct store_piece *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = i + 1;
             k < count && list[k].vm == list[i].vm && list[k].from_utc_ns < list[i].to_utc_ns; k++)
            if (list[k].life == list[i].life && !list[i].is_average && !list[k].is_average &&
                list[k].from_utc_ns < list[k].to_utc_ns)
                assert_true(list[i].is_again || list[k].is_again);
}

static void assert_adds_up(struct store *store, int64_t from, int64_t to)
{
    struct uuid vms[VMS] = {uuid_of(1), uuid_of(2), uuid_of(3)};
    struct series_query query = {.from_hour = from, .to_hour = to, .vms = vms, .vm_count = VMS};
    struct store_piece *list = NULL;
    size_t count = 0;
    size_t at = 0;
    struct error err;

    assert_ok(store_series(store, &query, &list, &count, &err));
    assert_apart(list, count);
    for (size_t vm = 0; vm < VMS; vm++) {
        struct sums *wanted = usage_of(store, &vms[vm], from, to);
        struct sums *found = calloc(1, sizeof *found);

        assert_non_null(found);
        for (; at < count && list[at].vm == vm; at++) {
            assert_true(list[at].ns > 0 || list[at].is_again);
            assert_true(list[at].to_utc_ns >= list[at].from_utc_ns);
            assert_in_range(list[at].hour, from, to - 1);
            take(found, &list[at]);
        }
        for (size_t i = 0; i < HOURS; i++) {
            assert_usage_equal(found->hours[i].kib_ns, wanted->hours[i].kib_ns);
            assert_int_equal(found->hours[i].measured_ns, wanted->hours[i].measured_ns);
            assert_int_equal(found->hours[i].missing_ns, wanted->hours[i].missing_ns);
            assert_int_equal(found->hours[i].excluded_ns, wanted->hours[i].excluded_ns);
        }
        free(wanted);
        free(found);
    }
    assert_int_equal(at, count);
    free(list);
}

static void assert_ranges_add_up(struct store *store, struct chance *c)
{
    assert_adds_up(store, START_HOUR, START_HOUR + HOURS);
    for (int i = 0; i < 4; i++) {
        int64_t from = START_HOUR + (int64_t)chance_below(c, 40);

        assert_adds_up(store, from, from + 1 + (int64_t)chance_below(c, 20));
    }
}

/* Each history in a store of its own. */
static void with_histories(const char *name, void (*run)(struct store_scene *t, struct chance *c))
{
    struct chance chance = chance_begin(name);

    for (int i = 0; i < HISTORIES; i++) {
        void *state = NULL;

        assert_int_equal(store_scene_begin(&state), 0);
        run(state, &chance);
        assert_int_equal(store_scene_end(&state), 0);
    }
}

static void add_up(struct store_scene *t, struct chance *c)
{
    struct history h = begin(t, c);

    live(&h, 1 + chance_below(c, TICKS));
    assert_ranges_add_up(t->store, c);
}

static void test_series_random_pieces_add_up_to_usage(void **state)
{
    (void)state;
    with_histories("series adds up", add_up);
}

static void add_up_pruned(struct store_scene *t, struct chance *c)
{
    struct history h = begin(t, c);
    unsigned pruned = 0;
    struct error err;

    live(&h, TICKS);
    assert_ok(
        store_prune(t->store, START_HOUR + (int64_t)chance_below(c, 40), 1000, &pruned, &err));
    live(&h, 20);
    assert_ranges_add_up(t->store, c);
}

static void test_series_random_pieces_of_pruned_hours_add_up_too(void **state)
{
    (void)state;
    with_histories("series pruned", add_up_pruned);
}

/* ---- with and without most ticks ---- */

static struct piece_list read_as(struct store *store, bool is_dense)
{
    struct series_life lives[64];
    struct series_range range = {.from_hour = 0,
                                 .to_hour = INT64_MAX,
                                 .end_segment = INT64_MAX,
                                 .is_dense = is_dense,
                                 .lives = lives,
                                 .life_count = 0};
    struct db_stmt *stmt = NULL;
    struct piece_list out = {0};
    struct error err;

    assert_ok(db_prepare(&store->db,
                         "SELECT life, first_tick, coalesce(last_tick, 9223372036854775807),"
                         " coalesce(counted_tick, -1) FROM life ORDER BY life",
                         &stmt, &err));
    while (db_step(stmt, "read", &err) == DB_ROW && range.life_count < 64) {
        lives[range.life_count++] = (struct series_life){db_int(stmt, 0), db_int(stmt, 1),
                                                         db_int(stmt, 2), db_int(stmt, 3), 0};
    }
    db_finalize(stmt);
    bool is_null;

    assert_ok(db_get_int(&store->db, "SELECT min(tick) FROM tick", &range.from, &is_null, &err));
    assert_ok(db_get_int(&store->db, "SELECT max(tick) FROM tick", &range.to, &is_null, &err));
    assert_ok(series_read_range(store, &range, &out, &err));
    assert_ok(series_place(&out, 0, &err));
    return out;
}

static void assert_same_piece(const struct store_piece *a, const struct store_piece *b)
{
    assert_int_equal(a->life, b->life);
    assert_int_equal(a->tick, b->tick);
    assert_int_equal(a->end_tick, b->end_tick);
    assert_int_equal(a->hour, b->hour);
    assert_int_equal(a->from_utc_ns, b->from_utc_ns);
    assert_int_equal(a->to_utc_ns, b->to_utc_ns);
    assert_int_equal(a->ns, b->ns);
    assert_int_equal(a->kib, b->kib);
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->cause, b->cause);
    assert_int_equal(a->is_again, b->is_again);
}

/* A clock that does not waver at the end of an hour: then most ticks tell nothing. */
static void test_series_without_most_ticks_is_the_same(void **state)
{
    struct store_scene *t = *state;
    struct chance chance = chance_begin("series thinned");
    struct history h = begin(t, &chance);

    for (int i = 0; i < TICKS; i++) {
        int64_t interval = chance_hits(&chance, 30) ? 2 * NS_PER_HOUR : 100 * NS_PER_S;

        h.mono_ns += interval;
        h.utc_ns += interval;
        if (chance_hits(&chance, 40))
            h.utc_ns += (int64_t)chance_below(&chance, 3 * (uint64_t)NS_PER_HOUR) - NS_PER_HOUR;
        if (h.utc_ns < START)
            h.utc_ns = START;
        if (chance_hits(&chance, 10))
            change_vm(&h, 1 + (unsigned)chance_below(&chance, 5));
        struct tick tick = scene_tick_at(&t->s, ++h.seq);

        tick.mono_ns = h.mono_ns;
        tick.utc_ns = h.utc_ns;
        assert_int_equal(scene_feed_tick(&t->s, tick), METER_TICK);
        store_write(t);
    }
    struct piece_list thin = read_as(t->store, false);
    struct piece_list whole = read_as(t->store, true);

    assert_int_equal(thin.count, whole.count);
    for (size_t i = 0; i < thin.count; i++)
        assert_same_piece(&thin.list[i], &whole.list[i]);
    free(thin.list);
    free(whole.list);
}

/* ---- one by one ---- */

static struct store_piece *pieces_of(struct store *store, unsigned vm, size_t *count)
{
    struct uuid uuid = uuid_of(vm);
    struct series_query query = {.from_hour = 0,
                                 .to_hour = START_HOUR + 100,
                                 .vms = &uuid,
                                 .vm_count = 1};
    struct store_piece *list = NULL;
    struct error err;

    *count = 0;
    assert_ok(store_series(store, &query, &list, count, &err));
    return list;
}

static void assert_piece(const struct store_piece *p, enum piece_kind kind, int64_t from_s,
                         int64_t to_s, uint64_t kib)
{
    assert_int_equal(p->kind, kind);
    assert_int_equal(p->from_utc_ns, START + from_s * NS_PER_S);
    assert_int_equal(p->to_utc_ns, START + to_s * NS_PER_S);
    assert_int_equal(p->ns, (to_s - from_s) * NS_PER_S);
    assert_int_equal(p->kib, kib);
}

static void test_series_of_a_vm_that_is_not_there_is_empty(void **state)
{
    struct store_scene *t = *state;
    size_t count;

    store_ticks(t, 1, 10, 1);
    free(pieces_of(t->store, 9, &count));
    assert_int_equal(count, 0);
}

static void test_series_first_rectangle_is_excluded_and_a_gap_is_missing(void **state)
{
    struct store_scene *t = *state;
    struct record gap = {.kind = RECORD_GAP, .gap = GAP_OVERRUN};
    size_t count;

    scene_put(&t->s, running(1, 100));
    store_ticks(t, 1, 5, 1);
    scene_put(&t->s, running(1, 300));
    store_tick(t, 5);
    (void)scene_feed(&t->s, gap);
    store_tick(t, 20);
    store_tick(t, 21);
    struct store_piece *list = pieces_of(t->store, 1, &count);

    assert_int_equal(count, 4);
    assert_piece(&list[0], PIECE_EXCLUDED, 1, 2, 100);
    assert_piece(&list[1], PIECE_BILLED, 2, 5, 100);
    assert_piece(&list[2], PIECE_MISSING, 5, 20, 300);
    assert_int_equal(list[2].cause, GAP_OVERRUN);
    assert_piece(&list[3], PIECE_BILLED, 20, 21, 300);
    free(list);
}

static void test_series_time_that_is_there_twice_is_said(void **state)
{
    struct store_scene *t = *state;
    size_t count;

    scene_put(&t->s, running(1, 100));
    store_ticks(t, 1, 11, 1);
    for (uint64_t seq = 11; seq < 21; seq++) {
        struct tick tick = scene_tick_at(&t->s, seq);

        tick.utc_ns -= 4 * NS_PER_S;
        assert_int_equal(scene_feed_tick(&t->s, tick), METER_TICK);
        store_write(t);
    }
    struct store_piece *list = pieces_of(t->store, 1, &count);

    /* 1-2 is free, 2-11; the clock is 7 instead of 11: 7-11 again, and on to 16 */
    assert_int_equal(count, 4);
    assert_piece(&list[1], PIECE_BILLED, 2, 11, 100);
    assert_piece(&list[2], PIECE_BILLED, 7, 11, 100);
    assert_true(list[2].is_again);
    assert_piece(&list[3], PIECE_BILLED, 11, 16, 100);
    assert_false(list[3].is_again);
    free(list);
}

static void test_series_clocks_that_are_read_apart_leave_no_hole_and_no_overlap(void **state)
{
    struct store_scene *t = *state;
    size_t count;

    for (uint64_t seq = 1; seq < 40; seq++) {
        struct tick tick;

        scene_put(&t->s, running(1, 100 + seq / 4));
        tick = scene_tick_at(&t->s, seq);
        tick.utc_ns += (int64_t)(seq * 7919 % 2001) - 1000;
        assert_int_equal(scene_feed_tick(&t->s, tick), METER_TICK);
        store_write(t);
    }
    struct store_piece *list = pieces_of(t->store, 1, &count);

    for (size_t i = 1; i < count; i++)
        assert_int_equal(list[i].from_utc_ns, list[i - 1].to_utc_ns);
    free(list);
}

/* An interval reaches over the hour, and the clock has wavered back by the tick that ends it. */
static void test_series_hour_whose_clock_wavered_is_read_whole(void **state)
{
    struct store_scene *t = *state;
    int64_t late_ns = 0;

    scene_put(&t->s, running(1, 1000));
    for (uint64_t seq = 3580; seq < 3620; seq++) {
        struct tick tick = scene_tick_at(&t->s, seq);

        if (seq == 3599)
            late_ns =
                5000000; /* 3598 to 3599 and 5 ms: over the hour by 5 ms, as it was 1 s ahead */
        tick.mono_ns += late_ns;
        tick.utc_ns += seq < 3599 ? NS_PER_S : NS_PER_S - 80000000;
        if (seq == 3599)
            assert_true(tick.utc_ns < START + NS_PER_HOUR);
        assert_int_equal(scene_feed_tick(&t->s, tick), METER_TICK);
        store_write(t);
    }
    assert_int_equal(sql_int(t->db.text, "SELECT count(*) FROM clock_step"), 0);
    assert_int_equal(sql_int(t->db.text, "SELECT count(*) FROM usage_hour WHERE hour = 498712"), 1);
    assert_adds_up(t->store, START_HOUR, START_HOUR + 2);
    assert_adds_up(t->store, START_HOUR + 1, START_HOUR + 2);
}

static void test_series_unbilled_domain_only_when_asked(void **state)
{
    struct store_scene *t = *state;
    struct uuid dom0 = uuid_of(0);
    struct series_query query = {.from_hour = 0,
                                 .to_hour = START_HOUR + 100,
                                 .vms = &dom0,
                                 .vm_count = 1};
    struct store_piece *list = NULL;
    struct error err;
    size_t count = 9;

    scene_put(&t->s, running(0, 100));
    store_ticks(t, 1, 10, 1);
    assert_ok(store_series(t->store, &query, &list, &count, &err));
    assert_int_equal(count, 0);
    free(list);
    query.with_unbilled = true;
    assert_ok(store_series(t->store, &query, &list, &count, &err));
    assert_int_equal(count, 2);
    free(list);
}

static void test_series_usage_that_segments_do_not_give_refused(void **state)
{
    struct store_scene *t = *state;
    struct uuid vm = uuid_of(1);
    struct series_query query = {.from_hour = 0,
                                 .to_hour = START_HOUR + 100,
                                 .vms = &vm,
                                 .vm_count = 1};
    struct store_piece *list = NULL;
    struct error err;
    size_t count;

    scene_put(&t->s, running(1, 100));
    store_ticks(t, 3590, 3610, 1);
    sql_do(t->db.text, "UPDATE usage_hour SET kib_s = kib_s + 1");
    assert_fails(store_series(t->store, &query, &list, &count, &err), ERR_STORE,
                 "has other usage in hour 498711");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_series_random_pieces_add_up_to_usage),
        cmocka_unit_test(test_series_random_pieces_of_pruned_hours_add_up_too),
        store_test(test_series_without_most_ticks_is_the_same),
        store_test(test_series_of_a_vm_that_is_not_there_is_empty),
        store_test(test_series_first_rectangle_is_excluded_and_a_gap_is_missing),
        store_test(test_series_time_that_is_there_twice_is_said),
        store_test(test_series_clocks_that_are_read_apart_leave_no_hole_and_no_overlap),
        store_test(test_series_hour_whose_clock_wavered_is_read_whole),
        store_test(test_series_unbilled_domain_only_when_asked),
        store_test(test_series_usage_that_segments_do_not_give_refused),
    };

    return cmocka_run_group_tests_name("series", tests, NULL, NULL);
}
