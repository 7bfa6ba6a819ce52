/*
 * bench.c - what the meter costs, on simulated hosts. Prints; asserts nothing.
 *
 *   bench tick DIR        CPU and allocations per tick, without and with the commit
 *   bench disk DIR        bytes per sample for three loads
 *   bench trace FILE N T  writes a trace of N domains and T ticks, for the replay rate
 *   bench month DIR       a month of 1,000 VMs, and how long usage takes to read
 *
 * Hosts are simulated so that a figure is the meter's own: the hypervisor's share is measured in
 * the lab. CPU is this process's own time, user and system, so that a busy machine hardly matters.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/usage_table.h"
#include "common/number.h"
#include "meter/meter.h"
#include "meter/sim_host.h"
#include "meter/trace.h"
#include "store/store.h"

/* ---- allocations are counted by the linker's --wrap ---- */

static uint64_t allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);

void *__wrap_malloc(size_t size)
{
    allocations++;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    allocations++;
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    allocations++;
    return __real_realloc(p, size);
}

static void die(const struct error *err)
{
    (void)fprintf(stderr, "bench: %s\n", err->text);
    exit(3);
}

static double seconds(clockid_t clock)
{
    struct timespec t;

    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu(void)
{
    return seconds(CLOCK_PROCESS_CPUTIME_ID);
}

enum { FIRST_HOUR = 498720 }; /* 2026-11-23T00:00:00Z, where the simulated hosts' boots are */

/* ---- a host whose domains change with a chance of 1 in `every` per tick ---- */

struct load {
    size_t domains;
    uint64_t every;
    uint64_t interval_ns;
    struct sim_host host;
    struct meter meter;
    uint64_t seq;
};

static struct uuid fixed_uuid(uint64_t n)
{
    char name[32];

    (void)snprintf(name, sizeof name, "%" PRIu64, n);
    return sim_uuid(1, name);
}

static void load_init(struct load *l)
{
    static const struct rules rules = {.temporary = RULES_TEMPORARY_DEFAULT, .service = ""};
    struct meter_state state = {0};
    struct record head = {.kind = RECORD_HEAD,
                          .head = {fixed_uuid(1), fixed_uuid(2), fixed_uuid(3), l->interval_ns,
                                   5 * l->interval_ns}};
    struct error err;

    if (!sim_host_init(&l->host, 42, &err) ||
        !meter_init(&l->meter, &rules, &state, NULL, 0, &err) ||
        meter_feed(&l->meter, &head, &err) == METER_REFUSED)
        die(&err);
    for (size_t i = 0; i < l->domains; i++) {
        struct uuid uuid = fixed_uuid(1000 + i);

        if (!sim_birth(&l->host, &uuid, 4194304, true, &err))
            die(&err);
    }
    l->seq = 1000;
}

static void load_clear(struct load *l)
{
    sim_host_clear(&l->host);
    meter_clear(&l->meter);
}

/* The next tick of the host. Not part of what is measured. */
static struct record load_tick(struct load *l)
{
    uint64_t jitter = sim_random(&l->host, 60000);

    for (size_t i = 1; i < l->host.count; i++)
        if (sim_random(&l->host, l->every) == 0)
            l->host.domains[i].kib = (2097152 + sim_random(&l->host, 4194304)) / 4 * 4;
    sim_pass(&l->host, l->interval_ns);
    l->seq++;
    int64_t mono = (int64_t)(l->seq * l->interval_ns + jitter);

    return (struct record){
        .kind = RECORD_TICK,
        .tick = {.seq = l->seq,
                 .mono_ns = mono,
                 .utc_ns = (int64_t)FIRST_HOUR * NS_PER_HOUR + mono + (int64_t)sim_random(&l->host, 2000),
                 .window_ns = 20000 + sim_random(&l->host, 40000),
                 .is_synchronised = true,
                 .free_kib = 1 << 24,
                 .domains = l->host.count,
                 .samples = l->host.samples}};
}

static void feed(struct load *l, const struct record *record)
{
    struct error err;

    if (meter_feed(&l->meter, record, &err) != METER_TICK)
        die(&err);
}

static void append(struct load *l, struct store *store)
{
    struct error err;

    if (!store_append(store, &l->meter.row, l->meter.changes, l->meter.change_count, &err))
        die(&err);
}

static struct store *open_store(const char *dir, const char *name)
{
    char path[1024];
    struct store *store;
    struct uuid host = fixed_uuid(1);
    struct error err;

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    if (!store_open(&store, path, STORE_WRITE, &err) || !store_set_host(store, &host, &err))
        die(&err);
    return store;
}

/* ---- CPU per tick ---- */

static void bench_tick_of(const char *dir, size_t domains)
{
    enum { WARM_UP = 5, TICKS = 200 };
    struct load l = {.domains = domains, .every = 300, .interval_ns = (uint64_t)NS_PER_S};
    char name[32];
    double metering = 0;
    double committing = 0;
    uint64_t meter_allocations = 0;

    (void)snprintf(name, sizeof name, "tick-%zu", domains);
    struct store *store = open_store(dir, name);

    load_init(&l);
    for (int i = 0; i < WARM_UP + TICKS; i++) {
        struct record record = load_tick(&l);
        uint64_t a0 = allocations;
        double t0 = cpu();

        feed(&l, &record);
        double t1 = cpu();

        meter_allocations += i < WARM_UP ? 0 : allocations - a0;
        append(&l, store);
        if (i < WARM_UP)
            continue;
        metering += t1 - t0;
        committing += cpu() - t1;
    }
    (void)printf("%8zu %16.1f %16.1f %14.4f %14.4f %12.2f\n", domains,
                 metering / TICKS * 1e6, (metering + committing) / TICKS * 1e6,
                 metering / TICKS * 100, (metering + committing) / TICKS * 100,
                 (double)meter_allocations / TICKS);
    store_close(store);
    load_clear(&l);
}

static void bench_tick(const char *dir)
{
    (void)puts("CPU per tick at 1 Hz, a change per VM every 300 s; the hypervisor's own time not "
               "included\n domains    metering, us     + commit, us  % of a core      + commit "
               "  allocations");
    bench_tick_of(dir, 100);
    bench_tick_of(dir, 1000);
    bench_tick_of(dir, 10000);
}

/* ---- bytes per sample ---- */

static int64_t size_of(const char *dir, const char *name)
{
    char path[1100];
    struct stat st;

    (void)snprintf(path, sizeof path, "%s/%s/meter.db", dir, name);
    return stat(path, &st) == 0 ? (int64_t)st.st_size : -1;
}

static void bench_disk_of(const char *dir, const char *name, uint64_t every, uint64_t ticks)
{
    struct load l = {.domains = 100, .every = every, .interval_ns = (uint64_t)NS_PER_S};
    struct store *store = open_store(dir, name);
    struct error err;
    int64_t empty;

    store_close(store); /* the tables and their indexes, before any row */
    empty = size_of(dir, name);
    store = open_store(dir, name);
    load_init(&l);
    if (!store_begin(store, &err))
        die(&err);
    for (uint64_t i = 0; i < ticks; i++) {
        struct record record = load_tick(&l);

        feed(&l, &record);
        append(&l, store);
        if (!store_derive(store, &err))
            die(&err);
    }
    if (!store_commit(store, &err))
        die(&err);
    store_close(store);
    int64_t bytes = size_of(dir, name) - empty;
    uint64_t samples = ticks * (l.domains + 1);

    (void)printf("%12" PRIu64 " s %10" PRIu64 " %12" PRIu64 " %14" PRId64 " %14.3f\n", every, ticks,
                 samples, bytes, (double)bytes / (double)samples);
    load_clear(&l);
}

static void bench_disk(const char *dir)
{
    (void)puts("Bytes on disk per sample, 100 VMs and dom0 at 1 Hz, usage by hour and day included\n"
               "change every      ticks      samples          bytes   bytes/sample");
    bench_disk_of(dir, "disk-300", 300, 86400);
    bench_disk_of(dir, "disk-5", 5, 14400);
    bench_disk_of(dir, "disk-1", 1, 7200);
}

/* ---- a trace to replay ---- */

static void write_trace(const char *file, size_t domains, uint64_t ticks)
{
    struct load l = {.domains = domains, .every = 300, .interval_ns = (uint64_t)NS_PER_S};
    struct record head = {.kind = RECORD_HEAD,
                          .head = {fixed_uuid(1), fixed_uuid(2), fixed_uuid(3),
                                   (uint64_t)NS_PER_S, 5 * (uint64_t)NS_PER_S}};
    char *text = malloc(trace_text_bound(domains + 1));
    FILE *out = fopen(file, "we");

    if (text == NULL || out == NULL) {
        perror(file);
        exit(3);
    }
    load_init(&l);
    (void)fwrite(text, 1, trace_write(&head, text), out);
    for (uint64_t i = 0; i < ticks; i++) {
        struct record record = load_tick(&l);

        (void)fwrite(text, 1, trace_write(&record, text), out);
    }
    if (fclose(out) != 0) {
        perror(file);
        exit(3);
    }
    free(text);
    load_clear(&l);
}

/* ---- a month ---- */

static double time_usage(const char *dir, const struct uuid *vm, size_t *rows)
{
    double best = 1e9;

    for (int i = 0; i < 5; i++) {
        struct usage_table table = {.has = {[KEY_VM] = true}};
        struct usage_query query = {.from_hour = FIRST_HOUR, .to_hour = FIRST_HOUR + 720, .vm = vm};
        struct store *store;
        struct error err;
        char path[1024];
        double t0 = seconds(CLOCK_MONOTONIC);

        (void)snprintf(path, sizeof path, "%s/month", dir);
        if (!store_open(&store, path, STORE_READ, &err) ||
            !usage_table_read(&table, store, &query, &err))
            die(&err);
        double t = seconds(CLOCK_MONOTONIC) - t0;

        if (t < best)
            best = t;
        *rows = table.count;
        usage_table_clear(&table);
        store_close(store);
    }
    return best;
}

static void bench_month(const char *dir)
{
    enum { INTERVAL_S = 60, TICKS = 30 * 86400 / INTERVAL_S + 10, DOMAINS = 1000 };
    struct load l = {.domains = DOMAINS, .every = 300, .interval_ns = INTERVAL_S * (uint64_t)NS_PER_S};
    struct store *store = open_store(dir, "month");
    struct uuid vm = fixed_uuid(1500);
    struct error err;
    size_t rows;

    load_init(&l);
    if (!store_begin(store, &err))
        die(&err);
    for (int i = 0; i < TICKS; i++) {
        struct record record = load_tick(&l);

        feed(&l, &record);
        append(&l, store);
        if (!store_derive(store, &err))
            die(&err);
    }
    if (!store_commit(store, &err))
        die(&err);
    store_close(store);
    (void)puts("A month's usage, from opening the store to the sorted rows, best of 5");
    double one = time_usage(dir, &vm, &rows);

    (void)printf("    1 VM   %8.2f ms  (%zu row)\n", one * 1e3, rows);
    double all = time_usage(dir, NULL, &rows);

    (void)printf("1,000 VMs  %8.2f ms  (%zu rows)\n", all * 1e3, rows);
    load_clear(&l);
}

int main(int argc, char **argv)
{
    uint64_t domains;
    uint64_t ticks;

    if (argc == 3 && strcmp(argv[1], "tick") == 0)
        bench_tick(argv[2]);
    else if (argc == 3 && strcmp(argv[1], "disk") == 0)
        bench_disk(argv[2]);
    else if (argc == 3 && strcmp(argv[1], "month") == 0)
        bench_month(argv[2]);
    else if (argc == 5 && strcmp(argv[1], "trace") == 0 &&
             number_parse(argv[3], strlen(argv[3]), DOMAINS_MAX, &domains) &&
             number_parse(argv[4], strlen(argv[4]), UINT32_MAX, &ticks))
        write_trace(argv[2], (size_t)domains, ticks);
    else
        return 2;
    return 0;
}
