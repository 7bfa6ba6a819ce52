/*
 * Batches of a store: put together, however they are cut, they are its tables; and each is the same
 * whenever it is read.
 */
#include "store_scene.h"

#include "batches_fake.h"
#include "chance.h"

#define LIMITS ((struct ship_limits){SHIP_TICKS_MAX, SHIP_SEGMENTS_MAX})

/* ---- a host to whom everything happens ---- */

struct fate {
    struct store_scene *t;
    struct chance chance;
    uint64_t seq;
    unsigned boots;
    bool is_one_boot;
    int64_t shift_ns; /* of the wall clock */
};

static struct sample any_sample(struct fate *f, unsigned domid)
{
    struct sample s = running(domid, 1024 + 4 * chance_below(&f->chance, 3));

    if (chance_hits(&f->chance, 4))
        s.uuid = uuid_of(0x40 + domid);
    if (chance_hits(&f->chance, 6)) /* a temporary handle: runs, and never counts */
        memcpy(s.uuid.bytes, "\xde\xad\xbe\xef\xde\xad\xbe\xef", 8);
    if (chance_hits(&f->chance, 3))
        s.cpu_ns = 0;
    if (chance_hits(&f->chance, 5))
        s.flags |= SAMPLE_DYING;
    return s;
}

static void change_domains(struct fate *f)
{
    struct scene *s = &f->t->s;
    unsigned domid = 1 + (unsigned)chance_below(&f->chance, 8);

    if (life_of(s, domid) != NULL && chance_hits(&f->chance, 3)) {
        for (size_t i = 0; i < s->count; i++)
            if (s->samples[i].domid == domid) {
                scene_remove(s, domid);
                return;
            }
    }
    scene_put(s, any_sample(f, domid));
}

static void change_host(struct fate *f)
{
    if (chance_hits(&f->chance, 25))
        f->shift_ns += ((int64_t)chance_below(&f->chance, 3) - 1) * NS_PER_HOUR;
    if (chance_hits(&f->chance, 40))
        f->seq += 1 + chance_below(&f->chance, 9); /* ticks are missing */
    if (chance_hits(&f->chance, 60))
        (void)scene_feed(&f->t->s, (struct record){.kind = RECORD_RESTART});
    if (!f->is_one_boot && chance_hits(&f->chance, 80)) {
        (void)scene_feed(&f->t->s,
                         (struct record){.kind = RECORD_BOOT, .boot = uuid_of(0x80 + f->boots++)});
        f->seq = chance_below(&f->chance, 50);
    }
}

static void live_on(struct fate *f, unsigned ticks)
{
    struct scene *s = &f->t->s;

    while (ticks-- > 0) {
        if (chance_hits(&f->chance, 2))
            change_domains(f);
        change_host(f);
        struct tick tick = scene_tick_at(s, ++f->seq);

        tick.utc_ns += f->shift_ns + 3000 * (int64_t)f->seq;
        tick.mono_ns += (int64_t)chance_below(&f->chance, 1000);
        if (scene_feed_tick(s, tick) != METER_TICK)
            fail_msg("no tick: %s", s->err.text);
        store_write(f->t);
    }
}

static struct fate fate_begin(struct store_scene *t, const char *test)
{
    return (struct fate){.t = t, .chance = chance_begin(test)};
}

/* ---- batches ---- */

static struct ship_reader *reader_of(const char *dir, struct ship_limits limits)
{
    struct ship_reader *reader = NULL;
    struct error err;

    assert_ok(ship_reader_open(&reader, dir, &limits, &err));
    return reader;
}

static struct ship_origin origin_at(struct ship_reader *reader, size_t place)
{
    const struct ship_origin *list;
    struct error err;
    size_t count;

    assert_ok(ship_reader_origins(reader, &list, &count, &err));
    assert_true(place < count);
    return list[place];
}

static bool next_batch(struct ship_reader *reader, const struct ship_origin *origin, int64_t after,
                       struct ship_batch *batch)
{
    bool is_there = false;
    struct error err;

    assert_ok(ship_reader_next(reader, origin, after, batch, &is_there, &err));
    return is_there;
}

/* All batches of an origin behind `after`; where the last ends. */
static int64_t take_all(sqlite3 *db, struct ship_reader *reader, const struct ship_origin *origin,
                        int64_t after)
{
    struct ship_batch batch = {0};

    while (next_batch(reader, origin, after, &batch)) {
        assert_true(batch.after == after);
        assert_true(batch.up_to > after);
        batches_take(db, &batch);
        after = batch.up_to;
    }
    ship_batch_clear(&batch);
    return after;
}

static void assert_whole(const char *dir, const char *db, struct ship_limits limits)
{
    struct ship_reader *reader = reader_of(dir, limits);
    struct ship_origin origin = origin_at(reader, 0);
    sqlite3 *central = batches_open();

    (void)take_all(central, reader, &origin, -1);
    assert_batches_are(central, db, ">= 0");
    (void)sqlite3_close(central);
    ship_reader_close(reader);
}

static void test_ship_read_batches_of_any_size_together_are_the_tables(void **state)
{
    struct store_scene *t = *state;
    struct fate f = fate_begin(t, __func__);

    live_on(&f, 600);
    assert_true(sql_int(t->db.text, "SELECT count(*) FROM hour_cut") > 5);
    for (int64_t ticks = 1; ticks <= 4096; ticks *= 4)
        assert_whole(t->dir, t->db.text, (struct ship_limits){ticks, SHIP_SEGMENTS_MAX});
    for (int64_t segments = 64; segments <= 1024; segments *= 2)
        assert_whole(t->dir, t->db.text, (struct ship_limits){SHIP_TICKS_MAX, segments});
}

/* What was read while the host went on, to be read again later. */
struct remembered {
    int64_t after, up_to;
    char *texts[3];
};

static struct remembered remember(const struct ship_batch *b)
{
    return (struct remembered){b->after,
                               b->up_to,
                               {strdup(b->rows.text), strdup(b->tick_numbers.text),
                                strdup(b->segment_numbers.text)}};
}

static void assert_remembered(struct remembered *r, const struct ship_batch *b)
{
    const char *texts[3] = {b->rows.text, b->tick_numbers.text, b->segment_numbers.text};

    assert_int_equal(b->after, r->after);
    assert_int_equal(b->up_to, r->up_to);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(texts[i], r->texts[i]);
        free(r->texts[i]);
    }
}

static void test_ship_read_batch_is_the_same_whenever_it_is_read(void **state)
{
    enum { TIMES = 300 };
    struct store_scene *t = *state;
    struct fate f = fate_begin(t, __func__);
    struct ship_reader *reader = reader_of(t->dir, LIMITS);
    struct ship_origin origin = origin_at(reader, 0);
    struct ship_batch batch = {0};
    struct remembered said[TIMES];
    size_t count = 0;
    int64_t after = -1;
    sqlite3 *central = batches_open();

    while (count < TIMES) {
        live_on(&f, 1 + (unsigned)chance_below(&f.chance, 5));
        while (count < TIMES && next_batch(reader, &origin, after, &batch)) {
            batches_take(central, &batch);
            said[count++] = remember(&batch);
            after = batch.up_to;
        }
    }
    char where[64];

    (void)snprintf(where, sizeof where, "<= %lld", (long long)after);
    if (after == sql_int(t->db.text, "SELECT max(tick) FROM tick"))
        assert_batches_are(central, t->db.text, where);
    live_on(&f, 100);
    for (size_t i = 0; i < count; i++) {
        origin.end = said[i].up_to;
        assert_true(next_batch(reader, &origin, said[i].after, &batch));
        assert_remembered(&said[i], &batch);
    }
    (void)sqlite3_close(central);
    ship_batch_clear(&batch);
    ship_reader_close(reader);
}

/* ---- limits ---- */

/* The first batch behind `after`, with these limits. */
static struct ship_batch batch_of(struct store_scene *t, struct ship_limits limits, int64_t after)
{
    struct ship_reader *reader = reader_of(t->dir, limits);
    struct ship_origin origin = origin_at(reader, 0);
    struct ship_batch batch = {0};

    assert_true(next_batch(reader, &origin, after, &batch));
    ship_reader_close(reader);
    return batch;
}

static void test_ship_read_batch_has_no_more_ticks_than_it_may(void **state)
{
    struct store_scene *t = *state;

    store_ticks(t, 1, 12, 1);
    struct ship_batch exact = batch_of(t, (struct ship_limits){11, 100}, -1);
    struct ship_batch more = batch_of(t, (struct ship_limits){10, 100}, -1);

    assert_int_equal(exact.up_to, 11);
    assert_int_equal(exact.ticks, 11);
    assert_int_equal(more.up_to, 10);
    assert_int_equal(more.ticks, 10);
    ship_batch_clear(&exact);
    ship_batch_clear(&more);
}

static void test_ship_read_batch_has_no_more_segments_than_it_may(void **state)
{
    struct store_scene *t = *state;

    scene_put(&t->s, running(1, 4));
    scene_put(&t->s, running(2, 4));
    for (uint64_t seq = 1; seq <= 5; seq++) {
        scene_put(&t->s, running(1, 4 * seq));
        store_tick(t, seq);
    }
    struct ship_batch exact = batch_of(t, (struct ship_limits){100, 6}, -1);
    struct ship_batch more = batch_of(t, (struct ship_limits){100, 5}, -1);
    /* behind tick 1: two that may end, four that begin */
    struct ship_batch later = batch_of(t, (struct ship_limits){100, 5}, 1);

    assert_int_equal(exact.up_to, 5);
    assert_int_equal(exact.segments, 6);
    assert_int_equal(more.up_to, 4);
    assert_int_equal(more.segments, 5);
    assert_int_equal(later.up_to, 4);
    assert_string_equal(later.segment_numbers.text, "{1,1,1,1,4,1,3,1,2,2,8,1,4,1,3,3,12,1,"
                                                    "5,1,4,-1,16,1}");
    ship_batch_clear(&exact);
    ship_batch_clear(&more);
    ship_batch_clear(&later);
}

static void test_ship_read_tick_of_too_many_segments_is_a_damaged_store(void **state)
{
    struct store_scene *t = *state;
    struct ship_reader *reader = reader_of(t->dir, (struct ship_limits){100, 1});
    struct ship_origin origin = origin_at(reader, 0);
    struct ship_batch batch = {0};
    struct error err;
    bool is_there;

    scene_put(&t->s, running(1, 4));
    scene_put(&t->s, running(2, 4));
    store_tick(t, 1);
    assert_fails(ship_reader_next(reader, &origin, -1, &batch, &is_there, &err), ERR_STORE,
                 "more than 1 segments");
    ship_batch_clear(&batch);
    ship_reader_close(reader);
}

static void test_ship_read_batch_ends_before_a_cut(void **state)
{
    struct store_scene *t = *state;

    scene_put(&t->s, running(1, 4));
    store_ticks(t, 3598, 3603, 1);
    struct ship_batch before = batch_of(t, LIMITS, -1);
    struct ship_batch behind = batch_of(t, LIMITS, 3599);

    assert_int_equal(before.up_to, 3599);
    assert_int_equal(before.hour, START_HOUR);
    assert_int_equal(before.utc_ns, START + 3599 * NS_PER_S);
    assert_string_equal(before.segment_numbers.text, "{1,1,3598,-1,4,1}");
    assert_int_equal(behind.up_to, 3602);
    assert_int_equal(behind.hour, START_HOUR + 1);
    assert_text_has(behind.rows.text, "\"hour_cut\":[[3600,498712,2]]");
    /* the end at the cut was recorded by the cut */
    assert_string_equal(behind.segment_numbers.text, "{1,1,3598,3599,4,1,2,1,3600,-1,4,1}");
    ship_batch_clear(&before);
    ship_batch_clear(&behind);
}

static void test_ship_read_end_is_in_the_batch_of_the_tick_behind_it(void **state)
{
    struct store_scene *t = *state;

    scene_put(&t->s, running(1, 4));
    store_ticks(t, 1, 4, 1);
    scene_remove(&t->s, 1);
    store_tick(t, 7); /* numbers may jump */
    struct ship_batch without = batch_of(t, (struct ship_limits){3, 100}, -1);
    struct ship_batch with = batch_of(t, LIMITS, 3);

    assert_string_equal(without.segment_numbers.text, "{1,1,1,-1,4,1}");
    assert_text_has(without.rows.text, "1,1,1,null,1]]");
    assert_string_equal(with.segment_numbers.text, "{1,1,1,3,4,1}");
    assert_text_has(with.rows.text, "1,1,1,3,1]]");
    ship_batch_clear(&without);
    ship_batch_clear(&with);
}

static void test_ship_read_life_that_runs_and_does_not_count_is_told(void **state)
{
    struct store_scene *t = *state;
    struct sample handle = running(1, 4);

    memcpy(handle.uuid.bytes, "\xde\xad\xbe\xef\xde\xad\xbe\xef", 8);
    handle.cpu_ns = 0;
    scene_put(&t->s, handle);
    store_ticks(t, 1, 4, 1);
    handle.cpu_ns = 1;
    scene_put(&t->s, handle);
    store_ticks(t, 4, 6, 1);
    struct ship_batch before = batch_of(t, (struct ship_limits){3, 100}, -1);
    struct ship_batch running_now = batch_of(t, LIMITS, 3);
    struct ship_batch after = batch_of(t, LIMITS, 4);

    assert_text_has(before.rows.text, "1,null,null,null,1]]");
    assert_text_has(running_now.rows.text, "1,4,null,null,1]]");
    assert_string_equal(running_now.segment_numbers.text, "{}");
    assert_string_equal(after.rows.text, "{}");
    ship_batch_clear(&before);
    ship_batch_clear(&running_now);
    ship_batch_clear(&after);
}

static void test_ship_read_life_that_counts_later_is_told(void **state)
{
    struct store_scene *t = *state;
    struct sample dying = running(1, 4);

    dying.flags |= SAMPLE_DYING;
    scene_put(&t->s, dying);
    store_ticks(t, 1, 4, 1);
    scene_put(&t->s, running(1, 4));
    store_tick(t, 4);
    struct ship_batch before = batch_of(t, (struct ship_limits){3, 100}, -1);
    struct ship_batch counting = batch_of(t, LIMITS, 3);

    assert_text_has(before.rows.text, "1,1,null,null,1]]");
    assert_text_has(counting.rows.text, "1,1,4,null,1]]");
    ship_batch_clear(&before);
    ship_batch_clear(&counting);
}

static void test_ship_read_begins_behind_a_tick_that_is_there(void **state)
{
    struct store_scene *t = *state;

    scene_put(&t->s, running(1, 4));
    store_ticks(t, 1, 4, 1);
    scene_remove(&t->s, 1);
    store_tick(t, 9);
    struct ship_batch batch = batch_of(t, LIMITS, 6);

    assert_int_equal(batch.after, 3);
    assert_string_equal(batch.segment_numbers.text, "{1,1,1,3,4,1}");
    ship_batch_clear(&batch);
}

static void test_ship_read_empty_store_has_no_batch(void **state)
{
    struct store_scene *t = *state;
    struct ship_reader *reader = reader_of(t->dir, LIMITS);
    struct ship_origin origin = origin_at(reader, 0);
    struct ship_batch batch = {0};
    struct ship_end end;
    struct error err;

    assert_false(next_batch(reader, &origin, -1, &batch));
    assert_ok(ship_reader_end(reader, &origin, &end, &err));
    assert_int_equal(end.tick, -1);
    assert_int_equal(end.utc_ns, -1);
    assert_int_equal(origin.begin, -1);
    assert_false(origin.is_restored);
    assert_uuid_equal(&origin.store, store_id(t->store));
    ship_reader_close(reader);
}

static struct ship_lag lag_of(struct store_scene *t, int64_t tick, int64_t utc_ns)
{
    struct ship_mark mark = {.store = *store_id(t->store), .tick = tick, .utc_ns = utc_ns};
    struct ship_reader *reader = reader_of(t->dir, LIMITS);
    struct ship_lag lag;
    struct error err;

    assert_ok(ship_reader_lag(reader, &mark, &lag, &err));
    ship_reader_close(reader);
    return lag;
}

static void test_ship_read_lag_of_nothing_shipped_is_from_the_first_tick(void **state)
{
    struct store_scene *t = *state;
    struct ship_reader *reader;
    struct error err;
    int64_t utc_ns[2];

    assert_int_equal(lag_of(t, -1, -1).ticks, 0); /* there is nothing yet */
    assert_int_equal(lag_of(t, -1, -1).ns, 0);
    store_ticks(t, 1, 4, 1);
    reader = reader_of(t->dir, LIMITS);
    assert_ok(ship_reader_utc(reader, 1, &utc_ns[0], &err));
    assert_ok(ship_reader_utc(reader, 3, &utc_ns[1], &err));
    ship_reader_close(reader);
    assert_true(utc_ns[0] >= 0);
    assert_int_equal(lag_of(t, -1, -1).ticks, 4);
    assert_int_equal(lag_of(t, -1, -1).ns, utc_ns[1] - utc_ns[0]);
    assert_int_equal(lag_of(t, 1, utc_ns[0]).ns, utc_ns[1] - utc_ns[0]);
    assert_int_equal(lag_of(t, 2, -1).ns, 0); /* only the last is not there */
    assert_int_equal(lag_of(t, 3, utc_ns[1]).ns, 0);
}

static void test_ship_read_tick_without_a_cut_is_a_damaged_store(void **state)
{
    struct store_scene *t = *state;
    struct ship_reader *reader = reader_of(t->dir, LIMITS);
    struct ship_origin origin = origin_at(reader, 0);
    struct ship_batch batch = {0};
    struct error err;
    bool is_there;

    store_ticks(t, 1, 4, 1);
    sql_do(t->db.text, "DROP TRIGGER hour_cut_not_deleted");
    sql_do(t->db.text, "DELETE FROM hour_cut");
    assert_fails(ship_reader_next(reader, &origin, -1, &batch, &is_there, &err), ERR_STORE,
                 "has no hour cut");
    ship_reader_close(reader);
}

/* ---- what is gone, what came along ---- */

static void test_ship_read_pruned_store_begins_at_the_first_cut_that_is_left(void **state)
{
    struct store_scene *t = *state;
    unsigned pruned;
    struct error err;

    scene_put(&t->s, running(1, 4));
    scene_put(&t->s, running(2, 4));
    store_ticks(t, 1, 9, 1);
    (void)scene_feed(&t->s, (struct record){.kind = RECORD_BOOT, .boot = NEXT_BOOT});
    store_tick(t, 9);
    scene_remove(&t->s, 2); /* ends in what is pruned */
    store_ticks(t, 10, 15, 1);
    (void)scene_feed(&t->s, (struct record){.kind = RECORD_RESTART});
    store_tick(t, 19);
    (void)scene_feed(&t->s, (struct record){.kind = RECORD_RESTART});
    store_tick(t, 26);
    store_ticks(t, 3600, 3610, 1);
    store_ticks(t, 7200, 7203, 1);
    assert_ok(store_prune(t->store, START_HOUR + 1, 10, &pruned, &err));
    assert_int_equal(pruned, 2); /* the boot is a cut, too */
    struct ship_batch batch = batch_of(t, LIMITS, -1);

    assert_int_equal(batch.after, -1);
    assert_int_equal(batch.pruned_to, 3600);
    assert_int_equal(batch.first_tick, 3600);
    assert_int_equal(batch.up_to, 3609);
    /* what is in force there, and the life that goes on */
    assert_text_has(batch.rows.text, "\"boot\":[[2,");
    assert_text_has(batch.rows.text, "\"restart\":[[26,");
    assert_text_has(batch.rows.text, "\"gap\":[[3600,26,");
    assert_text_has(batch.rows.text, "\"life\":[[3,2,1,");
    assert_null(strstr(batch.rows.text, "],["));
    ship_batch_clear(&batch);
    batch = batch_of(t, LIMITS, 3600);
    assert_int_equal(batch.pruned_to, -1);
    ship_batch_clear(&batch);
}

static void test_ship_read_what_was_pruned_behind_a_batch_ends_its_lives(void **state)
{
    struct store_scene *t = *state;
    unsigned pruned;
    struct error err;

    scene_put(&t->s, running(1, 4));
    scene_put(&t->s, running(2, 4));
    store_ticks(t, 1, 10, 1);
    scene_remove(&t->s, 2);
    store_ticks(t, 10, 20, 1);
    store_ticks(t, 3600, 3610, 1);
    store_tick(t, 7200);
    assert_ok(store_prune(t->store, START_HOUR + 1, 10, &pruned, &err));
    struct ship_batch batch = batch_of(t, LIMITS, 5); /* central has the first five */

    assert_int_equal(batch.after, 5);
    assert_int_equal(batch.pruned_to, 3600);
    assert_text_has(batch.rows.text,
                    "\"life\":[[2,1,2,\"02020202-0202-0202-0202-020202020202\",1,1,"
                    "1,9,1]]");
    ship_batch_clear(&batch);
}

/* A store of `t`, backed up and restored into another directory of it; the meter goes on there. */
static void restore(struct store_scene *t, void **scratch, struct scratch_path *dir)
{
    struct scratch_path file = scratch_path(scratch, "backup.db");
    struct error err;

    *dir = scratch_path(scratch, "restored");
    assert_ok(store_backup(t->store, file.text, &err));
    assert_ok(store_restore(file.text, dir->text, &err));
}

static void test_ship_read_restored_store_ships_what_came_along_as_the_store_before(void **state)
{
    struct store_scene *t = *state;
    void *scratch = t->dir;
    struct scratch_path dir;
    struct fate f = fate_begin(t, __func__);
    sqlite3 *before = batches_open(), *after = batches_open();
    char where[64];

    f.is_one_boot = true;
    live_on(&f, 200);
    struct uuid old = *store_id(t->store);
    int64_t last = sql_int(t->db.text, "SELECT max(tick) FROM tick");
    struct ship_reader *reader = reader_of(t->dir, LIMITS);
    struct ship_origin origin = origin_at(reader, 0);

    restore(t, &scratch, &dir);
    (void)take_all(before, reader, &origin, -1);
    ship_reader_close(reader);
    store_close(t->store);
    t->store = store_opened(dir.text, STORE_WRITE);
    struct scratch_path first_db = t->db;

    struct scene next;

    t->db = scratch_path(&scratch, "restored/meter.db");

    scene_load(&next, t->store);
    scene_end(&t->s);
    t->s = next;
    f.seq += 10;
    live_on(&f, 200);

    reader = reader_of(dir.text, LIMITS);
    struct ship_origin came = origin_at(reader, 0), own = origin_at(reader, 1);

    assert_uuid_equal(&came.store, &old);
    assert_uuid_equal(&own.store, store_id(t->store));
    assert_true(own.is_restored);
    assert_uuid_equal(&own.restored_from, &old);
    assert_int_equal(own.begin, last);
    assert_int_equal(came.end, last);
    assert_int_equal(came.begin, -1);
    /* of the store before all is as it was when the backup was made */
    (void)sqlite3_close(before);
    before = batches_open();
    assert_int_equal(take_all(before, reader, &came, -1), last);
    assert_batches_are(before, first_db.text, ">= 0");
    /* and the restored one has what came then; the boot that it goes on in is said again */
    (void)take_all(after, reader, &own, own.begin);
    assert_int_equal(batches_int(after, "SELECT count(*) FROM boot WHERE boot ="
                                        " (SELECT boot FROM life ORDER BY life LIMIT 1)"),
                     1);
    (void)snprintf(where, sizeof where, "> %lld", (long long)last);
    batches_do(after, "DELETE FROM boot WHERE first_tick <= (SELECT min(tick) - 1 FROM tick)");
    assert_batches_are(after, t->db.text, where);
    (void)sqlite3_close(before);
    (void)sqlite3_close(after);
    ship_reader_close(reader);
}

static void test_ship_read_store_restored_from_an_empty_one_is_like_a_new_one(void **state)
{
    struct store_scene *t = *state;
    void *scratch = t->dir;
    struct scratch_path dir;

    restore(t, &scratch, &dir);
    struct ship_reader *reader = reader_of(dir.text, LIMITS);
    struct ship_origin own = origin_at(reader, 1);

    assert_false(own.is_restored);
    assert_int_equal(own.begin, -1);
    ship_reader_close(reader);
}

static void test_ship_read_hour_begins_behind_the_tick_before_its_cut(void **state)
{
    struct store_scene *t = *state;
    struct ship_reader *reader = reader_of(t->dir, LIMITS);
    struct ship_origin origin = origin_at(reader, 0);
    struct error err;
    int64_t begin = 0;

    store_ticks(t, 3590, 3610, 1);
    assert_ok(ship_reader_hour_begin(reader, &origin, 3605, &begin, &err));
    assert_int_equal(begin, 3599);
    assert_ok(ship_reader_hour_begin(reader, &origin, 3600, &begin, &err));
    assert_int_equal(begin, 3599);
    assert_ok(ship_reader_hour_begin(reader, &origin, 3599, &begin, &err));
    assert_int_equal(begin, -1);
    origin.begin = 3602;
    assert_ok(ship_reader_hour_begin(reader, &origin, 3605, &begin, &err));
    assert_int_equal(begin, 3602);
    ship_reader_close(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(test_ship_read_batches_of_any_size_together_are_the_tables),
        store_test(test_ship_read_batch_is_the_same_whenever_it_is_read),
        store_test(test_ship_read_batch_has_no_more_ticks_than_it_may),
        store_test(test_ship_read_batch_has_no_more_segments_than_it_may),
        store_test(test_ship_read_tick_of_too_many_segments_is_a_damaged_store),
        store_test(test_ship_read_batch_ends_before_a_cut),
        store_test(test_ship_read_end_is_in_the_batch_of_the_tick_behind_it),
        store_test(test_ship_read_life_that_runs_and_does_not_count_is_told),
        store_test(test_ship_read_life_that_counts_later_is_told),
        store_test(test_ship_read_begins_behind_a_tick_that_is_there),
        store_test(test_ship_read_empty_store_has_no_batch),
        store_test(test_ship_read_lag_of_nothing_shipped_is_from_the_first_tick),
        store_test(test_ship_read_tick_without_a_cut_is_a_damaged_store),
        store_test(test_ship_read_pruned_store_begins_at_the_first_cut_that_is_left),
        store_test(test_ship_read_what_was_pruned_behind_a_batch_ends_its_lives),
        store_test(test_ship_read_restored_store_ships_what_came_along_as_the_store_before),
        store_test(test_ship_read_store_restored_from_an_empty_one_is_like_a_new_one),
        store_test(test_ship_read_hour_begins_behind_the_tick_before_its_cut),
    };

    return cmocka_run_group_tests_name("ship_read", tests, NULL, NULL);
}
