#include "meter/lives.h"
#include "common/safety.h"

#include <string.h>

static struct change *add(struct meter *m, enum change_kind kind, const struct open_life *life)
{
    struct change *c = &m->changes[m->change_count++];

    *c = (struct change){.kind = kind, .life = life->life};
    return c;
}

static void end_segment(struct meter *m, const struct open_life *life)
{
    struct change *c = add(m, CHANGE_SEGMENT_END, life);

    c->segment = life->segment;
    c->number = m->state.tick;
}

static void begin_segment(struct meter *m, struct open_life *life, const struct sample *s,
                          bool is_counted)
{
    struct change *c = add(m, CHANGE_SEGMENT_BEGIN, life);

    life->segment = m->state.next_segment++;
    life->kib = s->tot_kib;
    life->is_counted = is_counted;
    c->segment = life->segment;
    c->kib = s->tot_kib;
    c->is_counted = is_counted;
}

/* Rule 2. Whether the domain has run is known by now: this sample has been looked at. */
static bool does_count(const struct open_life *life, const struct sample *s)
{
    if (!life->has_run && safety_is_on(SAFETY_METER_NEVER_RAN))
        return false;
    if ((s->flags & (SAMPLE_DYING | SAMPLE_SHUTDOWN)) != 0 && safety_is_on(SAFETY_METER_DEAD))
        return false;
    return !life->is_temporary || !safety_is_on(SAFETY_METER_TEMPORARY);
}

static void note_firsts(struct meter *m, struct open_life *life, const struct sample *s)
{
    if (!life->has_run && s->cpu_ns > 0) {
        life->has_run = true;
        add(m, CHANGE_LIFE_RAN, life);
    }
    if (!life->has_counted && does_count(life, s)) {
        life->has_counted = true;
        add(m, CHANGE_LIFE_COUNTED, life);
    }
}

static void add_to_checksum(struct meter *m, const struct sample *s)
{
    m->row.domains++;
    m->row.kib += s->tot_kib; /* 32,768 domains of 2^40 KiB at most: 2^55 */
}

/* A sample of a life that was there at the last tick. */
static inline void go_on(struct meter *m, struct open_life *life, const struct sample *s,
                         bool is_cut)
{
    if (!life->has_counted)
        note_firsts(m, life, s);
    bool is_counted = does_count(life, s);

    if (is_counted)
        add_to_checksum(m, s);
    if (!is_cut && s->tot_kib == life->kib && is_counted == life->is_counted)
        return;
    end_segment(m, life);
    begin_segment(m, life, s, is_counted);
}

bool lives_is_temporary(const struct meter *m, uint16_t domid, const struct uuid *uuid)
{
    return domid != 0 && uuid_is_in_patterns(uuid, m->rules.temporary);
}

static void begin_life(struct meter *m, struct open_life *life, const struct sample *s)
{
    bool is_dom0 = s->domid == 0;

    *life = (struct open_life){
        .life = m->state.next_life++,
        .uuid = s->uuid,
        .domid = s->domid,
        .is_billed = !is_dom0 && !uuid_is_in_patterns(&s->uuid, m->rules.service),
        .is_temporary = lives_is_temporary(m, s->domid, &s->uuid),
    };
    struct change *c = add(m, CHANGE_LIFE_BEGIN, life);

    c->uuid = s->uuid;
    c->domid = s->domid;
    c->is_billed = life->is_billed;
    note_firsts(m, life, s);
    bool is_counted = does_count(life, s);

    begin_segment(m, life, s, is_counted);
    if (is_counted)
        add_to_checksum(m, s);
}

static void end_life(struct meter *m, const struct open_life *life)
{
    end_segment(m, life);
    add(m, CHANGE_LIFE_END, life)->number = m->state.tick;
}

void lives_end_all(struct meter *m)
{
    for (size_t i = 0; i < m->life_count; i++)
        end_life(m, &m->lives[i]);
    m->life_count = 0;
}

static bool is_same(const struct open_life *life, const struct sample *s)
{
    return life->domid == s->domid &&
           (uuid_is_equal(&life->uuid, &s->uuid) || !safety_is_on(SAFETY_METER_UUID));
}

static bool is_same_set(const struct meter *m, const struct tick *t)
{
    if (m->life_count != t->domains)
        return false;
    for (size_t i = 0; i < t->domains; i++)
        if (!is_same(&m->lives[i], &t->samples[i]))
            return false;
    return true;
}

/* Merges the two lists, both ascending by domid, into m->spare, and makes that the list. */
static void merge(struct meter *m, const struct tick *t, bool is_cut)
{
    size_t old = 0;
    size_t count = 0;

    for (size_t i = 0; i < t->domains; i++) {
        const struct sample *s = &t->samples[i];
        struct open_life *life = &m->spare[count++];

        while (old < m->life_count && m->lives[old].domid < s->domid)
            end_life(m, &m->lives[old++]);
        if (old < m->life_count && is_same(&m->lives[old], s)) {
            *life = m->lives[old++];
            go_on(m, life, s, is_cut);
            continue;
        }
        if (old < m->life_count && m->lives[old].domid == s->domid)
            end_life(m, &m->lives[old++]); /* the domid has another uuid now */
        begin_life(m, life, s);
    }
    while (old < m->life_count)
        end_life(m, &m->lives[old++]);

    struct open_life *list = m->spare;

    m->spare = m->lives;
    m->lives = list;
    m->life_count = count;
}

void lives_step(struct meter *m, const struct tick *t, bool is_cut)
{
    if (!is_same_set(m, t)) {
        merge(m, t, is_cut);
        return;
    }
    for (size_t i = 0; i < t->domains; i++)
        go_on(m, &m->lives[i], &t->samples[i], is_cut);
}
