/*
 * What the kernel says of its memory: refused untouched, or the same again without what is not
 * wanted; and whatever is read, its record fits and is read back.
 */
#include "fuzz.h"

#include "agent/figures_format.h"
#include "agent/kernel_text.h"
#include "agent/pace.h"
#include "balloon/figures_parse.h"

typedef bool parse(const char *text, size_t length, struct figures *out);

static const struct figures marked = {.seq = 7, .total_kib = 7, .swap_in = 7, .stall_some_us = 7};

static bool read_text(parse *parse_text, const char *text, size_t size, struct figures *f)
{
    *f = marked;
    if (parse_text(text, size, f))
        return true;
    HOLDS(memcmp(f, &marked, sizeof marked) == 0);
    return false;
}

/* A line that nobody wants in front changes nothing. */
static void check_prefix(parse *parse_text, const char *text, size_t size, const struct figures *f)
{
    static const char line[] = "Bogus: 1 kB\n";
    size_t start = sizeof line - 1;
    char *longer = malloc(start + size + 1);
    struct figures again;

    HOLDS(longer != NULL);
    memcpy(longer, line, start);
    if (size > 0)
        memcpy(longer + start, text, size);
    if (start + size < KERNEL_TEXT_MAX) {
        HOLDS(read_text(parse_text, longer, start + size, &again));
        HOLDS(memcmp(&again, f, sizeof again) == 0);
    }
    free(longer);
}

static void check_record(const struct figures *f)
{
    char text[FIGURES_TEXT_MAX];
    char more[FIGURES_TEXT_MAX];
    struct figures said;
    struct error err;
    size_t length = figures_format(f, text);

    HOLDS(length <= FIGURES_TEXT_MAX);
    HOLDS(figures_parse(text, length, &said, &err));
    HOLDS(figures_format(&said, more) == length);
    HOLDS(memcmp(text, more, length) == 0);
    HOLDS(pace_own_headroom(f) >= HEADROOM_LEAST_KIB);
    HOLDS(pace_own_headroom(f) <= HEADROOM_MOST_KIB);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static parse *const parsers[] = {kernel_text_meminfo, kernel_text_vmstat, kernel_text_pressure};
    const char *text = (const char *)data;
    struct figures f;
    uint64_t kib;

    for (size_t i = 0; i < sizeof parsers / sizeof *parsers; i++)
        if (read_text(parsers[i], text, size, &f)) {
            HOLDS(size < KERNEL_TEXT_MAX);
            check_prefix(parsers[i], text, size, &f);
            check_record(&f);
        }
    if (kernel_text_number(text, size, FIGURES_KIB_MAX, &kib))
        HOLDS(kib <= FIGURES_KIB_MAX && text[size - 1] == '\n');
    if (pace_parse_headroom(text, size, &kib))
        HOLDS(kib >= PACE_HEADROOM_LEAST_KIB && kib <= PACE_HEADROOM_MOST_KIB);
    return 0;
}
