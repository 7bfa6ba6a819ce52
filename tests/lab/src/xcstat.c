/*
 * xcstat - what the hypervisor says of its domains, for the lab's checks.
 *
 *   xcstat [DOMID]      one line per domain, or that one's; status 1 when there is no such domain
 *   xcstat -w MS        looks every MS milliseconds, for ever; a line whenever a domain has changed
 *                       in more than CPU time and whether it runs or waits
 *   xcstat -m DOMID KIB set a domain's cap (xc_domain_setmaxmem)
 *   xcstat -x DOMID     destroy a domain behind the toolstack's back (xc_domain_destroy)
 *   xcstat -b N         time N calls of what the meter calls
 *
 * A line: SECONDS DOMID UUID TOT_KIB MAX_KIB OUTSTANDING_KIB FLAGS CPU_NS SHUTDOWN_CODE
 * SECONDS is CLOCK_BOOTTIME, as in /proc/uptime. FLAGS are the letters of the sample stream
 * (r, p, s, d, h) or `-`, but written here a second time and on purpose: the meter is checked against it.
 * Under -w a domain that is no longer listed gives: SECONDS DOMID UUID gone
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <xenctrl.h>

/* The lab holds two dozen guests and each reboot or migration takes a new domid. */
enum { MAX_DOMAINS = 256, ONE_PAGE_OF_DOMAINS = 36, KIB_PER_PAGE = 4 };

/* What -w last printed of a domain, and whether the present round has seen it. */
struct seen {
    bool     is_known, is_listed;
    uint32_t flags;
    uint64_t tot_pages, max_pages, outstanding_pages;
    bool     has_run;
    xen_domain_handle_t uuid;
};

static xc_domaininfo_t domains[MAX_DOMAINS];
static struct seen     seen[MAX_DOMAINS];     /* by domid */

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void print_head(double at_s, uint32_t domid, const uint8_t *u)
{
    printf("%.6f %" PRIu32 " %02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
           at_s, domid, u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11],
           u[12], u[13], u[14], u[15]);
}

static void print_domain(double at_s, const xc_domaininfo_t *d)
{
    static const struct { uint32_t bits; char letter; } letters[] = {
        { XEN_DOMINF_running | XEN_DOMINF_blocked, 'r' },
        { XEN_DOMINF_paused, 'p' },
        { XEN_DOMINF_shutdown, 's' },
        { XEN_DOMINF_dying, 'd' },
        { XEN_DOMINF_hvm_guest, 'h' },
    };
    char flags[8] = "", *end = flags;

    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
        if (d->flags & letters[i].bits)
            *end++ = letters[i].letter;
    print_head(at_s, d->domain, d->handle);
    printf(" %" PRIu64 " %" PRIu64 " %" PRIu64 " %s %" PRIu64 " %u\n",
           (uint64_t)d->tot_pages * KIB_PER_PAGE, (uint64_t)d->max_pages * KIB_PER_PAGE,
           (uint64_t)d->outstanding_pages * KIB_PER_PAGE, *flags ? flags : "-", (uint64_t)d->cpu_time,
           (d->flags >> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask);
}

/* All domains, a page of them at a time; -1 on failure. */
static int list_domains(xc_interface *xch)
{
    int      count = 0;
    uint32_t first = 0;

    while (count + ONE_PAGE_OF_DOMAINS <= MAX_DOMAINS) {
        int more = xc_domain_getinfolist(xch, first, ONE_PAGE_OF_DOMAINS, domains + count);

        if (more < 0)
            return -1;
        count += more;
        if (more < ONE_PAGE_OF_DOMAINS)
            return count;
        first = domains[count - 1].domain + 1u;
    }
    return count;
}

/* Whether a vCPU happens to be on a CPU, blocked, or waiting for one is no news. */
static uint32_t stable_flags(const xc_domaininfo_t *d)
{
    return d->flags & ~(uint32_t)(XEN_DOMINF_running | XEN_DOMINF_blocked);
}

static bool is_changed(const struct seen *s, const xc_domaininfo_t *d)
{
    return !s->is_known || memcmp(s->uuid, d->handle, sizeof s->uuid) != 0 || s->flags != stable_flags(d) ||
           s->tot_pages != d->tot_pages || s->max_pages != d->max_pages ||
           s->outstanding_pages != d->outstanding_pages || s->has_run != (d->cpu_time > 0);
}

static void watch_round(xc_interface *xch)
{
    int    count = list_domains(xch);
    double at_s = now_s();

    for (int i = 0; i < count; i++) {
        const xc_domaininfo_t *d = &domains[i];
        struct seen *s = &seen[d->domain % MAX_DOMAINS];

        if (is_changed(s, d))
            print_domain(at_s, d);
        *s = (struct seen){ .is_known = true, .is_listed = true, .flags = stable_flags(d),
                            .tot_pages = d->tot_pages, .max_pages = d->max_pages,
                            .outstanding_pages = d->outstanding_pages, .has_run = d->cpu_time > 0 };
        memcpy(s->uuid, d->handle, sizeof s->uuid);
    }
    for (uint32_t domid = 0; count >= 0 && domid < MAX_DOMAINS; domid++) {
        struct seen *s = &seen[domid];

        if (s->is_known && !s->is_listed) {
            print_head(at_s, domid, s->uuid);
            puts(" gone");
            s->is_known = false;
        }
        s->is_listed = false;
    }
    fflush(stdout);
}

_Noreturn static void watch(xc_interface *xch, long period_ms)
{
    for (;;) {
        watch_round(xch);
        usleep((useconds_t)period_ms * 1000);
    }
}

static int list(xc_interface *xch, const char *domid)
{
    int    count = list_domains(xch), shown = 0;
    double at_s = now_s();

    for (int i = 0; i < count; i++)
        if (!domid || domains[i].domain == strtoul(domid, NULL, 10)) {
            print_domain(at_s, &domains[i]);
            shown++;
        }
    return shown > 0 ? 0 : 1;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void print_times(const char *what, double *times_s, int calls)
{
    qsort(times_s, (size_t)calls, sizeof *times_s, compare);
    printf("%-40s median %6.1f us  p99 %6.1f us  max %7.1f us\n", what, times_s[calls / 2] * 1e6,
           times_s[calls * 99 / 100] * 1e6, times_s[calls - 1] * 1e6);
}

static int bench(xc_interface *xch, int calls)
{
    static const unsigned entries[] = { ONE_PAGE_OF_DOMAINS, ONE_PAGE_OF_DOMAINS + 1, MAX_DOMAINS };
    double *times_s = calloc((size_t)calls, sizeof *times_s);
    xc_physinfo_t host;

    if (!times_s)
        return 1;
    for (size_t k = 0; k < sizeof entries / sizeof *entries; k++) {
        char what[64];

        for (int i = 0; i < calls; i++) {
            double start_s = now_s();

            if (xc_domain_getinfolist(xch, 0, entries[k], domains) < 0)
                return 1;
            times_s[i] = now_s() - start_s;
        }
        snprintf(what, sizeof what, "xc_domain_getinfolist, %u entries", entries[k]);
        print_times(what, times_s, calls);
    }
    for (int i = 0; i < calls; i++) {
        double start_s = now_s();

        memset(&host, 0, sizeof host);
        if (xc_physinfo(xch, &host))
            return 1;
        times_s[i] = now_s() - start_s;
    }
    print_times("xc_physinfo", times_s, calls);
    free(times_s);
    return 0;
}

static int run(xc_interface *xch, int argc, char **argv)
{
    const char *option = argc > 1 ? argv[1] : "";

    if (argc == 1 || (argc == 2 && *option != '-'))
        return list(xch, argc == 2 ? option : NULL);
    if (argc == 3 && !strcmp(option, "-w"))
        watch(xch, strtol(argv[2], NULL, 10));
    if (argc == 4 && !strcmp(option, "-m"))
        return xc_domain_setmaxmem(xch, (uint32_t)strtoul(argv[2], NULL, 10), strtoull(argv[3], NULL, 10)) != 0;
    if (argc == 3 && !strcmp(option, "-x"))
        return xc_domain_destroy(xch, (uint32_t)strtoul(argv[2], NULL, 10)) != 0;
    if (argc == 3 && !strcmp(option, "-b") && atoi(argv[2]) > 0)
        return bench(xch, atoi(argv[2]));
    fputs("usage: xcstat [DOMID] | -w MS | -m DOMID KIB | -x DOMID | -b CALLS\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    xc_interface *xch = xc_interface_open(NULL, NULL, 0);
    int status;

    if (!xch) {
        perror("xcstat: xc_interface_open");
        return 3;
    }
    status = run(xch, argc, argv);
    xc_interface_close(xch);
    return status;
}
