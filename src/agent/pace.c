#include "agent/pace.h"

#include "common/number.h"

void pace_init(struct pace *p)
{
    *p = (struct pace){.headroom_kib = HEADROOM_LEAST_KIB};
}

static bool has_crossed(const struct pace *p, uint64_t available_kib)
{
    uint64_t half = p->headroom_kib / 2;

    return (available_kib < half) != (p->sent.available_kib < half);
}

static bool has_moved(const struct pace *p, uint64_t before_kib, uint64_t now_kib)
{
    uint64_t by = now_kib > before_kib ? now_kib - before_kib : before_kib - now_kib;
    uint64_t part = p->headroom_kib / (p->sent.available_kib < p->headroom_kib ? 8 : 4);

    return by >= (part < PACE_MOVE_MOST_KIB ? part : PACE_MOVE_MOST_KIB);
}

static uint64_t used_kib(const struct pace_look *look)
{
    return look->total_kib > look->available_kib ? look->total_kib - look->available_kib : 0;
}

bool pace_is_due(const struct pace *p, uint64_t now_ms, const struct pace_look *look)
{
    bool is_short = look->available_kib < p->headroom_kib / 2;

    if (now_ms < p->not_before_ms)
        return false;
    return !p->is_fresh || now_ms - p->sent_ms >= (is_short ? PACE_SHORT_MS : PACE_KEEP_ALIVE_MS) ||
           has_crossed(p, look->available_kib) ||
           has_moved(p, p->sent.available_kib, look->available_kib) ||
           has_moved(p, used_kib(&p->sent), used_kib(look));
}

uint64_t pace_next_look_ms(const struct pace *p, uint64_t now_ms, uint64_t available_kib)
{
    bool is_near = available_kib / PACE_NEAR_HEADROOMS < p->headroom_kib;
    uint64_t next = now_ms + (is_near ? PACE_LOOK_SOON_MS : PACE_LOOK_LATER_MS);
    uint64_t keep_alive = p->sent_ms + PACE_KEEP_ALIVE_MS;

    if (p->is_fresh && keep_alive > now_ms && keep_alive < next)
        next = keep_alive;
    return p->not_before_ms > now_ms && p->not_before_ms < next ? p->not_before_ms : next;
}

void pace_sent(struct pace *p, uint64_t now_ms, const struct pace_look *look)
{
    p->is_fresh = true;
    p->sent_ms = now_ms;
    p->sent = *look;
    p->not_before_ms = now_ms + PACE_SPACING_MS;
}

void pace_lost(struct pace *p, uint64_t now_ms)
{
    p->is_fresh = false;
    p->not_before_ms = now_ms + PACE_RETRY_MS;
}

bool pace_parse_headroom(const char *text, size_t length, uint64_t *kib)
{
    uint64_t value;

    if (!number_parse(text, length, PACE_HEADROOM_MOST_KIB, &value) ||
        value < PACE_HEADROOM_LEAST_KIB)
        return false;
    *kib = value;
    return true;
}

uint64_t pace_own_headroom(const struct figures *f)
{
    uint64_t has = (f->flags & FIGURES_HAS_BALLOON) != 0 ? f->current_kib : f->total_kib;

    return headroom_of_need(has > f->available_kib ? has - f->available_kib : 0);
}
