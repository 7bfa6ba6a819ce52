/*
 * trace_read.c - lines to records.
 *
 * A million D lines a second go through here, from files that anybody may have written. So: one
 * pass over each line, every field through a strict parser with its maximum, and the sample table
 * is as large as Xen allows from the beginning.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/number.h"
#include "common/units.h"
#include "meter/trace.h"

#define SEQ_MAX ((UINT64_C(1) << 53) - 1)

struct cursor {
    const char *at;
    const char *end;
};

/* The next field, up to a space or the end. False when there is none. */
static bool take_field(struct cursor *c, struct cursor *field)
{
    if (c->at == NULL)
        return false;
    const char *space = memchr(c->at, ' ', (size_t)(c->end - c->at));

    field->at = c->at;
    field->end = space != NULL ? space : c->end;
    c->at = space != NULL ? space + 1 : NULL;
    return field->end > field->at;
}

static bool take_number(struct cursor *c, uint64_t max, uint64_t *out)
{
    struct cursor f;

    return take_field(c, &f) && number_parse(f.at, (size_t)(f.end - f.at), max, out);
}

static bool take_time(struct cursor *c, int64_t *out)
{
    uint64_t value;

    if (!take_number(c, INT64_MAX, &value))
        return false;
    *out = (int64_t)value;
    return true;
}

static bool take_uuid(struct cursor *c, struct uuid *out)
{
    struct cursor f;

    return take_field(c, &f) && uuid_parse(f.at, (size_t)(f.end - f.at), out);
}

static bool take_word(struct cursor *c, const char *word)
{
    struct cursor f;

    return take_field(c, &f) && (size_t)(f.end - f.at) == strlen(word) &&
           memcmp(f.at, word, strlen(word)) == 0;
}

static bool take_flags(struct cursor *c, uint16_t *out)
{
    static const char letters[] = "rpsdh";
    struct cursor f;
    uint16_t flags = 0;
    size_t next = 0;

    if (!take_field(c, &f))
        return false;
    if (f.end - f.at == 1 && *f.at == '-') {
        *out = 0;
        return true;
    }
    for (; f.at < f.end; f.at++) {
        while (next < sizeof letters - 1 && letters[next] != *f.at)
            next++;
        if (next == sizeof letters - 1)
            return false; /* no such letter, twice, or not in the order of rpsdh */
        flags |= (uint16_t)(1U << next++);
    }
    *out = flags;
    return true;
}

static bool is_at_end(const struct cursor *c)
{
    return c->at == NULL;
}

static bool parse_head(struct cursor *c, struct head *out)
{
    uint64_t version;

    return take_number(c, TRACE_VERSION, &version) && version == TRACE_VERSION &&
           take_uuid(c, &out->host) && take_uuid(c, &out->store) && take_uuid(c, &out->boot) &&
           take_number(c, INT64_MAX, &out->interval_ns) && out->interval_ns > 0 &&
           take_number(c, INT64_MAX, &out->max_gap_ns) && out->max_gap_ns > 0 && is_at_end(c);
}

static bool parse_tick(struct cursor *c, struct tick *out)
{
    struct cursor clock;
    uint64_t domains;

    if (!take_number(c, SEQ_MAX, &out->seq) || !take_time(c, &out->mono_ns) ||
        !take_time(c, &out->utc_ns) || !take_number(c, INT64_MAX, &out->window_ns) ||
        !take_field(c, &clock) || clock.end - clock.at != 1 ||
        (*clock.at != 's' && *clock.at != 'u') || !take_number(c, KIB_MAX, &out->free_kib) ||
        !take_number(c, KIB_MAX, &out->outstanding_kib) || !take_number(c, DOMAINS_MAX, &domains) ||
        !is_at_end(c))
        return false;
    out->is_synchronised = *clock.at == 's';
    out->domains = (size_t)domains;
    return true;
}

static bool parse_sample(struct cursor *c, struct sample *out)
{
    uint64_t domid;

    if (!take_number(c, DOMID_LIMIT - 1, &domid) || !take_uuid(c, &out->uuid) ||
        !take_number(c, KIB_MAX, &out->tot_kib) || !take_number(c, INT64_MAX, &out->max_kib) ||
        !take_number(c, KIB_MAX, &out->outstanding_kib) || !take_flags(c, &out->flags) ||
        !take_number(c, INT64_MAX, &out->cpu_ns) || !is_at_end(c))
        return false;
    out->domid = (uint16_t)domid;
    return true;
}

static bool parse_gap(struct cursor *c, enum gap_cause *out)
{
    for (int cause = GAP_READ_FAILED; cause <= GAP_QUEUE_FULL; cause++) {
        struct cursor word = *c;

        if (take_word(&word, gap_cause_name((enum gap_cause)cause)) && is_at_end(&word)) {
            *out = (enum gap_cause)cause;
            return true;
        }
    }
    return false;
}

static int compare_domid(const void *a, const void *b)
{
    return (int)((const struct sample *)a)->domid - (int)((const struct sample *)b)->domid;
}

static enum trace_result finish_tick(struct trace_reader *r, struct record *out)
{
    r->is_collecting = false;
    if (!r->is_sorted)
        qsort(r->samples, r->collected, sizeof *r->samples, compare_domid);
    r->tick.samples = r->samples;
    *out = (struct record){.kind = RECORD_TICK, .tick = r->tick};
    return TRACE_RECORD;
}

static bool note_seen(struct trace_reader *r, unsigned domid)
{
    uint8_t bit = (uint8_t)(1U << (domid % 8));
    bool was_seen = (r->seen[domid / 8] & bit) != 0;

    r->seen[domid / 8] |= bit;
    return was_seen;
}

/* Xen lists domains in ascending order, and then no domid can come twice. Others need not. */
static bool is_listed_twice(struct trace_reader *r, const struct sample *s)
{
    if (r->is_sorted) {
        if (r->collected == 0 || s->domid > s[-1].domid)
            return false;
        r->is_sorted = false;
        memset(r->seen, 0, sizeof r->seen);
        for (size_t i = 0; i < r->collected; i++)
            (void)note_seen(r, r->samples[i].domid);
    }
    return note_seen(r, s->domid);
}

static enum trace_result bad(const struct trace_reader *r, struct error *err, const char *what)
{
    (void)error_set(err, ERR_INPUT, "line %" PRIu64 ": %s", r->line, what);
    return TRACE_BAD;
}

static enum trace_result read_sample(struct trace_reader *r, struct cursor *c, struct record *out,
                                     struct error *err)
{
    struct sample *s = &r->samples[r->collected];

    if (!r->is_collecting)
        return bad(r, err, "a D record that no T record announced");
    if (!parse_sample(c, s))
        return bad(r, err,
                   "not a D record: D <domid> <uuid> <tot_kib> <max_kib> <outstanding_kib> "
                   "<flags> <cpu_ns>");
    if (is_listed_twice(r, s))
        return bad(r, err, "this domain is listed in this tick already");
    r->collected++;
    return r->collected < r->tick.domains ? TRACE_MORE : finish_tick(r, out);
}

static enum trace_result read_tick(struct trace_reader *r, struct cursor *c, struct record *out,
                                   struct error *err)
{
    if (!parse_tick(c, &r->tick))
        return bad(r, err,
                   "not a T record: T <seq> <mono_ns> <utc_ns> <window_ns> s|u <free_kib> "
                   "<outstanding_kib> <domains>");
    r->collected = 0;
    r->is_sorted = true;
    r->is_collecting = true;
    r->tick_line = r->line;
    return r->tick.domains > 0 ? TRACE_MORE : finish_tick(r, out);
}

static enum trace_result read_other(struct trace_reader *r, char letter, struct cursor *c,
                                    struct record *out, struct error *err)
{
    switch (letter) {
    case 'P':
        out->kind = RECORD_HEAD;
        return parse_head(c, &out->head)
                   ? TRACE_RECORD
                   : bad(r, err,
                         "not a P record: P 1 <host> <store> <boot> <interval_ns> <max_gap_ns>");
    case 'G':
        out->kind = RECORD_GAP;
        return parse_gap(c, &out->gap)
                   ? TRACE_RECORD
                   : bad(r, err, "not a G record: G read-failed|window|overrun|queue-full");
    case 'B':
        out->kind = RECORD_BOOT;
        return take_uuid(c, &out->boot) && is_at_end(c) ? TRACE_RECORD
                                                        : bad(r, err, "not a B record: B <boot>");
    case 'R':
        out->kind = RECORD_RESTART;
        return is_at_end(c) ? TRACE_RECORD : bad(r, err, "not an R record: R");
    default:
        return bad(r, err, "not a record: a line begins with P, T, D, G, B or R");
    }
}

enum trace_result trace_read_line(struct trace_reader *r, const char *line, size_t length,
                                  struct record *out, struct error *err)
{
    struct cursor c = {line, line + length};
    struct cursor letter;

    r->line++;
    if (length > TRACE_LINE_MAX)
        return bad(r, err, "a line longer than 512 characters");
    if (!take_field(&c, &letter) || letter.end - letter.at != 1)
        return bad(r, err, "not a record: a line begins with P, T, D, G, B or R");
    if (*letter.at == 'D')
        return read_sample(r, &c, out, err);
    if (r->is_collecting) {
        (void)error_set(err, ERR_INPUT,
                        "line %" PRIu64 ": tick %" PRIu64 " announces %zu domains and lists %zu",
                        r->line, r->tick.seq, r->tick.domains, r->collected);
        return TRACE_BAD;
    }
    if (*letter.at == 'T')
        return read_tick(r, &c, out, err);
    return read_other(r, *letter.at, &c, out, err);
}

bool trace_reader_init(struct trace_reader *r, struct error *err)
{
    *r = (struct trace_reader){.samples = calloc(DOMAINS_MAX, sizeof *r->samples)};
    if (r->samples == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to read a trace");
    return true;
}

void trace_reader_clear(struct trace_reader *r)
{
    free(r->samples);
    *r = (struct trace_reader){0};
}
