/*
 * Random hosts through the meter and the arithmetic. The bytes are a program: each says what
 * happens before the next tick. Held against the words of the rules: segments of a life lie side by
 * side, the checksum is theirs, and the three durations of a life add up to its length.
 */
#include "fuzz.h"

#include "meter/integrate.h"
#include "meter/meter.h"

enum { TICKS = 200, SEGMENTS = 4000, LIVES = 2000, DOMIDS = 4, RUNS = 100000 };

struct life {
    int64_t first_tick;
    int64_t last_tick; /* -1: open */
    int64_t counted_tick;
};

static struct {
    struct meter meter;
    struct tick tick; /* the next one */
    struct sample domains[DOMIDS];
    bool is_there[DOMIDS];
    struct sample samples[DOMIDS];
    /* what the changes make of it */
    struct timeline_tick ticks[TICKS];
    size_t tick_count;
    struct segment segments[SEGMENTS];
    int64_t life_of[SEGMENTS];
    struct life lives[LIVES];
    uint64_t max_gap_ns;
    uint8_t boots;
} host;

static struct timeline_run runs[RUNS];

static void feed(const struct record *record)
{
    struct error err;

    HOLDS(meter_feed(&host.meter, record, &err) == METER_NOTHING);
}

static void feed_head(uint64_t max_gap_ns)
{
    struct record head = {.kind = RECORD_HEAD, .head = {.interval_ns = (uint64_t)NS_PER_S}};

    head.head.max_gap_ns = host.max_gap_ns = max_gap_ns;
    head.head.boot.bytes[0] = host.boots;
    feed(&head);
}

static void begin(void)
{
    static const struct rules rules = {RULES_TEMPORARY_DEFAULT, ""};
    const struct meter_state nothing = {.has_boot = false};
    struct error err;

    memset(&host, 0, sizeof host);
    HOLDS(meter_init(&host.meter, &rules, &nothing, NULL, 0, &err));
    host.tick.utc_ns = INT64_C(1795359600) * NS_PER_S;
    feed_head(5 * (uint64_t)NS_PER_S);
}

static void boot(void)
{
    struct record record = {.kind = RECORD_BOOT};

    record.boot.bytes[0] = ++host.boots;
    feed(&record);
    memset(host.is_there, 0, sizeof host.is_there);
    host.tick.seq = 0;
    host.tick.mono_ns = 0;
}

/* What one byte does. */
static void happen(uint8_t what)
{
    struct sample *s = &host.domains[what & 3];

    switch (what >> 2 & 15) {
    case 0:
    case 1:
        host.is_there[what & 3] = !host.is_there[what & 3];
        *s = (struct sample){.domid = what & 3, .tot_kib = 4};
        s->uuid.bytes[0] = 7;
        s->uuid.bytes[15] = 9;
        break;
    case 2:
        s->tot_kib = (s->tot_kib * 3 + what) % (KIB_MAX + 1);
        break;
    case 3:
        s->tot_kib = KIB_MAX;
        break;
    case 4:
    case 5:
        s->cpu_ns = 1;
        break;
    case 6:
        s->cpu_ns = 0;
        break;
    case 7:
        s->flags ^= SAMPLE_SHUTDOWN;
        break;
    case 8:
        s->flags ^= SAMPLE_DYING;
        break;
    case 9:
        s->uuid.bytes[0]++;
        break;
    case 10:
        host.tick.utc_ns += (what & 3) * (NS_PER_HOUR / 3);
        break;
    case 11:
        host.tick.utc_ns -= (what & 3) * (NS_PER_HOUR / 3);
        break;
    case 12:
        host.tick.seq += 7, host.tick.mono_ns += 7 * NS_PER_S, host.tick.utc_ns += 7 * NS_PER_S;
        break;
    case 13:
        feed_head((uint64_t)(1 + (what & 3)) * (uint64_t)NS_PER_S);
        break;
    case 14:
        (what & 3) == 0 ? boot() : feed(&(struct record){.kind = RECORD_RESTART});
        break;
    case 15:
        host.tick.mono_ns += NS_PER_HOUR, host.tick.utc_ns += NS_PER_HOUR;
        break;
    }
}

static void take_change(const struct change *c, int64_t tick)
{
    HOLDS(c->life < LIVES && c->segment < SEGMENTS);
    switch (c->kind) {
    case CHANGE_LIFE_BEGIN:
        host.lives[c->life] = (struct life){tick, -1, -1};
        break;
    case CHANGE_LIFE_COUNTED:
        host.lives[c->life].counted_tick = tick;
        break;
    case CHANGE_LIFE_END:
        host.lives[c->life].last_tick = c->number;
        break;
    case CHANGE_SEGMENT_BEGIN:
        host.segments[c->segment] = (struct segment){tick, -1, c->kib, c->is_counted};
        host.life_of[c->segment] = c->life;
        break;
    case CHANGE_SEGMENT_END:
        HOLDS(host.segments[c->segment].last_tick == -1);
        host.segments[c->segment].last_tick = c->number;
        break;
    default:
        break;
    }
}

static void check_checksum(void)
{
    uint64_t count = 0;
    uint64_t kib = 0;

    for (int64_t i = 1; i < host.meter.state.next_segment; i++) {
        if (host.segments[i].last_tick == -1 && host.segments[i].is_counted) {
            count++;
            kib += host.segments[i].kib;
        }
    }
    HOLDS(count == host.meter.row.domains && kib == host.meter.row.kib);
}

static void tick(void)
{
    struct record record = {.kind = RECORD_TICK};
    struct error err;
    size_t count = 0;

    host.tick.seq++;
    host.tick.mono_ns += NS_PER_S;
    host.tick.utc_ns += NS_PER_S;
    for (size_t i = 0; i < DOMIDS; i++)
        if (host.is_there[i])
            host.samples[count++] = host.domains[i];
    host.tick.domains = count;
    host.tick.samples = host.samples;
    record.tick = host.tick;
    size_t most = meter_changes_max(&host.meter, count);

    HOLDS(meter_feed(&host.meter, &record, &err) == METER_TICK);
    HOLDS(host.meter.change_count <= most);
    bool is_boot = false;

    for (size_t i = 0; i < host.meter.change_count; i++) {
        take_change(&host.meter.changes[i], host.meter.row.tick);
        is_boot = is_boot || host.meter.changes[i].kind == CHANGE_BOOT;
    }
    check_checksum();
    host.ticks[host.tick_count++] =
        (struct timeline_tick){host.meter.row.tick, host.tick.mono_ns, host.tick.utc_ns,
                               host.max_gap_ns, is_boot};
}

static bool add_part(void *self, const struct usage_part *part, struct error *err)
{
    int64_t *sum = self;

    (void)err;
    HOLDS(part->measured_ns >= 0 && part->missing_ns >= 0 && part->excluded_ns >= 0);
    HOLDS((part->measured_ns > 0) + (part->missing_ns > 0) + (part->excluded_ns > 0) == 1);
    HOLDS(part->kib_ns == 0 || part->measured_ns > 0);
    HOLDS(part->kib_ns <= (usage_kib_ns)part->measured_ns * KIB_MAX);
    *sum += part->measured_ns + part->missing_ns + part->excluded_ns;
    return true;
}

static void check_life(const struct timeline *tl, int64_t number)
{
    const struct life *life = &host.lives[number];
    struct segment segments[TICKS];
    size_t count = 0;
    int64_t sum = 0;
    const struct usage_sink sink = {add_part, &sum};
    int64_t last = life->last_tick >= 0 ? life->last_tick : host.meter.state.tick;
    struct error err;

    for (int64_t i = 1; i < host.meter.state.next_segment; i++) {
        if (host.life_of[i] != number)
            continue;
        segments[count] = host.segments[i];
        if (segments[count].last_tick < 0)
            segments[count].last_tick = last;
        if (count > 0)
            HOLDS(timeline_find(tl, segments[count].first_tick) ==
                  timeline_find(tl, segments[count - 1].last_tick) + 1);
        count++;
    }
    HOLDS(count > 0 && segments[0].first_tick == life->first_tick);
    HOLDS(segments[count - 1].last_tick == last);
    HOLDS(integrate_life(tl, segments, count, life->counted_tick, &sink, &err));
    HOLDS(sum == tl->ticks[timeline_find(tl, last)].mono_ns -
                     tl->ticks[timeline_find(tl, life->first_tick)].mono_ns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct timeline tl = {.ticks = host.ticks, .runs = runs, .run_capacity = RUNS};
    struct error err;

    begin();
    for (size_t i = 0; i < size && host.tick_count < TICKS; i++) {
        happen(data[i]);
        if ((data[i] & 0x40) == 0 && host.tick.utc_ns > NS_PER_HOUR)
            tick();
    }
    if (host.tick_count == 0)
        tick();
    tl.tick_count = host.tick_count;
    HOLDS(timeline_build(&tl, &err));
    for (int64_t life = 1; life < host.meter.state.next_life; life++)
        check_life(&tl, life);
    meter_clear(&host.meter);
    return 0;
}
