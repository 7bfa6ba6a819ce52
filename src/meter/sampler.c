#include "meter/sampler.h"
#include "common/safety.h"

#include <inttypes.h>
#include <poll.h>

#include "common/clock.h"
#include "common/log.h"

static void publish_gap(struct sampler *s, enum gap_cause cause)
{
    struct record record = {.kind = RECORD_GAP, .gap = cause};

    if (s->stream != NULL)
        stream_publish(s->stream, &record);
}

/* A tick that does not exist; why is told once, with the next one that does. */
static void skip_tick(struct sampler *s, enum gap_cause cause)
{
    meter_note_gap(s->meter, cause);
    if (s->last_gap != cause) {
        s->last_gap = cause;
        log_event(LOG_LEVEL_WARNING, "a tick is missing. cause=%s", gap_cause_name(cause));
        publish_gap(s, cause);
    }
}

static bool take_tick(struct sampler *s, const struct record *record)
{
    const struct tick *t = &record->tick;

    if (!queue_has_room(s->queue, meter_changes_max(s->meter, t->domains)) &&
        safety_is_on(SAFETY_QUEUE_BOUND)) {
        atomic_fetch_add(&s->dropped, 1);
        skip_tick(s, GAP_QUEUE_FULL);
        return true;
    }
    switch (meter_feed(s->meter, record, &s->failure)) {
    case METER_REFUSED:
        return false;
    case METER_NOTHING:
        skip_tick(s, GAP_WINDOW);
        return true;
    case METER_TICK:
        break;
    }
    queue_push(s->queue, &s->meter->row, s->meter->changes, s->meter->change_count);
    if (s->stream != NULL)
        stream_publish(s->stream, record);
    s->last_gap = GAP_UNKNOWN;
    atomic_fetch_add(&s->ticks, 1);
    atomic_store(&s->seq, t->seq);
    atomic_store(&s->domains, t->domains);
    atomic_store(&s->counted, s->meter->row.domains);
    atomic_store(&s->counted_kib, s->meter->row.kib);
    return true;
}

static bool take_record(struct sampler *s, const struct record *record)
{
    if (record->kind == RECORD_TICK)
        return take_tick(s, record);
    if (record->kind == RECORD_GAP) {
        atomic_fetch_add(&s->missed, 1);
        skip_tick(s, record->gap);
        return true;
    }
    s->is_paced = false; /* another boot has another time */
    if (meter_feed(s->meter, record, &s->failure) == METER_REFUSED)
        return false;
    if (s->stream != NULL && record->kind != RECORD_END)
        stream_publish(s->stream, record);
    return true;
}

static bool is_stopped(const struct sampler *s, int timeout_ms)
{
    struct pollfd fd = {.fd = s->stop_fd, .events = POLLIN};

    return poll(&fd, 1, timeout_ms) > 0;
}

/* Sources without a time of their own: waits until a tick is due. False: told to stop. */
static bool pace(struct sampler *s, const struct tick *t)
{
    if (s->source->is_live)
        return true;
    if (s->speed <= 0) {
        /* as fast as it goes is as fast as the store takes it: nothing is dropped for speed */
        while (!queue_has_room(s->queue, meter_changes_max(s->meter, t->domains)))
            if (is_stopped(s, 1))
                return false;
        return !is_stopped(s, 0);
    }
    int64_t now = clock_mono().ns;

    if (!s->is_paced || t->mono_ns < s->pace_source_ns) {
        s->is_paced = true;
        s->pace_mono_ns = now;
        s->pace_source_ns = t->mono_ns;
    }
    double due = (double)(t->mono_ns - s->pace_source_ns) / s->speed;
    int64_t wait_ns = s->pace_mono_ns + (int64_t)due - now;

    while (wait_ns > 0) {
        int64_t ms = wait_ns / 1000000 + 1;

        if (is_stopped(s, ms > 1000 ? 1000 : (int)ms))
            return false;
        atomic_fetch_add(&s->beats, 1);
        wait_ns = s->pace_mono_ns + (int64_t)due - clock_mono().ns;
    }
    return !is_stopped(s, 0);
}

static bool next_record(struct sampler *s, struct record *out)
{
    if (!s->has_first)
        return s->source->ops->next(s->source, out, &s->failure);
    s->has_first = false;
    *out = s->first;
    return true;
}

void sampler_run(struct sampler *s)
{
    struct record record;

    do {
        if (!next_record(s, &record)) {
            s->has_failed = true;
            return;
        }
        atomic_fetch_add(&s->beats, 1);
        if (record.kind == RECORD_TICK && !pace(s, &record.tick))
            return;
        if (!take_record(s, &record)) {
            s->has_failed = true;
            return;
        }
    } while (record.kind != RECORD_END);
}

struct sampler_health sampler_health(struct sampler *s)
{
    return (struct sampler_health){
        .beats = atomic_load(&s->beats),
        .ticks = atomic_load(&s->ticks),
        .dropped = atomic_load(&s->dropped),
        .missed = atomic_load(&s->missed),
        .seq = atomic_load(&s->seq),
        .domains = atomic_load(&s->domains),
        .counted = atomic_load(&s->counted),
        .counted_kib = atomic_load(&s->counted_kib),
    };
}
