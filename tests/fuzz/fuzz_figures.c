/*
 * A guest's word on its memory, its own record and another agent's: refused untouched, or what was
 * taken is within its limits, and a record is exactly the text that its figures are written as.
 */
#include "fuzz.h"

#include <inttypes.h>

#include "balloon/figures_parse.h"

enum { MADE_MAX = 1024 };

#define CAP_KIB (UINT64_C(1) << 30)

/* The one text that says this. */
static size_t make(const struct figures *f, char out[MADE_MAX])
{
    size_t used = (size_t)snprintf(out, MADE_MAX, "v=%d", FIGURES_VERSION);

#define MAKE(key, member, most)                                                                    \
    HOLDS(f->member <= (most));                                                                    \
    used += (size_t)snprintf(out + used, MADE_MAX - used, " " key "=%" PRIu64, f->member);
    FIGURES(MAKE)
#undef MAKE
    used += (size_t)snprintf(out + used, MADE_MAX - used, " flags=%s", f->flags == 0 ? "-" : "");
    for (size_t i = 0; i < strlen(FIGURES_FLAG_LETTERS); i++)
        if ((f->flags & 1U << i) != 0)
            out[used++] = FIGURES_FLAG_LETTERS[i];
    return used;
}

static void check_possible(const struct figures *f)
{
    struct error err;

    if (!figures_are_possible(f, CAP_KIB, &err))
        return;
    HOLDS(f->total_kib > 0 && f->total_kib <= CAP_KIB + CAP_KIB / 64);
    HOLDS(f->available_kib <= f->total_kib && f->free_kib <= f->total_kib);
    HOLDS(f->swap_free_kib <= f->swap_total_kib);
}

static void check_record(const char *text, size_t size)
{
    struct figures f, before;
    struct error err = {.code = ERR_NONE};
    char made[MADE_MAX];

    memset(&f, 0x5a, sizeof f);
    before = f;
    if (figures_parse(text, size, &f, &err)) {
        HOLDS(size <= FIGURES_TEXT_MAX);
        HOLDS(make(&f, made) == size && memcmp(made, text, size) == 0);
        check_possible(&f);
    } else {
        HOLDS(err.code == ERR_INPUT && memcmp(&f, &before, sizeof f) == 0);
    }
}

static void check_meminfo(const char *text, size_t size)
{
    struct figures f, before;
    struct error err = {.code = ERR_NONE};

    memset(&f, 0x5a, sizeof f);
    before = f;
    if (figures_parse_meminfo(text, size, &f, &err)) {
        HOLDS(size <= FALLBACK_TEXT_MAX);
        HOLDS(f.total_kib <= FIGURES_KIB_MAX && f.free_kib <= FIGURES_KIB_MAX);
        HOLDS(f.available_kib <= FIGURES_KIB_MAX && f.swap_total_kib <= FIGURES_KIB_MAX);
        HOLDS(f.current_kib == 0 && f.flags == 0);
        check_possible(&f);
    } else {
        HOLDS(err.code == ERR_INPUT && memcmp(&f, &before, sizeof f) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* exactly so long, so that a read behind it is seen; never a NUL pointer */
    char *text = malloc(size + (size == 0));
    struct figures f;
    struct error err;

    HOLDS(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    check_record(text, size);
    check_meminfo(text, size);
    if (figures_parse_totals(text, size, text, size, &f, &err))
        HOLDS(f.total_kib == f.available_kib && f.total_kib <= FIGURES_KIB_MAX);
    free(text);
    return 0;
}
