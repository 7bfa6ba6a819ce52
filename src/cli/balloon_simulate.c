/*
 * balloon_simulate.c - pagemeter balloon simulate: yesterday's trace through other policies.
 */
#include <errno.h>
#include <ini.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "balloon/simulate.h"
#include "cli/balloon.h"
#include "meter/source_replay.h"
#include "store/balloon_store.h"

#define POOL_KIB (UINT64_C(256) << 10)

struct simulate {
    struct history history;
    struct policy *policies;         /* by life */
    struct simulate_tally *recorded; /* by life */
    struct simulate_tally *changed;
};

/* ---- what was recorded ---- */

static bool read_trace(struct history *h, const char *file, struct error *err)
{
    struct source_config config = {.stop_fd = -1};
    struct source *source = NULL;
    struct record record;
    bool is_ok = source_open_replay(&source, file, &config, err);

    if (!is_ok)
        return false;
    while (is_ok && (is_ok = source->ops->next(source, &record, err)) && record.kind != RECORD_END)
        if (record.kind == RECORD_TICK)
            is_ok = history_add_tick(h, &record.tick, err) ||
                    error_context(err, "line %" PRIu64, replay_line(source));
    source_close(source);
    if (is_ok && (!h->has_tick || h->end_ns == 0))
        is_ok = error_set(err, ERR_INPUT, "%s has less than two ticks", file);
    return is_ok;
}

static bool take_figure(void *self, const struct balloon_entry *entry, struct error *err)
{
    const struct balloon_figure *f = &entry->figure;

    return f->need_kib == 0 || history_add_need(self, &f->vm, entry->utc_ns, f->need_kib,
                                                f->figures.swap_total_kib, err);
}

static bool read_figures(struct history *h, const char *db, struct error *err)
{
    struct balloon_query query = {.kind = ENTRY_FIGURE,
                                  .from_utc_ns = h->first_utc_ns,
                                  .to_utc_ns = h->first_utc_ns + h->end_ns + 1};
    struct balloon_reader reader = {take_figure, h};
    struct balloon_store *store = NULL;
    bool is_ok = balloon_store_open(&store, db, STORE_READ, err) &&
                 balloon_store_read(store, &query, &reader, err);

    balloon_store_close(store);
    return is_ok;
}

/* ---- the policies ---- */

struct policy_reading {
    struct simulate *simulate;
    struct error *err;
    bool is_bad;
    bool is_standard; /* this pass takes [*], the other one the VMs */
};

static bool set_for(struct policy_reading *r, const struct uuid *vm, const char *key,
                    const char *value)
{
    struct simulate *s = r->simulate;
    bool is_there = vm == NULL;

    for (size_t i = 0; i < s->history.count; i++) {
        if (vm != NULL && !uuid_is_equal(vm, &s->history.lives[i].vm))
            continue;
        is_there = true;
        if (!policy_set(&s->policies[i], key, value, r->err))
            return false;
    }
    return is_there || error_set(r->err, ERR_USAGE,
                                 "there is no such VM in the trace: a section is [*] or "
                                 "the uuid of one");
}

static int take_key(void *self, const char *section, const char *key, const char *value)
{
    struct policy_reading *r = self;
    struct uuid vm;
    bool is_ok = true;

    if (strcmp(section, "*") == 0)
        is_ok = !r->is_standard || set_for(r, NULL, key, value != NULL ? value : "");
    else if (!uuid_parse(section, strlen(section), &vm))
        is_ok = error_set(r->err, ERR_USAGE, "a section is [*] or the uuid of a VM");
    else if (!r->is_standard)
        is_ok = set_for(r, &vm, key, value != NULL ? value : "");
    if (!is_ok && !r->is_bad) {
        r->is_bad = true;
        (void)error_context(r->err, "[%.40s] %.40s", section, key);
    }
    return is_ok;
}

static bool read_pass(struct simulate *s, const char *file, bool is_standard, struct error *err)
{
    struct error said;
    struct policy_reading r = {.simulate = s, .err = &said, .is_standard = is_standard};
    FILE *in = fopen(file, "re");

    if (in == NULL)
        return error_set(err, ERR_USAGE, "can't read the policies %s: %s", file, strerror(errno));
    int bad = ini_parse_file(in, take_key, &r);

    (void)fclose(in);
    if (r.is_bad) {
        *err = said;
        return error_context(err, "%s", file);
    }
    return bad == 0 ||
           error_set(err, ERR_USAGE, "%s, line %d: not a [section], a key = value or a # comment",
                     file, bad);
}

static bool read_policies(struct simulate *s, const char *file, struct error *err)
{
    for (size_t i = 0; i < s->history.count; i++)
        policy_init(&s->policies[i]);
    if (!read_pass(s, file, true, err) || !read_pass(s, file, false, err))
        return false;
    for (size_t i = 0; i < s->history.count; i++)
        if (!policy_check(&s->policies[i], true, err))
            return error_context(err, "%s", file);
    return true;
}

/* ---- the result: the lives of a VM together ---- */

struct vm_sum {
    struct uuid vm;
    enum policy_kind policy;
    bool has_figures;
    struct simulate_tally recorded, changed;
};

static void add_tally(struct simulate_tally *sum, const struct simulate_tally *more)
{
    (void)!usage_add(&sum->held_kib_ns, more->held_kib_ns);
    (void)!usage_add(&sum->short_kib_ns, more->short_kib_ns);
    sum->reversals += more->reversals;
    sum->kills += more->kills;
}

static int compare_sums(const void *left, const void *right)
{
    return memcmp(&((const struct vm_sum *)left)->vm, &((const struct vm_sum *)right)->vm,
                  sizeof(struct uuid));
}

static size_t sum_by_vm(const struct simulate *s, struct vm_sum *sums)
{
    size_t kept = 0;

    for (size_t i = 0; i < s->history.count; i++)
        sums[i] = (struct vm_sum){s->history.lives[i].vm, s->policies[i].kind,
                                  s->history.lives[i].has_figures, s->recorded[i], s->changed[i]};
    qsort(sums, s->history.count, sizeof *sums, compare_sums);
    for (size_t i = 1; i < s->history.count; i++) {
        if (compare_sums(&sums[kept], &sums[i]) != 0) {
            sums[++kept] = sums[i];
            continue;
        }
        sums[kept].has_figures = sums[kept].has_figures && sums[i].has_figures;
        add_tally(&sums[kept].recorded, &sums[i].recorded);
        add_tally(&sums[kept].changed, &sums[i].changed);
    }
    return s->history.count > 0 ? kept + 1 : 0;
}

static void print_csv(const struct vm_sum *sums, size_t count)
{
    char text[4][USAGE_TEXT_MAX];
    char uuid[UUID_TEXT_MAX];

    (void)puts("vm,policy,need_from,gib_h_recorded,gib_h_changed,short_gib_h_recorded,"
               "short_gib_h_changed,reversals_recorded,reversals_changed,kills_changed");
    for (size_t i = 0; i < count; i++)
        (void)printf("%s,%s,%s,%s,%s,%s,%s,%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n",
                     uuid_format(&sums[i].vm, uuid), policy_kind_name(sums[i].policy),
                     sums[i].has_figures ? "figures" : "assumed",
                     usage_format_gib_h(sums[i].recorded.held_kib_ns, text[0]),
                     usage_format_gib_h(sums[i].changed.held_kib_ns, text[1]),
                     usage_format_gib_h(sums[i].recorded.short_kib_ns, text[2]),
                     usage_format_gib_h(sums[i].changed.short_kib_ns, text[3]),
                     sums[i].recorded.reversals, sums[i].changed.reversals, sums[i].changed.kills);
}

static void print_row(const char *name, const char *policy, const struct simulate_tally *before,
                      const struct simulate_tally *after)
{
    char text[4][USAGE_TEXT_MAX];

    (void)printf("%-36s  %-7s %14s %14s %14s %14s %5" PRIu64 " %5" PRIu64 "\n", name, policy,
                 usage_format_gib_h(before->held_kib_ns, text[0]),
                 usage_format_gib_h(after->held_kib_ns, text[1]),
                 usage_format_gib_h(before->short_kib_ns, text[2]),
                 usage_format_gib_h(after->short_kib_ns, text[3]), before->reversals,
                 after->reversals);
}

static void print_table(const struct vm_sum *sums, size_t count)
{
    struct simulate_tally before = {0};
    struct simulate_tally after = {0};
    char name[UUID_TEXT_MAX + 1];
    size_t assumed = 0;

    (void)printf("%-36s  %-7s %29s %29s %11s\n", "", "", "GiB*h", "short, GiB*h", "reversals");
    (void)printf("%-36s  %-7s %14s %14s %14s %14s %5s %5s\n", "VM", "policy", "recorded", "changed",
                 "recorded", "changed", "rec", "chg");
    for (size_t i = 0; i < count; i++) {
        print_row(uuid_format(&sums[i].vm, name), policy_kind_name(sums[i].policy),
                  &sums[i].recorded, &sums[i].changed);
        add_tally(&before, &sums[i].recorded);
        add_tally(&after, &sums[i].changed);
        assumed += !sums[i].has_figures;
    }
    print_row("total", "", &before, &after);
    (void)puts("\nGiB*h is what the VMs held, not a bill. Short: need and headroom beyond that. "
               "Guests are made up, with\na balloon driver and an agent that behave; their need "
               "does not change with what they have.");
    if (assumed > 0)
        (void)printf("The need of %zu of %zu VMs is not known, and taken to be what they had less "
                     "their headroom\n(--db names the directory of balloon.db, where guests' "
                     "figures are).\n",
                     assumed, count);
    if (after.kills > 0)
        (void)printf("Programs killed for want of memory, as changed: %" PRIu64 ".\n", after.kills);
}

/* ---- all of it ---- */

static bool allocate(struct simulate *s, struct error *err)
{
    s->policies = calloc(s->history.count + 1, sizeof *s->policies);
    s->recorded = calloc(s->history.count + 1, sizeof *s->recorded);
    s->changed = calloc(s->history.count + 1, sizeof *s->changed);
    return (s->policies != NULL && s->recorded != NULL && s->changed != NULL) ||
           error_set(err, ERR_NOMEM, "not enough memory to simulate");
}

static bool print_result(const struct simulate *s, enum cli_format format, struct error *err)
{
    struct vm_sum *sums = calloc(s->history.count + 1, sizeof *sums);

    if (sums == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to simulate");
    size_t count = sum_by_vm(s, sums);

    if (format == FORMAT_CSV)
        print_csv(sums, count);
    else
        print_table(sums, count);
    free(sums);
    return true;
}

static bool simulate(struct simulate *s, const struct balloon_options *o, struct error *err)
{
    struct host_rules rules = {.pool_least_kib = POOL_KIB};

    if (!read_trace(&s->history, o->words[0], err) ||
        (o->db != NULL && !read_figures(&s->history, o->db, err)) ||
        !history_finish(&s->history, err) || !allocate(s, err) || !read_policies(s, o->policy, err))
        return false;
    simulate_recorded(&s->history, s->recorded);
    return simulate_run(&s->history, s->policies, &rules, s->changed, err) &&
           print_result(s, o->format, err);
}

bool balloon_simulate(const struct balloon_options *o, struct error *err)
{
    struct simulate s = {.policies = NULL};

    if (o->policy == NULL)
        return error_set(err, ERR_USAGE, "say which policies: --policy FILE");
    if (o->format == FORMAT_JSON)
        return error_set(err, ERR_USAGE, "a simulation is printed as table or csv");
    history_init(&s.history);
    bool is_ok = simulate(&s, o, err);

    history_clear(&s.history);
    free(s.policies);
    free(s.recorded);
    free(s.changed);
    return is_ok;
}
