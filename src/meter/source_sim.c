/*
 * source_sim.c - a simulated host as a source: scripted, seeded, or both (pagemeter-sim(5)).
 *
 * Time is virtual: tick n is at n intervals, give or take a jitter. Who reads sets the pace.
 */
#include <errno.h>
#include <ini.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/number.h"
#include "common/units.h"
#include "meter/sim_host.h"
#include "meter/source.h"

enum { NAME_MAX_LENGTH = 64, ORDERS_MAX = 4096, DOMAINS_AT_START_MAX = 32000 };

/* Of the wall clock: a year. Simulated hosts begin in 2026. */
#define STEP_MAX_NS (INT64_C(365) * 24 * NS_PER_HOUR)

enum sim_verb {
    VERB_BIRTH,
    VERB_BALLOON,
    VERB_PAUSE,
    VERB_UNPAUSE,
    VERB_SHUTDOWN,
    VERB_DESTROY,
    VERB_MIGRATE,
    VERB_STEP,
    VERB_MISS,
    VERB_FAIL,
    VERB_BOOT,
    VERB_COUNT
};

static const struct {
    const char *name;
    bool has_vm;
    bool has_number;
} verbs[VERB_COUNT] = {
    [VERB_BIRTH] = {"birth", true, true},        [VERB_BALLOON] = {"balloon", true, true},
    [VERB_PAUSE] = {"pause", true, false},       [VERB_UNPAUSE] = {"unpause", true, false},
    [VERB_SHUTDOWN] = {"shutdown", true, false}, [VERB_DESTROY] = {"destroy", true, false},
    [VERB_MIGRATE] = {"migrate", true, false},   [VERB_STEP] = {"step", false, true},
    [VERB_MISS] = {"miss", false, true},         [VERB_FAIL] = {"fail", false, false},
    [VERB_BOOT] = {"boot", false, false},
};

struct order {
    uint64_t tick;
    enum sim_verb verb;
    struct uuid vm;
    int64_t number; /* KiB; ns of a step; ticks to miss */
};

/* [sim]: everything is a number. Averages are in ticks; 0 is never. */
struct numbers {
    uint64_t seed, ticks, domains, kib, change_every, birth_every, destroy_every, migrate_every,
        step_every, miss_every, jitter_ns, window_ns, start_s;
};

static const struct {
    const char *name;
    size_t offset;
    uint64_t standard;
} number_keys[] = {
    {"seed", offsetof(struct numbers, seed), 1},
    {"ticks", offsetof(struct numbers, ticks), 0},
    {"domains", offsetof(struct numbers, domains), 0},
    {"kib", offsetof(struct numbers, kib), 4194304},
    {"change_every", offsetof(struct numbers, change_every), 0},
    {"birth_every", offsetof(struct numbers, birth_every), 0},
    {"destroy_every", offsetof(struct numbers, destroy_every), 0},
    {"migrate_every", offsetof(struct numbers, migrate_every), 0},
    {"step_every", offsetof(struct numbers, step_every), 0},
    {"miss_every", offsetof(struct numbers, miss_every), 0},
    {"jitter_ns", offsetof(struct numbers, jitter_ns), 60000},
    {"window_ns", offsetof(struct numbers, window_ns), 40000},
    {"start_s", offsetof(struct numbers, start_s), 1795359600},
};

enum { NUMBER_KEYS = sizeof number_keys / sizeof *number_keys };

struct sim {
    struct source source;
    struct source_config config;
    struct numbers n;
    struct order *orders;
    size_t order_count;
    size_t next_order;
    struct sim_host host;
    struct uuid boot;
    bool has_sent_head;
    bool is_boot_due;
    bool is_gap_due;
    enum gap_cause gap;
    bool is_tick_due;
    uint64_t tick; /* since the beginning */
    uint64_t seq;  /* of this boot */
    uint64_t boots;
    int64_t utc_step_ns; /* how far the wall clock was stepped */
    uint64_t born;
};

/* ---- reading the file ---- */

struct reading {
    struct sim *sim;
    FILE *file;
    int line;
    int bad_line;
    const char *what;
};

static bool take_word(const char **p, char out[NAME_MAX_LENGTH])
{
    *p += strspn(*p, " \t");
    size_t length = strcspn(*p, " \t");

    if (length == 0 || length >= NAME_MAX_LENGTH)
        return false;
    memcpy(out, *p, length);
    out[length] = '\0';
    *p += length;
    return true;
}

static bool take_signed(const char *text, int64_t *out)
{
    uint64_t value;
    bool is_negative = *text == '-';
    const char *digits = text + (is_negative || *text == '+' ? 1 : 0);

    if (!number_parse(digits, strlen(digits), INT64_MAX, &value))
        return false;
    *out = is_negative ? -(int64_t)value : (int64_t)value;
    return true;
}

static bool parse_order(uint64_t seed, const char *text, struct order *order)
{
    char word[NAME_MAX_LENGTH];
    int verb = 0;

    if (!take_word(&text, word))
        return false;
    while (verb < VERB_COUNT && strcmp(verbs[verb].name, word) != 0)
        verb++;
    if (verb == VERB_COUNT)
        return false;
    order->verb = (enum sim_verb)verb;
    if (verbs[verb].has_vm) {
        if (!take_word(&text, word))
            return false;
        order->vm = sim_uuid(seed, word);
    }
    if (verbs[verb].has_number && (!take_word(&text, word) || !take_signed(word, &order->number)))
        return false;
    return text[strspn(text, " \t")] == '\0';
}

/* What a real host can't be is refused where it stands, with its line. */
static bool is_possible(const struct order *order)
{
    switch (order->verb) {
    case VERB_BIRTH:
    case VERB_BALLOON:
        return order->number >= 0 && (uint64_t)order->number <= KIB_MAX;
    case VERB_MISS:
        return order->number >= 1 && order->number <= 86400;
    case VERB_STEP:
        return order->number >= -STEP_MAX_NS && order->number <= STEP_MAX_NS;
    default:
        return true;
    }
}

static bool take_order(struct sim *s, const char *tick, const char *text)
{
    struct order order = {0};

    if (s->order_count == ORDERS_MAX ||
        !number_parse(tick, strlen(tick), UINT32_MAX, &order.tick) ||
        !parse_order(s->n.seed, text, &order) || !is_possible(&order) ||
        (s->order_count > 0 && order.tick < s->orders[s->order_count - 1].tick))
        return false;
    s->orders[s->order_count++] = order;
    return true;
}

static bool take_number(struct sim *s, const char *name, const char *value)
{
    for (size_t i = 0; i < NUMBER_KEYS; i++) {
        uint64_t *out = (uint64_t *)(void *)((char *)&s->n + number_keys[i].offset);

        if (strcmp(number_keys[i].name, name) == 0)
            return number_parse(value, strlen(value), UINT32_MAX, out) &&
                   s->n.domains <= DOMAINS_AT_START_MAX;
    }
    return false;
}

static int take_key(void *self, const char *section, const char *name, const char *value)
{
    struct reading *r = self;
    bool is_ok;

    if (r->bad_line > 0)
        return 1;
    if (strcmp(section, "sim") == 0)
        is_ok = take_number(r->sim, name, value);
    else
        is_ok = strcmp(section, "script") == 0 && take_order(r->sim, name, value);
    if (!is_ok)
        r->bad_line = r->line;
    return 1;
}

static char *read_line(char *text, int size, void *self)
{
    struct reading *r = self;

    r->line++;
    return fgets(text, size, r->file);
}

static bool read_file(struct sim *s, const char *path, struct error *err)
{
    struct reading r = {.sim = s, .file = fopen(path, "re")};

    if (r.file == NULL)
        return error_set(err, ERR_SYSTEM, "can't open the simulation %s: %s", path,
                         strerror(errno));
    int bad = ini_parse_stream(read_line, &r, take_key, &r);

    (void)fclose(r.file);
    if (bad > 0 && (r.bad_line == 0 || bad < r.bad_line))
        r.bad_line = bad;
    if (r.bad_line == 0)
        return true;
    return error_set(err, ERR_INPUT,
                     "%s, line %d: neither a number of [sim] nor, in order of ticks, a line of "
                     "[script] like: 30 = balloon web 262144 (pagemeter-sim(5))",
                     path, r.bad_line);
}

/* ---- what happens ---- */

static bool birth_random(struct sim *s, bool runs_at_once, struct error *err)
{
    char name[32];

    (void)snprintf(name, sizeof name, "vm%" PRIu64, ++s->born);
    struct uuid uuid = sim_uuid(s->n.seed, name);

    return sim_birth(&s->host, &uuid, s->n.kib, runs_at_once, err);
}

static void boot(struct sim *s)
{
    char name[32];

    (void)snprintf(name, sizeof name, "boot%" PRIu64, ++s->boots);
    s->boot = sim_uuid(s->n.seed, name);
    s->seq = 0;
}

static bool apply_to_domain(struct sim *s, const struct order *o, struct error *err)
{
    struct sim_domain *d = sim_find(&s->host, &o->vm);

    if (d == NULL)
        return error_set(
            err, ERR_INPUT,
            "the simulation gives an order to a VM that is not there, at tick %" PRIu64, o->tick);
    switch (o->verb) {
    case VERB_BALLOON:
        d->kib = (uint64_t)o->number;
        return true;
    case VERB_PAUSE:
        d->phase = SIM_PAUSED;
        return true;
    case VERB_UNPAUSE:
        d->phase = SIM_RUNNING;
        return true;
    case VERB_SHUTDOWN:
        d->phase = SIM_SHUTDOWN;
        d->ticks_left = 3;
        return true;
    case VERB_DESTROY:
        d->phase = SIM_DYING;
        return true;
    case VERB_MIGRATE:
        return sim_migrate(&s->host, d, err);
    default:
        return true;
    }
}

static bool apply(struct sim *s, const struct order *o, struct error *err)
{
    switch (o->verb) {
    case VERB_BIRTH:
        return sim_birth(&s->host, &o->vm, (uint64_t)o->number, false, err);
    case VERB_STEP:
        s->utc_step_ns += o->number;
        return true;
    case VERB_MISS:
        s->tick += (uint64_t)o->number;
        s->seq += (uint64_t)o->number;
        s->is_gap_due = true;
        s->gap = GAP_OVERRUN;
        return true;
    case VERB_FAIL:
        s->is_gap_due = true;
        s->is_tick_due = false;
        s->gap = GAP_READ_FAILED;
        return true;
    case VERB_BOOT:
        sim_reboot(&s->host);
        boot(s);
        s->is_boot_due = true;
        return true;
    default:
        return apply_to_domain(s, o, err);
    }
}

/* Does something that happens every `every` ticks on average happen now? */
static bool happens(struct sim *s, uint64_t every)
{
    return every > 0 && sim_random(&s->host, every) == 0;
}

static struct sim_domain *any_running(struct sim *s)
{
    if (s->host.count < 2)
        return NULL;
    struct sim_domain *d = &s->host.domains[1 + sim_random(&s->host, s->host.count - 1)];

    return d->phase == SIM_RUNNING ? d : NULL;
}

static bool live_on(struct sim *s, struct error *err)
{
    struct sim_domain *d;

    for (size_t i = 1; s->n.change_every > 0 && i < s->host.count; i++)
        if (happens(s, s->n.change_every))
            s->host.domains[i].kib = (s->n.kib / 2 + sim_random(&s->host, s->n.kib)) / 4 * 4;
    if (happens(s, s->n.birth_every) && !birth_random(s, false, err))
        return false;
    if (happens(s, s->n.destroy_every) && (d = any_running(s)) != NULL)
        d->phase = SIM_DYING;
    if (happens(s, s->n.migrate_every) && (d = any_running(s)) != NULL &&
        !sim_migrate(&s->host, d, err))
        return false;
    if (happens(s, s->n.step_every))
        s->utc_step_ns += ((int64_t)sim_random(&s->host, 7200) - 3600) * NS_PER_S;
    if (happens(s, s->n.miss_every)) {
        uint64_t missed = 1 + sim_random(&s->host, 10);

        s->tick += missed;
        s->seq += missed;
        s->is_gap_due = true;
        s->gap = GAP_OVERRUN;
    }
    return true;
}

static bool advance(struct sim *s, struct error *err)
{
    s->tick++;
    s->seq++;
    s->is_tick_due = true;
    if (!live_on(s, err))
        return false;
    while (s->next_order < s->order_count && s->orders[s->next_order].tick <= s->tick)
        if (!apply(s, &s->orders[s->next_order++], err))
            return false;
    return true;
}

static void make_tick(struct sim *s, struct record *out)
{
    uint64_t jitter = s->n.jitter_ns > 0 ? sim_random(&s->host, s->n.jitter_ns) : 0;
    int64_t now = (int64_t)(s->seq * s->config.interval_ns + jitter);
    int64_t since = (int64_t)(s->tick * s->config.interval_ns + jitter);
    int64_t utc = (int64_t)s->n.start_s * NS_PER_S + since + s->utc_step_ns;

    sim_pass(&s->host, s->config.interval_ns);
    *out = (struct record){
        .kind = RECORD_TICK,
        .tick = {.seq = s->seq,
                 .mono_ns = now,
                 .utc_ns = utc > 0 ? utc : 0, /* no kernel's clock goes before 1970 */
                 .window_ns = s->n.window_ns / 2 +
                              (s->n.window_ns > 0 ? sim_random(&s->host, s->n.window_ns) : 0),
                 .is_synchronised = true,
                 .free_kib = 16 << 20,
                 .domains = s->host.count,
                 .samples = s->host.samples},
    };
    s->is_tick_due = false;
}

static bool sim_next(struct source *source, struct record *out, struct error *err)
{
    struct sim *s = (struct sim *)source;

    if (!s->has_sent_head) {
        s->has_sent_head = true;
        *out = (struct record){.kind = RECORD_HEAD,
                               .head = {s->config.host, s->config.store, s->boot,
                                        s->config.interval_ns, s->config.max_gap_ns}};
        return true;
    }
    while (!s->is_boot_due && !s->is_gap_due && !s->is_tick_due) {
        if (s->n.ticks > 0 && s->tick >= s->n.ticks) {
            *out = (struct record){.kind = RECORD_END};
            return true;
        }
        if (!advance(s, err))
            return false;
    }
    if (s->is_boot_due) {
        s->is_boot_due = false;
        *out = (struct record){.kind = RECORD_BOOT, .boot = s->boot};
    } else if (s->is_gap_due) {
        s->is_gap_due = false;
        *out = (struct record){.kind = RECORD_GAP, .gap = s->gap};
    } else {
        make_tick(s, out);
    }
    return true;
}

static void sim_close(struct source *source)
{
    struct sim *s = (struct sim *)source;

    sim_host_clear(&s->host);
    free(s->orders);
    free(s);
}

static const struct source_ops sim_ops = {sim_next, sim_close};

static bool populate(struct sim *s, struct error *err)
{
    if (!sim_host_init(&s->host, s->n.seed, err))
        return false;
    for (uint64_t i = 0; i < s->n.domains; i++)
        if (!birth_random(s, true, err))
            return false;
    boot(s);
    return true;
}

/* The interval is the daemon's, not the file's. */
static bool check_jitter(const struct sim *s, const char *file, struct error *err)
{
    return s->n.jitter_ns < s->config.interval_ns ||
           error_set(err, ERR_INPUT, "%s: jitter_ns must be below the interval, or time goes back",
                     file);
}

bool source_open_sim(struct source **out, const char *file, const struct source_config *config,
                     struct error *err)
{
    struct sim *s = calloc(1, sizeof *s);

    if (s == NULL || (s->orders = calloc(ORDERS_MAX, sizeof *s->orders)) == NULL) {
        free(s);
        return error_set(err, ERR_NOMEM, "not enough memory for a simulation");
    }
    s->source = (struct source){.ops = &sim_ops, .stop_fd = config->stop_fd};
    s->config = *config;
    for (size_t i = 0; i < NUMBER_KEYS; i++)
        *(uint64_t *)(void *)((char *)&s->n + number_keys[i].offset) = number_keys[i].standard;
    if (!read_file(s, file, err) || !check_jitter(s, file, err) || !populate(s, err)) {
        sim_close(&s->source);
        return false;
    }
    *out = &s->source;
    return true;
}
