#include "agent/agent.h"

#include "agent/figures_format.h"

void agent_init(struct agent *a, struct guest *guest, int (*open)(void *context), void *context)
{
    *a = (struct agent){.guest = guest, .own_headroom_kib = HEADROOM_LEAST_KIB};
    xenbus_init(&a->bus, open, context);
    pace_init(&a->pace);
}

static void set_headroom(struct agent *a)
{
    a->pace.headroom_kib = a->host_headroom_kib != 0 ? a->host_headroom_kib : a->own_headroom_kib;
}

/* ---- what comes back ---- */

static void record_arrived(struct agent *a, uint64_t now_ms)
{
    (void)now_ms;
    a->trouble = AGENT_FINE;
}

static void record_refused(struct agent *a, uint64_t now_ms)
{
    a->trouble = AGENT_REFUSED;
    pace_lost(&a->pace, now_ms);
}

static void record_lost(struct agent *a, uint64_t now_ms)
{
    pace_lost(&a->pace, now_ms);
}

static void headroom_came(struct agent *a, uint64_t now_ms)
{
    const struct wire *w = &a->bus.wire;

    (void)now_ms;
    if (w->header.length > sizeof w->text ||
        !pace_parse_headroom(w->text, w->header.length, &a->host_headroom_kib))
        a->host_headroom_kib = 0;
    set_headroom(a);
}

static void headroom_absent(struct agent *a, uint64_t now_ms)
{
    (void)now_ms;
    a->host_headroom_kib = 0;
    set_headroom(a);
}

static void nothing(struct agent *a, uint64_t now_ms)
{
    (void)a;
    (void)now_ms;
}

typedef void reaction(struct agent *a, uint64_t now_ms);

/* By what was asked, a record written or the headroom read, and what came of it. */
static reaction *const reactions[2][XENBUS_EVENTS] = {
    {
        [XENBUS_NOTHING] = nothing,
        [XENBUS_ANSWER] = record_arrived,
        [XENBUS_REFUSED] = record_refused,
        [XENBUS_LOST] = record_lost,
    },
    {
        [XENBUS_NOTHING] = nothing,
        [XENBUS_ANSWER] = headroom_came,
        [XENBUS_REFUSED] = headroom_absent,
        [XENBUS_LOST] = nothing,
    },
};

/* ---- what goes out ---- */

static void look(struct agent *a, uint64_t now_ms)
{
    a->has_looked = guest_look(a->guest, &a->look);
    if (a->has_looked) {
        a->look_ms = pace_next_look_ms(&a->pace, now_ms, a->look.available_kib);
    } else {
        a->look_ms = now_ms + PACE_RETRY_MS;
        a->trouble = AGENT_NO_MEMINFO;
    }
}

static void send_record(struct agent *a, uint64_t now_ms)
{
    struct figures f = {.seq = figures_next_seq(a->seq), .up_ms = now_ms};
    char text[FIGURES_TEXT_MAX];

    if (!guest_measure(a->guest, &f)) {
        a->trouble = AGENT_NO_MEMINFO;
        pace_lost(&a->pace, now_ms);
        return;
    }
    if (!xenbus_write(&a->bus, now_ms, FIGURES_PATH, text, figures_format(&f, text))) {
        a->trouble = AGENT_NO_DEVICE;
        pace_lost(&a->pace, now_ms);
        return;
    }
    a->is_reading = false;
    a->seq = f.seq;
    a->look = (struct pace_look){f.available_kib, f.total_kib};
    a->own_headroom_kib = pace_own_headroom(&f);
    set_headroom(a);
    pace_sent(&a->pace, now_ms, &a->look);
}

/* Only behind a record that arrived: where none does there is no use in a headroom. */
static void ask_headroom(struct agent *a, uint64_t now_ms)
{
    if (!xenbus_read(&a->bus, now_ms, FIGURES_HEADROOM_PATH))
        return;
    a->is_reading = true;
    a->read_ms = now_ms + AGENT_HEADROOM_MS;
}

static void speak(struct agent *a, uint64_t now_ms)
{
    if (a->has_looked && pace_is_due(&a->pace, now_ms, &a->look))
        send_record(a, now_ms);
    else if (a->pace.is_fresh && now_ms >= a->read_ms)
        ask_headroom(a, now_ms);
}

uint64_t agent_step(struct agent *a, uint64_t now_ms, bool has_alarm)
{
    uint64_t deadline;

    reactions[a->is_reading][xenbus_take(&a->bus, now_ms)](a, now_ms);
    if (has_alarm || now_ms >= a->look_ms)
        look(a, now_ms);
    if (!a->bus.is_waiting)
        speak(a, now_ms);
    else if (now_ms - a->bus.asked_ms >= AGENT_REPLY_LATE_MS)
        a->trouble = AGENT_NO_REPLY;
    deadline = xenbus_deadline_ms(&a->bus);
    return deadline < a->look_ms ? deadline : a->look_ms;
}
