/*
 * Files of simulations: refused with their line, or a source that keeps the contract of sources.
 * Small hosts only: a large one is slow, not wrong.
 */
#include "fuzz.h"

#include "common/units.h"
#include "meter/source.h"

enum { RECORDS = 200, DOMAINS = 64 };

static void check_samples(const struct tick *t)
{
    for (size_t i = 0; i < t->domains; i++) {
        HOLDS(t->samples[i].tot_kib <= KIB_MAX);
        HOLDS(i == 0 || t->samples[i].domid > t->samples[i - 1].domid);
    }
}

static void run(struct source *source)
{
    struct record record = {.kind = RECORD_HEAD};
    struct error err;
    bool is_new_boot = true;
    uint64_t seq = 0;
    int64_t mono_ns = 0;

    for (int i = 0; i < RECORDS && source->ops->next(source, &record, &err); i++) {
        HOLDS((record.kind == RECORD_HEAD) == (i == 0));
        is_new_boot = is_new_boot || record.kind == RECORD_BOOT;
        if (record.kind == RECORD_END)
            break;
        if (record.kind != RECORD_TICK)
            continue;
        HOLDS(record.tick.domains > 0);
        HOLDS(record.tick.mono_ns >= 0 && record.tick.utc_ns >= 0);
        HOLDS(is_new_boot || (record.tick.seq > seq && record.tick.mono_ns > mono_ns));
        check_samples(&record.tick);
        is_new_boot = false;
        seq = record.tick.seq;
        mono_ns = record.tick.mono_ns;
    }
}

/* "domains = 40000" takes minutes to populate. */
static bool is_large(const char *text)
{
    for (const char *p = strstr(text, "domains"); p != NULL; p = strstr(p + 1, "domains"))
        if (strtoull(p + 7 + strspn(p + 7, " \t=:"), NULL, 10) > DOMAINS)
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct source_config config = {.interval_ns = (uint64_t)NS_PER_S,
                                         .max_gap_ns = 5 * (uint64_t)NS_PER_S,
                                         .stop_fd = -1};
    char *text = fuzz_text(data, size);
    char path[FUZZ_PATH_MAX];
    struct source *source = NULL;
    struct error err = {.code = ERR_NONE};
    int fd = fuzz_file(data, size, path);

    if (!is_large(text)) {
        if (source_open_sim(&source, path, &config, &err))
            run(source);
        else
            HOLDS(err.code == ERR_INPUT);
        source_close(source);
    }
    (void)close(fd);
    free(text);
    return 0;
}
