/*
 * Traces, line by line: what is read and written again is read again, and is then the same text.
 */
#include "fuzz.h"

#include "common/units.h"
#include "meter/trace.h"

static struct trace_reader reader;
static struct trace_reader second;
static char *text;
static char *again;

static void check_tick(const struct tick *t)
{
    HOLDS(t->seq < UINT64_C(1) << 53);
    HOLDS(t->mono_ns >= 0 && t->utc_ns >= 0 && t->domains <= DOMAINS_MAX);
    for (size_t i = 0; i < t->domains; i++) {
        HOLDS(t->samples[i].tot_kib <= KIB_MAX);
        HOLDS(i == 0 || t->samples[i].domid > t->samples[i - 1].domid);
    }
}

/* Reads the lines of `text`; only the last one completes a record. */
static void read_again(size_t length, struct record *out)
{
    enum trace_result result = TRACE_MORE;
    struct error err;

    for (char *p = text; p < text + length;) {
        char *newline = memchr(p, '\n', (size_t)(text + length - p));

        HOLDS(newline != NULL && result == TRACE_MORE);
        result = trace_read_line(&second, p, (size_t)(newline - p), out, &err);
        HOLDS(result != TRACE_BAD);
        p = newline + 1;
    }
    HOLDS(result == TRACE_RECORD);
}

static void check_fixed_point(const struct record *record)
{
    struct record copy = {.kind = RECORD_END};
    size_t length = trace_write(record, text);

    HOLDS(length <= trace_text_bound(record->kind == RECORD_TICK ? record->tick.domains : 0));
    read_again(length, &copy);
    HOLDS(copy.kind == record->kind);
    HOLDS(trace_write(&copy, again) == length && memcmp(text, again, length) == 0);
}

static void set_up(void)
{
    struct error err;

    HOLDS(trace_reader_init(&reader, &err) && trace_reader_init(&second, &err));
    text = malloc(trace_text_bound(DOMAINS_MAX));
    again = malloc(trace_text_bound(DOMAINS_MAX));
    HOLDS(text != NULL && again != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *p = (const char *)data;
    const char *end = p + size;
    struct error err;

    if (text == NULL)
        set_up();
    reader.is_collecting = false;
    reader.line = 0;
    while (p < end) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        size_t length = (size_t)((newline != NULL ? newline : end) - p);
        struct record record;

        switch (trace_read_line(&reader, p, length, &record, &err)) {
        case TRACE_BAD:
            HOLDS(err.code == ERR_INPUT && strncmp(err.text, "line ", 5) == 0);
            reader.is_collecting = false;
            break;
        case TRACE_RECORD:
            if (record.kind == RECORD_TICK)
                check_tick(&record.tick);
            check_fixed_point(&record);
            break;
        case TRACE_MORE:
            break;
        }
        p += length + 1;
    }
    return 0;
}
