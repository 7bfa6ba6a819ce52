/*
 * scene.h - a meter and a made-up host for it: seconds pass, domains come and go.
 *
 * A scene begins at START, a whole UTC hour; tick n is n seconds after the boot and n seconds after
 * START, unless the test says otherwise. After scene_tick the test looks at the meter's row and
 * changes.
 */
#ifndef PAGEMETER_TESTS_SCENE_H
#define PAGEMETER_TESTS_SCENE_H

#include "check.h"
#include "meter/meter.h"

#define HOST uuid_of(0x11)
#define STORE uuid_of(0x22)
#define BOOT uuid_of(0x33)
#define NEXT_BOOT uuid_of(0x34)

#define START_HOUR INT64_C(498711) /* 2026-11-22T15:00:00Z */
#define START (START_HOUR * NS_PER_HOUR)
#define MAX_GAP (5 * NS_PER_S)

enum { SCENE_DOMAINS = 16 };

struct scene {
    struct meter meter;
    struct error err;
    enum meter_result result;
    struct sample samples[SCENE_DOMAINS];
    size_t count;
};

static inline struct record head_record(void)
{
    return (struct record){.kind = RECORD_HEAD,
                           .head = {HOST, STORE, BOOT, (uint64_t)NS_PER_S, (uint64_t)MAX_GAP}};
}

/* Continues where state and lives say. */
static inline void scene_resume(struct scene *s, const struct meter_state *state,
                                const struct open_life *lives, size_t count)
{
    struct rules rules = {RULES_TEMPORARY_DEFAULT, "5e5e5e5e-*"};
    struct record head = head_record();
    struct error err;

    *s = (struct scene){.count = 0};
    assert_ok(meter_init(&s->meter, &rules, state, lives, count, &err));
    assert_int_equal(meter_feed(&s->meter, &head, &s->err), METER_NOTHING);
}

static inline void scene_begin(struct scene *s)
{
    struct meter_state nothing = {.has_boot = false};

    scene_resume(s, &nothing, NULL, 0);
}

static inline void scene_end(struct scene *s)
{
    meter_clear(&s->meter);
}

/* Stops the meter and starts another that knows what a store would. */
static inline void scene_restart(struct scene *s)
{
    struct scene next;
    struct meter_state state = s->meter.state;
    struct open_life lives[SCENE_DOMAINS];
    size_t count = s->meter.life_count;

    memcpy(lives, s->meter.lives, count * sizeof *lives);
    for (size_t i = 0; i < count; i++)
        lives[i].is_temporary = false; /* not stored: found anew */
    scene_resume(&next, &state, lives, count);
    memcpy(next.samples, s->samples, sizeof next.samples);
    next.count = s->count;
    scene_end(s);
    *s = next;
}

/* A running domain that has run; domid 0 is dom0. */
static inline struct sample running(unsigned domid, uint64_t kib)
{
    return (struct sample){.tot_kib = kib,
                           .max_kib = kib,
                           .cpu_ns = 1,
                           .uuid = uuid_of(domid),
                           .domid = (uint16_t)domid,
                           .flags = SAMPLE_RUNNING};
}

/* Puts a domain on the host, or changes the one with its domid. */
static inline void scene_put(struct scene *s, struct sample sample)
{
    size_t i = 0;

    while (i < s->count && s->samples[i].domid < sample.domid)
        i++;
    if (i == s->count || s->samples[i].domid != sample.domid) {
        assert_true(s->count < SCENE_DOMAINS);
        memmove(&s->samples[i + 1], &s->samples[i], (s->count - i) * sizeof sample);
        s->count++;
    }
    s->samples[i] = sample;
}

static inline void scene_remove(struct scene *s, unsigned domid)
{
    size_t i = 0;

    while (s->samples[i].domid != domid)
        i++;
    s->count--;
    memmove(&s->samples[i], &s->samples[i + 1], (s->count - i) * sizeof *s->samples);
}

static inline struct tick scene_tick_at(const struct scene *s, uint64_t seq)
{
    return (struct tick){.seq = seq,
                         .mono_ns = (int64_t)seq * NS_PER_S,
                         .utc_ns = START + (int64_t)seq * NS_PER_S,
                         .window_ns = 1000,
                         .is_synchronised = true,
                         .domains = s->count,
                         .samples = s->samples};
}

static inline enum meter_result scene_feed(struct scene *s, struct record record)
{
    s->err = (struct error){.code = ERR_NONE};
    return s->result = meter_feed(&s->meter, &record, &s->err);
}

static inline enum meter_result scene_feed_tick(struct scene *s, struct tick tick)
{
    return scene_feed(s, (struct record){.kind = RECORD_TICK, .tick = tick});
}

/* The tick of second `seq`, as it should be. */
static inline void scene_tick(struct scene *s, uint64_t seq)
{
    if (scene_feed_tick(s, scene_tick_at(s, seq)) != METER_TICK)
        fail_msg("no tick: %s", s->err.text);
}

static inline void scene_refuses(struct scene *s, enum error_code code, const char *said)
{
    assert_int_equal(s->result, METER_REFUSED);
    assert_error(&s->err, code, said);
}

static inline size_t count_changes(const struct scene *s, enum change_kind kind)
{
    size_t count = 0;

    for (size_t i = 0; i < s->meter.change_count; i++)
        count += s->meter.changes[i].kind == kind;
    return count;
}

/* The only change of this kind. */
static inline const struct change *the_change(const struct scene *s, enum change_kind kind)
{
    assert_int_equal(count_changes(s, kind), 1);
    for (size_t i = 0;; i++)
        if (s->meter.changes[i].kind == kind)
            return &s->meter.changes[i];
}

static inline const struct open_life *life_of(const struct scene *s, unsigned domid)
{
    for (size_t i = 0; i < s->meter.life_count; i++)
        if (s->meter.lives[i].domid == domid)
            return &s->meter.lives[i];
    return NULL;
}

#endif
