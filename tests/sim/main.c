/*
 * sim - memory on demand in virtual time: scenarios, and properties on random hosts.
 *
 *   sim [--hosts N] [--seed S]   all of it; N random hosts for the invariants
 *   sim --only NAME [--trace]    one scenario or property; with each decision
 *   sim --host SEED              one random host, with everything that was decided
 *   sim --list                   their names
 *   sim --safeties               the safeties that can be turned off here
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/safety.h"
#include "hosts.h"
#include "properties.h"
#include "scenarios.h"

static uint64_t passed, failed;

struct property {
    const char *name;
    uint64_t (*run)(struct rig *rig, uint64_t first, uint64_t count);
    uint64_t per_mille; /* of the hosts that are asked for */
};

static const struct property properties[] = {
    {"invariants", property_invariants, 1000},
    {"deterministic", property_deterministic, 10},
    {"isolated", property_isolated, 20},
    {"restful", property_restful, 5},
};

static void count(bool is_ok, const char *kind, const char *name)
{
    if (is_ok)
        passed++;
    else
        failed++;
    if (!is_ok)
        printf("FAIL %s %s\n", kind, name);
}

static void run_scenarios(struct rig *rig, const char *only)
{
    for (size_t i = 0; i < scenario_count; i++)
        if (only == NULL || strcmp(only, scenarios[i].name) == 0)
            count(scenario_run(rig, &scenarios[i]), "scenario", scenarios[i].name);
}

static void run_properties(struct rig *rig, const char *only, uint64_t seed, uint64_t hosts)
{
    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++) {
        const struct property *p = &properties[i];
        uint64_t number = hosts * p->per_mille / 1000;

        if (only != NULL && strcmp(only, p->name) != 0)
            continue;
        if (number == 0)
            number = 1;
        uint64_t bad = p->run(rig, seed, number);

        printf("%s: %" PRIu64 " hosts from seed %" PRIu64 ", %" PRIu64 " failed\n", p->name, number,
               seed, bad);
        count(bad == 0, "property", p->name);
    }
}

static void list(void)
{
    for (size_t i = 0; i < scenario_count; i++)
        (void)puts(scenarios[i].name);
    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++)
        (void)puts(properties[i].name);
}

static void show_host(struct rig *rig, uint64_t seed)
{
    rig->trace = scenario_trace;
    host_make(rig, seed);
    scenario_show(rig);
    rig_until(rig, host_seconds(seed));
    count(rig->checker.violations == 0, "host", "as shown");
}

static uint64_t some_seed(void)
{
    uint64_t seed = 1;

    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed)
        seed = 1;
    return seed % 1000000000;
}

int main(int argc, char **argv)
{
    static struct rig rig;
    const char *only = NULL;
    uint64_t seed = some_seed();
    uint64_t hosts = 100000;
    bool is_one = false;

    rig_open(&rig);
    for (int i = 1; i < argc; i++) {
        bool has_value = i + 1 < argc;

        if (strcmp(argv[i], "--list") == 0)
            return list(), 0;
        if (strcmp(argv[i], "--safeties") == 0)
            return safety_print() ? 0 : 1;
        if (strcmp(argv[i], "--hosts") == 0 && has_value)
            hosts = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0 && has_value)
            seed = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--only") == 0 && has_value)
            only = argv[++i];
        else if (strcmp(argv[i], "--trace") == 0)
            rig.trace = scenario_trace;
        else if (strcmp(argv[i], "--host") == 0 && has_value) {
            seed = strtoull(argv[++i], NULL, 10);
            is_one = true;
        } else {
            (void)fprintf(stderr,
                          "usage: sim [--hosts N] [--seed S] [--only NAME] [--host SEED]\n");
            return 2;
        }
    }
    if (is_one) {
        show_host(&rig, seed);
    } else {
        run_scenarios(&rig, only);
        run_properties(&rig, only, seed, hosts);
    }
    rig_close(&rig);
    printf("%" PRIu64 " passed, %" PRIu64 " failed\n", passed, failed);
    return failed == 0 && passed > 0 ? 0 : 1;
}
