/*
 * source_xen.c - the hypervisor as a source: one complete reading at each tick of a timer.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/units.h"
#include "meter/source.h"
#include "xen/hypervisor.h"

struct xen {
    struct source source;
    struct source_config config;
    struct hypervisor *hypervisor;
    int timer_fd;
    struct uuid boot;
    bool has_sent_head;
    bool is_due; /* a tick is to be read before anything is waited for */
    uint64_t seq_offset;
    uint64_t last_seq;
    struct sample *samples; /* DOMAINS_MAX */
};

static bool read_host(struct xen *x, struct tick *tick)
{
    struct hypervisor_host host;
    struct mono_time begin = clock_mono();
    struct utc_time utc = clock_utc();

    if (!hypervisor_read_host(x->hypervisor, &host) ||
        !hypervisor_read_domains(x->hypervisor, x->samples, &tick->domains))
        return false;
    struct mono_time end = clock_mono();

    tick->window_ns = (uint64_t)(end.ns - begin.ns);
    tick->mono_ns = begin.ns + (end.ns - begin.ns) / 2;
    tick->utc_ns = utc.ns + (end.ns - begin.ns) / 2;
    tick->is_synchronised = clock_is_synchronised();
    tick->free_kib = host.free_kib;
    tick->outstanding_kib = host.outstanding_kib;
    tick->samples = x->samples;
    return true;
}

/* seq counts intervals since the boot, so that it goes on by itself over restarts of the meter. */
static uint64_t seq_now(const struct xen *x)
{
    return (uint64_t)clock_mono().ns / x->config.interval_ns;
}

static void sample_host(struct xen *x, struct record *out)
{
    uint64_t seq = seq_now(x) + x->seq_offset;

    *out = (struct record){.kind = RECORD_TICK};
    out->tick.seq = seq > x->last_seq ? seq : x->last_seq + 1;
    x->last_seq = out->tick.seq;
    if (!read_host(x, &out->tick))
        *out = (struct record){.kind = RECORD_GAP, .gap = GAP_READ_FAILED};
}

/* Waits for the timer. False: a stop was asked for. */
static bool wait_timer(struct xen *x, uint64_t *expirations)
{
    struct pollfd fds[2] = {{.fd = x->timer_fd, .events = POLLIN},
                            {.fd = x->source.stop_fd, .events = POLLIN}};

    for (;;) {
        (void)poll(fds, x->source.stop_fd >= 0 ? 2 : 1, -1);
        if ((fds[1].revents & POLLIN) != 0)
            return false;
        if (read(x->timer_fd, expirations, sizeof *expirations) == (ssize_t)sizeof *expirations)
            return true;
    }
}

static bool xen_next(struct source *source, struct record *out, struct error *err)
{
    struct xen *x = (struct xen *)source;
    uint64_t expirations = 1;

    (void)err;
    if (!x->has_sent_head) {
        x->has_sent_head = true;
        *out = (struct record){.kind = RECORD_HEAD,
                               .head = {x->config.host, x->config.store, x->boot,
                                        x->config.interval_ns, x->config.max_gap_ns}};
        return true;
    }
    if (!x->is_due && !wait_timer(x, &expirations)) {
        *out = (struct record){.kind = RECORD_END};
        return true;
    }
    if (expirations > 1) { /* missed ones are counted, never replayed */
        x->is_due = true;
        *out = (struct record){.kind = RECORD_GAP, .gap = GAP_OVERRUN};
        return true;
    }
    x->is_due = false;
    sample_host(x, out);
    return true;
}

static void xen_close(struct source *source)
{
    struct xen *x = (struct xen *)source;

    hypervisor_close(x->hypervisor);
    if (x->timer_fd >= 0)
        (void)close(x->timer_fd);
    free(x->samples);
    free(x);
}

static const struct source_ops xen_ops = {xen_next, xen_close};

static bool read_boot(struct uuid *boot, struct error *err)
{
    static const char path[] = "/proc/sys/kernel/random/boot_id";
    char text[UUID_TEXT_MAX] = "";
    FILE *file = fopen(path, "re");
    bool is_ok = file != NULL && fread(text, 1, UUID_TEXT_LENGTH, file) == UUID_TEXT_LENGTH &&
                 uuid_parse(text, UUID_TEXT_LENGTH, boot);

    if (file != NULL)
        (void)fclose(file);
    return is_ok || error_set(err, ERR_SYSTEM, "can't read the id of this boot from %s", path);
}

/* Expires at whole multiples of the interval since the boot. */
static bool start_timer(struct xen *x, struct error *err)
{
    uint64_t interval = x->config.interval_ns;
    uint64_t first = (seq_now(x) + 1) * interval;
    struct itimerspec spec = {
        .it_value = {(time_t)(first / (uint64_t)NS_PER_S), (long)(first % (uint64_t)NS_PER_S)},
        .it_interval = {(time_t)(interval / (uint64_t)NS_PER_S),
                        (long)(interval % (uint64_t)NS_PER_S)},
    };

    x->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (x->timer_fd >= 0 && timerfd_settime(x->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL) == 0)
        return true;
    return error_set(err, ERR_SYSTEM, "can't start a timer: %s", strerror(errno));
}

/* After another interval, the count may be behind what the store has: it goes on from there. */
static void place_seq(struct xen *x)
{
    const struct source_config *c = &x->config;
    enum { UNSEEN_TICKS = 100000 }; /* published, never committed: more than any queue holds */

    if (!c->has_after || !uuid_is_equal(&c->after_boot, &x->boot) || seq_now(x) >= c->after_seq)
        return;
    x->seq_offset = c->after_seq + UNSEEN_TICKS - seq_now(x);
}

bool source_open_xen(struct source **out, const struct source_config *config, struct error *err)
{
    struct xen *x = calloc(1, sizeof *x);

    if (x == NULL)
        return error_set(err, ERR_NOMEM, "not enough memory to read the hypervisor");
    x->source = (struct source){.ops = &xen_ops, .stop_fd = config->stop_fd, .is_live = true};
    x->config = *config;
    x->timer_fd = -1;
    x->samples = calloc(DOMAINS_MAX, sizeof *x->samples);
    if (x->samples == NULL) {
        (void)error_set(err, ERR_NOMEM, "not enough memory to read the hypervisor");
        goto failed;
    }
    if (!hypervisor_open(&x->hypervisor, "pagemeterd", err) || !read_boot(&x->boot, err))
        goto failed;
    place_seq(x);
    if (!start_timer(x, err))
        goto failed;
    *out = &x->source;
    return true;
failed:
    xen_close(&x->source);
    return false;
}
