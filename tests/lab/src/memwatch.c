/*
 * memwatch - a witness in dom0 of what happens to the memory of the host and of some guests.
 *
 *   memwatch [-i MS] [-c PINGS] FILE DOMID...       until SIGTERM. -i: period (5)
 *
 * It looks at the hypervisor every few milliseconds and at xenstore when a watch fires, and writes a line for each
 * change, T in microseconds of CLOCK_MONOTONIC:
 *
 *   C T DOMID GUEST_T RTT       the guest's own CLOCK_MONOTONIC was GUEST_T at T, give or take RTT/2 (all in us).
 *                               -c: the best of so many pings (20), answered by clockpong in the guest
 *   D T DOMID TOT MAX CLAIM     a guest's memory, cap and claim, KiB; "D T DOMID gone"
 *   H T FREE SURPLUS            the host's free memory, and what of it is promised to nobody:
 *                               free - sum over all domains of max(cap - memory, claim, 0), KiB
 *   T T DOMID TARGET            memory/target, KiB
 *   R T DOMID RECORD            data/pagemeter/mem, as far as it can be printed
 *
 * dom0 counts like any domain, its cap included.
 */
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <xenctrl.h>
#include <xenstore.h>

enum { MAX_GUESTS = 32, PAGE_OF_DOMAINS = 36, MAX_DOMAINS = 108, KIB_PER_PAGE = 4 };

struct guest {
    uint32_t domid;
    bool     is_listed;
    uint64_t tot, max, claim;
};

static FILE        *out;
static struct guest guests[MAX_GUESTS];
static int          guest_count;
static volatile sig_atomic_t is_ending;

static int64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void on_term(int number)
{
    (void)number;
    is_ending = 1;
}

/* ---- the hypervisor */

static xc_domaininfo_t domains[MAX_DOMAINS];

static int list_domains(xc_interface *xch)
{
    int      count = 0;
    uint32_t first = 0;

    while (count + PAGE_OF_DOMAINS <= MAX_DOMAINS) {
        int more = xc_domain_getinfolist(xch, first, PAGE_OF_DOMAINS, domains + count);

        if (more < 0)
            return -1;
        count += more;
        if (more < PAGE_OF_DOMAINS)
            break;
        first = domains[count - 1].domain + 1u;
    }
    return count;
}

static int64_t promised_pages(const xc_domaininfo_t *d)
{
    int64_t room = (int64_t)d->max_pages - (int64_t)d->tot_pages;

    if (room < (int64_t)d->outstanding_pages)
        room = (int64_t)d->outstanding_pages;
    return room > 0 ? room : 0;
}

static void note_host(int64_t at_us, int64_t free_pages, int count)
{
    static int64_t last_free = -1, last_surplus;
    int64_t        surplus = free_pages;

    for (int i = 0; i < count; i++)
        surplus -= promised_pages(&domains[i]);
    if (free_pages != last_free || surplus != last_surplus)
        fprintf(out, "H %" PRId64 " %" PRId64 " %" PRId64 "\n", at_us, free_pages * KIB_PER_PAGE,
                surplus * KIB_PER_PAGE);
    last_free = free_pages;
    last_surplus = surplus;
}

static void note_guest(int64_t at_us, struct guest *g, int count)
{
    const xc_domaininfo_t *d = NULL;

    for (int i = 0; i < count; i++)
        if (domains[i].domain == g->domid)
            d = &domains[i];
    if (!d && g->is_listed)
        fprintf(out, "D %" PRId64 " %" PRIu32 " gone\n", at_us, g->domid);
    if (d && (!g->is_listed || g->tot != d->tot_pages || g->max != d->max_pages || g->claim != d->outstanding_pages))
        fprintf(out, "D %" PRId64 " %" PRIu32 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", at_us, g->domid,
                (uint64_t)d->tot_pages * KIB_PER_PAGE, (uint64_t)d->max_pages * KIB_PER_PAGE,
                (uint64_t)d->outstanding_pages * KIB_PER_PAGE);
    g->is_listed = d != NULL;
    if (d) {
        g->tot = d->tot_pages;
        g->max = d->max_pages;
        g->claim = d->outstanding_pages;
    }
}

/*
 * Domains and free memory are two hypercalls: between them a guest may take or give, so free memory is read
 * before and after, and a round in which it moved says nothing of the surplus.
 */
static void look(xc_interface *xch)
{
    xc_physinfo_t before, after;
    int64_t       at_us;
    int           count;

    memset(&before, 0, sizeof before);
    memset(&after, 0, sizeof after);
    if (xc_physinfo(xch, &before) || (count = list_domains(xch)) < 0 || xc_physinfo(xch, &after))
        return;
    at_us = now_us();
    if (before.free_pages == after.free_pages)
        note_host(at_us, (int64_t)after.free_pages, count);
    for (int i = 0; i < guest_count; i++)
        note_guest(at_us, &guests[i], count);
}

/* ---- xenstore, in a thread of its own: without an answer from xenstored it waits, and the rest goes on */

static void note_value(struct xs_handle *xs, const char *path, char kind, uint32_t domid)
{
    unsigned length = 0;
    int64_t  at_us = now_us();
    char    *value = xs_read(xs, XBT_NULL, path, &length);

    if (!value)
        return;
    for (unsigned i = 0; i < length; i++)
        if (value[i] < ' ' || value[i] > '~')
            value[i] = '?';
    fprintf(out, "%c %" PRId64 " %" PRIu32 " %s\n", kind, at_us, domid, value);
    free(value);
}

static void path_of(char *path, size_t size, uint32_t domid, const char *node)
{
    snprintf(path, size, "/local/domain/%" PRIu32 "/%s", domid, node);
}

static void *follow_xenstore(void *unused)
{
    struct xs_handle *xs = xs_open(0);
    char              path[128];
    unsigned          count;

    (void)unused;
    for (int i = 0; xs && i < guest_count; i++) {
        path_of(path, sizeof path, guests[i].domid, "memory/target");
        xs_watch(xs, path, "T");
        path_of(path, sizeof path, guests[i].domid, "data/pagemeter/mem");
        xs_watch(xs, path, "R");
    }
    while (xs) {
        char **event = xs_read_watch(xs, &count);

        if (!event)
            break;
        note_value(xs, event[XS_WATCH_PATH], *event[XS_WATCH_TOKEN],
                   (uint32_t)strtoul(event[XS_WATCH_PATH] + strlen("/local/domain/"), NULL, 10));
        free(event);
    }
    return NULL;
}

/* One ping: false when no answer came within 2 s. */
static bool ping(struct xs_handle *xs, uint32_t domid, const char *token, int64_t *sent, int64_t *theirs, int64_t *rtt)
{
    char    path[128], *answer = NULL;
    int64_t until;
    size_t  length = strlen(token);

    path_of(path, sizeof path, domid, "data/ping");
    *sent = now_us();
    until = *sent + 2000000;
    if (!xs_write(xs, XBT_NULL, path, token, (unsigned)length))
        return false;
    path_of(path, sizeof path, domid, "data/pong");
    while (now_us() < until) {
        struct pollfd wait = { .fd = xs_fileno(xs), .events = POLLIN };
        char        **event;
        unsigned      count;

        poll(&wait, 1, 100);
        while ((event = xs_check_watch(xs)) != NULL)
            free(event);
        *rtt = now_us() - *sent;
        free(answer);
        answer = xs_read(xs, XBT_NULL, path, &count);
        if (answer && !strncmp(answer, token, length) && answer[length] == ' ') {
            *theirs = strtoll(answer + length, NULL, 10);
            free(answer);
            return true;
        }
    }
    free(answer);
    return false;
}

static void read_guest_clock(struct xs_handle *xs, uint32_t domid, int pings)
{
    int64_t best_rtt = INT64_MAX, best_sent = 0, best_theirs = 0;
    char    path[128], token[64];

    path_of(path, sizeof path, domid, "data/pong");
    if (!xs_watch(xs, path, "pong"))
        return;
    for (int i = 0; i < pings; i++) {
        int64_t sent, theirs, rtt;

        snprintf(token, sizeof token, "%" PRId64, now_us());
        if (!ping(xs, domid, token, &sent, &theirs, &rtt))
            break;
        if (rtt < best_rtt) {
            best_rtt = rtt;
            best_sent = sent;
            best_theirs = theirs;
        }
    }
    xs_unwatch(xs, path, "pong");
    if (best_rtt < INT64_MAX)
        fprintf(out, "C %" PRId64 " %" PRIu32 " %" PRId64 " %" PRId64 "\n", best_sent + best_rtt / 2, domid,
                best_theirs, best_rtt);
    else
        fprintf(stderr, "memwatch: domain %" PRIu32 " does not tell its clock\n", domid);
}

static void read_clocks(int pings)
{
    struct xs_handle *xs = xs_open(0);

    for (int i = 0; xs && i < guest_count; i++)
        read_guest_clock(xs, guests[i].domid, pings);
    if (xs)
        xs_close(xs);
}

int main(int argc, char **argv)
{
    xc_interface *xch = xc_interface_open(NULL, NULL, 0);
    int64_t       period_us = 5000, next_us;
    int           option, pings = 20;
    pthread_t     thread;

    while ((option = getopt(argc, argv, "i:c:")) != -1)
        switch (option) {
        case 'i': period_us = strtoll(optarg, NULL, 10) * 1000; break;
        case 'c': pings = atoi(optarg); break;
        default: return 2;
        }
    if (argc - optind < 1 || argc - optind - 1 > MAX_GUESTS || period_us <= 0) {
        fputs("usage: memwatch [-i MS] [-c PINGS] FILE DOMID...\n", stderr);
        return 2;
    }
    out = fopen(argv[optind], "w");
    if (!xch || !out) {
        perror("memwatch");
        return 3;
    }
    setvbuf(out, NULL, _IOLBF, 0);
    for (int i = optind + 1; i < argc; i++)
        guests[guest_count++].domid = (uint32_t)strtoul(argv[i], NULL, 10);
    if (pings > 0)
        read_clocks(pings);
    signal(SIGTERM, on_term);
    if (pthread_create(&thread, NULL, follow_xenstore, NULL))
        return 3;
    fprintf(out, "M %" PRId64 " begins\n", now_us());
    for (next_us = now_us(); !is_ending; next_us += period_us) {
        int64_t wait_us = next_us - now_us();

        if (wait_us > 0)
            usleep((useconds_t)wait_us);
        else
            next_us = now_us();
        look(xch);
    }
    fflush(out);
    _exit(0);
}
