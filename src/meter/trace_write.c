/*
 * trace_write.c - records to lines. Hand-written digits: 10,000 domains a second go through here
 * while a subscriber listens, and printf takes ten times as long.
 */
#include <stddef.h>
#include <string.h>

#include "meter/trace.h"

static char *put_text(char *p, const char *text)
{
    size_t length = strlen(text);

    memcpy(p, text, length);
    return p + length;
}

static char *put_number(char *p, uint64_t value)
{
    char digits[20];
    size_t n = sizeof digits;

    do {
        digits[--n] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    *p++ = ' ';
    memcpy(p, digits + n, sizeof digits - n);
    return p + (sizeof digits - n);
}

static char *put_uuid(char *p, const struct uuid *uuid)
{
    *p++ = ' ';
    uuid_format(uuid, p); /* the NUL is overwritten by what follows: a newline at least */
    return p + UUID_TEXT_LENGTH;
}

static char *put_flags(char *p, unsigned flags)
{
    static const char letters[] = "rpsdh";

    *p++ = ' ';
    if (flags == 0)
        *p++ = '-';
    for (unsigned i = 0; i < sizeof letters - 1; i++)
        if (flags & (1U << i))
            *p++ = letters[i];
    return p;
}

static char *put_sample(char *p, const struct sample *s)
{
    *p++ = 'D';
    p = put_number(p, s->domid);
    p = put_uuid(p, &s->uuid);
    p = put_number(p, s->tot_kib);
    p = put_number(p, s->max_kib);
    p = put_number(p, s->outstanding_kib);
    p = put_flags(p, s->flags);
    p = put_number(p, s->cpu_ns);
    *p++ = '\n';
    return p;
}

static char *put_tick(char *p, const struct tick *t)
{
    *p++ = 'T';
    p = put_number(p, t->seq);
    p = put_number(p, (uint64_t)t->mono_ns);
    p = put_number(p, (uint64_t)t->utc_ns);
    p = put_number(p, t->window_ns);
    p = put_text(p, t->is_synchronised ? " s" : " u");
    p = put_number(p, t->free_kib);
    p = put_number(p, t->outstanding_kib);
    p = put_number(p, t->domains);
    *p++ = '\n';
    for (size_t i = 0; i < t->domains; i++)
        p = put_sample(p, &t->samples[i]);
    return p;
}

static char *put_head(char *p, const struct head *h)
{
    *p++ = 'P';
    p = put_number(p, TRACE_VERSION);
    p = put_uuid(p, &h->host);
    p = put_uuid(p, &h->store);
    p = put_uuid(p, &h->boot);
    p = put_number(p, h->interval_ns);
    p = put_number(p, h->max_gap_ns);
    *p++ = '\n';
    return p;
}

size_t trace_text_bound(size_t domains)
{
    return 256 + domains * 160;
}

size_t trace_write(const struct record *record, char *out)
{
    char *p = out;

    switch (record->kind) {
    case RECORD_END:
        break;
    case RECORD_HEAD:
        p = put_head(p, &record->head);
        break;
    case RECORD_TICK:
        p = put_tick(p, &record->tick);
        break;
    case RECORD_GAP:
        p = put_text(p, "G ");
        p = put_text(p, gap_cause_name(record->gap));
        *p++ = '\n';
        break;
    case RECORD_BOOT:
        *p++ = 'B';
        p = put_uuid(p, &record->boot);
        *p++ = '\n';
        break;
    case RECORD_RESTART:
        p = put_text(p, "R\n");
        break;
    }
    return (size_t)(p - out);
}
