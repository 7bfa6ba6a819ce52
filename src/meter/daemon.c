#include "meter/daemon.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/notify.h"
#include "common/number.h"
#include "meter/committer.h"
#include "meter/host_id.h"
#include "meter/sampler.h"
#include "store/store.h"

struct daemon {
    const struct daemon_options *options;
    struct store *store;
    struct queue *queue;
    struct source *source;
    struct stream *stream;
    struct meter meter;
    struct sampler sampler;
    struct committer committer;
    pthread_t sampler_thread;
    pthread_t committer_thread;
    int lock_fd;
    int stop_fd;  /* tells the threads to end */
    int ended_fd; /* told by a thread that has ended */
    int signal_fd;
    uint64_t watchdog_ns;
    uint64_t beats;       /* of the sampler, when last looked at */
    int64_t beat_mono_ns; /* when they last went on */
};

static void tell(int fd)
{
    uint64_t one = 1;

    (void)!write(fd, &one, sizeof one);
}

static bool make_event(int *fd, struct error *err)
{
    *fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return *fd >= 0 || error_set(err, ERR_SYSTEM, "can't make an event: %s", strerror(errno));
}

/* The signals go to signal_fd, in every thread that is started from now on. */
static bool block_signals(struct daemon *d, struct error *err)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a file size limit is a full disk */
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
        return error_set(err, ERR_SYSTEM, "can't block signals");
    d->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return d->signal_fd >= 0 || error_set(err, ERR_SYSTEM, "can't wait for signals");
}

static bool open_source(struct daemon *d, const struct meter_state *state, struct error *err)
{
    const struct config *c = &d->options->config;
    struct source_config sc = {
        .store = *store_id(d->store),
        .interval_ns = c->interval_ns,
        .max_gap_ns = c->max_gap_ns,
        .stop_fd = d->stop_fd,
        .has_after = state->has_boot,
        .after_boot = state->boot,
        .after_seq = state->has_boot ? (uint64_t)(state->tick - state->tick_base) : 0,
    };

    if (strncmp(c->source, "replay:", 7) == 0)
        return source_open_replay(&d->source, c->source + 7, &sc, err);
    if (!host_id_find(c->db, state, &sc.host, err))
        return false;
    if (strncmp(c->source, "sim:", 4) == 0)
        return source_open_sim(&d->source, c->source + 4, &sc, err);
    return host_lock(&d->lock_fd, err) && source_open_xen(&d->source, &sc, err);
}

static bool open_meter(struct daemon *d, struct meter_state *state, struct error *err)
{
    const struct config *c = &d->options->config;
    struct rules rules = {.temporary = c->temporary_handles, .service = c->service_domains};
    struct open_life *lives = NULL;
    size_t count = 0;
    bool is_ok = store_load(d->store, state, &lives, &count, err) &&
                 meter_init(&d->meter, &rules, state, lives, count, err);

    free(lives);
    return is_ok;
}

/* Nobody reads signal_fd yet. */
static bool is_told_to_end(void)
{
    sigset_t pending;

    return sigpending(&pending) == 0 &&
           (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1);
}

/*
 * A source that begins anew each time, like a trace, is read up to where the store ends, so that
 * the daemon can be killed and started again. The first record behind that becomes the sampler's
 * first.
 */
static bool skip_known(struct daemon *d, struct head *head, struct error *err)
{
    const struct meter_state *state = &d->meter.state;
    struct record *r = &d->sampler.first;
    bool was_seen = false;

    for (;;) {
        bool is_there = uuid_is_equal(&head->boot, &state->boot);

        was_seen = was_seen || is_there;
        if (is_told_to_end())
            return error_set(err, ERR_REFUSED,
                             "told to end before %s came to where the store ends",
                             d->options->config.source);
        if (!d->source->ops->next(d->source, r, err))
            return false;
        bool is_boot = r->kind == RECORD_BOOT ||
                       (r->kind == RECORD_HEAD && !uuid_is_equal(&r->head.boot, &head->boot));

        if (r->kind == RECORD_HEAD && !(is_there && is_boot))
            *head = r->head;
        if (r->kind == RECORD_BOOT && !is_there)
            head->boot = r->boot;
        if (r->kind == RECORD_END ||
            (is_there && (is_boot || (r->kind == RECORD_TICK &&
                                      (int64_t)r->tick.seq + state->tick_base > state->tick))))
            break;
    }
    head->boot = state->boot;
    d->sampler.has_first = true;
    return was_seen || error_set(err, ERR_REFUSED,
                                 "%s does not continue the store: the boot that "
                                 "the store ends in is not in it",
                                 d->options->config.source);
}

/* The first record is the head: it names the host, and goes first to every subscriber. */
static bool take_head(struct daemon *d, struct error *err)
{
    const struct config *c = &d->options->config;
    struct record record;
    struct record restarted = {.kind = RECORD_RESTART};
    bool goes_on = d->meter.state.has_boot;

    if (!d->source->ops->next(d->source, &record, err) ||
        !store_set_host(d->store, &record.head.host, err))
        return false;
    if (goes_on && !d->source->is_live && !skip_known(d, &record.head, err))
        return false;
    if (meter_feed(&d->meter, &record, err) == METER_REFUSED ||
        (goes_on && meter_feed(&d->meter, &restarted, err) == METER_REFUSED))
        return false;
    record.head.store = *store_id(d->store);
    return strcmp(c->stream, "none") == 0 || stream_open(&d->stream, c->stream, &record.head, err);
}

static bool set_up(struct daemon *d, struct error *err)
{
    const struct config *c = &d->options->config;
    struct meter_state state;

    if (!block_signals(d, err) || !make_event(&d->stop_fd, err) || !make_event(&d->ended_fd, err) ||
        !store_open(&d->store, c->db, STORE_WRITE, err) || !open_meter(d, &state, err) ||
        !open_source(d, &state, err) || !take_head(d, err))
        return false;
    return queue_open(&d->queue, (size_t)c->queue_ticks, QUEUE_CHANGES_MAX, err);
}

static void *run_sampler(void *self)
{
    struct daemon *d = self;

    sampler_run(&d->sampler);
    queue_end(d->queue);
    tell(d->ended_fd);
    return NULL;
}

static void *run_committer(void *self)
{
    struct daemon *d = self;

    committer_run(&d->committer);
    tell(d->ended_fd);
    return NULL;
}

static bool start(struct daemon *d, struct error *err)
{
    d->sampler.source = d->source;
    d->sampler.meter = &d->meter;
    d->sampler.queue = d->queue;
    d->sampler.stream = d->stream;
    d->sampler.speed = d->options->speed;
    d->sampler.stop_fd = d->stop_fd;
    d->committer = (struct committer){.store = d->store,
                                      .queue = d->queue,
                                      .stop_fd = d->stop_fd,
                                      .retention_ns = d->options->config.retention_ns,
                                      .retry_ns = d->options->config.retry_ns,
                                      .ship_to = d->options->config.ship_to,
                                      .ship_state = d->options->config.ship_state};
    if (pthread_create(&d->committer_thread, NULL, run_committer, d) != 0)
        return error_set(err, ERR_SYSTEM, "can't start a thread");
    if (pthread_create(&d->sampler_thread, NULL, run_sampler, d) == 0)
        return true;
    queue_end(d->queue);
    (void)pthread_join(d->committer_thread, NULL);
    return error_set(err, ERR_SYSTEM, "can't start a thread");
}

static void report(struct daemon *d)
{
    struct sampler_health s = sampler_health(&d->sampler);
    struct committer_health c = committer_health(&d->committer);

    notify("STATUS=tick %" PRIu64 ", %" PRIu64 " domains, %" PRIu64 " count, %" PRIu64
           " MiB; queue %zu of %" PRIu64 ", %" PRIu64 " ticks dropped; last commit %" PRIu64
           " us; %zu subscribers%s",
           s.seq, s.domains, s.counted, s.counted_kib / 1024, queue_length(d->queue),
           d->options->config.queue_ticks, s.dropped, c.commit_ns / 1000,
           d->stream != NULL ? stream_subscribers(d->stream) : 0,
           c.is_failing ? "; THE STORE CAN'T BE WRITTEN" : "");
    if (s.beats != d->beats) {
        d->beats = s.beats;
        d->beat_mono_ns = clock_mono().ns;
    }
    /* a slow disk is no reason to be restarted, which would lose the queue; a stuck reading is */
    if (d->watchdog_ns == 0 || (uint64_t)(clock_mono().ns - d->beat_mono_ns) < d->watchdog_ns)
        notify("WATCHDOG=1");
}

static void read_watchdog(struct daemon *d)
{
    const char *text = getenv("WATCHDOG_USEC");
    uint64_t floor_ns = 4 * d->options->config.interval_ns;

    d->watchdog_ns = text != NULL ? strtoull(text, NULL, 10) * 1000 : 0;
    if (d->watchdog_ns > 0 && d->watchdog_ns < floor_ns)
        d->watchdog_ns = floor_ns;
    d->beat_mono_ns = clock_mono().ns;
}

/* Until a signal comes, or a thread ends. */
static void wait_for_end(struct daemon *d)
{
    struct pollfd fds[2] = {{.fd = d->signal_fd, .events = POLLIN},
                            {.fd = d->ended_fd, .events = POLLIN}};

    for (;;) {
        struct signalfd_siginfo info;

        (void)poll(fds, 2, 500);
        log_flush();
        report(d);
        if ((fds[1].revents & POLLIN) != 0)
            return;
        if (read(d->signal_fd, &info, sizeof info) != (ssize_t)sizeof info)
            continue;
        if (info.ssi_signo == SIGHUP) {
            log_event(LOG_LEVEL_NOTICE,
                      "SIGHUP is ignored: a changed configuration needs a restart");
            continue;
        }
        log_event(LOG_LEVEL_INFO, "told to end. signal=%u queued=%zu", info.ssi_signo,
                  queue_length(d->queue));
        return;
    }
}

static bool finish(struct daemon *d, struct error *err)
{
    notify("STOPPING=1");
    tell(d->stop_fd);
    (void)pthread_join(d->sampler_thread, NULL);
    queue_end(d->queue);
    (void)pthread_join(d->committer_thread, NULL);
    if (d->committer.has_failed) {
        *err = d->committer.failure;
        return false;
    }
    if (d->sampler.has_failed) {
        *err = d->sampler.failure;
        return false;
    }
    struct sampler_health s = sampler_health(&d->sampler);

    log_event(LOG_LEVEL_INFO, "ended, everything is committed. ticks=%" PRIu64 " dropped=%" PRIu64,
              s.ticks, s.dropped);
    return true;
}

static void tear_down(struct daemon *d)
{
    stream_close(d->stream);
    source_close(d->source);
    queue_close(d->queue);
    meter_clear(&d->meter);
    store_close(d->store);
    for (size_t i = 0; i < 4; i++) {
        int fd = (const int[]){d->lock_fd, d->stop_fd, d->ended_fd, d->signal_fd}[i];

        if (fd >= 0)
            (void)close(fd);
    }
    log_flush();
}

bool daemon_run(const struct daemon_options *options, struct error *err)
{
    struct daemon d = {
        .options = options, .lock_fd = -1, .stop_fd = -1, .ended_fd = -1, .signal_fd = -1};
    bool is_ok = set_up(&d, err) && start(&d, err);

    if (is_ok) {
        char interval[DURATION_TEXT_MAX];
        char max_gap[DURATION_TEXT_MAX];

        log_event(LOG_LEVEL_INFO, "metering. source=%s interval=%s max_gap=%s db=%s stream=%s",
                  options->config.source,
                  number_format_duration(options->config.interval_ns, interval),
                  number_format_duration(options->config.max_gap_ns, max_gap), options->config.db,
                  options->config.stream);
        notify("READY=1\nMAINPID=%d", (int)getpid());
        read_watchdog(&d);
        wait_for_end(&d);
        is_ok = finish(&d, err);
    }
    tear_down(&d);
    return is_ok;
}
